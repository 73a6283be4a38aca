//go:build unix

package launch

import (
	"os"
	"os/exec"
	"strconv"
)

// handDown gives the process a descriptor, the first as number 3, and says so in its environment.
func handDown(cmd *exec.Cmd, variable string, file *os.File) {
	cmd.ExtraFiles = append(cmd.ExtraFiles, file)
	cmd.Env = append(cmd.Env, variable+"="+strconv.Itoa(2+len(cmd.ExtraFiles)))
}

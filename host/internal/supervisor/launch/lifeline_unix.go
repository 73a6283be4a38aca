//go:build unix

package launch

import (
	"os"
	"os/exec"
)

// handDown gives the process the lifeline as descriptor 3 and says so in its environment.
func handDown(cmd *exec.Cmd, variable string, lifeline *os.File) {
	cmd.ExtraFiles = []*os.File{lifeline}
	cmd.Env = append(cmd.Env, variable+"=3")
}

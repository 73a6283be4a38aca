//go:build !unix

package launch

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"syscall"
	"time"
)

func prepareHost() error { return nil }

func ownGroup() *syscall.SysProcAttr { return nil }

// handDown does nothing where descriptors cannot be inherited: there the host's kill alone ends a plugin.
func handDown(*exec.Cmd, string, *os.File) {}

func limit(int, uint64, uint64) {}

func identify(pid int) identity { return identity{PID: pid} }

// Memory is not known here: 0.
func (c *Child) Memory() int64 { return 0 }

func (c *Child) killAll() error {
	_ = c.cmd.Process.Kill()
	select {
	case <-c.done:
		return nil
	case <-time.After(c.within):
		return fmt.Errorf("process %d cannot be killed", c.id.PID)
	}
}

func endLeftOver(identity, string, time.Duration) {}

func diskBytes(info fs.FileInfo) int64 { return info.Size() }

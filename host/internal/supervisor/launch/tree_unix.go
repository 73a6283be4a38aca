//go:build unix && !linux

package launch

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"time"
)

// Where /proc is missing, a plugin's group is all that can be found of it, and start times are not known.

func prepareHost() error { return nil }

func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

func limit(int, uint64, uint64) {}

func identify(pid int) identity { return identity{PID: pid} }

// Memory is not known here: 0.
func (c *Child) Memory() int64 { return 0 }

func (c *Child) killAll() error {
	err := syscall.Kill(-c.id.PID, syscall.SIGKILL)
	if err != nil && !errors.Is(err, syscall.ESRCH) && !errors.Is(err, syscall.EPERM) {
		return fmt.Errorf("kill the plugin's process group: %w", err)
	}
	select {
	case <-c.done:
		return nil
	case <-time.After(c.within):
		return fmt.Errorf("process %d cannot be killed", c.id.PID)
	}
}

// endLeftOver leaves processes alone: without start times a number may be another's by now, and the lifeline ends them.
func endLeftOver(identity, string, time.Duration) {}

func diskBytes(info fs.FileInfo) int64 {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return stat.Blocks * 512
	}
	return info.Size()
}

package launch

import (
	"fmt"
	"syscall"
)

// Ending says how a process ended that nobody here ended: what it did, and why as far as one can tell; outside is
// whether somebody else, or the system for want of memory, killed it.
func (c *Child) Ending() (what, why string, outside bool) {
	state := c.State()
	if state == nil {
		return "", "", false
	}
	status, ok := state.Sys().(syscall.WaitStatus)
	switch {
	case ok && status.Signaled() && status.Signal() == syscall.SIGKILL:
		return "was killed", ", by somebody else or because the machine ran out of memory", true
	case ok && status.Signaled():
		return fmt.Sprintf("was ended by the signal %q", status.Signal()), "", false
	default:
		return fmt.Sprintf("exited by itself with code %d", state.ExitCode()), "", false
	}
}

//go:build !windows

package hooks

import "syscall"

// apart gives a process a session of its own: it lives on when its parent's is ended.
func apart() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

package peer

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// known says whether this system can name the process at the other end of a socket.
const known = true

// pidOf returns the process at the other end of a unix socket; 0 is one outside our PID namespace.
func pidOf(conn net.Conn) (int, error) {
	socket, ok := conn.(syscall.Conn)
	if !ok {
		return 0, fmt.Errorf("%T is no socket", conn)
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return 0, err
	}
	var credentials *syscall.Ucred
	var optionErr error
	if err := raw.Control(func(fd uintptr) {
		credentials, optionErr = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	}); err != nil {
		return 0, err
	}
	if optionErr != nil {
		return 0, optionErr
	}
	return int(credentials.Pid), nil
}

// descends says whether ancestor is pid or started it, directly or not.
func descends(pid, ancestor int) bool {
	for ; pid > 0; pid = parentOf(pid) {
		if pid == ancestor {
			return true
		}
	}
	return false
}

// parentOf reads the parent's number from /proc; 0 if there is none. The command name before it may hold anything.
func parentOf(pid int) int {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(fields) < 2 {
		return 0
	}
	parent, err := strconv.Atoi(fields[1])
	if err != nil {
		return 0
	}
	return parent
}

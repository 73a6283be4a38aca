//go:build !linux

package peer

import (
	"errors"
	"net"
)

// known says whether this system can name the process at the other end of a socket.
const known = false

// pidOf returns the process at the other end of a unix socket.
func pidOf(net.Conn) (int, error) {
	return 0, errors.New("this system does not name the other end of a socket")
}

// descends says whether ancestor is pid or started it, directly or not.
func descends(pid, ancestor int) bool { return pid == ancestor }

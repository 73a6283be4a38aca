//go:build !linux

package wire

import (
	"errors"
	"net"
)

// PeersKnown says whether this system can name the process at the other end of a socket.
const PeersKnown = false

// PeerPID returns the process at the other end of a unix socket.
func PeerPID(net.Conn) (int, error) {
	return 0, errors.New("this system does not name the other end of a socket")
}

// Descends says whether ancestor is pid or started it, directly or not.
func Descends(pid, ancestor int) bool { return pid == ancestor }

// Package peer makes sure that the two ends of a plugin's socket are the host and the process it started, whoever else
// can reach the socket. Where the system cannot name a peer, the private folder of the socket has to do.
package peer

import (
	"fmt"
	"net"
	"os"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
)

// CheckPlugin wants the process that listens at the other end to be pid or one of its descendants.
func CheckPlugin(conn net.Conn, pid int) error {
	if !known {
		return nil
	}
	peer, err := pidOf(conn)
	if err != nil {
		return fmt.Errorf("ask who listens on the plugin's socket: %w", err)
	}
	if !descends(peer, pid) {
		return fmt.Errorf("the plugin's socket belongs to process %d, which is not the plugin (%d)", peer, pid)
	}
	return nil
}

// HostOnly lets only the process that started this one connect, or an ancestor when a launcher stands between them.
func HostOnly() credentials.TransportCredentials {
	plain := insecure.NewCredentials()
	if !known {
		return plain
	}
	return hostOnly{TransportCredentials: plain}
}

type hostOnly struct {
	credentials.TransportCredentials
}

// ServerHandshake implements credentials.TransportCredentials. Process 0 lies outside our PID namespace, where of those
// who may enter the folder only the host is.
func (h hostOnly) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	peer, err := pidOf(conn)
	if err != nil {
		return nil, nil, fmt.Errorf("ask who connects: %w", err)
	}
	if peer != 0 && !descends(os.Getppid(), peer) {
		return nil, nil, fmt.Errorf("process %d is not the host", peer)
	}
	return h.TransportCredentials.ServerHandshake(conn)
}

// Clone implements credentials.TransportCredentials.
func (h hostOnly) Clone() credentials.TransportCredentials {
	return hostOnly{TransportCredentials: h.TransportCredentials.Clone()}
}

package serve

import (
	"fmt"
	"net"
	"os"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/ai-data-analyst/broker/sdk/internal/wire"
)

// parentOnly lets only the process that started this one connect, or an ancestor when a launcher stands between them.
// Where the system cannot name the peer, the private folder of the socket has to do.
func parentOnly() credentials.TransportCredentials {
	plain := insecure.NewCredentials()
	if !wire.PeersKnown {
		return plain
	}
	return peerCheck{TransportCredentials: plain}
}

type peerCheck struct {
	credentials.TransportCredentials
}

// ServerHandshake implements credentials.TransportCredentials. Process 0 lies outside our PID namespace, where of those
// who may enter the folder only the host is.
func (c peerCheck) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	peer, err := wire.PeerPID(conn)
	if err != nil {
		return nil, nil, fmt.Errorf("ask who connects: %w", err)
	}
	if peer != 0 && !wire.Descends(os.Getppid(), peer) {
		return nil, nil, fmt.Errorf("process %d is not the host", peer)
	}
	return c.TransportCredentials.ServerHandshake(conn)
}

// Clone implements credentials.TransportCredentials.
func (c peerCheck) Clone() credentials.TransportCredentials {
	return peerCheck{TransportCredentials: c.TransportCredentials.Clone()}
}

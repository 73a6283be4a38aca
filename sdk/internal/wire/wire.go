// Package wire holds both gRPC ends of each plugin contract side by side: a server over the author's connector, and a
// client that is a connector to the host.
//
// Its Go types stop here: callers see contracts and faults, never protobuf or gRPC. It decides nothing. The client
// trusts nothing: order, counts, checksums and every batch are checked before the host sees a message (I8, I9). Only
// sdk/serve and sdk/dial import it.
package wire

import (
	"net"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/experimental"

	"github.com/ai-data-analyst/broker/sdk/connector"
	"github.com/ai-data-analyst/broker/sdk/internal/wire/channel"
	"github.com/ai-data-analyst/broker/sdk/internal/wire/frame"
	"github.com/ai-data-analyst/broker/sdk/internal/wire/peer"
)

// The handshake of go-plugin, and what the host gives in the environment.
const (
	ProtocolVersion = 1 // go-plugin's application version
	ProtocolMinor   = 1 // grows when messages gain fields
	CookieKey       = "BROKER_PLUGIN"
	CookieValue     = "b1e7c0de5a0f4c1e9d3f52a6c8047be9"
	LifelineEnv     = "BROKER_PLUGIN_LIFELINE" // number of an inherited descriptor; its end of file ends the plugin
	ChannelEnv      = "BROKER_PLUGIN_CHANNEL"  // number of an inherited descriptor, for bodies of batches
)

// Channel is the host's end of the way that bodies of batches take beside gRPC.
type Channel = channel.Receiver

// NewChannel opens a channel. The file is the plugin's end, to be handed down and then closed. Both are nil where the
// system has nothing of the kind.
func NewChannel() (*Channel, *os.File, error) { return channel.Pair() }

// Caps of one gRPC message.
const (
	MaxHostMessage   = 32 << 20                           // what the host receives and sends
	MaxPluginMessage = connector.MaxBatchBytes + headRoom // what the SDK's end receives and sends
	headRoom         = 64 << 10                           // for the fields around a batch
	maxStreams       = 4096                               // of one plugin
	maxRowless       = 1_000_000                          // messages of one read that bring no row
	goodbye          = 2 * time.Second                    // how long a finished read may take to end
	window           = 4 << 20                            // of HTTP/2 flow control, per read
	ioBuffer         = 256 << 10                          // of the socket, each way
)

// Deadlines of calls whose context has none.
const (
	describeTime = 10 * time.Second
	openTime     = time.Minute
	checkTime    = 2 * time.Minute
	discoverTime = 5 * time.Minute
	closeTime    = 5 * time.Second
	healthTime   = time.Second
)

// CheckPlugin wants the process that listens at the other end of conn to be pid or one of its descendants.
func CheckPlugin(conn net.Conn, pid int) error { return peer.CheckPlugin(conn, pid) }

// ServerOptions are what a plugin's gRPC server needs. Only the host may connect.
func ServerOptions() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.MaxRecvMsgSize(MaxPluginMessage), grpc.MaxSendMsgSize(MaxPluginMessage),
		grpc.Creds(peer.HostOnly()), grpc.ForceServerCodecV2(frame.NewCodec()),
		grpc.InitialWindowSize(window), grpc.InitialConnWindowSize(window),
		grpc.WriteBufferSize(ioBuffer), grpc.ReadBufferSize(ioBuffer), experimental.BufferPool(&frame.Buffers{}),
	}
}

// DialOptions are what the host's connection needs.
func DialOptions() []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(MaxHostMessage), grpc.MaxCallSendMsgSize(MaxHostMessage)),
		grpc.WithInitialWindowSize(window), grpc.WithInitialConnWindowSize(window),
		grpc.WithWriteBufferSize(ioBuffer), grpc.WithReadBufferSize(ioBuffer), experimental.WithBufferPool(&frame.Buffers{}),
	}
}

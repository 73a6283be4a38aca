package serve

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/ai-data-analyst/broker/sdk/internal/wire"
)

// Times of the end: everything is over a second after the host has gone.
const (
	parentPoll = 300 * time.Millisecond
	stopTime   = 600 * time.Millisecond
)

// plugged is a plugin process with a host at the other end.
type plugged struct {
	server contract
	stderr *os.File

	mu      sync.Mutex
	grpc    *grpc.Server
	stopped bool
	restore sync.Once
}

// serve runs go-plugin's server until it is stopped.
func (p *plugged) serve() {
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig: plugin.HandshakeConfig{
			ProtocolVersion: wire.ProtocolVersion, MagicCookieKey: wire.CookieKey, MagicCookieValue: wire.CookieValue,
		},
		Plugins:    plugin.PluginSet{"plugin": seat{server: p.server}},
		GRPCServer: p.newServer,
		Logger:     hclog.NewNullLogger(),
	})
}

// newServer makes the gRPC server. Options that come in hold go-plugin's TLS, if any, and win over our check of the
// peer: a certificate proves more.
func (p *plugged) newServer(options []grpc.ServerOption) *grpc.Server {
	own := append(wire.ServerOptions(),
		grpc.ChainUnaryInterceptor(func(ctx context.Context, r any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			p.keepStderr()
			return next(ctx, r)
		}),
		grpc.ChainStreamInterceptor(func(s any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
			p.keepStderr()
			return next(s, stream)
		}))
	server := grpc.NewServer(append(own, options...)...)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.grpc = server
	if p.stopped {
		server.Stop()
	}
	return server
}

// keepStderr undoes what go-plugin does to os.Stdout and os.Stderr: it points them at pipes that only its own stream
// empties. What a plugin prints goes to descriptor 2, which the host keeps. It runs with the first call, before any of
// the author's code.
func (p *plugged) keepStderr() {
	p.restore.Do(func() { os.Stdout, os.Stderr = p.stderr, p.stderr })
}

// watch ends the process when the host asks, closes its lifeline, or is gone.
func (p *plugged) watch() error {
	terminate := make(chan os.Signal, 1)
	signal.Notify(terminate, syscall.SIGTERM)
	go func() {
		<-terminate
		p.stop()
	}()
	parent := os.Getppid()
	go func() {
		for range time.Tick(parentPoll) {
			if os.Getppid() != parent {
				p.stop()
				return
			}
		}
	}()
	lifeline, err := openLifeline()
	if err != nil || lifeline == nil {
		return err
	}
	go func() {
		_, _ = io.Copy(io.Discard, lifeline)
		p.stop()
	}()
	return nil
}

// stop ends serving. Whatever hangs is cut off.
func (p *plugged) stop() {
	time.AfterFunc(stopTime, func() { os.Exit(exitFailed) })
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = true
	if p.grpc != nil {
		p.grpc.Stop()
	}
}

// openLifeline returns the inherited end of the host's pipe, nil if there is none. It is not passed on to children.
func openLifeline() (*os.File, error) {
	text := os.Getenv(wire.LifelineEnv)
	if text == "" {
		return nil, nil
	}
	number, err := strconv.Atoi(text)
	if err != nil || number < 3 {
		return nil, errors.New(wire.LifelineEnv + " holds no descriptor number")
	}
	closeOnExec(number)
	return os.NewFile(uintptr(number), "lifeline"), nil
}

// seat is go-plugin's for the contract that the plugin serves.
type seat struct {
	plugin.NetRPCUnsupportedPlugin
	server contract
}

// GRPCServer implements plugin.GRPCPlugin.
func (c seat) GRPCServer(_ *plugin.GRPCBroker, server *grpc.Server) error {
	c.server.Register(server)
	return nil
}

// GRPCClient implements plugin.GRPCPlugin; the client is the host's.
func (seat) GRPCClient(context.Context, *plugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, errors.New("a plugin has no client")
}

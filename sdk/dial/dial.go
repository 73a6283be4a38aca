// Package dial is the host's end of a plugin: it starts one plugin process, shakes hands with it and gives its contract
// as a Go interface. Whoever has a Client cannot tell a near plugin from a far one.
//
// It does not find, verify, watch or restart plugins (the supervisor's), and it trusts nothing a plugin says: every
// line, address and message is checked before it is used, and every call ends.
package dial

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"

	"github.com/ai-data-analyst/broker/sdk/auth"
	"github.com/ai-data-analyst/broker/sdk/connector"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/sdk/internal/wire"
	"github.com/ai-data-analyst/broker/sdk/service"
)

// Kinds of plugins.
const (
	KindConnector = "connector"
	KindService   = "service"
	KindAuth      = "auth"
)

// LifelineEnv names the environment variable that holds the number of an inherited descriptor, the reading end of a
// pipe whose writing end the host keeps. The plugin exits within a second of its end of file. Options.Launch sets it.
const LifelineEnv = wire.LifelineEnv

// ChannelEnv names the environment variable that holds the number of the inherited descriptor on which the plugin may
// send bodies of batches. Options.Launch sets it when it hands one down.
const ChannelEnv = wire.ChannelEnv

// Process is a plugin process that Options.Launch started.
type Process interface {
	Stdout() io.Reader              // read to its end by dial alone
	PID() int                       // of the process itself, as seen from the host
	Wait(ctx context.Context) error // until it has ended; may be called more than once
	Kill() error                    // ends it and every process it started, at once; may be called more than once
}

// Options say how to start a plugin and how far to trust it.
type Options struct {
	Kind string // KindConnector, KindService, KindAuth
	Name string // for messages: the plugin's name or file
	// Launch starts the process. channel, nil where there is none, is to be handed down as ChannelEnv says and closes
	// when Launch has returned; a plugin that does not get it is read over gRPC alone.
	Launch       func(ctx context.Context, env []string, channel *os.File) (Process, error)
	SocketDir    string        // private folder (0700) in which the plugin makes its socket; path < 60 bytes
	StartTimeout time.Duration // from Launch to the end of the handshake, default 10 s
	MTLS         bool          // mutual TLS on the socket, for folders that others may enter
	Log          io.Writer     // what the plugin prints through go-plugin's own streams; nil = dropped. stderr is Launch's
}

// Health is what a plugin says of its state.
type Health struct {
	Ready      bool
	RSSBytes   uint64
	HeapBytes  uint64
	Goroutines int
	OpenReads  int
}

// Limits of a start and of an end.
const (
	defaultStart = 10 * time.Second
	maxSocketDir = 60 // go-plugin adds 40 bytes; the system allows 107 in all
	politeTime   = time.Second
	killTime     = 2 * time.Second
)

// Client is one running plugin.
type Client struct {
	name    string
	process Process
	channel *wire.Channel
	started *plugin.Client
	*contracts

	closing  sync.Once
	closeErr error
	also     func() // what Command has to clear away
}

// Connect starts a plugin and shakes hands. On error nothing of it is left running.
//
// env holds what the plugin needs of go-plugin's; Launch adds PATH, HOME and the like and nothing of the host's own.
func Connect(ctx context.Context, options Options) (*Client, error) {
	if err := check(&options); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, options.StartTimeout)
	defer cancel()
	start := &starter{ctx: ctx, options: options}
	c := &Client{name: options.Name, started: plugin.NewClient(config(start))}
	if _, err := c.started.Start(); err != nil {
		return nil, errors.Join(asFault(err, options.Name, "start"), start.clear())
	}
	c.process, c.channel = start.process, start.channel
	if err := c.shakeHands(ctx, options.Kind); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func check(o *Options) error {
	if o.Kind != KindConnector && o.Kind != KindService && o.Kind != KindAuth {
		return fault.Newf(fault.Bug, "dial: unknown kind of plugin %q", o.Kind)
	}
	if o.Launch == nil {
		return fault.New(fault.Bug, "dial: no Launch")
	}
	if !filepath.IsAbs(o.SocketDir) || len(o.SocketDir) > maxSocketDir {
		return fault.Newf(fault.Config, "the socket folder %q must be absolute and at most %d bytes long", o.SocketDir, maxSocketDir)
	}
	info, err := os.Stat(o.SocketDir)
	if err != nil {
		return fault.Wrap(fault.Config, err, "look at the socket folder")
	}
	if !info.IsDir() || !o.MTLS && !private(info) {
		return fault.Newf(fault.Config, "the socket folder %q must be a folder that only its owner may enter (0700)", o.SocketDir)
	}
	if o.StartTimeout <= 0 {
		o.StartTimeout = defaultStart
	}
	if o.Name == "" {
		o.Name = o.Kind
	}
	return nil
}

// config is go-plugin's, with its risky defaults turned off: no environment of the host's, no log of its own (it would
// parse the plugin's stderr), gRPC only, capped messages, our dialer.
func config(start *starter) *plugin.ClientConfig {
	o := start.options
	return &plugin.ClientConfig{
		HandshakeConfig: plugin.HandshakeConfig{
			ProtocolVersion: wire.ProtocolVersion, MagicCookieKey: wire.CookieKey, MagicCookieValue: wire.CookieValue,
		},
		Plugins: plugin.PluginSet{o.Kind: seat{}},
		RunnerFunc: func(_ hclog.Logger, cmd *commandSpec, dir string) (runner.Runner, error) {
			start.env, start.dir = cmd.Env, dir
			return start, nil
		},
		UnixSocketConfig: &plugin.UnixSocketConfig{TempDir: o.SocketDir},
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		StartTimeout:     o.StartTimeout,
		AutoMTLS:         o.MTLS,
		SkipHostEnv:      true,
		Logger:           hclog.NewNullLogger(),
		SyncStdout:       o.Log,
		SyncStderr:       o.Log,
		GRPCDialOptions:  append(wire.DialOptions(), start.dialer()),
	}
}

// shakeHands opens the connection and asks the plugin what it is. go-plugin dials lazily and without a context: the
// first answer proves the connection, and killing the process ends whatever hangs.
func (c *Client) shakeHands(ctx context.Context, kind string) error {
	type answer struct {
		client *contracts
		err    error
	}
	dialed := make(chan answer, 1)
	go func() {
		client, err := c.dispense(kind)
		dialed <- answer{client, err}
	}()
	select {
	case <-ctx.Done():
		return fault.Newf(fault.Transient, "plugin %s: no connection within the start timeout", c.name)
	case a := <-dialed:
		if a.err != nil {
			return asFault(a.err, c.name, "connect")
		}
		c.contracts = a.client
		c.plugin.Channel = c.channel
	}
	d, err := c.plugin.Describe(ctx)
	if err != nil {
		return asFault(err, c.name, "connect")
	}
	if d.Kind != kind {
		return fault.Newf(fault.Config, "plugin %s: it is of kind %q, not %q", c.name, d.Kind, kind)
	}
	return nil
}

func (c *Client) dispense(kind string) (*contracts, error) {
	protocol, err := c.started.Client()
	if err != nil {
		return nil, err
	}
	raw, err := protocol.Dispense(kind)
	if err != nil {
		return nil, err
	}
	client, ok := raw.(*contracts)
	if !ok {
		return nil, fmt.Errorf("dispensed %T", raw)
	}
	return client, nil
}

// asFault keeps a fault as it is and gives anything else a class.
func asFault(err error, name, doing string) error {
	if f, ok := fault.As(err); ok {
		named := *f
		named.What = fmt.Sprintf("plugin %s: %s", name, f.What)
		return &named
	}
	return fault.Wrap(fault.Transient, err, fmt.Sprintf("plugin %s: %s", name, doing))
}

// Connector returns the plugin's contract.
func (c *Client) Connector() connector.Connector { return c.plugin }

// Service returns the contract of a service plugin.
func (c *Client) Service() service.Service { return c.service }

// Auth returns the contract of a sign-in plugin.
func (c *Client) Auth() auth.Provider { return c.auth }

// PID returns the process's number.
func (c *Client) PID() int { return c.process.PID() }

// Health asks how the plugin is. Give ctx the deadline that fits; without one it is 1 s.
func (c *Client) Health(ctx context.Context) (Health, error) {
	h, err := c.plugin.Health(ctx)
	if err != nil {
		return Health{}, err
	}
	return Health{
		Ready: h.GetReady(), RSSBytes: h.GetRssBytes(), HeapBytes: h.GetHeapBytes(),
		Goroutines: int(h.GetGoroutines()), OpenReads: int(h.GetOpenReads()),
	}, nil
}

// Drain asks the plugin to finish: no new reads, open ones stop at their next safe checkpoint. It returns how many
// were still open after d.
func (c *Client) Drain(ctx context.Context, d time.Duration) (unfinished int, err error) {
	return c.plugin.Drain(ctx, d)
}

// Close ends the plugin: it is asked to stop, and killed when it has not within a second. Safe to call twice.
func (c *Client) Close() error {
	c.closing.Do(func() { c.closeErr = c.end() })
	return c.closeErr
}

// end asks and kills at the same time: go-plugin's Kill has no deadline of its own, but the death of the process ends it.
func (c *Client) end() error {
	asked := make(chan struct{})
	go func() {
		c.started.Kill()
		close(asked)
	}()
	polite, cancel := context.WithTimeout(context.Background(), politeTime)
	defer cancel()
	_ = c.process.Wait(polite)
	err := c.process.Kill() // always: what the plugin started must go too
	late := time.NewTimer(killTime)
	defer late.Stop()
	select {
	case <-asked:
	case <-late.C:
		err = errors.Join(err, fault.Newf(fault.Bug, "plugin %s: the process %d cannot be killed", c.name, c.process.PID()))
	}
	if c.also != nil {
		c.also()
	}
	return errors.Join(err, c.channel.Close())
}

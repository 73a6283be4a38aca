// Package dial is the host's end of a plugin: it starts one plugin process, shakes hands with it and gives its contract
// as a Go interface. Whoever has a Client cannot tell a near plugin from a far one.
//
// It does not find, verify, watch or restart plugins (the supervisor's), and it trusts nothing a plugin says: every
// line, address and message is checked before it is used, and every call ends.
package dial

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/ai-data-analyst/broker/sdk/connector"
)

// Kinds of plugins.
const (
	KindConnector = "connector"
)

// LifelineEnv names the environment variable that holds the number of an inherited descriptor, the reading end of a
// pipe whose writing end the host keeps. The plugin exits within a second of its end of file. Options.Launch sets it.
const LifelineEnv = "BROKER_PLUGIN_LIFELINE"

// Process is a plugin process that Options.Launch started.
type Process interface {
	Stdout() io.Reader              // read to its end by dial alone
	PID() int                       // of the process itself, as seen from the host
	Wait(ctx context.Context) error // until it has ended; may be called more than once
	Kill() error                    // ends it and every process it started, at once; may be called more than once
}

// Options say how to start a plugin and how far to trust it.
type Options struct {
	Kind         string // KindConnector
	Name         string // for messages: the plugin's name or file
	Launch       func(ctx context.Context, env []string) (Process, error)
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

// Client is one running plugin.
type Client struct{}

// Connect starts a plugin and shakes hands. On error nothing of it is left running.
//
// env holds what the plugin needs of go-plugin's; Launch adds PATH, HOME and the like and nothing of the host's own.
func Connect(ctx context.Context, options Options) (*Client, error) {
	return nil, errors.New("dial: being written")
}

// Command starts the binary at path plainly: own socket folder, own process group, this process's PATH. For suites,
// tests and the verbs of tools; the server starts plugins through its supervisor.
func Command(ctx context.Context, path string) (*Client, error) {
	return nil, errors.New("dial: being written")
}

// Connector returns the plugin's contract.
func (c *Client) Connector() connector.Connector { return nil }

// PID returns the process's number.
func (c *Client) PID() int { return 0 }

// Health asks how the plugin is. Give ctx the deadline that fits; without one it is 1 s.
func (c *Client) Health(ctx context.Context) (Health, error) { return Health{}, nil }

// Drain asks the plugin to finish: no new reads, open ones stop at their next safe checkpoint. It returns how many
// were still open after d.
func (c *Client) Drain(ctx context.Context, d time.Duration) (unfinished int, err error) { return 0, nil }

// Close ends the plugin: it is asked to stop, and killed when it has not within a second. Safe to call twice.
func (c *Client) Close() error { return nil }

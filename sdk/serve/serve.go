// Package serve is the plugin's end of the wire and the whole main of a plugin binary: started by broker it serves its
// contract, started by a person it has verbs of its own and explains itself.
//
// Authors call one function of it and nothing else. It decides nothing about data, and it never outlives its host.
package serve

import (
	"context"
	"fmt"
	"os"
	"time"

	"google.golang.org/grpc"

	"github.com/ai-data-analyst/broker/sdk/connector"
	"github.com/ai-data-analyst/broker/sdk/internal/wire"
)

// Connector is the main of a connector plugin. It does not return.
func Connector(author connector.Author) {
	if os.Getenv(wire.CookieKey) == wire.CookieValue {
		os.Exit(serve(func() (contract, error) {
			built, err := author.Build()
			if err != nil {
				return nil, err
			}
			return wire.NewServer(built), nil
		}))
	}
	os.Exit(runVerb(author, os.Args[1:], terminal{in: os.Stdin, out: os.Stdout, err: os.Stderr}))
}

// Exit codes of a plugin binary.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// closeTime is how long sessions may take to close when the process ends.
const closeTime = 500 * time.Millisecond

// contract is one kind of plugin, ready to be served.
type contract interface {
	Register(server *grpc.Server)
	Shutdown(ctx context.Context)
}

// serve serves the plugin until the host ends it or is gone.
func serve(build func() (contract, error)) int {
	stderr := os.Stderr
	if err := redirectStdout(); err != nil {
		fmt.Fprintln(stderr, "re-point stdout to stderr:", err)
		return exitFailed
	}
	server, err := build()
	if err != nil {
		fmt.Fprintln(stderr, "the plugin is declared wrongly:", err)
		return exitFailed
	}
	if err := useChannel(server); err != nil {
		fmt.Fprintln(stderr, "open the channel for batches:", err)
		return exitFailed
	}
	p := &plugged{server: server, stderr: stderr}
	if err := p.watch(); err != nil {
		fmt.Fprintln(stderr, "watch the host:", err)
		return exitFailed
	}
	p.serve()
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	server.Shutdown(ctx)
	return exitOK
}

// useChannel takes the descriptor that a connector is handed down for its batches.
func useChannel(c contract) error {
	if reads, ok := c.(*wire.Server); ok {
		return reads.UseChannel()
	}
	return nil
}

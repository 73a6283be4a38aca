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

	"github.com/ai-data-analyst/broker/sdk/connector"
	"github.com/ai-data-analyst/broker/sdk/internal/wire"
)

// Connector is the main of a connector plugin. It does not return.
func Connector(author connector.Author) {
	if os.Getenv(wire.CookieKey) == wire.CookieValue {
		os.Exit(serve(author))
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

// serve serves the connector until the host ends it or is gone.
func serve(author connector.Author) int {
	stderr := os.Stderr
	if err := redirectStdout(); err != nil {
		fmt.Fprintln(stderr, "re-point stdout to stderr:", err)
		return exitFailed
	}
	built, err := author.Build()
	if err != nil {
		fmt.Fprintln(stderr, "the connector is declared wrongly:", err)
		return exitFailed
	}
	server := wire.NewServer(built)
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

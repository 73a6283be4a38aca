// Command broker brings a company's data to its analysts: it syncs sources through connector plugins into one consistent
// lake, and serves it.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/ai-data-analyst/broker/host/broker/analysts"
)

// version is set by the linker.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the second Ctrl-C ends at once
	os.Exit(run(ctx, analysts.Args(os.Args), os.Stdout, os.Stderr))
}

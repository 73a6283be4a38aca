package main

import (
	"context"
	"io"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"github.com/ai-data-analyst/broker/host/broker/analysts"
	"github.com/ai-data-analyst/broker/host/broker/metrics"
	"github.com/ai-data-analyst/broker/host/broker/people"
	"github.com/ai-data-analyst/broker/host/broker/records"
	"github.com/ai-data-analyst/broker/host/internal/app"
	"github.com/ai-data-analyst/broker/web/terminal"
)

// global holds what every verb shares: its flags and where it writes.
type global struct {
	options app.Options
	verbose bool
	out     io.Writer // documents
	err     io.Writer // people's text and progress
}

// run is the whole program: it returns the exit code.
func run(ctx context.Context, args []string, out, errs io.Writer) int {
	g := &global{out: out, err: errs}
	root := newRoot(g)
	if err := analysts.Refuse(args); err != nil {
		return report(errs, root, err)
	}
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errs)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return terminal.ExitOK
	}
	return report(g.err, cmd, err)
}

func newRoot(g *global) *cobra.Command {
	root := &cobra.Command{
		Use:           "broker",
		Short:         "Bring a company's data to its analysts",
		Long:          "broker syncs sources through connector plugins into Apache Iceberg tables and publishes one consistent\ngeneration over all of them.\n\nNew here? Run \"broker demo\".",
		Version:       version,
		SilenceErrors: true, SilenceUsage: true,
		PersistentPreRun: func(*cobra.Command, []string) { g.prepare() },
	}
	flags := root.PersistentFlags()
	flags.StringVar(&g.options.Config, "config", "", "configuration file or folder (default $BROKER_CONFIG, ./instance.hcl, ./config/instance.hcl, /etc/broker/instance.hcl)")
	flags.StringVar(&g.options.Plugins, "plugins", "", "folder of plugins, instead of the configured one")
	flags.BoolVar(&g.options.AllowPlainSecrets, "allow-plain-secrets", false, "accept secrets written in the configuration (demos only)")
	flags.BoolVarP(&g.verbose, "verbose", "v", false, "write the log to stderr")
	root.AddCommand(newDemo(g), newCheck(g), newSync(g), newServe(g), newTables(g), newRuns(g), newGenerations(g), newSources(g),
		newSample(g), newPlugins(g), newLake(g), newKeys(g), newVersion(g))
	root.AddCommand(metrics.Verbs{Open: func() (*app.App, error) { return g.open(false) }, Wrong: errConfig, Out: g.out, Err: g.err}.Command())
	root.AddCommand(people.Verbs{Open: func() (*app.App, error) { return g.open(false) }, Out: g.out, Err: g.err}.Commands()...)
	root.AddCommand(records.Verbs{Open: func() (*app.App, error) { return g.open(false) }, Out: g.out}.Command())
	root.AddCommand(analysts.Verbs{Open: func() (*app.App, error) { return g.open(false) }, Out: g.out, Err: g.err}.Commands()...)
	terminal.Polish(root)
	return root
}

func (g *global) prepare() {
	g.options.Version = version
	g.options.Executable, _ = os.Executable() //nolint:errcheck // without it demo asks for --plugins
	level := slog.LevelWarn
	if g.verbose {
		level = slog.LevelInfo
	}
	g.options.Log = slog.New(slog.NewTextHandler(g.err, &slog.HandlerOptions{Level: level}))
}

// open reads the configuration for a verb.
func (g *global) open(firstUse bool) (*app.App, error) { return app.New(g.options, firstUse) }

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/ai-data-analyst/broker/host/internal/app"
	"github.com/ai-data-analyst/broker/sdk/fault"
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
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errs)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitOK
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
		newSample(g), newPlugins(g), newLake(g), newVersion(g))
	polish(root)
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

// polish gives every command the same manners: groups say what they hold, wrong usage shows the usage of that command
// alone, and a flag given twice is a mistake (O1).
func polish(cmd *cobra.Command) {
	cmd.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return usageError{c, err} })
	if check := cmd.Args; check != nil {
		cmd.Args = func(c *cobra.Command, args []string) error {
			if err := check(c, args); err != nil {
				return usageError{c, err}
			}
			return nil
		}
	}
	if cmd.HasSubCommands() {
		cmd.Args = cobra.ArbitraryArgs
		cmd.RunE = func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return c.Help()
			}
			return usageError{c, unknownCommand(c, args[0])}
		}
	}
	for _, set := range []*pflag.FlagSet{cmd.Flags(), cmd.PersistentFlags()} {
		set.VisitAll(func(f *pflag.Flag) {
			if _, wrapped := f.Value.(*once); !wrapped && !strings.HasSuffix(f.Value.Type(), "Array") {
				f.Value = &once{Value: f.Value}
			}
		})
	}
	for _, sub := range cmd.Commands() {
		polish(sub)
	}
}

func unknownCommand(c *cobra.Command, name string) error {
	c.SuggestionsMinimumDistance = 2
	text := fmt.Sprintf("there is no command %q", name)
	if near := c.SuggestionsFor(name); len(near) > 0 {
		text += fmt.Sprintf("; did you mean %q?", near[0])
	}
	return errors.New(text)
}

// once is a flag value that may be set one time.
type once struct {
	pflag.Value
	set bool
}

// Set implements pflag.Value.
func (o *once) Set(text string) error {
	if o.set {
		return errors.New("it stands twice")
	}
	o.set = true
	return o.Value.Set(text)
}

// usageError is a mistake of the command line.
type usageError struct {
	cmd *cobra.Command
	err error
}

// Error implements error.
func (u usageError) Error() string { return u.err.Error() }

// Unwrap gives it a class.
func (u usageError) Unwrap() error { return fault.New(fault.Config, u.err.Error()) }

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ai-data-analyst/broker/host/internal/app"
)

func newDemo(g *global) *cobra.Command {
	var o app.DemoOptions
	var noServe bool
	cmd := &cobra.Command{
		Use:     "demo",
		Short:   "Make and sync a whole instance from nothing",
		Long:    "Make a whole instance from nothing: configuration, plugins, nine tables of a made-up shop and a real CSV file. Sync it,\nshow what was published and how to query it, then serve it. A second run changes nothing.",
		Example: "  broker demo\n  broker demo --dir /tmp/shop --size s --no-serve",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("listen") {
				g.options.Listen = o.Listen // an instance that is there already may say something else
			}
			broker, err := app.Demo(cmd.Context(), g.options, o)
			if err != nil {
				return err
			}
			defer broker.Close()
			watch := newWatcher(g.err)
			report, err := broker.Sync(cmd.Context(), app.SyncRequest{Trigger: "demo"}, watch.progress)
			watch.done()
			if err != nil {
				return err
			}
			if err := ending(report, printSync(g.out, report)); err != nil {
				return err
			}
			if err := showQueries(cmd, g, broker, o.Dir); err != nil {
				return err
			}
			if noServe {
				return showStart(cmd.Context(), g, broker.Listens(), o.Dir)
			}
			return broker.Serve(cmd.Context(), nil, func(address string) {
				fmt.Fprintf(g.out, "\nbroker serves http://%s — stop it with Ctrl-C. In another terminal, in an empty folder%s:\n\n  export PATH=%s:\"$PATH\"\n  %s\n",
					address, engine(cmd.Context(), g), quoted(g.folder()), firstSteps(address))
			})
		},
	}
	cmd.Flags().StringVar(&o.Dir, "dir", "demo", "folder of the instance")
	cmd.Flags().StringVar(&o.Size, "size", "", "size of the shop: xs, s, m or l (default xs)")
	cmd.Flags().StringVar(&o.Listen, "listen", "127.0.0.1:8080", "address to serve on")
	cmd.Flags().BoolVar(&noServe, "no-serve", false, "end after the sync")
	return cmd
}

// showQueries prints one query that can be copied as it stands, and where to look further.
func showQueries(cmd *cobra.Command, g *global, broker *app.App, dir string) error {
	report, err := broker.Tables(cmd.Context(), 0)
	if err != nil {
		return err
	}
	files := map[string]string{}
	for _, t := range report.Tables {
		if len(t.Files) > 0 {
			files[t.Name] = t.Files[0]
		}
	}
	_, err = fmt.Fprintf(g.out, `
Every table is an Apache Iceberg table of Parquet files. With DuckDB, for example:

  duckdb -c "select segment, count(*) from '%s' group by 1 order by 2 desc"

What there is, with files and Iceberg metadata for other engines:

  %s tables --config %s --files
  %s tables --config %s --json
`, relative(files["shop.customers"]), g.self(), dir, g.self(), dir)
	return err
}

// firstSteps are what somebody new to analyst does, on one line.
func firstSteps(address string) string {
	return fmt.Sprintf(`analyst login http://%s && analyst init && analyst pull && analyst query "select segment, count(*) from customers group by 1"`, address)
}

// showStart ends with one line to copy, after which analyst can be tried in the same terminal.
func showStart(ctx context.Context, g *global, address, dir string) error {
	_, err := fmt.Fprintf(g.out, `
To be its analyst%s, copy the last line: it serves the demo and
puts the programs on your PATH. After it, in an empty folder:

  %s

  export PATH=%s:"$PATH"; broker serve --config %s >%s 2>&1 & sleep 2
`, engine(ctx, g), firstSteps(address), quoted(g.folder()), quoted(dir), quoted(filepath.Join(dir, "serve.log")))
	return err
}

// engine says what the analyst beside this program queries with, as far as that can be known.
func engine(ctx context.Context, g *global) string {
	ctx, stop := context.WithTimeout(ctx, 5*time.Second)
	defer stop()
	said, err := exec.CommandContext(ctx, filepath.Join(g.folder(), "analyst"), "version", "--json").Output()
	var version struct{ DuckDB string }
	if err != nil || json.Unmarshal(said, &version) != nil {
		return ""
	}
	return map[string]string{"linked": " (analyst has DuckDB inside)", "path": " (analyst uses the duckdb on your PATH)",
		"none": " (analyst is built without DuckDB here: to query, it needs a duckdb program on your PATH)"}[version.DuckDB]
}

// folder is where this program and those beside it lie.
func (g *global) folder() string { return filepath.Dir(g.options.Executable) }

// quoted is a path as a shell takes it.
func quoted(path string) string {
	if strings.Trim(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+") == "" {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}

// relative shortens a path below the working folder.
func relative(path string) string {
	if here, err := filepath.Abs("."); err == nil {
		if short, err := filepath.Rel(here, path); err == nil && len(short) < len(path) {
			return short
		}
	}
	return path
}

// self is how the person can call this program again.
func (g *global) self() string { return relative(g.options.Executable) }

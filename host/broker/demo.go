package main

import (
	"fmt"
	"path/filepath"

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
			if err := showQueries(cmd, g, broker, o.Dir); err != nil || noServe {
				return err
			}
			return broker.Serve(cmd.Context(), nil, func(address string) {
				fmt.Fprintf(g.out, "\nbroker serves http://%s — stop it with Ctrl-C\n", address)
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

package main

import (
	"fmt"
	"runtime"
	"sort"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/ai-data-analyst/broker/host/internal/app"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

func newSample(g *global) *cobra.Command {
	var o app.SampleOptions
	var end string
	var list, asJSON bool
	cmd := &cobra.Command{
		Use:     "sample",
		Short:   "Write the nine tables of the demo shop as files",
		Example: "  broker sample --size s --output data\n  broker sample --size m --seed 7 --format parquet --output data\n  broker sample --list-sizes",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if list {
				return listSizes(g, asJSON)
			}
			if end != "" {
				day, err := time.Parse(time.DateOnly, end)
				if err != nil {
					return fault.Newf(fault.Config, "--end %q is no date", end).WithHelp("Write it as YYYY-MM-DD.")
				}
				o.End = day
			}
			o.Jobs = runtime.NumCPU()
			watch := newWatcher(g.err)
			report, err := app.Sample(cmd.Context(), o, func(name string, rows, total int64) { watch.bars.Set(name, name, rows, total) })
			watch.done()
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(g.out, report)
			}
			return printSample(g, o, report)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.Size, "size", "xs", "how much: xs, s, m or l")
	flags.Uint64Var(&o.Seed, "seed", 42, "the same seed gives the same bytes")
	flags.StringVar(&o.Format, "format", "csv", "csv or parquet")
	flags.StringVar(&o.Output, "output", "sample", "folder to write to")
	flags.StringVar(&end, "end", "", "first day after the last row, YYYY-MM-DD (default 2026-03-01)")
	flags.BoolVar(&list, "list-sizes", false, "list the sizes and their row counts")
	flags.BoolVar(&asJSON, "json", false, "print one JSON document")
	return cmd
}

func printSample(g *global, o app.SampleOptions, report app.SampleReport) error {
	rows := []table.Row{}
	for _, name := range names(report.Tables) {
		rows = append(rows, table.Row{name + "." + o.Format, count(report.Tables[name])})
	}
	if err := grid(g.out, table.Row{"FILE", "ROWS"}, rows, 2); err != nil {
		return err
	}
	_, err := fmt.Fprintf(g.out, "\nWritten to %s with size %s, seed %d, end %s.\n", o.Output, o.Size, o.Seed, report.End)
	return err
}

func listSizes(g *global, asJSON bool) error {
	sizes, err := app.SampleSizes()
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(g.out, map[string]any{"sizes": sizes})
	}
	header, rows := table.Row{"TABLE"}, []table.Row{{"≈ CSV MB"}}
	for _, s := range sizes {
		header, rows[0] = append(header, s.Name), append(rows[0], count(int64(s.MB)))
	}
	for _, name := range names(sizes[0].Tables) {
		row := table.Row{name}
		for _, s := range sizes {
			row = append(row, count(s.Tables[name]))
		}
		rows = append(rows, row)
	}
	return grid(g.out, header, rows, 2, 3, 4, 5)
}

func names(tables map[string]int64) []string {
	var all []string
	for name := range tables {
		all = append(all, name)
	}
	sort.Strings(all)
	return all
}

package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/ai-data-analyst/broker/host/internal/app"
)

func newTables(g *global) *cobra.Command {
	var asJSON, files bool
	var generation int64
	cmd := &cobra.Command{
		Use:     "tables",
		Short:   "List what is published",
		Example: "  broker tables\n  broker tables --generation 3\n  broker tables --json | jq '.tables[].name'",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			broker, err := g.open(false)
			if err != nil {
				return err
			}
			defer broker.Close()
			report, err := broker.Tables(cmd.Context(), generation)
			if err != nil {
				return err
			}
			if !files {
				for i := range report.Tables {
					report.Tables[i].Files = nil
				}
			}
			if asJSON {
				return printJSON(g.out, report)
			}
			return printTables(g.out, report)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	cmd.Flags().BoolVar(&files, "files", false, "name the Parquet files of each table")
	cmd.Flags().Int64Var(&generation, "generation", 0, "as of this generation (default the newest)")
	return cmd
}

func printTables(w io.Writer, report app.TablesReport) error {
	if len(report.Tables) == 0 {
		_, err := fmt.Fprintln(w, `Nothing is published yet. Run "broker sync".`)
		return err
	}
	rows := make([]table.Row, len(report.Tables))
	for i, t := range report.Tables {
		rows[i] = table.Row{t.Name, t.Source, count(t.Rows), t.Columns, size(t.Bytes), t.Parts, t.Generation, t.PublishedAt, strings.Join(t.PrimaryKey, ", ")}
	}
	if err := grid(w, table.Row{"TABLE", "SOURCE", "ROWS", "COLUMNS", "SIZE", "PARTS", "GENERATION", "PUBLISHED", "KEY"}, rows, 3, 4, 5, 6, 7); err != nil {
		return err
	}
	for _, t := range report.Tables {
		for _, f := range t.Files {
			fmt.Fprintf(w, "%s\t%s\n", t.Name, f)
		}
	}
	for _, h := range report.Held {
		fmt.Fprintf(w, "\n%s is held since %s: %s\n    broker lake accept %s, or broker lake discard %s\n", h.Table, h.Since.Format("2006-01-02 15:04"), h.Reason, h.Table, h.Table)
	}
	_, err := fmt.Fprintf(w, "\nGeneration %d.\n", report.Generation)
	return err
}

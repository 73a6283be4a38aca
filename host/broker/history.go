package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/ai-data-analyst/broker/host/internal/app"
	"github.com/ai-data-analyst/broker/web/terminal"
)

// statuses are what the journal says of runs.
var statuses = []string{"published", "unchanged", "held", "failed", "cancelled", "running"}

func newRuns(g *global) *cobra.Command {
	var asJSON bool
	var name, status string
	var limit int
	cmd := &cobra.Command{
		Use:     "runs",
		Short:   "List what ran, newest first",
		Example: "  broker runs\n  broker runs --table shop.orders --status failed",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if status != "" && !slices.Contains(statuses, status) {
				return terminal.UsageError{Command: cmd, Err: fmt.Errorf("--status %q is none of %s", status, strings.Join(statuses, ", "))}
			}
			if limit < 1 {
				return terminal.UsageError{Command: cmd, Err: errors.New("--limit is less than 1")}
			}
			broker, err := g.open(false)
			if err != nil {
				return err
			}
			defer broker.Close()
			runs, err := broker.Runs(cmd.Context(), name, status, limit)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(g.out, map[string]any{"runs": runs})
			}
			rows := make([]table.Row, len(runs))
			for i, r := range runs {
				rows[i] = table.Row{r.StartedAt.Local().Format(time.DateTime), r.Table, r.Source, r.Trigger, r.Status, duration(r), r.Attempts, firstLine(r)}
			}
			return grid(g.out, table.Row{"STARTED", "TABLE", "SOURCE", "BY", "STATUS", "TOOK", "ATTEMPTS", "ERROR"}, rows, 6, 7)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	cmd.Flags().StringVar(&name, "table", "", "only runs of this table")
	cmd.Flags().StringVar(&status, "status", "", "only runs that ended so ("+strings.Join(statuses, ", ")+")")
	cmd.Flags().IntVar(&limit, "limit", 50, "how many")
	return cmd
}

func duration(r app.RunReport) string {
	if r.EndedAt == nil {
		return ""
	}
	return r.EndedAt.Sub(r.StartedAt).Round(100 * time.Millisecond).String()
}

func firstLine(r app.RunReport) string {
	if r.Error == nil {
		return ""
	}
	line, _, _ := strings.Cut(r.Error.Message, "\n")
	if runes := []rune(line); len(runes) > 80 {
		line = string(runes[:80]) + "…"
	}
	return line
}

func newGenerations(g *global) *cobra.Command {
	var asJSON bool
	var limit int
	cmd := &cobra.Command{
		Use:     "generations",
		Short:   "List the published generations, newest first",
		Example: "  broker generations --limit 5",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 1 {
				return terminal.UsageError{Command: cmd, Err: errors.New("--limit is less than 1")}
			}
			broker, err := g.open(false)
			if err != nil {
				return err
			}
			defer broker.Close()
			generations, err := broker.Generations(cmd.Context(), limit)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(g.out, map[string]any{"generations": generations})
			}
			rows := make([]table.Row, len(generations))
			for i, gen := range generations {
				rows[i] = table.Row{gen.Generation, gen.PublishedAt.Local().Format(time.DateTime), gen.Run, strings.Join(gen.Changed, ", ")}
			}
			return grid(g.out, table.Row{"GENERATION", "PUBLISHED", "RUN", "CHANGED"}, rows, 1)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	cmd.Flags().IntVar(&limit, "limit", 20, "how many")
	return cmd
}

func newSources(g *global) *cobra.Command {
	var asJSON, ask bool
	cmd := &cobra.Command{
		Use:     "sources",
		Short:   "List the configured sources",
		Example: "  broker sources\n  broker sources --streams",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			broker, err := g.open(false)
			if err != nil {
				return err
			}
			defer broker.Close()
			sources, err := broker.Sources(cmd.Context(), ask)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(g.out, map[string]any{"sources": sources})
			}
			rows := make([]table.Row, len(sources))
			for i, s := range sources {
				text := strings.Join(s.Streams, ", ")
				if s.Error != nil {
					text = s.Error.Message
				}
				rows[i] = table.Row{s.Name, s.Connector, s.Status, s.Schedule, text}
			}
			return grid(g.out, table.Row{"SOURCE", "CONNECTOR", "STATUS", "SCHEDULE", "STREAMS"}, rows)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	cmd.Flags().BoolVar(&ask, "streams", false, "ask each source for its streams")
	return cmd
}

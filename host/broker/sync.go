package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/ai-data-analyst/broker/host/internal/app"
	"github.com/ai-data-analyst/broker/web/terminal"
)

func newSync(g *global) *cobra.Command {
	var request app.SyncRequest
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "sync [SOURCE[.TABLE]...]",
		Short:   "Read sources now and publish what is new",
		Long:    "Read sources now and publish what is new. Without arguments all sources are read. One failing table never stops\nanother. With \"broker serve\" running, the sync runs there.",
		Example: "  broker sync\n  broker sync crm crm.orders\n  broker sync shop.orders --full\n  broker sync --json | jq '.tables[] | select(.status != \"unchanged\")'",
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			request.Select = args
			return runSync(cmd, g, request, asJSON)
		},
	}
	cmd.Flags().BoolVar(&request.Full, "full", false, "read everything again and replace, whatever the strategy")
	cmd.Flags().IntVar(&request.Jobs, "jobs", 0, "tables synced at once (default CPU count)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return cmd
}

func runSync(cmd *cobra.Command, g *global, request app.SyncRequest, asJSON bool) error {
	if request.Jobs < 0 {
		return terminal.UsageError{Command: cmd, Err: errors.New("--jobs is negative")}
	}
	broker, err := g.open(true)
	if err != nil {
		return err
	}
	defer broker.Close()
	watch := newWatcher(g.err)
	report, err := broker.Sync(cmd.Context(), request, watch.progress)
	watch.done()
	if err != nil {
		return err
	}
	if asJSON {
		err = printJSON(g.out, report)
	} else {
		err = printSync(g.out, report)
	}
	return ending(report, err)
}

// ending is the exit of a sync: failed before held before fine.
func ending(report app.SyncReport, err error) error {
	switch {
	case err != nil:
		return err
	case report.Failed():
		return errFailed
	case report.Held():
		return errHeld
	}
	return nil
}

func printSync(w io.Writer, report app.SyncReport) error {
	var rows []table.Row
	for _, t := range report.Tables {
		rows = append(rows, table.Row{t.Name, t.Status, count(t.Rows), changes(t), size(t.Bytes), fmt.Sprintf("%.1f s", t.Seconds)})
	}
	if len(rows) > 0 {
		if err := grid(w, table.Row{"TABLE", "STATUS", "ROWS", "CHANGE", "SIZE", "TIME"}, rows, 3, 5, 6); err != nil {
			return err
		}
	}
	var notes strings.Builder
	for _, t := range report.Tables {
		if t.Error != nil {
			fmt.Fprintf(&notes, "\n%s: %s\n", t.Name, failureText(t.Error))
		}
		for _, n := range t.Notes {
			fmt.Fprintf(&notes, "\n%s: note: %s\n", t.Name, n)
		}
		if t.Status == "held" {
			fmt.Fprintf(&notes, "\n%s: held: the new version is much smaller; the old one stays published.\n    broker lake accept %s, or broker lake discard %s\n", t.Name, t.Name, t.Name)
		}
	}
	for _, s := range report.Sources {
		if s.Error != nil {
			fmt.Fprintf(&notes, "\nsource %s: %s\n", s.Name, failureText(s.Error))
		}
	}
	for _, p := range report.Problems {
		fmt.Fprintf(&notes, "\n%s\n", failureText(&p))
	}
	for _, w := range report.Warnings {
		fmt.Fprintf(&notes, "\nwarning: %s\n    %s\n", w.Message, w.Help)
	}
	fmt.Fprintf(&notes, "\n%s\n", summary(report))
	_, err := io.WriteString(w, notes.String())
	return err
}

func changes(t app.TableState) string {
	var parts []string
	for _, c := range []struct {
		n    int64
		text string
	}{{t.Added, "+%s"}, {t.Updated, "~%s"}, {t.Deleted, "-%s"}, {t.Rejected, "!%s rejected"}} {
		if c.n != 0 {
			parts = append(parts, fmt.Sprintf(c.text, count(c.n)))
		}
	}
	return strings.Join(parts, " ")
}

func summary(report app.SyncReport) string {
	by := map[string]int{}
	for _, t := range report.Tables {
		by[t.Status]++
	}
	if len(report.Tables) > 0 && by["unchanged"] == len(report.Tables) {
		return fmt.Sprintf("Nothing new: all %d tables are unchanged, generation %d stays.", len(report.Tables), report.Generation)
	}
	var parts []string
	for _, status := range []string{"published", "unchanged", "held", "failed", "skipped", "cancelled"} {
		if by[status] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", by[status], status))
		}
	}
	if len(parts) == 0 {
		parts = []string{"no table was synced"}
	}
	return fmt.Sprintf("Generation %d: %s.", report.Generation, strings.Join(parts, ", "))
}

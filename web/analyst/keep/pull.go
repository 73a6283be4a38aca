// Package keep holds the verbs that keep a workspace: init, pull, status, doctor, push, private.
//
// Imported by the program's main, and by hooks for the status.
package keep

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/ai-data-analyst/broker/web/analyst/ground"
	"github.com/ai-data-analyst/broker/web/mirror"
	"github.com/ai-data-analyst/broker/web/terminal"
)

// NewPull is the verb pull.
func NewPull(g *ground.Ground) *cobra.Command {
	var o mirror.PullOptions
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "pull [TABLE…]",
		Short: "Fetch what is new, verify every byte, and switch to it in one step",
		Long: "Fetch the newest generation: only parts that are not here yet, each checked against its hash; then the views are\n" +
			"switched in one step. Until then, and whatever breaks on the way, the old generation stays usable.",
		Example: "  analyst pull\n  analyst pull --dry-run\n  analyst pull shop.orders\n  analyst pull --generation 12 --json",
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Tables = args
			return pull(cmd.Context(), g, o, asJSON)
		},
	}
	flags := cmd.Flags()
	flags.Int64Var(&o.Generation, "generation", 0, "an older generation, while the server keeps it (default the newest)")
	flags.BoolVar(&o.DryRun, "dry-run", false, "say what would be fetched")
	flags.BoolVar(&o.AllowRollback, "allow-rollback", false, "accept a server that is behind what was here before")
	flags.BoolVar(&o.Verify, "verify", false, "hash every part that is here again")
	flags.IntVar(&o.Jobs, "jobs", 0, "downloads at once (default 6)")
	flags.IntVar(&o.Keep, "keep", 0, "generations to keep here (default 5)")
	flags.DurationVar(&o.Wait, "wait", 0, "wait this long for another pull of this workspace to end")
	flags.BoolVar(&asJSON, "json", false, "print one JSON document")
	return cmd
}

func pull(ctx context.Context, g *ground.Ground, o mirror.PullOptions, asJSON bool) error {
	w, err := g.Workspace()
	if err != nil {
		return err
	}
	c, _, err := g.Server(w)
	if err != nil {
		return err
	}
	o.Builder, o.Now = ground.Builder(), g.Now
	bars := terminal.NewBars(g.Err, true)
	o.Progress = func(p mirror.Progress) {
		bars.Set("pull", doing(p), p.Bytes, p.TotalBytes)
	}
	report, err := w.Pull(ctx, c, o)
	bars.Close()
	if asJSON {
		if f := ground.FailureOf(err); f != nil {
			report.Error = &mirror.PullError{Code: f.Code, Message: f.Message, Help: f.Help}
		}
		if written := terminal.JSON(g.Out, report); written != nil {
			return written
		}
		return err
	}
	if err != nil {
		return err
	}
	return printPull(g.Out, report)
}

// doing is what a pull is at, as its bar says it.
func doing(p mirror.Progress) string {
	switch p.Phase {
	case "manifest":
		return "asking the server"
	case "parts":
		return fmt.Sprintf("fetching: %d of %s", p.Parts, files(p.TotalParts))
	case "views":
		return "making the views"
	}
	return p.Phase
}

func printPull(w io.Writer, r mirror.PullReport) error {
	var rows []table.Row
	for _, t := range r.Tables {
		if t.Status != "unchanged" {
			rows = append(rows, table.Row{t.Name, t.Status, terminal.Count(t.Rows), terminal.Size(t.Bytes)})
		}
	}
	if len(rows) > 0 {
		if err := terminal.Grid(w, table.Row{"TABLE", "STATUS", "ROWS", "SIZE"}, rows, 3, 4); err != nil {
			return err
		}
		fmt.Fprintln(w)
	}
	for _, note := range r.Notes {
		fmt.Fprintln(w, note)
	}
	verb := "Fetched"
	if r.DryRun {
		verb = "Would fetch"
	}
	took := time.Duration(r.Seconds * float64(time.Second)).Round(time.Millisecond)
	switch {
	case r.From == r.Generation && r.Downloaded.Parts == 0:
		_, err := fmt.Fprintf(w, "Generation %d: nothing new (%d tables, %s).\n", r.Generation, len(r.Tables), took)
		return err
	case r.DryRun:
		_, err := fmt.Fprintf(w, "Generation %d. %s %s, %s; %s here already.\n", r.Generation, verb, files(r.Downloaded.Parts), terminal.Size(r.Downloaded.Bytes), files(r.Reused.Parts))
		return err
	}
	_, err := fmt.Fprintf(w, "Generation %d. %s %s, %s, in %s; %s here already.\n", r.Generation, verb, files(r.Downloaded.Parts), terminal.Size(r.Downloaded.Bytes), took, files(r.Reused.Parts))
	return err
}

// files is a number of files in words.
func files(n int) string {
	if n == 1 {
		return "1 file"
	}
	return fmt.Sprintf("%d files", n)
}

package keep

import (
	"context"
	"fmt"
	"sort"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/ai-data-analyst/broker/web/analyst/ground"
	"github.com/ai-data-analyst/broker/web/analyst/outbox"
	"github.com/ai-data-analyst/broker/web/analyst/session"
	"github.com/ai-data-analyst/broker/web/terminal"
)

// NewPush is the verb push.
func NewPush(g *ground.Ground) *cobra.Command {
	var consent, dryRun, asJSON bool
	cmd := &cobra.Command{
		Use:   "push",
		Short: "Share your notes and assistant transcripts, without the secrets in them",
		Long: "Share CLAUDE.local.md and the transcripts in user/sessions with your server. Nothing leaves before you have agreed once\n" +
			"(--consent). Secrets are taken out here; private sessions never leave; what is there is never deleted.",
		Example: "  analyst push --dry-run\n  analyst push --consent\n  analyst push",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return push(cmd.Context(), g, consent, dryRun, asJSON)
		},
	}
	cmd.Flags().BoolVar(&consent, "consent", false, "agree, now and for later, that notes and redacted transcripts go to the server")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "show what would leave and send nothing")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return cmd
}

func push(ctx context.Context, g *ground.Ground, consent, dryRun, asJSON bool) error {
	w, err := g.Workspace()
	if err != nil {
		return err
	}
	if _, err := (session.Book{Dir: w.Dir, Now: g.Now}).Collect(); err != nil {
		fmt.Fprintln(g.Err, "some transcripts could not be collected:", terminal.Plain(err.Error()))
	}
	o := outbox.Outbox{Dir: w.Dir, Now: g.Now}
	items, err := o.Items()
	if err != nil {
		return err
	}
	if dryRun {
		return showItems(g, items, asJSON)
	}
	if consent {
		if err := o.Consent(); err != nil {
			return err
		}
	}
	agreed, err := o.Consented()
	if err != nil {
		return err
	}
	if !agreed {
		if err := showItems(g, items, asJSON); err != nil {
			return err
		}
		fmt.Fprintln(g.Err, "Nothing was sent: you have not agreed yet. Look at the list, then: analyst push --consent")
		return terminal.ErrHeld
	}
	c, _, err := g.Server(w)
	if err != nil {
		return err
	}
	report, err := o.Push(ctx, c, items)
	if err != nil {
		return err
	}
	if asJSON {
		err = terminal.JSON(g.Out, report)
	} else {
		err = printPush(g, report)
	}
	if err == nil && len(report.Refused) > 0 {
		return terminal.ErrFailed
	}
	return err
}

// leaving is one file as --dry-run lists it.
type leaving struct {
	Path    string         `json:"path"`
	From    string         `json:"from"`
	Bytes   int            `json:"bytes"`
	Sent    bool           `json:"sent"`
	Removed map[string]int `json:"removed"`
}

func showItems(g *ground.Ground, items []outbox.Item, asJSON bool) error {
	list := []leaving{}
	var rows []table.Row
	for _, i := range items {
		list = append(list, leaving{i.Path, i.From, len(i.Body), i.Sent, i.Removed})
		state := "would be sent"
		if i.Sent {
			state = "is there already"
		}
		rows = append(rows, table.Row{i.From, terminal.Size(int64(len(i.Body))), state, kinds(i.Removed)})
	}
	if asJSON {
		return terminal.JSON(g.Out, list)
	}
	if len(rows) == 0 {
		_, err := fmt.Fprintln(g.Out, "There are no notes and no transcripts to share.")
		return err
	}
	return terminal.Grid(g.Out, table.Row{"FILE", "SIZE", "", "TAKEN OUT"}, rows, 2)
}

func kinds(removed map[string]int) string {
	var parts []string
	for kind, n := range removed {
		parts = append(parts, fmt.Sprintf("%d %s", n, kind))
	}
	sort.Strings(parts)
	return strings.Join(parts, ", ")
}

func printPush(g *ground.Ground, r outbox.Report) error {
	fmt.Fprintf(g.Out, "Sent %s, %s; %d there already.", files(r.Sent), terminal.Size(r.Bytes), r.Had)
	if len(r.Removed) > 0 {
		fmt.Fprintf(g.Out, " Taken out: %s.", kinds(r.Removed))
	}
	fmt.Fprintln(g.Out)
	for _, refused := range r.Refused {
		fmt.Fprintf(g.Out, "refused: %s: %s\n", refused.Path, terminal.Plain(refused.Reason))
	}
	if r.Quota > 0 {
		fmt.Fprintf(g.Out, "%s of your %s are used.\n", terminal.Size(r.Used), terminal.Size(r.Quota))
	}
	return nil
}

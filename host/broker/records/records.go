// Package records has the verbs of the audit log: verify and list. It is part of broker's command line.
package records

import (
	"fmt"
	"io"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/ai-data-analyst/broker/host/internal/app"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/terminal"
)

// Verbs are what the commands need.
type Verbs struct {
	Open func() (*app.App, error)
	Out  io.Writer
}

// Command is "broker audit".
func (v Verbs) Command() *cobra.Command {
	cmd := &cobra.Command{Use: "audit", Short: "Say who did what, and check that nobody rewrote it"}
	cmd.AddCommand(v.verify(), v.list())
	return cmd
}

func (v Verbs) verify() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "verify", Short: "Check that no record of the audit log was changed, removed or moved, and its end not cut off", Args: cobra.NoArgs,
		Long:    "Read every record of the audit log, follow the chain of their hashes, and compare its end with the seal in the state folder.\nIt exits 1 and names the first record that is not sound.",
		Example: "  broker audit verify\n  broker audit verify --json | jq .ok",
		RunE: func(cmd *cobra.Command, _ []string) error {
			broker, err := v.Open()
			if err != nil {
				return err
			}
			defer broker.Close()
			log, err := broker.Audit(cmd.Context())
			if err != nil {
				return err
			}
			verdict, err := log.Verify(cmd.Context())
			if err != nil {
				return err
			}
			switch {
			case asJSON:
				err = terminal.JSON(v.Out, struct {
					OK      bool   `json:"ok"`
					Records int64  `json:"records"`
					Bad     int64  `json:"bad,omitempty"`
					Reason  string `json:"reason,omitempty"`
				}{verdict.Bad == 0, verdict.Records, verdict.Bad, verdict.Reason})
			case verdict.Bad != 0:
				_, err = fmt.Fprintf(v.Out, "record %d: %s\n%d records before it are sound\n", verdict.Bad, verdict.Reason, verdict.Records)
			default:
				_, err = fmt.Fprintf(v.Out, "%d records, all sound\n", verdict.Records)
			}
			if err == nil && verdict.Bad != 0 {
				return terminal.ErrFailed
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return cmd
}

func (v Verbs) list() *cobra.Command {
	var asJSON bool
	var since, actor, action string
	var limit int
	cmd := &cobra.Command{
		Use: "list", Short: "List who did what, the newest first", Args: cobra.NoArgs,
		Example: "  broker audit list --since 24h\n  broker audit list --actor bob@acme.com --action tokens --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			from, err := moment(since, time.Now())
			if err != nil {
				return err
			}
			if limit < 1 || limit > 100_000 {
				return fault.New(fault.Config, "--limit must be a whole number from 1 to 100000")
			}
			broker, err := v.Open()
			if err != nil {
				return err
			}
			defer broker.Close()
			log, err := broker.Audit(cmd.Context())
			if err != nil {
				return err
			}
			lines, err := log.Find(cmd.Context(), from, actor, action, limit)
			if err != nil {
				return err
			}
			if asJSON {
				return terminal.JSON(v.Out, map[string]any{"records": lines})
			}
			rows := make([]table.Row, len(lines))
			for i, l := range lines {
				who := l.Email
				if l.UserID != "" && (who == "" || l.Via == "cli") {
					who = l.UserID
				}
				rows[i] = table.Row{l.Seq, l.At, who, l.Action, l.Object, l.Outcome, l.Reason, l.Via, l.Address}
			}
			return terminal.Grid(v.Out, table.Row{"RECORD", "AT", "WHO", "ACTION", "OBJECT", "OUTCOME", "REASON", "VIA", "ADDRESS"}, rows)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&since, "since", "", "only from then on: a duration (24h) or a time (2026-01-31, 2026-01-31T08:00:00Z)")
	flags.StringVar(&actor, "actor", "", "only of this person: id or e-mail")
	flags.StringVar(&action, "action", "", "only this action, e.g. tokens.revoke, or all of a kind, e.g. tokens")
	flags.IntVar(&limit, "limit", 200, "how many")
	flags.BoolVar(&asJSON, "json", false, "print one JSON document")
	return cmd
}

// moment reads a time, or how long ago it was; "" is the beginning.
func moment(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fault.Newf(fault.Config, "--since %.40q is neither a duration nor a time", text).WithHelp("Write 24h, 2026-01-31 or 2026-01-31T08:00:00Z.")
}

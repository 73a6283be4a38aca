package keep

import (
	"context"
	"fmt"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/analyst/ground"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/mirror"
	"github.com/ai-data-analyst/broker/web/terminal"
)

// Report is how the copy stands. Its JSON form is that of `analyst status --json` (interface.md §9).
type Report struct {
	Generation       int64         `json:"generation"`
	ServerGeneration *int64        `json:"server_generation"` // nil = not reached
	Stale            bool          `json:"stale"`
	CheckedAt        *time.Time    `json:"checked_at"`
	PulledAt         *time.Time    `json:"pulled_at"`
	Tables           []tableStatus `json:"tables"`
	Token            tokenStatus   `json:"token"`

	Published string `json:"-"` // of the generation here, for people
	why       error  // the server was not reached
}

type tableStatus struct {
	Name        string `json:"name"`
	Generation  int64  `json:"generation"`
	PublishedAt string `json:"published_at"`
	AgeSeconds  int64  `json:"age_s"`
	Changed     bool   `json:"changed"` // the server has a newer one; where nothing is newer: changed by the last pull
}

type tokenStatus struct {
	ExpiresAt *time.Time `json:"expires_at"`
}

// NewStatus is the verb status.
func NewStatus(g *ground.Ground) *cobra.Command {
	var asJSON, offline bool
	var maxAge time.Duration
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Say how old each table is and what changed; exit 3 when the server is ahead",
		Long: "Say how old each table is and what changed. Exit 3 when the server is ahead; when it cannot be reached, exit 0\n" +
			"unless the copy is older than --max-age.",
		Example: "  analyst status\n  analyst status --json | jq .stale\n  analyst status --offline --max-age 1h",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			w, err := g.Workspace()
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), 15*time.Second)
			defer cancel()
			if offline {
				cancel()
			}
			s, err := Status(ctx, g, w)
			if err != nil {
				return err
			}
			if fault.CodeOf(s.why) == fault.Auth && !offline {
				return s.why
			}
			if asJSON {
				err = terminal.JSON(g.Out, s)
			} else {
				err = printStatus(g, s, offline)
			}
			if err != nil {
				return err
			}
			if old := s.PulledAt == nil || g.Now().Sub(*s.PulledAt) > maxAge; s.Stale || s.ServerGeneration == nil && old {
				return terminal.ErrHeld
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	cmd.Flags().BoolVar(&offline, "offline", false, "do not ask the server")
	cmd.Flags().DurationVar(&maxAge, "max-age", 24*time.Hour, "without the server, a copy pulled longer ago counts as stale")
	return cmd
}

// Status compares what is here with what the server has. A server that is not reached is no error.
func Status(ctx context.Context, g *ground.Ground, w *mirror.Workspace) (Report, error) {
	s := Report{Tables: []tableStatus{}}
	here, _, err := w.Manifest(0)
	if err != nil && fault.CodeOf(err) != fault.NotFound {
		return s, err
	}
	s.Generation, s.Published = here.Generation, here.PublishedAt
	if at, err := w.PulledAt(); err == nil && !at.IsZero() {
		s.PulledAt = &at
	}
	there, checked := serverManifest(ctx, g, w, &s)
	newer := newerThan(w, here)
	if checked {
		now := g.Now().UTC()
		s.CheckedAt, s.ServerGeneration = &now, &there.Generation
		s.Stale = there.Generation > here.Generation || there.DocsRev != here.DocsRev
		if s.Stale {
			newer = func(t api.Table) bool {
				other, ok := there.Find(t.Name)
				return !ok || other.Generation > t.Generation
			}
		}
	}
	for _, t := range here.Tables {
		row := tableStatus{Name: t.Name, Generation: t.Generation, PublishedAt: t.PublishedAt, Changed: newer(t)}
		if at, err := time.Parse(time.RFC3339, t.PublishedAt); err == nil {
			row.AgeSeconds = int64(g.Now().Sub(at).Seconds())
		}
		s.Tables = append(s.Tables, row)
	}
	return s, nil
}

// serverManifest gets the server's manifest, false when that was not possible: s.why says why.
func serverManifest(ctx context.Context, g *ground.Ground, w *mirror.Workspace, s *Report) (api.Manifest, bool) {
	c, login, err := g.Server(w)
	if !login.Expires.IsZero() {
		s.Token.ExpiresAt = &login.Expires
	}
	if err != nil {
		s.why = err
		return api.Manifest{}, false
	}
	answer, err := c.Manifest(ctx, 0, w.ETag())
	if err != nil {
		s.why = err
		return api.Manifest{}, false
	}
	var there api.Manifest
	if answer.Body == nil {
		there, _, err = w.Manifest(0)
	} else {
		there, err = api.DecodeManifest(answer.Body)
	}
	s.why = err
	return there, err == nil
}

// newerThan says of a table whether the last pull changed it.
func newerThan(w *mirror.Workspace, here api.Manifest) func(api.Table) bool {
	held, err := w.Generations()
	before := int64(-1)
	for _, n := range held {
		if err == nil && n < here.Generation && n > before {
			before = n
		}
	}
	return func(t api.Table) bool { return before >= 0 && t.Generation > before }
}

func printStatus(g *ground.Ground, s Report, offline bool) error {
	if s.Generation == 0 && len(s.Tables) == 0 {
		_, err := fmt.Fprintln(g.Out, "Nothing is here yet. Run: analyst pull")
		return err
	}
	rows := make([]table.Row, len(s.Tables))
	for i, t := range s.Tables {
		mark := ""
		if t.Changed && s.Stale {
			mark = "newer on the server"
		} else if t.Changed {
			mark = "changed by the last pull"
		}
		rows[i] = table.Row{t.Name, t.Generation, terminal.Age(time.Duration(t.AgeSeconds) * time.Second), mark}
	}
	if err := terminal.Grid(g.Out, table.Row{"TABLE", "GENERATION", "AGE", ""}, rows, 2); err != nil {
		return err
	}
	fmt.Fprintf(g.Out, "\nGeneration %d, published %s.", s.Generation, s.Published)
	switch {
	case s.Stale && *s.ServerGeneration > s.Generation:
		fmt.Fprintf(g.Out, " The server has generation %d: run analyst pull.\n", *s.ServerGeneration)
	case s.Stale:
		fmt.Fprintln(g.Out, " The documents or what you may see changed: run analyst pull.")
	case s.ServerGeneration != nil:
		fmt.Fprintln(g.Out, " Up to date.")
	case offline:
		fmt.Fprintln(g.Out, " The server was not asked.")
	default:
		fmt.Fprintf(g.Out, " The server was not reached: %s.\n", terminal.Plain(fault.TextOf(s.why)))
	}
	if at := s.Token.ExpiresAt; at != nil && at.Sub(g.Now()) < 14*24*time.Hour {
		fmt.Fprintf(g.Out, "Your token expires on %s: analyst login renews it.\n", at.Format(time.DateOnly))
	}
	return nil
}

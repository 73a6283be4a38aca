package keep

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/analyst/ground"
	"github.com/ai-data-analyst/broker/web/analyst/workspace"
	"github.com/ai-data-analyst/broker/web/mirror"
	"github.com/ai-data-analyst/broker/web/mirror/duck"
	"github.com/ai-data-analyst/broker/web/terminal"
)

// finding is one thing that doctor looked at.
type finding struct {
	Check string `json:"check"`
	OK    bool   `json:"ok"`
	Text  string `json:"text"`
	Help  string `json:"help,omitempty"`
	Fixed bool   `json:"fixed,omitempty"`
}

// checkup is what doctor looks at, in order; fix may be nil.
type checkup struct {
	name string
	look func(ctx context.Context, g *ground.Ground, w *mirror.Workspace) (text string, err error)
	fix  func(ctx context.Context, g *ground.Ground, w *mirror.Workspace) error
}

// NewDoctor is the verb doctor.
func NewDoctor(g *ground.Ground) *cobra.Command {
	var fix, asJSON bool
	cmd := &cobra.Command{
		Use:     "doctor",
		Short:   "Look for what does not work and say what to do",
		Example: "  analyst doctor\n  analyst doctor --fix",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			w, err := g.Workspace()
			if err != nil {
				return err
			}
			findings, healthy := examine(cmd.Context(), g, w, fix)
			if asJSON {
				err = terminal.JSON(g.Out, findings)
			} else {
				err = printFindings(g, findings)
			}
			if err == nil && !healthy {
				return terminal.ErrFailed
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&fix, "fix", false, "mend what can be mended without asking anybody")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return cmd
}

func examine(ctx context.Context, g *ground.Ground, w *mirror.Workspace, fix bool) ([]finding, bool) {
	healthy := true
	var findings []finding
	for _, c := range []checkup{
		{"login", checkLogin, nil},
		{"server", checkServer, nil},
		{"engine", checkEngine, nil},
		{"files", checkFiles, repull},
		{"views", checkViews, settle},
		{"assistants", checkAssistants, nil},
	} {
		text, err := c.look(ctx, g, w)
		f := finding{Check: c.name, OK: err == nil, Text: text}
		if err != nil {
			f.Text, f.Help = fault.TextOf(err), fault.HelpOf(err)
			if fix && c.fix != nil {
				if mended := c.fix(ctx, g, w); mended == nil {
					f.OK, f.Fixed, f.Help = true, true, ""
				} else {
					f.Help = "It could not be mended: " + fault.TextOf(mended)
				}
			}
		}
		healthy = healthy && f.OK
		findings = append(findings, f)
	}
	return findings, healthy
}

func checkLogin(_ context.Context, g *ground.Ground, w *mirror.Workspace) (string, error) {
	_, l, err := g.Server(w)
	if err != nil {
		return "", err
	}
	if !l.Expires.IsZero() && l.Expires.Before(g.Now()) {
		return "", fault.Newf(fault.Auth, "the token expired on %s", l.Expires.Format(time.DateOnly)).WithHelp("Run: analyst login " + l.URL)
	}
	return fmt.Sprintf("%s at %s, until %s", l.Email, l.URL, l.Expires.Format(time.DateOnly)), nil
}

func checkServer(ctx context.Context, g *ground.Ground, w *mirror.Workspace) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	c, _, err := g.Server(w)
	if err != nil {
		return "", err
	}
	me, err := c.Me(ctx)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("reached; %d tables are yours", me.Tables), nil
}

func checkEngine(ctx context.Context, _ *ground.Ground, _ *mirror.Workspace) (string, error) {
	engine := duck.Default()
	v, err := engine.Version(ctx)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("DuckDB %s (%s)", v, engine.Kind()), nil
}

func checkFiles(ctx context.Context, _ *ground.Ground, w *mirror.Workspace) (string, error) {
	m, _, err := ground.Generation(w, 0)
	if err != nil {
		return "", err
	}
	files, err := ground.Whole(ctx, w, m.Generation, m.Tables)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("generation %d, %d files, every byte as published", m.Generation, files), nil
}

func repull(ctx context.Context, g *ground.Ground, w *mirror.Workspace) error {
	c, _, err := g.Server(w)
	if err != nil {
		return err
	}
	_, err = w.Pull(ctx, c, mirror.PullOptions{Verify: true, Builder: ground.Builder(), Now: g.Now})
	return err
}

const helpFix = "Run: analyst doctor --fix"

// checkViews opens the database of views, as people do: one that another program made or broke does not open (Y6).
func checkViews(ctx context.Context, _ *ground.Ground, w *mirror.Workspace) (string, error) {
	const name = "user/duckdb/analytics.duckdb"
	engine := duck.Default()
	if engine.Kind() == "none" {
		return "user/duckdb/init.sql; without DuckDB there is no database", nil
	}
	if _, _, err := ground.Generation(w, 0); err != nil {
		return "", err
	}
	if _, err := os.Stat(w.Database()); err != nil {
		return "", fault.New(fault.Data, name+" is not there").WithHelp(helpFix)
	}
	moved, err := w.Moved()
	if err == nil && moved {
		return "", fault.New(fault.Data, "the folder was moved: the views still name its old place").WithHelp(helpFix)
	}
	if err != nil {
		return "", err
	}
	own, err := engine.OwnTables(ctx, w.Database())
	if err != nil {
		return "", err
	}
	if len(own) > 0 {
		return fmt.Sprintf("%s; it holds tables of yours (%s), which the next pull puts aside: mine.duckdb is the place for them", name, strings.Join(own, ", ")), nil
	}
	return name, nil
}

// settle makes the views anew. A database that does not open is put aside, never thrown away: it may hold tables of the
// person's own (Y6).
func settle(ctx context.Context, g *ground.Ground, w *mirror.Workspace) error {
	if _, err := os.Stat(w.Database()); err == nil {
		if _, err := duck.Default().OwnTables(ctx, w.Database()); fault.CodeOf(err) == fault.Data {
			aside := filepath.Join(filepath.Dir(w.Database()), "analytics.kept-"+g.Now().UTC().Format("20060102-150405.000000000")+".duckdb")
			if err := os.Rename(w.Database(), aside); err != nil {
				return fault.Wrap(fault.Config, err, "put analytics.duckdb aside")
			}
			fmt.Fprintf(g.Err, "analytics.duckdb did not open and is kept as %s\n", filepath.Base(aside))
		}
	}
	return g.Settle(ctx, w)
}

func checkAssistants(_ context.Context, g *ground.Ground, w *mirror.Workspace) (string, error) {
	_, l, err := g.Server(w)
	if err != nil {
		return "", err
	}
	o, err := workspaceOptions(g, w.Dir, l)
	if err != nil {
		return "", err
	}
	files, err := workspace.Plan(o)
	if err != nil {
		return "", err
	}
	for _, f := range files {
		if f.State != workspace.Same {
			return "", fault.Newf(fault.Data, "%s is not as this analyst writes it (%s)", filepath.FromSlash(f.Path), f.State).
				WithHelp("analyst init --dry-run shows the difference, analyst init writes it")
		}
	}
	return "CLAUDE.md, settings, rules and .mcp.json are in place", nil
}

func printFindings(g *ground.Ground, findings []finding) error {
	for _, f := range findings {
		mark := "ok  "
		switch {
		case f.Fixed:
			mark = "mend"
		case !f.OK:
			mark = "FAIL"
		}
		fmt.Fprintf(g.Out, "%s  %-11s %s\n", mark, f.Check, terminal.Plain(f.Text))
		if f.Help != "" {
			fmt.Fprintf(g.Out, "                  %s\n", f.Help)
		}
	}
	return nil
}

package answer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/analyst/ground"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/mirror"
	"github.com/ai-data-analyst/broker/web/mirror/diff"
	"github.com/ai-data-analyst/broker/web/mirror/duck"
	"github.com/ai-data-analyst/broker/web/terminal"
)

// diffFlags are what a person says at diff.
type diffFlags struct {
	from, to, limit int64
	format, output  string
	exitCode        bool
}

// NewDiff is the verb diff.
func NewDiff(g *ground.Ground) *cobra.Command {
	var f diffFlags
	cmd := &cobra.Command{
		Use:   "diff TABLE",
		Short: "Show which rows were added, changed and removed between two held generations",
		Long: "Show which rows of a table were added, changed and removed between two generations that are held here: by default the one\n" +
			"in use and the one before it. Rows are paired by key; without one, whole rows are compared.",
		Example: "  analyst diff shop.orders\n  analyst diff orders --from 10 --to 12 --format json\n  analyst diff orders --format parquet --output changes.parquet",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.limit < 0 || f.from < 0 || f.to < 0 {
				return terminal.UsageError{Command: cmd, Err: errors.New("--from, --to and --limit are not negative")}
			}
			if (f.format == "parquet") != (f.output != "") {
				return terminal.UsageError{Command: cmd, Err: errors.New("--format parquet and --output FILE go together")}
			}
			if f.format != "table" && f.format != "json" && f.format != "parquet" {
				return terminal.UsageError{Command: cmd, Err: fmt.Errorf("there is no format %q: table, json, parquet", f.format)}
			}
			report, err := compare(cmd.Context(), g, args[0], f)
			if err != nil {
				return err
			}
			if f.format == "json" {
				err = terminal.JSON(g.Out, report)
			} else {
				err = printDiff(g, report, f.format == "table")
			}
			if err == nil && f.exitCode && report.Added+report.Changed+report.Removed+int64(len(report.Schema)) > 0 {
				return terminal.ErrFailed
			}
			return err
		},
	}
	flags := cmd.Flags()
	flags.Int64Var(&f.from, "from", 0, "generation before (default the one held before --to)")
	flags.Int64Var(&f.to, "to", 0, "generation after (default the one in use)")
	flags.Int64Var(&f.limit, "limit", 1000, "most rows to show; 0 is all")
	flags.StringVar(&f.format, "format", "table", "table, json or parquet")
	flags.StringVarP(&f.output, "output", "o", "", "file for parquet")
	flags.BoolVar(&f.exitCode, "exit-code", false, "exit 1 when something changed")
	return cmd
}

func compare(ctx context.Context, g *ground.Ground, name string, f diffFlags) (diff.Report, error) {
	w, m, err := g.Held()
	if err != nil {
		return diff.Report{}, err
	}
	if f.to == 0 {
		f.to = m.Generation
	}
	if f.from == 0 {
		if f.from, err = heldBefore(w, f.to); err != nil {
			return diff.Report{}, err
		}
	}
	in := diff.Input{FromGeneration: f.from, ToGeneration: f.to, Part: w.PartPath, Folder: filepath.Join(w.Dir, "server"), Limit: f.limit}
	if in.From, err = tableAt(w, name, f.from); err != nil {
		return diff.Report{}, err
	}
	if in.To, err = tableAt(w, name, f.to); err != nil {
		return diff.Report{}, err
	}
	for _, side := range []struct {
		table, other api.Table
		generation   int64
	}{{in.From, in.To, f.from}, {in.To, in.From, f.to}} {
		switch {
		case side.table.Name == "" && side.other.Name == "":
			return diff.Report{}, ground.NoTable(m, name)
		case side.table.Name == "":
			fmt.Fprintf(g.Err, "generation %d has no table %s for you: it counts as empty there\n", side.generation, side.other.Name)
		}
	}
	if _, err := ground.Whole(ctx, w, f.from, []api.Table{in.From}); err != nil {
		return diff.Report{}, err
	}
	if _, err := ground.Whole(ctx, w, f.to, []api.Table{in.To}); err != nil {
		return diff.Report{}, err
	}
	if f.output != "" {
		if in.Parquet, err = filepath.Abs(f.output); err != nil {
			return diff.Report{}, fault.Wrap(fault.Config, err, "find --output")
		}
	}
	return diff.Run(ctx, duck.Default(), in)
}

// heldBefore is the newest held generation before another.
func heldBefore(w *mirror.Workspace, generation int64) (int64, error) {
	held, err := w.Generations()
	if err != nil {
		return 0, err
	}
	for _, n := range held { // newest first
		if n < generation {
			return n, nil
		}
	}
	return 0, fault.Newf(fault.StateExpired, "no generation before %d is held here", generation).
		WithHelp("An older one, while the server keeps it: analyst pull --generation N")
}

// tableAt is a table in a held generation; zero where that generation has none for the person. One that was left out when
// the generation was pulled is not at hand.
func tableAt(w *mirror.Workspace, name string, generation int64) (api.Table, error) {
	m, body, err := ground.Generation(w, generation)
	if err != nil {
		return api.Table{}, err
	}
	if t, ok := m.Find(name); ok {
		return t, nil
	}
	whole, err := api.DecodeManifest(body)
	if err != nil {
		return api.Table{}, fault.Wrap(fault.Data, err, "read the manifest")
	}
	if t, ok := whole.Find(name); ok {
		return api.Table{}, fault.Newf(fault.StateExpired, "%s of generation %d was not pulled", t.Name, generation).
			WithHelp(fmt.Sprintf("Run: analyst pull %s --generation %d", t.Name, generation))
	}
	return api.Table{}, nil
}

func printDiff(g *ground.Ground, r diff.Report, rows bool) error {
	for _, c := range r.Schema {
		fmt.Fprintf(g.Out, "column %s: %s %s\n", terminal.Plain(c.Column), c.Op, strings.TrimSpace(strings.Trim(c.From+" → "+c.To, " →")))
	}
	if rows && len(r.Rows) > 0 {
		lines := make([]table.Row, len(r.Rows))
		for i, row := range r.Rows {
			var key []string
			for _, k := range r.Key {
				key = append(key, cell(row.Key[k]))
			}
			if len(r.Key) == 0 {
				key = []string{cell(firstOf(row.Before, row.After))}
			}
			lines[i] = table.Row{row.Op, strings.Join(key, ", "), short(differs(r.Key, row), 100)}
		}
		name := strings.Join(r.Key, ", ")
		if name == "" {
			name = "row"
		}
		if err := terminal.Grid(g.Out, table.Row{"", name, "VALUES"}, lines); err != nil {
			return err
		}
		fmt.Fprintln(g.Out)
	}
	if r.Truncated {
		fmt.Fprintf(g.Out, "Only the first %d rows are shown: --limit 0 shows all.\n", len(r.Rows))
	}
	_, err := fmt.Fprintf(g.Out, "%s, generation %d → %d: %s added, %s changed, %s removed\n", r.Table, r.From, r.To, terminal.Count(r.Added), terminal.Count(r.Changed), terminal.Count(r.Removed))
	return err
}

// differs says what of a row changed; of one that came or went, what it holds beside its key.
func differs(key []string, row diff.Row) string {
	var what []string
	if row.Op == "changed" {
		for _, c := range row.Columns {
			what = append(what, fmt.Sprintf("%s: %s → %s", c, cell(row.Before[c]), cell(row.After[c])))
		}
		return strings.Join(what, "; ")
	}
	values := firstOf(row.Before, row.After)
	for _, c := range slices.Sorted(maps.Keys(values)) {
		if len(key) > 0 && !slices.Contains(key, c) {
			what = append(what, c+": "+cell(values[c]))
		}
	}
	return strings.Join(what, "; ")
}

func firstOf(before, after map[string]any) map[string]any {
	if before != nil {
		return before
	}
	return after
}

package answer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/analyst/assistant"
	"github.com/ai-data-analyst/broker/web/analyst/ground"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/mirror"
	"github.com/ai-data-analyst/broker/web/mirror/ask"
	"github.com/ai-data-analyst/broker/web/mirror/duck"
	"github.com/ai-data-analyst/broker/web/mirror/views"
	"github.com/ai-data-analyst/broker/web/terminal"
)

// NewSample is the verb sample.
func NewSample(g *ground.Ground) *cobra.Command {
	var rows int64
	var format string
	cmd := &cobra.Command{
		Use: "sample TABLE", Short: "Show a few rows of a table", Args: cobra.ExactArgs(1),
		Example: "  analyst sample shop.orders\n  analyst sample orders --rows 3 --format md",
		RunE: func(cmd *cobra.Command, args []string) error {
			if rows < 1 || rows > 1000 {
				return terminal.UsageError{Command: cmd, Err: errors.New("--rows is between 1 and 1000")}
			}
			if !slices.Contains(ask.Formats, format) {
				return terminal.UsageError{Command: cmd, Err: fmt.Errorf("there is no format %q: %s", format, strings.Join(ask.Formats, ", "))}
			}
			_, _, t, err := g.HeldTable(args[0])
			if err != nil {
				return err
			}
			sql := "SELECT * FROM " + duck.Quote(t.Namespace) + "." + duck.Quote(t.Table)
			return query(cmd.Context(), g, sql, queryFlags{format: format, limit: rows, noReceipt: true, excerpt: true})
		},
	}
	cmd.Flags().Int64Var(&rows, "rows", 10, "how many rows")
	cmd.Flags().StringVar(&format, "format", "table", strings.Join(ask.Formats, ", "))
	return cmd
}

// local answers the tools of assistants from the copy.
func local(g *ground.Ground, w *mirror.Workspace) assistant.Local {
	return assistant.Local{Copy: w, Docs: ground.Docs(w), Now: g.Now, Ask: func(ctx context.Context, sql string, limit int, generation int64) (api.Result, error) {
		return askTool(ctx, g, sql, limit, generation)
	}}
}

// askTool runs a statement for an assistant and leaves a receipt.
func askTool(ctx context.Context, g *ground.Ground, sql string, limit int, generation int64) (api.Result, error) {
	q, err := begin(ctx, g, sql, queryFlags{generation: generation, limit: int64(limit)})
	if err != nil {
		return api.Result{}, err
	}
	defer q.Close()
	out := api.Result{Columns: q.answer.Columns, Rows: [][]any{}, Generation: q.manifest.Generation}
	for {
		row, err := q.answer.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return out, err
		}
		cells := make([]any, len(row))
		for i, v := range row {
			cells[i] = ask.Value(out.Columns[i].Type, v)
		}
		out.Rows = append(out.Rows, cells)
	}
	out.Truncated = q.answer.Truncated()
	r, err := q.receipt(ctx, g)
	if unkept(err) {
		return out, nil
	}
	out.Receipt = r.ID
	return out, err
}

// yours says of an error of the person's own database that it is theirs to mend (Y6).
func yours(err error, w *mirror.Workspace) error {
	if f, ok := fault.As(err); ok && f.Code == fault.Data && strings.Contains(f.What, w.Mine()) {
		return f.WithHelp("mine.duckdb is your own and is never touched: open it with the DuckDB that made it, or move it away, and a new one is made.")
	}
	return err
}

// NewSQL is the verb sql.
func NewSQL(g *ground.Ground) *cobra.Command {
	var generation int64
	cmd := &cobra.Command{
		Use:   "sql",
		Short: "An SQL prompt: your own database, and your company's tables as lake",
		Long: "An SQL prompt over user/duckdb/mine.duckdb, which is yours, with your company's tables attached read-only as lake and on\n" +
			"the search path. End a statement with a semicolon; .tables lists tables, .quit ends.",
		Example: "  analyst sql\n  echo 'create table top as from orders limit 10; from top;' | analyst sql",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			w, m, err := g.Held()
			if err != nil {
				return err
			}
			if err := g.Settle(cmd.Context(), w); err != nil {
				return err
			}
			s := duck.Session{Mine: w.Mine(), Database: w.Database(), Folders: []string{w.Dir + "/server", w.Dir + "/user"}}
			if generation != 0 && generation != m.Generation {
				other, _, err := ground.Generation(w, generation)
				if err != nil {
					return err
				}
				if s, err = past(cmd.Context(), w, other); err != nil {
					return err
				}
			} else if !w.Ready(ground.Builder()) || !w.Writable() {
				fmt.Fprintln(g.Err, "Your tables are here, and nothing can be kept.")
				s.Mine, s.Database = "", ""
				s.Statements, _ = views.Statements(m, w.PartPath, nil)
			}
			conn, err := duck.Default().Open(cmd.Context(), s)
			if err != nil {
				return yours(err, w)
			}
			return errors.Join(prompt(cmd.Context(), g, conn), conn.Close())
		},
	}
	cmd.Flags().Int64Var(&generation, "generation", 0, "an older generation that is held here; nothing can be kept then")
	return cmd
}

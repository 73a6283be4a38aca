// Package answer holds the verbs that answer from the copy: query, sql, ls, schema, describe, sample, metrics, diff, receipt,
// mcp.
//
// Only the program's main imports it.
package answer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/analyst/file"
	"github.com/ai-data-analyst/broker/web/analyst/ground"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/mirror"
	"github.com/ai-data-analyst/broker/web/mirror/ask"
	"github.com/ai-data-analyst/broker/web/mirror/duck"
	"github.com/ai-data-analyst/broker/web/mirror/receipt"
	"github.com/ai-data-analyst/broker/web/mirror/views"
	"github.com/ai-data-analyst/broker/web/terminal"
)

// queryFlags are what a person says at query.
type queryFlags struct {
	format, file, output string
	generation, limit    int64
	remote, noReceipt    bool
	excerpt              bool // a few rows are what was asked for
	params               []string
}

// NewQuery is the verb query.
func NewQuery(g *ground.Ground) *cobra.Command {
	var f queryFlags
	cmd := &cobra.Command{
		Use:   "query SQL | - | -f FILE",
		Short: "Ask one read-only statement and leave a receipt",
		Long: "Ask one read-only statement of your tables, as DuckDB writes SQL. Tables are views: shop.orders, or orders where that is\n" +
			"unique. Every answer leaves a receipt, with which a colleague can run it again.",
		Example: "  analyst query \"select segment, count(*) from customers group by 1\"\n  analyst query -f report.sql --format csv > report.csv\n" +
			"  analyst query --generation 12 --format json \"from orders limit 3\"\n  analyst query 'select * from orders where status = $s' --param s=delivered",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(args); err != nil {
				return terminal.UsageError{Command: cmd, Err: err}
			}
			sql, err := statement(g, args, f.file)
			if err != nil {
				return err
			}
			if !cmd.Flags().Changed("limit") && f.format == "table" && terminal.IsTerminal(g.Out) {
				f.limit = terminalRows
			}
			if f.remote {
				return queryRemote(cmd.Context(), g, sql, f)
			}
			return query(cmd.Context(), g, sql, f)
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&f.file, "file", "f", "", "read the statement from a file")
	flags.StringVar(&f.format, "format", "table", "table, json, csv, md or parquet")
	flags.StringVarP(&f.output, "output", "o", "", "write to this file")
	flags.Int64Var(&f.generation, "generation", 0, "an older generation that is held here (default the one in use)")
	flags.Int64Var(&f.limit, "limit", 0, "most rows; 0 is all (default on a terminal 200)")
	flags.BoolVar(&f.remote, "remote", false, "ask on the server")
	flags.BoolVar(&f.noReceipt, "no-receipt", false, "leave no receipt")
	flags.StringArrayVar(&f.params, "param", nil, "a parameter, NAME=VALUE or NAME:TYPE=VALUE, for $NAME in the statement")
	return cmd
}

// terminalRows is how many rows a terminal gets unless it asks for more.
const terminalRows = 200

// check refuses flags that mean nothing, or not together.
func (f queryFlags) check(args []string) error {
	switch {
	case len(args) == 1 && f.file != "":
		return errors.New("give the statement or a file, not both")
	case len(args) == 0 && f.file == "":
		return errors.New("give a statement, - for standard input, or -f FILE")
	case f.format != "parquet" && !slices.Contains(ask.Formats, f.format):
		return fmt.Errorf("there is no format %q: table, json, csv, md, parquet", f.format)
	case f.format == "parquet" && f.output == "":
		return errors.New("--format parquet needs --output FILE")
	case f.limit < 0:
		return errors.New("--limit is a number of rows, 0 for all")
	case f.generation < 0:
		return errors.New("--generation is the number of a generation")
	}
	return nil
}

// statement is the SQL that the person gave: as an argument, from a file, or from standard input for "-".
func statement(g *ground.Ground, args []string, file string) (string, error) {
	switch {
	case file != "":
		text, err := os.ReadFile(file)
		return string(text), fault.Wrap(fault.Config, err, "read the statement")
	case args[0] == "-":
		text, err := io.ReadAll(io.LimitReader(g.In, ask.MaxBytes+1))
		return string(text), fault.Wrap(fault.Config, err, "read the statement from standard input")
	}
	return args[0], nil
}

// query asks the copy.
func query(ctx context.Context, g *ground.Ground, sql string, f queryFlags) error {
	q, err := begin(ctx, g, sql, f)
	if err != nil {
		return err
	}
	defer q.Close()
	if f.format == "parquet" {
		err = q.parquet(ctx)
	} else {
		err = q.write(g, f)
	}
	if err != nil || f.noReceipt {
		return err
	}
	r, err := q.receipt(ctx, g)
	switch {
	case unkept(err):
		fmt.Fprintln(g.Err, strings.TrimSpace(fmt.Sprintf("no receipt: %s. %s", fault.TextOf(err), fault.HelpOf(err))))
		return nil
	case err != nil:
		return err
	}
	fmt.Fprintln(g.Err, "receipt:", r.ID)
	return nil
}

// unkept says whether no receipt could be signed or kept here. The answer is there all the same: asking works offline, signed
// out, and in a copy that only others may write.
func unkept(err error) bool { return fault.CodeOf(err) == fault.Auth || mirror.Unwritable(err) }

// question is a statement on its way.
type question struct {
	workspace *mirror.Workspace
	manifest  api.Manifest
	body      []byte // of the manifest
	engine    duck.Engine
	conn      duck.Conn
	statement ask.Statement
	params    []duck.Param
	limit     int64
	answer    *ask.Answer
	hasher    *receipt.Hasher
}

// begin checks the statement, opens the generation and asks.
func begin(ctx context.Context, g *ground.Ground, sql string, f queryFlags) (*question, error) {
	s, err := ask.Check(sql)
	if err != nil {
		return nil, err
	}
	w, err := g.Workspace()
	if err != nil {
		return nil, err
	}
	if err := g.Settle(ctx, w); err != nil {
		return nil, err
	}
	q := &question{workspace: w, engine: duck.Default(), statement: s, limit: f.limit}
	if q.params, err = ask.Params(f.params); err != nil {
		return nil, err
	}
	q.manifest, q.body, err = ground.Generation(w, f.generation)
	if err != nil {
		return nil, err
	}
	session, err := q.session(ctx, f)
	if err != nil {
		return nil, err
	}
	if q.conn, err = open(ctx, g, q, session); err != nil {
		return nil, err
	}
	if q.answer, err = ask.Run(ctx, q.conn, s, f.limit, q.params); err != nil {
		return nil, errors.Join(err, q.conn.Close())
	}
	q.hasher = receipt.NewHasher(q.answer.Columns, s.Ordered)
	q.answer.See = q.hasher.Add
	return q, nil
}

// open opens the session. A database of views that does not open, because another program broke it or is writing to it, is
// no reason not to answer: the same views are made in memory (Y6).
func open(ctx context.Context, g *ground.Ground, q *question, session duck.Session) (duck.Conn, error) {
	conn, err := q.engine.Open(ctx, session)
	if c := fault.CodeOf(err); session.Database == "" || ctx.Err() != nil || c != fault.Data && c != fault.Transient {
		return conn, err
	}
	fmt.Fprintf(g.Err, "analytics.duckdb does not open, so the views were made in memory: %s\n  %s\n", terminal.Plain(fault.TextOf(err)), fault.HelpOf(err))
	session.Database = ""
	session.Statements, _ = views.Statements(q.manifest, q.workspace.PartPath, nil)
	return q.engine.Open(ctx, session)
}

// session is the held generation's: the database of views, or the same views in memory for another generation.
func (q *question) session(ctx context.Context, f queryFlags) (duck.Session, error) {
	s := duck.Session{Folders: []string{filepath.Join(q.workspace.Dir, "server")}}
	if f.format == "parquet" {
		var err error
		if s.Save, err = filepath.Abs(f.output); err != nil {
			return s, fault.Wrap(fault.Config, err, "find --output")
		}
	}
	current, _, err := q.workspace.Manifest(0)
	if err != nil {
		return s, err
	}
	inUse := current.Generation == q.manifest.Generation
	if inUse && q.workspace.Ready(ground.Builder()) {
		s.Database = q.workspace.Database()
		return s, nil
	}
	if !inUse { // Settle looks after the one in use
		if _, err := ground.Whole(ctx, q.workspace, q.manifest.Generation, read(q.manifest, q.statement.Text)); err != nil {
			return s, err
		}
	}
	s.Statements, _ = views.Statements(q.manifest, q.workspace.PartPath, nil)
	return s, nil
}

// read are the tables that a statement may read.
func read(m api.Manifest, sql string) []api.Table {
	var tables []api.Table
	for _, named := range receipt.TablesOf(m, sql) {
		if t, ok := m.Find(named.Name); ok {
			tables = append(tables, t)
		}
	}
	return tables
}

// write writes the answer as text, to the file or to standard output.
func (q *question) write(g *ground.Ground, f queryFlags) error {
	wide := 0
	if f.output == "" && terminal.IsTerminal(g.Out) {
		wide = 60
	}
	err := file.Into(g.Out, f.output, func(out io.Writer) error { return ask.Write(out, q.answer, f.format, wide) })
	if err == nil && q.answer.Truncated() && !f.excerpt {
		fmt.Fprintf(g.Err, "only the first %d rows are shown: --limit 0 shows all\n", f.limit)
	}
	return err
}

// parquet lets the engine write the file: the rows are asked for once more, for the receipt is of the same statement.
func (q *question) parquet(ctx context.Context) error {
	if err := q.answer.Rest(); err != nil {
		return err
	}
	if err := q.answer.Close(); err != nil {
		return err
	}
	return ask.Parquet(ctx, q.conn, q.statement, q.limit, q.params)
}

// receipt signs and keeps what was asked and what came.
func (q *question) receipt(ctx context.Context, g *ground.Ground) (receipt.Receipt, error) {
	version, err := q.engine.Version(ctx)
	if err != nil {
		return receipt.Receipt{}, err
	}
	r := receipt.Receipt{ID: receipt.NewID(g.Now()), SQL: q.statement.Text, Params: q.params, Generation: q.manifest.Generation, ManifestSHA256: sum(q.body),
		Engine: receipt.Engine{Name: "duckdb", Version: version}, Tables: receipt.TablesOf(q.manifest, q.statement.Text), Limit: q.limit,
		Ordered: q.statement.Ordered, Deterministic: q.statement.Deterministic && (q.statement.Ordered || !q.answer.Truncated()),
		At: g.Now().UTC().Truncate(time.Second), User: q.manifest.User}
	if r.Params == nil {
		r.Params = []duck.Param{}
	}
	result, err := q.hasher.Result()
	if err != nil {
		return receipt.Receipt{}, err
	}
	r.Of(result)
	return r, sign(g, q.workspace, &r)
}

// Close ends the session.
func (q *question) Close() error {
	return errors.Join(q.answer.Close(), q.conn.Close(), q.hasher.Close())
}

// queryRemote asks the server.
func queryRemote(ctx context.Context, g *ground.Ground, sql string, f queryFlags) error {
	if f.format == "parquet" || f.format == "md" || len(f.params) > 0 {
		return fault.New(fault.Config, "the server answers as table, json or csv, without parameters").WithHelp("Ask here, without --remote, or choose another format.")
	}
	w, err := g.Workspace()
	if err != nil {
		return err
	}
	c, _, err := g.Server(w)
	if err != nil {
		return err
	}
	if f.format == "csv" {
		body, err := c.Query(ctx, api.Query{SQL: sql, Format: "csv", Limit: f.limit, Generation: f.generation})
		if err != nil {
			return err
		}
		return errors.Join(file.Into(g.Out, f.output, func(out io.Writer) error {
			_, err := io.Copy(out, body)
			return err
		}), body.Close())
	}
	result, err := c.QueryRows(ctx, api.Query{SQL: sql, Format: "json", Limit: f.limit, Generation: f.generation})
	if err != nil {
		return err
	}
	return file.Into(g.Out, f.output, func(out io.Writer) error { return printResult(g, out, result, f.format) })
}

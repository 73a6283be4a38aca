package duck

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/mirror/lex"
)

// Program is a duckdb program as engine: SQL goes in by standard input, a statement a line, rows come back as one JSON
// object a line.
type Program struct{ Path string }

// Kind implements Engine.
func (Program) Kind() string { return "path" }

// passed are the variables that the program gets: none of them holds a secret.
var passed = []string{"PATH", "HOME", "USERPROFILE", "SYSTEMROOT", "TMPDIR", "TEMP", "TMP", "LANG", "LC_ALL"}

// endsWithin is how long a program may take to end once it was told to.
const endsWithin = 5 * time.Second

// command is the program over an empty database in memory, without a start-up file of the person's. It ends at the first
// error.
func (p Program) command(ctx context.Context, arguments ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, p.Path, arguments...)
	cmd.WaitDelay = endsWithin
	cmd.Env = []string{"TZ=UTC"}
	for _, name := range passed {
		if value, ok := os.LookupEnv(name); ok {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	return cmd
}

// start runs statements; the rows are those of the last, and of others that give any.
func (p Program) start(ctx context.Context, statements []string, columns []api.TypedName) (*printed, error) {
	var script strings.Builder
	for _, s := range statements {
		line, err := lex.OneLine(s)
		if err != nil {
			return nil, refused(err.Error())
		}
		script.WriteString(line + ";\n")
	}
	cmd := p.command(ctx, "-init", os.DevNull, "-batch", "-bail", "-jsonlines")
	cmd.Stdin = strings.NewReader(script.String())
	rows := &printed{ctx: ctx, cmd: cmd, columns: columns}
	cmd.Stderr = &rows.errs
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return nil, fault.Wrap(fault.Config, err, "start "+p.Path)
	}
	rows.read(out)
	return rows, nil
}

// with runs statements of our own and returns their rows.
func (p Program) with(ctx context.Context, statements []string) ([][]*string, error) {
	rows, err := p.start(ctx, statements, nil)
	if err != nil {
		return nil, err
	}
	return drain(rows)
}

// longestVersion bounds what is taken for a version.
const longestVersion = 100

// Version implements Engine.
func (p Program) Version(ctx context.Context) (string, error) {
	out, err := p.command(ctx, "--version").Output()
	if err != nil {
		return "", fault.Wrap(fault.Config, err, "ask "+p.Path+" for its version")
	}
	version, _, _ := strings.Cut(strings.TrimSpace(string(out)), " ")
	if version == "" || len(version) > longestVersion {
		return "", fault.Newf(fault.Config, "%s does not say its version: it may not be DuckDB", p.Path)
	}
	return version, nil
}

// Build implements Engine.
func (p Program) Build(ctx context.Context, path string, statements []string) error {
	if _, err := p.with(ctx, building(path, statements)); err != nil {
		return fault.Wrap(fault.CodeOf(err), err, "make the database of views")
	}
	return syncFile(path)
}

// OwnTables implements Engine.
func (p Program) OwnTables(ctx context.Context, path string) ([]string, error) {
	rows, err := p.with(ctx, []string{attaching(path), ownTables})
	return firsts(rows), err
}

// Open implements Engine: each statement runs in a process of its own, so nothing is held open, and what a statement sets
// ends with it.
func (p Program) Open(ctx context.Context, s Session) (Conn, error) {
	scratch, err := os.MkdirTemp("", "analyst-")
	if err != nil {
		return nil, fault.Wrap(fault.Config, err, "make a folder for what does not fit into memory")
	}
	c := programConn{program: p, scratch: scratch, opening: s.opening(scratch), save: s.Save}
	if _, err := p.with(ctx, c.opening); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

type programConn struct {
	program Program
	scratch string // folder of its own
	opening []string
	save    string
}

// Close implements Conn.
func (c programConn) Close() error {
	return fault.Wrap(fault.Config, os.RemoveAll(c.scratch), "clear a session's folder")
}

func (c programConn) after(statements ...string) []string {
	return append(append([]string{}, c.opening...), statements...)
}

// Describe implements Conn.
func (c programConn) Describe(ctx context.Context, sql string, params []Param) ([]api.TypedName, error) {
	text, err := relation(sql, params)
	if err != nil {
		return nil, err
	}
	return c.columns(ctx, text)
}

func (c programConn) columns(ctx context.Context, relation string) ([]api.TypedName, error) {
	rows, err := c.program.with(ctx, c.after(describing(relation)))
	if err != nil {
		return nil, err
	}
	return typedNames(rows), nil
}

// Query implements Conn. What the statement is need not be known: it stands in parentheses that it cannot leave, where
// DuckDB takes a relation and nothing else.
func (c programConn) Query(ctx context.Context, sql string, limit int64, params []Param) (Rows, error) {
	text, err := relation(sql, params)
	if err != nil {
		return nil, err
	}
	columns, err := c.columns(ctx, text)
	if err != nil {
		return nil, err
	}
	return c.program.start(ctx, c.after(texts(text, columns, limit)), columns)
}

// Save implements Conn.
func (c programConn) Save(ctx context.Context, sql string, limit int64, params []Param) error {
	text, err := relation(sql, params)
	if err != nil {
		return err
	}
	columns, err := c.columns(ctx, text)
	if err != nil {
		return err
	}
	return saving(c.save, saved(text, columns, limit), func(copying string) error {
		_, err := c.program.with(ctx, c.after(copying))
		return err
	})
}

// Run implements Conn: a relation comes as by Query. Of other statements the names of columns are those of the first row.
func (c programConn) Run(ctx context.Context, sql string) (Rows, error) {
	if text, err := relation(sql, nil); err == nil && asks(text) {
		return c.Query(ctx, text, 0, nil)
	}
	rows, err := c.program.start(ctx, c.after(sql), nil)
	if err != nil {
		return nil, err
	}
	return rows, rows.peek()
}

// asks says whether a text begins as relations do.
func asks(text string) bool {
	tokens, err := lex.Split(text)
	if err != nil {
		return false
	}
	for _, t := range tokens {
		if t.Sign("(") {
			continue
		}
		return t.Is("select") || t.Is("from") || t.Is("values") || t.Is("table") || t.Is("describe") || t.Is("summarize") || t.Is("show")
	}
	return false
}

package duck

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
)

// Program is a duckdb program as engine: SQL goes in by standard input, rows come back as one JSON object a line.
type Program struct{ Path string }

// onPath finds the duckdb program. A name in the working folder does not count.
func onPath() (Engine, bool) {
	path, err := exec.LookPath("duckdb")
	if err != nil {
		return nil, false
	}
	if path, err = filepath.Abs(path); err != nil {
		return nil, false
	}
	return Program{Path: path}, true
}

// Kind implements Engine.
func (Program) Kind() string { return "path" }

// command is the program over a database, with no start-up file of the person's and no variables that it does not need.
func (p Program) command(ctx context.Context, flags ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, p.Path, append([]string{"-init", os.DevNull, "-batch", "-bail", "-jsonlines"}, flags...)...)
	for _, name := range []string{"PATH", "HOME", "USERPROFILE", "SYSTEMROOT", "TMPDIR", "TEMP", "LANG", "TZ"} {
		if value, ok := os.LookupEnv(name); ok {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	return cmd
}

// execute runs statements and returns what they print.
func (p Program) execute(ctx context.Context, flags []string, statements []string) ([]byte, error) {
	cmd := p.command(ctx, flags...)
	cmd.Stdin = strings.NewReader(strings.Join(statements, ";\n") + ";\n")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return nil, said(ctx, &errs, err)
	}
	return out.Bytes(), nil
}

// said is the error that the program wrote.
func said(ctx context.Context, errs *bytes.Buffer, err error) error {
	if text := strings.TrimSpace(errs.String()); text != "" {
		return wrongSQL(ctx, errors.New(text))
	}
	return wrongSQL(ctx, err)
}

// Version implements Engine.
func (p Program) Version(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, p.Path, "--version").Output()
	if err != nil {
		return "", fault.Wrap(fault.Config, err, "ask "+p.Path+" for its version")
	}
	version, _, _ := strings.Cut(strings.TrimSpace(string(out)), " ")
	return version, nil
}

// Build implements Engine.
func (p Program) Build(ctx context.Context, path string, statements []string) error {
	all := append(append([]string{"BEGIN"}, statements...), "COMMIT", "CHECKPOINT")
	if _, err := p.execute(ctx, []string{path}, all); err != nil {
		return err
	}
	return syncFile(path)
}

// OwnTables implements Engine.
func (p Program) OwnTables(ctx context.Context, path string) ([]string, error) {
	out, err := p.execute(ctx, []string{"-readonly", path}, []string{ownTables + " "})
	if err != nil {
		return nil, err
	}
	var names []string
	lines := json.NewDecoder(bytes.NewReader(out))
	for {
		var row map[string]string
		if err := lines.Decode(&row); errors.Is(err, io.EOF) {
			return names, nil
		} else if err != nil {
			return nil, fault.Wrap(fault.Bug, err, "read what "+p.Path+" says")
		}
		for _, name := range row {
			names = append(names, name)
		}
	}
}

// Open implements Engine: each statement runs in a process of its own, so nothing is held open.
func (p Program) Open(_ context.Context, s Session) (Conn, error) {
	var flags []string
	switch {
	case s.Mine != "":
		flags = []string{s.Mine}
	case s.Database != "":
		flags = []string{"-readonly", s.Database}
	}
	return programConn{p, flags, s.opening()}, nil
}

type programConn struct {
	program Program
	flags   []string
	opening []string
}

// Close implements Conn.
func (programConn) Close() error { return nil }

// Query implements Conn.
func (c programConn) Query(ctx context.Context, sql string, limit int64, params []Param) (Rows, error) {
	before, err := variables(params)
	if err != nil {
		return nil, err
	}
	out, err := c.program.execute(ctx, c.flags, append(append([]string{}, c.opening...), before.run("SELECT column_name, column_type FROM (DESCRIBE (SELECT * FROM (\n"+sql+"\n)))")...))
	if err != nil {
		return nil, err
	}
	var columns []api.TypedName
	lines := json.NewDecoder(bytes.NewReader(out))
	for {
		var row struct {
			Name string `json:"column_name"`
			Type string `json:"column_type"`
		}
		if err := lines.Decode(&row); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fault.Wrap(fault.Bug, err, "read what "+c.program.Path+" says")
		}
		columns = append(columns, api.TypedName{Name: row.Name, Type: row.Type})
	}
	return c.stream(ctx, append(append([]string{}, c.opening...), before.run(texts(sql, columns, limit))...), columns)
}

// Run implements Conn. The names of columns are those of the first row.
func (c programConn) Run(ctx context.Context, sql string) (Rows, error) {
	return c.stream(ctx, append(append([]string{}, c.opening...), sql), nil)
}

func (c programConn) stream(ctx context.Context, statements []string, columns []api.TypedName) (Rows, error) {
	cmd := c.program.command(ctx, c.flags...)
	cmd.Stdin = strings.NewReader(strings.Join(statements, ";\n") + ";\n")
	rows := &programRows{ctx: ctx, cmd: cmd, columns: columns}
	cmd.Stderr = &rows.errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fault.Wrap(fault.Config, err, "start "+c.program.Path)
	}
	if err := cmd.Start(); err != nil {
		return nil, fault.Wrap(fault.Config, err, "start "+c.program.Path)
	}
	rows.lines = json.NewDecoder(out)
	rows.lines.UseNumber()
	if columns == nil {
		return rows, rows.peek()
	}
	return rows, nil
}

type programRows struct {
	ctx     context.Context
	cmd     *exec.Cmd
	lines   *json.Decoder
	errs    bytes.Buffer
	columns []api.TypedName
	first   []*string // read by peek
	ended   bool
}

// Columns implements Rows.
func (r *programRows) Columns() []api.TypedName { return r.columns }

// peek reads the first row for its names.
func (r *programRows) peek() error {
	names, row, err := r.read()
	if errors.Is(err, io.EOF) {
		return nil
	}
	for _, name := range names {
		r.columns = append(r.columns, api.TypedName{Name: name, Type: "VARCHAR"})
	}
	r.first = row
	return err
}

// Next implements Rows.
func (r *programRows) Next() ([]*string, error) {
	if r.first != nil {
		row := r.first
		r.first = nil
		return row, nil
	}
	_, row, err := r.read()
	if err == nil && len(row) != len(r.columns) {
		err = fault.Newf(fault.Bug, "%s gives %d values for %d columns", r.cmd.Path, len(row), len(r.columns))
	}
	return row, err
}

// read reads one object, its members in their order.
func (r *programRows) read() ([]string, []*string, error) {
	if r.ended {
		return nil, nil, io.EOF
	}
	open, err := r.lines.Token()
	if errors.Is(err, io.EOF) {
		r.ended = true
		if err := r.cmd.Wait(); err != nil {
			return nil, nil, said(r.ctx, &r.errs, err)
		}
		return nil, nil, io.EOF
	}
	if err != nil || open != json.Delim('{') {
		return nil, nil, fault.Newf(fault.Bug, "%s writes something else than rows", r.cmd.Path)
	}
	var names []string
	var row []*string
	for r.lines.More() {
		name, err := r.lines.Token()
		if err != nil {
			return nil, nil, fault.Wrap(fault.Bug, err, "read a row")
		}
		var value json.RawMessage
		if err := r.lines.Decode(&value); err != nil {
			return nil, nil, fault.Wrap(fault.Bug, err, "read a row")
		}
		text, _ := name.(string)
		names, row = append(names, text), append(row, plain(value))
	}
	_, err = r.lines.Token()
	return names, row, err
}

// plain is a JSON value as text: strings without quotes.
func plain(value json.RawMessage) *string {
	var text *string
	if json.Unmarshal(value, &text) == nil {
		return text
	}
	other := string(value)
	return &other
}

// Close implements Rows: a program that is not done is ended.
func (r *programRows) Close() error {
	if r.ended {
		return nil
	}
	r.ended = true
	_ = r.cmd.Process.Kill() //nolint:errcheck // it ended by itself
	_ = r.cmd.Wait()         //nolint:errcheck // killed
	return nil
}

// bound is how parameters are given to a statement.
type bound struct{ arguments string }

func variables(params []Param) (bound, error) {
	var list []string
	for _, p := range params {
		if p.Name == "" || strings.Trim(p.Name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != "" {
			return bound{}, fault.Newf(fault.Config, "%q is no name of a parameter", p.Name)
		}
		typ := p.Type
		switch typ {
		case "":
			typ = "VARCHAR"
		case "VARCHAR", "BIGINT", "INTEGER", "DOUBLE", "BOOLEAN":
		default:
			return bound{}, fault.New(fault.Config, "types of parameters are VARCHAR, BIGINT, DOUBLE and BOOLEAN")
		}
		list = append(list, p.Name+" := "+Literal(p.Value)+"::"+typ)
	}
	return bound{strings.Join(list, ", ")}, nil
}

func (b bound) run(sql string) []string {
	if b.arguments == "" {
		return []string{sql}
	}
	return []string{"PREPARE asked AS " + sql, "EXECUTE asked(" + b.arguments + ")"}
}

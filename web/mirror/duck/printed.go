package duck

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os/exec"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
)

// mostErrors bounds what is kept of the program's complaints.
const mostErrors = 64 << 10

// bounded keeps the beginning of what is written to it.
type bounded struct{ bytes.Buffer }

// Write implements io.Writer.
func (b *bounded) Write(text []byte) (int, error) {
	if room := mostErrors - b.Len(); room > 0 {
		b.Buffer.Write(text[:min(room, len(text))])
	}
	return len(text), nil
}

// printed are the rows that the program prints, a JSON object each.
type printed struct {
	ctx     context.Context
	cmd     *exec.Cmd
	lines   *json.Decoder
	errs    bounded
	columns []api.TypedName
	first   []*string // read by peek
	ended   bool
	failed  error // how it ended
}

func (r *printed) read(out io.Reader) {
	r.lines = json.NewDecoder(out)
	r.lines.UseNumber()
}

// Columns implements Rows.
func (r *printed) Columns() []api.TypedName { return r.columns }

// peek reads the first row for its names.
func (r *printed) peek() error {
	names, row, err := r.object()
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
func (r *printed) Next() ([]*string, error) {
	row := r.first
	r.first = nil
	if row == nil {
		var err error
		if _, row, err = r.object(); err != nil {
			return nil, err
		}
	}
	if r.columns != nil && len(row) != len(r.columns) {
		return nil, r.end(fault.Newf(fault.Bug, "%s gives %d values for %d columns", r.cmd.Path, len(row), len(r.columns)))
	}
	return row, finish(row, r.columns)
}

// object reads one object, its members in their order; io.EOF once the program has ended well.
func (r *printed) object() (names []string, row []*string, err error) {
	if r.ended {
		return nil, nil, r.failed
	}
	open, err := r.lines.Token()
	if err != nil {
		return nil, nil, r.end(ended(err))
	}
	if open != json.Delim('{') {
		return nil, nil, r.end(fault.Newf(fault.Config, "%s writes something else than rows: it may not be DuckDB", r.cmd.Path))
	}
	for r.lines.More() {
		name, value, err := r.member()
		if err != nil {
			return nil, nil, r.torn(err)
		}
		names, row = append(names, name), append(row, value)
	}
	if _, err := r.lines.Token(); err != nil {
		return nil, nil, r.torn(err)
	}
	return names, row, nil
}

// ended is nil for an end between rows: whether that is one, the program's exit says.
func ended(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return fault.Wrap(fault.Config, err, "read what the duckdb program writes")
}

// torn ends the program after a row that does not end. A program that ended well there is none that can be believed.
func (r *printed) torn(err error) error {
	if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return r.end(fault.Wrap(fault.Config, err, "read what the duckdb program writes"))
	}
	if failed := r.end(nil); !errors.Is(failed, io.EOF) {
		return failed
	}
	r.failed = fault.Newf(fault.Config, "%s ended within a row: it may not be DuckDB", r.cmd.Path)
	return r.failed
}

func (r *printed) member() (string, *string, error) {
	token, err := r.lines.Token()
	if err != nil {
		return "", nil, err
	}
	name, _ := token.(string) // names of members always are
	var value json.RawMessage
	if err := r.lines.Decode(&value); err != nil {
		return "", nil, err
	}
	var text *string
	if json.Unmarshal(value, &text) == nil {
		return name, text, nil
	}
	other := string(value)
	return name, &other, nil
}

// end waits for the program, with err when something else is wrong already. A program that fails says why.
func (r *printed) end(err error) error {
	if r.ended {
		return r.failed
	}
	r.ended = true
	if err != nil {
		_ = r.cmd.Process.Kill() // it may have ended by itself
	}
	exit := r.cmd.Wait()
	switch text := bytes.TrimSpace(r.errs.Bytes()); {
	case err != nil:
		r.failed = err
	case exit != nil && len(text) > 0:
		r.failed = wrongSQL(r.ctx, errors.New(string(text)))
	case exit != nil:
		r.failed = wrongSQL(r.ctx, exit)
	default:
		r.failed = io.EOF
	}
	return r.failed
}

// Close implements Rows: a program that is not done is ended.
func (r *printed) Close() error {
	if !r.ended {
		r.ended, r.failed = true, io.EOF
		_ = r.cmd.Process.Kill() // it may have ended by itself
		_ = r.cmd.Wait()         // how it ended does not matter: it was told to
	}
	return nil
}

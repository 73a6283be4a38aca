// Package result writes the rows of a query as JSON, CSV or Arrow, as they come: a result of any size needs the memory of
// one batch.
package result

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/ai-data-analyst/broker/web/api"
)

// Media types of results.
const (
	JSON  = "application/json"
	CSV   = "text/csv"
	Arrow = "application/vnd.apache.arrow.stream"
)

// Rows is a result under way (see v1.Rows).
type Rows interface {
	Columns() []api.TypedName
	Next() ([][]any, error)
	Arrow() io.Reader
	Truncated() bool
	Generation() int64
	Close() error
}

// Begin makes the first bytes, so that what fails at once is an error of the whole. format is json, csv or arrow; end is
// called when the stream is closed. On error everything is closed.
func Begin(rows Rows, format string, end context.CancelFunc) (*Stream, error) {
	r := &Stream{rows: rows, cancel: end}
	if err := r.begin(format); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// Media is the media type of the stream.
func (r *Stream) Media() string { return r.media }

// Stream is the answer as bytes, made as they are read.
type Stream struct {
	rows   Rows
	cancel context.CancelFunc
	media  string
	source io.Reader // of Arrow
	format func([][]any) error
	finish func() error
	ready  bytes.Buffer // not yet read
	first  bool
	done   bool
}

// begin makes the first bytes.
func (r *Stream) begin(format string) error {
	r.first = true
	switch format {
	case "arrow":
		r.media, r.source = Arrow, r.rows.Arrow()
		start := make([]byte, 64<<10) // a schema at least
		n, err := r.source.Read(start)
		r.ready.Write(start[:n])
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		return nil
	case "csv":
		r.media = CSV + "; charset=utf-8"
		return r.beginCSV()
	default:
		r.media = JSON
		return r.beginJSON()
	}
}

func (r *Stream) beginCSV() error {
	w := csv.NewWriter(&r.ready) // RFC 4180 with LF
	record := make([]string, 0, len(r.rows.Columns()))
	for _, column := range r.rows.Columns() {
		record = append(record, column.Name)
	}
	if err := w.Write(record); err != nil {
		return fmt.Errorf("write CSV: %w", err)
	}
	r.format = func(rows [][]any) error {
		for _, row := range rows {
			record = record[:0]
			for _, value := range row {
				record = append(record, cell(value))
			}
			if err := w.Write(record); err != nil {
				return fmt.Errorf("write CSV: %w", err)
			}
		}
		w.Flush()
		return w.Error()
	}
	r.finish = func() error { w.Flush(); return w.Error() }
	return r.more()
}

// cell is a value as text; NULL is the empty field.
func cell(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case json.Number:
		return v.String()
	}
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(text)
}

func (r *Stream) beginJSON() error {
	columns := r.rows.Columns()
	if columns == nil {
		columns = []api.TypedName{}
	}
	head, err := json.Marshal(columns)
	if err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	fmt.Fprintf(&r.ready, `{"columns":%s,"rows":[`, head)
	r.format = func(rows [][]any) error {
		for _, row := range rows {
			line, err := json.Marshal(row)
			if err != nil {
				return fmt.Errorf("write JSON: %w", err)
			}
			if !r.first {
				r.ready.WriteByte(',')
			}
			r.first = false
			r.ready.Write(line)
		}
		return nil
	}
	r.finish = func() error {
		fmt.Fprintf(&r.ready, `],"truncated":%t,"generation":%d}`, r.rows.Truncated(), r.rows.Generation())
		return nil
	}
	return r.more()
}

// more takes the next rows.
func (r *Stream) more() error {
	rows, err := r.rows.Next()
	if failed := r.format(rows); failed != nil {
		return failed
	}
	if errors.Is(err, io.EOF) {
		r.done = true
		return r.finish()
	}
	return err
}

// Read implements io.Reader. Its error breaks the answer off.
func (r *Stream) Read(p []byte) (int, error) {
	for r.ready.Len() == 0 {
		if r.source != nil {
			return r.source.Read(p)
		}
		if r.done {
			return 0, io.EOF
		}
		if err := r.more(); err != nil {
			return 0, err
		}
	}
	return r.ready.Read(p)
}

// Close implements io.Closer.
func (r *Stream) Close() error {
	defer r.cancel()
	return r.rows.Close()
}

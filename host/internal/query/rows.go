package query

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"sync"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/ipc"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/sdk/service"
	"github.com/ai-data-analyst/broker/web/api"
)

// Rows is a result under way. Close it. It is used by one goroutine.
type Rows struct {
	ctx        context.Context
	inner      service.Rows
	call       *call
	generation int64
	release    func()
	close      sync.Once

	record arrow.Record // being given out by Next
	at     int
	values []value // of record's columns
	arrow  *stream
}

func newRows(ctx context.Context, inner service.Rows, call *call, generation int64, release func()) *Rows {
	return &Rows{ctx: ctx, inner: inner, call: call, generation: generation, release: release}
}

// advance goes to the next batch; io.EOF after the last. An engine that ended before the first one is asked once more.
func (r *Rows) advance() error {
	for {
		if r.inner.Next(r.ctx) {
			r.call.out = true
			return nil
		}
		err := r.inner.Err()
		if err == nil {
			r.call.over = true
			return io.EOF
		}
		again, err := r.call.resume(r.ctx, err)
		if err != nil {
			return err
		}
		if !slices.EqualFunc(again.Columns(), r.inner.Columns(), sameColumn) {
			return errors.Join(fault.New(fault.Transient, "the query engine ended while it answered").WithHelp("Ask again."), again.Close())
		}
		if err := r.inner.Close(); err != nil { // of an engine that is gone
			return errors.Join(err, again.Close())
		}
		r.inner = again
	}
}

func sameColumn(a, b service.Column) bool {
	return a.Name == b.Name && a.EngineType == b.EngineType && a.Type.String() == b.Type.String()
}

// Columns are the result's names with the engine's spelling of their types.
func (r *Rows) Columns() []api.TypedName {
	columns := make([]api.TypedName, len(r.inner.Columns()))
	for i, c := range r.inner.Columns() {
		columns[i] = api.TypedName{Name: c.Name, Type: c.EngineType}
	}
	return columns
}

// valuesAtOnce is how many rows Next returns at most.
const valuesAtOnce = 1024

// Next returns rows as values of JSON (see api.Result), io.EOF after the last. Not to be mixed with Arrow.
func (r *Rows) Next() ([][]any, error) {
	if r.arrow != nil {
		return nil, ErrMixed
	}
	if r.record == nil || r.at == int(r.record.NumRows()) {
		if err := r.next(); err != nil {
			return nil, err
		}
	}
	end := min(r.at+valuesAtOnce, int(r.record.NumRows()))
	rows := make([][]any, 0, end-r.at)
	for ; r.at < end; r.at++ {
		row := make([]any, len(r.values))
		for i, v := range r.values {
			row[i] = v(r.at)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func (r *Rows) next() error {
	r.drop()
	if err := r.advance(); err != nil {
		return err
	}
	r.record, r.at = r.inner.Record(), 0
	r.values = r.values[:0]
	for i, c := range r.inner.Columns() {
		r.values = append(r.values, valueOf(c, r.record.Column(i)))
	}
	return nil
}

func (r *Rows) drop() {
	if r.record != nil {
		r.record.Release()
		r.record, r.values = nil, nil
	}
}

// Arrow is the whole result as an Arrow IPC stream. An error of the query is an error of the reader, so that a stream
// that ends early never looks whole.
func (r *Rows) Arrow() io.Reader {
	if r.arrow == nil {
		r.arrow = &stream{rows: r}
	}
	return r.arrow
}

// Truncated is known after the last row: more rows than the limit were there.
func (r *Rows) Truncated() bool { return r.inner.Truncated() }

// Generation is the one that was queried.
func (r *Rows) Generation() int64 { return r.generation }

// Close ends the query and gives its slot back.
func (r *Rows) Close() (err error) {
	r.close.Do(func() {
		r.drop()
		err = r.inner.Close()
		r.call.leave()
		r.release()
	})
	return err
}

// stream encodes a result while it is read.
type stream struct {
	rows   *Rows
	buffer bytes.Buffer
	writer *ipc.Writer
	err    error
}

// Read implements io.Reader.
func (s *stream) Read(p []byte) (int, error) {
	for s.buffer.Len() == 0 {
		if s.err != nil {
			return 0, s.err
		}
		s.buffer.Reset()
		s.err = s.more()
	}
	return s.buffer.Read(p)
}

// more encodes the schema or the next batch; io.EOF after the end.
func (s *stream) more() error {
	if s.writer == nil {
		if s.rows.record != nil {
			return ErrMixed
		}
		return s.begin()
	}
	switch err := s.rows.advance(); {
	case errors.Is(err, io.EOF):
		if err := s.writer.Close(); err != nil {
			return fault.Wrap(fault.Bug, err, "encode the end of the result")
		}
		return io.EOF // after the end mark, which is in the buffer
	case err != nil:
		return err
	}
	record := s.rows.inner.Record()
	defer record.Release()
	return fault.Wrap(fault.Bug, s.writer.Write(record), "encode rows")
}

func (s *stream) begin() error {
	columns := make([]sdk.Column, len(s.rows.inner.Columns()))
	for i, c := range s.rows.inner.Columns() {
		columns[i] = sdk.Column{Name: c.Name, Type: c.Type}
	}
	schema, err := sdk.ArrowSchema(columns)
	if err != nil {
		return fault.Wrap(fault.Bug, err, "describe the result")
	}
	s.writer = ipc.NewWriter(&s.buffer, ipc.WithSchema(schema))
	return nil
}

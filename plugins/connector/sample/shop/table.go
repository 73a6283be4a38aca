package shop

import (
	"context"
	"io"
	"iter"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// Table is one of the nine tables.
type Table interface {
	Name() string
	Doc() string
	Key() string
	Rows() int64
	// Schema is the Arrow schema of its batches.
	Schema() *arrow.Schema
	// Batches yields the rows in order, in batches of about the given number of rows. The caller releases each.
	Batches(ctx context.Context, rows int) iter.Seq2[arrow.Record, error]
	// WriteCSV writes header and rows: comma, CRLF, no quotes needed, the empty field for NULL. progress gets the number
	// of rows written so far, now and then; it may be nil.
	WriteCSV(ctx context.Context, w io.Writer, progress func(rows int64)) error
}

// spec declares a table: its columns and a function that makes the rows of one block.
type spec[R any] struct {
	name, doc, key string
	rows           func() int64
	columns        []column[R]
	blocks         int64
	fill           func(block int64, rows []R) []R
}

func (t *spec[R]) Name() string { return t.name }
func (t *spec[R]) Doc() string  { return t.doc }
func (t *spec[R]) Key() string  { return t.key }
func (t *spec[R]) Rows() int64  { return t.rows() }

func (t *spec[R]) Schema() *arrow.Schema {
	fields := make([]arrow.Field, len(t.columns))
	for i, c := range t.columns {
		fields[i] = arrow.Field{Name: c.name, Type: c.kind.arrow(), Nullable: c.name != t.key}
	}
	return arrow.NewSchema(fields, nil)
}

func (t *spec[R]) Batches(ctx context.Context, size int) iter.Seq2[arrow.Record, error] {
	return func(yield func(arrow.Record, error) bool) {
		schema, rows, sent := t.Schema(), []R(nil), 0
		for block := range t.blocks {
			if err := ctx.Err(); err != nil {
				yield(nil, err)
				return
			}
			rows = t.fill(block, rows)
			for len(rows)-sent >= size || block == t.blocks-1 && sent < len(rows) {
				n := min(size, len(rows)-sent)
				if !yield(t.batch(schema, rows[sent:sent+n]), nil) {
					return
				}
				sent += n
			}
			rows, sent = append(rows[:0], rows[sent:]...), 0
		}
	}
}

func (t *spec[R]) batch(schema *arrow.Schema, rows []R) arrow.Record {
	arrays := make([]arrow.Array, len(t.columns))
	for i := range t.columns {
		arrays[i] = t.columns[i].build(rows)
		defer arrays[i].Release()
	}
	return array.NewRecord(schema, arrays, int64(len(rows)))
}

// csvBuffer is how many bytes are gathered before a write.
const csvBuffer = 1 << 20

func (t *spec[R]) WriteCSV(ctx context.Context, w io.Writer, progress func(int64)) error {
	b, rows, written := make([]byte, 0, csvBuffer+csvBuffer/4), []R(nil), int64(0)
	for i, c := range t.columns {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, c.name...)
	}
	b = append(b, '\r', '\n')
	for block := range t.blocks {
		rows = t.fill(block, rows[:0])
		for i := range rows {
			b = t.line(b, &rows[i])
		}
		written += int64(len(rows))
		if len(b) < csvBuffer && block < t.blocks-1 {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
		b = b[:0]
		if progress != nil {
			progress(written)
		}
	}
	return nil
}

func (t *spec[R]) line(b []byte, r *R) []byte {
	for i := range t.columns {
		if i > 0 {
			b = append(b, ',')
		}
		b = t.columns[i].csv(b, r)
	}
	return append(b, '\r', '\n')
}

// Package table gives a declared table its two forms: CSV and Arrow batches.
//
// A row is written once, as the text of its cells; the batches read that text back by the kinds of the columns. So a
// table says each cell in one place, and both forms hold the same. It knows nothing of the shop.
package table

import (
	"context"
	"io"
	"iter"

	"github.com/apache/arrow/go/v17/arrow"
)

// Kind says what the text of a column's cells means.
type Kind uint8

// The kinds. An empty cell of any kind is NULL.
const (
	Text    Kind = iota
	Integer      // digits
	Money        // digits and two decimals: decimal(12,2)
	Date         // YYYY-MM-DD
	Moment       // YYYY-MM-DD HH:MM:SS, a timestamp without zone
)

// Column is a column's name and kind.
type Column struct {
	Name string
	Kind Kind
}

// Spec declares a table of rows of type R.
type Spec[R any] struct {
	Title, About string
	Columns      []Column // the first is the key
	Count        func() int64
	// Blocks yields all rows in order, a few thousand at a time; a block is valid until the next.
	Blocks iter.Seq[[]R]
	// Line appends the row's cells in the order of the columns, with a comma after each.
	Line func(b []byte, r *R) []byte
}

// Name is the table's name.
func (t *Spec[R]) Name() string { return t.Title }

// Doc says what the table holds.
func (t *Spec[R]) Doc() string { return t.About }

// Key is the name of the column that tells rows apart.
func (t *Spec[R]) Key() string { return t.Columns[0].Name }

// Rows is how many rows there are.
func (t *Spec[R]) Rows() int64 { return t.Count() }

// Schema is the Arrow schema of the batches.
func (t *Spec[R]) Schema() *arrow.Schema { return schema(t.Columns) }

// Batches yields the rows in order, in batches of the given number of rows. The caller releases each.
func (t *Spec[R]) Batches(ctx context.Context, size int) iter.Seq2[arrow.Record, error] {
	return func(yield func(arrow.Record, error) bool) {
		reader, text, held := newReader(t.Columns, size), []byte(nil), 0
		defer reader.release()
		for rows := range t.Blocks {
			if err := ctx.Err(); err != nil {
				yield(nil, err)
				return
			}
			for len(rows) > 0 {
				n := min(len(rows), size-held)
				text = text[:0]
				for i := range rows[:n] {
					text = t.Line(text, &rows[i])
				}
				reader.read(text)
				rows, held = rows[n:], held+n
				if held < size {
					continue
				}
				if !yield(reader.batch(), nil) {
					return
				}
				held = 0
			}
		}
		if held > 0 {
			yield(reader.batch(), nil)
		}
	}
}

// WriteCSV writes header and rows: comma, CRLF, no quotes needed, the empty field for NULL. progress gets the number of
// rows written so far, now and then and at the end; it may be nil.
func (t *Spec[R]) WriteCSV(ctx context.Context, w io.Writer, progress func(rows int64)) error {
	sheet := t.Sheet(w, progress)
	for rows := range t.Blocks {
		if err := sheet.Add(ctx, rows); err != nil {
			return err
		}
	}
	return sheet.Flush()
}

// Sheet is a CSV file being written.
type Sheet[R any] struct {
	line     func([]byte, *R) []byte
	w        io.Writer
	progress func(int64)
	text     []byte
	rows     int64
}

// flushAt is how many bytes are gathered before a write.
const flushAt = 256 << 10

// Sheet begins a CSV file with its header.
func (t *Spec[R]) Sheet(w io.Writer, progress func(rows int64)) *Sheet[R] {
	text := make([]byte, 0, flushAt+flushAt/4)
	for _, c := range t.Columns {
		text = append(append(text, c.Name...), ',')
	}
	return &Sheet[R]{line: t.Line, w: w, progress: progress, text: endLine(text)}
}

// Add appends rows.
func (s *Sheet[R]) Add(ctx context.Context, rows []R) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	text := s.text
	for i := range rows {
		text = endLine(s.line(text, &rows[i]))
	}
	s.text = text
	s.rows += int64(len(rows))
	if len(s.text) < flushAt {
		return nil
	}
	return s.Flush()
}

// Flush writes what is gathered.
func (s *Sheet[R]) Flush() error {
	if _, err := s.w.Write(s.text); err != nil {
		return err
	}
	s.text = s.text[:0]
	if s.progress != nil {
		s.progress(s.rows)
	}
	return nil
}

// endLine turns the last cell's comma into the end of the line.
func endLine(b []byte) []byte {
	b[len(b)-1] = '\r'
	return append(b, '\n')
}

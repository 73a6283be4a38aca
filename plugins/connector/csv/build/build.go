// Package build turns the cells of blocks into Arrow batches: each value is read from the text straight into the
// buffers that travel to the host.
//
// It goes column by column over a block, so that every loop knows its type. A cell that does not fit its column's type
// is reported and never changed (G7). It reads no files and decides on no policy; only the csv connector imports it.
package build

import (
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/ai-data-analyst/broker/plugins/connector/csv/infer"
	"github.com/ai-data-analyst/broker/plugins/connector/csv/scan"
)

// Column says what becomes of one cell of each row.
type Column struct {
	Cell int // which cell of a row
	Kind infer.Kind
}

// Misfit is a cell that does not fit the type of its column.
type Misfit struct {
	Row, Column int // of the block, of the batch
}

// Flag counts the cells of a text column that a spreadsheet would run as a formula. They are kept as they are.
type Flag struct {
	Count uint64
	Line  int // of the first
}

// Builder collects rows for a batch.
type Builder struct {
	schema  *arrow.Schema
	columns []column
	quote   byte
	rows    int
	Flags   []Flag // of each column, over all batches
}

// New returns a Builder of batches with the given schema, one Column for each of its fields.
func New(schema *arrow.Schema, columns []Column, quote byte, mem memory.Allocator) *Builder {
	b := &Builder{schema: schema, quote: quote, columns: make([]column, len(columns)), Flags: make([]Flag, len(columns))}
	for i, c := range columns {
		b.columns[i] = column{Column: c, values: memory.NewResizableBuffer(mem), mem: mem}
		if c.Kind == infer.Text {
			b.columns[i].offsets = memory.NewResizableBuffer(mem)
		}
	}
	return b
}

// Rows returns how many rows wait.
func (b *Builder) Rows() int { return b.rows }

// Bytes returns how large the waiting rows are.
func (b *Builder) Bytes() int {
	n := 0
	for i := range b.columns {
		n += b.columns[i].size(b.rows)
	}
	return n
}

// Add adds the rows of block, or none of them if some do not fit: then it returns the first misfit of each such row,
// in order, and the caller may drop these rows from the block and add it again.
func (b *Builder) Add(block *scan.Block) []Misfit {
	var misfits []Misfit
	for i := range b.columns {
		c := &b.columns[i]
		c.before = c.state
		c.add(block, b.rows, b.quote)
		for _, row := range c.misfits {
			misfits = append(misfits, Misfit{Row: row, Column: i})
		}
		c.misfits = c.misfits[:0]
	}
	if len(misfits) == 0 {
		for i := range b.columns {
			b.flag(i, block)
		}
		b.rows += block.Rows
		return nil
	}
	for i := range b.columns {
		b.columns[i].state = b.columns[i].before
	}
	slices.SortStableFunc(misfits, func(a, b Misfit) int { return a.Row - b.Row })
	return slices.CompactFunc(misfits, func(a, b Misfit) bool { return a.Row == b.Row })
}

func (b *Builder) flag(i int, block *scan.Block) {
	c, flag := &b.columns[i], &b.Flags[i]
	if n := c.formulas - c.before.formulas; n > 0 {
		if flag.Count == 0 {
			flag.Line = block.Line(c.formula)
		}
		flag.Count += n
	}
}

// Take returns the rows collected so far as a batch, which the caller releases, and begins a new one.
func (b *Builder) Take() arrow.Record {
	arrays := make([]arrow.Array, len(b.columns))
	for i := range b.columns {
		arrays[i] = b.columns[i].take(b.schema.Field(i).Type, b.rows)
	}
	batch := array.NewRecord(b.schema, arrays, int64(b.rows))
	for _, a := range arrays {
		a.Release()
	}
	b.rows = 0
	return batch
}

// Release frees what was collected and not taken.
func (b *Builder) Release() {
	for i := range b.columns {
		b.columns[i].release()
	}
	b.rows = 0
}

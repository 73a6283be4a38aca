package build

import (
	"encoding/binary"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/ai-data-analyst/broker/plugins/connector/csv/infer"
	"github.com/ai-data-analyst/broker/plugins/connector/csv/scan"
)

// column collects the values of one column.
type column struct {
	Column
	state
	before  state // as it was before the block at hand
	valid   *memory.Buffer
	values  *memory.Buffer
	offsets *memory.Buffer // Text only
	misfits []int          // rows of the block at hand
	formula int            // row of the block at hand with the first formula
	mem     memory.Allocator
}

type state struct {
	used     int // bytes of text
	nulls    int
	formulas uint64
}

// widths are the bytes of one value of each kind; Bool and Text have their own layout.
var widths = [...]int{infer.Integer: 8, infer.Decimal: 16, infer.Float: 8, infer.Date: 4, infer.Timestamp: 8, infer.Zoned: 8}

// slack is what copying whole words may write too much.
const slack = 16

func (c *column) size(rows int) int {
	switch c.Kind {
	case infer.Text:
		return c.used + 4*rows
	case infer.Bool:
		return rows / 8
	}
	return widths[c.Kind] * rows
}

// add reads the column's cells of block behind the first rows of the batch.
func (c *column) add(block *scan.Block, rows int, quote byte) {
	end := rows + block.Rows
	if c.valid != nil {
		c.allValid(rows, end)
	}
	switch c.Kind {
	case infer.Text:
		c.texts(block, rows, quote)
	case infer.Bool:
		grow(c.values, (end+7)/8)
		c.bools(block, rows)
	default:
		grow(c.values, end*widths[c.Kind])
		switch c.Kind {
		case infer.Integer:
			c.integers(block, rows)
		case infer.Float:
			c.floats(block, rows)
		case infer.Decimal:
			c.decimals(block, rows)
		case infer.Date:
			c.dates(block, rows)
		default:
			c.timestamps(block, rows, c.Kind == infer.Zoned)
		}
	}
}

func (c *column) integers(b *scan.Block, row int) {
	values := arrow.Int64Traits.CastFromBytes(c.values.Bytes())
	for at, first := c.Cell, row; at < len(b.Cells); at, row = at+b.Width, row+1 {
		cell := b.Cells[at]
		if cell.Null() {
			values[row] = 0
			c.null(row)
			continue
		}
		v, ok := infer.ParseInteger(b.Text, cell.Start(), cell.End())
		if !ok {
			c.misfits = append(c.misfits, row-first)
		}
		values[row] = v
	}
}

func (c *column) floats(b *scan.Block, row int) {
	values := arrow.Float64Traits.CastFromBytes(c.values.Bytes())
	for at, first := c.Cell, row; at < len(b.Cells); at, row = at+b.Width, row+1 {
		cell := b.Cells[at]
		if cell.Null() {
			values[row] = 0
			c.null(row)
			continue
		}
		v, ok := infer.ParseFloat(b.Text, cell.Start(), cell.End())
		if !ok {
			c.misfits = append(c.misfits, row-first)
		}
		values[row] = v
	}
}

func (c *column) decimals(b *scan.Block, row int) {
	values := c.values.Bytes()
	for at, first := c.Cell, row; at < len(b.Cells); at, row = at+b.Width, row+1 {
		cell := b.Cells[at]
		var hi int64
		var lo uint64
		if cell.Null() {
			c.null(row)
		} else {
			var ok bool
			if hi, lo, ok = infer.ParseDecimal(b.Text, cell.Start(), cell.End()); !ok {
				c.misfits = append(c.misfits, row-first)
			}
		}
		binary.LittleEndian.PutUint64(values[16*row:], lo)
		binary.LittleEndian.PutUint64(values[16*row+8:], uint64(hi))
	}
}

func (c *column) dates(b *scan.Block, row int) {
	values := arrow.Date32Traits.CastFromBytes(c.values.Bytes())
	for at, first := c.Cell, row; at < len(b.Cells); at, row = at+b.Width, row+1 {
		cell := b.Cells[at]
		if cell.Null() {
			values[row] = 0
			c.null(row)
			continue
		}
		v, ok := infer.ParseDate(b.Text, cell.Start(), cell.End())
		if !ok {
			c.misfits = append(c.misfits, row-first)
		}
		values[row] = arrow.Date32(v)
	}
}

func (c *column) timestamps(b *scan.Block, row int, wantZone bool) {
	values := arrow.Int64Traits.CastFromBytes(c.values.Bytes())
	for at, first := c.Cell, row; at < len(b.Cells); at, row = at+b.Width, row+1 {
		cell := b.Cells[at]
		if cell.Null() {
			values[row] = 0
			c.null(row)
			continue
		}
		v, zoned, ok := infer.ParseTimestamp(b.Text, cell.Start(), cell.End())
		if !ok || zoned != wantZone {
			c.misfits = append(c.misfits, row-first)
		}
		values[row] = v
	}
}

func (c *column) bools(b *scan.Block, row int) {
	values := c.values.Bytes()
	for at, first := c.Cell, row; at < len(b.Cells); at, row = at+b.Width, row+1 {
		cell := b.Cells[at]
		values[row/8] &^= 1 << (row % 8)
		if cell.Null() {
			c.null(row)
			continue
		}
		v, ok := infer.ParseBool(b.Text, cell.Start(), cell.End())
		if !ok {
			c.misfits = append(c.misfits, row-first)
		}
		if v {
			values[row/8] |= 1 << (row % 8)
		}
	}
}

func (c *column) texts(b *scan.Block, row int, quote byte) {
	grow(c.offsets, 4*(row+b.Rows+1))
	grow(c.values, c.used+c.bound(b)+slack)
	offsets, values, text := arrow.Int32Traits.CastFromBytes(c.offsets.Bytes()), c.values.Bytes(), b.Text
	used, first := c.used, row
	for at := c.Cell; at < len(b.Cells); at, row = at+b.Width, row+1 {
		cell := b.Cells[at]
		offsets[row] = int32(used)
		s, e := cell.Start(), cell.End()
		switch n := e - s; {
		case cell.Null():
			c.null(row)
			continue
		case cell.Escaped():
			used += len(scan.AppendUnescaped(values[used:used], text[s:e], quote))
		case n <= slack:
			binary.LittleEndian.PutUint64(values[used:], binary.LittleEndian.Uint64(text[s:]))
			binary.LittleEndian.PutUint64(values[used+8:], binary.LittleEndian.Uint64(text[s+8:]))
			used += n
		default:
			used += copy(values[used:], text[s:e])
		}
		if c0 := text[s]; c0 <= '@' && formula(c0, text[s:e]) {
			if c.formulas == c.before.formulas {
				c.formula = row - first
			}
			c.formulas++
		}
	}
	offsets[row] = int32(used)
	c.used = used
}

// bound returns how many bytes of text the column's cells have at most. With few columns the whole block is near enough.
func (c *column) bound(b *scan.Block) int {
	if b.Width <= 16 {
		return len(b.Text)
	}
	n := 0
	for at := c.Cell; at < len(b.Cells); at += b.Width {
		n += b.Cells[at].End() - b.Cells[at].Start()
	}
	return n
}

// formula says whether a spreadsheet would run the cell: "=…", or +, -, @ before a name with a call, pipe or sheet.
func formula(first byte, cell []byte) bool {
	if first == '=' {
		return len(cell) > 1
	}
	if first != '+' && first != '-' && first != '@' || len(cell) < 3 || cell[1] < 'A' {
		return false
	}
	for _, c := range cell[2:] {
		if c == '(' || c == '|' || c == '!' {
			return true
		}
	}
	return false
}

// null marks a row as NULL.
func (c *column) null(row int) {
	if c.valid == nil {
		c.valid = memory.NewResizableBuffer(c.mem)
		c.allValid(0, max(c.rowsKnown(), row+1))
	}
	bits := c.valid.Bytes()
	bits[row/8] &^= 1 << (row % 8)
	c.nulls++
}

// rowsKnown returns how many rows the buffers have room for.
func (c *column) rowsKnown() int {
	switch c.Kind {
	case infer.Text:
		return c.offsets.Len()/4 - 1
	case infer.Bool:
		return c.values.Len() * 8
	}
	return c.values.Len() / widths[c.Kind]
}

// allValid marks the rows from..to as not NULL.
func (c *column) allValid(from, to int) {
	grow(c.valid, (to+7)/8)
	bits := c.valid.Bytes()
	for ; from < to && from%8 != 0; from++ {
		bits[from/8] |= 1 << (from % 8)
	}
	for ; from+8 <= to; from += 8 {
		bits[from/8] = 0xff
	}
	for ; from < to; from++ {
		bits[from/8] |= 1 << (from % 8)
	}
}

// take returns the column's first rows as an array and begins anew.
func (c *column) take(t arrow.DataType, rows int) arrow.Array {
	var valid *memory.Buffer
	if c.nulls > 0 {
		valid = c.valid
		valid.ResizeNoShrink((rows + 7) / 8)
	}
	buffers := []*memory.Buffer{valid, c.values}
	switch c.Kind {
	case infer.Text:
		grow(c.offsets, 4) // an empty batch, too, has one offset
		if rows == 0 {
			clear(c.offsets.Bytes()[:4])
		}
		c.offsets.ResizeNoShrink(4 * (rows + 1))
		c.values.ResizeNoShrink(c.used)
		buffers = []*memory.Buffer{valid, c.offsets, c.values}
	case infer.Bool:
		c.values.ResizeNoShrink((rows + 7) / 8)
	default:
		c.values.ResizeNoShrink(rows * widths[c.Kind])
	}
	values := array.NewData(t, rows, buffers, nil, c.nulls, 0)
	made := array.MakeFromData(values)
	values.Release()
	c.release()
	c.values = memory.NewResizableBuffer(c.mem)
	if c.Kind == infer.Text {
		c.offsets = memory.NewResizableBuffer(c.mem)
	}
	return made
}

// release gives the buffers back.
func (c *column) release() {
	for _, buffer := range []*memory.Buffer{c.valid, c.values, c.offsets} {
		if buffer != nil {
			buffer.Release()
		}
	}
	c.valid, c.values, c.offsets = nil, nil, nil
	c.used, c.nulls = 0, 0
}

// grow makes buffer at least n bytes long.
func grow(buffer *memory.Buffer, n int) {
	if buffer.Len() < n {
		buffer.ResizeNoShrink(max(n, buffer.Cap(), 2*buffer.Len()))
	}
}

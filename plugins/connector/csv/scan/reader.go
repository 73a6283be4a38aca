package scan

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// Reader reads rows out of UTF-8 text.
type Reader struct {
	Dialect
	src     io.Reader
	buf     []byte // twice Padding longer than what is filled
	pos     int    // where the next row begins
	end     int    // where the text read so far ends
	line0   int    // line of buf[0]
	width   int    // cells of a row, 0 before the first
	newline byte
	err     error // why src ended
	skip    bool  // the row at pos is too long: leave it out
	block   Block
}

// NewReader returns a Reader of src's rows.
func NewReader(src io.Reader, dialect Dialect) *Reader {
	return &Reader{Dialect: dialect, src: src, line0: 1, buf: make([]byte, blockSize+2*Padding)}
}

// Next returns the next rows, at most limit of them where limit > 0, and io.EOF when there are none left. The first
// row decides how many cells all rows have. Blank lines are no rows, except where rows have one cell: there they are
// NULL.
func (r *Reader) Next(limit int) (*Block, error) {
	if limit <= 0 {
		limit = 1 << 30
	}
	if r.newline == 0 {
		r.fill(blockSize)
		r.newline = r.lineEnd()
	}
	b := &r.block
	*b = Block{Cells: b.Cells[:cap(b.Cells)], rowAt: b.rowAt[:0], Bad: b.Bad[:0], Width: r.width, newline: r.newline}
	for want := blockSize; ; want *= 2 {
		if r.skip {
			r.skipRow(b)
			return b, nil
		}
		if r.pos < r.end {
			from := r.pos
			b.Text, b.line, b.Cells = r.buf[:r.end+Padding], r.line0, b.Cells[:cap(b.Cells)]
			r.pos = r.split(b, limit)
			r.width = b.Width
			b.verify(from, r.pos)
			if b.Rows > 0 || len(b.Bad) > 0 {
				return b, nil
			}
			if r.pos > from {
				want = blockSize // only blank lines so far
			}
		}
		if err := r.more(b, want); err != nil || len(b.Bad) > 0 {
			return b, err
		}
	}
}

// more reads on when no whole row is left. Where the text has ended, or the row is too long, it says so.
func (r *Reader) more(b *Block, want int) error {
	switch {
	case r.end-r.pos > MaxRow:
		r.skip = true
		b.line, b.Text = r.line0, r.buf
		b.Bad = append(b.Bad, BadRow{b.lineOf(r.pos), LongRow, fmt.Sprintf("the row is longer than %d MiB%s", MaxRow>>20, r.hint())})
	case r.err == nil:
		r.fill(want)
	case !errors.Is(r.err, io.EOF):
		return r.err
	case r.pos == r.end:
		return io.EOF
	case r.buf[r.end-1] != r.newline:
		r.buf[r.end] = r.newline // the last row may do without
		r.end++
	default:
		b.line, b.Text = r.line0, r.buf
		b.Bad = append(b.Bad, BadRow{b.lineOf(r.pos), OpenQuote, "a quoted cell of the row that begins here is never closed"})
		r.pos = r.end
	}
	return nil
}

func (r *Reader) hint() string {
	if r.Quote != 0 && bytes.IndexByte(r.buf[r.pos:r.end], r.Quote) >= 0 {
		return "; perhaps a quote in it is never closed"
	}
	return ""
}

// fill moves what is left to the front and reads until want bytes are there.
func (r *Reader) fill(want int) {
	r.line0 += bytes.Count(r.buf[:r.pos], []byte{r.newline})
	n := copy(r.buf, r.buf[r.pos:r.end])
	r.pos, r.end = 0, n
	if len(r.buf) < want+2*Padding {
		grown := make([]byte, want+2*Padding)
		copy(grown, r.buf[:n])
		r.buf = grown
	}
	for r.end < want && r.err == nil {
		n, r.err = r.src.Read(r.buf[r.end:want])
		r.end += n
	}
}

// lineEnd finds how lines end: with LF, or CR LF, unless the first lines, quotes apart, know CR alone.
func (r *Reader) lineEnd() byte {
	quoted, alone := false, false
	for i, c := range r.buf[:r.end] {
		switch {
		case c == r.Quote && r.Quote != 0:
			quoted = !quoted
		case quoted:
		case c == '\n':
			return '\n'
		case c == '\r':
			alone = alone || i+1 < r.end || r.err != nil
		}
	}
	if alone {
		return '\r'
	}
	return '\n'
}

// skipRow leaves out the row at pos, however long it is, with flat memory.
func (r *Reader) skipRow(b *Block) {
	quoted, opening := false, true // opening: a quote here would open a quoted cell
	for {
		for i, c := range r.buf[r.pos:r.end] {
			switch {
			case quoted:
				quoted = c != r.Quote
			case c == r.newline:
				r.pos += i + 1
				r.skip = false
				return
			case c == r.Quote && r.Quote != 0:
				quoted = opening
				continue
			}
			opening = !quoted && c == r.Delimiter || c == r.Quote && r.Quote != 0
		}
		r.pos = r.end
		if r.err != nil {
			r.skip = false
			return
		}
		r.fill(blockSize)
	}
}

package scan

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// splitter is the place in the text of one call of split.
type splitter struct {
	*Block
	k      int // cells written
	rowK   int // first cell of the row at hand
	row    int // where the row at hand begins
	start  int // where the cell at hand begins
	broken bool
	limit  int // rows wanted
}

// split finds the whole rows of buf[pos:end] and returns where the last of them ends. The first row decides the width
// when it is not known. It stops after limit rows.
func (r *Reader) split(b *Block, limit int) int {
	s := splitter{Block: b, row: r.pos, start: r.pos, limit: limit}
	delimiter, newline := uint64(r.Delimiter)*ones, uint64(r.newline)*ones
	text, end, quote := r.buf, r.end, r.Quote
	base, p := r.pos, r.pos
	if quote != 0 && text[p] == quote {
		base = r.quotes(&s) // the first cell has no separator before it
	}
	for ; base < end && s.Rows+len(s.Bad) < limit; base += 64 {
		m := mask((*[64]byte)(text[base:]), delimiter, newline)
		if base+64 > end {
			m &= 1<<(end-base) - 1
		}
		cells, k, start := s.room(64), s.k, s.start
		for m != 0 {
			p = base + lowest(m)
			m &= m - 1
			cells[k] = cellAt(start, p)
			k++
			start = p + 1
			if text[p] == r.newline {
				s.k = k
				if s.endRow(r, p) {
					return s.finish()
				}
				cells, k = s.room(64), s.k
			}
			if text[p+1] == quote && quote != 0 && p+1 < end {
				s.k, s.start = k, start
				base = r.quotes(&s) - 64
				k, start = s.k, s.start
				break
			}
		}
		s.k, s.start = k, start
	}
	return s.finish()
}

// quotes reads the quoted cell at hand, and further ones that follow it directly. It returns where the search for
// separators goes on, the end of the text if the cell does not end in it.
func (r *Reader) quotes(s *splitter) int {
	for {
		cell, p, clean := r.quoted(s.start)
		if p < 0 {
			return r.end
		}
		s.broken = s.broken || !clean
		s.room(1)[s.k] = cell
		s.k++
		s.start = p + 1
		if r.buf[p] == r.newline && s.endRow(r, p) {
			return r.end
		}
		if p+1 >= r.end || r.buf[p+1] != r.Quote {
			return p + 1
		}
	}
}

// quoted returns the cell whose opening quote is at i and where the separator behind it is, -1 if the text ends before.
// A cell with text behind its closing quote is not clean.
func (r *Reader) quoted(i int) (cell Cell, separator int, clean bool) {
	flags := quotedBit
	for j := i + 1; ; j += 2 {
		n := bytes.IndexByte(r.buf[j:r.end], r.Quote)
		if n < 0 || j+n+1 >= r.end {
			return 0, -1, true
		}
		j += n
		switch c := r.buf[j+1]; {
		case c == r.Quote:
			flags |= escapedBit
			continue
		case c == r.Delimiter || c == r.newline:
			return cellAt(i+1, j) | flags, j + 1, true
		case c == '\r' && j+2 < r.end && r.buf[j+2] == r.newline:
			return cellAt(i+1, j) | flags, j + 2, true
		case c == '\r' && j+2 >= r.end:
			return 0, -1, true
		}
		for p := j + 1; p < r.end; p++ {
			if r.buf[p] == r.Delimiter || r.buf[p] == r.newline {
				return cellAt(i+1, j) | flags, p, false
			}
		}
		return 0, -1, true
	}
}

// room returns the cells with space for n more.
func (s *splitter) room(n int) []Cell {
	if len(s.Cells)-s.k < n {
		grown := make([]Cell, 2*len(s.Cells)+n+1024)
		copy(grown, s.Cells[:s.k])
		s.Cells = grown
	}
	return s.Cells
}

// endRow closes the row whose newline is at p and says whether to stop.
func (s *splitter) endRow(r *Reader, p int) bool {
	last := s.k - 1
	if p > s.row && r.buf[p-1] == '\r' && r.newline == '\n' && s.Cells[last]&quotedBit == 0 && !s.Cells[last].Null() {
		s.Cells[last] = cellAt(s.Cells[last].Start(), p-1)
	}
	cells := s.k - s.rowK
	blank := cells == 1 && s.Cells[last].Null() && s.Width != 1
	if cells != s.Width || s.broken || p-s.row > MaxField {
		if blank || !s.settle(r, cells, p) {
			s.k = s.rowK
			s.next(p + 1)
			return s.Rows+len(s.Bad) >= s.limit
		}
	}
	s.rowAt = append(s.rowAt, uint32(s.row))
	s.Rows++
	s.rowK = s.k
	s.next(p + 1)
	return s.Rows+len(s.Bad) >= s.limit
}

func (s *splitter) next(at int) { s.row, s.start, s.broken = at, at, false }

// settle decides on a row that is not as the others; false leaves it out.
func (s *splitter) settle(r *Reader, cells, end int) bool {
	if s.broken {
		return s.bad(BadQuote, "text follows a closing quote: a quote inside a quoted cell is written twice")
	}
	if end-s.row > MaxRow {
		return s.bad(LongRow, fmt.Sprintf("the row is longer than %d MiB", MaxRow>>20))
	}
	for i, c := range s.Cells[s.rowK:s.k] {
		if c.End()-c.Start() > MaxField {
			return s.bad(LongField, fmt.Sprintf("cell %d is longer than %d MiB", i+1, MaxField>>20))
		}
	}
	if s.Width == 0 {
		if cells > MaxCells {
			return s.bad(TooManyCol, fmt.Sprintf("the row has %d cells, at most %d are possible", cells, MaxCells))
		}
		s.Width = cells
	}
	if cells == s.Width || r.Pad && s.pad(r, cells) {
		return true
	}
	return s.bad(Ragged, fmt.Sprintf("the row has %s, the first row has %d", count(cells, "cell"), s.Width))
}

// pad makes the row at hand as wide as the others; false if that would lose a value.
func (s *splitter) pad(r *Reader, cells int) bool {
	for _, surplus := range s.Cells[min(s.rowK+s.Width, s.k):s.k] {
		if surplus.Start() != surplus.End() {
			return false
		}
	}
	if cells < s.Width {
		clear(s.room(s.Width - cells)[s.k : s.k+s.Width-cells]) // a zero Cell is NULL
	}
	s.k = s.rowK + s.Width
	if s.Padded == 0 {
		s.PaddedLine = s.lineOf(s.row)
	}
	s.Padded++
	return true
}

func (s *splitter) bad(reason Reason, what string) bool {
	s.Bad = append(s.Bad, BadRow{Line: s.lineOf(s.row), Reason: reason, What: what})
	return false
}

// finish cuts the block to its whole rows and returns where they end.
func (s *splitter) finish() int {
	s.Cells = s.Cells[:s.rowK]
	return s.row
}

// lineOf returns the line of the byte at position at.
func (b *Block) lineOf(at int) int { return b.line + bytes.Count(b.Text[:at], []byte{b.newline}) }

// verify takes out the rows with NUL bytes or text that is not UTF-8. Blocks without any cost two fast passes.
func (b *Block) verify(from, to int) {
	if bytes.IndexByte(b.Text[from:to], 0) < 0 && utf8.Valid(b.Text[from:to]) {
		return
	}
	before := b.Bad
	b.Bad = nil
	b.Drop(func(r int) bool {
		reason, what := badText(b.rowText(r))
		if reason == "" {
			return false
		}
		b.Bad = append(b.Bad, BadRow{Line: b.Line(r), Reason: reason, What: what})
		return true
	})
	b.Bad = inOrder(before, b.Bad)
}

// rowText returns the text of row r up to its last cell.
func (b *Block) rowText(r int) []byte {
	start := int(b.rowAt[r])
	end := start
	for _, c := range b.Row(r) {
		end = max(end, c.End())
	}
	return b.Text[start:end]
}

// badText says what is wrong with the bytes of a row, "" for nothing.
func badText(row []byte) (Reason, string) {
	if bytes.IndexByte(row, 0) >= 0 {
		return NulByte, "the row has a NUL byte"
	}
	for at := 0; at < len(row); {
		c, n := utf8.DecodeRune(row[at:])
		if c == utf8.RuneError && n == 1 {
			return BadText, fmt.Sprintf("byte %d of the row (0x%02x) is not valid in the file's encoding", at+1, row[at])
		}
		at += n
	}
	return "", ""
}

// inOrder merges two lists that are in order of lines.
func inOrder(a, b []BadRow) []BadRow {
	merged := make([]BadRow, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		if a[0].Line <= b[0].Line {
			merged, a = append(merged, a[0]), a[1:]
		} else {
			merged, b = append(merged, b[0]), b[1:]
		}
	}
	return append(append(merged, a...), b...)
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

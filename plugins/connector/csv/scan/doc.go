// Package scan splits delimited text into rows and cells, a block of whole rows at a time.
//
// It finds separators eight bytes at once and writes down only where cells lie: nothing is copied, no cell becomes a
// string. It knows the grammar of quotes and line ends, the caps on rows and cells, and which rows break a rule; what
// becomes of such rows, what cells mean and where the text comes from is for others. Only the csv connector imports it.
package scan

import "fmt"

// Caps. A row must fit one message to the host (16 MiB) with room for its framing.
const (
	MaxField = 8 << 20
	MaxRow   = 15 << 20
	MaxCells = 4096 // as many columns as a stream may have
)

// blockSize is how much text a block holds when no row is longer: text and cells together stay in a core's cache.
const blockSize = 128 << 10

// Padding is how many bytes may be read behind the end of any cell of a block, whatever they are.
const Padding = 64

// Dialect is how the text is written.
type Dialect struct {
	Delimiter byte
	Quote     byte // 0 = no quoting
	Pad       bool // short rows are filled up with NULL, empty surplus cells are cut off
}

// Cell is one cell of a block: where its text lies in Block.Text, and how it was written.
type Cell uint64

const (
	quotedBit  Cell = 1 << 63
	escapedBit Cell = 1 << 62
	endMask         = 1<<30 - 1
)

func cellAt(start, end int) Cell { return Cell(end)<<32 | Cell(start) }

// Start returns where the text of c begins, behind an opening quote.
func (c Cell) Start() int { return int(uint32(c)) }

// End returns where the text of c ends, before a closing quote.
func (c Cell) End() int { return int(c >> 32 & endMask) }

// Null says whether c is empty and was not quoted.
func (c Cell) Null() bool { return uint32(c>>32) == uint32(c) }

// Quoted says whether c was written in quotes.
func (c Cell) Quoted() bool { return c&quotedBit != 0 }

// Escaped says whether the text of c has doubled quotes, each of which stands for one.
func (c Cell) Escaped() bool { return c&escapedBit != 0 }

// Block is some whole rows. It is valid until the next call of Reader.Next.
type Block struct {
	Text  []byte // with Padding more bytes behind the last row
	Cells []Cell // row by row, Width cells each
	Width int
	Rows  int
	Bad   []BadRow // rows that broke a rule and are not in Cells, in order

	Padded     int // rows filled up or cut by Dialect.Pad
	PaddedLine int // line of the first of them

	rowAt   []uint32 // where each row begins
	line    int      // line of Text's first byte
	newline byte
}

// Row returns the cells of row r.
func (b *Block) Row(r int) []Cell { return b.Cells[r*b.Width : (r+1)*b.Width] }

// Value returns the text of c with doubled quotes undone, as a slice of Text where none are.
func (b *Block) Value(c Cell, quote byte) []byte {
	text := b.Text[c.Start():c.End()]
	if !c.Escaped() {
		return text
	}
	return AppendUnescaped(nil, text, quote)
}

// AppendUnescaped appends text with doubled quotes undone.
func AppendUnescaped(to, text []byte, quote byte) []byte {
	for i := 0; i < len(text); i++ {
		to = append(to, text[i])
		if text[i] == quote {
			i++
		}
	}
	return to
}

// Line returns the line, from 1, on which row r begins.
func (b *Block) Line(r int) int { return b.lineOf(int(b.rowAt[r])) }

// Drop takes the rows out for which drop says so. drop is called once a row, in order.
func (b *Block) Drop(drop func(r int) bool) {
	kept := 0
	for r := 0; r < b.Rows; r++ {
		if drop(r) {
			continue
		}
		if kept != r {
			copy(b.Cells[kept*b.Width:], b.Row(r))
			b.rowAt[kept] = b.rowAt[r]
		}
		kept++
	}
	b.Rows = kept
	b.Cells = b.Cells[:kept*b.Width]
}

// Reason says which rule a row breaks. It is also the code of the issue that counts such rows.
type Reason string

// The rules of rows.
const (
	Ragged     Reason = "ragged_row"
	OpenQuote  Reason = "open_quote"
	BadQuote   Reason = "bad_quote"
	NulByte    Reason = "nul_byte"
	BadText    Reason = "bad_encoding"
	LongField  Reason = "long_field"
	LongRow    Reason = "long_row"
	TooManyCol Reason = "too_many_columns"
)

// BadRow is a row that breaks a rule.
type BadRow struct {
	Line   int // on which it begins
	Reason Reason
	What   string // one sentence without the place
}

// PlaceError is a fault of the text with its line.
type PlaceError struct {
	File string
	Bad  BadRow
}

// Error returns "FILE:LINE: what is wrong".
func (e *PlaceError) Error() string { return fmt.Sprintf("%s:%d: %s", e.File, e.Bad.Line, e.Bad.What) }

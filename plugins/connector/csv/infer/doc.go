// Package infer knows what cells can mean: which types a text fits without losing anything, its exact value, and which
// type holds all cells of a column.
//
// A type is chosen only if every value can be given back as it was meant: no rounding, no guessed order of day and
// month, no lost leading zero (G7). The order in which cells are seen makes no difference. It knows nothing of files
// or Arrow; only the csv connector imports it.
package infer

import (
	"github.com/ai-data-analyst/broker/plugins/connector/csv/scan"
	"github.com/ai-data-analyst/broker/sdk"
)

// Kind is the type of a column of a CSV file.
type Kind uint8

// The kinds. Integer is int64, Decimal a whole number of up to 38 digits, Zoned a timestamp with a zone, in UTC.
const (
	Text Kind = iota
	Bool
	Integer
	Decimal
	Float
	Date
	Timestamp
	Zoned
)

var types = [...]sdk.Type{
	Text: {ID: sdk.String}, Bool: {ID: sdk.Bool}, Integer: {ID: sdk.Int64}, Decimal: {ID: sdk.Decimal, Precision: 38}, Float: {ID: sdk.Float64},
	Date: {ID: sdk.Date}, Timestamp: {ID: sdk.Timestamp}, Zoned: {ID: sdk.Timestamp, Zone: "UTC"},
}

// Type returns the type that columns of kind k have on the wire.
func (k Kind) Type() sdk.Type { return types[k] }

// String returns the name of k's type, by which Parse finds it again.
func (k Kind) String() string { return types[k].String() }

// Parse returns the kind whose String is name.
func Parse(name string) (Kind, bool) {
	for k := range types {
		if types[k].String() == name {
			return Kind(k), true
		}
	}
	return Text, false
}

// Set is a set of kinds, one bit each. Text is in every set.
type Set uint16

// Any is the set of all kinds, that of a column without values.
const Any Set = 1<<Bool | 1<<Integer | 1<<Decimal | 1<<Float | 1<<Date | 1<<Timestamp | 1<<Zoned

// Best returns the narrowest kind of s: Text when nothing narrower is left, or nothing was ever seen.
func (s Set) Best() Kind {
	if s == Any {
		return Text
	}
	for k := Bool; k <= Zoned; k++ {
		if s&(1<<k) != 0 {
			return k
		}
	}
	return Text
}

// Columns finds the kinds of a table's columns from all of its rows.
type Columns []Set

// NewColumns returns the Columns of a table of so many columns.
func NewColumns(n int) Columns {
	c := make(Columns, n)
	for i := range c {
		c[i] = Any
	}
	return c
}

// Pin fixes column i as text, so that Add does not look at it.
func (c Columns) Pin(i int) { c[i] = 0 }

// Add takes the rows of a block into account.
func (c Columns) Add(b *scan.Block) {
	for i, set := range c {
		for at := i; set != 0; at += b.Width {
			best := set.Best()
			if at = fitting(best, b, at); at >= len(b.Cells) {
				break
			}
			set &= Fits(best, b.Text, b.Cells[at].Start(), b.Cells[at].End())
		}
		c[i] = set
	}
}

// fitting goes down a column from the cell at and returns the first one, behind the cells if there is none, that is not
// NULL and may narrow a set whose best kind is k. It has a loop for each kind of which files are full.
func fitting(k Kind, b *scan.Block, at int) int {
	t, cells, width := b.Text, b.Cells, b.Width
	switch k {
	case Integer:
		for ; at < len(cells); at += width {
			if c := cells[at]; !c.Null() {
				if v, ok := ParseInteger(t, c.Start(), c.End()); !ok || v > maxExact || v < -maxExact {
					break
				}
			}
		}
	case Float:
		for ; at < len(cells); at += width {
			if c := cells[at]; !c.Null() {
				if _, ok := ParseFloat(t, c.Start(), c.End()); !ok {
					break
				}
			}
		}
	case Date:
		for ; at < len(cells); at += width {
			if c := cells[at]; !c.Null() {
				if _, ok := ParseDate(t, c.Start(), c.End()); !ok {
					break
				}
			}
		}
	case Timestamp, Zoned:
		for ; at < len(cells); at += width {
			if c := cells[at]; !c.Null() {
				if _, zoned, ok := ParseTimestamp(t, c.Start(), c.End()); !ok || zoned != (k == Zoned) {
					break
				}
			}
		}
	default:
		for at < len(cells) && cells[at].Null() {
			at += width
		}
	}
	return at
}

const (
	exactIntegers = 1<<Integer | 1<<Decimal | 1<<Float
	bigIntegers   = 1<<Integer | 1<<Decimal
	dates         = 1<<Date | 1<<Timestamp
)

// maxExact is up to where a float64 holds every integer.
const maxExact = 1 << 53

// Fits returns the kinds that hold t[s:e] exactly, at least those of a set whose Best is hint.
func Fits(hint Kind, t []byte, s, e int) Set {
	if hint != Text {
		if set := fits(hint, t, s, e); set != 0 {
			return set
		}
	}
	for k := Bool; k <= Zoned; k++ {
		if set := fits(k, t, s, e); set != 0 {
			return set
		}
	}
	return 0
}

// fits returns the kinds from k on that hold t[s:e], 0 if k does not.
func fits(k Kind, t []byte, s, e int) Set {
	switch k {
	case Bool:
		if _, ok := ParseBool(t, s, e); ok {
			return 1 << Bool
		}
	case Integer:
		if v, ok := ParseInteger(t, s, e); ok {
			if v >= -maxExact && v <= maxExact {
				return exactIntegers
			}
			return bigIntegers
		}
	case Decimal:
		if _, _, ok := ParseDecimal(t, s, e); ok {
			return 1 << Decimal
		}
	case Float:
		if _, ok := ParseFloat(t, s, e); ok {
			return 1 << Float
		}
	case Date:
		if _, ok := ParseDate(t, s, e); ok {
			return dates
		}
	case Timestamp, Zoned:
		if _, zoned, ok := ParseTimestamp(t, s, e); ok {
			if e-s == 10 {
				return dates
			}
			if zoned {
				return 1 << Zoned
			}
			return 1 << Timestamp
		}
	}
	return 0
}

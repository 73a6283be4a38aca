package profile

import (
	"fmt"
	"math"
	"unicode/utf8"
	"unsafe"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/bitutil"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/zeebo/xxh3"

	"github.com/ai-data-analyst/broker/host/internal/profile/distinct"
	"github.com/ai-data-analyst/broker/host/internal/profile/figures"
	"github.com/ai-data-analyst/broker/host/internal/profile/grid"
	"github.com/ai-data-analyst/broker/host/internal/profile/values"
)

// column is what is known of a column of one part, or of several.
type column struct {
	name    string
	kind    kind
	rows    int64
	nulls   int64
	values  *distinct.Counter // nil for booleans
	numbers *figures.Numbers
	lengths lengths
	trues   int64
	span    span
}

// lengths are those of texts, in code points.
type lengths struct{ N, Min, Max, Sum int64 }

// span is a stretch of days, or of microseconds, since 1970.
type span struct {
	N, Low, High int64
	Calendar     grid.Calendar
}

func newColumn(name string, k kind, seed uint64) *column {
	c := &column{name: name, kind: k}
	if k.Category != boolean {
		c.values = distinct.NewCounter()
	}
	if k.Category == numeric {
		c.numbers = &figures.Numbers{}
		c.numbers.Rank.Seed = seed
	}
	return c
}

// scratch is memory that columns share, one after the other.
type scratch struct {
	ints   []int64
	floats []float64
	spare  []float64
	wide   []decimal128.Num
	hashes []uint64
	rows   []int32 // places of the values that are not NULL; nil = all
	valid  []int32
}

func sized[T any](buffer *[]T, n int) []T {
	if cap(*buffer) < n {
		*buffer = make([]T, n, n+n/4)
	}
	*buffer = (*buffer)[:n]
	return *buffer
}

// add counts the values of a batch. The hashes of those that are not NULL are in s afterwards, but for booleans.
func (c *column) add(cells arrow.Array, s *scratch) {
	c.rows += int64(cells.Len())
	c.nulls += int64(cells.NullN())
	s.present(cells)
	switch a := cells.(type) {
	case *array.Boolean:
		c.addBooleans(a)
		return
	case *array.Int64:
		c.addInts(dense(s, &s.ints, a.Int64Values()), cells, s)
	case *array.Float64:
		c.addFloats(dense(s, &s.floats, a.Float64Values()), cells, s)
	case *array.Decimal128:
		c.addDecimals(a, s)
	case *array.String:
		c.addTexts(a, s)
	case *array.Date32:
		c.addDates(a, s)
	case *array.Timestamp:
		c.addTimestamps(a, s)
	default:
		c.addOthers(cells, s)
	}
}

// present finds the rows that are not NULL.
func (s *scratch) present(cells arrow.Array) {
	if cells.NullN() == 0 {
		s.rows = nil
		return
	}
	rows := sized(&s.valid, cells.Len()+1)
	bits, at, n := cells.NullBitmapBytes(), cells.Data().Offset(), 0
	for i := range cells.Len() {
		rows[n] = int32(i)
		n += int(bits[at>>3] >> (at & 7) & 1)
		at++
	}
	s.rows = rows[:n]
}

// row is the row of the i-th value that is not NULL.
func (s *scratch) row(i int, cells arrow.Array) int {
	if cells.NullN() == 0 {
		return i
	}
	return int(s.rows[i])
}

// count counts the hashes of s, which belong to the values that are not NULL.
func (c *column) count(cells arrow.Array, s *scratch) {
	c.values.Add(s.hashes, func(i int) string { return values.Cell(cells, s.row(i, cells)) })
}

// dense returns the values that are not NULL.
func dense[T any](s *scratch, buffer *[]T, cells []T) []T {
	if s.rows == nil {
		return cells
	}
	out := sized(buffer, len(s.rows))
	for i, row := range s.rows {
		out[i] = cells[row]
	}
	return out
}

func (c *column) addBooleans(a *array.Boolean) {
	if a.NullN() == 0 && a.Len() > 0 {
		c.trues += int64(bitutil.CountSetBits(a.Data().Buffers()[1].Bytes(), a.Data().Offset(), a.Len()))
		return
	}
	for i := range a.Len() {
		if a.IsValid(i) && a.Value(i) {
			c.trues++
		}
	}
}

func (s *scratch) hashInts(ints []int64) {
	hashes := sized(&s.hashes, len(ints))
	for i, v := range ints {
		hashes[i] = values.Mix(uint64(v))
	}
}

func (c *column) addInts(ints []int64, cells arrow.Array, s *scratch) {
	s.hashInts(ints)
	c.count(cells, s)
	c.numbers.AddInts(ints)
}

func (c *column) addFloats(floats []float64, cells arrow.Array, s *scratch) {
	hashes := sized(&s.hashes, len(floats))
	for i, v := range floats {
		hashes[i] = values.MixFloat(v)
	}
	c.count(cells, s)
	c.numbers.AddFloats(c.numbers.Finite(floats, sized(&s.spare, len(floats))))
}

// addDecimals counts short decimals as whole numbers.
func (c *column) addDecimals(a *array.Decimal128, s *scratch) {
	nums := dense(s, &s.wide, a.Values())
	if !c.kind.Wide {
		ints := sized(&s.ints, len(nums))
		for i, v := range nums {
			ints[i] = int64(v.LowBits())
		}
		c.addInts(ints, a, s)
		return
	}
	hashes, floats := sized(&s.hashes, len(nums)), sized(&s.floats, len(nums))
	for i, v := range nums {
		hashes[i] = values.Join(v.LowBits(), uint64(v.HighBits()))
		floats[i] = v.ToFloat64(c.kind.Scale)
	}
	c.count(a, s)
	c.numbers.Extremes(nums)
	c.numbers.AddFloats(floats)
}

func (c *column) addTexts(a *array.String, s *scratch) {
	offsets, n := a.ValueOffsets(), a.Len()
	if n == 0 {
		return
	}
	data := a.ValueBytes() // from the first value on
	first := offsets[0]
	hashes := sized(&s.hashes, n-a.NullN())
	if s.rows == nil {
		for i := range hashes {
			hashes[i] = xxh3.Hash(data[offsets[i]-first : offsets[i+1]-first])
		}
	} else {
		for i, row := range s.rows {
			hashes[i] = xxh3.Hash(data[offsets[row]-first : offsets[row+1]-first])
		}
	}
	c.count(a, s)
	c.lengths.add(data, offsets, s.rows)
}

// add measures texts. Only where a byte is not ASCII is anything decoded.
func (l *lengths) add(data []byte, offsets []int32, rows []int32) {
	n := len(offsets) - 1
	if rows != nil {
		n = len(rows)
	}
	if n == 0 {
		return
	}
	plain := ascii(data)
	low, high, sum := int64(math.MaxInt64), int64(0), int64(0)
	if plain && rows == nil {
		before := offsets[0]
		for _, at := range offsets[1:] {
			length := int64(at - before)
			low, high, before = min(low, length), max(high, length), at
		}
		l.join(lengths{N: int64(n), Min: low, Max: high, Sum: int64(before - offsets[0])})
		return
	}
	for i := range n {
		row := i
		if rows != nil {
			row = int(rows[i])
		}
		length := int64(offsets[row+1] - offsets[row])
		if !plain {
			length = int64(utf8.RuneCount(data[offsets[row]-offsets[0] : offsets[row+1]-offsets[0]]))
		}
		low, high, sum = min(low, length), max(high, length), sum+length
	}
	l.join(lengths{N: int64(n), Min: low, Max: high, Sum: sum})
}

func ascii(data []byte) bool {
	const high = 0x8080808080808080
	for len(data) >= 32 {
		w := (*[4]uint64)(unsafe.Pointer(unsafe.SliceData(data)))
		if (w[0]|w[1]|w[2]|w[3])&high != 0 {
			return false
		}
		data = data[32:]
	}
	for _, b := range data {
		if b >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func (l *lengths) join(o lengths) {
	switch {
	case o.N == 0:
	case l.N == 0:
		*l = o
	default:
		l.N, l.Sum = l.N+o.N, l.Sum+o.Sum
		l.Min, l.Max = min(l.Min, o.Min), max(l.Max, o.Max)
	}
}

func (c *column) addDates(a *array.Date32, s *scratch) {
	raw, ints := a.Date32Values(), sized(&s.ints, a.Len()-a.NullN())
	for i := range ints {
		if s.rows == nil {
			ints[i] = int64(raw[i])
		} else {
			ints[i] = int64(raw[s.rows[i]])
		}
	}
	c.addMoments(a, s, (*grid.Calendar).AddDays)
}

func (c *column) addTimestamps(a *array.Timestamp, s *scratch) {
	raw, ints := a.TimestampValues(), sized(&s.ints, a.Len()-a.NullN())
	for i := range ints {
		if s.rows == nil {
			ints[i] = int64(raw[i])
		} else {
			ints[i] = int64(raw[s.rows[i]])
		}
	}
	c.addMoments(a, s, (*grid.Calendar).AddMicros)
}

func (c *column) addMoments(cells arrow.Array, s *scratch, count func(c *grid.Calendar, cells []int64, low, high int64)) {
	s.hashInts(s.ints)
	c.count(cells, s)
	if len(s.ints) == 0 {
		return
	}
	low, high := s.ints[0], s.ints[0]
	for _, v := range s.ints {
		low, high = min(low, v), max(high, v)
	}
	count(&c.span.Calendar, s.ints, low, high)
	c.span.widen(int64(len(s.ints)), low, high)
}

func (p *span) widen(n, low, high int64) {
	if n == 0 {
		return
	}
	if p.N == 0 {
		p.Low, p.High = low, high
	}
	p.N, p.Low, p.High = p.N+n, min(p.Low, low), max(p.High, high)
}

func (c *column) addOthers(cells arrow.Array, s *scratch) {
	all := values.HashRows(cells)
	if s.rows == nil {
		s.hashes = append(s.hashes[:0], all...)
	} else {
		hashes := sized(&s.hashes, len(s.rows))
		for i, row := range s.rows {
			hashes[i] = all[row]
		}
	}
	c.count(cells, s)
}

// absent adds rows of a part that has no such column: NULL, every one.
func (c *column) absent(rows int64) { c.rows, c.nulls = c.rows+rows, c.nulls+rows }

// merge adds the same column of the next part.
func (c *column) merge(o *column) error {
	if c.kind != o.kind {
		return fmt.Errorf("column %s is counted as %+v and as %+v", c.name, c.kind, o.kind)
	}
	c.rows, c.nulls, c.trues = c.rows+o.rows, c.nulls+o.nulls, c.trues+o.trues
	if c.values != nil {
		c.values.Merge(o.values)
	}
	if c.numbers != nil {
		c.numbers.Merge(o.numbers)
	}
	c.lengths.join(o.lengths)
	c.span.widen(o.span.N, o.span.Low, o.span.High)
	c.span.Calendar.Merge(&o.span.Calendar)
	return nil
}

// size is about how many bytes the column holds.
func (c *column) size() int64 {
	n := int64(256 + 8*cap(c.span.Calendar.Bins))
	if c.values != nil {
		n += c.values.Size()
	}
	if c.numbers != nil {
		n += c.numbers.Size()
	}
	return n
}

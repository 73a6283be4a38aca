package guard

import (
	"math/bits"
	"sort"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/bitutil"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

const microsecondsPerDay = 24 * 60 * 60 * 1_000_000

func bytesForBits(n int) int { return n/8 + (n%8+7)/8 }

func bytesOf(b *memory.Buffer) []byte {
	if b == nil {
		return nil
	}
	return b.Bytes()
}

func lenOf(b *memory.Buffer) int {
	if b == nil {
		return 0
	}
	return b.Len()
}

func offsetsOf(b *memory.Buffer, n int) []int32 {
	if n == 0 {
		return nil
	}
	return arrow.Int32Traits.CastFromBytes(b.Bytes())[:n+1]
}

func isValid(validity []byte, i int) bool { return validity == nil || bitutil.BitIsSet(validity, i) }

// firstNull returns the first value that is null although the struct around it is not, -1 if none.
func firstNull(validity, parent []byte, n int) int {
	for i := range n {
		if !isValid(validity, i) && isValid(parent, i) {
			return i
		}
	}
	return -1
}

// checkOffsets wants offsets that never go down and end within size, at most step apart.
func checkOffsets(offsets []int32, size, step int) *flaw {
	if len(offsets) == 0 {
		return nil
	}
	previous := offsets[0]
	if previous < 0 {
		return brokenAt(0, "offset %d", previous)
	}
	for i, next := range offsets[1:] {
		if next < previous {
			return brokenAt(i, "offsets go down from %d to %d", previous, next)
		}
		if int(next-previous) > step {
			return badValue(i, "the value has %d bytes, the limit is %d", next-previous, step)
		}
		if int(next) > size {
			return brokenAt(i, "offset %d lies past the end %d", next, size)
		}
		previous = next
	}
	return nil
}

func brokenAt(row int, format string, args ...any) *flaw {
	f := broken(format, args...)
	f.row = int64(row)
	return f
}

// rowOf returns which list holds element i.
func rowOf(offsets []int32, i int64) int64 {
	n := sort.Search(len(offsets), func(j int) bool { return int64(offsets[j]) > i })
	return int64(max(n-1, 0))
}

// checkText wants every valid value to be UTF-8. The usual case is one pass over all bytes: they are UTF-8 as a whole
// and no value begins in the middle of a character.
func checkText(offsets []int32, values, validity []byte) *flaw {
	if len(offsets) == 0 || wholeText(offsets, values) {
		return nil
	}
	for i := range len(offsets) - 1 {
		if isValid(validity, i) && !utf8.Valid(values[offsets[i]:offsets[i+1]]) {
			return badValue(i, "the text is not UTF-8")
		}
	}
	return nil
}

func wholeText(offsets []int32, values []byte) bool {
	last := int(offsets[len(offsets)-1])
	if !utf8.Valid(values[offsets[0]:last]) {
		return false
	}
	for _, o := range offsets {
		if int(o) < last && !utf8.RuneStart(values[o]) {
			return false
		}
	}
	return true
}

// checkDecimals wants every valid value to have at most precision digits.
func checkDecimals(values *memory.Buffer, c column, precision int32) *flaw {
	if c.length == 0 {
		return nil
	}
	limit := decimal128.GetScaleMultiplier(int(precision))
	validity := bytesOf(c.validity)
	for i, v := range arrow.Decimal128Traits.CastFromBytes(values.Bytes())[:c.length] {
		if exceeds(v, limit) && isValid(validity, i) {
			return badValue(i, "the decimal has more than %d digits", precision)
		}
	}
	return nil
}

// exceeds says whether |v| >= limit. Unsigned, so that the smallest number is no exception.
func exceeds(v, limit decimal128.Num) bool {
	high, low := uint64(v.HighBits()), v.LowBits()
	if v.HighBits() < 0 {
		var borrow uint64
		low, borrow = bits.Sub64(0, low, 0)
		high, _ = bits.Sub64(0, high, borrow)
	}
	if high != uint64(limit.HighBits()) {
		return high > uint64(limit.HighBits())
	}
	return low >= limit.LowBits()
}

// checkTimes wants every valid time of day to lie in the day.
func checkTimes(values *memory.Buffer, c column) *flaw {
	if c.length == 0 {
		return nil
	}
	validity := bytesOf(c.validity)
	for i, v := range arrow.Int64Traits.CastFromBytes(values.Bytes())[:c.length] {
		if (v < 0 || v >= microsecondsPerDay) && isValid(validity, i) {
			return badValue(i, "%d microseconds is no time of day", v)
		}
	}
	return nil
}

package shop

import (
	"math"
	"strconv"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

type kind uint8

const (
	text    kind = iota
	integer      // int64
	money        // cents; decimal(12,2)
	date         // days since 1970-01-01
	moment       // seconds since 1970-01-01; timestamp without zone
)

// none is the number that stands for NULL.
const none = math.MinInt64

// column says how one column of a row of type R looks, for CSV and Arrow alike.
type column[R any] struct {
	name   string
	kind   kind
	write  func(b []byte, r *R) []byte // text: appends the value; appending nothing is NULL
	number func(r *R) int64            // the other kinds
}

func (c *column[R]) csv(b []byte, r *R) []byte {
	if c.kind == text {
		return c.write(b, r)
	}
	n := c.number(r)
	if n == none {
		return b
	}
	switch c.kind {
	case money:
		return appendMoney(b, n)
	case date:
		return appendDate(b, n)
	case moment:
		return appendMoment(b, n)
	default:
		return strconv.AppendInt(b, n, 10)
	}
}

func (k kind) arrow() arrow.DataType {
	switch k {
	case integer:
		return arrow.PrimitiveTypes.Int64
	case money:
		return &arrow.Decimal128Type{Precision: 12, Scale: 2}
	case date:
		return arrow.FixedWidthTypes.Date32
	case moment:
		return &arrow.TimestampType{Unit: arrow.Microsecond}
	default:
		return arrow.BinaryTypes.String
	}
}

// build returns the column's values of rows as an Arrow array, which the caller releases.
func (c *column[R]) build(rows []R) arrow.Array {
	builder := array.NewBuilder(memory.DefaultAllocator, c.kind.arrow())
	defer builder.Release()
	builder.Reserve(len(rows))
	if b, ok := builder.(*array.StringBuilder); ok {
		var buffer []byte
		for i := range rows {
			buffer = c.write(buffer[:0], &rows[i])
			if len(buffer) == 0 {
				b.AppendNull()
			} else {
				b.BinaryBuilder.Append(buffer)
			}
		}
		return builder.NewArray()
	}
	for i := range rows {
		appendNumber(builder, c.number(&rows[i]))
	}
	return builder.NewArray()
}

func appendNumber(builder array.Builder, n int64) {
	if n == none {
		builder.AppendNull()
		return
	}
	switch b := builder.(type) {
	case *array.Int64Builder:
		b.Append(n)
	case *array.Decimal128Builder:
		b.Append(decimal128.FromI64(n))
	case *array.Date32Builder:
		b.Append(arrow.Date32(n))
	case *array.TimestampBuilder:
		b.Append(arrow.Timestamp(n * 1_000_000))
	}
}

func appendMoney(b []byte, cents int64) []byte {
	if cents < 0 {
		b, cents = append(b, '-'), -cents
	}
	b = strconv.AppendInt(b, cents/100, 10)
	return append(b, '.', byte('0'+cents/10%10), byte('0'+cents%10))
}

// id appends prefix and the number with leading zeros.
func id(b []byte, prefix string, n int64, width int) []byte {
	b = append(b, prefix...)
	var digits [20]byte
	at := len(digits)
	for n >= 100 {
		pair := n % 100
		n /= 100
		at -= 2
		digits[at], digits[at+1] = byte('0'+pair/10), byte('0'+pair%10)
	}
	if n >= 10 {
		at--
		digits[at] = byte('0' + n%10)
		n /= 10
	}
	at--
	digits[at] = byte('0' + n)
	for len(digits)-at < width {
		at--
		digits[at] = '0'
	}
	return append(b, digits[at:]...)
}

func two(b []byte, n int64) []byte { return append(b, byte('0'+n/10), byte('0'+n%10)) }

// appendDate appends days since 1970-01-01 as YYYY-MM-DD: the civil-from-days algorithm of Howard Hinnant,
// "chrono-Compatible Low-Level Date Algorithms", for days after 1970.
func appendDate(b []byte, days int64) []byte {
	z := days + 719_468
	era := z / 146_097
	doe := z - era*146_097
	yoe := (doe - doe/1460 + doe/36_524 - doe/146_096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	year, month, day := yoe+era*400, mp+3, doy-(153*mp+2)/5+1
	if month > 12 {
		year, month = year+1, month-12
	}
	b = append(two(two(b, year/100), year%100), '-')
	b = append(two(b, month), '-')
	return two(b, day)
}

// appendMoment appends seconds since 1970-01-01 as YYYY-MM-DD HH:MM:SS.
func appendMoment(b []byte, seconds int64) []byte {
	b = append(appendDate(b, seconds/daySeconds), ' ')
	second := seconds % daySeconds
	b = append(two(b, second/3600), ':')
	b = append(two(b, second/60%60), ':')
	return two(b, second%60)
}

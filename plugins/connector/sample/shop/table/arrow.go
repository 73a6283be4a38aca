package table

import (
	"bytes"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

func schema(columns []Column) *arrow.Schema {
	fields := make([]arrow.Field, len(columns))
	for i, c := range columns {
		fields[i] = arrow.Field{Name: c.Name, Type: c.Kind.arrow(), Nullable: i > 0}
	}
	return arrow.NewSchema(fields, nil)
}

func (k Kind) arrow() arrow.DataType {
	switch k {
	case Integer:
		return arrow.PrimitiveTypes.Int64
	case Money:
		return &arrow.Decimal128Type{Precision: 12, Scale: 2}
	case Date:
		return arrow.FixedWidthTypes.Date32
	case Moment:
		return &arrow.TimestampType{Unit: arrow.Microsecond}
	default:
		return arrow.BinaryTypes.String
	}
}

// reader gathers lines into batches.
type reader struct {
	columns []Column
	builder *array.RecordBuilder
	texts   []int // bytes of each column's texts in the last batch, to make room for the next at once
	rows    int
}

func newReader(columns []Column, rows int) *reader {
	return &reader{columns: columns, builder: array.NewRecordBuilder(memory.DefaultAllocator, schema(columns)), texts: make([]int, len(columns)), rows: rows}
}

func (r *reader) release() { r.builder.Release() }

// read takes lines whose cells each end in a comma.
func (r *reader) read(text []byte) {
	for len(text) > 0 {
		for i, c := range r.columns {
			end := bytes.IndexByte(text, ',')
			appendCell(r.builder.Field(i), c.Kind, text[:end])
			text = text[end+1:]
		}
	}
}

// batch returns what was read since the last batch.
func (r *reader) batch() arrow.Record {
	for i := range r.columns {
		if b, ok := r.builder.Field(i).(*array.StringBuilder); ok {
			r.texts[i] = b.DataLen()
		}
	}
	record := r.builder.NewRecord()
	for i := range r.columns {
		b := r.builder.Field(i)
		b.Reserve(r.rows)
		if b, ok := b.(*array.StringBuilder); ok {
			b.ReserveData(r.texts[i] + r.texts[i]/16)
		}
	}
	return record
}

func appendCell(builder array.Builder, kind Kind, cell []byte) {
	if len(cell) == 0 {
		builder.AppendNull()
		return
	}
	switch kind {
	case Integer:
		builder.(*array.Int64Builder).Append(number(cell))
	case Money:
		builder.(*array.Decimal128Builder).Append(decimal128.FromI64(number(cell)))
	case Date:
		builder.(*array.Date32Builder).Append(arrow.Date32(seconds(cell) / daySeconds))
	case Moment:
		builder.(*array.TimestampBuilder).Append(arrow.Timestamp(seconds(cell) * 1_000_000))
	default:
		builder.(*array.StringBuilder).BinaryBuilder.Append(cell)
	}
}

// number reads digits, past a decimal point: cents for money.
func number(cell []byte) (n int64) {
	for _, c := range cell {
		if c != '.' {
			n = n*10 + int64(c-'0')
		}
	}
	return n
}

// seconds reads a date, and a time if there is one, as seconds since 1970-01-01.
func seconds(cell []byte) int64 {
	day := time.Date(int(number(cell[:4])), time.Month(number(cell[5:7])), int(number(cell[8:10])), 0, 0, 0, 0, time.UTC).Unix()
	if len(cell) == len(time.DateOnly) {
		return day
	}
	return day + number(cell[11:13])*3600 + number(cell[14:16])*60 + number(cell[17:19])
}

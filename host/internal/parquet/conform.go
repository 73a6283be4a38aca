package parquet

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/ai-data-analyst/broker/sdk"
)

// Conform returns batch in published form: the columns of columns in their order, found in batch by name, converted to
// the published types without loss; a column that batch does not have is NULL throughout. The caller releases the record.
// Values that do not fit are reported by row; batch itself stays the caller's.
func Conform(columns []Column, batch arrow.Record) (arrow.Record, []Misfit, error) {
	schema, err := Schema(columns)
	if err != nil {
		return nil, nil, err
	}
	return conform(columns, schema, batch)
}

func conform(columns []Column, schema *arrow.Schema, batch arrow.Record) (arrow.Record, []Misfit, error) {
	rows := int(batch.NumRows())
	arrays := make([]arrow.Array, len(columns))
	defer func() {
		for _, a := range arrays {
			if a != nil {
				a.Release()
			}
		}
	}()
	places := make(map[string]int, batch.NumCols())
	for i, f := range batch.Schema().Fields() {
		places[f.Name] = i
	}
	var misfits []Misfit
	for i, c := range columns {
		place, ok := places[c.Name]
		if !ok {
			arrays[i] = array.MakeArrayOfNull(memory.DefaultAllocator, schema.Field(i).Type, rows)
		} else {
			data, err := convert(batch.Column(place).Data(), schema.Field(i).Type)
			if err != nil {
				return nil, nil, fmt.Errorf("column %q: %w", c.Name, err)
			}
			arrays[i] = array.MakeFromData(data)
			data.Release()
		}
		misfits = appendMisfits(misfits, c, arrays[i], 0, rows)
	}
	return array.NewRecord(schema, arrays, int64(rows)), misfits, nil
}

// convert returns data as type to: the same buffers where the layout is the same, widened copies otherwise.
func convert(data arrow.ArrayData, to arrow.DataType) (arrow.ArrayData, error) {
	from := data.DataType()
	if from.ID() == to.ID() {
		if _, nested := to.(arrow.NestedType); nested {
			return convertChildren(data, to)
		}
		if arrow.TypeEqual(from, to) {
			data.Retain()
			return data, nil
		}
	}
	values, err := widen(data, to)
	if err != nil {
		return nil, err
	}
	validity := data.Buffers()[0]
	offset := data.Offset()
	return array.NewData(to, data.Len(), []*memory.Buffer{validity, memory.NewBufferBytes(values)}, nil, data.NullN(), offset), nil
}

func convertChildren(data arrow.ArrayData, to arrow.DataType) (arrow.ArrayData, error) {
	fields := to.(arrow.NestedType).Fields()
	if len(fields) != len(data.Children()) {
		return nil, fmt.Errorf("%s does not fit %s", data.DataType(), to)
	}
	children := make([]arrow.ArrayData, len(fields))
	for i, f := range fields {
		child, err := convert(data.Children()[i], f.Type)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		defer child.Release()
		children[i] = child
	}
	return array.NewData(to, data.Len(), data.Buffers(), children, data.NullN(), data.Offset()), nil
}

// widen returns the value buffer of data as type to. Slots of NULLs are converted too; positions stay.
func widen(data arrow.ArrayData, to arrow.DataType) ([]byte, error) {
	n := data.Offset() + data.Len()
	raw := data.Buffers()[1]
	var in []byte
	if raw != nil {
		in = raw.Bytes()
	}
	switch from := data.DataType().ID(); {
	case to.ID() == arrow.INT64 && from == arrow.INT8:
		return longs(arrow.Int8Traits.CastFromBytes(in), n), nil
	case to.ID() == arrow.INT64 && from == arrow.INT16:
		return longs(arrow.Int16Traits.CastFromBytes(in), n), nil
	case to.ID() == arrow.INT64 && from == arrow.INT32:
		return longs(arrow.Int32Traits.CastFromBytes(in), n), nil
	case to.ID() == arrow.INT64 && from == arrow.UINT8:
		return longs(in, n), nil
	case to.ID() == arrow.INT64 && from == arrow.UINT16:
		return longs(arrow.Uint16Traits.CastFromBytes(in), n), nil
	case to.ID() == arrow.INT64 && from == arrow.UINT32:
		return longs(arrow.Uint32Traits.CastFromBytes(in), n), nil
	case to.ID() == arrow.FLOAT64 && from == arrow.FLOAT32:
		return doubles(arrow.Float32Traits.CastFromBytes(in), n), nil
	case arrow.TypeEqual(to, uint64Published) && from == arrow.UINT64:
		return decimals(arrow.Uint64Traits.CastFromBytes(in), n), nil
	}
	return nil, fmt.Errorf("%s cannot be published as %s", data.DataType(), to)
}

var uint64Published = &arrow.Decimal128Type{Precision: 20}

func longs[T int8 | int16 | int32 | uint8 | uint16 | uint32](in []T, n int) []byte {
	out := make([]int64, n)
	for i, v := range in[:n] {
		out[i] = int64(v)
	}
	return arrow.Int64Traits.CastToBytes(out)
}

func doubles(in []float32, n int) []byte {
	out := make([]float64, n)
	for i, v := range in[:n] {
		out[i] = float64(v)
	}
	return arrow.Float64Traits.CastToBytes(out)
}

func decimals(in []uint64, n int) []byte {
	out := make([]decimal128.Num, n)
	for i, v := range in[:n] {
		out[i] = decimal128.FromU64(v)
	}
	return arrow.Decimal128Traits.CastToBytes(out)
}

// isNested says whether c holds other columns.
func isNested(c Column) bool {
	return c.Type.ID == sdk.List || c.Type.ID == sdk.Struct || c.Type.ID == sdk.Map
}

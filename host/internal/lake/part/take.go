package part

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/bitutil"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// Take returns the given rows of batch, in that order. The caller releases the record. The types are the published ones.
func Take(batch arrow.Record, rows []int) (arrow.Record, error) {
	if n := len(rows); n > 0 && rows[n-1]-rows[0] == n-1 && rising(rows) {
		return batch.NewSlice(int64(rows[0]), int64(rows[n-1])+1), nil
	}
	return copyRows(batch, rows)
}

// copyRows is Take without sharing memory with batch.
func copyRows(batch arrow.Record, rows []int) (arrow.Record, error) {
	columns := make([]arrow.Array, batch.NumCols())
	for i, c := range batch.Columns() {
		data, err := take(c.Data(), rows)
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", batch.ColumnName(i), err)
		}
		columns[i] = array.MakeFromData(data)
		data.Release()
	}
	record := array.NewRecord(batch.Schema(), columns, int64(len(rows)))
	for _, c := range columns {
		c.Release()
	}
	return record, nil
}

func rising(rows []int) bool {
	for i := 1; i < len(rows); i++ {
		if rows[i] != rows[i-1]+1 {
			return false
		}
	}
	return true
}

func take(data arrow.ArrayData, rows []int) (arrow.ArrayData, error) {
	validity, nulls := takeValidity(data, rows)
	build := func(buffer []byte, children ...arrow.ArrayData) arrow.ArrayData {
		return array.NewData(data.DataType(), len(rows), []*memory.Buffer{validity, memory.NewBufferBytes(buffer)}, children, nulls, 0)
	}
	switch t := data.DataType().(type) {
	case *arrow.StructType:
		children := make([]arrow.ArrayData, len(data.Children()))
		inner := shifted(rows, data.Offset())
		for i, child := range data.Children() {
			taken, err := take(child, inner)
			if err != nil {
				return nil, err
			}
			defer taken.Release()
			children[i] = taken
		}
		return array.NewData(t, len(rows), []*memory.Buffer{validity}, children, nulls, 0), nil
	case *arrow.ListType, *arrow.MapType:
		offsets, inner := takeOffsets(data, rows)
		child, err := take(data.Children()[0], inner)
		if err != nil {
			return nil, err
		}
		defer child.Release()
		return build(arrow.Int32Traits.CastToBytes(offsets), child), nil
	case *arrow.BooleanType:
		return build(takeBits(data, rows)), nil
	case arrow.BinaryDataType:
		offsets, values := takeBytes(data, rows)
		buffers := []*memory.Buffer{validity, memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(offsets)), memory.NewBufferBytes(values)}
		return array.NewData(t, len(rows), buffers, nil, nulls, 0), nil
	case arrow.FixedWidthDataType:
		return build(takeFixed(data, rows, t.BitWidth()/8)), nil
	}
	return nil, fmt.Errorf("type %s is not a published type", data.DataType())
}

func shifted(rows []int, by int) []int {
	if by == 0 {
		return rows
	}
	out := make([]int, len(rows))
	for i, r := range rows {
		out[i] = r + by
	}
	return out
}

func takeValidity(data arrow.ArrayData, rows []int) (*memory.Buffer, int) {
	if data.Buffers()[0] == nil || data.NullN() == 0 {
		return nil, 0
	}
	in := data.Buffers()[0].Bytes()
	out := make([]byte, bitutil.BytesForBits(int64(len(rows))))
	nulls := 0
	for i, r := range rows {
		if bitutil.BitIsSet(in, data.Offset()+r) {
			bitutil.SetBit(out, i)
		} else {
			nulls++
		}
	}
	return memory.NewBufferBytes(out), nulls
}

func takeBits(data arrow.ArrayData, rows []int) []byte {
	out := make([]byte, bitutil.BytesForBits(int64(len(rows))))
	if data.Buffers()[1] == nil {
		return out
	}
	in := data.Buffers()[1].Bytes()
	for i, r := range rows {
		if bitutil.BitIsSet(in, data.Offset()+r) {
			bitutil.SetBit(out, i)
		}
	}
	return out
}

func takeFixed(data arrow.ArrayData, rows []int, width int) []byte {
	out := make([]byte, len(rows)*width)
	if data.Buffers()[1] == nil {
		return out
	}
	in := data.Buffers()[1].Bytes()
	for i, r := range rows {
		from := (data.Offset() + r) * width
		copy(out[i*width:(i+1)*width], in[from:from+width])
	}
	return out
}

// ends returns the offsets of data's rows, row r lying between r and r+1; nil when there are none.
func ends(data arrow.ArrayData) []int32 {
	if data.Buffers()[1] == nil || data.Buffers()[1].Len() == 0 {
		return nil
	}
	return arrow.Int32Traits.CastFromBytes(data.Buffers()[1].Bytes())[data.Offset():]
}

func takeBytes(data arrow.ArrayData, rows []int) ([]int32, []byte) {
	in := ends(data)
	offsets := make([]int32, len(rows)+1)
	total := 0
	for i, r := range rows {
		total += int(in[r+1] - in[r])
		offsets[i+1] = int32(total)
	}
	values := make([]byte, 0, total)
	for _, r := range rows {
		if in[r] < in[r+1] {
			values = append(values, data.Buffers()[2].Bytes()[in[r]:in[r+1]]...)
		}
	}
	return offsets, values
}

func takeOffsets(data arrow.ArrayData, rows []int) ([]int32, []int) {
	in := ends(data)
	offsets := make([]int32, len(rows)+1)
	var inner []int
	for i, r := range rows {
		for j := in[r]; j < in[r+1]; j++ {
			inner = append(inner, int(j))
		}
		offsets[i+1] = int32(len(inner))
	}
	return offsets, inner
}

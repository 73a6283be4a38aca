//go:build cgo

package columns

import (
	"errors"
	"fmt"
	"math/bits"
	"unsafe"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/memory"
	duckdb "github.com/duckdb/duckdb-go-bindings"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/service"
)

// reader copies the vectors of one column into Arrow arrays of type typ.
type reader struct {
	typ  sdk.Type
	read func(vector duckdb.Vector, n int) (arrow.Array, error)
}

var errType = errors.New("the type is not delivered")

// fixed are the types whose values lie in DuckDB's vectors as in Arrow's arrays: id and bytes of a value.
func fixed(id duckdb.Type) (sdk.Type, int, bool) {
	switch id {
	case duckdb.TypeTinyInt:
		return sdk.Type{ID: sdk.Int8}, 1, true
	case duckdb.TypeSmallInt:
		return sdk.Type{ID: sdk.Int16}, 2, true
	case duckdb.TypeInteger:
		return sdk.Type{ID: sdk.Int32}, 4, true
	case duckdb.TypeBigInt:
		return sdk.Type{ID: sdk.Int64}, 8, true
	case duckdb.TypeUTinyInt:
		return sdk.Type{ID: sdk.Uint8}, 1, true
	case duckdb.TypeUSmallInt:
		return sdk.Type{ID: sdk.Uint16}, 2, true
	case duckdb.TypeUInteger:
		return sdk.Type{ID: sdk.Uint32}, 4, true
	case duckdb.TypeUBigInt:
		return sdk.Type{ID: sdk.Uint64}, 8, true
	case duckdb.TypeFloat:
		return sdk.Type{ID: sdk.Float32}, 4, true
	case duckdb.TypeDouble:
		return sdk.Type{ID: sdk.Float64}, 8, true
	case duckdb.TypeDate:
		return sdk.Type{ID: sdk.Date}, 4, true
	case duckdb.TypeTime:
		return sdk.Type{ID: sdk.Time}, 8, true
	case duckdb.TypeTimestamp:
		return sdk.Type{ID: sdk.Timestamp}, 8, true
	case duckdb.TypeTimestampTZ:
		return sdk.Type{ID: sdk.Timestamp, Zone: "UTC"}, 8, true
	}
	return sdk.Type{}, 0, false
}

// readerOf returns how a type's values are read; an error for what has no form in the closed list.
func readerOf(logical duckdb.LogicalType) (reader, error) {
	id := duckdb.GetTypeId(logical)
	if typ, width, ok := fixed(id); ok {
		return fixedReader(typ, width)
	}
	switch id {
	case duckdb.TypeBoolean:
		return reader{sdk.Type{ID: sdk.Bool}, readBools}, nil
	case duckdb.TypeVarchar:
		typ := sdk.Type{ID: sdk.String}
		if duckdb.LogicalTypeGetAlias(logical) == "JSON" {
			typ.Logical = "json"
		}
		return reader{typ, readTexts(array.NewStringData)}, nil
	case duckdb.TypeBlob:
		return reader{sdk.Type{ID: sdk.Binary}, readTexts(array.NewBinaryData)}, nil
	case duckdb.TypeDecimal:
		return decimalReader(int32(duckdb.DecimalWidth(logical)), int32(duckdb.DecimalScale(logical)), decimalPart(duckdb.DecimalInternalType(logical))), nil
	case duckdb.TypeHugeInt:
		return decimalReader(38, 0, hugeint), nil
	case duckdb.TypeUHugeInt:
		return decimalReader(38, 0, uhugeint), nil
	case duckdb.TypeTimestampS:
		return scaledReader(1_000_000), nil
	case duckdb.TypeTimestampMS:
		return scaledReader(1_000), nil
	}
	write, err := writerOf(logical)
	if err != nil {
		return reader{}, err
	}
	typ := sdk.Type{ID: sdk.String}
	switch id {
	case duckdb.TypeUUID:
		typ.Logical = "uuid"
	case duckdb.TypeList, duckdb.TypeArray, duckdb.TypeStruct, duckdb.TypeMap:
		typ.Logical = "json"
	}
	return reader{typ, func(vector duckdb.Vector, n int) (arrow.Array, error) { return readWritten(write, vector, n) }}, nil
}

// validity copies the bits that say which values are there; nil when all are. DuckDB's are Arrow's.
func validity(vector duckdb.Vector, n int) (*memory.Buffer, int) {
	mask := duckdb.VectorGetValidity(vector)
	if mask == nil {
		return nil, 0
	}
	words := unsafe.Slice((*uint64)(mask), (n+63)/64)
	present := 0
	for i, word := range words {
		if rest := n - i*64; rest < 64 {
			word &= 1<<rest - 1
		}
		present += bits.OnesCount64(word)
	}
	if present == n {
		return nil, 0
	}
	copied := append([]uint64{}, words...)
	return memory.NewBufferBytes(unsafe.Slice((*byte)(unsafe.Pointer(&copied[0])), len(copied)*8)), n - present
}

// valid says whether a row's value is there.
func valid(vector duckdb.Vector, row int) bool {
	mask := duckdb.VectorGetValidity(vector)
	return mask == nil || unsafe.Slice((*uint64)(mask), row/64+1)[row/64]>>(row%64)&1 == 1
}

// values sees a vector's values.
func values[T any](vector duckdb.Vector, n int) []T {
	return unsafe.Slice((*T)(duckdb.VectorGetData(vector)), n)
}

func fixedReader(typ sdk.Type, width int) (reader, error) {
	in, err := typ.Arrow()
	if err != nil {
		return reader{}, err
	}
	return reader{typ, func(vector duckdb.Vector, n int) (arrow.Array, error) {
		present, nulls := validity(vector, n)
		copied := memory.NewBufferBytes(append([]byte{}, values[byte](vector, n*width)...))
		return array.MakeFromData(array.NewData(in, n, []*memory.Buffer{present, copied}, nil, nulls, 0)), nil
	}}, nil
}

func readBools(vector duckdb.Vector, n int) (arrow.Array, error) {
	builder := array.NewBooleanBuilder(memory.DefaultAllocator)
	defer builder.Release()
	builder.Reserve(n)
	for row, v := range values[byte](vector, n) {
		if !valid(vector, row) {
			builder.AppendNull()
			continue
		}
		builder.Append(v != 0)
	}
	return builder.NewArray(), nil
}

// scaledReader reads timestamps that count something longer than microseconds.
func scaledReader(factor int64) reader {
	typ := sdk.Type{ID: sdk.Timestamp}
	return reader{typ, func(vector duckdb.Vector, n int) (arrow.Array, error) {
		builder := array.NewTimestampBuilder(memory.DefaultAllocator, &arrow.TimestampType{Unit: arrow.Microsecond})
		defer builder.Release()
		for row, v := range values[int64](vector, n) {
			high, low := bits.Mul64(uint64(max(v, -v)), uint64(factor))
			switch {
			case !valid(vector, row):
				builder.AppendNull()
			case high != 0 || low > 1<<62:
				return nil, errors.New("a timestamp is out of range; cast it to TIMESTAMP or VARCHAR")
			default:
				builder.Append(arrow.Timestamp(v * factor))
			}
		}
		return builder.NewArray(), nil
	}}
}

// text is DuckDB's string: up to 12 bytes inside, else a pointer (duckdb_string_t of duckdb.h).
type text struct {
	length uint32
	rest   [12]byte
}

func (t *text) bytes() []byte {
	if t.length <= 12 {
		return t.rest[:t.length]
	}
	return unsafe.Slice(*(**byte)(unsafe.Pointer(&t.rest[4])), t.length)
}

// Text copies the first value of a vector of texts.
func Text(vector duckdb.Vector) []byte { return append([]byte{}, texts(vector, 1)[0].bytes()...) }

func texts(vector duckdb.Vector, n int) []text { return values[text](vector, n) }

func readTexts[A arrow.Array](as func(arrow.ArrayData) A) func(duckdb.Vector, int) (arrow.Array, error) {
	in := arrow.DataType(arrow.BinaryTypes.String)
	if _, binary := any(as(array.NewData(arrow.BinaryTypes.Binary, 0, []*memory.Buffer{nil, nil, nil}, nil, 0, 0))).(*array.Binary); binary {
		in = arrow.BinaryTypes.Binary
	}
	return func(vector duckdb.Vector, n int) (arrow.Array, error) {
		present, nulls := validity(vector, n)
		offsets := make([]int32, 1, n+1)
		var data []byte
		all := texts(vector, n)
		for row := range all {
			if nulls == 0 || valid(vector, row) {
				if all[row].length > service.MaxFieldBytes {
					return nil, errLong
				}
				data = append(data, all[row].bytes()...)
			}
			if len(data) > 1<<30 {
				return nil, errors.New("the values of 2,048 rows take more than 1 GiB")
			}
			offsets = append(offsets, int32(len(data)))
		}
		at := memory.NewBufferBytes(unsafe.Slice((*byte)(unsafe.Pointer(&offsets[0])), len(offsets)*4))
		return array.MakeFromData(array.NewData(in, n, []*memory.Buffer{present, at, memory.NewBufferBytes(data)}, nil, nulls, 0)), nil
	}
}

// readWritten reads a column whose values travel as text.
func readWritten(write writer, vector duckdb.Vector, n int) (arrow.Array, error) {
	builder := array.NewStringBuilder(memory.DefaultAllocator)
	defer builder.Release()
	var buffer []byte
	for row := range n {
		if !valid(vector, row) {
			builder.AppendNull()
			continue
		}
		buffer = write.text(buffer[:0], vector, row)
		if len(buffer) > service.MaxFieldBytes {
			return nil, errLong
		}
		builder.Append(string(buffer))
	}
	return builder.NewArray(), nil
}

// whole returns a row's integer of 128 bits; false when it does not fit into 38 digits.
type whole func(vector duckdb.Vector, row int) (decimal128.Num, bool)

func decimalReader(precision, scale int32, read whole) reader {
	typ := sdk.Type{ID: sdk.Decimal, Precision: precision, Scale: scale}
	return reader{typ, func(vector duckdb.Vector, n int) (arrow.Array, error) {
		builder := array.NewDecimal128Builder(memory.DefaultAllocator, &arrow.Decimal128Type{Precision: precision, Scale: scale})
		defer builder.Release()
		for row := range n {
			if !valid(vector, row) {
				builder.AppendNull()
				continue
			}
			v, ok := read(vector, row)
			if !ok {
				return nil, fmt.Errorf("a value has more than %d digits; cast it to VARCHAR or DOUBLE", precision)
			}
			builder.Append(v)
		}
		return builder.NewArray(), nil
	}}
}

// decimalPart reads the integer below a DECIMAL, which is as wide as its precision needs.
func decimalPart(internal duckdb.Type) whole {
	switch internal {
	case duckdb.TypeSmallInt:
		return func(v duckdb.Vector, row int) (decimal128.Num, bool) {
			return decimal128.FromI64(int64(values[int16](v, row+1)[row])), true
		}
	case duckdb.TypeInteger:
		return func(v duckdb.Vector, row int) (decimal128.Num, bool) {
			return decimal128.FromI64(int64(values[int32](v, row+1)[row])), true
		}
	case duckdb.TypeBigInt:
		return func(v duckdb.Vector, row int) (decimal128.Num, bool) {
			return decimal128.FromI64(values[int64](v, row+1)[row]), true
		}
	}
	return hugeint
}

// wide is how DuckDB keeps 128 bits: the lower half first.
type wide struct {
	low  uint64
	high int64
}

func hugeint(v duckdb.Vector, row int) (decimal128.Num, bool) {
	w := values[wide](v, row+1)[row]
	n := decimal128.New(w.high, w.low)
	return n, n.FitsInPrecision(38)
}

func uhugeint(v duckdb.Vector, row int) (decimal128.Num, bool) {
	n, ok := hugeint(v, row)
	return n, ok && n.Sign() >= 0
}

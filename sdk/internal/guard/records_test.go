package guard_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/internal/guard"
)

func col(name string, id sdk.TypeID, children ...sdk.Column) sdk.Column {
	return sdk.Column{Name: name, Type: sdk.Type{ID: id, Children: children}}
}

func decimal(name string, precision, scale int32) sdk.Column {
	return sdk.Column{Name: name, Type: sdk.Type{ID: sdk.Decimal, Precision: precision, Scale: scale}}
}

func required(c sdk.Column) sdk.Column {
	c.NotNull = true
	return c
}

// flat has every plain type, nested has lists, structs and maps in each other.
func flat() []sdk.Column {
	ids := []sdk.TypeID{
		sdk.Bool, sdk.Int8, sdk.Int16, sdk.Int32, sdk.Int64, sdk.Uint8, sdk.Uint16, sdk.Uint32, sdk.Uint64,
		sdk.Float32, sdk.Float64, sdk.String, sdk.Binary, sdk.Date, sdk.Time, sdk.Timestamp,
	}
	columns := []sdk.Column{required(col("id", sdk.Int64)), decimal("money", 10, 2), decimal("huge", 38, 0)}
	for _, id := range ids {
		columns = append(columns, col("a_"+string(id), id))
	}
	return append(columns, sdk.Column{Name: "at", Type: sdk.Type{ID: sdk.Timestamp, Zone: "UTC"}})
}

func nested() []sdk.Column {
	return []sdk.Column{
		col("tags", sdk.List, col("item", sdk.String)),
		col("point", sdk.Struct, required(col("x", sdk.Float64)), col("label", sdk.String)),
		col("props", sdk.Map, required(col("key", sdk.String)), col("value", sdk.Int32)),
		col("deep", sdk.List, col("item", sdk.Struct, col("inner", sdk.List, col("item", sdk.Bool)), decimal("d", 5, 1))),
		col("matrix", sdk.List, col("item", sdk.List, col("item", sdk.Int64))),
	}
}

func reader(t testing.TB, columns []sdk.Column) *guard.Reader {
	t.Helper()
	r, err := guard.New(columns, guard.DefaultLimits)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// fill makes a record of n rows; nulls says how many values of ten are null.
func fill(t testing.TB, schema *arrow.Schema, n, nulls int, seed uint64) arrow.Record {
	t.Helper()
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	random := rand.New(rand.NewPCG(seed, 1))
	for range n {
		for c, f := range b.Fields() {
			value(f, schema.Field(c).Nullable, nulls, random)
		}
	}
	return b.NewRecord()
}

func value(b array.Builder, nullable bool, nulls int, r *rand.Rand) {
	if nullable && r.IntN(10) < nulls {
		b.AppendNull()
		return
	}
	switch b := b.(type) {
	case *array.BooleanBuilder:
		b.Append(r.IntN(2) == 0)
	case *array.Time64Builder:
		b.Append(arrow.Time64(r.Int64N(86_400_000_000)))
	case *array.Decimal128Builder:
		b.Append(decimal128.FromI64(r.Int64N(19_999) - 9_999))
	case *array.StringBuilder:
		b.Append([]string{"", "ž", "日本語", "plain", "naïve 🙂"}[r.IntN(5)])
	case *array.BinaryBuilder:
		b.Append([]byte{byte(r.IntN(256)), 0xff})
	case *array.StructBuilder:
		t := b.Type().(*arrow.StructType)
		b.Append(true)
		for i := range b.NumField() {
			value(b.FieldBuilder(i), t.Field(i).Nullable, nulls, r)
		}
	case *array.MapBuilder:
		b.Append(true)
		for i := range r.IntN(3) {
			b.KeyBuilder().(*array.StringBuilder).Append(fmt.Sprint("k", i))
			value(b.ItemBuilder(), true, nulls, r)
		}
	case *array.ListBuilder:
		b.Append(true)
		for range r.IntN(4) {
			value(b.ValueBuilder(), true, nulls, r)
		}
	default:
		if err := b.AppendValueFromString(number(b, r)); err != nil {
			panic(err)
		}
	}
}

func number(b array.Builder, r *rand.Rand) string {
	switch b.Type().ID() {
	case arrow.DATE32:
		return []string{"1970-01-01", "9999-12-31", "0001-01-01"}[r.IntN(3)]
	case arrow.TIMESTAMP:
		return []string{"1970-01-01T00:00:00.000001", "2026-02-28T23:59:59.999999"}[r.IntN(2)]
	case arrow.FLOAT32, arrow.FLOAT64:
		return []string{"NaN", "+Inf", "-0", "1.5"}[r.IntN(4)]
	}
	return fmt.Sprint(r.IntN(100))
}

// encode returns the record-batch message of record, as any Arrow library writes it.
func encode(t testing.TB, record arrow.Record, options ...ipc.Option) []byte {
	t.Helper()
	var b bytes.Buffer
	w := ipc.NewWriter(&b, append(options, ipc.WithSchema(record.Schema()))...)
	if err := w.Write(record); err != nil {
		t.Fatal(err)
	}
	stream := b.Bytes()
	size := 8 + int(uint32(stream[4])|uint32(stream[5])<<8|uint32(stream[6])<<16)
	return bytes.Clone(stream[size:]) // behind the schema message, whose body is empty
}

// aligned copies a message to where the wire would have put it.
func aligned(message []byte) *memory.Buffer {
	space := make([]byte, len(message)+64)
	at := int(-uintptr(unsafe.Pointer(&space[0])) & 63)
	b := space[at : at+len(message) : at+len(message)]
	copy(b, message)
	return memory.NewBufferBytes(b)
}

// touch reads every value of a record, by all the ways that host code does.
func touch(record arrow.Record) (values int) {
	for _, c := range record.Columns() {
		values += touchArray(c)
	}
	return values
}

func touchArray(a arrow.Array) int {
	n := 0
	for i := range a.Len() {
		if a.IsNull(i) {
			continue
		}
		n++
		switch a := a.(type) {
		case *array.String:
			n += len([]rune(a.Value(i)))
		case *array.Binary:
			n += len(a.Value(i))
		case *array.Decimal128:
			n += len(a.Value(i).ToString(a.DataType().(*arrow.Decimal128Type).Scale))
		case *array.List:
			from, to := a.ValueOffsets(i)
			slice := array.NewSlice(a.ListValues(), from, to)
			n += touchArray(slice)
			slice.Release()
		case *array.Map:
			from, to := a.ValueOffsets(i)
			for j := from; j < to; j++ {
				n += len(a.Keys().(*array.String).Value(int(j)))
			}
		case *array.Struct:
		default:
			n += len(a.ValueStr(i))
		}
	}
	if s, ok := a.(*array.Struct); ok {
		for f := range s.NumField() {
			n += touchArray(s.Field(f))
		}
	}
	if m, ok := a.(*array.Map); ok {
		n += touchArray(m.Items())
	}
	return n
}

package guard_test

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/sdk/internal/guard"
)

// shape is one kind of valid record.
type shape struct {
	name    string
	columns []sdk.Column
	rows    int
	nulls   int
	slice   [2]int64 // zero = the whole record
}

func shapes() []shape {
	return []shape{
		{name: "flat", columns: flat(), rows: 20},
		{name: "flat with nulls", columns: flat(), rows: 33, nulls: 4},
		{name: "flat, all null", columns: flat()[1:], rows: 9, nulls: 10},
		{name: "flat, empty", columns: flat()},
		{name: "flat, sliced", columns: flat(), rows: 40, nulls: 3, slice: [2]int64{3, 29}},
		{name: "nested", columns: nested(), rows: 20},
		{name: "nested with nulls", columns: nested(), rows: 33, nulls: 4},
		{name: "nested, all null", columns: nested(), rows: 9, nulls: 10},
		{name: "nested, empty", columns: nested()},
		{name: "nested, sliced", columns: nested(), rows: 40, nulls: 3, slice: [2]int64{9, 31}},
		{name: "one row", columns: append(flat(), nested()...), rows: 1},
	}
}

func (s shape) record(t testing.TB) (*guard.Reader, arrow.Record) {
	r := reader(t, s.columns)
	record := fill(t, r.Schema(), s.rows, s.nulls, uint64(s.rows))
	if s.slice == [2]int64{} {
		return r, record
	}
	sliced := record.NewSlice(s.slice[0], s.slice[1])
	record.Release()
	return r, sliced
}

func TestValidMessagesComeOutAsTheyWentIn(t *testing.T) {
	for _, s := range shapes() {
		t.Run(s.name, func(t *testing.T) {
			r, want := s.record(t)
			defer want.Release()
			got, err := r.Record(aligned(encode(t, want)), int(want.NumRows()))
			if err != nil {
				t.Fatal(err)
			}
			defer got.Release()
			if !array.RecordApproxEqual(want, got, array.WithNaNsEqual(true)) {
				t.Errorf("records differ\nwant %v\ngot  %v", want, got)
			}
			if touch(got) == 0 && s.rows > 0 && s.nulls < 10 {
				t.Error("no value could be read")
			}
			for i, c := range got.Columns() {
				if c.NullN() != want.Column(i).NullN() {
					t.Errorf("column %d: %d nulls, want %d", i, c.NullN(), want.Column(i).NullN())
				}
			}
		})
	}
}

func TestRecordLivesInTheMessageAndLetsGoOfIt(t *testing.T) {
	checked := memory.NewCheckedAllocator(memory.NewGoAllocator())
	r := reader(t, append(flat(), nested()...))
	want := fill(t, r.Schema(), 50, 2, 7)
	defer want.Release()
	bytes := encode(t, want)
	message := memory.NewResizableBuffer(checked)
	message.Resize(len(bytes))
	copy(message.Bytes(), bytes)

	got, err := r.Record(message, 50)
	if err != nil {
		t.Fatal(err)
	}
	message.Release()
	kept := got.Column(3)
	kept.Retain()
	got.Release()
	if checked.CurrentAlloc() == 0 {
		t.Error("the message was freed while a column of it is alive")
	}
	kept.Release()
	checked.AssertSize(t, 0)

	refused := memory.NewResizableBuffer(checked)
	refused.Resize(len(bytes))
	copy(refused.Bytes(), bytes)
	if _, err := r.Record(refused, 49); err == nil {
		t.Error("a wrong number of rows passed")
	}
	refused.Release()
	checked.AssertSize(t, 0)
}

func TestD1_TruncatedAtAnyByte(t *testing.T) {
	r := reader(t, append(flat(), nested()...))
	record := fill(t, r.Schema(), 5, 2, 1)
	defer record.Release()
	whole := encode(t, record)
	for n := range whole {
		if got, err := r.Record(aligned(whole[:n]), 5); err == nil {
			got.Release()
			t.Fatalf("the first %d of %d bytes passed", n, len(whole))
		}
	}
	if got, err := r.Record(aligned(append(whole, 0, 0, 0, 0, 0, 0, 0, 0)), 5); err == nil {
		got.Release()
		t.Error("bytes behind the message passed")
	}
}

// handmade is a message of one int64 column (or what columns say) whose numbers a test sets as it likes.
type handmade struct {
	rows    int64
	nodes   [][2]int64
	buffers [][2]int64
	body    []byte
	bodyLen int64 // 0 = true
}

// bytes writes the message: flatbuffer tables by hand, so that no library keeps the numbers sane.
func (h handmade) bytes() []byte {
	if h.bodyLen == 0 {
		h.bodyLen = int64(len(h.body))
	}
	le := binary.LittleEndian
	meta := make([]byte, 88)
	le.PutUint32(meta, 20)      // root
	le.PutUint16(meta[4:], 12)  // message's vtable: size, table size, slots
	le.PutUint16(meta[6:], 24)  //
	le.PutUint16(meta[8:], 4)   // version
	le.PutUint16(meta[10:], 6)  // header type
	le.PutUint16(meta[12:], 8)  // header
	le.PutUint16(meta[14:], 16) // body length
	le.PutUint32(meta[20:], 16) // message table
	le.PutUint16(meta[24:], 4)  // V5
	meta[26] = 3                // RecordBatch
	le.PutUint32(meta[28:], 36) // header at 64
	le.PutUint64(meta[36:], uint64(h.bodyLen))
	le.PutUint16(meta[48:], 10) // batch's vtable at 48
	le.PutUint16(meta[50:], 24) //
	le.PutUint16(meta[52:], 8)  // length
	le.PutUint16(meta[54:], 16) // nodes
	le.PutUint16(meta[56:], 20) // buffers
	le.PutUint32(meta[64:], 16) // batch table
	le.PutUint64(meta[72:], uint64(h.rows))
	nodesAt := 92
	le.PutUint32(meta[80:], uint32(nodesAt-80))
	buffersAt := nodesAt + 4 + 16*len(h.nodes)
	le.PutUint32(meta[84:], uint32(buffersAt-84))
	meta = append(meta, 0, 0, 0, 0)
	meta = vector(meta, h.nodes)
	meta = vector(meta, h.buffers)
	for len(meta)%8 != 0 {
		meta = append(meta, 0)
	}
	head := le.AppendUint32([]byte{0xff, 0xff, 0xff, 0xff}, uint32(len(meta)))
	return append(append(head, meta...), h.body...)
}

func vector(meta []byte, pairs [][2]int64) []byte {
	meta = binary.LittleEndian.AppendUint32(meta, uint32(len(pairs)))
	for _, p := range pairs {
		meta = binary.LittleEndian.AppendUint64(meta, uint64(p[0]))
		meta = binary.LittleEndian.AppendUint64(meta, uint64(p[1]))
	}
	return meta
}

func good() handmade {
	return handmade{rows: 2, nodes: [][2]int64{{2, 0}}, buffers: [][2]int64{{0, 0}, {0, 16}}, body: make([]byte, 16)}
}

func TestD2_D3_NumbersThatLie(t *testing.T) {
	const huge = 1 << 40
	cases := []struct {
		name   string
		change func(h *handmade)
		want   string // "" = passes
	}{
		{"untouched", func(*handmade) {}, ""},
		{"rows negative", func(h *handmade) { h.rows = -1 }, "-1 rows"},
		{"rows huge", func(h *handmade) { h.rows = huge }, "holds 1099511627776 rows"},
		{"node length negative", func(h *handmade) { h.nodes[0][0] = -1 }, "-1 values"},
		{"node length huge", func(h *handmade) { h.nodes[0][0] = huge }, "values"},
		{"nulls negative", func(h *handmade) { h.nodes[0][1] = -1 }, "-1 nulls"},
		{"more nulls than values", func(h *handmade) { h.nodes[0][1] = 3 }, "3 nulls"},
		{"nulls without bitmap", func(h *handmade) { h.nodes[0][1] = 1 }, "without a validity bitmap"},
		{"buffer outside", func(h *handmade) { h.buffers[1] = [2]int64{8, 16} }, "outside the body"},
		{"buffer length negative", func(h *handmade) { h.buffers[1] = [2]int64{0, -8} }, "outside the body"},
		{"buffer offset negative", func(h *handmade) { h.buffers[1] = [2]int64{-8, 16} }, "outside the body"},
		{"buffer length overflows", func(h *handmade) { h.buffers[1] = [2]int64{8, 1<<63 - 1} }, "outside the body"},
		{"buffer short", func(h *handmade) { h.buffers[1] = [2]int64{0, 8} }, "need 16"},
		{"buffer unaligned", func(h *handmade) { h.body = make([]byte, 24); h.buffers[1] = [2]int64{4, 16} }, "not aligned"},
		{"buffers overlap", func(h *handmade) { h.buffers[0] = [2]int64{0, 8}; h.body[0] = 3 }, "overlaps"},
		{"bitmap lies", func(h *handmade) {
			h.body = append([]byte{1, 0, 0, 0, 0, 0, 0, 0}, h.body...)
			h.buffers = [][2]int64{{0, 8}, {8, 16}}
		}, "0 nulls declared, 1 found"},
		{"node missing", func(h *handmade) { h.nodes = nil }, "fewer columns"},
		{"node too many", func(h *handmade) { h.nodes = append(h.nodes, [2]int64{2, 0}) }, "1 nodes and 0 buffers too many"},
		{"buffer missing", func(h *handmade) { h.buffers = h.buffers[:1] }, "fewer buffers"},
		{"buffer too many", func(h *handmade) { h.buffers = append(h.buffers, [2]int64{16, 0}) }, "0 nodes and 1 buffers too many"},
		{"body length huge", func(h *handmade) { h.bodyLen = huge }, "body length"},
		{"body length negative", func(h *handmade) { h.bodyLen = -8 }, "body length"},
	}
	r := reader(t, []sdk.Column{col("n", sdk.Int64)})
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			h := good()
			c.change(&h)
			expect(t, r, h.bytes(), 2, c.want, fault.Bug)
		})
	}
}

func expect(t *testing.T, r *guard.Reader, message []byte, rows int, want string, code fault.Code) {
	t.Helper()
	got, err := r.Record(aligned(message), rows)
	if err == nil {
		touch(got)
		got.Release()
	}
	switch {
	case want == "" && err != nil:
		t.Fatal(err)
	case want == "":
	case err == nil:
		t.Fatalf("passed, want %q", want)
	case !strings.Contains(err.Error(), want) || fault.CodeOf(err) != code:
		t.Errorf("error %q of class %s, want %q of class %s", err, fault.CodeOf(err), want, code)
	}
}

func TestD2_MetadataThatPointsOutside(t *testing.T) {
	r := reader(t, []sdk.Column{col("n", sdk.Int64)})
	whole := good().bytes()
	for _, v := range []uint32{0, 1, 4, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff, 1 << 30} {
		for at := 0; at+4 <= 8+144; at += 2 {
			message := append([]byte{}, whole...)
			binary.LittleEndian.PutUint32(message[at:], v)
			if got, err := r.Record(aligned(message), 2); err == nil {
				touch(got)
				got.Release()
			}
		}
	}
}

func TestD4_D11_ValuesThatBreakTheirType(t *testing.T) {
	text := func(offsets []int32, values string) handmade {
		body := make([]byte, 0, 64)
		for _, o := range offsets {
			body = binary.LittleEndian.AppendUint32(body, uint32(o))
		}
		for len(body)%8 != 0 {
			body = append(body, 0)
		}
		at := int64(len(body))
		n := int64(len(offsets) - 1)
		return handmade{
			rows: n, nodes: [][2]int64{{n, 0}}, body: append(body, values...),
			buffers: [][2]int64{{0, 0}, {0, int64(4 * len(offsets))}, {at, int64(len(values))}},
		}
	}
	number := func(values ...uint64) handmade {
		var body []byte
		for _, v := range values {
			body = binary.LittleEndian.AppendUint64(body, v)
		}
		return handmade{rows: 1, nodes: [][2]int64{{1, 0}}, body: body, buffers: [][2]int64{{0, 0}, {0, int64(len(body))}}}
	}
	limit := decimal128.GetScaleMultiplier(5)
	cases := []struct {
		name   string
		column sdk.Column
		h      handmade
		want   string
		code   fault.Code
	}{
		{"text good", col("name", sdk.String), text([]int32{0, 2, 2, 5}, "žabc"), "", ""},
		{"offsets go down", col("name", sdk.String), text([]int32{0, 3, 2, 5}, "abcde"), `column "name", row 2: offsets go down from 3 to 2`, fault.Bug},
		{"offset past the end", col("name", sdk.String), text([]int32{0, 3, 4, 9}, "abcde"), `row 3: offset 9 lies past the end 5`, fault.Bug},
		{"offset negative", col("name", sdk.Binary), text([]int32{-1, 3, 4, 5}, "abcde"), `offset -1`, fault.Bug},
		{"not UTF-8", col("name", sdk.String), text([]int32{0, 1, 3}, "a\xff\xfe"), `column "name", row 2: the text is not UTF-8`, fault.Data},
		{"cut in a character", col("name", sdk.String), text([]int32{0, 1, 2}, "ž"), `row 1: the text is not UTF-8`, fault.Data},
		{"surrogate", col("name", sdk.String), text([]int32{0, 3}, "\xed\xa0\x80"), `not UTF-8`, fault.Data},
		{"binary may hold anything", col("name", sdk.Binary), text([]int32{0, 1, 3}, "a\xff\xfe"), "", ""},
		{"decimal good", decimal("d", 5, 2), number(99_999, 0), "", ""},
		{"decimal too long", decimal("d", 5, 2), number(limit.LowBits(), 0), `column "d", row 1: the decimal has more than 5 digits`, fault.Data},
		{"decimal too long below zero", decimal("d", 5, 2), number(-limit.LowBits(), 0xffffffffffffffff), `more than 5 digits`, fault.Data},
		{"decimal smallest", decimal("d", 38, 0), number(0, 1<<63), `more than 38 digits`, fault.Data},
		{"decimal of high bits alone", decimal("d", 5, 0), number(0, 1), `more than 5 digits`, fault.Data},
		{"time good", col("t", sdk.Time), number(86_399_999_999), "", ""},
		{"time too late", col("t", sdk.Time), number(86_400_000_000), `column "t", row 1: 86400000000 microseconds is no time of day`, fault.Data},
		{"time negative", col("t", sdk.Time), number(1 << 63), `no time of day`, fault.Data},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			expect(t, reader(t, []sdk.Column{c.column}), c.h.bytes(), int(c.h.rows), c.want, c.code)
		})
	}
}

func TestBadValueInANestedColumnIsNamedByItsRow(t *testing.T) {
	r := reader(t, []sdk.Column{col("tags", sdk.List, col("item", sdk.String))})
	schema := arrow.NewSchema([]arrow.Field{{Name: "tags", Type: arrow.ListOf(arrow.BinaryTypes.Binary), Nullable: true}}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	list := b.Field(0).(*array.ListBuilder)
	for _, row := range [][]string{{"a", "b"}, {}, {"c", "\xff"}, {"d"}} {
		list.Append(true)
		for _, v := range row {
			list.ValueBuilder().(*array.BinaryBuilder).AppendString(v)
		}
	}
	record := b.NewRecord()
	defer record.Release()
	expect(t, r, encode(t, record), 4, `column "tags.item", row 3: the text is not UTF-8`, fault.Data)
}

func TestNullIsRefusedWhereNotDeclared(t *testing.T) {
	for _, s := range []struct {
		name    string
		strict  []sdk.Column
		lenient []sdk.Column
		want    string
	}{
		{"column", []sdk.Column{required(col("n", sdk.Int64))}, []sdk.Column{col("n", sdk.Int64)}, `column "n", row `},
		{
			"field of a struct",
			[]sdk.Column{col("s", sdk.Struct, required(col("x", sdk.Int64)))},
			[]sdk.Column{col("s", sdk.Struct, col("x", sdk.Int64))}, `column "s.x", row `,
		},
	} {
		t.Run(s.name, func(t *testing.T) {
			loose := reader(t, s.lenient)
			record := fill(t, loose.Schema(), 30, 5, 3)
			defer record.Release()
			expect(t, loose, encode(t, record), 30, "", "")
			expect(t, reader(t, s.strict), encode(t, record), 30, s.want, fault.Data)
		})
	}
}

func TestD6_CompressedBodiesAreRefused(t *testing.T) {
	r := reader(t, flat())
	record := fill(t, r.Schema(), 500, 0, 3)
	defer record.Release()
	for name, option := range map[string]ipc.Option{"zstd": ipc.WithZstd(), "lz4": ipc.WithLZ4()} {
		t.Run(name, func(t *testing.T) {
			expect(t, r, encode(t, record, option), 500, "compressed", fault.Bug)
		})
	}
}

func TestD7_D8_TypesOutsideTheList(t *testing.T) {
	for _, c := range []sdk.Column{
		col("c", "union"), col("c", "run_end_encoded"), col("c", "string_view"), col("c", "decimal256"), col("c", ""),
		{Name: "c", Type: sdk.Type{ID: sdk.Timestamp, Zone: "Mars/Base"}},
		decimal("c", 39, 0), decimal("c", 0, 0), decimal("c", 5, -1), decimal("c", 5, 6),
		col("c", sdk.List), col("c", sdk.Struct), col("c", sdk.Map, col("k", sdk.Int64), col("v", sdk.Int64)),
	} {
		if _, err := guard.New([]sdk.Column{c}, guard.DefaultLimits); fault.CodeOf(err) != fault.Bug {
			t.Errorf("type %+v: error %v", c.Type, err)
		}
	}
}

func TestD9_ColumnNames(t *testing.T) {
	for _, name := range []string{"", "Upper", "with space", `"; DROP TABLE`, "a\nb", strings.Repeat("a", 10_000)} {
		if _, err := guard.New([]sdk.Column{col(name, sdk.Int64)}, guard.DefaultLimits); err == nil {
			t.Errorf("the name %.40q passed", name)
		}
	}
	if _, err := guard.New([]sdk.Column{col("a", sdk.Int64), col("a", sdk.Int64)}, guard.DefaultLimits); err == nil {
		t.Error("a name passed twice")
	}
}

func TestD5_RecordOfAnotherSchema(t *testing.T) {
	record := fill(t, reader(t, []sdk.Column{col("a", sdk.Int64)}).Schema(), 10, 0, 1)
	defer record.Release()
	message := encode(t, record)
	for name, columns := range map[string][]sdk.Column{
		"a column more":  {col("a", sdk.Int64), col("b", sdk.Int64)},
		"wider":          {decimal("a", 38, 0)},
		"text":           {col("a", sdk.String)},
		"list":           {col("a", sdk.List, col("item", sdk.Int64))},
		"struct of none": {col("a", sdk.Struct, col("x", sdk.Int64))},
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := reader(t, columns).Record(aligned(message), 10); err == nil {
				got.Release()
				t.Error("passed")
			}
		})
	}
}

func TestLimits(t *testing.T) {
	columns := []sdk.Column{col("s", sdk.String)}
	r, err := guard.New(columns, guard.Limits{Bytes: 4096, Rows: 100, FieldBytes: 64})
	if err != nil {
		t.Fatal(err)
	}
	build := func(n, size int) []byte {
		b := array.NewRecordBuilder(memory.DefaultAllocator, r.Schema())
		defer b.Release()
		for range n {
			b.Field(0).(*array.StringBuilder).Append(strings.Repeat("x", size))
		}
		record := b.NewRecord()
		defer record.Release()
		return encode(t, record)
	}
	expect(t, r, build(10, 64), 10, "", "")
	expect(t, r, build(10, 65), 10, `column "s", row 1: the value has 65 bytes, the limit is 64`, fault.Data)
	expect(t, r, build(101, 1), 101, "limit 100", fault.Bug)
	expect(t, r, build(100, 60), 100, "limit 4096", fault.Bug)
}

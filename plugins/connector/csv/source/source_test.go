package source_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/ai-data-analyst/broker/plugins/connector/csv/source"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector"
	"github.com/ai-data-analyst/broker/sdk/connector/connectortest"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

var orders = connector.Ask{Stream: "orders"}

// TestConformance runs the suite of the contract.
func TestConformance(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "orders.csv", "id,name\n1,Ann\n2,Bob\n3,Cid\n")
	write(t, dir, "items.csv.gz", packed(t, "gz", "id,price\n1,1.5\n2,2.5\n"))
	settings, err := json.Marshal(config{"path": dir})
	if err != nil {
		t.Fatal(err)
	}
	connectortest.Test(t, connectortest.Subject{
		New: func(context.Context) (connector.Connector, func() error, error) {
			built, err := source.Plugin(noSleep).Build()
			return built, nil, err
		},
		Settings: settings,
		Bad: []connectortest.Bad{
			{Settings: []byte(`{"path":"x","delimiter":"||"}`), Path: "delimiter"}, {Settings: []byte(`{"path":"x","delimiter":"§"}`), Path: "delimiter"},
			{Settings: []byte(`{"path":"x","quote":","}`), Path: "quote"}, {Settings: []byte(`{"path":"x","encoding":"ebcdic"}`), Path: "encoding"},
			{Settings: []byte(`{"path":"x","ragged":"guess"}`), Path: "ragged"}, {Settings: []byte(`{"path":"x","delimiter":"\n"}`), Path: "delimiter"},
			{Settings: []byte(`{"path":""}`), Path: "path"},
		},
	})
}

func packed(t testing.TB, format, text string) string {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser = gzip.NewWriter(&b)
	if format == "zst" {
		var err error
		if w, err = zstd.NewWriter(&b); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestG7_Values: types are found, and every value is exactly what the file says.
func TestG7_Values(t *testing.T) {
	tests := []struct {
		name, text string
		settings   config
		types      []string
		rows       []string
	}{
		{"every type", "b,i,big,f,d,t,z,s\ntrue,-1,12345678901234567890123456789012345678,0.10,2024-02-29,2024-01-02 03:04:05.000001,2024-01-02T03:04:05+02:00,x\n,,,,,,,\n", nil,
			[]string{"b bool", "i int64", "big decimal(38,0)", "f float64", "d date", "t timestamp", "z timestamp(UTC)", "s string"},
			[]string{"true|-1|12345678901234567890123456789012345678|0.1|2024-02-29|2024-01-02 03:04:05.000001Z|2024-01-02 01:04:05Z|x", strings.Repeat("(null)|", 7) + "(null)"}},
		{"the last row decides", "a,b,c\n1,1,2024-01-01\n2,2.5,2024-01-01 00:00:01\nx,3,2024-01-02\n", nil,
			[]string{"a string", "b float64", "c timestamp"}, []string{"1|1|2024-01-01 00:00:00Z", "2|2.5|2024-01-01 00:00:01Z", "x|3|2024-01-02 00:00:00Z"}},
		{"leading zeros, NA and NaN stay text", "zip,na,n\n007,NA,NaN\n12345,1,1.5\n", nil,
			[]string{"zip string", "na string", "n string"}, []string{"007|NA|NaN", "12345|1|1.5"}},
		{"digits that would be lost stay text", "a\n0.1234567890123456789\n", nil, []string{"a string"}, []string{"0.1234567890123456789"}},
		{"quoted empty is text", "a,b\n\"\",\n1,1\n", nil, []string{"a string", "b int64"}, []string{"|(null)", "1|1"}},
		{"header only", "a,b\n", nil, []string{"a string", "b string"}, nil},
		{"a column without values is text", "a,b\n1,\n", nil, []string{"a int64", "b string"}, []string{"1|(null)"}},
		{"no header", "1,x\n2,y\n", config{"header": false}, []string{"c1 int64", "c2 string"}, []string{"1|x", "2|y"}},
		{"nulls", "a,b\nNA,x\n1,NA\n2,\"NA\"\n", config{"nulls": []string{"NA", "-"}}, []string{"a int64", "b string"}, []string{"(null)|x", "1|(null)", "2|NA"}},
		{"names", "Total ($),total,,Total,2nd,\"a\nb\",Ärger\n1,2,3,4,5,6,7\n", nil,
			[]string{"total int64", "total_2 int64", "column_3 int64", "total_3 int64", "c_2nd int64", "a_b int64", "rger int64"}, []string{"1|2|3|4|5|6|7"}},
		{"semicolons", "a;b\n1,5;2\n", config{"delimiter": ";"}, []string{"a string", "b int64"}, []string{"1,5|2"}},
		{"tabs", "a\tb\n1\t2\n", config{"delimiter": "tab"}, []string{"a int64", "b int64"}, []string{"1|2"}},
		{"no quotes", "a,b\n\"1,2\n", config{"quote": "none"}, []string{"a string", "b int64"}, []string{"\"1|2"}},
		{"UTF-8 mark", "\ufeffa,b\n1,2\n", nil, []string{"a int64", "b int64"}, []string{"1|2"}},
		{"UTF-16 mark", "\xff\xfea\x00,\x00b\x00\n\x001\x00,\x00\x3d\xd8\x00\xde", nil, []string{"a int64", "b string"}, []string{"1|😀"}},
		{"UTF-16 big endian without a mark", "\x00a\x00,\x00b\x00\n\x001\x00,\x01\x0d", config{"encoding": "utf-16"}, []string{"a int64", "b string"}, []string{"1|č"}},
		{"UTF-16 without a mark", "a\x00\n\x00\x0d\x01", config{"encoding": "UTF-16"}, []string{"a string"}, []string{"č"}},
		{"Latin-1", "a\n\xe9\x80\n", config{"encoding": "latin-1"}, []string{"a string"}, []string{"é\u0080"}},
		{"Windows-1250", "a\n\xe8\x80\n", config{"encoding": "windows-1250"}, []string{"a string"}, []string{"č€"}},
		{"gzip", packed(t, "gz", "a\n1\n") + packed(t, "gz", "2\n"), nil, []string{"a int64"}, []string{"1", "2"}},
		{"Zstandard", packed(t, "zst", "a\n1\n"), nil, []string{"a int64"}, []string{"1"}},
		{"padded", "a,b\n1\n2,3\n4,5,\n", config{"ragged": "pad"}, []string{"a int64", "b int64"}, []string{"1|(null)", "2|3", "4|5"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			settings := config{"path": write(t, t.TempDir(), "orders.csv", test.text)}
			for k, v := range test.settings {
				settings[k] = v
			}
			got := read(t, settings, orders)
			if got.Err != nil {
				t.Fatal(got.Err)
			}
			if diff := cmp.Diff(test.types, got.Types); diff != "" {
				t.Errorf("types (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.rows, got.Rows); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
		})
	}
}

// TestD19_Errors: what is wrong with a file is said with file and line, or left out and counted under reject.
func TestD19_Errors(t *testing.T) {
	tests := []struct {
		name, text string
		settings   config
		message    string
		code       fault.Code
		rejected   []string // under ragged = "reject"; nil = the same error
		rows       int
	}{
		{"short row", "a,b\n1,2\n3\n4,5\n", nil, "orders.csv:3: the row has 1 cell, the first row has 2", fault.Data, []string{"!ragged_row orders.csv:3 ×1"}, 2},
		{"long row", "a,b\n\"1\n1\",2\n3,4,5\n", nil, "orders.csv:4: the row has 3 cells, the first row has 2", fault.Data, []string{"!ragged_row orders.csv:4 ×1"}, 1},
		{"open quote", "a,b\n1,2\n3,\"4\n", nil, "orders.csv:3: a quoted cell of the row that begins here is never closed", fault.Data, []string{"!open_quote orders.csv:3 ×1"}, 1},
		{"text after a quote", "a,b\n\"1\"x,2\n", nil, "orders.csv:2: text follows a closing quote", fault.Data, []string{"!bad_quote orders.csv:2 ×1"}, 0},
		{"NUL byte", "a,b\n1,2\n3,\x00\n", nil, "orders.csv:3: the row has a NUL byte", fault.Data, []string{"!nul_byte orders.csv:3 ×1"}, 1},
		{"bad UTF-8", "a,b\n1,2\n3,\xe9t\xe9\n", nil, "orders.csv:3: byte 3 of the row (0xe9) is not valid", fault.Data, []string{"!bad_encoding orders.csv:3 ×1"}, 1},
		{"undefined in Windows-1252", "a,b\n1,\x81\n", config{"encoding": "windows-1252"}, "orders.csv:2: byte 3 of the row", fault.Data, []string{"!bad_encoding orders.csv:2 ×1"}, 0},
		{"half a surrogate pair", "a\x00\n\x00\x3d\xd8b\x00", config{"encoding": "utf-16"}, "orders.csv:2: byte 1 of the row", fault.Data, []string{"!bad_encoding orders.csv:2 ×1"}, 0},
		{"odd last byte of UTF-16", "a\x00\n\x00b\x00c", config{"encoding": "utf-16"}, "orders.csv:2: byte 2 of the row", fault.Data, []string{"!bad_encoding orders.csv:2 ×1"}, 0},
		{"giant cell", "a,b\n1," + strings.Repeat("x", 9<<20) + "\n", nil, "orders.csv:2: cell 2 is longer than 8 MiB", fault.Data, []string{"!long_field orders.csv:2 ×1"}, 0},
		{"empty file", "", nil, "orders.csv:1: the file has no rows, not even a header", fault.Data, nil, 0},
		{"bad header", "a,\"b\nc\n", nil, "orders.csv:1: a quoted cell", fault.Data, nil, 0},
		{"truncated gzip", packed(t, "gz", strings.Repeat("a,b\n1,2\n", 1000))[:40], nil, "orders.csv: the gzip data is damaged or cut off", fault.Data, nil, 0},
		{"damaged Zstandard", "\x28\xb5\x2f\xfdgarbage", nil, "orders.csv: the Zstandard data is damaged or cut off", fault.Data, nil, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			settings := config{"path": write(t, t.TempDir(), "orders.csv", test.text)}
			for k, v := range test.settings {
				settings[k] = v
			}
			got := read(t, settings, orders)
			if got.Err == nil || !strings.Contains(got.Err.Error(), test.message) || fault.CodeOf(got.Err) != test.code {
				t.Errorf("error %v, want %s with %q", got.Err, test.code, test.message)
			}
			settings["ragged"] = "reject"
			got = read(t, settings, orders)
			if test.rejected == nil {
				if got.Err == nil {
					t.Error("no error under reject")
				}
				return
			}
			if got.Err != nil {
				t.Fatal(got.Err)
			}
			if diff := cmp.Diff(test.rejected, got.Issues); diff != "" || len(got.Rows) != test.rows {
				t.Errorf("%d rows, want %d; issues (-want +got):\n%s", len(got.Rows), test.rows, diff)
			}
		})
	}
}

func TestD19_PaddingLosesNothing(t *testing.T) {
	path := write(t, t.TempDir(), "orders.csv", "a,b\n1,2,3\n")
	if got := read(t, config{"path": path, "ragged": "pad"}, orders); got.Err == nil || !strings.Contains(got.Err.Error(), "orders.csv:2:") {
		t.Errorf("error %v, want one with orders.csv:2", got.Err)
	}
}

func TestD19_FormulasAreFlagged(t *testing.T) {
	path := write(t, t.TempDir(), "orders.csv", "a,b\nx,=cmd|' /C calc'!A0\ny,-3\nz,@SUM(A1)\n=1,@handle\n")
	got := read(t, config{"path": path}, orders)
	if diff := cmp.Diff([]string{"formula a orders.csv:5 ×1", "formula b orders.csv:2 ×2"}, got.Issues); diff != "" {
		t.Errorf("issues (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff("x|=cmd|' /C calc'!A0", got.Rows[0]); diff != "" {
		t.Error(diff)
	}
}

// TestG7_PinnedTypes: types are settled by the first read; later values that do not fit are told, never changed.
func TestG7_PinnedTypes(t *testing.T) {
	dir := t.TempDir()
	path := write(t, dir, "orders.csv", "id,price,old\n1,5,x\n")
	first := read(t, config{"path": path}, orders)
	if diff := cmp.Diff([]string{"id int64", "price int64", "old string"}, first.Types); diff != "" {
		t.Fatal(diff)
	}
	write(t, dir, "orders.csv", "price,id,new\n6,2,2024-01-01\n7.5,3,\n8,x,\n")
	again := connector.Ask{Stream: "orders", State: first.State}
	got := read(t, config{"path": path}, again)
	if want := `orders.csv:3: column price: the value "7.5" is not of type int64`; got.Err == nil || !strings.Contains(got.Err.Error(), want) {
		t.Errorf("error %v, want %s", got.Err, want)
	}
	got = read(t, config{"path": path, "ragged": "reject"}, again)
	if diff := cmp.Diff([]string{"price int64", "id int64", "new date"}, got.Types); diff != "" {
		t.Errorf("types (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"6|2|2024-01-01"}, got.Rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"!bad_value price orders.csv:3 ×1", "!bad_value id orders.csv:4 ×1"}, got.Issues); diff != "" {
		t.Errorf("issues (-want +got):\n%s", diff)
	}
	write(t, dir, "orders.csv", "id,old\n9,2024-01-01\n") // a column that comes back keeps its type
	got = read(t, config{"path": path}, connector.Ask{Stream: "orders", State: got.State})
	if diff := cmp.Diff([]string{"id int64", "old string"}, got.Types); diff != "" {
		t.Errorf("types (-want +got):\n%s", diff)
	}
}

// TestRejectsAreToldOneByOne up to a limit, and all are counted.
func TestRejectsAreToldOneByOne(t *testing.T) {
	path := write(t, t.TempDir(), "orders.csv", "a,b\n"+strings.Repeat("1\n1,2\n", 5000))
	session, err := open(t, config{"path": path, "ragged": "reject"}, noSleep)
	if err != nil {
		t.Fatal(err)
	}
	got := readFrom(t, session, connector.Request{Asks: []connector.Ask{orders}})
	if got.Err != nil || len(got.Rows) != 5000 || len(got.Issues) != 1001 || got.Issues[1000] != "!ragged_row orders.csv:2002 ×4000" {
		t.Errorf("%v, %d rows, %d issues, the last %q", got.Err, len(got.Rows), len(got.Issues), got.Issues[len(got.Issues)-1])
	}
}

// TestIncremental: an unchanged file is not read, a changed one is read whole.
func TestIncremental(t *testing.T) {
	dir := t.TempDir()
	path := write(t, dir, "orders.csv", "id,v\n1,a\n2,b\n")
	settings := config{"path": path}
	first := read(t, settings, connector.Ask{Stream: "orders", Mode: sdk.Incremental})
	if first.Err != nil || len(first.Rows) != 2 || first.State.IsZero() {
		t.Fatalf("first read: %+v", first)
	}
	next := connector.Ask{Stream: "orders", Mode: sdk.Incremental, State: first.State}
	same := read(t, settings, next)
	if same.Err != nil || len(same.Rows) != 0 || !same.Begun {
		t.Errorf("unchanged: %+v", same)
	}
	if diff := cmp.Diff(first.State, same.State); diff != "" {
		t.Errorf("the state of an unchanged file changed:\n%s", diff)
	}
	if full := read(t, settings, connector.Ask{Stream: "orders", State: first.State}); len(full.Rows) != 2 || !cmp.Equal(full.State, first.State) {
		t.Errorf("full refresh: %+v", full)
	}
	if other := read(t, config{"path": path, "nulls": []string{"a"}}, next); len(other.Rows) != 2 {
		t.Errorf("other settings: %d rows, want the file read again", len(other.Rows))
	}
	filtered := next
	filtered.Filters = []connector.Filter{{Column: "id", Operator: "ge", Values: []string{"2"}}}
	if other := read(t, settings, filtered); len(other.Rows) != 1 {
		t.Errorf("other filters: %d rows, want the file read again", len(other.Rows))
	}
	write(t, dir, "orders.csv", "id,v\n1,A\n2,b\n") // same size, same time: only the head tells
	if changed := read(t, settings, next); len(changed.Rows) != 2 || changed.Rows[0] != "1|A" {
		t.Errorf("changed: %+v", changed)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if gone := read(t, settings, next); fault.CodeOf(gone.Err) != fault.NotFound || !strings.Contains(gone.Err.Error(), "orders.csv") {
		t.Errorf("gone: %v", gone.Err)
	}
}

// TestFilters: where-filters compare by type, and NULL never passes.
func TestFilters(t *testing.T) {
	path := write(t, t.TempDir(), "orders.csv", "i,f,d,z,s,b,big\n"+
		"1,0.5,2024-01-01,2024-01-01T00:00:00Z,a,true,18446744073709551616\n10,10.5,2024-02-01,2024-02-01T00:00:00Z,\"b\"\"b\",false,-1\n,,,,,,\n9,9.5,2024-03-01,2024-03-01T00:00:00Z,c,true,2\n")
	tests := []struct {
		column, operator string
		values           []string
		want             string // first cells
	}{
		{"i", "ge", []string{"9"}, "10 9"}, {"i", "eq", []string{"1", "9"}, "1 9"}, {"f", "lt", []string{"10"}, "1 9"}, {"d", "gt", []string{"2024-01-31"}, "10 9"},
		{"z", "le", []string{"2024-02-01"}, "1 10"}, {"s", "ne", []string{"a"}, "10 9"}, {"s", "eq", []string{`b"b`}, "10"}, {"b", "eq", []string{"true"}, "1 9"},
		{"big", "gt", []string{"2"}, "1"}, {"big", "lt", []string{"0"}, "10"},
		{"i", "eq", []string{"x"}, "a filter compares the column i"}, {"nope", "eq", []string{"1"}, "which orders.csv does not have"}, {"i", "like", []string{"1"}, "unknown operator"},
	}
	for _, test := range tests {
		ask := orders
		ask.Filters = []connector.Filter{{Column: test.column, Operator: test.operator, Values: test.values}}
		got := read(t, config{"path": path}, ask)
		var first []string
		for _, row := range got.Rows {
			cell, _, _ := strings.Cut(row, "|")
			first = append(first, cell)
		}
		if got.Err != nil {
			first = []string{got.Err.Error()}
		}
		if text := strings.Join(first, " "); !strings.Contains(text, test.want) {
			t.Errorf("%s %s %v: %s, want %s", test.column, test.operator, test.values, text, test.want)
		}
	}
}

func TestPreview(t *testing.T) {
	path := write(t, t.TempDir(), "orders.csv", "a\n"+strings.Repeat("1\n", 100_000)+"x\n")
	session, err := open(t, config{"path": path}, noSleep)
	if err != nil {
		t.Fatal(err)
	}
	got := readFrom(t, session, connector.Request{Asks: []connector.Ask{orders}, MaxRows: 5})
	if got.Err != nil || len(got.Rows) != 5 {
		t.Errorf("%d rows, %v", len(got.Rows), got.Err)
	}
}

// TestD11_Extremes come through unchanged.
func TestD11_Extremes(t *testing.T) {
	path := write(t, t.TempDir(), "orders.csv", "i,f,d,t\n9223372036854775807,-0.0,9999-12-31,9999-12-31T23:59:59.999999\n-9223372036854775808,1797693134862315.7,0001-01-01,0001-01-01T00:00\n")
	got := read(t, config{"path": path}, orders)
	want := []string{
		"9223372036854775807|-0.0|9999-12-31|9999-12-31 23:59:59.999999Z", "-9223372036854775808|1797693134862315.7|0001-01-01|0001-01-01 00:00:00Z",
	}
	if diff := cmp.Diff(want, got.Rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

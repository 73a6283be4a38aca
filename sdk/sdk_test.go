package sdk_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/google/go-cmp/cmp"

	"github.com/ai-data-analyst/broker/sdk"
)

func TestNames(t *testing.T) {
	for name, want := range map[string]bool{
		"a": true, "orders_2": true, strings.Repeat("a", 63): true,
		"": false, "A": false, "2a": false, "_a": false, "a-b": false, "a b": false, "é": false, "a\n": false, strings.Repeat("a", 64): false,
	} {
		if got := sdk.ValidName(name); got != want {
			t.Errorf("ValidName(%q) = %t", name, got)
		}
	}
	for text, want := range map[string]string{
		"Order ID": "order_id", " Číslo ": "slo", "2024": "c_2024", "___": "", "": "", "a--b": "a__b", `"; DROP`: "drop",
		strings.Repeat("x", 62) + "-y": strings.Repeat("x", 62),
	} {
		if got := sdk.NormalName(text); got != want {
			t.Errorf("NormalName(%q) = %q, want %q", text, got, want)
		}
	}
}

func FuzzNormalName(f *testing.F) {
	f.Add("Order ID")
	f.Add("9\x00")
	f.Fuzz(func(t *testing.T, text string) {
		if name := sdk.NormalName(text); name != "" && !sdk.ValidName(name) {
			t.Errorf("NormalName(%q) = %q, which is no valid name", text, name)
		}
	})
}

func TestTableNames(t *testing.T) {
	n, err := sdk.ParseTableName("shop.orders")
	if err != nil || n.Namespace() != "shop" || n.Table() != "orders" || n.Rejected() != "shop.orders__rejected" {
		t.Errorf("%q %v", n, err)
	}
	for _, text := range []string{"", "orders", "shop.", ".orders", "a.b.c", "Shop.orders", "shop.or ders"} {
		if _, err := sdk.ParseTableName(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

func TestSecretShowsNowhere(t *testing.T) {
	type config struct{ Token sdk.Secret }
	c := config{Token: "s3cr3t"}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "config", c, "token", c.Token)
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	all := fmt.Sprintf("%v %+v %#v %s %q %s %s", c, c, c, c.Token, c.Token, text, log.String())
	if strings.Contains(all, "s3cr3t") || !strings.Contains(all, "[redacted]") {
		t.Error(all)
	}
	if c.Token.Reveal() != "s3cr3t" {
		t.Error("Reveal does not reveal")
	}
}

var int64Column = sdk.Column{Name: "id", Type: sdk.Type{ID: sdk.Int64}}

func child(name string, t sdk.Type) sdk.Column { return sdk.Column{Name: name, Type: t} }

func TestTypesOutsideTheListAreRefused(t *testing.T) {
	deep := sdk.Type{ID: sdk.Int64}
	for range sdk.MaxTypeDepth + 1 {
		deep = sdk.Type{ID: sdk.List, Children: []sdk.Column{child("item", deep)}}
	}
	text := sdk.Type{ID: sdk.String}
	for name, typ := range map[string]sdk.Type{
		"unknown":               {ID: "int128"},
		"empty":                 {},
		"decimal of 39":         {ID: sdk.Decimal, Precision: 39},
		"decimal of 0":          {ID: sdk.Decimal},
		"scale above precision": {ID: sdk.Decimal, Precision: 2, Scale: 3},
		"negative scale":        {ID: sdk.Decimal, Precision: 2, Scale: -1},
		"D8 zone":               {ID: sdk.Timestamp, Zone: "Mars/Base"},
		"list of nothing":       {ID: sdk.List},
		"empty struct":          {ID: sdk.Struct},
		"map by number":         {ID: sdk.Map, Children: []sdk.Column{int64Column, int64Column}},
		"map of one":            {ID: sdk.Map, Children: []sdk.Column{child("key", text)}},
		"too deep":              deep,
		"tag on a number":       {ID: sdk.Int64, Logical: "json"},
		"unknown tag":           {ID: sdk.String, Logical: "xml"},
		"children of a number":  {ID: sdk.Int64, Children: []sdk.Column{int64Column}},
		"bad child":             {ID: sdk.List, Children: []sdk.Column{child("item", sdk.Type{ID: "x"})}},
	} {
		if err := typ.Validate(); err == nil {
			t.Errorf("%s: no error", name)
		}
		if _, err := typ.Arrow(); err == nil {
			t.Errorf("%s: has an Arrow type", name)
		}
	}
}

func TestD9_ColumnNames(t *testing.T) {
	long := make([]sdk.Column, sdk.MaxColumns+1)
	for i := range long {
		long[i] = sdk.Column{Name: fmt.Sprint("c", i), Type: sdk.Type{ID: sdk.Bool}}
	}
	for name, columns := range map[string][]sdk.Column{
		"none":      {},
		"too many":  long,
		"empty":     {child("", sdk.Type{ID: sdk.Bool})},
		"twice":     {int64Column, int64Column},
		"case":      {child("ID", sdk.Type{ID: sdk.Bool})},
		"long":      {child(strings.Repeat("a", 10_000), sdk.Type{ID: sdk.Bool})},
		"newline":   {child("a\nb", sdk.Type{ID: sdk.Bool})},
		"injection": {child(`"; DROP`, sdk.Type{ID: sdk.Bool})},
		"type":      {child("a", sdk.Type{ID: "x"})},
	} {
		err := sdk.ValidateColumns(columns)
		if err == nil || len(err.Error()) > 400 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := sdk.ValidateColumns(long[1:]); err != nil {
		t.Error(err)
	}
}

func TestTypeText(t *testing.T) {
	text := sdk.Type{ID: sdk.String}
	for want, typ := range map[string]sdk.Type{
		"int64":                   {ID: sdk.Int64},
		"decimal(18,4)":           {ID: sdk.Decimal, Precision: 18, Scale: 4},
		"timestamp(UTC)":          {ID: sdk.Timestamp, Zone: "UTC"},
		"timestamp":               {ID: sdk.Timestamp},
		"list<string>":            {ID: sdk.List, Children: []sdk.Column{child("item", text)}},
		"map<string,int64>":       {ID: sdk.Map, Children: []sdk.Column{child("key", text), int64Column}},
		"struct<id:int64,b:list>": {ID: sdk.Struct, Children: []sdk.Column{int64Column, child("b", sdk.Type{ID: sdk.List})}},
	} {
		if got := typ.String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestTypeEqual(t *testing.T) {
	text := sdk.Type{ID: sdk.String}
	list := func(c sdk.Column) sdk.Type { return sdk.Type{ID: sdk.List, Children: []sdk.Column{c}} }
	object := func(c ...sdk.Column) sdk.Type { return sdk.Type{ID: sdk.Struct, Children: c} }
	for name, tt := range map[string]struct {
		a, b sdk.Type
		want bool
	}{
		"same":                  {text, text, true},
		"other id":              {text, sdk.Type{ID: sdk.Binary}, false},
		"zone":                  {sdk.Type{ID: sdk.Timestamp}, sdk.Type{ID: sdk.Timestamp, Zone: "UTC"}, false},
		"scale":                 {sdk.Type{ID: sdk.Decimal, Precision: 9, Scale: 1}, sdk.Type{ID: sdk.Decimal, Precision: 9, Scale: 2}, false},
		"list, name of element": {list(child("item", text)), list(child("element", text)), true},
		"list, NULL in it":      {list(child("item", text)), list(sdk.Column{Name: "item", Type: text, NotNull: true}), false},
		"struct, name":          {object(child("a", text)), object(child("b", text)), false},
		"struct, docs":          {object(child("a", text)), object(sdk.Column{Name: "a", Type: text, Doc: "x"}), true},
		"struct, a field more":  {object(child("a", text)), object(child("a", text), child("b", text)), false},
		"map, key not null said or not": {
			sdk.Type{ID: sdk.Map, Children: []sdk.Column{child("key", text), child("value", text)}},
			sdk.Type{ID: sdk.Map, Children: []sdk.Column{{Name: "key", Type: text, NotNull: true}, child("value", text)}}, true},
	} {
		if got := tt.a.Equal(tt.b); got != tt.want {
			t.Errorf("%s: %t", name, got)
		}
		if got := tt.b.Equal(tt.a); got != tt.want {
			t.Errorf("%s: %t the other way round", name, got)
		}
	}
}

func TestStreams(t *testing.T) {
	good := sdk.Stream{Name: "orders", Columns: []sdk.Column{int64Column}, Key: []string{"id"}, CursorField: "id"}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	if !good.Supports(sdk.FullRefresh) || good.Supports(sdk.Incremental) {
		t.Error("a stream without modes is read in full only")
	}
	good.Modes = []sdk.SyncMode{sdk.Incremental}
	if good.Supports(sdk.FullRefresh) || !good.Supports(sdk.Incremental) {
		t.Error("modes are not kept to")
	}
	for name, change := range map[string]func(*sdk.Stream){
		"name":    func(s *sdk.Stream) { s.Name = "Orders" },
		"columns": func(s *sdk.Stream) { s.Columns = []sdk.Column{} },
		"key":     func(s *sdk.Stream) { s.Key = []string{"nr"} },
		"cursor":  func(s *sdk.Stream) { s.CursorField = "at" },
	} {
		s := good
		change(&s)
		if err := s.Validate(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := (sdk.Stream{Name: "loose", Key: []string{"x"}}).Validate(); err != nil {
		t.Errorf("columns that are not known yet: %v", err)
	}
	if !(sdk.Cursor{}).IsZero() || (sdk.Cursor{Version: 1}).IsZero() || (sdk.Cursor{Data: []byte("x")}).IsZero() {
		t.Error("IsZero of cursors")
	}
}

func TestD7_ArrowTypesOutsideTheListAreRefused(t *testing.T) {
	for _, typ := range []arrow.DataType{
		arrow.Null, arrow.FixedWidthTypes.Float16, arrow.BinaryTypes.LargeString, arrow.BinaryTypes.StringView, &arrow.FixedSizeBinaryType{ByteWidth: 16},
		arrow.FixedWidthTypes.Date64, arrow.FixedWidthTypes.Time32s, arrow.FixedWidthTypes.Duration_us, arrow.FixedWidthTypes.MonthInterval,
		&arrow.TimestampType{Unit: arrow.Nanosecond}, &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "Mars/Base"},
		&arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: arrow.BinaryTypes.String}, &arrow.Decimal256Type{Precision: 40},
		&arrow.Decimal128Type{Precision: 10, Scale: -2}, arrow.ListOf(arrow.BinaryTypes.LargeBinary), arrow.FixedSizeListOf(2, arrow.PrimitiveTypes.Int8),
		arrow.MapOf(arrow.PrimitiveTypes.Int64, arrow.PrimitiveTypes.Int64), arrow.StructOf(), arrow.RunEndEncodedOf(arrow.PrimitiveTypes.Int32, arrow.BinaryTypes.String),
	} {
		columns, err := sdk.ColumnsOf(arrow.NewSchema([]arrow.Field{{Name: "odd", Type: typ}}, nil))
		if err == nil || !strings.Contains(err.Error(), `"odd"`) {
			t.Errorf("%s: %v, %v; want an error naming the column", typ, columns, err)
		}
	}
}

// typeFrom makes any type out of bytes, also wrong ones.
func typeFrom(data *[]byte, depth int) sdk.Type {
	next := func() byte {
		if len(*data) == 0 {
			return 0
		}
		b := (*data)[0]
		*data = (*data)[1:]
		return b
	}
	ids := []sdk.TypeID{sdk.Bool, sdk.Int8, sdk.Int16, sdk.Int32, sdk.Int64, sdk.Uint8, sdk.Uint16, sdk.Uint32, sdk.Uint64, sdk.Float32,
		sdk.Float64, sdk.Decimal, sdk.String, sdk.Binary, sdk.Date, sdk.Time, sdk.Timestamp, sdk.List, sdk.Struct, sdk.Map}
	t := sdk.Type{ID: ids[int(next())%len(ids)]}
	column := func(name string) sdk.Column {
		return sdk.Column{Name: name, NotNull: next()%2 == 1, Type: typeFrom(data, depth+1)}
	}
	switch t.ID {
	case sdk.Decimal:
		t.Precision, t.Scale = int32(next()%40), int32(next()%40)
	case sdk.Timestamp:
		t.Zone = []string{"", "UTC", "Mars/Base"}[next()%3]
	case sdk.String, sdk.Binary:
		t.Logical = []string{"", "json", "uuid", "url", "markdown", "html", "xml"}[next()%7]
	case sdk.List:
		if depth < 20 {
			t.Children = []sdk.Column{column("item")}
		}
	case sdk.Map:
		if depth < 20 {
			t.Children = []sdk.Column{{Name: "key", Type: sdk.Type{ID: sdk.String}, NotNull: true}, column("value")}
		}
	case sdk.Struct:
		for i := range int(next() % 4) {
			t.Children = append(t.Children, column(fmt.Sprint("f", i)))
		}
	}
	return t
}

// FuzzArrowRoundTrip: valid columns come back from Arrow as they went in, wrong ones are refused, nothing panics.
func FuzzArrowRoundTrip(f *testing.F) {
	f.Add([]byte{17, 1, 18, 2, 0, 4, 1, 12, 1})
	f.Add([]byte{19, 1, 11, 18, 4})
	f.Add([]byte{16, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		var columns []sdk.Column
		for i := 0; len(data) > 0 && i < 8; i++ {
			notNull := data[0]%3 == 0
			columns = append(columns, sdk.Column{Name: fmt.Sprint("c", i), NotNull: notNull, Type: typeFrom(&data, 0)})
		}
		if len(columns) == 0 {
			return
		}
		schema, err := sdk.ArrowSchema(columns)
		if valid := sdk.ValidateColumns(columns); (valid == nil) != (err == nil) {
			t.Fatalf("ValidateColumns says %v, ArrowSchema %v", valid, err)
		}
		if err != nil {
			return
		}
		back, err := sdk.ColumnsOf(schema)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(columns, back); diff != "" {
			t.Errorf("(-there +back):\n%s", diff)
		}
		again, err := sdk.ArrowSchema(back)
		if err != nil || !again.Equal(schema) {
			t.Errorf("the schema changes on the way: %v", err)
		}
	})
}

package parquet_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/google/go-cmp/cmp"

	"github.com/ai-data-analyst/broker/host/internal/parquet"
	"github.com/ai-data-analyst/broker/sdk"
)

func plainColumn(name string, id sdk.TypeID) sdk.Column {
	return sdk.Column{Name: name, Type: sdk.Type{ID: id}}
}

func TestAssignNumbersDepthFirst(t *testing.T) {
	source := []sdk.Column{
		{Name: "id", Type: sdk.Type{ID: sdk.Int32}, NotNull: true, Doc: "the key"},
		{Name: "m", Type: sdk.Type{ID: sdk.Map, Children: []sdk.Column{
			{Name: "k", Type: sdk.Type{ID: sdk.String}, NotNull: true},
			{Name: "v", Type: sdk.Type{ID: sdk.List, Children: []sdk.Column{plainColumn("item", sdk.Uint64)}}},
		}}},
		{Name: "s", Type: sdk.Type{ID: sdk.Struct, Children: []sdk.Column{plainColumn("x", sdk.Float32), plainColumn("y", sdk.String)}}},
	}
	long, double, text := sdk.Type{ID: sdk.Int64}, sdk.Type{ID: sdk.Float64}, sdk.Type{ID: sdk.String}
	want := []parquet.Column{
		{ID: 1, Name: "id", Type: long, Required: true, Doc: "the key"},
		{ID: 2, Name: "m", Type: sdk.Type{ID: sdk.Map}, Children: []parquet.Column{
			{ID: 3, Name: "key", Type: text, Required: true},
			{ID: 4, Name: "value", Type: sdk.Type{ID: sdk.List}, Children: []parquet.Column{
				{ID: 5, Name: "element", Type: sdk.Type{ID: sdk.Decimal, Precision: 20}}}}}},
		{ID: 6, Name: "s", Type: sdk.Type{ID: sdk.Struct}, Children: []parquet.Column{
			{ID: 7, Name: "x", Type: double}, {ID: 8, Name: "y", Type: text}}},
	}
	got, last, changed, err := parquet.Assign(source, nil, 0)
	if diff := cmp.Diff(want, got); diff != "" || last != 8 || !changed || err != nil {
		t.Errorf("last %d, changed %v, err %v, columns (-want +got):\n%s", last, changed, err, diff)
	}
	again, last, changed, err := parquet.Assign(source, got, last)
	if diff := cmp.Diff(got, again); diff != "" || last != 8 || changed || err != nil {
		t.Errorf("second time: last %d, changed %v, err %v, columns (-want +got):\n%s", last, changed, err, diff)
	}
}

func TestAssignEvolves(t *testing.T) {
	base := []parquet.Column{
		{ID: 1, Name: "id", Type: sdk.Type{ID: sdk.Int64}, Required: true},
		{ID: 2, Name: "gone", Type: sdk.Type{ID: sdk.String}, Required: true},
	}
	source := []sdk.Column{
		{Name: "added", Type: sdk.Type{ID: sdk.Date}, NotNull: true},
		{Name: "id", Type: sdk.Type{ID: sdk.Uint8}, NotNull: true},
	}
	got, last, changed, err := parquet.Assign(source, base, 17)
	want := []parquet.Column{
		{ID: 1, Name: "id", Type: sdk.Type{ID: sdk.Int64}, Required: true},
		{ID: 2, Name: "gone", Type: sdk.Type{ID: sdk.String}},
		{ID: 18, Name: "added", Type: sdk.Type{ID: sdk.Date}},
	}
	if diff := cmp.Diff(want, got); diff != "" || last != 18 || !changed || err != nil {
		t.Errorf("last %d, changed %v, err %v, columns (-want +got):\n%s", last, changed, err, diff)
	}
}

func TestD5_ChangedTypeIsAConflict(t *testing.T) {
	base, _, _, err := parquet.Assign([]sdk.Column{plainColumn("a", sdk.Int64), plainColumn("b", sdk.String),
		{Name: "c", Type: sdk.Type{ID: sdk.List, Children: []sdk.Column{plainColumn("item", sdk.Int8)}}}}, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, last, changed, err := parquet.Assign([]sdk.Column{plainColumn("a", sdk.Float64), plainColumn("b", sdk.String),
		{Name: "c", Type: sdk.Type{ID: sdk.List, Children: []sdk.Column{plainColumn("item", sdk.String)}}}}, base, 4)
	var conflict *parquet.Conflict
	if !errors.As(err, &conflict) || last != 4 || changed {
		t.Fatalf("err %v, last %d, changed %v; want a conflict", err, last, changed)
	}
	want := []parquet.Difference{{Column: "a", Published: "int64", Source: "float64"}, {Column: "c", Published: "list<int64>", Source: "list<string>"}}
	if diff := cmp.Diff(want, conflict.Differences); diff != "" {
		t.Errorf("differences (-want +got):\n%s", diff)
	}
	if !strings.Contains(conflict.Error(), "a: published as int64, now float64") {
		t.Errorf("error %q does not show the difference", conflict)
	}
}

func TestAssignRefusesBadColumns(t *testing.T) {
	for name, source := range map[string][]sdk.Column{
		"none": nil, "twice": {plainColumn("a", sdk.Bool), plainColumn("a", sdk.Bool)}, "name": {plainColumn("A b", sdk.Bool)}, "type": {plainColumn("a", "int128")},
	} {
		if _, _, _, err := parquet.Assign(source, nil, 0); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestD11_MisfitsAreNamedByRow(t *testing.T) {
	const beyondTime = "timestamp is beyond what readers can show"
	tooLong := decimal128.GetScaleMultiplier(5)
	textList := sdk.Type{ID: sdk.List, Children: []sdk.Column{plainColumn("item", sdk.String)}}
	for name, tc := range map[string]struct {
		typ  sdk.Type
		fill func(b array.Builder)
		want []parquet.Misfit
	}{
		"text": {sdk.Type{ID: sdk.String}, func(b array.Builder) {
			b.(*array.StringBuilder).AppendValues([]string{"ok", "\xff", "č", "\xc4", "\x8d", "", "\xed\xa0\x80"}, []bool{true, true, true, true, true, true, true})
		}, []parquet.Misfit{{Row: 1, Column: "a", Reason: "text is not UTF-8"}, {Row: 3, Column: "a", Reason: "text is not UTF-8"}, {Row: 4, Column: "a", Reason: "text is not UTF-8"}, {Row: 6, Column: "a", Reason: "text is not UTF-8"}}},
		"decimal": {sdk.Type{ID: sdk.Decimal, Precision: 5, Scale: 1}, func(b array.Builder) {
			b.(*array.Decimal128Builder).AppendValues([]decimal128.Num{tooLong, tooLong.Negate(), tooLong.Sub(decimal128.FromI64(1)), tooLong}, []bool{true, true, true, false})
		}, []parquet.Misfit{{Row: 0, Column: "a", Reason: "number has more than 5 digits"}, {Row: 1, Column: "a", Reason: "number has more than 5 digits"}}},
		"time": {sdk.Type{ID: sdk.Time}, func(b array.Builder) {
			b.(*array.Time64Builder).AppendValues([]arrow.Time64{-1, 0, 86_400_000_000, 86_399_999_999}, nil)
		}, []parquet.Misfit{{Row: 0, Column: "a", Reason: "time is outside of a day"}, {Row: 2, Column: "a", Reason: "time is outside of a day"}}},
		"timestamp": {sdk.Type{ID: sdk.Timestamp, Zone: "UTC"}, func(b array.Builder) {
			b.(*array.TimestampBuilder).AppendValues([]arrow.Timestamp{math.MinInt64, -math.MaxInt64, math.MaxInt64, math.MaxInt64 - 1, -62167219200000000, math.MaxInt64}, []bool{true, true, true, true, true, false})
		}, []parquet.Misfit{{Row: 0, Column: "a", Reason: beyondTime}, {Row: 1, Column: "a", Reason: beyondTime}, {Row: 2, Column: "a", Reason: beyondTime}}},
		"date": {sdk.Type{ID: sdk.Date}, func(b array.Builder) {
			b.(*array.Date32Builder).AppendValues([]arrow.Date32{math.MinInt32, 0, math.MaxInt32, math.MaxInt32 - 1}, nil)
		}, []parquet.Misfit{{Row: 0, Column: "a", Reason: "date is beyond what readers can show"}, {Row: 2, Column: "a", Reason: "date is beyond what readers can show"}}},
		"map": {sdk.Type{ID: sdk.Map, Children: []sdk.Column{{Name: "key", Type: sdk.Type{ID: sdk.String}, NotNull: true}, plainColumn("value", sdk.Int8)}}, func(b array.Builder) {
			m := b.(*array.MapBuilder)
			for _, keys := range []string{"ab", "a", "bab", ""} {
				m.Append(true)
				for _, k := range keys {
					m.KeyBuilder().(*array.StringBuilder).Append(string(k))
					m.ItemBuilder().AppendNull()
				}
			}
		}, []parquet.Misfit{{Row: 2, Column: "a", Reason: "a map has a key twice"}}},
		"inside a list": {textList, func(b array.Builder) {
			l := b.(*array.ListBuilder)
			for _, v := range []string{"fine", "\xff"} {
				l.Append(true)
				l.ValueBuilder().(*array.StringBuilder).Append(v)
			}
			l.AppendNull()
		}, []parquet.Misfit{{Row: 1, Column: "a", Reason: "text is not UTF-8"}}},
	} {
		t.Run(name, func(t *testing.T) {
			source, batch := column(t, tc.typ, tc.fill)
			_, got, err := parquet.Conform(assign(t, source), batch)
			if diff := cmp.Diff(tc.want, got); diff != "" || err != nil {
				t.Errorf("err %v, misfits (-want +got):\n%s", err, diff)
			}
		})
	}
}

package mark_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/google/go-cmp/cmp"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector/internal/mark"
)

var at = sdk.Column{Name: "at", Type: sdk.Type{ID: sdk.Timestamp, Zone: "UTC"}}

// minutes makes a batch whose cursor is so many minutes after an hour, with a second column to tell rows apart.
func minutes(values ...int) arrow.Record {
	schema, _ := sdk.ArrowSchema([]sdk.Column{at, {Name: "n", Type: sdk.Type{ID: sdk.Int64}}})
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	for i, v := range values {
		b.Field(0).(*array.TimestampBuilder).Append(arrow.Timestamp(moment(v).UnixMicro()))
		b.Field(1).(*array.Int64Builder).Append(int64(i))
	}
	return b.NewRecord()
}

func moment(minute int) time.Time { return time.Date(2026, 8, 1, 12, minute, 0, 0, time.UTC) }

func tracker(t *testing.T, s mark.Settings, edge mark.Edge) *mark.Tracker {
	t.Helper()
	s.Column, s.Resume, s.Latest = at, true, moment(24*60)
	tr, err := mark.New(s, edge)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// observe passes a batch and returns how many rows were left out, and the codes reported.
func observe(tr *mark.Tracker, values ...int) (left int, codes []string) {
	batch := minutes(values...)
	defer batch.Release()
	rows := tr.Observe(batch, func(code string, row int) { codes = append(codes, fmt.Sprint(code, " ", row)) })
	return len(rows), codes
}

func edge(t *testing.T, tr *mark.Tracker, final bool) mark.Edge {
	t.Helper()
	e, _, _, err := tr.Edge(final)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestSortedEdgeLiesBelowTheMaximum(t *testing.T) {
	tr := tracker(t, mark.Settings{Sorted: true}, mark.Edge{})
	if tr.Advance() || tr.Watermark() != "" {
		t.Error("there is an edge before the first row")
	}
	observe(tr, 1, 1, 1)
	if tr.Advance() {
		t.Error("the first value is an edge though more of it may come")
	}
	observe(tr, 1, 2, 3, 3)
	if !tr.Advance() || edge(t, tr, false).Value != "2026-08-01T12:02:00Z" {
		t.Errorf("edge %v", edge(t, tr, false))
	}
	if tr.Advance() {
		t.Error("the same edge twice")
	}
	if _, codes := observe(tr, 2); cmp.Diff([]string{"cursor_backwards 0"}, codes) != "" {
		t.Errorf("got %v", codes)
	}
	observe(tr, 4, 5)
	if tr.Advance() {
		t.Error("an edge in a stream that was found not to be sorted")
	}
	if e := edge(t, tr, true); e.Value != "2026-08-01T12:05:00Z" {
		t.Errorf("at the end %v", e)
	}
}

func TestEdgeNeverGoesBack(t *testing.T) {
	tr := tracker(t, mark.Settings{Sorted: true, Lookback: time.Hour}, mark.Edge{Field: "at", Type: "timestamp(UTC)", Value: "2026-08-01T12:30:00Z"})
	if tr.Since() != "2026-08-01T11:30:00Z" {
		t.Errorf("since %s", tr.Since())
	}
	observe(tr, 1, 2, 3)
	if tr.Advance() || edge(t, tr, true).Value != "2026-08-01T12:30:00Z" {
		t.Errorf("edge %v", edge(t, tr, true))
	}
}

func TestAppendOnlyWithLookbackKnowsItsRows(t *testing.T) {
	settings := mark.Settings{Unique: true, Lookback: 10 * time.Minute}
	first := tracker(t, settings, mark.Edge{})
	observe(first, 1, 15, 20)
	e := edge(t, first, true)
	if len(e.Rows) != 2 || e.From != "2026-08-01T12:10:00Z" {
		t.Errorf("edge %v", e)
	}
	second := tracker(t, settings, e)
	batch := minutes(1, 15, 20, 5)
	defer batch.Release()
	var codes []string
	left := second.Observe(batch, func(code string, row int) { codes = append(codes, fmt.Sprint(code, row)) })
	if diff := cmp.Diff([]int{0, 1, 2, 3}, left); diff != "" || cmp.Diff([]string{"before_since0", "before_since3"}, codes) != "" {
		t.Errorf("left %v, reported %v", left, codes)
	}
	if diff := cmp.Diff(e, edge(t, second, true)); diff != "" {
		t.Errorf("nothing new, but the edge changed:\n%s", diff)
	}
	wider := tracker(t, mark.Settings{Unique: true, Lookback: time.Hour}, e)
	if wider.Since() != "2026-08-01T12:10:00Z" {
		t.Errorf("a wider lookback reads rows again that are not known: since %s", wider.Since())
	}
	unseen := tracker(t, settings, e) // the source returns nothing: what was known stays known
	if diff := cmp.Diff(e, edge(t, unseen, true)); diff != "" {
		t.Errorf("after an empty read:\n%s", diff)
	}
}

func TestTooManyRowsAtTheEdge(t *testing.T) {
	tr := tracker(t, mark.Settings{Unique: true}, mark.Edge{})
	same := make([]int, mark.MaxRows+1)
	observe(tr, same...)
	if _, _, _, err := tr.Edge(true); err == nil || !strings.Contains(err.Error(), "declare a key") {
		t.Errorf("got %v", err)
	}
	for range 50 {
		observe(tr, same...)
	}
	observe(tr, 1)
	if _, _, _, err := tr.Edge(true); err == nil {
		t.Error("rows that were given up are forgotten without a word")
	}
}

func TestManyRowsThatMoveOnAreFine(t *testing.T) {
	tr := tracker(t, mark.Settings{Unique: true, Sorted: true}, mark.Edge{})
	for i := range 60 {
		same := make([]int, 1000)
		for n := range same {
			same[n] = i
		}
		observe(tr, same...)
	}
	if e := edge(t, tr, true); len(e.Rows) != 1000 || e.Value != "2026-08-01T12:59:00Z" {
		t.Errorf("%d rows at %s", len(e.Rows), e.Value)
	}
}

func TestValuesRoundTripAsText(t *testing.T) {
	for _, tt := range []struct {
		typ  sdk.Type
		text []string // rising
	}{
		{sdk.Type{ID: sdk.Int64}, []string{"-9223372036854775808", "-1", "0", "9223372036854775807"}},
		{sdk.Type{ID: sdk.Uint64}, []string{"0", "18446744073709551615"}},
		{sdk.Type{ID: sdk.Float64}, []string{"-Inf", "-1.5", "0", "1e+300", "+Inf"}},
		{sdk.Type{ID: sdk.String}, []string{"", "a", "b\x00"}},
		{sdk.Type{ID: sdk.Date}, []string{"0001-01-01", "1969-12-31", "1970-01-01", "9999-12-31"}},
		{sdk.Type{ID: sdk.Timestamp, Zone: "UTC"}, []string{"0001-01-01T00:00:00Z", "1969-12-31T23:59:59.999999Z", "2026-08-01T12:00:00.5Z"}},
		{sdk.Type{ID: sdk.Timestamp}, []string{"0001-01-01T00:00:00", "2026-08-01T12:00:00.000001"}},
		{sdk.Type{ID: sdk.Decimal, Precision: 38, Scale: 2}, []string{"-999999999999999999999999999999999999.99", "-0.05", "0.00", "12.30"}},
	} {
		var last mark.Value
		for i, text := range tt.text {
			v, err := mark.Parse(text, tt.typ)
			if err != nil || v.None() {
				t.Errorf("%s %q: %v", tt.typ, text, err)
			}
			if got := v.Text(tt.typ); got != text {
				t.Errorf("%s %q comes back as %q", tt.typ, text, got)
			}
			if i > 0 && (v.Compare(last) <= 0 || last.Compare(v) >= 0) || v.Compare(v) != 0 || v.Compare(mark.Value{}) <= 0 {
				t.Errorf("%s %q is not above %q", tt.typ, text, tt.text[max(i-1, 0)])
			}
			last = v
		}
	}
	for text, typ := range map[string]sdk.Type{
		"x": {ID: sdk.Int64}, "-1": {ID: sdk.Uint8}, "2026": {ID: sdk.Date}, "now": {ID: sdk.Timestamp, Zone: "UTC"}, "1.5": {ID: sdk.Decimal, Precision: 4, Scale: 2}, "": {ID: sdk.Float64},
	} {
		if v, err := mark.Parse(text, typ); err == nil {
			t.Errorf("%q as %s: %v", text, typ, v)
		}
	}
	if v, err := mark.Parse("NaN", sdk.Type{ID: sdk.Float64}); err != nil || !v.None() {
		t.Errorf("NaN is a value: %v %v", v, err)
	}
}

func TestStates(t *testing.T) {
	s, err := mark.ParseState(sdk.Cursor{})
	if err != nil {
		t.Fatal(err)
	}
	s.Streams["b"], s.Streams["a"] = mark.Edge{Field: "x", Type: "int64", Value: "1"}, mark.Edge{Field: "x", Type: "int64", Value: "2"}
	c, err := s.Cursor(map[string]string{"b": "1", "a": "2"})
	if err != nil || c.Human != "a up to 2, b up to 1" || !mark.Kept(c) {
		t.Errorf("%v %v", c, err)
	}
	back, err := mark.ParseState(c)
	if diff := cmp.Diff(s, back); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	for name, wrong := range map[string]sdk.Cursor{
		"version": {Version: 2, Data: c.Data}, "another kind": {Version: 1, Data: []byte(`{"page": 1}`)},
		"not JSON": {Version: 1, Data: []byte("x")}, "empty": {Version: 1, Data: nil}, "a list": {Version: 1, Data: []byte(`[]`)},
	} {
		if _, err := mark.ParseState(wrong); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if mark.Kept(sdk.Cursor{Version: 1, Data: []byte(`{"page": 1}`)}) {
		t.Error("another's state is taken for ours")
	}
}

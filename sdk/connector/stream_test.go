package connector_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/google/go-cmp/cmp"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

var numbers = []sdk.Column{{Name: "id", Type: sdk.Type{ID: sdk.Int64}, NotNull: true}, {Name: "text", Type: sdk.Type{ID: sdk.String}}}

// dynamic is a stream of values read by read.
func dynamic(name string, columns []sdk.Column, read func(ctx context.Context, q connector.Query, rows *connector.Records) error, options ...connector.Option) connector.Stream[*shop] {
	return connector.Dynamic(name, columns, func(ctx context.Context, _ *shop, q connector.Query, rows *connector.Records) error {
		return read(ctx, q, rows)
	}, options...)
}

// record makes a batch of numbers whose texts are text, many times.
func record(from, n int, text string) arrow.Record {
	schema, _ := sdk.ArrowSchema(numbers)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	for i := range n {
		b.Field(0).(*array.Int64Builder).Append(int64(from + i))
		b.Field(1).(*array.StringBuilder).Append(text)
	}
	return b.NewRecord()
}

func TestDeletesKeepTheOrderAndHoldKeyAndCursor(t *testing.T) {
	stream := connector.Table("orders", func(ctx context.Context, _ *shop, _ connector.Query, rows *connector.Rows[order]) error {
		return errors.Join(
			rows.Append(ctx, order{ID: 1, Updated: at(1)}),
			rows.Delete(ctx, order{ID: 1, Updated: at(2)}, order{ID: 7}),
			rows.Append(ctx, order{ID: 1, Updated: at(3)}))
	})
	o := read(t, open(t, plugin(stream), `{}`), ask("orders", sdk.Incremental, sdk.Cursor{}))
	want := []string{"upsert orders 1: 1 rows", "delete_keys orders 1: 2 rows", "upsert orders 1: 1 rows",
		"checkpoint 1 map[orders:4] safe=true orders up to 2026-08-01 12:03:00 UTC", "stream done orders 4 true"}
	if diff := cmp.Diff(want, o.only("upsert", "delete", "checkpoint", "stream")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{`{"id":1,"updated_at":"2026-08-01 12:02:00Z"}`, `{"id":7,"updated_at":null}`}, o.rows["orders"][1:3]); diff != "" {
		t.Errorf("deletes (-want +got):\n%s", diff)
	}
}

func TestDeleteNeedsAKey(t *testing.T) {
	stream := dynamic("numbers", numbers, func(ctx context.Context, _ connector.Query, rows *connector.Records) error {
		return rows.DeleteMap(ctx, map[string]any{"id": 1})
	})
	o := read(t, open(t, plugin(stream), `{}`), ask("numbers", sdk.FullRefresh, sdk.Cursor{}))
	if fault.CodeOf(o.err) != fault.Bug {
		t.Errorf("got %v", o.err)
	}
}

func TestDynamicSchemaEpochsAndJSON(t *testing.T) {
	stream := dynamic("loose", nil, func(ctx context.Context, _ connector.Query, rows *connector.Records) error {
		wider := append(append([]sdk.Column{}, numbers...), sdk.Column{Name: "n", Type: sdk.Type{ID: sdk.Decimal, Precision: 6, Scale: 2}})
		if err := rows.AppendMap(ctx, map[string]any{"id": 1}); fault.CodeOf(err) != fault.Bug {
			return fmt.Errorf("a row before the schema gives %w", err)
		}
		return errors.Join(
			rows.Schema(ctx, numbers, []string{"id"}),
			rows.AppendJSON(ctx, []byte(`{"id": 1, "text": "a", "other": true}`)),
			rows.AppendMap(ctx, map[string]any{"id": 2, "other": 1}),
			rows.Schema(ctx, numbers, []string{"id"}), // nothing new
			rows.Schema(ctx, wider, nil),
			rows.AppendJSON(ctx, []byte(`{"id": 3, "n": 1.50}`)))
	})
	o := read(t, open(t, plugin(stream), `{}`), ask("loose", sdk.FullRefresh, sdk.Cursor{}))
	want := []string{
		"begin loose",
		"schema loose 1: id int64!, text string",
		"issue loose.other unknown_field 2 id=1 ",
		"append loose 1: 2 rows",
		"schema loose 2: id int64!, text string, n decimal(6,2)",
		"append loose 2: 1 rows",
		"complete loose 3",
		"stream done loose 3 true",
		"done map[loose:3] ",
	}
	if diff := cmp.Diff(want, o.lines); diff != "" || o.err != nil {
		t.Errorf("%v (-want +got):\n%s", o.err, diff)
	}
	if got := o.rows["loose"][2]; !strings.Contains(got, `"n":"1.5`) && !strings.Contains(got, `"n":1.5`) {
		t.Errorf("row 3 is %s", got)
	}
}

func TestBadRowIsNamedAndCanBeLeftOut(t *testing.T) {
	var errs []string
	stream := dynamic("numbers", numbers, func(ctx context.Context, _ connector.Query, rows *connector.Records) error {
		for _, row := range []map[string]any{
			{"id": 1, "text": "a"}, {"id": "x", "text": "b"}, {"id": 3, "text": 4}, {"text": "no id"}, {"id": 5, "text": "e"},
		} {
			if err := rows.AppendMap(ctx, row); err != nil {
				errs = append(errs, err.Error())
			}
		}
		if err := rows.AppendJSON(ctx, []byte(`{"id": 1, "id": 2}`)); err != nil {
			errs = append(errs, err.Error())
		}
		return nil
	}, connector.Key("id"))
	o := read(t, open(t, plugin(stream), `{}`), ask("numbers", sdk.FullRefresh, sdk.Cursor{}))
	want := []string{
		"row id=x: column id: a text is not a whole number (data)",
		"row id=3: column text: a number does not fit string (data)",
		"row id=NULL: column id is NULL, but may not be (data)",
		`stream numbers: the name "id" stands twice in one object (data)`,
	}
	if diff := cmp.Diff(want, errs); diff != "" {
		t.Errorf("errors (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{`{"id":1,"text":"a"}`, `{"id":5,"text":"e"}`}, o.rows["numbers"]); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func TestAppendRecordKeepsOrderCutsAndChecks(t *testing.T) {
	stream := dynamic("numbers", numbers, func(ctx context.Context, q connector.Query, rows *connector.Records) error {
		small, large := record(2, 2, "b"), record(4, 4096, strings.Repeat("x", 10_000))
		defer small.Release()
		defer large.Release()
		return errors.Join(
			rows.AppendMap(ctx, map[string]any{"id": 1, "text": "a"}),
			rows.AppendRecord(ctx, small),
			rows.AppendRecord(ctx, large))
	})
	o := read(t, open(t, plugin(stream), `{}`), ask("numbers", sdk.FullRefresh, sdk.Cursor{}))
	want := []string{"append numbers 1: 1 rows", "append numbers 1: 2 rows"}
	for range 4 {
		want = append(want, "append numbers 1: 1024 rows")
	}
	if diff := cmp.Diff(want, o.only("append")); diff != "" || o.err != nil {
		t.Errorf("%v (-want +got):\n%s", o.err, diff)
	}
}

func TestAppendRecordOfAnotherSchemaIsRefused(t *testing.T) {
	for name, columns := range map[string][]sdk.Column{
		"a column less": numbers[:1],
		"another name":  {numbers[0], {Name: "texts", Type: numbers[1].Type}},
		"another type":  {numbers[0], {Name: "text", Type: sdk.Type{ID: sdk.Binary}}},
		"null":          {{Name: "id", Type: numbers[0].Type}, numbers[1]},
	} {
		stream := dynamic("numbers", numbers, func(ctx context.Context, _ connector.Query, rows *connector.Records) error {
			schema, err := sdk.ArrowSchema(columns)
			if err != nil {
				return err
			}
			b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
			defer b.Release()
			for i := range columns {
				b.Field(i).AppendNull()
			}
			batch := b.NewRecord()
			defer batch.Release()
			return rows.AppendRecord(ctx, batch)
		})
		o := read(t, open(t, plugin(stream), `{}`), ask("numbers", sdk.FullRefresh, sdk.Cursor{}))
		if fault.CodeOf(o.err) != fault.Data {
			t.Errorf("%s: got %v", name, o.err)
		}
	}
}

func TestProjectionSendsWhatWasAskedForKeyAndCursor(t *testing.T) {
	request := ask("orders", sdk.FullRefresh, sdk.Cursor{})
	request.Asks[0].Columns = []string{"status"}
	o := read(t, open(t, plugin(table([]order{{ID: 1, Status: "a", Updated: at(1)}})), `{}`), request)
	if diff := cmp.Diff([]string{`{"id":1,"status":"a","updated_at":"2026-08-01 12:01:00Z"}`}, o.rows["orders"]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	request.Asks[0].Columns = []string{"colour"}
	if o := read(t, open(t, plugin(table(nil)), `{}`), request); fault.CodeOf(o.err) != fault.Config {
		t.Errorf("an unknown column gives %v", o.err)
	}
	stream := dynamic("numbers", numbers, func(ctx context.Context, _ connector.Query, rows *connector.Records) error {
		batch := record(1, 1, "x")
		defer batch.Release()
		return errors.Join(rows.AppendRecord(ctx, batch), rows.AppendMap(ctx, map[string]any{"id": 2, "text": "y"}))
	})
	request = ask("numbers", sdk.FullRefresh, sdk.Cursor{})
	request.Asks[0].Columns = []string{"text"}
	o = read(t, open(t, plugin(stream), `{}`), request)
	if diff := cmp.Diff([]string{`{"text":"x"}`, `{"text":"y"}`}, o.rows["numbers"]); diff != "" || len(o.only("issue")) > 0 {
		t.Errorf("%v (-want +got):\n%s", o.lines, diff)
	}
}

func TestRowAndFieldAboveTheirCaps(t *testing.T) {
	type wide struct {
		ID   int64  `col:"id,key"`
		A, B string `col:"-"`
		C    string `col:"c"`
		D    string `col:"d"`
		E    string `col:"e"`
	}
	big := strings.Repeat("x", connector.MaxFieldBytes)
	for name, tt := range map[string]struct {
		row  wide
		want string
	}{
		"field": {wide{ID: 2, C: big + "x"}, "issue wide.c too_large 1 id=2 "},
		"row":   {wide{ID: 2, C: big, D: big, E: "x"}, "issue wide. too_large 1 id=2 "},
	} {
		stream := connector.Table("wide", func(ctx context.Context, _ *shop, _ connector.Query, rows *connector.Rows[wide]) error {
			return rows.Append(ctx, wide{ID: 1}, tt.row, wide{ID: 3})
		})
		o := read(t, open(t, plugin(stream), `{}`), ask("wide", sdk.FullRefresh, sdk.Cursor{}))
		f, _ := fault.As(o.err)
		if f == nil || f.Code != fault.Data || !strings.Contains(f.What, "id=2") || f.Scope != "wide" {
			t.Errorf("%s: got %v", name, o.err)
		}
		if diff := cmp.Diff([]string{tt.want}, o.only("issue")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestLargeRowsAreCutIntoMessagesWithinTheCap(t *testing.T) {
	type wide struct {
		Text string `col:"text"`
	}
	big := strings.Repeat("x", 7<<20)
	stream := connector.Table("wide", func(ctx context.Context, _ *shop, _ connector.Query, rows *connector.Rows[wide]) error {
		return rows.Append(ctx, wide{big}, wide{big}, wide{big}, wide{"small"})
	})
	request := ask("wide", sdk.FullRefresh, sdk.Cursor{})
	request.Limits.BatchBytes = 1 << 30
	o := read(t, open(t, plugin(stream), `{}`), request)
	// Three rows fill a batch: 21 MiB, cut into messages of at most 16.
	want := []string{"append wide 1: 1 rows", "append wide 1: 2 rows", "append wide 1: 1 rows"}
	if diff := cmp.Diff(want, o.only("append")); diff != "" || o.err != nil {
		t.Errorf("%v (-want +got):\n%s", o.err, diff)
	}
}

func TestChildrenTravelWithTheirParent(t *testing.T) {
	type item struct {
		Order int64  `col:"order_id,key"`
		Line  int64  `col:"line,key"`
		Name  string `col:"name"`
	}
	parent := connector.Table("orders", func(ctx context.Context, _ *shop, _ connector.Query, rows *connector.Rows[order]) error {
		child, err := rows.Child("items")
		if err != nil {
			return err
		}
		items, err := connector.RowsOf[item](child)
		if err != nil {
			return err
		}
		if _, err := rows.Child("strangers"); fault.CodeOf(err) != fault.Bug {
			return fmt.Errorf("an undeclared child gives %w", err)
		}
		for id := range int64(3) {
			if err := errors.Join(rows.Append(ctx, order{ID: id, Updated: at(int(id))}), items.Append(ctx, item{id, 1, "a"}, item{id, 2, "b"})); err != nil {
				return err
			}
		}
		return child.AppendMap(ctx, map[string]any{"order_id": 9, "line": 1})
	}, connector.Sorted())
	child := connector.Table[*shop, item]("items", nil, connector.Parent("orders"), connector.Modes(sdk.FullRefresh, sdk.Incremental))
	s := open(t, plugin(parent, child), `{}`)
	request := ask("orders", sdk.FullRefresh, sdk.Cursor{})
	request.Asks = append(request.Asks, connector.Ask{Stream: "items", Mode: sdk.FullRefresh})
	o := read(t, s, request)
	want := []string{"begin orders", "begin items", "complete orders 3", "complete items 7", "stream done orders 3 true", "stream done items 7 true",
		"done map[items:7 orders:3] orders up to 2026-08-01 12:02:00 UTC"}
	if diff := cmp.Diff(want, o.only("begin", "complete", "stream", "done")); diff != "" || o.err != nil {
		t.Errorf("%v (-want +got):\n%s", o.err, diff)
	}
	request.Asks[0].Mode, request.Asks[1].Mode, request.Limits.BatchRows = sdk.Incremental, sdk.Incremental, 1
	if got := read(t, s, request).only("checkpoint"); len(got) != 1 {
		t.Errorf("a family has a checkpoint before its end: %v", got)
	}
	alone := read(t, s, ask("orders", sdk.FullRefresh, sdk.Cursor{}))
	if alone.err != nil || len(alone.rows["items"]) != 0 || len(alone.rows["orders"]) != 3 {
		t.Errorf("orders alone: %v %v", alone.err, alone.lines)
	}
	if o := read(t, s, ask("items", sdk.FullRefresh, sdk.Cursor{})); fault.CodeOf(o.err) != fault.Config {
		t.Errorf("items alone: %v", o.err)
	}
}

func TestPreviewStopsAndLeavesNothing(t *testing.T) {
	calls := 0
	stream := connector.Table("orders", func(ctx context.Context, _ *shop, q connector.Query, rows *connector.Rows[order]) error {
		for id := range int64(1000) {
			calls++
			if err := rows.Append(ctx, order{ID: id, Updated: at(1)}); err != nil {
				return fmt.Errorf("page %d: %w", id, err)
			}
			if err := rows.Checkpoint(ctx, 1, id, "x"); err != nil {
				return err
			}
		}
		return nil
	})
	request := ask("orders", sdk.FullRefresh, sdk.Cursor{})
	request.MaxRows = 3
	o := read(t, open(t, plugin(stream), `{}`), request)
	if len(o.rows["orders"]) != 3 || o.err != nil || calls != 3 {
		t.Errorf("%d rows by %d calls, %v", len(o.rows["orders"]), calls, o.err)
	}
	if got := o.only("checkpoint", "begin", "complete", "stream", "done"); cmp.Diff([]string{"stream done orders 3 false", "done map[orders:3] "}, got) != "" {
		t.Errorf("got %v", got)
	}
	numbered := dynamic("numbers", numbers, func(ctx context.Context, _ connector.Query, rows *connector.Records) error {
		batch := record(1, 100, "x")
		defer batch.Release()
		return rows.AppendRecord(ctx, batch)
	})
	request = ask("numbers", sdk.FullRefresh, sdk.Cursor{})
	request.MaxRows = 3
	if o := read(t, open(t, plugin(numbered), `{}`), request); len(o.rows["numbers"]) != 3 || o.err != nil {
		t.Errorf("of a batch: %d rows, %v", len(o.rows["numbers"]), o.err)
	}
}

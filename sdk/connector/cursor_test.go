package connector_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// table is a stream of the given orders that honours Since.
func table(orders []order, options ...connector.Option) connector.Stream[*shop] {
	return connector.Table("orders", func(ctx context.Context, _ *shop, q connector.Query, rows *connector.Rows[order]) error {
		since := q.Since.Time(time.Time{})
		for _, o := range orders {
			if o.Updated.Before(since) && !o.Updated.IsZero() {
				continue
			}
			if err := rows.Append(ctx, o); err != nil {
				return err
			}
		}
		return nil
	}, options...)
}

// checkpoints are the lines of a read that are no batches.
func (o outcome) only(prefixes ...string) []string {
	var lines []string
	for _, l := range o.lines {
		for _, p := range prefixes {
			if strings.HasPrefix(l, p) {
				lines = append(lines, l)
			}
		}
	}
	return lines
}

func at(minute int) time.Time { return time.Date(2026, 8, 1, 12, minute, 0, 0, time.UTC) }

func TestSortedStreamChecksPointsStrictlyBelowTheMaximum(t *testing.T) {
	orders := []order{{ID: 1, Updated: at(1)}, {ID: 2, Updated: at(2)}, {ID: 3, Updated: at(2)}, {ID: 4, Updated: at(2)}, {ID: 5, Updated: at(3)}}
	s := open(t, plugin(table(orders, connector.Sorted())), `{}`)
	request := ask("orders", sdk.Incremental, sdk.Cursor{})
	request.Limits.BatchRows = 1
	o := read(t, s, request)
	want := []string{
		"checkpoint 1 map[orders:2] safe=true orders up to 2026-08-01 12:01:00 UTC",
		"checkpoint 2 map[orders:5] safe=true orders up to 2026-08-01 12:02:00 UTC",
		"checkpoint 3 map[orders:5] safe=true orders up to 2026-08-01 12:03:00 UTC",
		"done map[orders:5] orders up to 2026-08-01 12:03:00 UTC",
	}
	if diff := cmp.Diff(want, o.only("checkpoint", "done")); diff != "" {
		t.Errorf("checkpoints (-want +got):\n%s", diff)
	}
	again := read(t, s, ask("orders", sdk.Incremental, o.state(t)))
	if got := len(again.rows["orders"]); got != 1 {
		t.Errorf("read again from the end: %d rows, want the one on the bound", got)
	}
	if diff := cmp.Diff(o.state(t), again.state(t)); diff != "" {
		t.Errorf("nothing new, but the state changed (-before +after):\n%s", diff)
	}
}

func TestUnsortedStreamHasOneCheckpointAtTheEnd(t *testing.T) {
	orders := []order{{ID: 1, Updated: at(3)}, {ID: 2, Updated: at(1)}, {ID: 3, Updated: at(2)}}
	s := open(t, plugin(table(orders)), `{}`)
	request := ask("orders", sdk.Incremental, sdk.Cursor{})
	request.Limits.BatchRows = 1
	o := read(t, s, request)
	want := []string{
		"upsert orders 1: 1 rows", "upsert orders 1: 1 rows", "upsert orders 1: 1 rows",
		"checkpoint 1 map[orders:3] safe=true orders up to 2026-08-01 12:03:00 UTC",
	}
	if diff := cmp.Diff(want, o.only("upsert", "checkpoint", "issue")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestLookbackIsTakenOffAndTheAskWins(t *testing.T) {
	var got []string
	stream := connector.Table("orders", func(_ context.Context, _ *shop, q connector.Query, rows *connector.Rows[order]) error {
		got = append(got, q.Since.Text())
		return rows.Append(t.Context(), order{ID: 1, Updated: at(30)})
	}, connector.Lookback(10*time.Minute))
	s := open(t, plugin(stream), `{}`)
	state := read(t, s, ask("orders", sdk.Incremental, sdk.Cursor{})).state(t)
	read(t, s, ask("orders", sdk.Incremental, state))
	request := ask("orders", sdk.Incremental, state)
	request.Asks[0].Lookback = time.Hour
	read(t, s, request)
	read(t, s, ask("orders", sdk.FullRefresh, state))
	want := []string{"", "2026-08-01T12:20:00Z", "2026-08-01T11:30:00Z", ""}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("since (-want +got):\n%s", diff)
	}
}

func TestHistoryFromIsForTheFirstLoadOnly(t *testing.T) {
	var got []string
	stream := connector.Table("orders", func(ctx context.Context, _ *shop, q connector.Query, rows *connector.Rows[order]) error {
		got = append(got, fmt.Sprint(q.Since.Text(), " ", q.HistoryFrom.IsZero()))
		return rows.Append(ctx, order{ID: 1, Updated: at(30)})
	})
	s := open(t, plugin(stream), `{}`)
	request := ask("orders", sdk.Incremental, sdk.Cursor{})
	request.Asks[0].HistoryFrom = day(1)
	request.Asks[0].State = read(t, s, request).state(t)
	read(t, s, request)
	if diff := cmp.Diff([]string{"2026-08-01T12:00:00Z false", "2026-08-01T12:30:00Z true"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestD14_CursorNullFutureAndBackwards(t *testing.T) {
	future := time.Now().Add(48 * time.Hour)
	orders := []order{{ID: 1, Updated: at(1)}, {ID: 2}, {ID: 3}, {ID: 4, Updated: future}, {ID: 5, Updated: at(5)}, {ID: 6, Updated: at(2)}, {ID: 7, Updated: at(6)}}
	s := open(t, plugin(table(orders, connector.Sorted())), `{}`)
	o := read(t, s, ask("orders", sdk.Incremental, sdk.Cursor{}))
	want := []string{
		"issue orders.updated_at cursor_null 2 id=2 ",
		"issue orders.updated_at cursor_future 1 id=4 ",
		"issue orders.updated_at cursor_backwards 1 id=6 ",
		"checkpoint 1 map[orders:7] safe=true orders up to 2026-08-01 12:06:00 UTC",
	}
	if diff := cmp.Diff(want, o.only("issue", "checkpoint")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(o.rows["orders"]) != 7 {
		t.Errorf("%d rows, want all 7", len(o.rows["orders"]))
	}
}

func TestAppendOnlySendsNoRowTwice(t *testing.T) {
	type event struct {
		At   int64  `col:"at,cursor"`
		Kind string `col:"kind"`
	}
	log := []event{{1, "a"}, {2, "a"}, {2, "a"}, {2, "b"}}
	stream := connector.Table("log", func(ctx context.Context, _ *shop, q connector.Query, rows *connector.Rows[event]) error {
		for _, e := range log {
			if e.At >= q.Since.Int(0) {
				if err := rows.Append(ctx, e); err != nil {
					return err
				}
			}
		}
		return nil
	}, connector.AppendOnly())
	s := open(t, plugin(stream), `{}`)
	first := read(t, s, ask("log", sdk.Incremental, sdk.Cursor{}))
	if n := len(first.rows["log"]); n != 4 {
		t.Fatalf("first read: %d rows, want 4", n)
	}
	log = append(log, event{2, "a"}, event{2, "c"}, event{3, "a"}) // a third equal row, and late ones of the same moment
	second := read(t, s, ask("log", sdk.Incremental, first.state(t)))
	want := []string{`{"at":2,"kind":"a"}`, `{"at":2,"kind":"c"}`, `{"at":3,"kind":"a"}`}
	if diff := cmp.Diff(want, second.rows["log"]); diff != "" {
		t.Errorf("second read (-want +got):\n%s", diff)
	}
	third := read(t, s, ask("log", sdk.Incremental, second.state(t)))
	if len(third.rows["log"]) != 0 {
		t.Errorf("third read: %v, want nothing", third.rows["log"])
	}
	if diff := cmp.Diff(second.state(t), third.state(t)); diff != "" {
		t.Errorf("nothing new, but the state changed:\n%s", diff)
	}
}

func TestStateThatDoesNotFitIsExpired(t *testing.T) {
	s := open(t, plugin(table([]order{{ID: 1, Updated: at(1)}})), `{}`)
	good := read(t, s, ask("orders", sdk.Incremental, sdk.Cursor{})).state(t)
	for name, data := range map[string]string{
		"another field": strings.Replace(string(good.Data), "updated_at", "created_at", 1),
		"another type":  strings.Replace(string(good.Data), "timestamp(UTC)", "int64", 1),
		"bad value":     strings.Replace(string(good.Data), "2026", "soon", 1),
		"no streams":    `{"kept":"sdk"}`,
	} {
		o := read(t, s, ask("orders", sdk.Incremental, sdk.Cursor{Version: 1, Data: []byte(data)}))
		if fault.CodeOf(o.err) != fault.StateExpired {
			t.Errorf("%s: got %v, want class state_expired", name, o.err)
		}
		if o := read(t, s, ask("orders", sdk.FullRefresh, sdk.Cursor{Version: 1, Data: []byte(data)})); o.err != nil {
			t.Errorf("%s: a full read fails too: %v", name, o.err)
		}
	}
}

func TestFullReadOfNothingResetsTheState(t *testing.T) {
	orders := []order{{ID: 1, Updated: at(1)}}
	s := open(t, plugin(connector.Table("orders", func(ctx context.Context, _ *shop, _ connector.Query, rows *connector.Rows[order]) error {
		return rows.Append(ctx, orders...)
	})), `{}`)
	before := read(t, s, ask("orders", sdk.FullRefresh, sdk.Cursor{})).state(t)
	orders = nil
	after := read(t, s, ask("orders", sdk.FullRefresh, before)).state(t)
	if after.IsZero() || strings.Contains(string(after.Data), "2026") {
		t.Errorf("after an empty full read the state is %s", after.Data)
	}
	orders = []order{{ID: 9, Updated: day(1)}}
	if o := read(t, s, ask("orders", sdk.Incremental, after)); len(o.rows["orders"]) != 1 {
		t.Errorf("the next incremental read has %v", o.lines)
	}
}

func TestOwnStateAndCheckpoints(t *testing.T) {
	type state struct{ Page int }
	type row struct {
		ID int64 `col:"id,key"`
	}
	stream := connector.Table("pages", func(ctx context.Context, _ *shop, q connector.Query, rows *connector.Rows[row]) error {
		var st state
		if _, err := q.State(3, &st); err != nil {
			return err
		}
		for st.Page < 3 {
			st.Page++
			if err := rows.Append(ctx, row{ID: int64(st.Page)}); err != nil {
				return err
			}
			if err := rows.Checkpoint(ctx, 3, st, fmt.Sprint("page ", st.Page)); err != nil {
				return err
			}
		}
		return rows.SetState(3, st, "the end")
	}, connector.Modes(sdk.FullRefresh, sdk.Incremental))
	s := open(t, plugin(stream), `{}`)
	o := read(t, s, ask("pages", sdk.Incremental, sdk.Cursor{}))
	want := []string{
		"upsert pages 1: 1 rows", "checkpoint 1 map[pages:1] safe=true page 1",
		"upsert pages 1: 1 rows", "checkpoint 2 map[pages:2] safe=true page 2",
		"upsert pages 1: 1 rows", "checkpoint 3 map[pages:3] safe=true page 3",
		"done map[pages:3] the end",
	}
	if diff := cmp.Diff(want, o.only("upsert", "checkpoint", "done")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if o.state(t).Human != "the end" {
		t.Errorf("the final state is %q", o.state(t).Human)
	}
	full := read(t, s, ask("pages", sdk.FullRefresh, sdk.Cursor{Version: 3, Data: []byte(`{"Page":1}`)}))
	if diff := cmp.Diff([]string{"checkpoint 1 map[pages:1] safe=false page 2", "checkpoint 2 map[pages:2] safe=false page 3"}, full.only("checkpoint")); diff != "" {
		t.Errorf("full (-want +got):\n%s", diff)
	}
	old := read(t, s, ask("pages", sdk.Incremental, sdk.Cursor{Version: 2, Data: []byte(`{}`)}))
	if fault.CodeOf(old.err) != fault.StateExpired {
		t.Errorf("a state of version 2 gives %v", old.err)
	}
}

package ingest_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/google/go-cmp/cmp"

	"github.com/ai-data-analyst/broker/host/internal/ingest"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

func lines(t *testing.T, got []string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestFullRefreshPublishesOnce(t *testing.T) {
	w := newWorld(t, []any{schema("orders"), begin("orders"), rows{stream: "orders", n: 3}, mark(1, 3, "a", true), rows{stream: "orders", n: 4},
		complete("orders", 7), connector.StreamDone{Stream: "orders", Rows: 7, Complete: true}, done(7, "b")})
	w.cursor = state("types")
	result := w.runner().Run(t.Context(), replaceSet())
	lines(t, w.log, "begin r1 shop.orders", "draft 1 of shop.orders by replace, test", "schema shop.orders 1", "boundary shop.orders false", "checkpoint a ",
		"boundary shop.orders true", "checkpoint b ", "publish 1 final=true", "ack 1", "close", "release", "discard", "finish published")
	if result.Err != nil || result.Status != ingest.Published || result.Generation != 1 || result.Attempts != 1 {
		t.Errorf("result = %+v", result)
	}
	want := []ingest.TableResult{{Name: "shop.orders", Status: ingest.Published, Read: 7, Rows: 7, Added: 7, Bytes: 56, Seconds: result.Tables[0].Seconds}}
	if diff := cmp.Diff(want, result.Tables); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := w.asked[0].Asks[0]; got.Mode != sdk.FullRefresh || string(got.State.Data) != "types" || w.asked[0].Attempt != 1 {
		t.Errorf("asked %+v", w.asked[0])
	}
}

// I4: a run goes on from the current version's cursor; the state stands with the root only.
func TestRequestCarriesStateAndHistory(t *testing.T) {
	first := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	set := mergeSet()
	set.Tables = append(set.Tables, ingest.Table{Name: "shop.items", Stream: "items", Mode: sdk.Incremental, Write: "merge", Lookback: time.Hour})
	for i := range set.Tables {
		set.Tables[i].HistoryFrom = first
	}
	for _, c := range []struct {
		name    string
		cursor  sdk.Cursor
		full    bool
		mode    sdk.SyncMode
		history time.Time
	}{
		{"first load", sdk.Cursor{}, false, sdk.Incremental, first},
		{"later load", state("x"), false, sdk.Incremental, time.Time{}},
		{"full", state("x"), true, sdk.FullRefresh, first},
	} {
		w := newWorld(t, []any{errors.New("enough seen")})
		w.cursor, set.Full = c.cursor, c.full
		w.journal = func(doing string) error {
			if doing == "attempt" && w.attempts > 0 {
				return errors.New("no second attempt")
			}
			return nil
		}
		r := w.runner()
		r.Rand = func() float64 { return 0 }
		synctest.Test(t, func(t *testing.T) { r.Run(t.Context(), set) })
		for i, ask := range w.asked[0].Asks {
			if ask.Mode != c.mode || !ask.HistoryFrom.Equal(c.history) || ask.State.IsZero() != (i > 0 || c.cursor.IsZero()) || ask.Lookback != set.Tables[i].Lookback {
				t.Errorf("%s: ask %d = %+v", c.name, i, ask)
			}
		}
		if c.full && !strings.Contains(strings.Join(w.log, "\n"), "by replace") {
			t.Errorf("%s: %v", c.name, w.log)
		}
	}
}

// Decision 1: append and merge publish on the way, at safe checkpoints, once enough has gathered.
func TestPublishesOnTheWay(t *testing.T) {
	for _, c := range []struct {
		name   string
		write  string
		script []any
		want   []string
	}{
		{"a million rows", "merge", []any{schema("orders"), rows{stream: "orders", n: 1_000_000}, mark(1, 1_000_000, "a", false), mark(2, 1_000_000, "b", true),
			rows{stream: "orders", n: 5}, mark(3, 1_000_005, "c", true), done(1_000_005, "d")}, []string{"publish 1 final=false", "ack 2", "publish 2 final=true", "ack 3"}},
		{"five minutes", "append", []any{schema("orders"), rows{stream: "orders", n: 1}, mark(1, 1, "a", true), pause(299 * time.Second), mark(2, 1, "b", true),
			pause(time.Second), mark(3, 1, "c", true), pause(time.Minute), mark(4, 1, "d", true), done(1, "")},
			[]string{"publish 1 final=false", "ack 3", "publish 2 final=true", "ack 4"}},
		{"replace never", "replace", []any{schema("orders"), begin("orders"), rows{stream: "orders", n: 1_000_000}, mark(1, 1_000_000, "a", true), complete("orders", 1_000_000),
			done(1_000_000, "")}, []string{"publish 1 final=true", "ack 1"}},
		{"partitions never", "partitions", []any{schema("orders"), rows{stream: "orders", n: 1_000_000}, mark(1, 1_000_000, "a", true), done(1_000_000, "")},
			[]string{"publish 1 final=true", "ack 1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, c.script)
				set := mergeSet()
				set.Tables[0].Write = c.write
				result := w.runner().Run(t.Context(), set)
				var got []string
				for _, line := range w.log {
					if strings.HasPrefix(line, "publish") || strings.HasPrefix(line, "ack") {
						got = append(got, line)
					}
				}
				lines(t, got, c.want...)
				if result.Err != nil || result.Tables[0].Added != w.rows["shop.orders"] || result.Tables[0].Rows != w.rows["shop.orders"] {
					t.Errorf("result = %+v, lake has %d", result, w.rows["shop.orders"])
				}
			})
		})
	}
}

func TestHalfAGigabyteIsPublishedOnTheWay(t *testing.T) {
	w := newWorld(t)
	big := array.NewBinaryBuilder(w.mem, arrow.BinaryTypes.Binary)
	defer big.Release()
	big.Append(make([]byte, 64<<20))
	column := big.NewArray()
	defer column.Release()
	batch := array.NewRecord(arrow.NewSchema([]arrow.Field{{Name: "id", Type: arrow.BinaryTypes.Binary}}, nil), []arrow.Array{column}, 1)
	defer batch.Release()
	script := []any{schema("orders")}
	for i := uint64(1); i <= 10; i++ {
		batch.Retain()
		script = append(script, connector.Batch{Stream: "orders", Epoch: 1, Op: connector.Append, Record: batch}, mark(i, i, "a", true))
	}
	w.scripts = [][]any{append(script, done(10, ""))}
	result := w.runner().Run(t.Context(), mergeSet())
	if result.Err != nil || w.seq != 2 || !strings.Contains(strings.Join(w.log, "\n"), "publish 1 final=false\nack 8\n") {
		t.Errorf("%d publications, %v:\n%s", w.seq, result.Err, strings.Join(w.log, "\n"))
	}
}

func TestUnchangedAndHeld(t *testing.T) {
	for _, status := range []ingest.Status{ingest.Unchanged, ingest.Held} {
		w := newWorld(t, append([]any{}, schema("orders"), begin("orders"), complete("orders", 0), mark(1, 0, "a", true), done(0, "")))
		w.publish = func(int, bool) (ingest.Publication, error) {
			p := ingest.Publication{Status: status, Tables: []ingest.Counts{{Name: "shop.orders", Status: status, Rows: 9}}}
			if status == ingest.Held {
				p.Reason = "0 rows where there were 9"
			}
			return p, nil
		}
		result := w.runner().Run(t.Context(), replaceSet())
		acked := strings.Contains(strings.Join(w.log, "\n"), "ack")
		if result.Status != status || result.Tables[0].Status != status || result.Err != nil || result.Generation != 0 || acked != (status == ingest.Unchanged) {
			t.Errorf("%s: %+v, acked %v", status, result, acked)
		}
		if (result.Held != "") != (status == ingest.Held) {
			t.Errorf("%s: reason %q", status, result.Held)
		}
	}
}

func TestIssuesAreCountedAndRejected(t *testing.T) {
	bad := connector.Issue{Stream: "orders", Column: "id", Code: "bad_value", Count: 2, Key: "orders.csv:17", Sample: "x", Rejected: true}
	w := newWorld(t, []any{schema("orders"), begin("orders"), bad, bad, connector.Issue{Code: "slow", Count: 1}, rows{stream: "orders", n: 1}, complete("orders", 1), done(1, "")})
	result := w.runner().Run(t.Context(), replaceSet())
	all := strings.Join(w.log, "\n")
	if strings.Count(all, "reject 2 of shop.orders.id: bad_value: orders.csv:17: x") != 2 {
		t.Errorf("log:\n%s", all)
	}
	if len(result.Issues) != 2 || result.Issues[0].Count != 4 || result.Issues[1].Code != "slow" {
		t.Errorf("issues = %+v", result.Issues)
	}
}

func TestProgressTellsHowFar(t *testing.T) {
	w := newWorld(t, []any{connector.Status{Phase: "exporting", Done: 1, Total: 9, Note: "job 7"}, schema("orders"), begin("orders"), rows{stream: "orders", n: 3}, complete("orders", 3), done(3, "")})
	w.runner().Run(t.Context(), replaceSet())
	var phases []string
	for _, p := range w.watched {
		phases = append(phases, p.Phase)
		if p.Run != "r1" || p.Table != "shop.orders" || p.Source != "shop" || p.Attempt != 1 {
			t.Errorf("progress = %+v", p)
		}
	}
	lines(t, phases, "starting", "reading", "exporting", "reading", "publishing")
	last := w.watched[len(w.watched)-1]
	if last.Rows != 3 || last.Bytes < 24 || last.Total != 9 || last.Stream != "orders" {
		t.Errorf("last = %+v", last)
	}
}

// An acknowledgement or a journal entry that fails after the publication changes nothing of it.
func TestWhatFailsAfterPublishingDoesNotFailTheRun(t *testing.T) {
	w := newWorld(t, whole(2))
	w.journal = func(doing string) error {
		if doing == "finish" {
			return errors.New("disk full")
		}
		return nil
	}
	if result := w.runner().Run(t.Context(), replaceSet()); result.Status != ingest.Published || result.Err != nil {
		t.Errorf("result = %+v", result)
	}
}

func TestNoRunWithoutAJournal(t *testing.T) {
	w := newWorld(t, whole(2))
	w.journal = func(string) error { return fault.New(fault.Transient, "disk full") }
	result := w.runner().Run(t.Context(), replaceSet())
	lines(t, w.log, "begin r1 shop.orders")
	if result.Status != ingest.Failed || fault.CodeOf(result.Err) != fault.Transient {
		t.Errorf("result = %+v", result)
	}
}

func TestUnusableSets(t *testing.T) {
	twice := familySet()
	twice.Tables[1].Name = twice.Tables[0].Name
	odd := replaceSet()
	odd.Tables[0].Write = "overwrite"
	for _, set := range []ingest.Set{{}, {Source: "shop"}, twice, odd} {
		w := newWorld(t)
		result := w.runner().Run(t.Context(), set)
		if result.Status != ingest.Failed || fault.CodeOf(result.Err) != fault.Bug || len(w.log) != 0 {
			t.Errorf("%+v: %+v, %v", set, result, w.log)
		}
	}
}

func TestSettleClosesOpenRuns(t *testing.T) {
	w := newWorld(t)
	started := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	w.open = []ingest.OpenRun{{ID: "a", Source: "shop", Tables: []sdk.TableName{"shop.orders", "shop.items"}, Attempts: 2, Started: started},
		{ID: "b", Source: "shop", Tables: []sdk.TableName{"shop.people"}, Started: started}}
	w.settled = map[string]ingest.Publication{"a": {Seq: 7, Status: ingest.Published, Tables: []ingest.Counts{{Name: "shop.orders", Status: ingest.Published, Rows: 3, Added: 3}}}}
	n, err := w.runner().Settle(t.Context())
	if n != 2 || err != nil || len(w.open) != 0 {
		t.Fatalf("settled %d, %v, open %v", n, err, w.open)
	}
	a, b := w.results[0], w.results[1]
	if a.Status != ingest.Published || a.Generation != 7 || a.Tables[0].Added != 3 || a.Tables[1].Status != ingest.Unchanged || a.Attempts != 2 || !a.Started.Equal(started) {
		t.Errorf("a = %+v", a)
	}
	if b.Status != ingest.Failed || fault.CodeOf(b.Err) != fault.Transient || b.Tables[0].Err == nil {
		t.Errorf("b = %+v", b)
	}
}

func TestCancelledRunIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, []any{schema("orders"), begin("orders"), rows{stream: "orders", n: 1}, pause(time.Hour)})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		result := w.runner().Run(ctx, replaceSet())
		if result.Status != ingest.Cancelled || fault.CodeOf(result.Err) != fault.Cancelled || result.Attempts != 1 {
			t.Errorf("result = %+v", result)
		}
		lines(t, w.log[len(w.log)-4:], "close", "release", "discard", "finish cancelled")
	})
}

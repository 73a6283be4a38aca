package ingest_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/ai-data-analyst/broker/host/internal/ingest"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// I9: whatever a connector contradicts itself in, nothing is published, and what went wrong is said.
func TestLiesPublishNothing(t *testing.T) {
	two, b := schema("orders"), begin("orders")
	two.Epoch = 2
	r := rows{stream: "orders", n: 3}
	many := sdk.Cursor{Version: 1, Data: make([]byte, sdk.MaxCursorBytes+1)}
	for _, c := range []struct {
		name   string
		set    ingest.Set
		script []any
		code   fault.Code
		want   string
	}{
		{"merely ends", replaceSet(), []any{schema("orders"), b, r, complete("orders", 3)}, fault.Transient, "without saying"},
		{"ends with an error", replaceSet(), []any{schema("orders"), b, r, errors.New("broken pipe")}, fault.Bug, "broken pipe"},
		{"nothing at all", replaceSet(), nil, fault.Transient, "without saying"},
		{"done counts more", replaceSet(), []any{schema("orders"), b, r, complete("orders", 3), done(4, "")}, fault.Transient, "the end counts 4 rows, 3 arrived"},
		{"done counts less", replaceSet(), []any{schema("orders"), b, r, complete("orders", 3), done(2, "")}, fault.Transient, "the end counts 2"},
		{"done counts nothing", replaceSet(), []any{schema("orders"), b, r, complete("orders", 3), connector.Done{}}, fault.Transient, "the end counts 0"},
		{"done counts a stranger", replaceSet(), []any{schema("orders"), b, complete("orders", 0), connector.Done{Rows: map[string]uint64{"people": 1}}}, fault.Bug, `"people"`},
		{"boundary counts wrong", replaceSet(), []any{schema("orders"), b, r, complete("orders", 4)}, fault.Transient, "its delivery counts 4 rows, 3 arrived"},
		{"boundary missing", replaceSet(), []any{schema("orders"), done(0, "")}, fault.Transient, "in full"},
		{"boundary never begun", replaceSet(), []any{schema("orders"), r, complete("orders", 3), done(3, "")}, fault.Bug, "before its delivery began"},
		{"boundary never ended", replaceSet(), []any{schema("orders"), b, r, done(3, "")}, fault.Transient, "begun and not ended"},
		{"boundary twice", replaceSet(), []any{schema("orders"), b, b}, fault.Bug, "twice"},
		{"delivery twice", replaceSet(), []any{schema("orders"), b, r, complete("orders", 3), b}, fault.Bug, "twice"},
		{"rows after the boundary", replaceSet(), []any{schema("orders"), b, complete("orders", 0), r}, fault.Bug, "after its end"},
		{"boundary open in a merge", mergeSet(), []any{schema("orders"), b, r, done(3, "s")}, fault.Transient, "begun and not ended"},
		{"child not delivered", familySet(), []any{schema("orders"), b, r, complete("orders", 3), done(3, "")}, fault.Transient, "stream items is incomplete"},
		{"checkpoint backwards", replaceSet(), []any{schema("orders"), b, mark(2, 0, "a", false), mark(1, 0, "b", false)}, fault.Bug, "checkpoint 1 comes after checkpoint 2"},
		{"checkpoint again", replaceSet(), []any{schema("orders"), b, mark(1, 0, "a", false), mark(1, 0, "a", false)}, fault.Bug, "checkpoint 1 comes after"},
		{"checkpoint zero", replaceSet(), []any{mark(0, 0, "a", false)}, fault.Bug, "checkpoint 0"},
		{"checkpoint counts wrong", mergeSet(), []any{schema("orders"), r, mark(1, 2, "a", true)}, fault.Transient, "a checkpoint counts 2 rows, 3 arrived"},
		{"stop without state", mergeSet(), []any{connector.Checkpoint{ID: 1, Rows: counts(0), SafeToStop: true}}, fault.Bug, "no state"},
		{"giant state", mergeSet(), []any{connector.Checkpoint{ID: 1, State: many, Rows: counts(0)}}, fault.Bug, "the limit is"},
		{"giant last state", mergeSet(), []any{connector.Done{State: many, Rows: counts(0)}}, fault.Bug, "the limit is"},
		{"state missing", mergeSet(), []any{schema("orders"), r, done(3, "")}, fault.Bug, "no state to go on from"},
		{"rows without schema", mergeSet(), []any{r}, fault.Bug, "under schema 1, the newest is 0"},
		{"rows of an old schema", mergeSet(), []any{schema("orders"), two, r}, fault.Bug, "under schema 1, the newest is 2"},
		{"rows of a coming schema", mergeSet(), []any{schema("orders"), rows{stream: "orders", n: 1, epoch: 2}, two}, fault.Bug, "under schema 2"},
		{"schema again", mergeSet(), []any{two, schema("orders")}, fault.Bug, "epoch 1 after epoch 2"},
		{"schema of a stranger", mergeSet(), []any{schema("people")}, fault.Bug, `"people"`},
		{"rows of a stranger", mergeSet(), []any{rows{stream: "people", n: 1}}, fault.Bug, `"people"`},
		{"boundary of a stranger", mergeSet(), []any{begin("people")}, fault.Bug, `"people"`},
		{"rejects of a stranger", mergeSet(), []any{connector.Issue{Stream: "people", Count: 1, Rejected: true}}, fault.Bug, `"people"`},
		{"end of a stranger", mergeSet(), []any{connector.StreamDone{Stream: "people"}}, fault.Bug, `"people"`},
		{"unknown operation", mergeSet(), []any{schema("orders"), rows{stream: "orders", n: 1, op: "truncate"}}, fault.Bug, "truncate"},
		{"stream ends twice", mergeSet(), []any{connector.StreamDone{Stream: "orders", Complete: true}, connector.StreamDone{Stream: "orders", Complete: true}}, fault.Bug, "ends twice"},
		{"stream end counts wrong", mergeSet(), []any{connector.StreamDone{Stream: "orders", Rows: 1, Complete: true}}, fault.Transient, "its end counts 1"},
		{"stream says incomplete", mergeSet(), []any{connector.StreamDone{Stream: "orders"}, done(0, "s")}, fault.Transient, "the connector says so"},
		{"rows after the stream's end", mergeSet(), []any{schema("orders"), connector.StreamDone{Stream: "orders", Complete: true}, r}, fault.Bug, "after its end"},
		{"schema after the stream's end", mergeSet(), []any{connector.StreamDone{Stream: "orders", Complete: true}, schema("orders")}, fault.Bug, "after its end"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, c.script)
				result := w.runner().Run(t.Context(), c.set)
				if w.seq != 0 || result.Status != ingest.Failed || fault.CodeOf(result.Err) != c.code || !strings.Contains(result.Err.Error(), c.want) {
					t.Errorf("%d publications, %s: %v; want %s with %q", w.seq, result.Status, result.Err, c.code, c.want)
				}
				if !w.cursor.IsZero() || strings.Contains(strings.Join(w.log, "\n"), "ack") {
					t.Errorf("cursor %v, log %v", w.cursor, w.log)
				}
				if opened, closed := strings.Count(strings.Join(w.log, "\n"), "draft "), strings.Count(strings.Join(w.log, "\n"), "discard"); closed == 0 || opened != closed {
					t.Errorf("drafts are left: %v", w.log)
				}
			})
		})
	}
}

// What a connector sends after its end is never looked at: it cannot publish a second time.
func TestDoneTwicePublishesOnce(t *testing.T) {
	w := newWorld(t, append(whole(2), done(2, ""), rows{stream: "orders", n: 5}))
	result := w.runner().Run(t.Context(), replaceSet())
	if result.Status != ingest.Published || w.seq != 1 || w.rows["shop.orders"] != 2 {
		t.Errorf("%s, %d publications of %d rows", result.Status, w.seq, w.rows["shop.orders"])
	}
}

// An incremental read with nothing new may have no state; the cursor stays.
func TestNothingNewKeepsTheCursor(t *testing.T) {
	w := newWorld(t, []any{schema("orders"), done(0, "")})
	w.cursor = state("where we were")
	result := w.runner().Run(t.Context(), mergeSet())
	if result.Err != nil || string(w.cursor.Data) != "where we were" || strings.Contains(strings.Join(w.log, "\n"), "checkpoint") {
		t.Errorf("%v, cursor %s, %v", result.Err, w.cursor.Data, w.log)
	}
}

// A state in an earlier checkpoint is the state of a run whose end names none.
func TestLastCheckpointIsTheState(t *testing.T) {
	w := newWorld(t, []any{schema("orders"), rows{stream: "orders", n: 1}, mark(1, 1, "here", false), connector.Checkpoint{ID: 2, Rows: counts(1)}, done(1, "")})
	result := w.runner().Run(t.Context(), mergeSet())
	if result.Err != nil || string(w.cursor.Data) != "here" || !strings.Contains(strings.Join(w.log, "\n"), "ack 2") {
		t.Errorf("%v, cursor %s, %v", result.Err, w.cursor.Data, w.log)
	}
}

package watch_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/config"
	"github.com/ai-data-analyst/broker/host/internal/ingest"
	"github.com/ai-data-analyst/broker/host/internal/lake"
	"github.com/ai-data-analyst/broker/host/internal/parquet"
	"github.com/ai-data-analyst/broker/host/internal/store"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
)

// secret are the names that Bob must never read anywhere.
var secret = []string{"salaries", "pay_slips", "people"}

// fill gives the house a night: the shop was published, salaries failed, one run of both failed, and more.
func fill(t *testing.T) *house {
	h := newHouse(t)
	h.tables = []config.TableDefinition{{Folder: "shop", Name: "orders", Source: "keep", Stream: "orders"}, {Folder: "shop", Name: "later", Source: "keep", Stream: "later"},
		{Folder: "hr", Name: "salaries", Source: "people", Stream: "pay_slips"}}
	six := today.Add(-6 * time.Hour)
	h.run(t, store.Run{ID: "r1", Sync: "20261125t060000-aaaaaa", Source: "keep", Status: "published", Generation: 1, Started: six}, store.RunTable{Name: "shop.orders", Rows: 10, Added: 10, Bytes: 99})
	h.publish("shop.orders", "r1", six.Add(time.Minute), lake.Version{Rows: 10, Bytes: 99})
	h.run(t, store.Run{ID: "r2", Sync: "20261125t060000-aaaaaa", Source: "people", Status: "failed", Started: six, Code: "data", Message: "pay_slips: row 7 of hr.salaries is text", Help: "mend pay_slips"},
		store.RunTable{Name: "hr.salaries"})
	h.run(t, store.Run{ID: "r3", Sync: "20261125t060000-aaaaaa", Source: "keep", Status: "failed", Started: six, Code: "data", Message: "hr.salaries stands in the way", Help: "ask for salaries"},
		store.RunTable{Name: "shop.mixed"}, store.RunTable{Name: "hr.salaries"})
	h.run(t, store.Run{ID: "r4", Sync: "20261125t070000-bbbbbb", Source: "people", Status: "published", Generation: 2, Started: six.Add(time.Hour)}, store.RunTable{Name: "hr.salaries", Rows: 5})
	h.publish("hr.salaries", "r4", six.Add(time.Hour), lake.Version{Rows: 5})
	h.run(t, store.Run{ID: "r5", Sync: "20261125t080000-cccccc", Source: "people", Status: "failed", Started: six.Add(2 * time.Hour), Code: "auth", Message: "source people refused the token"})
	h.run(t, store.Run{ID: "r6", Sync: "20261125t090000-dddddd", Source: "keep", Status: "failed", Generation: 3, Started: six.Add(3 * time.Hour), Code: "transient", Message: "the line broke", Help: "wait"},
		store.RunTable{Name: "shop.parts", Added: 4})
	h.publish("shop.parts", "r6", six.Add(3*time.Hour), lake.Version{Rows: 4})
	h.run(t, store.Run{ID: "r7", Sync: "20261125t115900-eeeeee", Source: "keep", Status: store.Running, Started: today.Add(-time.Minute)}, store.RunTable{Name: "shop.orders"}, store.RunTable{Name: "shop.lines"})
	h.held = []lake.HeldSet{{Root: "shop.stock", RunID: "r8", Since: six, Reason: "shop.stock lost half of its rows, as did hr.salaries", Tables: []lake.TableResult{{Name: "shop.stock", Rows: 40}}}}
	h.run(t, store.Run{ID: "r8", Sync: "20261125t060000-aaaaaa", Source: "keep", Status: "held", Started: six}, store.RunTable{Name: "shop.stock", Rows: 40})
	h.publish("shop.stock", "r0", six.Add(-24*time.Hour), lake.Version{Rows: 100, Source: "keep"})
	return h
}

func statesOf(t *testing.T, h *house, who sdk.Caller) (api.States, map[string]api.TableState) {
	t.Helper()
	states, err := h.States(t.Context(), who)
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]api.TableState{}
	for i, s := range states.Tables {
		byName[s.Name] = s
		if i > 0 && states.Tables[i-1].Name >= s.Name {
			t.Errorf("%s comes after %s", s.Name, states.Tables[i-1].Name)
		}
	}
	return states, byName
}

// nothingOf fails when the JSON form of what Bob was told holds a name that is not his.
func nothingOf(t *testing.T, told any) {
	t.Helper()
	text, err := json.Marshal(told)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range secret {
		if strings.Contains(strings.ToLower(string(text)), name) {
			t.Errorf("%q stands in %s", name, text)
		}
	}
}

func TestG12_StatesAreNarrowed(t *testing.T) {
	h := fill(t)
	all, tables := statesOf(t, h, ada())
	for name, word := range map[string]string{"shop.orders": "syncing", "shop.lines": "syncing", "shop.later": "never", "shop.mixed": "failed", "shop.parts": "partial", "shop.stock": "held", "hr.salaries": "failed"} {
		if tables[name].State != word {
			t.Errorf("%s is %q, want %q", name, tables[name].State, word)
		}
	}
	if len(all.Tables) != 7 || all.Generation != 4 {
		t.Errorf("%d tables of generation %d", len(all.Tables), all.Generation)
	}
	if s := tables["hr.salaries"]; s.Message != "source people refused the token" || s.Run != "20261125t080000-cccccc" {
		t.Errorf("a refused source: %+v", s)
	}
	if s := tables["shop.stock"]; s.Held == nil || s.Held.Rows != 40 || s.Held.Before != 100 || s.Run != "20261125t060000-aaaaaa" || s.Source != "keep" {
		t.Errorf("held: %+v", s)
	}
	if s := tables["shop.orders"]; s.NextAt != "2026-11-26T06:00:00Z" || s.CheckedAt != "2026-11-25T06:01:00Z" || s.Schedule != "0 6 * * *" {
		t.Errorf("orders: %+v", s)
	}
	bobs, tables := statesOf(t, h, bob())
	nothingOf(t, bobs)
	if len(bobs.Tables) != 6 || bobs.PublishedAt != "2026-11-25T09:00:00Z" {
		t.Errorf("Bob: %d tables, published at %s", len(bobs.Tables), bobs.PublishedAt)
	}
	if s := tables["shop.mixed"]; !strings.Contains(s.Message, "not yours to see") {
		t.Errorf("a failure of more than Bob's tables: %+v", s)
	}
	if s := tables["shop.stock"]; !strings.Contains(s.Held.Reason, "shop.stock lost half") || strings.Contains(s.Held.Reason, "salaries") {
		t.Errorf("held, as Bob reads it: %q", s.Held.Reason)
	}
	if none, _ := statesOf(t, h, carl()); len(none.Tables) != 0 || none.PublishedAt != "" {
		t.Errorf("Carl sees %+v", none)
	}
}

func TestStatesFollowTheJournal(t *testing.T) {
	h := fill(t)
	if _, tables := statesOf(t, h, bob()); tables["shop.orders"].State != "syncing" {
		t.Fatal("not syncing")
	}
	end := store.Run{ID: "r7", Status: "unchanged", Attempts: 1, Finished: today, Tables: []store.RunTable{{Name: "shop.orders", Status: "unchanged"}, {Name: "shop.lines", Status: "unchanged"}}}
	if err := h.store.Runs().Finish(t.Context(), end); err != nil {
		t.Fatal(err)
	}
	h.forward(2 * time.Second)
	_, tables := statesOf(t, h, bob())
	if s := tables["shop.orders"]; s.State != "unchanged" || s.Days[29].Runs != 2 || s.Days[29].Added != 10 {
		t.Errorf("%+v", s)
	}
	// A run whose end is written later than that of one that ended after it is not lost.
	h.run(t, store.Run{ID: "late", Sync: "s", Source: "keep", Status: "failed", Started: today.Add(-80 * time.Second), Message: "late"}, store.RunTable{Name: "shop.other"})
	h.forward(2 * time.Second)
	if _, tables = statesOf(t, h, bob()); tables["shop.other"].State != "failed" || tables["shop.orders"].Days[29].Runs != 2 {
		t.Errorf("%+v", tables["shop.other"])
	}
}

func TestG12_RunsAreNarrowed(t *testing.T) {
	h := fill(t)
	list := func(who sdk.Caller, f api.RunFilter) api.Runs {
		t.Helper()
		runs, err := h.Runs(t.Context(), who, f)
		if err != nil {
			t.Fatal(err)
		}
		return runs
	}
	names := func(runs api.Runs) string {
		var all []string
		for _, r := range runs.Runs {
			all = append(all, r.Run[16:]+":"+r.Status+":"+fmt.Sprint(len(r.Tables)))
		}
		return strings.Join(all, " ")
	}
	bobs := list(bob(), api.RunFilter{})
	nothingOf(t, bobs)
	for _, c := range []struct {
		who    sdk.Caller
		filter api.RunFilter
		want   string
	}{
		{ada(), api.RunFilter{}, "eeeeee:running:2 dddddd:failed:1 cccccc:failed:1 bbbbbb:published:1 aaaaaa:failed:5"},
		{bob(), api.RunFilter{}, "eeeeee:running:2 dddddd:failed:1 aaaaaa:failed:3"},
		{bob(), api.RunFilter{Limit: 2}, "eeeeee:running:2 dddddd:failed:1"},
		{bob(), api.RunFilter{Before: "20261125t090000-dddddd"}, "aaaaaa:failed:3"},
		{bob(), api.RunFilter{Source: "people"}, ""},
		{ada(), api.RunFilter{Source: "people"}, "cccccc:failed:1 bbbbbb:published:1 aaaaaa:failed:5"},
		{bob(), api.RunFilter{Table: "hr.salaries"}, ""},
		{ada(), api.RunFilter{Table: "hr.salaries"}, "bbbbbb:published:1 aaaaaa:failed:5"},
		{bob(), api.RunFilter{Status: "running"}, "eeeeee:running:2"},
		{bob(), api.RunFilter{Status: "failed"}, "dddddd:failed:1 aaaaaa:failed:3"},
		{bob(), api.RunFilter{Status: "published"}, ""},
		{bob(), api.RunFilter{Table: "' OR 1=1 --"}, ""},
		{carl(), api.RunFilter{}, ""},
	} {
		if got := names(list(c.who, c.filter)); got != c.want {
			t.Errorf("%s %+v:\ngot  %s\nwant %s", c.who.User.ID, c.filter, got, c.want)
		}
	}
	if first := list(ada(), api.RunFilter{Limit: 1}); first.Next != "20261125t115900-eeeeee" {
		t.Errorf("next is %q", first.Next)
	}
	if last := list(ada(), api.RunFilter{Limit: 5}); last.Next != "" && len(list(ada(), api.RunFilter{Before: last.Next}).Runs) != 0 {
		t.Errorf("after the last: %+v", last.Next)
	}
	for entry, reason := range map[string]string{"keep": "the previous run of hr.salaries is still going", "people": "missed while stopped"} {
		if _, err := h.store.Ticks().Record(t.Context(), entry, today.Add(-2*time.Hour), reason, today); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := h.store.Ticks().Record(t.Context(), "keep", today.Add(-3*time.Hour), "the schedule begins here", today); err != nil {
		t.Fatal(err)
	}
	bobs = list(bob(), api.RunFilter{})
	nothingOf(t, bobs)
	if want := []api.Skip{{Source: "keep", DueAt: "2026-11-25T10:00:00Z", Reason: "the previous run of another table is still going"}}; !reflect.DeepEqual(bobs.Skipped, want) {
		t.Errorf("skipped: %+v", bobs.Skipped)
	}
	if got := list(ada(), api.RunFilter{}).Skipped; len(got) != 2 {
		t.Errorf("skipped, for Ada: %+v", got)
	}
	for _, f := range []api.RunFilter{{Before: "20261125t090000-dddddd"}, {Status: "failed"}, {Table: "shop.orders"}, {Limit: 1}} {
		if got := list(ada(), f).Skipped; len(got) != 0 {
			t.Errorf("skipped with %+v: %+v", f, got)
		}
	}
	run, err := h.Run(t.Context(), bob(), "20261125t060000-aaaaaa")
	nothingOf(t, run)
	if err != nil || len(run.Tables) != 3 || run.EndedAt != "2026-11-25T06:01:00.000Z" || run.Source != "keep" {
		t.Errorf("%+v, %v", run, err)
	}
	h.held[0].RunID = "later"
	h.forward(2 * time.Second)
	if run, err = h.Run(t.Context(), bob(), "20261125t060000-aaaaaa"); err != nil || run.Tables[2].Name != "shop.stock" || run.Tables[2].Status != "held" || !strings.Contains(run.Tables[2].Message, "waits no longer") {
		t.Errorf("replaced: %+v, %v", run, err)
	}
	h.publish("shop.stock", "r8", today, lake.Version{Rows: 40})
	h.forward(2 * time.Second)
	if run, err = h.Run(t.Context(), bob(), "20261125t060000-aaaaaa"); err != nil || run.Tables[2].Status != "published" || run.Tables[2].Generation != 5 {
		t.Errorf("accepted: %+v, %v", run, err)
	}
	for _, id := range []string{"20261125t070000-bbbbbb", "20261125t080000-cccccc", "no such", ""} {
		if _, err := h.Run(t.Context(), bob(), id); fault.CodeOf(err) != fault.NotFound {
			t.Errorf("run %q for Bob: %v", id, err)
		}
	}
}

func TestHistory(t *testing.T) {
	h := newHouse(t)
	column := func(id int, name string, kind sdk.TypeID) parquet.Column {
		return parquet.Column{ID: id, Name: name, Type: sdk.Type{ID: kind}}
	}
	a, b, c := lake.Part{SHA256: "a", Bytes: 1}, lake.Part{SHA256: "b", Bytes: 20}, lake.Part{SHA256: "c", Bytes: 300}
	first := []parquet.Column{column(1, "id", sdk.Int64), column(2, "price", sdk.Int32), column(3, "old", sdk.String)}
	second := []parquet.Column{column(1, "id", sdk.Int64), column(2, "amount", sdk.Int64), column(4, "coupon_code", sdk.String)}
	h.publish("shop.orders", "r1", today, lake.Version{Rows: 1, Bytes: 1, Parts: []lake.Part{a}, Columns: first})
	h.publish("shop.orders", "r2", today.Add(time.Hour), lake.Version{Rows: 2, Bytes: 21, Parts: []lake.Part{a, b}, Columns: first, Key: []string{"id"}})
	h.publish("shop.orders", "r2", today.Add(2*time.Hour), lake.Version{Rows: 3, Bytes: 320, Parts: []lake.Part{b, c}, Columns: first, Key: []string{"id"}})
	h.publish("shop.orders", "r3", today.Add(3*time.Hour), lake.Version{Rows: 3, Bytes: 320, Parts: []lake.Part{b, c}, Columns: second, Key: []string{"id"}})
	for _, id := range []string{"r1", "r2", "r3"} {
		h.run(t, store.Run{ID: id, Sync: "s", Source: "keep", Status: "published", Started: today}, store.RunTable{Name: "shop.orders", Added: 7, Updated: 8, Deleted: 9})
	}
	n := func(n int64) *int64 { return &n }
	want := []api.Version{
		{Generation: 4, PublishedAt: "2026-11-25T15:00:00Z", Rows: 3, Bytes: 320, Parts: 2, Added: n(7), Updated: n(8), Deleted: n(9),
			Schema: []string{"column amount renamed, was price", "column amount BIGINT, was INTEGER", "column coupon_code VARCHAR added", "column old removed"}},
		{Generation: 3, PublishedAt: "2026-11-25T14:00:00Z", Rows: 3, Bytes: 320, Parts: 2, NewParts: 1, NewBytes: 300},
		{Generation: 2, PublishedAt: "2026-11-25T13:00:00Z", Rows: 2, Bytes: 21, Parts: 2, NewParts: 1, NewBytes: 20, Schema: []string{"primary key id, was none"}},
		{Generation: 1, PublishedAt: "2026-11-25T12:00:00Z", Rows: 1, Bytes: 1, Parts: 1, NewParts: 1, NewBytes: 1, Added: n(7), Updated: n(8), Deleted: n(9)},
	}
	for range 2 { // the second answer is the one that is kept
		got, err := h.History(t.Context(), bob(), "shop.orders", 0)
		if err != nil || !reflect.DeepEqual(got.Versions, want) {
			text, _ := json.MarshalIndent(got, "", " ")
			t.Fatalf("%v\n%s", err, text)
		}
	}
	if got, err := h.History(t.Context(), bob(), "shop.orders", 2); err != nil || len(got.Versions) != 2 || got.Versions[1].NewParts != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := h.History(t.Context(), carl(), "shop.orders", 0); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("Carl: %v", err)
	}
	delete(h.versions, 1)
	if got, err := h.History(t.Context(), bob(), "shop.orders", 0); err != nil || len(got.Versions) != 4 { // it was read before it expired
		t.Errorf("%d versions, %v", len(got.Versions), err)
	}
	h.publish("shop.gone", "r9", today, lake.Version{})
	h.publish("shop.gone", "r9", today, lake.Version{Rows: 1, Parts: []lake.Part{a}})
	delete(h.versions, 5)
	if got, err := h.History(t.Context(), bob(), "shop.gone", 0); err != nil || len(got.Versions) != 1 || got.Versions[0].NewParts != 1 {
		t.Errorf("after an expired one: %+v, %v", got, err)
	}
}

// following runs what tells of progress until the test ends.
func following(t *testing.T, h *house) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- h.Follow(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	until(t, func() bool { h.mu.Lock(); defer h.mu.Unlock(); return h.watcher != nil })
}

func until(t *testing.T, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it did not come")
		}
	}
}

func TestProgressIsTold(t *testing.T) {
	h := fill(t)
	following(t, h)
	for i := range 10_000 { // far more than may be told
		h.watcher(ingest.Progress{Run: "r7", Source: "keep", Table: "shop.orders", Phase: "reading", Rows: int64(i), Done: uint64(i), Total: 20_000})
	}
	until(t, func() bool { h.mu.Lock(); defer h.mu.Unlock(); return len(h.events) > 0 })
	h.watcher(ingest.Progress{Table: "shop.orders", Phase: "published"})
	var last *api.Progress
	until(t, func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		last = h.events[len(h.events)-1].Progress
		return last.Phase == "published"
	})
	h.mu.Lock()
	defer h.mu.Unlock()
	if last.Run != "20261125t115900-eeeeee" || last.Rows != 9999 || last.Source != "keep" || last.EndsAt != "" || len(h.events) > 10 {
		t.Errorf("%+v after %d events", last, len(h.events))
	}
	for _, e := range h.events {
		if e.Name != "run.progress" || e.Generation != 0 || len(e.Tables) != 1 || string(e.Tables[0]) != e.Progress.Table {
			t.Errorf("%+v", e)
		}
	}
	h.watcher(ingest.Progress{Table: "shop.never_began", Phase: "skipped"})
}

func TestSyncAndDecide(t *testing.T) {
	h := fill(t)
	if _, err := h.Sync(t.Context(), ada(), nil); fault.CodeOf(err) != fault.Transient {
		t.Errorf("before it runs: %v", err)
	}
	following(t, h)
	answer := make(chan error)
	h.syncs = func(context.Context, string, []string) error { return <-answer }
	if _, err := h.Sync(t.Context(), bob(), nil); fault.CodeOf(err) != fault.Permission {
		t.Errorf("Bob: %v", err)
	}
	for _, name := range []string{"nobody", "nobody.orders", "", "keep' OR 1"} {
		if _, err := h.Sync(t.Context(), ada(), []string{name}); fault.CodeOf(err) != fault.Config {
			t.Errorf("%q: %v", name, err)
		}
	}
	id, err := h.Sync(t.Context(), ada(), []string{"keep", "keep.orders", "shop.orders"})
	if err != nil {
		t.Fatal(err)
	}
	if run, err := h.Run(t.Context(), ada(), id); err != nil || run.Status != "running" || run.Source != "keep, keep.orders, shop.orders" {
		t.Errorf("%+v, %v", run, err)
	}
	if _, err := h.Run(t.Context(), bob(), id); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("Bob: %v", err)
	}
	answer <- errors.Join(fault.New(fault.Auth, "the token is refused").WithHelp("set another"))
	until(t, func() bool {
		run, err := h.Run(t.Context(), ada(), id)
		return err == nil && run.Status == "failed" && run.Tables[0].Message == "the token is refused" && run.Tables[0].Help == "set another"
	})
	if err := h.Decide(t.Context(), ada(), "shop.stock", true); err != nil {
		t.Error(err)
	}
	if err := h.Decide(t.Context(), ada(), "shop.stock", false); err != nil {
		t.Error(err)
	}
	if err := h.Decide(t.Context(), bob(), "shop.stock", true); fault.CodeOf(err) != fault.Permission {
		t.Errorf("Bob: %v", err)
	}
	if got := strings.Join(h.done, ", "); got != "accept shop.stock, discard shop.stock" {
		t.Errorf("done: %s", got)
	}
}

// Five thousand tables are one picture for everybody, and its parts are narrowed for each.
func TestManyTables(t *testing.T) {
	h := newHouse(t)
	h.sources = h.sources[:1]
	const many = 5000
	for i := range many {
		name := sdk.TableName(fmt.Sprintf("shop.t%04d", i))
		if i%2 == 1 {
			name = sdk.TableName(fmt.Sprintf("hr.t%04d", i))
		}
		h.publish(name, "r", today.Add(-time.Hour), lake.Version{Rows: 1, Source: "keep"})
	}
	if all, _ := statesOf(t, h, ada()); len(all.Tables) != many || all.Tables[0].State != "fresh" || all.Tables[0].Source != "keep" {
		t.Errorf("%d tables, %+v", len(all.Tables), all.Tables[0])
	}
	if bobs, _ := statesOf(t, h, bob()); len(bobs.Tables) != many/2 {
		t.Errorf("Bob: %d tables", len(bobs.Tables))
	}
}

package lake_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-data-analyst/broker/host/internal/lake"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// A replace from the first batch to what readers see: rows, cursor, figures, modes of files.
func TestReplace(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t)
	p := w.sync(t, "run-1", spec(orders, "replace"), "c1", rows(0, 100)...)
	want := lake.Publication{RunID: "run-1", Seq: 1, Published: p.Published, Status: lake.Published,
		Tables: []lake.TableResult{{Name: orders, Status: lake.Published, Rows: 100, Added: 100, Bytes: p.Tables[0].Bytes, Parts: 1}}}
	if diff := cmp.Diff(want, p); diff != "" {
		t.Fatalf("publication (-want +got):\n%s", diff)
	}
	v, err := w.Current(ctx, orders)
	must(t, err)
	if v.Seq != 1 || v.Rows != 100 || v.RunID != "run-1" || v.Source != "demo" || v.Watermark != "c1" {
		t.Errorf("version %+v", v)
	}
	cursor, err := w.Cursor(ctx, orders)
	must(t, err)
	if diff := cmp.Diff(at("c1"), cursor); diff != "" {
		t.Errorf("cursor (-want +got):\n%s", diff)
	}
	info, err := w.depot(t).Stat(w.URL(v.Parts[0]))
	must(t, err)
	if info.Mode().Perm() != 0o444 || info.Size() != v.Parts[0].Bytes {
		t.Errorf("part has mode %v and %d bytes", info.Mode(), info.Size())
	}
	settled, err := w.Settled(ctx, "run-1")
	must(t, err)
	if settled.Seq != 1 || settled.Status != lake.Published || len(settled.Tables) != 1 {
		t.Errorf("settled: %+v", settled)
	}
	if left, err := os.ReadDir(filepath.Join(w.options.Dir, "drafts")); err != nil || len(left) > 0 {
		t.Errorf("drafts: %v, %v", left, err)
	}
}

// Decision 2: the same rows again make no generation; a cursor alone moves without one.
func TestUnchanged(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t)
	w.sync(t, "run-1", spec(orders, "replace"), "c1", rows(0, 100)...)
	p := w.sync(t, "run-2", spec(orders, "replace"), "c1", rows(0, 100)...)
	if p.Status != lake.Unchanged || p.Seq != 0 || p.Tables[0].Status != lake.Unchanged || p.Tables[0].Rows != 100 {
		t.Errorf("same rows: %+v", p)
	}
	p = w.sync(t, "run-3", spec(orders, "replace"), "c2", rows(0, 100)...)
	if p.Status != lake.Unchanged || p.Seq != 0 {
		t.Errorf("cursor only: %+v", p)
	}
	if cursor, err := w.Cursor(ctx, orders); err != nil || string(cursor.Data) != "c2" {
		t.Errorf("cursor %s, %v", cursor.Data, err)
	}
	generations, err := w.Generations(ctx, 0)
	must(t, err)
	if len(generations) != 1 {
		t.Errorf("%d generations", len(generations))
	}
	if parts := w.files(t, ".parquet"); len(parts) != 1 {
		t.Errorf("%d parts on disk", len(parts))
	}
	// The generation can still be read, though the table has a newer snapshot.
	g, err := w.Generation(ctx, 1)
	must(t, err)
	if g.Tables[0].Rows != 100 || string(g.Tables[0].Cursor.Data) != "c1" {
		t.Errorf("generation 1: %+v", g.Tables[0])
	}
}

// A full delivery right after a merge of the same rows makes no generation, though a merge leaves no digest of them.
func TestFullAfterMerge(t *testing.T) {
	w := newWorld(t)
	w.sync(t, "run-1", spec(orders, "merge"), "c1", rows(0, 100)...)
	full := spec(orders, "merge")
	full.Mode = "replace"
	if p := w.sync(t, "run-2", full, "c1", rows(0, 100)...); p.Status != lake.Unchanged {
		t.Errorf("the same rows in full: %+v", p)
	}
	if p := w.sync(t, "run-3", full, "c1", rows(0, 101)...); p.Status != lake.Published {
		t.Errorf("a row more: %+v", p)
	}
}

func TestMergeAndAppend(t *testing.T) {
	w := newWorld(t)
	w.sync(t, "run-1", spec(orders, "merge"), "c1", rows(0, 100)...)
	p := w.sync(t, "run-2", spec(orders, "merge"), "c2", row{id: 5, name: "new"}, row{id: 200, name: "more"})
	got := p.Tables[0]
	if got.Rows != 101 || got.Added != 1 || got.Updated != 1 || p.Seq != 2 {
		t.Errorf("merge: %+v", p)
	}
	d := w.draft(t, "run-3", spec(items, "append"))
	deliver(t, d, items, "append", rows(0, 10)...)
	must(t, d.Checkpoint(at("a"), ""))
	p, err := d.Publish(context.Background(), false)
	must(t, err)
	if p.Seq != 3 || p.Tables[0].Rows != 10 {
		t.Errorf("intermediate: %+v", p)
	}
	deliver(t, d, items, "append", rows(0, 10)...) // the very same rows again
	must(t, d.Checkpoint(at("b"), ""))
	p, err = d.Publish(context.Background(), true)
	must(t, err)
	if p.Seq != 4 || p.Tables[0].Rows != 20 || p.Tables[0].Added != 10 {
		t.Errorf("final: %+v", p)
	}
	settled, err := w.Settled(context.Background(), "run-3")
	must(t, err)
	if settled.Seq != 4 {
		t.Errorf("settled as %d", settled.Seq)
	}
}

// A parent and its child move together, and so do their rejected rows.
func TestGroupHasOneGeneration(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t)
	child := spec(items, "replace")
	child.Root, child.MaxRejects = false, -1
	d := w.draft(t, "run-1", spec(orders, "replace"), child)
	deliver(t, d, orders, "append", rows(0, 10)...)
	deliver(t, d, items, "append", rows(0, 30)...)
	must(t, d.Reject(items, 3, "name", "left out"))
	must(t, d.Checkpoint(at("c1"), ""))
	p, err := d.Publish(ctx, true)
	must(t, err)
	if p.Seq != 1 || len(p.Tables) != 3 {
		t.Fatalf("publication %+v", p)
	}
	g, err := w.Generation(ctx, 0)
	must(t, err)
	if diff := cmp.Diff([]sdk.TableName{items, items.Rejected(), orders}, g.Changed); diff != "" {
		t.Errorf("generation 1 changed (-want +got):\n%s", diff)
	}
	if c, err := w.Cursor(ctx, items); err != nil || !c.IsZero() {
		t.Errorf("the child has a cursor: %v, %v", c, err)
	}
	changed, err := w.ChangedSince(ctx, 0)
	must(t, err)
	if len(changed) != 1 || changed[0].RunID != "run-1" {
		t.Errorf("changed since 0: %+v", changed)
	}
}

func TestZeroRowsAreATable(t *testing.T) {
	w := newWorld(t)
	p := w.sync(t, "run-1", spec(orders, "replace"), "")
	if p.Seq != 1 || p.Tables[0].Rows != 0 || p.Tables[0].Parts != 1 {
		t.Fatalf("publication %+v", p)
	}
	if got := scan(t, w, orders); len(got) != 0 {
		t.Errorf("%d rows", len(got))
	}
	if got := duckdb(t, w, orders); len(got) != 0 {
		t.Errorf("%d rows", len(got))
	}
}

func TestIncompleteDeliveryIsNotPublished(t *testing.T) {
	w := newWorld(t)
	w.sync(t, "run-1", spec(orders, "replace"), "c1", rows(0, 100)...)
	d := w.draft(t, "run-2", spec(orders, "replace"))
	must(t, d.Schema(orders, columns, nil))
	must(t, d.Boundary(orders, false))
	if _, err := d.Publish(context.Background(), true); fault.CodeOf(err) != fault.Transient {
		t.Errorf("published: %v", err)
	}
	if v, err := w.Current(context.Background(), orders); err != nil || v.Rows != 100 {
		t.Errorf("rows %d, %v", v.Rows, err)
	}
}

// D10: a held publication changes nothing until a person decides.
func TestD10_HeldAcceptDiscard(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t)
	w.sync(t, "run-1", spec(orders, "replace"), "c1", rows(0, 3000)...)
	p := w.sync(t, "run-2", spec(orders, "replace"), "c2", rows(0, 10)...)
	if p.Status != lake.Held || p.Seq != 0 || p.Reason == "" || p.Tables[0].Rows != 3000 {
		t.Fatalf("publication %+v", p)
	}
	held, err := w.Held(ctx)
	must(t, err)
	if len(held) != 1 || held[0].Root != orders || held[0].RunID != "run-2" || held[0].Tables[0].Rows != 10 {
		t.Fatalf("held %+v", held)
	}
	if c, _ := w.Cursor(ctx, orders); string(c.Data) != "c1" {
		t.Errorf("the cursor moved to %s", c.Data)
	}
	if _, err := w.Expire(ctx); err != nil { // must not take the held parts
		t.Fatal(err)
	}
	p, err = w.Accept(ctx, orders)
	must(t, err)
	if p.Status != lake.Published || p.Tables[0].Rows != 10 {
		t.Fatalf("accepted: %+v", p)
	}
	if c, _ := w.Cursor(ctx, orders); string(c.Data) != "c2" {
		t.Errorf("the cursor is at %s", c.Data)
	}
	if _, err := w.Accept(ctx, orders); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("accepted twice: %v", err)
	}

	p = w.sync(t, "run-3", spec(orders, "replace"), "c3")
	if p.Status != lake.Held {
		t.Fatalf("publication %+v", p)
	}
	must(t, w.DiscardHeld(ctx, orders))
	if held, _ := w.Held(ctx); len(held) != 0 {
		t.Errorf("still held: %+v", held)
	}
	// A later good run settles what is held by itself.
	w.sync(t, "run-4", spec(orders, "replace"), "c4")
	p = w.sync(t, "run-5", spec(orders, "replace"), "c5", rows(0, 20)...)
	if held, _ := w.Held(ctx); len(held) != 0 || p.Status != lake.Published {
		t.Errorf("still held: %+v, %+v", held, p)
	}
}

// C23: a table is written by one run at a time; the other learns by whom.
func TestC23_Leases(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t)
	first := w.draft(t, "run-1", spec(orders, "replace"))
	_, err := w.Draft(ctx, lake.RunInfo{ID: "run-2", Holder: "other"}, []lake.Spec{spec(items, "replace"), {Name: orders, Mode: "replace"}})
	f, ok := fault.As(err)
	if !ok || f.Code != fault.Transient || f.Scope != string(orders) {
		t.Fatalf("second draft: %v", err)
	}
	free := w.draft(t, "run-3", spec(items, "replace")) // the refused draft took nothing
	must(t, free.Discard())

	// After its lease ran out another run takes the table; the first can publish no more.
	w.now = w.now.Add(2 * time.Hour)
	second := w.draft(t, "run-4", spec(orders, "replace"))
	deliver(t, second, orders, "append", rows(0, 5)...)
	_, err = second.Publish(ctx, true)
	must(t, err)
	must(t, first.Schema(orders, columns, nil))
	must(t, first.Boundary(orders, false))
	must(t, first.Boundary(orders, true))
	if _, err := first.Publish(ctx, true); fault.CodeOf(err) != fault.Transient {
		t.Errorf("the first run published all the same: %v", err)
	}
	if v, _ := w.Current(ctx, orders); v.Rows != 5 {
		t.Errorf("%d rows", v.Rows)
	}
}

func TestRollback(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t)
	w.sync(t, "run-1", spec(orders, "merge"), "c1", rows(0, 10)...)
	w.sync(t, "run-2", spec(items, "append"), "i1", rows(0, 3)...)
	w.sync(t, "run-3", spec(orders, "merge"), "c2", rows(5, 20)...)
	want := scan(t, w, orders)
	p, err := w.Rollback(ctx, 2)
	must(t, err)
	if p.Seq != 4 || len(p.Tables) != 1 || p.Tables[0].Rows != 10 {
		t.Fatalf("rollback: %+v", p)
	}
	if c, _ := w.Cursor(ctx, orders); string(c.Data) != "c1" {
		t.Errorf("cursor %s", c.Data)
	}
	if diff := cmp.Diff(rows(0, 10), scan(t, w, orders), cmp.AllowUnexported(row{})); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	p, err = w.Rollback(ctx, 3, orders) // and forward again
	must(t, err)
	if diff := cmp.Diff(want, scan(t, w, orders), cmp.AllowUnexported(row{})); diff != "" || p.Seq != 5 {
		t.Errorf("seq %d, rows (-want +got):\n%s", p.Seq, diff)
	}
	if c, _ := w.Cursor(ctx, orders); string(c.Data) != "c2" {
		t.Errorf("cursor %s", c.Data)
	}
	for _, n := range []int64{0, 9, -1} {
		if _, err := w.Rollback(ctx, n); fault.CodeOf(err) != fault.NotFound {
			t.Errorf("rollback to %d: %v", n, err)
		}
	}
	// To what is current already: nothing is published, whatever the generation is called and whoever asks.
	for _, tables := range [][]sdk.TableName{nil, {orders}, {orders, items}} {
		for _, n := range []int64{5, 3} {
			if p, err := w.Rollback(ctx, n, tables...); err != nil || p.Status != lake.Unchanged || p.Seq != 0 {
				t.Errorf("rollback to now, %d: %+v, %v", n, p, err)
			}
		}
	}
	for range 2 {
		if _, err := w.Rollback(ctx, 1, orders); err != nil {
			t.Fatal(err)
		}
	}
	if g, err := w.Generation(ctx, 0); err != nil || g.Seq != 6 {
		t.Errorf("after two rollbacks to one generation: %d, %v", g.Seq, err)
	}
}

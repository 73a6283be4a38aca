package lake_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/host/internal/lake"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

func (w *world) names(t testing.TB, generation int64) (names []sdk.TableName) {
	t.Helper()
	g, err := w.Generation(context.Background(), generation)
	must(t, err)
	for _, v := range g.Tables {
		names = append(names, v.Table)
	}
	return names
}

// I1: a dropped table is in no generation from then on, in all before, and comes back as it was.
func TestDrop(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t)
	w.sync(t, "run-1", spec(orders, "replace"), "a", rows(0, 50)...)
	w.sync(t, "run-2", spec(items, "append"), "b", rows(0, 5)...)
	p, err := w.Drop(ctx, orders)
	if err != nil || p.Status != lake.Published || p.Seq != 3 {
		t.Fatalf("%+v %v", p, err)
	}
	if _, err := w.Drop(ctx, orders); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("dropped twice: %v", err)
	}
	if _, err := w.Drop(ctx, "shop.nothing"); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("what was never there: %v", err)
	}
	for generation, want := range map[int64][]sdk.TableName{1: {orders}, 2: {items, orders}, 3: {items}} {
		if got := w.names(t, generation); !slices.Equal(got, want) {
			t.Errorf("generation %d has %v", generation, got)
		}
	}
	if changed, err := w.ChangedSince(ctx, 2); err != nil || len(changed) != 1 || !slices.Equal(changed[0].Changed, []sdk.TableName{orders}) {
		t.Errorf("changed: %+v %v", changed, err)
	}
	if oldest, err := w.Oldest(ctx, 0); err != nil || oldest != 1 {
		t.Errorf("the oldest is %d, %v", oldest, err)
	}
	if findings, err := w.Verify(ctx, true); err != nil || len(findings) > 0 {
		t.Errorf("%v %v", findings, err)
	}
	if _, err := w.Rollback(ctx, 2, orders); err != nil {
		t.Fatal(err)
	}
	v, err := w.Current(ctx, orders)
	if err != nil || v.Dropped || v.Rows != 50 || string(v.Cursor.Data) != "a" || !slices.Equal(w.names(t, 0), []sdk.TableName{items, orders}) {
		t.Errorf("brought back: %+v %v", v, err)
	}
}

// A run of a dropped table brings it back, with the same rows too.
func TestDropAndSyncAgain(t *testing.T) {
	for mode, last := range map[string][]row{"replace": rows(0, 50), "append": nil} {
		w := newWorld(t)
		w.sync(t, "run-1", spec(orders, mode), "a", rows(0, 50)...)
		if _, err := w.Drop(context.Background(), orders); err != nil {
			t.Fatal(err)
		}
		p := w.sync(t, "run-2", spec(orders, mode), "b", last...)
		v, err := w.Current(context.Background(), orders)
		if p.Status != lake.Published || err != nil || v.Rows != 50 || len(w.names(t, 0)) != 1 {
			t.Errorf("%s: %+v, %d rows, %v", mode, p, v.Rows, err)
		}
	}
}

// After retention the rows are gone, and a later run begins anew instead of going on behind rows that nobody has.
func TestDropIsForgottenAfterRetention(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t)
	w.sync(t, "run-1", spec(orders, "append"), "a", rows(0, 50)...)
	w.sync(t, "run-2", spec(items, "append"), "b", rows(0, 5)...)
	v, err := w.Current(ctx, orders)
	must(t, err)
	_, err = w.Drop(ctx, orders)
	must(t, err)
	w.now = w.now.Add(10 * 24 * time.Hour)
	_, err = w.Expire(ctx)
	must(t, err)
	if _, err := w.take(t, v.Parts[0]); err != nil {
		t.Errorf("within retention: %v", err)
	}
	w.now = w.now.Add(60 * 24 * time.Hour)
	for range 2 {
		_, err = w.Expire(ctx)
		must(t, err)
	}
	if _, err := w.take(t, v.Parts[0]); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("after retention: %v", err)
	}
	if oldest, err := w.Oldest(ctx, 0); err != nil || oldest != 3 {
		t.Errorf("the oldest is %d, %v", oldest, err)
	}
	if findings, err := w.Verify(ctx, true); err != nil || len(findings) > 0 {
		t.Errorf("%v %v", findings, err)
	}
	if c, err := w.Cursor(ctx, orders); err != nil || len(c.Data) > 0 {
		t.Errorf("the cursor is %q, %v", c.Data, err)
	}
	w.sync(t, "run-3", spec(orders, "append"), "c", rows(0, 7)...)
	if v, err := w.Current(ctx, orders); err != nil || v.Rows != 7 || len(w.names(t, 0)) != 2 {
		t.Errorf("%d rows, %v", v.Rows, err)
	}
}

// A catalog that is rebuilt from the metadata knows what was dropped.
func TestDropOutlivesTheDatabase(t *testing.T) {
	w := newWorld(t)
	w.sync(t, "run-1", spec(orders, "replace"), "a", rows(0, 50)...)
	w.sync(t, "run-2", spec(items, "append"), "b", rows(0, 5)...)
	_, err := w.Drop(context.Background(), orders)
	must(t, err)
	must(t, w.Close())
	w.newDatabase(t)
	if _, err := lake.Rebuild(context.Background(), w.options); err != nil {
		t.Fatal(err)
	}
	w.open(t)
	if got := w.names(t, 0); !slices.Equal(got, []sdk.TableName{items}) {
		t.Errorf("%v", got)
	}
	if got := w.names(t, 2); !slices.Equal(got, []sdk.TableName{items, orders}) {
		t.Errorf("generation 2: %v", got)
	}
}

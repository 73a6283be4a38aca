package lake_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Many small parts become few; no generation comes of it, older ones stay readable, and the next run goes on from there.
func TestExpireCompacts(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t)
	const n = 70
	for i := range int64(n) {
		w.sync(t, fmt.Sprint("run-", i), spec(orders, "append"), fmt.Sprint("c", i), rows(i*3, i*3+3)...)
		w.now = w.now.Add(time.Second)
	}
	before := scan(t, w, orders)
	_, err := w.Expire(ctx)
	must(t, err)
	v, err := w.Current(ctx, orders)
	must(t, err)
	if len(v.Parts) != 1 || v.Seq != n || string(v.Cursor.Data) != "c69" || v.Rows != n*3 {
		t.Errorf("%d parts, generation %d, cursor %s, %d rows", len(v.Parts), v.Seq, v.Cursor.Data, v.Rows)
	}
	if diff := cmp.Diff(before, scan(t, w, orders), cmp.AllowUnexported(row{})); diff != "" {
		t.Errorf("rows (-before +after):\n%s", diff)
	}
	g, err := w.Generation(ctx, 0)
	must(t, err)
	if g.Seq != n || len(g.Tables[0].Parts) != n {
		t.Errorf("generation %d has %d parts", g.Seq, len(g.Tables[0].Parts))
	}
	p := w.sync(t, "run-last", spec(orders, "append"), "c70", rows(n*3, n*3+3)...)
	if p.Seq != n+1 || p.Tables[0].Rows != n*3+3 || p.Tables[0].Parts != 2 {
		t.Errorf("next run: %+v", p)
	}
	if diff := cmp.Diff(rows(0, n*3+3), duckdb(t, w, orders), cmp.AllowUnexported(row{})); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if findings, err := w.Verify(ctx, true); err != nil || len(findings) > 0 {
		t.Errorf("verify: %v, %v", findings, err)
	}
}

package lake_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-data-analyst/broker/host/internal/lake"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// The database is lost: the start is refused and says what to do; rebuild brings back tables, cursors and generations.
func TestRebuild(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t)
	child := spec(items, "merge")
	child.Root = false
	for i := range int64(4) {
		d := w.draft(t, fmt.Sprint("run-", i), spec(orders, "merge"), child)
		deliver(t, d, orders, "upsert", rows(i*10, i*10+15)...)
		deliver(t, d, items, "upsert", rows(i*5, i*5+5)...)
		must(t, d.Checkpoint(at(fmt.Sprint("c", i)), fmt.Sprint(i)))
		_, err := d.Publish(ctx, true)
		must(t, err)
		must(t, d.Discard())
	}
	w.sync(t, "run-9", spec("shop.more", "replace"), strings.Repeat("m", 20_000), rows(0, 3)...)
	w.sync(t, "run-10", spec("shop.more", "replace"), "m2", rows(0, 3)...) // its cursor only
	before := w.state(t)

	w.newDatabase(t)
	_, err := lake.Open(ctx, w.options)
	if fault.CodeOf(err) != fault.Config || !strings.Contains(fault.HelpOf(err), "broker lake rebuild") {
		t.Fatalf("open with an empty database: %v; %s", err, fault.HelpOf(err))
	}
	g, err := lake.Rebuild(ctx, w.options)
	must(t, err)
	if g.Seq != 5 || len(g.Tables) != 3 {
		t.Errorf("rebuilt: %+v", g)
	}
	w.open(t)
	if diff := cmp.Diff(before, w.state(t)); diff != "" {
		t.Errorf("state (-before +after):\n%s", diff)
	}
	if findings, err := w.Verify(ctx, true); err != nil || len(findings) > 0 {
		t.Errorf("verify: %v, %v", findings, err)
	}
	if p := w.sync(t, "run-11", spec("shop.more", "replace"), "m3", rows(0, 9)...); p.Seq != 6 {
		t.Errorf("the next generation is %d", p.Seq)
	}
}

// state is what readers and runs see, in all generations.
func (w *world) state(t *testing.T) []string {
	t.Helper()
	ctx := context.Background()
	var all []string
	generations, err := w.Generations(ctx, 0)
	must(t, err)
	for _, g := range generations {
		whole, err := w.Generation(ctx, g.Seq)
		must(t, err)
		for _, v := range whole.Tables {
			all = append(all, fmt.Sprint(g.Seq, " ", g.RunID, " ", v.Table, " ", v.Seq, " ", v.Rows, " ", len(v.Parts), " ", string(v.Cursor.Data), " ", v.Key))
		}
	}
	tables, err := w.Tables(ctx)
	must(t, err)
	for _, v := range tables {
		all = append(all, fmt.Sprint(v.Table, " ", string(v.Cursor.Data), " ", v.Watermark, " ", v.Content, " ", v.Parts[0].SHA256))
	}
	return all
}

// A process died between writing the metadata of a set and its commit, and then the database was lost too.
func TestRebuildIgnoresHalfASet(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t)
	child := spec(items, "append")
	child.Root = false
	run := func(i int64, step func(string)) {
		w.options.Step = step
		w.open(t)
		d := w.draft(t, fmt.Sprint("run-", i), spec(orders, "append"), child)
		deliver(t, d, orders, "append", rows(i*5, i*5+5)...)
		deliver(t, d, items, "append", rows(i*5, i*5+5)...)
		must(t, d.Checkpoint(at(fmt.Sprint("c", i)), ""))
		defer func() { recover() }()
		_, err := d.Publish(ctx, true)
		must(t, err)
	}
	run(0, nil)
	written := 0
	run(1, func(name string) {
		if name == "after-metadata" {
			if written++; written == 1 {
				panic("the machine stops")
			}
		}
	})
	if n := len(w.files(t, ".metadata.json")); n != 3 {
		t.Fatalf("%d metadata files, want two and one of a half-written set", n)
	}
	w.options.Step = nil
	w.newDatabase(t)
	g, err := lake.Rebuild(ctx, w.options)
	must(t, err)
	if g.Seq != 1 || g.Tables[0].Rows != 5 || g.Tables[1].Rows != 5 {
		t.Errorf("rebuilt: generation %d, %+v", g.Seq, g.Tables)
	}
}

// A process died between writing metadata and its commit, the next one published under the same number without having
// been able to sweep, and then the database was lost: what was committed is the newer of the two.
func TestRebuildAfterACrash(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t)
	w.now = time.Now() // metadata of new tables has the machine's time
	w.sync(t, "run-1", spec(orders, "append"), "c1", rows(0, 5)...)
	w.options.Step = func(name string) {
		if name == "after-metadata" {
			panic("the machine stops")
		}
	}
	w.open(t)
	func() {
		defer func() { recover() }()
		w.sync(t, "run-2", spec(orders, "append"), "dead", rows(100, 105)...)
	}()
	before := w.files(t, ".metadata.json")
	if len(before) != 2 {
		t.Fatalf("%d metadata files, want one that was committed and one that was not", len(before))
	}
	orphans := map[string][]byte{}
	for _, f := range before {
		rel, err := filepath.Rel(w.options.Dir, f)
		must(t, err)
		orphans[filepath.ToSlash(rel)] = w.read(t, filepath.ToSlash(rel))
	}
	w.options.Step = nil
	w.now = w.now.Add(time.Second)
	w.open(t)
	w.sync(t, "run-3", spec(orders, "append"), "c3", rows(5, 9)...)
	for path, content := range orphans {
		w.put(t, path, content) // as if nothing had been swept
	}
	w.newDatabase(t)
	g, err := lake.Rebuild(ctx, w.options)
	must(t, err)
	if g.Seq != 2 || g.Tables[0].Rows != 9 || string(g.Tables[0].Cursor.Data) != "c3" {
		t.Errorf("rebuilt: generation %d, %d rows, cursor %s", g.Seq, g.Tables[0].Rows, g.Tables[0].Cursor.Data)
	}
}

// A database that knows less than the lake's metadata must not sweep what it does not know.
func TestOlderDatabaseIsRefused(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t)
	if w.options.Dialect != "sqlite" {
		t.Log("the copy below is SQLite's")
		return
	}
	w.sync(t, "run-1", spec(orders, "append"), "c1", rows(0, 5)...)
	older := filepath.Join(t.TempDir(), "older.db")
	_, err := w.options.DB.Exec(`VACUUM INTO ?`, older)
	must(t, err)
	for i := range int64(3) {
		w.sync(t, fmt.Sprint("run-", i+2), spec(orders, "append"), fmt.Sprint("c", i+2), rows(i*5+5, i*5+10)...)
	}
	w.options.DB = openSQLite(t, older)
	if _, err := lake.Open(ctx, w.options); fault.CodeOf(err) != fault.Config || !strings.Contains(fault.HelpOf(err), "rebuild") {
		t.Fatalf("open with an older database: %v", err)
	}
	if g, err := lake.Rebuild(ctx, w.options); err != nil || g.Seq != 4 || g.Tables[0].Rows != 20 {
		t.Errorf("rebuilt: %+v, %v", g, err)
	}
}

func TestAnotherLakesDatabase(t *testing.T) {
	ctx := context.Background()
	one, two := newWorld(t), newWorld(t)
	one.sync(t, "run-1", spec(orders, "append"), "", rows(0, 5)...)
	two.sync(t, "run-1", spec(orders, "append"), "", rows(0, 5)...)
	crossed := one.options
	crossed.DB = two.options.DB
	if _, err := lake.Open(ctx, crossed); fault.CodeOf(err) != fault.Config {
		t.Errorf("opened with another lake's database: %v", err)
	}
	empty := one.options
	empty.Dir = filepath.Join(t.TempDir(), "lake")
	if empty.URL != "" {
		empty.URL = bucketURL(t)
	}
	if _, err := lake.Open(ctx, empty); fault.CodeOf(err) != fault.Config {
		t.Errorf("opened an empty folder with a database that knows tables: %v", err)
	}
}

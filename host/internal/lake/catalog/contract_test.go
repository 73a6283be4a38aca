package catalog_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/iceberg-go"
	icecatalog "github.com/apache/iceberg-go/catalog"
	"github.com/apache/iceberg-go/table"
	"github.com/google/go-cmp/cmp"
	"modernc.org/sqlite"

	"github.com/ai-data-analyst/broker/host/internal/lake/catalog"
	"github.com/ai-data-analyst/broker/sdk"
)

const (
	orders = sdk.TableName("shop.orders")
	items  = sdk.TableName("shop.items")
)

var schema = iceberg.NewSchema(0, iceberg.NestedField{ID: 1, Name: "id", Type: iceberg.PrimitiveTypes.Int64})

// move makes the next empty snapshot of a table, from where it is now.
func move(t *testing.T, c *catalog.Catalog, name sdk.TableName, head bool) catalog.Move {
	t.Helper()
	location, err := c.Location(context.Background(), name.Namespace(), name.Table())
	if err != nil {
		t.Fatal(err)
	}
	var base table.Metadata
	sequence := int64(1)
	var parent *int64
	if location == "" {
		base, err = table.NewMetadata(schema, iceberg.UnpartitionedSpec, table.UnsortedSortOrder, c.Root+"/"+name.Namespace()+"/"+name.Table(), nil)
	} else {
		base, err = c.Metadata(location)
	}
	if err != nil {
		t.Fatal(err)
	}
	if current := base.CurrentSnapshot(); current != nil {
		sequence, parent = current.SequenceNumber+1, &current.SnapshotID
	}
	zero := 0
	return catalog.Move{Table: name, From: location, Base: base, Head: head, Rows: sequence, Snapshot: &table.Snapshot{
		SnapshotID: time.Now().UnixNano(), ParentSnapshotID: parent, SequenceNumber: sequence, TimestampMs: base.LastUpdatedMillis() + 1,
		ManifestList: c.Root + "/none.avro", SchemaID: &zero, Summary: &table.Summary{Operation: table.OpAppend, Properties: iceberg.Properties{"broker.run": "r"}}}}
}

func publish(t *testing.T, c *catalog.Catalog, run string, moves ...catalog.Move) catalog.Outcome {
	t.Helper()
	out, err := c.Publish(context.Background(), catalog.Publication{RunID: run, Moves: moves})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Several tables move in one generation, and every generation can be looked up.
func TestContract_Group(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		ctx := context.Background()
		c, now := newCatalog(t, d)
		if out := publish(t, c, "run-1", move(t, c, orders, true), move(t, c, items, true)); out.Seq != 1 || len(out.Locations) != 2 {
			t.Fatalf("outcome %+v", out)
		}
		now.at = now.at.Add(time.Hour)
		publish(t, c, "run-2", move(t, c, orders, true))
		publish(t, c, "run-3", move(t, c, items, false)) // a cursor alone
		var seqs []int64
		for n := range int64(4) {
			heads, err := c.HeadsAt(ctx, n)
			if err != nil {
				t.Fatal(err)
			}
			for _, h := range heads {
				seqs = append(seqs, h.Seq)
			}
		}
		if diff := cmp.Diff([]int64{1, 1, 1, 2, 1, 2}, seqs); diff != "" { // items, orders at 1; at 2; at 3 which is not there yet
			t.Errorf("heads (-want +got):\n%s", diff)
		}
		if seq, err := c.Seq(ctx); err != nil || seq != 2 {
			t.Errorf("newest generation %d, %v", seq, err)
		}
		loaded, err := c.LoadTable(ctx, table.Identifier{"shop", "orders"})
		if err != nil {
			t.Fatal(err)
		}
		summary := loaded.CurrentSnapshot().Summary.Properties
		if summary["broker.seq"] != "2" || summary["broker.group"] != "1" {
			t.Errorf("summary %v", summary)
		}
		loaded, err = c.LoadTable(ctx, table.Identifier{"shop", "items"})
		if err != nil {
			t.Fatal(err)
		}
		if _, has := loaded.CurrentSnapshot().Summary.Properties["broker.seq"]; has {
			t.Error("a cursor alone has a generation")
		}
		run, err := c.HeadsOfRun(ctx, "run-1")
		if err != nil || len(run) != 2 || !run[0].Published.Equal(now.at.Add(-time.Hour)) {
			t.Errorf("heads of run-1: %+v, %v", run, err)
		}
		between, err := c.HeadsBetween(ctx, 1, 9, 10)
		if err != nil || len(between) != 1 || between[0].Table != orders {
			t.Errorf("heads after 1: %+v, %v", between, err)
		}
	})
}

// A table that has moved meanwhile: nothing of the set moves, no number is used, no file stays.
func TestContract_Conflict(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		ctx := context.Background()
		c, _ := newCatalog(t, d)
		publish(t, c, "run-1", move(t, c, orders, true))
		stale, other := move(t, c, orders, true), move(t, c, items, true)
		publish(t, c, "run-2", move(t, c, orders, true))
		_, err := c.Publish(ctx, catalog.Publication{RunID: "run-3", Moves: []catalog.Move{other, stale}})
		if !errors.Is(err, catalog.ErrConflict) || !errors.Is(err, table.ErrCommitFailed) {
			t.Fatalf("want a conflict, got %v", err)
		}
		if location, _ := c.Location(ctx, "shop", "items"); location != "" {
			t.Errorf("half of the set moved to %s", location)
		}
		if seq, _ := c.Seq(ctx); seq != 2 {
			t.Errorf("newest generation %d", seq)
		}
		// A table that is made twice, too.
		first, second := move(t, c, items, true), move(t, c, items, true)
		publish(t, c, "run-4", first)
		if _, err := c.Publish(ctx, catalog.Publication{RunID: "run-5", Moves: []catalog.Move{second}}); !errors.Is(err, catalog.ErrConflict) {
			t.Errorf("made twice: %v", err)
		}
	})
}

// Iceberg's own door: requirements are checked, several tables commit or none.
func TestContract_Commit(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		ctx := context.Background()
		c, _ := newCatalog(t, d)
		publish(t, c, "run-1", move(t, c, orders, true), move(t, c, items, true))
		id, other := table.Identifier{"shop", "orders"}, table.Identifier{"shop", "items"}
		set := []table.Update{table.NewSetPropertiesUpdate(iceberg.Properties{"a": "1"})}
		meta, location, err := c.CommitTable(ctx, id, nil, set)
		if err != nil || meta.Properties()["a"] != "1" || catalog.FileVersion(location) != 1 {
			t.Fatalf("commit: %v, %v, %s", err, meta.Properties(), location)
		}
		wrong := int64(5)
		err = c.CommitTransaction(ctx, []table.TableCommit{
			{Identifier: other, Updates: set},
			{Identifier: id, Requirements: []table.Requirement{table.AssertRefSnapshotID("main", &wrong)}, Updates: set}})
		if !errors.Is(err, table.ErrCommitFailed) {
			t.Errorf("a wrong requirement: %v", err)
		}
		loaded, err := c.LoadTable(ctx, other)
		if err != nil || loaded.Properties()["a"] == "1" {
			t.Errorf("half of it was committed: %v", err)
		}
		if err := c.CommitTransaction(ctx, nil); !errors.Is(err, icecatalog.ErrEmptyCommitList) {
			t.Errorf("nothing: %v", err)
		}
		if _, _, err := c.CommitTable(ctx, table.Identifier{"shop", "none"}, nil, set); !errors.Is(err, icecatalog.ErrNoSuchTable) {
			t.Errorf("no such table: %v", err)
		}
	})
}

// Maintenance and publications from many sides: everything that was said to be done is done, once, in order.
func TestContract_ManyWriters(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		ctx := context.Background()
		c, _ := newCatalog(t, d)
		c.Now = time.Now
		publish(t, c, "run-0", move(t, c, orders, true))
		const writers, each = 6, 8
		var wg sync.WaitGroup
		for w := range writers {
			wg.Add(1)
			go func() {
				defer wg.Done()
				for i := range each {
					for {
						key := fmt.Sprintf("w%d-%d", w, i)
						_, _, err := c.CommitTable(ctx, table.Identifier{"shop", "orders"}, nil, []table.Update{table.NewSetPropertiesUpdate(iceberg.Properties{key: "x"})})
						if err == nil {
							break
						}
						if !errors.Is(err, table.ErrCommitFailed) {
							t.Errorf("writer %d: %v", w, err)
							return
						}
					}
				}
			}()
		}
		wg.Wait()
		loaded, err := c.LoadTable(ctx, table.Identifier{"shop", "orders"})
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for key := range loaded.Properties() {
			if strings.HasPrefix(key, "w") && strings.Contains(key, "-") {
				n++
			}
		}
		if n != writers*each || catalog.FileVersion(loaded.MetadataLocation()) != writers*each {
			t.Errorf("%d of %d commits are there, version %d", n, writers*each, catalog.FileVersion(loaded.MetadataLocation()))
		}
	})
}

func TestContract_RenameListDrop(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		ctx := context.Background()
		c, _ := newCatalog(t, d)
		publish(t, c, "run-1", move(t, c, orders, true), move(t, c, items, true))
		list := func() (found []string) {
			for id, err := range c.ListTables(ctx, table.Identifier{"shop"}) {
				if err != nil {
					t.Fatal(err)
				}
				found = append(found, strings.Join(id, "."))
			}
			return found
		}
		if _, err := c.RenameTable(ctx, table.Identifier{"shop", "items"}, table.Identifier{"shop", "orders"}); !errors.Is(err, icecatalog.ErrTableAlreadyExists) {
			t.Errorf("onto another: %v", err)
		}
		if _, err := c.RenameTable(ctx, table.Identifier{"shop", "none"}, table.Identifier{"shop", "more"}); !errors.Is(err, icecatalog.ErrNoSuchTable) {
			t.Errorf("nothing: %v", err)
		}
		if _, err := c.RenameTable(ctx, table.Identifier{"shop", "items"}, table.Identifier{"none", "items"}); !errors.Is(err, icecatalog.ErrNoSuchNamespace) {
			t.Errorf("into nowhere: %v", err)
		}
		if _, err := c.RenameTable(ctx, table.Identifier{"shop", "items"}, table.Identifier{"shop", "lines"}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"shop.lines", "shop.orders"}, list()); diff != "" {
			t.Errorf("tables (-want +got):\n%s", diff)
		}
		head, err := c.HeadOf(ctx, "shop.lines", 9)
		if err != nil || head.Seq != 1 {
			t.Errorf("the renamed table is in generation %d, %v", head.Seq, err)
		}
		if err := c.DropTable(ctx, table.Identifier{"shop", "lines"}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"shop.orders"}, list()); diff != "" {
			t.Errorf("tables (-want +got):\n%s", diff)
		}
		for _, err := range c.ListTables(ctx, table.Identifier{"none"}) {
			if !errors.Is(err, icecatalog.ErrNoSuchNamespace) {
				t.Errorf("list of nothing: %v", err)
			}
		}
	})
}

func TestContract_Leases(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		ctx := context.Background()
		c, now := newCatalog(t, d)
		first, err := c.Take(ctx, []sdk.TableName{orders, items}, "run-1", "host a", time.Hour)
		if err != nil || len(first) != 2 || first[0].Table != items || first[0].Epoch != 1 {
			t.Fatalf("take: %+v, %v", first, err)
		}
		var leased *catalog.LeasedError
		if _, err := c.Take(ctx, []sdk.TableName{"a.b", orders}, "run-2", "host b", time.Hour); !errors.As(err, &leased) || leased.Lease.RunID != "run-1" || leased.Lease.Holder != "host a" {
			t.Fatalf("taken twice: %v", err)
		}
		now.at = now.at.Add(50 * time.Minute)
		if err := c.Renew(ctx, first, time.Hour); err != nil {
			t.Fatal(err)
		}
		now.at = now.at.Add(50 * time.Minute)
		if _, err := c.Take(ctx, []sdk.TableName{orders}, "run-2", "host b", time.Hour); !errors.As(err, &leased) {
			t.Fatalf("taken though renewed: %v", err)
		}
		now.at = now.at.Add(11 * time.Minute)
		second, err := c.Take(ctx, []sdk.TableName{orders}, "run-2", "host b", time.Hour)
		if err != nil || second[0].Epoch != 2 {
			t.Fatalf("take over: %+v, %v", second, err)
		}
		// The fence: the first run cannot publish, renew or give back what is not its own any more.
		if _, err := c.Publish(ctx, catalog.Publication{RunID: "run-1", Leases: first, Moves: []catalog.Move{move(t, c, orders, true)}}); !errors.As(err, &leased) {
			t.Errorf("published over the fence: %v", err)
		}
		if err := c.Renew(ctx, first, time.Hour); !errors.As(err, &leased) {
			t.Errorf("renewed over the fence: %v", err)
		}
		if err := c.Release(ctx, first); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Publish(ctx, catalog.Publication{RunID: "run-2", Leases: second, Moves: []catalog.Move{move(t, c, orders, true)}}); err != nil {
			t.Errorf("the holder cannot publish: %v", err)
		}
	})
}

// flaky is a SQLite driver whose commits fail at will: before or after they happened.
type flaky struct {
	driver.Driver
	fail *string // "", "before", "after"
}

type flakyConn struct {
	driver.Conn
	fail *string
}

type flakyTx struct {
	driver.Tx
	fail *string
}

func (f flaky) Open(name string) (driver.Conn, error) {
	c, err := f.Driver.Open(name)
	return flakyConn{c, f.fail}, err
}

func (c flakyConn) BeginTx(ctx context.Context, options driver.TxOptions) (driver.Tx, error) {
	tx, err := c.Conn.(driver.ConnBeginTx).BeginTx(ctx, options)
	return flakyTx{tx, c.fail}, err
}

func (c flakyConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	return c.Conn.(driver.ExecerContext).ExecContext(ctx, query, args)
}

func (c flakyConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	return c.Conn.(driver.QueryerContext).QueryContext(ctx, query, args)
}

func (t flakyTx) Commit() error {
	switch *t.fail {
	case "before":
		return errors.Join(errors.New("the connection broke"), t.Tx.Rollback())
	case "after":
		if err := t.Tx.Commit(); err != nil {
			return err
		}
		return errors.New("the connection broke")
	}
	return t.Tx.Commit()
}

var registerFlaky = sync.OnceValue(func() *string {
	fail := new(string)
	sql.Register("flaky", flaky{&sqlite.Driver{}, fail})
	return fail
})

// A commit that was not confirmed: the database is asked, and the answer is what counts.
func TestContract_UnconfirmedCommit(t *testing.T) {
	fail := registerFlaky()
	defer func() { *fail = "" }()
	ctx := context.Background()
	c, _ := newCatalog(t, databases()[0])
	plain := c.DB
	var file string
	if err := plain.QueryRow(`SELECT file FROM pragma_database_list WHERE name = 'main'`).Scan(&file); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("flaky", "file:"+file+"?_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	c.DB = db

	*fail = "after"
	out, err := c.Publish(ctx, catalog.Publication{RunID: "run-1", Moves: []catalog.Move{move(t, c, orders, true)}})
	if err != nil || out.Seq != 1 {
		t.Fatalf("committed, not confirmed: %+v, %v", out, err)
	}
	*fail = "before"
	_, err = c.Publish(ctx, catalog.Publication{RunID: "run-2", Moves: []catalog.Move{move(t, c, orders, true)}})
	if err == nil || errors.Is(err, catalog.ErrUnknown) || errors.Is(err, catalog.ErrConflict) {
		t.Fatalf("not committed, and it can be known: %v", err)
	}
	*fail = ""
	if out := publish(t, c, "run-3", move(t, c, orders, true)); out.Seq != 2 {
		t.Errorf("the next generation is %d", out.Seq)
	}
	// The database cannot be asked either: unknown, and nothing is deleted.
	*fail = "before"
	c.Step = func(name string) {
		if name == "before-commit" {
			db.SetMaxOpenConns(1)
			go db.Close() // waits for the transaction, then refuses every question
			for db.PingContext(ctx) == nil {
			}
		}
	}
	last := move(t, c, orders, true)
	_, err = c.Publish(ctx, catalog.Publication{RunID: "run-4", Moves: []catalog.Move{last}})
	if !errors.Is(err, catalog.ErrUnknown) {
		t.Errorf("want unknown, got %v", err)
	}
}

// A panic inside a publication leaves no open transaction behind.
func TestContract_PanicInside(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		c, _ := newCatalog(t, d)
		m := move(t, c, orders, true)
		c.Step = func(name string) {
			if name == "after-metadata" {
				panic("somebody's mistake")
			}
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			c.Publish(context.Background(), catalog.Publication{RunID: "run-1", Moves: []catalog.Move{m}})
		}()
		c.Step = nil
		if out := publish(t, c, "run-2", move(t, c, orders, true)); out.Seq != 1 {
			t.Errorf("the next generation is %d", out.Seq)
		}
		if n := c.DB.Stats().InUse; n != 0 {
			t.Errorf("%d connections in use", n)
		}
	})
}

// A cancelled context stops before the commit, never after.
func TestContract_Cancelled(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		c, _ := newCatalog(t, d)
		m := move(t, c, orders, true)
		ctx, cancel := context.WithCancel(context.Background())
		c.Step = func(name string) {
			if name == "before-commit" {
				cancel()
			}
		}
		if _, err := c.Publish(ctx, catalog.Publication{RunID: "run-1", Moves: []catalog.Move{m}}); !errors.Is(err, context.Canceled) {
			t.Fatalf("cancelled: %v", err)
		}
		c.Step = nil
		if location, err := c.Location(context.Background(), "shop", "orders"); err != nil || location != "" {
			t.Errorf("published all the same: %s, %v", location, err)
		}
	})
}

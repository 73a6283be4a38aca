package store_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-data-analyst/broker/host/internal/store"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 123456000, time.UTC)

func run(id string, after time.Duration, tables ...sdk.TableName) store.Run {
	r := store.Run{ID: id, Source: "shop", Table: tables[0], Trigger: "manual", Status: store.Running, Started: noon.Add(after)}
	for _, name := range tables {
		r.Tables = append(r.Tables, store.RunTable{Name: name, Status: store.Running})
	}
	return r
}

func TestRunIsKeptFromStartToEnd(t *testing.T) {
	eachDatabase(t, func(t *testing.T, open func(...store.Migrations) *store.Store) {
		ctx, runs := t.Context(), open().Runs()
		r := run("r1", 0, "shop.orders", "shop.items")
		r.Sync = "s1"
		must(t, runs.Create(ctx, r))
		must(t, runs.Attempt(ctx, "r1", 2, "the line broke\x00 \xff"))
		got, err := runs.Find(ctx, "r1")
		must(t, err)
		r.Attempts, r.Note = 2, "the line broke\uFFFD \uFFFD"
		equal(t, got, r)

		r.Status, r.Attempts, r.Generation, r.Finished = "failed", 3, 7, noon.Add(time.Minute)
		r.Code, r.Message, r.Help = "data", "a row is wrong", "mend it"
		r.Tables = []store.RunTable{
			{Name: "shop.orders", Status: "failed", Rows: 1 << 40, Added: 2, Updated: 3, Deleted: 4, Rejected: 5, Bytes: 6},
			{Name: "shop.items", Status: "skipped"},
		}
		must(t, runs.Finish(ctx, r))
		got, err = runs.Find(ctx, "r1")
		must(t, err)
		equal(t, got, r)
	})
}

func TestClosedRunStaysAsItIs(t *testing.T) {
	eachDatabase(t, func(t *testing.T, open func(...store.Migrations) *store.Store) {
		ctx, runs := t.Context(), open().Runs()
		r := run("r1", 0, "shop.orders")
		must(t, runs.Create(ctx, r))
		r.Status, r.Finished = "published", noon.Add(time.Second)
		must(t, runs.Finish(ctx, r))
		late := r
		late.Status, late.Tables = "failed", nil
		wantCode(t, runs.Finish(ctx, late), fault.NotFound)
		wantCode(t, runs.Attempt(ctx, "r1", 9, ""), fault.NotFound)
		got, err := runs.Find(ctx, "r1")
		must(t, err)
		equal(t, got, r)
		if err := runs.Create(ctx, r); err == nil {
			t.Error("a run id was taken twice")
		}
		_, err = runs.Find(ctx, "r2")
		wantCode(t, err, fault.NotFound)
	})
}

func TestRunsAreListedNewestFirst(t *testing.T) {
	eachDatabase(t, func(t *testing.T, open func(...store.Migrations) *store.Store) {
		ctx, runs := t.Context(), open().Runs()
		for i := range 5 {
			r := run(fmt.Sprintf("r%d", i), time.Duration(i)*time.Second, "shop.orders", "shop.items")
			if i%2 == 1 {
				r = run(r.ID, time.Duration(i)*time.Second, "crm.people")
				r.Source, r.Sync = "crm", "s1"
			}
			must(t, runs.Create(ctx, r))
		}
		done := run("r2", 2*time.Second, "shop.orders", "shop.items")
		done.Status, done.Finished = "unchanged", noon.Add(time.Hour)
		must(t, runs.Finish(ctx, done))
		for _, c := range []struct {
			name   string
			filter store.RunFilter
			want   []string
		}{
			{"all", store.RunFilter{}, []string{"r4", "r3", "r2", "r1", "r0"}},
			{"limit", store.RunFilter{Limit: 2}, []string{"r4", "r3"}},
			{"child table", store.RunFilter{Table: "shop.items"}, []string{"r4", "r2", "r0"}},
			{"status", store.RunFilter{Status: store.Running}, []string{"r4", "r3", "r1", "r0"}},
			{"source and status", store.RunFilter{Source: "shop", Status: "unchanged"}, []string{"r2"}},
			{"sync", store.RunFilter{Sync: "s1", Limit: 1}, []string{"r3"}},
			{"nothing", store.RunFilter{Table: "shop.nope"}, nil},
			{"hostile", store.RunFilter{Source: "' OR 1=1 --?"}, nil},
		} {
			list, err := runs.List(ctx, c.filter)
			must(t, err)
			var ids []string
			for _, r := range list {
				ids = append(ids, r.ID)
				if len(r.Tables) == 0 {
					t.Errorf("%s: run %s lists no tables", c.name, r.ID)
				}
			}
			if diff := cmp.Diff(c.want, ids); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.name, diff)
			}
		}
	})
}

func TestPruneForgetsOldFinishedRunsOnly(t *testing.T) {
	eachDatabase(t, func(t *testing.T, open func(...store.Migrations) *store.Store) {
		ctx, s := t.Context(), open()
		for i := range 4 {
			r := run(fmt.Sprintf("r%d", i), time.Duration(i)*time.Hour, "shop.orders")
			must(t, s.Runs().Create(ctx, r))
			if i != 0 {
				r.Status = "published"
				must(t, s.Runs().Finish(ctx, r))
			}
		}
		n, err := s.Runs().Prune(ctx, noon.Add(150*time.Minute))
		must(t, err)
		left, err := s.Runs().List(ctx, store.RunFilter{})
		must(t, err)
		if n != 2 || len(left) != 2 || left[0].ID != "r3" || left[1].ID != "r0" {
			t.Errorf("forgot %d, left %v", n, left)
		}
		var tables int
		must(t, s.DB().QueryRowContext(ctx, "SELECT COUNT(*) FROM run_tables").Scan(&tables))
		if tables != 2 {
			t.Errorf("%d rows of tables are left of 2 runs: foreign keys are not kept", tables)
		}
	})
}

// G17: an instant of an entry is recorded once, whoever comes first.
func TestTickIsRecordedOnce(t *testing.T) {
	eachDatabase(t, func(t *testing.T, open func(...store.Migrations) *store.Store) {
		ctx, ticks := t.Context(), open().Ticks()
		var fresh, stale int
		var mu sync.Mutex
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for i := range 20 {
					ok, err := ticks.Record(ctx, "crm", noon.Add(time.Duration(i)*time.Minute), "", noon)
					mu.Lock()
					switch {
					case err != nil:
						t.Error(err)
					case ok:
						fresh++
					default:
						stale++
					}
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		if fresh != 20 || stale != 140 {
			t.Errorf("%d recorded, %d refused; want 20 and 140", fresh, stale)
		}
		ok, err := ticks.Record(ctx, "other", noon, "the previous run is still going", noon.Add(time.Second))
		if !ok || err != nil {
			t.Errorf("the same instant of another entry: %v, %v", ok, err)
		}
		list, err := ticks.List(ctx, "other", 0)
		must(t, err)
		equal(t, list, []store.Tick{{Entry: "other", Instant: noon, Skipped: "the previous run is still going", Recorded: noon.Add(time.Second)}})
		_, err = ticks.Record(ctx, "crm", time.Time{}, "", noon)
		wantCode(t, err, fault.Bug)
	})
}

func TestLastTick(t *testing.T) {
	eachDatabase(t, func(t *testing.T, open func(...store.Migrations) *store.Store) {
		ctx, ticks := t.Context(), open().Ticks()
		for i := range 3 {
			_, err := ticks.Record(ctx, "crm", noon.Add(time.Duration(i)*time.Hour), "", noon)
			must(t, err)
		}
		for _, c := range []struct {
			entry    string
			notAfter time.Duration
			want     time.Time
		}{
			{"crm", 5 * time.Hour, noon.Add(2 * time.Hour)},
			{"crm", time.Hour, noon.Add(time.Hour)},
			{"crm", -time.Second, time.Time{}},
			{"shop", time.Hour, time.Time{}},
		} {
			last, err := ticks.Last(ctx, c.entry, noon.Add(c.notAfter))
			must(t, err)
			if !last.Equal(c.want) {
				t.Errorf("last of %s at +%v = %v, want %v", c.entry, c.notAfter, last, c.want)
			}
		}
		n, err := ticks.Prune(ctx, noon.Add(100*time.Hour))
		must(t, err)
		last, err := ticks.Last(ctx, "crm", noon.Add(100*time.Hour))
		must(t, err)
		if n != 2 || !last.Equal(noon.Add(2*time.Hour)) {
			t.Errorf("forgot %d ticks, the last is %v; the newest must stay", n, last)
		}
	})
}

func TestSettings(t *testing.T) {
	eachDatabase(t, func(t *testing.T, open func(...store.Migrations) *store.Store) {
		ctx, settings := t.Context(), open().Settings()
		if _, ok, err := settings.Find(ctx, "a"); ok || err != nil {
			t.Errorf("absent setting: %v, %v", ok, err)
		}
		must(t, settings.Set(ctx, "a", "", noon))
		if v, ok, err := settings.Find(ctx, "a"); v != "" || !ok || err != nil {
			t.Errorf("empty setting: %q, %v, %v", v, ok, err)
		}
		must(t, settings.Set(ctx, "a", "ž", noon))
		if v, _, _ := settings.Find(ctx, "a"); v != "ž" {
			t.Errorf("setting = %q", v)
		}
	})
}

func TestMigrationsOfOthersAndSecondOpen(t *testing.T) {
	lake := store.Migrations{Table: "lake_migrations", FS: fstest.MapFS{"00001_heads.sql": {Data: []byte(
		"-- +goose Up\nCREATE TABLE heads (seq BIGINT NOT NULL);\n-- +goose Down\nDROP TABLE heads;\n")}}}
	eachDatabase(t, func(t *testing.T, open func(...store.Migrations) *store.Store) {
		first := open(lake)
		if _, err := first.DB().Exec("INSERT INTO heads VALUES (7)"); err != nil {
			t.Fatal(err)
		}
		must(t, first.Runs().Create(t.Context(), run("r1", 0, "shop.orders")))
		must(t, first.Close())
		second := open(lake)
		var seq int
		must(t, second.DB().QueryRow("SELECT seq FROM heads").Scan(&seq))
		_, err := second.Runs().Find(t.Context(), "r1")
		if seq != 7 || err != nil {
			t.Errorf("after reopening: seq %d, run %v", seq, err)
		}
	})
}

func TestNewerDatabaseIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "broker.db")
	s := opener(t, store.Options{Path: path})()
	if _, err := s.DB().Exec("INSERT INTO store_migrations (version_id, is_applied) VALUES (900, true)"); err != nil {
		t.Fatal(err)
	}
	must(t, s.Close())
	_, err := store.Open(t.Context(), store.Options{Path: path})
	wantCode(t, err, fault.Config)
	if err == nil || !strings.Contains(err.Error(), "newer broker") {
		t.Errorf("error = %v", err)
	}
}

func TestCancelledQuestionIsCancelled(t *testing.T) {
	eachDatabase(t, func(t *testing.T, open func(...store.Migrations) *store.Store) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := open().Runs().List(ctx, store.RunFilter{})
		wantCode(t, err, fault.Cancelled)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("the cause is lost: %v", err)
		}
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal[T any](t *testing.T, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func wantCode(t *testing.T, err error, code fault.Code) {
	t.Helper()
	if fault.CodeOf(err) != code {
		t.Errorf("error = %v, want class %s", err, code)
	}
}

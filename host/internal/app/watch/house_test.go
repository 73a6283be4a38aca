package watch_test

import (
	"context"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/config"
	"github.com/ai-data-analyst/broker/host/internal/app/watch"
	"github.com/ai-data-analyst/broker/host/internal/ingest"
	"github.com/ai-data-analyst/broker/host/internal/lake"
	"github.com/ai-data-analyst/broker/host/internal/store"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web"
)

var today = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

// house is a watch over a real journal and an invented lake. Ada is an admin; Bob sees shop.* only.
type house struct {
	*watch.Watch
	store *store.Store

	mu       sync.Mutex
	now      time.Time
	heads    []lake.Head // every one, oldest first
	versions map[int64]lake.Version
	held     []lake.HeldSet
	sources  []config.Source
	tables   []config.TableDefinition
	done     []string // what the verbs were asked for
	syncs    func(ctx context.Context, run string, selected []string) error
	watcher  func(ingest.Progress)
	events   []web.Event
}

func newHouse(t *testing.T) *house {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{URL: "sqlite", Path: filepath.Join(t.TempDir(), "broker.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	h := &house{store: s, now: today, versions: map[int64]lake.Version{}, sources: []config.Source{{Name: "keep", Schedule: "0 6 * * *", Tables: []string{"*"}}, {Name: "people", Tables: []string{"pay_slips"}}}}
	h.Watch = watch.New(watch.Options{Lake: h, Runs: s.Runs(), Ticks: s.Ticks(), Access: access{}, Now: h.clock, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Config:   func() *config.Config { return &config.Config{Sources: h.sources} },
		Describe: func() (*config.Description, config.Diagnostics) { return &config.Description{Tables: h.tables}, nil },
		Publish:  func(e web.Event) { h.mu.Lock(); defer h.mu.Unlock(); h.events = append(h.events, e) },
		Verbs: watch.Verbs{
			Sync: func(ctx context.Context, run string, selected []string) error { return h.syncs(ctx, run, selected) },
			Care: func(_ context.Context, verb, table string) error {
				h.done = append(h.done, verb+" "+table)
				return nil
			},
			Glances: func(w func(ingest.Progress)) func() {
				h.mu.Lock()
				defer h.mu.Unlock()
				h.watcher = w
				return func() {}
			},
		}})
	return h
}

func (h *house) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

// forward lets time pass, so that what is shown is made anew.
func (h *house) forward(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

func (h *house) Newest(context.Context) (int64, error) {
	if len(h.heads) == 0 {
		return 0, nil
	}
	return h.heads[len(h.heads)-1].Seq, nil
}

func (h *house) Heads(context.Context, int64) ([]lake.Head, error) {
	newest := map[sdk.TableName]lake.Head{}
	for _, head := range h.heads {
		newest[head.Table] = head
	}
	var all []lake.Head
	for _, head := range newest {
		all = append(all, head)
	}
	return all, nil
}

func (h *house) HeadsOf(_ context.Context, table sdk.TableName) ([]lake.Head, error) {
	var all []lake.Head
	for _, head := range slices.Backward(h.heads) {
		if head.Table == table {
			all = append(all, head)
		}
	}
	return all, nil
}

func (h *house) At(_ context.Context, head lake.Head) (lake.Version, error) {
	v, known := h.versions[head.Seq]
	if !known {
		return v, fault.New(fault.NotFound, "expired")
	}
	return v, nil
}

func (h *house) Held(context.Context) ([]lake.HeldSet, error) { return h.held, nil }

// publish adds a generation of a table, made by a run.
func (h *house) publish(table sdk.TableName, run string, at time.Time, v lake.Version) {
	seq := int64(len(h.heads) + 1)
	v.Table, v.Seq, v.Snapshot = table, seq, seq
	h.versions[seq] = v
	h.heads = append(h.heads, lake.Head{Table: table, Seq: seq, Snapshot: seq, RunID: run, Published: at, Rows: v.Rows, Bytes: v.Bytes, Parts: len(v.Parts)})
}

// run writes an entry of the journal that took a minute; a running one is left open.
func (h *house) run(t *testing.T, r store.Run, tables ...store.RunTable) {
	t.Helper()
	if r.Trigger == "" {
		r.Trigger = "schedule"
	}
	if r.Status != store.Running {
		r.Finished = r.Started.Add(time.Minute)
	}
	for i := range tables {
		if tables[i].Status == "" {
			tables[i].Status = r.Status
		}
	}
	r.Tables, r.Attempts = tables, 1
	if len(tables) > 0 {
		r.Table = tables[0].Name
	}
	if err := h.store.Runs().Create(t.Context(), r); err != nil {
		t.Fatal(err)
	}
}

// access knows Ada, who is an admin, and Bob, who sees shop.*.
type access struct{}

func (access) Visible(_ context.Context, who sdk.Caller) (func(sdk.TableName) bool, string, error) {
	switch who.User.ID {
	case "ada":
		return func(sdk.TableName) bool { return true }, "all", nil
	case "bob":
		return func(table sdk.TableName) bool { return strings.HasPrefix(string(table), "shop.") }, "shop", nil
	}
	return func(sdk.TableName) bool { return false }, "none", nil
}

func (a access) Authorize(ctx context.Context, who sdk.Caller, action sdk.Action, table sdk.TableName) error {
	if action == sdk.Administer && who.User.ID != "ada" {
		return fault.New(fault.Permission, "no")
	}
	sees, _, _ := a.Visible(ctx, who)
	if action == sdk.ReadTable && !sees(table) {
		return fault.New(fault.NotFound, "there is no such table")
	}
	return nil
}

func ada() sdk.Caller  { return sdk.Caller{User: sdk.User{ID: "ada"}} }
func bob() sdk.Caller  { return sdk.Caller{User: sdk.User{ID: "bob"}} }
func carl() sdk.Caller { return sdk.Caller{User: sdk.User{ID: "carl"}} }

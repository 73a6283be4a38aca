// Package watch says how the tables and runs of an instance are, to each reader what the grants allow: states, histories,
// the journal by sync, and what happens right now. It is part of the room app and decides nothing: state computes the
// words, access says who sees what.
//
// One picture of all tables is made at most once a second and narrowed for readers, so that many readers cost little.
package watch

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ai-data-analyst/broker/config"
	"github.com/ai-data-analyst/broker/host/internal/app/watch/state"
	"github.com/ai-data-analyst/broker/host/internal/ingest"
	"github.com/ai-data-analyst/broker/host/internal/lake"
	"github.com/ai-data-analyst/broker/host/internal/store"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/web"
	"github.com/ai-data-analyst/broker/web/api"
)

// Lake is what is published, and what is held.
type Lake interface {
	Newest(ctx context.Context) (int64, error)
	Heads(ctx context.Context, n int64) ([]lake.Head, error)
	HeadsOf(ctx context.Context, table sdk.TableName) ([]lake.Head, error)
	At(ctx context.Context, head lake.Head) (lake.Version, error)
	Held(ctx context.Context) ([]lake.HeldSet, error)
}

// Journal is the record of runs.
type Journal interface {
	Ended(ctx context.Context, after time.Time, id string, limit int) ([]store.Run, error)
	List(ctx context.Context, filter store.RunFilter) ([]store.Run, error)
	Syncs(ctx context.Context, filter store.RunFilter, before string) ([]string, error)
	OfSyncs(ctx context.Context, syncs []string) ([]store.Run, error)
}

// Ticks is the record of due times.
type Ticks interface {
	List(ctx context.Context, entry string, limit int) ([]store.Tick, error)
}

// Access says who may see and do what.
type Access interface {
	Visible(ctx context.Context, who sdk.Caller) (sees func(sdk.TableName) bool, digest string, err error)
	Authorize(ctx context.Context, who sdk.Caller, action sdk.Action, table sdk.TableName) error
}

// Scrub knows which tables' bytes do not match their hashes.
type Scrub interface {
	// Unreadable says what is wrong with a table's bytes; "" = nothing is known to be.
	Unreadable(table sdk.TableName) string
}

// Verbs are what admins do, as the commands of the same name do it.
type Verbs struct {
	Sync    func(ctx context.Context, run string, selected []string) error // to its end
	Care    func(ctx context.Context, verb, table string) error            // accept, discard
	Glances func(watcher func(ingest.Progress)) (stop func())              // at runs under way
}

// Options are the open parts of an instance. Scrub and Publish may be nil.
type Options struct {
	Lake     Lake
	Runs     Journal
	Ticks    Ticks
	Access   Access
	Config   func() *config.Config
	Describe func() (*config.Description, config.Diagnostics)
	Scrub    Scrub
	Verbs    Verbs
	Publish  func(web.Event)
	Note     func(ctx context.Context, who sdk.Caller, action, object string, err error) // into the audit log; may be nil
	Now      func() time.Time
	Log      *slog.Logger
}

// Watch answers. It is safe for concurrent use.
type Watch struct {
	options Options

	picture atomic.Pointer[picture]
	changes atomic.Int64 // counts what was done here

	mu       sync.Mutex // held while a picture is made
	book     book
	dates    map[string]*state.Calendar // by expression and zone
	sources  map[sdk.TableName]string   // of tables that neither configuration nor journal knows
	defined  map[sdk.TableName]definition
	read     time.Time // when the definitions were
	heads    []lake.Head
	newest   int64
	versions versions

	live live

	begun  sync.Mutex
	asked  []*asked // syncs that were begun here, the newest last
	base   context.Context
	ending sync.WaitGroup
}

// New returns the watch of an instance. Follow makes it tell what happens, and begin syncs.
func New(o Options) *Watch {
	return &Watch{options: o, newest: -1, dates: map[string]*state.Calendar{}, sources: map[sdk.TableName]string{}}
}

// States says how the tables are that the caller may read. The tables of an answer are shared: they are not to be changed.
func (w *Watch) States(ctx context.Context, who sdk.Caller) (api.States, error) {
	sees, digest, err := w.options.Access.Visible(ctx, who)
	if err != nil {
		return api.States{}, err
	}
	p, err := w.current(ctx)
	if err != nil {
		return api.States{}, err
	}
	return p.narrowed(digest, sees), nil
}

// Follow tells what happens until ctx ends, and then waits for syncs that were begun here.
func (w *Watch) Follow(ctx context.Context) error {
	w.begun.Lock()
	w.base = ctx
	w.begun.Unlock()
	defer w.ending.Wait()
	if w.options.Verbs.Glances != nil {
		defer w.options.Verbs.Glances(w.live.glance)()
	}
	if _, err := w.current(ctx); err != nil && ctx.Err() == nil { // the journal is read before the first reader asks
		w.options.Log.Error("the states of tables cannot be told; they are asked for again with the next reader", "error", err)
	}
	beat := time.NewTicker(tellEvery)
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-beat.C:
			w.tell(ctx)
		}
	}
}

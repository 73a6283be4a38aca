package door

import (
	"sync"

	"github.com/ai-data-analyst/broker/host/internal/catalog"
	"github.com/ai-data-analyst/broker/host/internal/ingest"
	"github.com/ai-data-analyst/broker/sdk"
)

// Book remembers how the tables under way are described, and who watches. It is safe for concurrent use.
type Book struct {
	mu       sync.Mutex
	tables   map[sdk.TableName]catalog.Table
	watchers map[*func(ingest.Progress)]bool
}

// Note remembers the tables of sets.
func (b *Book) Note(sets []catalog.Set) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.tables == nil {
		b.tables = map[sdk.TableName]catalog.Table{}
	}
	for _, s := range sets {
		for _, t := range s.Tables {
			b.tables[t.Name] = t
		}
	}
}

// Table says how a table under way is described.
func (b *Book) Table(name sdk.TableName) (catalog.Table, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t, ok := b.tables[name]
	return t, ok
}

// Watch adds a watcher of all runs; the returned function takes it away. nil watches nothing.
func (b *Book) Watch(progress func(ingest.Progress)) (stop func()) {
	if progress == nil {
		return func() {}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.watchers == nil {
		b.watchers = map[*func(ingest.Progress)]bool{}
	}
	b.watchers[&progress] = true
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.watchers, &progress)
	}
}

// Tell passes a glance on to those who watch.
func (b *Book) Tell(p ingest.Progress) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for watcher := range b.watchers {
		(*watcher)(p)
	}
}

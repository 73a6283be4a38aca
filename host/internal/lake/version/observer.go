package version

import (
	"github.com/apache/arrow/go/v17/arrow"

	"github.com/ai-data-analyst/broker/sdk"
)

// Observer watches the rows that one writer puts into parts, those of rewritten parts too (decision 19). It must not keep
// a batch without retaining it, and cannot fail a run. A part's calls come in order; parts of a writer may interleave, and
// one that is given up is never closed.
type Observer interface {
	Begin(table sdk.TableName, part int)              // part numbers one part of the writer
	Batch(part int, batch arrow.Record)               // rows of the part, in order
	Close(part int, sha256 string, rows, bytes int64) // the part is finished
}

// Observe gives every writer an Observer of its own: part numbers of two writers may be equal. key are the columns of the
// table's key, none = it has no key.
type Observe func(table sdk.TableName, key []string) Observer

// For returns the Observer of one writer, nil when there is none. It panics never: one that does is called no more.
func (o Observe) For(table sdk.TableName, key []string) Observer {
	if o == nil {
		return nil
	}
	g := &guarded{}
	g.call(func() { g.observer = o(table, key) })
	return g
}

// guarded is an Observer that cannot fail a run.
type guarded struct {
	observer Observer
}

func (g *guarded) call(do func()) {
	defer func() {
		if recover() != nil {
			g.observer = nil
		}
	}()
	do()
}

// Begin implements Observer.
func (g *guarded) Begin(table sdk.TableName, part int) {
	if g.observer != nil {
		g.call(func() { g.observer.Begin(table, part) })
	}
}

// Batch implements Observer.
func (g *guarded) Batch(part int, batch arrow.Record) {
	if g.observer != nil {
		g.call(func() { g.observer.Batch(part, batch) })
	}
}

// Close implements Observer.
func (g *guarded) Close(part int, sha256 string, rows, bytes int64) {
	if g.observer != nil {
		g.call(func() { g.observer.Close(part, sha256, rows, bytes) })
	}
}

package profile

import (
	"fmt"
	"runtime/debug"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/ai-data-analyst/broker/sdk"
)

// Watch sees the rows of one writer pass and keeps a sketch of each of its parts. It implements the lake's Observer. Not
// for concurrent use.
type Watch struct {
	profiles *Profiles
	table    sdk.TableName
	key      []string
	parts    map[int]*sketch // nil = this one gets no statistics
	buffers  scratch
}

// Watch begins to watch a writer of a table; key are the columns of its key.
func (p *Profiles) Watch(table sdk.TableName, key []string) *Watch {
	return &Watch{profiles: p, table: table, key: key, parts: map[int]*sketch{}}
}

// guard runs a step of a part. Whatever happens, the run goes on: the part has no statistics then.
func (w *Watch) guard(part int, step func() error) {
	defer func() {
		if r := recover(); r != nil {
			w.giveUp(part, fmt.Errorf("panic: %v\n%s", r, debug.Stack()))
		}
	}()
	if err := step(); err != nil {
		w.giveUp(part, err)
	}
}

func (w *Watch) giveUp(part int, err error) {
	w.parts[part] = nil
	w.profiles.options.Log.Warn("a part gets no statistics; the profile of its table is incomplete", "table", w.table, "error", err)
}

// Begin begins a part.
func (w *Watch) Begin(table sdk.TableName, part int) {
	w.guard(part, func() error {
		w.table, w.parts[part] = table, newSketch(w.key)
		return nil
	})
}

// Batch counts rows of a part, in published form. Nothing of the batch is kept.
func (w *Watch) Batch(part int, batch arrow.Record) {
	s := w.parts[part]
	if s == nil {
		return
	}
	w.guard(part, func() error {
		s.add(batch, w.table, part, &w.buffers)
		if held := w.size(); held > w.profiles.options.Memory {
			return fmt.Errorf("the statistics of all open parts take %d bytes, more than %d", held, w.profiles.options.Memory)
		}
		return nil
	})
}

func (w *Watch) size() int64 {
	n := int64(0)
	for _, s := range w.parts {
		if s != nil {
			n += s.size()
		}
	}
	return n
}

// Close keeps the sketch of a part that is finished. rows is what the part has: a sketch of fewer is of no use.
func (w *Watch) Close(part int, sha256 string, rows, _ int64) {
	s := w.parts[part]
	if s == nil {
		delete(w.parts, part)
		return
	}
	w.guard(part, func() error {
		if s.rows != rows {
			return fmt.Errorf("%d rows of %d were seen", s.rows, rows)
		}
		s.computed = w.profiles.options.Now().UnixMicro()
		return w.profiles.keep(sha256, s)
	})
	delete(w.parts, part)
}

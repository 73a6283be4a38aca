package mark

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector/internal/batch"
)

// Codes of what a Tracker reports of rows. Such rows are sent, but do not move the resume point.
const (
	Null      = "cursor_null"
	Backwards = "cursor_backwards"
	Future    = "cursor_future"
	Before    = "before_since" // append-only: below the bound that was asked for; not sent, it was sent before
)

// MaxRows caps the rows at the edge of an append-only stream that the state can hold.
const MaxRows = 10_000

// Tracker follows the cursor field of one stream through one read.
type Tracker struct {
	column   sdk.Column
	index    int // position of the column in batches
	sorted   bool
	unique   bool // append-only: every row is sent once, rows at the edge are known by their hash
	lookback time.Duration
	latest   Value // values above are in the future; none = no limit

	since Value          // lower bound of this read
	edge  Value          // resume point so far, from the state and what was confirmed
	again map[string]int // rows of the state's edge that may come again
	seen  []seenRow      // append-only: rows at or after the next edge

	run       Value // highest value of this read
	below     Value // highest value of this read strictly below run
	tooMany   bool
	moved     bool // edge is no longer that of the state
	unordered bool // a Sorted stream went backwards: no edge before the end
}

type seenRow struct {
	at   Value
	hash string
}

// Settings of a Tracker.
type Settings struct {
	Column   sdk.Column
	Index    int
	Sorted   bool
	Unique   bool
	Lookback time.Duration
	Latest   time.Time
	Resume   bool // an incremental read: the edge bounds what is read
}

// New returns a Tracker that goes on from edge. A state that does not fit the column is an error.
func New(s Settings, edge Edge) (*Tracker, error) {
	t := &Tracker{column: s.Column, index: s.Index, sorted: s.Sorted, unique: s.Unique, lookback: s.Lookback}
	t.latest = OfTime(s.Latest, s.Column.Type)
	if edge.Field == "" || !s.Resume {
		return t, nil
	}
	if edge.Field != s.Column.Name || edge.Type != s.Column.Type.String() {
		return nil, fmt.Errorf("the state counts by %s (%s), the stream now by %s (%s)", edge.Field, edge.Type, s.Column.Name, s.Column.Type)
	}
	value, err := Parse(edge.Value, s.Column.Type)
	if err != nil {
		return nil, fmt.Errorf("the state of cursor field %s: %w", edge.Field, err)
	}
	t.edge, t.since = value, value.Back(s.Lookback, s.Column.Type)
	if from, err := Parse(edge.From, s.Column.Type); s.Unique && err == nil && from.Compare(t.since) > 0 {
		t.since = from // rows before it are not known by hash: read again, they would be sent twice
	}
	t.again = map[string]int{}
	for hash, n := range edge.Rows {
		t.again[hash] = n
	}
	return t, nil
}

// Since is the inclusive lower bound of the read, as text.
func (t *Tracker) Since() string { return t.since.Text(t.column.Type) }

// Watermark is the highest value seen, for people.
func (t *Tracker) Watermark() string { return t.end().Human(t.column.Type) }

// Observe follows the rows of a batch. It returns the rows that must not be sent, and reports trouble by code and row.
func (t *Tracker) Observe(record arrow.Record, report func(code string, row int)) (left []int) {
	column := record.Column(t.index)
	for i := range column.Len() {
		v := at(column, i)
		if v.None() {
			report(Null, i)
			continue
		}
		if !t.latest.None() && v.Compare(t.latest) > 0 {
			report(Future, i)
			continue
		}
		if t.unique {
			switch {
			case v.Compare(t.since) < 0:
				report(Before, i)
				left = append(left, i)
				continue
			case !t.fresh(record, i, v):
				left = append(left, i)
			}
		}
		t.move(v, i, report)
	}
	t.prune()
	return left
}

// Rebind goes on with another place of the column, after a change of the schema.
func (t *Tracker) Rebind(column sdk.Column, index int) error {
	if !column.Type.Equal(t.column.Type) {
		return fmt.Errorf("the cursor field %s was %s and is now %s", column.Name, t.column.Type, column.Type)
	}
	t.index = index
	return nil
}

// ObserveDeletes follows a batch of deleted keys, whose last column may be the cursor.
func (t *Tracker) ObserveDeletes(column arrow.Array) {
	for i := range column.Len() {
		v := at(column, i)
		if v.None() || !t.latest.None() && v.Compare(t.latest) > 0 || v.Compare(t.run) < 0 {
			continue
		}
		t.move(v, i, func(string, int) {})
	}
}

func (t *Tracker) move(v Value, row int, report func(string, int)) {
	switch c := v.Compare(t.run); {
	case c > 0:
		t.below, t.run = t.run, v
	case c < 0 && t.sorted:
		report(Backwards, row)
		t.unordered = true
	}
}

// fresh says whether the row was not sent by an earlier read, and remembers it.
func (t *Tracker) fresh(record arrow.Record, i int, v Value) bool {
	h := sha256.New()
	batch.HashRow(h, record, i)
	hash := base64.RawStdEncoding.EncodeToString(h.Sum(nil)[:16])
	if !t.tooMany {
		t.seen = append(t.seen, seenRow{at: v, hash: hash})
	}
	if t.again[hash] > 0 {
		t.again[hash]--
		return false
	}
	return true
}

// prune forgets rows that lie before any edge that may still come, and gives up when too many are left: Edge says so
// to those who need it.
func (t *Tracker) prune() {
	if t.tooMany || len(t.seen) <= 4*MaxRows {
		return
	}
	bound := t.end()
	if t.sorted {
		bound = t.below
	}
	bound = bound.Back(t.lookback, t.column.Type)
	t.seen = slices.DeleteFunc(t.seen, func(r seenRow) bool { return r.at.Compare(bound) < 0 })
	if len(t.seen) > 40*MaxRows {
		t.seen, t.tooMany = nil, true
	}
}

var errTooMany = errors.New("too many rows lie at the edge of an append-only stream to tell them apart next time; " +
	"declare a key, choose a cursor field with finer steps, or shorten the lookback")

// end is the resume point of a read that has ended well.
func (t *Tracker) end() Value {
	if t.run.Compare(t.edge) > 0 {
		return t.run
	}
	return t.edge
}

// Advance says whether a Sorted stream can be resumed at a later point than before, short of its end.
func (t *Tracker) Advance() bool {
	return t.sorted && !t.unordered && !t.below.None() && t.below.Compare(t.edge) > 0
}

// Edge returns the resume point: where a Sorted stream is safe now, or, at the end of the read, the highest value. ok
// is false when there is none yet.
func (t *Tracker) Edge(final bool) (edge Edge, human string, ok bool, err error) {
	before := t.edge
	if final {
		t.edge = t.end()
	} else if t.Advance() {
		t.edge = t.below
	}
	t.moved = t.moved || t.edge.Compare(before) != 0
	if t.edge.None() {
		return Edge{}, "", false, nil
	}
	edge = Edge{Field: t.column.Name, Type: t.column.Type.String(), Value: t.edge.Text(t.column.Type)}
	if t.unique {
		edge.From = t.edge.Back(t.lookback, t.column.Type).Text(t.column.Type)
		if edge.Rows, err = t.edgeRows(); err != nil {
			return Edge{}, "", false, err
		}
	}
	return edge, t.edge.Human(t.column.Type), true, nil
}

// edgeRows counts the rows, by hash, that a read from the edge will meet again: those of this read, and those of
// earlier reads that did not come back in this one.
func (t *Tracker) edgeRows() (map[string]int, error) {
	bound := t.edge.Back(t.lookback, t.column.Type)
	counts := map[string]int{}
	for _, r := range t.seen {
		if r.at.Compare(bound) >= 0 {
			counts[r.hash]++
		}
	}
	if !t.moved {
		for hash, n := range t.again {
			if n > 0 {
				counts[hash] += n
			}
		}
	}
	if t.tooMany || len(counts) > MaxRows {
		return nil, errTooMany
	}
	return counts, nil
}

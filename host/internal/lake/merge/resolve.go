package merge

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/ai-data-analyst/broker/host/internal/lake/part"
	"github.com/ai-data-analyst/broker/host/internal/lake/version"
	"github.com/ai-data-analyst/broker/host/internal/parquet"
)

// Outcome is which rows go, and the figures of a merge.
type Outcome struct {
	Run        Rows  // rows of the run's streams that do not stay
	Base       Rows  // rows of the table's parts that go, by index among the parts given
	Added      int64 // keys that the table did not have
	Updated    int64 // rows whose content changed
	Deleted    int64
	Unchanged  int64 // rows that came again as they were
	Duplicates int64 // rows of the run that a newer one of the same key replaced
}

// Run settles the rows of a run among themselves: of each key the one with the highest cursor stays, the last of those
// with the same cursor; a delete takes part like any row (D12, D15).
func Run(log *Log) (Outcome, error) {
	out := Outcome{Run: Rows{}}
	err := log.Groups(func(group []Entry) error {
		out.settle(group)
		return nil
	})
	return out, err
}

// settle finds the winner of the run's entries and gives up the others.
func (o *Outcome) settle(run []Entry) Entry {
	winner := run[0]
	for _, e := range run[1:] {
		if e.Cursor >= winner.Cursor {
			winner = e
		}
	}
	for _, e := range run {
		if e.Order == winner.Order {
			continue
		}
		o.Duplicates++
		if !e.Delete {
			o.Run.Add(e.Place.Stream, e.Place.Row)
		}
	}
	return winner
}

// Table is a published table that a run is merged into.
type Table struct {
	Shelf   part.Shelf
	Parts   []version.Part
	Columns []parquet.Column // as published from now on
	Key     []int            // places of the key columns
	Hasher  *Hasher          // the one that the log's entries were made with
	Low     string           // Rank of the lowest and highest value of the first key column in the run
	High    string
	Hits    int // so many rows are compared by content; those beyond count as updated without looking; 0 = maxHits
}

// hit is a row of the table whose key came again.
type hit struct {
	base    part.Place
	run     part.Place
	content Hash
}

// maxHits takes about 50 MB.
const maxHits = 1 << 20

// Into settles a run against a table.
func Into(ctx context.Context, log *Log, table Table) (Outcome, error) {
	if table.Hits <= 0 {
		table.Hits = maxHits
	}
	if err := table.find(ctx, log); err != nil {
		return Outcome{}, err
	}
	out := Outcome{Run: Rows{}, Base: Rows{}}
	var hits []hit
	err := log.Groups(func(group []Entry) error {
		if group[0].Base {
			return nil // the filter said "perhaps", wrongly
		}
		n := slices.IndexFunc(group, func(e Entry) bool { return e.Base })
		if n < 0 {
			n = len(group)
		}
		winner, base := out.settle(group[:n]), group[n:]
		switch {
		case winner.Delete:
			out.Deleted += int64(len(base))
		case len(base) == 0:
			out.Added++
		case len(base) == 1 && len(hits) < table.Hits:
			hits = append(hits, hit{base: base[0].Place, run: winner.Place, content: winner.Content})
			return nil
		default:
			out.Updated++
		}
		for _, e := range base {
			out.Base.Add(e.Place.Stream, e.Place.Row)
		}
		return nil
	})
	if err != nil {
		return out, err
	}
	return out, table.compare(ctx, hits, &out)
}

// find adds the table's rows whose key is perhaps in the run to the log.
func (t Table) find(ctx context.Context, log *Log) error {
	keys := newFilter(log.Len())
	if err := log.Each(func(e Entry) { keys.add(e.Key) }); err != nil {
		return err
	}
	columns := make([]parquet.Column, len(t.Key))
	for i, k := range t.Key {
		columns[i] = t.Columns[k]
	}
	for no, p := range t.Parts {
		if !t.mayHold(p) {
			continue
		}
		row := int32(0)
		for batch, err := range t.Shelf.Read(ctx, p, columns) {
			if err != nil {
				return err
			}
			for i := range int(batch.NumRows()) {
				if key := t.Hasher.Key(batch.Columns(), i); keys.has(key) {
					if err := log.Add(Entry{Key: key, Base: true, Place: part.Place{Stream: int32(no), Row: row}}); err != nil {
						return err
					}
				}
				row++
			}
		}
	}
	return nil
}

// mayHold says whether a part can hold a key of the run, by the bounds of the first key column.
func (t Table) mayHold(p version.Part) bool {
	first := t.Columns[t.Key[0]]
	for _, s := range p.Stats {
		if s.ID != first.ID {
			continue
		}
		if lower, ok := rankBound(first.Type.ID, s.Lower); ok && t.High < lower {
			return false
		}
		if upper, ok := rankBound(first.Type.ID, s.Upper); ok && t.Low > upper {
			return false
		}
	}
	return true
}

// compare reads the rows that were hit and keeps those whose content came again unchanged: their parts are not
// rewritten for them.
func (t Table) compare(ctx context.Context, hits []hit, out *Outcome) error {
	slices.SortFunc(hits, func(a, b hit) int {
		return cmp.Or(cmp.Compare(a.base.Stream, b.base.Stream), cmp.Compare(a.base.Row, b.base.Row))
	})
	for from := 0; from < len(hits); {
		to := from
		for to < len(hits) && hits[to].base.Stream == hits[from].base.Stream {
			to++
		}
		if err := t.comparePart(ctx, hits[from:to], out); err != nil {
			return err
		}
		from = to
	}
	return nil
}

func (t Table) comparePart(ctx context.Context, hits []hit, out *Outcome) error {
	no := hits[0].base.Stream
	first := int32(0)
	for batch, err := range t.Shelf.Read(ctx, t.Parts[no], t.Columns) {
		if err != nil {
			return err
		}
		for len(hits) > 0 && hits[0].base.Row < first+int32(batch.NumRows()) {
			h := hits[0]
			hits = hits[1:]
			found := t.Hasher.Content(batch.Columns(), int(h.base.Row-first))
			if bytes.Equal(found[:], h.content[:]) {
				out.Unchanged++
				out.Run.Add(h.run.Stream, h.run.Row)
				continue
			}
			out.Updated++
			out.Base.Add(no, h.base.Row)
		}
		first += int32(batch.NumRows())
	}
	if len(hits) > 0 {
		return fmt.Errorf("part %s has %d rows, row %d was found in it before", t.Parts[no].Path, first, hits[0].base.Row)
	}
	return nil
}

// Kept writes the rows of a part that are not in drop into w. The part's rows stand in drop under no, from first on.
func Kept(rows func(func(arrow.Record, error) bool), no, first int32, drop Rows, partition *int32, w *part.Writer) error {
	row := first
	for batch, err := range rows {
		if err != nil {
			return err
		}
		keep := make([]int, 0, batch.NumRows())
		for i := range int(batch.NumRows()) {
			if !drop.Has(no, row) {
				keep = append(keep, i)
			}
			row++
		}
		if _, err = w.Write(batch, keep, partition); err != nil {
			return err
		}
	}
	return nil
}

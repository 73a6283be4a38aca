package merge

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/ai-data-analyst/broker/host/internal/lake/part"
	"github.com/ai-data-analyst/broker/host/internal/lake/version"
)

// A table with more than MaxSmall parts below SmallBytes is compacted.
const (
	MaxSmall   = 64
	SmallBytes = 32 << 20
)

// Tails returns the small parts of a table when there are too many of them, else nil. Only parts that share a partition
// with another small one are named: the others would come out as they went in.
func Tails(v version.Version) []version.Part {
	type key struct {
		null  bool
		value int32
	}
	of := func(p version.Part) key {
		if p.Partition == nil {
			return key{null: true}
		}
		return key{value: *p.Partition}
	}
	small, shared := 0, map[key]int{}
	for _, p := range v.Parts {
		if p.Bytes < SmallBytes {
			small++
			shared[of(p)]++
		}
	}
	if small <= MaxSmall {
		return nil
	}
	var tails []version.Part
	for _, p := range v.Parts {
		if p.Bytes < SmallBytes && shared[of(p)] > 1 {
			tails = append(tails, p)
		}
	}
	return tails
}

// Compact writes the rows of the table's small parts into larger ones and returns the change: the same rows in the same
// order within each partition. false = there is nothing to gain.
func Compact(ctx context.Context, shelf part.Shelf, v version.Version, options part.Options) (version.Change, bool, error) {
	tails := Tails(v)
	slices.SortStableFunc(tails, func(a, b version.Part) int { return ComparePartitions(a.Partition, b.Partition) })
	if len(tails) == 0 {
		return version.Change{}, false, nil
	}
	options.Table, options.Columns = v.Table, v.Columns
	options.Parquet.Note = fmt.Sprintf("compacted after %d", v.Snapshot) // never the bytes of a part that goes
	w := part.NewWriter(shelf, options)
	change := version.Change{Base: v, Columns: v.Columns, LastID: v.LastID, Complete: true}
	rows := int64(0)
	for _, p := range tails {
		if err := Kept(shelf.ReadChecked(ctx, p, v.Columns), 0, 0, nil, p.Partition, w); err != nil {
			w.Abort()
			return change, false, fmt.Errorf("compact %s: %w", v.Table, err)
		}
		change.Remove = append(change.Remove, p.Path)
		rows += p.Rows
	}
	loose, err := w.Finish()
	if err != nil {
		w.Abort()
		return change, false, fmt.Errorf("compact %s: %w", v.Table, err)
	}
	change.Rows.Rows, change.Rows.Bytes = v.Rows, v.Bytes
	for _, p := range tails {
		change.Rows.Bytes -= p.Bytes
	}
	for _, l := range loose {
		rows -= l.File.Rows
		placed, err := shelf.Place(ctx, l)
		if err != nil {
			return change, false, fmt.Errorf("compact %s: %w", v.Table, err)
		}
		change.Add = append(change.Add, placed)
		change.Rows.Bytes += placed.Bytes
	}
	if rows != 0 {
		return change, false, fmt.Errorf("compact %s: %d rows are missing in the new parts", v.Table, rows)
	}
	return change, len(change.Add) < len(tails), nil
}

// ComparePartitions orders partitions, the NULL one first.
func ComparePartitions(a, b *int32) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return -1
	case b == nil:
		return 1
	}
	return cmp.Compare(*a, *b)
}

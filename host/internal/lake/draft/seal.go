package draft

import (
	"context"
	"fmt"
	"slices"

	"github.com/ai-data-analyst/broker/host/internal/lake/merge"
	"github.com/ai-data-analyst/broker/host/internal/lake/part"
	"github.com/ai-data-analyst/broker/host/internal/lake/version"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Seal ends the draft: duplicates and deletes are settled, parts that hold replaced rows are rewritten, and everything
// that is to be added is durable under its final path. Nothing of it is visible before it is published.
func (d *Draft) Seal(ctx context.Context) (Sealed, error) {
	if err := d.rejects.check(true); err != nil {
		return Sealed{}, err
	}
	change := version.Change{
		Spec: d.spec, Base: d.options.Base, Columns: d.columns, LastID: d.lastID, Schema: d.changed, Complete: d.complete,
		Replace: d.spec.Mode == version.Replace,
	}
	change.Spec.Key = d.key
	if d.declared == nil {
		return d.sealUntouched(change)
	}
	outcome, err := d.settle(ctx)
	if err != nil {
		return Sealed{}, fmt.Errorf("settle the rows of %s: %w", d.spec.Name, err)
	}
	fresh, err := d.freshParts(ctx, outcome)
	if err != nil {
		return Sealed{}, err
	}
	kept, gone, err := d.baseParts(ctx, outcome)
	if err != nil {
		return Sealed{}, err
	}
	if !change.Replace {
		change.Remove = gone
	}
	if change.Add, err = d.placeAll(ctx, append(kept, fresh...)); err != nil {
		return Sealed{}, err
	}
	d.count(&change, outcome, fresh, gone)
	if err := d.fillEmpty(ctx, &change); err != nil {
		return Sealed{}, err
	}
	if d.digest != nil {
		change.Content = d.digest.text(d)
	}
	rejected, err := d.rejects.seal(ctx)
	return Sealed{Table: change, Rejected: rejected}, err
}

// sealUntouched ends a draft whose stream never declared its columns.
func (d *Draft) sealUntouched(change version.Change) (Sealed, error) {
	if d.options.Base.Seq == 0 || change.Replace {
		return Sealed{}, fault.Newf(fault.Bug, "the stream of %s never declared its columns", d.spec.Name)
	}
	change.Spec.Key = d.options.Base.Key
	change.Rows = version.Counts{Rows: d.options.Base.Rows, Bytes: d.options.Base.Bytes, Rejected: d.rejects.rows}
	rejected, err := d.rejects.seal(context.Background())
	return Sealed{Table: change, Rejected: rejected}, err
}

// settle decides which rows go.
func (d *Draft) settle(ctx context.Context) (merge.Outcome, error) {
	if err := d.endWriter(); err != nil {
		return merge.Outcome{}, err
	}
	if d.log == nil || d.log.Len() == 0 {
		return merge.Outcome{}, nil
	}
	if d.spec.Mode != version.Merge {
		return merge.Run(d.log)
	}
	return merge.Into(ctx, d.log, merge.Table{
		Shelf: d.shelf, Parts: d.options.Base.Parts, Columns: d.columns, Key: d.keyAt, Hasher: d.hasher, Low: d.low, High: d.high,
		Hits: d.options.Hits,
	})
}

// freshParts returns the run's parts without the rows that go. A part that loses none stays as it is, unless its
// partition came out in several small ones: those are joined.
func (d *Draft) freshParts(ctx context.Context, outcome merge.Outcome) ([]part.Loose, error) {
	w := d.newWriter()
	small := map[partitionKey]int{}
	for _, l := range d.loose {
		if l.File.Bytes < merge.SmallBytes {
			small[keyOf(l.Partition)]++
		}
	}
	slices.SortStableFunc(d.loose, func(a, b part.Loose) int { return merge.ComparePartitions(a.Partition, b.Partition) })
	var whole, spent []part.Loose
	var err error
	for _, l := range d.loose {
		dropped := outcome.Run.Count(l.Stream, l.First, l.File.Rows)
		if dropped == 0 && (l.File.Bytes >= merge.SmallBytes || small[keyOf(l.Partition)] < 2) {
			whole = append(whole, l)
			continue
		}
		spent = append(spent, l)
		if dropped < l.File.Rows && err == nil {
			err = merge.Kept(d.shelf.ReadLoose(ctx, l, d.columns), l.Stream, l.First, outcome.Run, l.Partition, w)
		}
	}
	rewritten, err := d.finish(w, err)
	if err != nil {
		return nil, fmt.Errorf("leave out replaced rows of %s: %w", d.spec.Name, err)
	}
	fresh := append(whole, rewritten...)
	d.loose = append(slices.Clone(fresh), spent...)
	if err := d.shelf.Remove(spent...); err != nil {
		return nil, err
	}
	d.loose = slices.Clone(fresh)
	return fresh, nil
}

// baseParts returns what takes the place of the table's parts that lose rows, and the paths of those that go.
func (d *Draft) baseParts(ctx context.Context, outcome merge.Outcome) (kept []part.Loose, gone []string, err error) {
	w := d.newWriter()
	for i, p := range d.options.Base.Parts {
		dropped := outcome.Base.Count(int32(i), 0, p.Rows)
		if dropped == 0 && !d.replaced(p) {
			continue
		}
		gone = append(gone, p.Path)
		if !d.replaced(p) && dropped < p.Rows && err == nil {
			err = merge.Kept(d.shelf.ReadChecked(ctx, p, d.columns), int32(i), 0, outcome.Base, p.Partition, w)
		}
	}
	if kept, err = d.finish(w, err); err != nil {
		return nil, nil, fmt.Errorf("rewrite parts of %s: %w", d.spec.Name, err)
	}
	d.loose = append(d.loose, kept...)
	return kept, gone, nil
}

// replaced says whether a part of the table goes whatever its rows are.
func (d *Draft) replaced(p version.Part) bool {
	switch d.spec.Mode {
	case version.Replace:
		return true
	case version.Partitions:
		return p.Rows > 0 && d.delivered[keyOf(p.Partition)] || p.Rows == 0 && len(d.delivered) > 0
	}
	return p.Rows == 0 && len(d.loose) > 0 // the part that stood for an empty table
}

// placeAll puts finished files in their places. A file whose bytes the table has already, which is possible where the
// same rows are appended twice, is written again with a note: a path stands in a table once.
func (d *Draft) placeAll(ctx context.Context, loose []part.Loose) ([]version.Part, error) {
	taken := map[string]bool{}
	if d.spec.Mode != version.Replace {
		for _, p := range d.options.Base.Parts {
			taken[p.Path] = true
		}
	}
	var placed []version.Part
	for _, l := range loose {
		for copies := 1; taken[d.shelf.Path(l.File.SHA256)]; copies++ {
			other, err := d.noted(ctx, l, fmt.Sprintf("%s %d", d.options.RunID, copies))
			if err != nil {
				return nil, err
			}
			l = other
		}
		p, err := d.shelf.Place(ctx, l)
		if err != nil {
			return nil, err
		}
		d.loose = slices.DeleteFunc(d.loose, func(o part.Loose) bool { return o.No == l.No })
		taken[p.Path] = true
		placed = append(placed, p)
	}
	return placed, nil
}

// noted writes a file again with a note in it.
func (d *Draft) noted(ctx context.Context, l part.Loose, note string) (part.Loose, error) {
	options := part.Options{Table: d.spec.Name, Columns: d.columns, Parquet: d.options.Parquet, Observer: d.options.Observe.For(d.spec.Name, d.key), Roll: 1 << 62, First: d.parts}
	options.Parquet.Note = note
	w := part.NewWriter(d.shelf, options)
	again, err := d.finish(w, merge.Kept(d.shelf.ReadLoose(ctx, l, d.columns), 0, 0, nil, l.Partition, w))
	if err != nil {
		return l, err
	}
	d.loose = slices.DeleteFunc(append(d.loose, again...), func(o part.Loose) bool { return o.No == l.No })
	return again[0], d.shelf.Remove(l)
}

// count fills in the figures of the change.
func (d *Draft) count(change *version.Change, outcome merge.Outcome, fresh []part.Loose, gone []string) {
	base, c := d.options.Base, &change.Rows
	c.Rows, c.Bytes = base.Rows, base.Bytes
	for _, p := range base.Parts {
		if !slices.Contains(gone, p.Path) {
			continue
		}
		c.Rows -= p.Rows
		c.Bytes -= p.Bytes
		if d.spec.Mode == version.Partitions {
			c.Deleted += p.Rows
		}
	}
	for _, p := range change.Add {
		c.Rows += p.Rows
		c.Bytes += p.Bytes
	}
	for _, l := range fresh {
		c.Added += l.File.Rows
	}
	if d.spec.Mode == version.Merge {
		c.Added, c.Updated, c.Deleted = outcome.Added, outcome.Updated, outcome.Deleted
	}
	c.Duplicates, c.Unchanged, c.Rejected = outcome.Duplicates, outcome.Unchanged, d.rejects.rows
}

// fillEmpty gives a table that comes out without parts one typed part without rows, for plain readers.
func (d *Draft) fillEmpty(ctx context.Context, change *version.Change) error {
	if len(change.Add) > 0 || !change.Replace && len(change.Remove) < len(d.options.Base.Parts) {
		return nil
	}
	loose, err := part.Empty(d.shelf, d.parts, d.columns, d.options.Parquet)
	if err != nil {
		return err
	}
	d.parts++
	d.loose = append(d.loose, loose)
	placed, err := d.shelf.Place(ctx, loose)
	if err != nil {
		return err
	}
	d.loose = slices.DeleteFunc(d.loose, func(o part.Loose) bool { return o.No == loose.No })
	change.Add = []version.Part{placed}
	change.Rows.Bytes += placed.Bytes
	return nil
}

// seal ends the table of rejected rows. A replace empties it when nothing was rejected this time.
func (r *rejects) seal(ctx context.Context) (*version.Change, error) {
	options := r.draft.options
	if r.table == nil {
		if options.Spec.Mode != version.Replace || options.RejectedBase.Rows == 0 {
			return nil, nil
		}
		if err := r.open(); err != nil {
			return nil, err
		}
	}
	if err := r.flush(); err != nil {
		return nil, err
	}
	r.table.begun, r.table.complete = r.draft.begun, r.draft.complete
	sealed, err := r.table.Seal(ctx)
	if err != nil {
		return nil, fmt.Errorf("keep the rejected rows of %s: %w", options.Spec.Name, err)
	}
	return &sealed.Table, nil
}

package lake

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/ai-data-analyst/broker/host/internal/lake/care"
	"github.com/ai-data-analyst/broker/host/internal/lake/catalog"
	"github.com/ai-data-analyst/broker/host/internal/lake/publish"
	"github.com/ai-data-analyst/broker/host/internal/lake/version"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Publish makes the rows so far visible together with the last checkpoint's cursor. With final false the draft goes on
// from what it published; only append and merge may. After an error the draft can only be discarded.
func (d *Draft) Publish(ctx context.Context, final bool) (Publication, error) {
	if d.over {
		return Publication{}, fault.New(fault.Bug, "the draft is over")
	}
	d.over = true // until this has gone well
	changes, err := d.seal(ctx, final)
	if err != nil {
		return Publication{}, d.lake.asFault(err)
	}
	set := publish.Set{RunID: d.run.ID, Root: d.root, Changes: changes, Leases: d.leases, Cursors: map[sdk.TableName]sdk.Cursor{}}
	if d.cursor != nil {
		set.Cursors[d.root], set.Watermark = *d.cursor, d.watermark
	}
	if d.lake.options.Step != nil {
		d.lake.options.Step("sealed")
	}
	p, err := d.lake.publish(ctx, set)
	if err != nil || final {
		return p, err
	}
	for _, t := range d.tables {
		rows, rejected := t.draft.Gathered()
		t.before, t.rejects = t.before+rows, t.rejects+rejected
		_ = t.draft.Discard() // what it had is published or not wanted
		if err := d.begin(ctx, t); err != nil {
			return p, d.lake.asFault(err)
		}
	}
	d.over = false
	return p, nil
}

// seal ends the drafts of the tables and returns their changes. An intermediate publication leaves tables out that
// nothing was said of.
func (d *Draft) seal(ctx context.Context, final bool) ([]version.Change, error) {
	var changes []version.Change
	for _, t := range d.tables {
		mode := t.spec.Mode
		if !final && mode != version.Append && mode != version.Merge {
			return nil, fault.Newf(fault.Bug, "%s is written in mode %s and is published at the end only", t.spec.Name, mode)
		}
		rows, rejected := t.draft.Gathered()
		if !final && rows+rejected == 0 && (t.spec.Name != d.root || t.columns == nil) {
			continue
		}
		sealed, err := t.draft.Seal(ctx)
		if err != nil {
			return nil, err
		}
		if mode == version.Replace && !sealed.Table.Complete {
			return nil, fault.Newf(fault.Transient, "the full delivery of %s was not complete", t.spec.Name).WithScope(string(t.spec.Name))
		}
		changes = append(changes, sealed.Table)
		if sealed.Rejected != nil {
			changes = append(changes, *sealed.Rejected)
		}
	}
	return changes, nil
}

// heldSet is a publication that waits for a person, as it is kept.
type heldSet struct {
	Changes   []version.Change
	Cursors   map[sdk.TableName]sdk.Cursor
	Watermark string
	Tables    []TableResult
}

// publish publishes a set, or keeps it for a person to decide.
func (l *Lake) publish(ctx context.Context, set publish.Set) (Publication, error) {
	result, err := l.publisher.Publish(ctx, set)
	if err != nil {
		return Publication{}, l.asFault(err)
	}
	p := Publication{RunID: set.RunID, Seq: result.Seq, Published: result.Published, Status: Unchanged, Reason: result.Held}
	switch {
	case result.Held != "":
		p.Status = Held
	case result.Seq > 0:
		p.Status = Published
	}
	for _, change := range set.Changes {
		p.Tables = append(p.Tables, tableResult(change, result, p.Status))
	}
	if p.Status == Held {
		return p, l.hold(ctx, set, result, p)
	}
	l.trim(ctx, set)
	return p, nil
}

func tableResult(change version.Change, result publish.Result, status Status) TableResult {
	v, c := result.Versions[change.Spec.Name], change.Rows
	r := TableResult{Name: change.Spec.Name, Status: Unchanged, Rows: v.Rows, Bytes: v.Bytes, Parts: len(v.Parts), Rejected: c.Rejected}
	switch {
	case status == Held:
		r.Status = Held
	case result.Changed[change.Spec.Name]:
		r.Status = Published
		r.Added, r.Updated, r.Deleted = c.Added, c.Updated, c.Deleted
	}
	return r
}

func (l *Lake) hold(ctx context.Context, set publish.Set, result publish.Result, p Publication) error {
	kept := heldSet{Changes: set.Changes, Cursors: set.Cursors, Watermark: set.Watermark}
	for _, change := range set.Changes {
		c := change.Rows
		kept.Tables = append(kept.Tables, TableResult{Name: change.Spec.Name, Status: Held, Rows: c.Rows, Added: c.Added, Updated: c.Updated,
			Deleted: c.Deleted, Rejected: c.Rejected, Bytes: c.Bytes, Parts: len(change.Add)})
	}
	content, err := json.Marshal(kept)
	if err != nil {
		return fmt.Errorf("keep the held publication: %w", err)
	}
	h := catalog.Held{Root: set.Root, RunID: set.RunID, Since: l.options.Now().UTC(), Reason: result.Held, Content: content}
	l.options.Log.Warn("a publication is held", "run", p.RunID, "table", set.Root, "reason", result.Held)
	return l.asFault(l.catalog.Hold(ctx, h, set.Leases))
}

// trim keeps the number of a table's snapshots down, as every publication writes all of them again. Files are Expire's.
func (l *Lake) trim(ctx context.Context, set publish.Set) {
	for _, lease := range set.Leases {
		location, err := l.catalog.Location(ctx, lease.Table.Namespace(), lease.Table.Table())
		if err != nil || location == "" {
			continue
		}
		meta, err := l.catalog.Metadata(location)
		if err != nil {
			continue
		}
		n := len(meta.Snapshots())
		if n <= care.Snapshots || n%10 != 0 {
			continue
		}
		gone, err := l.keeper.Trim(ctx, lease)
		if err == nil && gone == 0 {
			l.options.Log.Warn("a table has many generations that readers may still be using", "table", lease.Table, "generations", n)
		}
		if err != nil {
			l.options.Log.Warn("old generations could not be removed", "table", lease.Table, "error", err)
		}
	}
}

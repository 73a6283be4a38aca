package lake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"

	"github.com/ai-data-analyst/broker/host/internal/lake/care"
	"github.com/ai-data-analyst/broker/host/internal/lake/catalog"
	"github.com/ai-data-analyst/broker/host/internal/lake/disk"
	"github.com/ai-data-analyst/broker/host/internal/lake/merge"
	"github.com/ai-data-analyst/broker/host/internal/lake/part"
	"github.com/ai-data-analyst/broker/host/internal/lake/publish"
	"github.com/ai-data-analyst/broker/host/internal/lake/version"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Held lists the publications that wait for a person.
func (l *Lake) Held(ctx context.Context) ([]HeldSet, error) {
	rows, err := l.catalog.Held(ctx)
	if err != nil {
		return nil, l.asFault(err)
	}
	found := make([]HeldSet, len(rows))
	for i, row := range rows {
		kept, err := decodeHeld(row)
		if err != nil {
			return nil, err
		}
		found[i] = HeldSet{Root: row.Root, RunID: row.RunID, Since: row.Since, Reason: row.Reason, Tables: kept.Tables}
	}
	return found, nil
}

func decodeHeld(row catalog.Held) (heldSet, error) {
	var kept heldSet
	if err := json.Unmarshal(row.Content, &kept); err != nil {
		return kept, fmt.Errorf("read what is held of %s: %w", row.Root, err)
	}
	return kept, nil
}

// findHeld returns the held set that a table belongs to.
func (l *Lake) findHeld(ctx context.Context, table sdk.TableName) (catalog.Held, heldSet, error) {
	rows, err := l.catalog.Held(ctx)
	if err != nil {
		return catalog.Held{}, heldSet{}, l.asFault(err)
	}
	for _, row := range rows {
		kept, err := decodeHeld(row)
		if err != nil {
			return catalog.Held{}, heldSet{}, err
		}
		if slices.ContainsFunc(kept.Changes, func(c version.Change) bool { return c.Spec.Name == table }) {
			return row, kept, nil
		}
	}
	return catalog.Held{}, heldSet{}, fault.Newf(fault.NotFound, "nothing of %s is held", table).WithScope(string(table))
}

// Accept publishes the held set that table belongs to.
func (l *Lake) Accept(ctx context.Context, table sdk.TableName) (Publication, error) {
	if !l.options.Exclusive {
		return Publication{}, l.needsLock()
	}
	row, kept, err := l.findHeld(ctx, table)
	if err != nil {
		return Publication{}, err
	}
	set := publish.Set{RunID: row.RunID, Root: row.Root, Changes: kept.Changes, Cursors: kept.Cursors, Watermark: kept.Watermark, Force: true}
	p, err := l.underLease(ctx, row.RunID, set)
	if errors.Is(err, catalog.ErrConflict) {
		return p, fault.Newf(fault.Data, "%s has changed since its publication was held", table).WithScope(string(table)).
			WithHelp("Discard what is held and sync again.")
	}
	return p, err
}

// underLease publishes a set whose tables no run is writing.
func (l *Lake) underLease(ctx context.Context, run string, set publish.Set) (Publication, error) {
	names := make([]sdk.TableName, len(set.Changes))
	for i, change := range set.Changes {
		names[i] = change.Spec.Name
	}
	leases, err := l.catalog.Take(ctx, names, run, "broker", leaseTime)
	if err != nil {
		return Publication{}, l.asFault(err)
	}
	set.Leases = leases
	p, err := l.publish(ctx, set)
	return p, errors.Join(err, l.asFault(l.catalog.Release(context.WithoutCancel(ctx), leases)))
}

// DiscardHeld gives up the held set that table belongs to. Its files go with the next Expire.
func (l *Lake) DiscardHeld(ctx context.Context, table sdk.TableName) error {
	if !l.options.Exclusive {
		return l.needsLock()
	}
	row, _, err := l.findHeld(ctx, table)
	if err != nil {
		return err
	}
	return l.asFault(l.catalog.Unhold(ctx, row.Root))
}

// Rollback makes a new generation in which the tables are as they were in generation n, cursor included. No tables =
// all that have changed since.
func (l *Lake) Rollback(ctx context.Context, n int64, tables ...sdk.TableName) (Publication, error) {
	if !l.options.Exclusive {
		return Publication{}, l.needsLock()
	}
	newest, err := l.catalog.Seq(ctx)
	if err != nil {
		return Publication{}, l.asFault(err)
	}
	if n < 1 || n > newest {
		return Publication{}, fault.Newf(fault.NotFound, "there is no generation %d; the newest is %d", n, newest)
	}
	heads, err := l.catalog.HeadsAt(ctx, n)
	if err != nil {
		return Publication{}, l.asFault(err)
	}
	set := publish.Set{RunID: fmt.Sprintf("rollback-%d-%s", n, l.options.Now().UTC().Format("20060102T150405.000000")), Cursors: map[sdk.TableName]sdk.Cursor{}, Force: true}
	for _, h := range heads {
		if len(tables) > 0 && !slices.Contains(tables, h.Table) {
			continue
		}
		change, cursor, err := l.restore(ctx, h)
		if err != nil {
			return Publication{}, err
		}
		if len(tables) == 0 && change.Base.Seq <= n {
			continue
		}
		set.Changes, set.Cursors[h.Table] = append(set.Changes, change), cursor
	}
	for _, table := range tables {
		if !slices.ContainsFunc(set.Changes, func(c version.Change) bool { return c.Spec.Name == table }) {
			return Publication{}, fault.Newf(fault.NotFound, "%s was not published in generation %d", table, n).WithScope(string(table))
		}
	}
	if len(set.Changes) == 0 {
		return Publication{RunID: set.RunID, Status: Unchanged}, nil
	}
	return l.underLease(ctx, set.RunID, set)
}

// restore returns the change that makes a table as a head had it.
func (l *Lake) restore(ctx context.Context, h catalog.Head) (version.Change, sdk.Cursor, error) {
	old, err := l.publisher.At(ctx, h)
	if err != nil {
		return version.Change{}, sdk.Cursor{}, l.asFault(err)
	}
	now, err := l.publisher.Current(ctx, h.Table)
	if err != nil {
		return version.Change{}, sdk.Cursor{}, l.asFault(err)
	}
	change := version.Change{Spec: specOf(now, old), Base: now, Columns: old.Columns, LastID: now.LastID, Add: old.Parts, Replace: true, Complete: true,
		Content: old.Content, Schema: len(old.Columns) != len(now.Columns), Rows: version.Counts{Rows: old.Rows, Bytes: old.Bytes}}
	return change, old.Cursor, nil
}

// Expire removes snapshots that retention no longer keeps, and files that nothing names. Tables that are being written
// are left for the next time.
func (l *Lake) Expire(ctx context.Context) (Expired, error) {
	if !l.options.Exclusive {
		return Expired{}, l.needsLock()
	}
	var total Expired
	held, err := l.heldParts(ctx)
	if err != nil {
		return total, err
	}
	tables, err := l.keeper.Tables(ctx)
	if err != nil {
		return total, l.asFault(err)
	}
	var errs []error
	for _, name := range tables {
		if err := l.compact(ctx, name); err != nil {
			errs = append(errs, err)
		}
		if err := l.empty(ctx, name); err != nil {
			errs = append(errs, err)
		}
		one, err := l.keeper.Expire(ctx, name, held)
		total.Snapshots += one.Snapshots
		total.Files += one.Files
		total.Bytes += one.Bytes
		if err != nil {
			errs = append(errs, l.asFault(err))
		}
	}
	return total, errors.Join(errs...)
}

// compact writes the small parts of a table together when there are too many. No generation comes of it: readers see the
// larger parts with the next one.
func (l *Lake) compact(ctx context.Context, name sdk.TableName) error {
	v, err := l.publisher.Current(ctx, name)
	if err != nil || v.Seq == 0 || v.Dropped || len(merge.Tails(v)) == 0 {
		return l.asFault(err)
	}
	return l.tidy(ctx, name, "compact", l.rewrite)
}

// tidy does maintenance of a table under its lease, unless somebody else has that: then the next time.
func (l *Lake) tidy(ctx context.Context, name sdk.TableName, what string, do func(context.Context, sdk.TableName, string, []catalog.Lease) error) error {
	run := what + "-" + l.options.Now().UTC().Format("20060102T150405.000000")
	leases, err := l.catalog.Take(ctx, []sdk.TableName{name}, run, "broker", leaseTime)
	var leased *catalog.LeasedError
	if errors.As(err, &leased) {
		return nil
	}
	if err != nil {
		return l.asFault(err)
	}
	err = do(ctx, name, run, leases)
	return errors.Join(l.asFault(err), l.asFault(l.catalog.Release(context.WithoutCancel(ctx), leases)))
}

func (l *Lake) rewrite(ctx context.Context, name sdk.TableName, run string, leases []catalog.Lease) error {
	v, err := l.publisher.Current(ctx, name) // as it is under the lease
	if err != nil {
		return err
	}
	drafts := filepath.Join(l.options.Dir, care.Drafts, run)
	defer disk.RemoveAll(l.options.FS, drafts)
	shelf := part.Shelf{FS: l.options.FS, Files: l.files, Final: path.Join(name.Namespace(), name.Table(), "data"), Draft: drafts}
	change, worth, err := merge.Compact(ctx, shelf, v, part.Options{Observer: l.options.Observe.For(name, v.Key)})
	if err != nil || !worth {
		return err
	}
	change.Spec, change.Content = specOf(v, v), v.Content
	_, err = l.publisher.Publish(ctx, publish.Set{RunID: run, Root: name, Changes: []version.Change{change}, Leases: leases, Tidy: true})
	return err
}

// specOf returns what the lake itself knows of a table's Spec: shape as in like, the rest as it is now.
func specOf(now, like Version) Spec {
	return Spec{Name: now.Table, Source: now.Source, Stream: now.Stream, Strategy: now.Strategy, Description: now.Description, PII: now.PII,
		Mode: version.Replace, Key: like.Key, Partition: like.Partition}
}

// heldParts returns the paths of the parts that wait for a person.
func (l *Lake) heldParts(ctx context.Context) (map[string]bool, error) {
	rows, err := l.catalog.Held(ctx)
	if err != nil {
		return nil, l.asFault(err)
	}
	parts := map[string]bool{}
	for _, row := range rows {
		kept, err := decodeHeld(row)
		if err != nil {
			return nil, err
		}
		for _, change := range kept.Changes {
			for _, part := range change.Add {
				parts[part.Path] = true
			}
		}
	}
	return parts, nil
}

// Verify checks that catalog, metadata and parts agree; full reads every byte and compares hashes (G5).
func (l *Lake) Verify(ctx context.Context, full bool) ([]Finding, error) {
	findings, err := l.keeper.Verify(ctx, full)
	return findings, l.asFault(err)
}

package lake

import (
	"context"
	"time"

	"github.com/ai-data-analyst/broker/host/internal/lake/catalog"
	"github.com/ai-data-analyst/broker/host/internal/lake/publish"
	"github.com/ai-data-analyst/broker/host/internal/lake/version"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Drop makes one generation without the tables, and without the rows that were rejected of them. Rows and cursor stay
// until retention ends: Rollback, or the next run of the table, brings it back until then.
func (l *Lake) Drop(ctx context.Context, tables ...sdk.TableName) (Publication, error) {
	if !l.options.Exclusive {
		return Publication{}, l.needsLock()
	}
	if len(tables) == 0 {
		return Publication{}, fault.New(fault.Bug, "no table is to be dropped")
	}
	set := publish.Set{RunID: "drop-" + l.options.Now().UTC().Format("20060102T150405.000000"), Root: tables[0], Drop: true, Force: true}
	for _, name := range tables {
		for _, one := range []sdk.TableName{name, name.Rejected()} {
			v, err := l.publisher.Current(ctx, one)
			if err != nil {
				return Publication{}, l.asFault(err)
			}
			published := v.Seq > 0 && !v.Dropped
			if !published && one == name {
				return Publication{}, fault.Newf(fault.NotFound, "%s is not published", name).WithScope(string(name))
			}
			if published {
				set.Changes = append(set.Changes, keeping(v))
			}
		}
	}
	return l.underLease(ctx, set.RunID, set)
}

// keeping is the change that changes no row.
func keeping(v Version) version.Change {
	return version.Change{Spec: specOf(v, v), Base: v, Columns: v.Columns, LastID: v.LastID, Content: v.Content, Rows: version.Counts{Rows: v.Rows, Bytes: v.Bytes}}
}

// empty takes the rows and the cursor out of a table that was dropped so long ago that nobody may ask for it back. Its
// files go as those of every expired generation.
func (l *Lake) empty(ctx context.Context, name sdk.TableName) error {
	v, err := l.publisher.Current(ctx, name)
	if err != nil || !v.Dropped || len(v.Parts) == 0 {
		return l.asFault(err)
	}
	if dropped, err := time.Parse(time.RFC3339Nano, v.Published); err != nil || !l.keeper.Over(dropped) {
		return err
	}
	return l.tidy(ctx, name, "empty", func(ctx context.Context, name sdk.TableName, run string, leases []catalog.Lease) error {
		v, err := l.publisher.Current(ctx, name) // as it is under the lease
		if err != nil || !v.Dropped {
			return err
		}
		change := keeping(v)
		change.Replace, change.Complete, change.Content, change.Rows = true, true, "", version.Counts{}
		_, err = l.publisher.Publish(ctx, publish.Set{RunID: run, Root: name, Changes: []version.Change{change}, Leases: leases, Tidy: true, Force: true,
			Cursors: map[sdk.TableName]sdk.Cursor{name: {}}})
		return err
	})
}

package lake

import (
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"github.com/ai-data-analyst/broker/host/internal/lake/catalog"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Head is the version of a table in a generation, as the catalog lists it: At reads it.
type Head = catalog.Head

// Newest returns the number of the newest generation; 0 = nothing was ever published.
func (l *Lake) Newest(ctx context.Context) (int64, error) {
	seq, err := l.catalog.Seq(ctx)
	return seq, l.asFault(err)
}

// Heads returns the newest head of every table up to generation n, by name, without reading any table.
func (l *Lake) Heads(ctx context.Context, n int64) ([]Head, error) {
	heads, err := l.catalog.HeadsAt(ctx, n)
	return heads, l.asFault(err)
}

// History returns the heads of the generations in (after, upTo], the oldest first.
func (l *Lake) History(ctx context.Context, after, upTo int64) ([]Head, error) {
	heads, err := l.catalog.HeadsBetween(ctx, after, upTo, math.MaxInt32)
	slices.Reverse(heads)
	return heads, l.asFault(err)
}

// HeadsOf returns every kept head of a table, the newest first, without reading the table.
func (l *Lake) HeadsOf(ctx context.Context, table sdk.TableName) ([]Head, error) {
	heads, err := l.catalog.HeadsOfTable(ctx, table)
	return heads, l.asFault(err)
}

// At reads the table as a head has it; a fault (not_found) when that has expired, or took the table out.
func (l *Lake) At(ctx context.Context, head Head) (Version, error) {
	v, err := l.publisher.At(ctx, head)
	if err == nil && v.Dropped {
		return Version{}, fault.Newf(fault.NotFound, "%s was dropped in generation %d", head.Table, head.Seq)
	}
	return v, l.asFault(err)
}

// Oldest returns the oldest generation from which on every one can be read; 0 when nothing was ever published. from is a
// generation before which nothing is looked at: an earlier answer, or 0.
func (l *Lake) Oldest(ctx context.Context, from int64) (int64, error) {
	newest, err := l.catalog.Seq(ctx)
	if err != nil || newest == 0 {
		return 0, l.asFault(err)
	}
	from = min(max(from, 1), newest)
	oldest := from
	heads, err := l.catalog.HeadsAt(ctx, from)
	if err != nil {
		return 0, l.asFault(err)
	}
	later, err := l.History(ctx, from, newest)
	if err != nil {
		return 0, err
	}
	held, err := l.publisher.Snapshots(ctx)
	if err != nil {
		return 0, l.asFault(err)
	}
	gone := map[sdk.TableName]bool{}
	for _, h := range append(heads, later...) {
		if gone[h.Table] {
			oldest = max(oldest, h.Seq) // this head came after one that has expired
		}
		gone[h.Table] = !h.Dropped && !held[h.Table][h.Snapshot]
	}
	return oldest, nil
}

// Current returns the table as last published; Seq 0 when it never was.
func (l *Lake) Current(ctx context.Context, table sdk.TableName) (Version, error) {
	v, err := l.publisher.Current(ctx, table)
	return v, l.asFault(err)
}

// Cursor returns where the next run of the table set resumes: the cursor of the root's current snapshot (I4).
func (l *Lake) Cursor(ctx context.Context, root sdk.TableName) (sdk.Cursor, error) {
	v, err := l.Current(ctx, root)
	return v.Cursor, err
}

// Tables returns every table as last published, by name.
func (l *Lake) Tables(ctx context.Context) ([]Version, error) {
	heads, err := l.catalog.HeadsAt(ctx, math.MaxInt64)
	if err != nil {
		return nil, l.asFault(err)
	}
	versions := make([]Version, len(heads))
	for i, h := range heads {
		if versions[i], err = l.Current(ctx, h.Table); err != nil {
			return nil, err
		}
	}
	return versions, nil
}

// Generation returns the state of all tables in generation n; 0 = the newest.
func (l *Lake) Generation(ctx context.Context, n int64) (Generation, error) {
	newest, err := l.catalog.Seq(ctx)
	if err != nil {
		return Generation{}, l.asFault(err)
	}
	if n == 0 {
		n = newest
	}
	if n < 0 || n > newest {
		return Generation{}, fault.Newf(fault.NotFound, "there is no generation %d; the newest is %d", n, newest)
	}
	heads, err := l.catalog.HeadsAt(ctx, n)
	if err != nil {
		return Generation{}, l.asFault(err)
	}
	g := Generation{Seq: n}
	for _, h := range heads {
		v, err := l.publisher.At(ctx, h)
		if err != nil {
			return Generation{}, l.asFault(err)
		}
		g.Tables = append(g.Tables, v)
		if h.Published.After(g.Published) {
			g.Published = h.Published
		}
		if h.Seq == n {
			g.RunID, g.Changed = h.RunID, append(g.Changed, h.Table)
		}
	}
	return g, nil
}

// Generations lists generations, the newest first; limit 0 = the newest 100.
func (l *Lake) Generations(ctx context.Context, limit int) ([]Generation, error) {
	if limit <= 0 {
		limit = 100
	}
	return l.between(ctx, 0, limit)
}

// ChangedSince lists the generations after n, the oldest first.
func (l *Lake) ChangedSince(ctx context.Context, n int64) ([]Generation, error) {
	found, err := l.between(ctx, n, math.MaxInt32)
	slices.Reverse(found)
	return found, err
}

func (l *Lake) between(ctx context.Context, after int64, limit int) ([]Generation, error) {
	heads, err := l.catalog.HeadsBetween(ctx, after, math.MaxInt64, limit)
	if err != nil {
		return nil, l.asFault(err)
	}
	var found []Generation
	for _, h := range heads {
		if len(found) == 0 || found[len(found)-1].Seq != h.Seq {
			found = append(found, Generation{Seq: h.Seq, Published: h.Published, RunID: h.RunID})
		}
		g := &found[len(found)-1]
		g.Changed = append(g.Changed, h.Table)
	}
	return found, nil
}

// Settled returns what the run published last, for journals to be closed after a crash; Seq 0 = nothing.
func (l *Lake) Settled(ctx context.Context, runID string) (Publication, error) {
	heads, err := l.catalog.HeadsOfRun(ctx, runID)
	if err != nil || len(heads) == 0 {
		return Publication{RunID: runID}, l.asFault(err)
	}
	p := Publication{RunID: runID, Seq: heads[0].Seq, Published: heads[0].Published, Status: Published}
	for _, h := range heads {
		if h.Seq == p.Seq {
			p.Tables = append(p.Tables, TableResult{Name: h.Table, Status: Published, Rows: h.Rows, Bytes: h.Bytes, Parts: h.Parts})
		}
	}
	return p, nil
}

// Pin keeps generation n from expiring until release is called or ttl is over.
func (l *Lake) Pin(ctx context.Context, n int64, ttl time.Duration) (release func(context.Context) error, err error) {
	id, err := l.catalog.Pin(ctx, n, ttl)
	if err != nil {
		return nil, l.asFault(err)
	}
	release = func(ctx context.Context) error { return l.asFault(l.catalog.Unpin(ctx, id)) }
	if _, err := l.Generation(ctx, n); err != nil { // it may have gone before the pin was there
		return nil, errors.Join(err, release(ctx))
	}
	return release, nil
}

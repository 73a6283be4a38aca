package watch

import (
	"context"
	"fmt"
	"sync"

	"github.com/ai-data-analyst/broker/host/internal/app/watch/state"
	"github.com/ai-data-analyst/broker/host/internal/app/watch/words"
	"github.com/ai-data-analyst/broker/host/internal/lake"
	"github.com/ai-data-analyst/broker/host/internal/store"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
)

// Bounds of a history.
const (
	usualVersions = 30
	mostVersions  = 200
	mostKept      = 4096 // versions whose figures are kept to be told again
)

// versions keeps what never changes of a version: its figures, and the step from the one before.
type versions struct {
	mu   sync.Mutex
	kept map[step]api.Version
}

// step is a version of a table and the one before it.
type step struct {
	table      sdk.TableName
	seq, after int64
}

// History lists the versions of a table, newest first, as far back as they can be read.
func (w *Watch) History(ctx context.Context, who sdk.Caller, table sdk.TableName, limit int) (api.History, error) {
	history := api.History{Table: string(table), Versions: []api.Version{}}
	if err := w.options.Access.Authorize(ctx, who, sdk.ReadTable, table); err != nil {
		return history, err
	}
	if limit <= 0 {
		limit = usualVersions
	}
	limit = min(limit, mostVersions)
	heads, err := w.options.Lake.HeadsOf(ctx, table)
	if err != nil {
		return history, fmt.Errorf("list the versions of %s: %w", table, err)
	}
	counts, err := w.counts(ctx, table, heads)
	if err != nil {
		return history, err
	}
	for i, head := range heads[:min(limit, len(heads))] {
		version, err := w.versionOf(ctx, heads, i)
		if fault.CodeOf(err) == fault.NotFound { // it has expired, and so have older ones
			break
		}
		if err != nil {
			return history, fmt.Errorf("read generation %d of %s: %w", head.Seq, table, err)
		}
		if c, known := counts[head.RunID]; known {
			version.Added, version.Updated, version.Deleted = &c.Added, &c.Updated, &c.Deleted
		}
		history.Versions = append(history.Versions, version)
	}
	return history, nil
}

// counts are the figures of the runs that made exactly one version of the table; what several versions of one run did
// each is not on record.
func (w *Watch) counts(ctx context.Context, table sdk.TableName, heads []lake.Head) (map[string]store.RunTable, error) {
	made := map[string]int{}
	for _, h := range heads {
		made[h.RunID]++
	}
	runs, err := w.options.Runs.List(ctx, store.RunFilter{Table: table, Limit: 5000})
	if err != nil {
		return nil, err
	}
	all := map[string]store.RunTable{}
	for _, run := range runs {
		for _, t := range run.Tables {
			if t.Name == table && made[run.ID] == 1 && run.Status != store.Running {
				all[run.ID] = t
			}
		}
	}
	return all, nil
}

// versionOf is the version of a head and its step from the one before. An older one that has expired counts as none: who
// has only that downloads everything.
func (w *Watch) versionOf(ctx context.Context, heads []lake.Head, at int) (api.Version, error) {
	head := heads[at]
	key := step{table: head.Table, seq: head.Seq}
	var before lake.Version
	if at+1 < len(heads) {
		key.after = heads[at+1].Seq
	}
	w.versions.mu.Lock()
	known, ok := w.versions.kept[key]
	w.versions.mu.Unlock()
	if ok {
		return known, nil
	}
	now, err := w.options.Lake.At(ctx, head)
	if err != nil {
		return api.Version{}, err
	}
	if key.after > 0 {
		before, err = w.options.Lake.At(ctx, heads[at+1])
		if fault.CodeOf(err) == fault.NotFound {
			before, err = lake.Version{}, nil
		}
		if err != nil {
			return api.Version{}, err
		}
	}
	version := api.Version{Generation: head.Seq, PublishedAt: state.Stamp(head.Published), Rows: now.Rows, Bytes: now.Bytes, Parts: len(now.Parts)}
	had := map[string]bool{}
	for _, p := range before.Parts {
		had[p.SHA256] = true
	}
	for _, p := range now.Parts {
		if !had[p.SHA256] {
			version.NewParts, version.NewBytes = version.NewParts+1, version.NewBytes+p.Bytes
		}
	}
	if before.Snapshot != 0 {
		version.Schema = words.Changes(before, now)
	}
	w.versions.mu.Lock()
	defer w.versions.mu.Unlock()
	if w.versions.kept == nil || len(w.versions.kept) >= mostKept {
		w.versions.kept = map[step]api.Version{}
	}
	w.versions.kept[key] = version
	return version, nil
}

package watch

import (
	"context"
	"time"

	"github.com/ai-data-analyst/broker/host/internal/app/watch/state"
	"github.com/ai-data-analyst/broker/host/internal/store"
	"github.com/ai-data-analyst/broker/sdk"
)

// book is the journal of the last thirty days, added up table by table. It is read once and then followed.
type book struct {
	pasts   map[sdk.TableName]*state.Past
	sources map[sdk.TableName]string
	refused map[string]*state.Outcome // newest failure of a source before its tables were known
	edge    time.Time                 // end of the newest run taken in
	seen    map[string]time.Time      // runs taken in that ended within the overlap
}

const (
	page = 1000
	// overlap is how much later than it ended a run may appear: its end is written within half a minute.
	overlap = time.Minute
)

// follow takes in what ended since it was last called.
func (b *book) follow(ctx context.Context, journal Journal, now time.Time) error {
	if b.pasts == nil {
		b.pasts, b.sources, b.refused, b.seen = map[sdk.TableName]*state.Past{}, map[sdk.TableName]string{}, map[string]*state.Outcome{}, map[string]time.Time{}
		b.edge = now.AddDate(0, 0, -state.Days-1)
	}
	after, id := b.edge.Add(-overlap), ""
	for {
		runs, err := journal.Ended(ctx, after, id, page)
		if err != nil {
			return err
		}
		for _, run := range runs {
			after, id = run.Finished, run.ID
			if _, known := b.seen[run.ID]; known {
				continue
			}
			b.seen[run.ID] = run.Finished
			b.add(run)
		}
		if len(runs) < page {
			break
		}
	}
	for id, ended := range b.seen {
		if ended.Before(b.edge.Add(-2 * overlap)) {
			delete(b.seen, id)
		}
	}
	return nil
}

func (b *book) add(run store.Run) {
	if run.Finished.After(b.edge) {
		b.edge = run.Finished
	}
	if len(run.Tables) == 0 && run.Status == "failed" {
		refused := outcomeOf(run, store.RunTable{})
		b.refused[run.Source] = &refused
		return
	}
	for _, t := range run.Tables {
		past := b.pasts[t.Name]
		if past == nil {
			past = &state.Past{}
			b.pasts[t.Name] = past
		}
		b.sources[t.Name] = run.Source
		past.Add(outcomeOf(run, t))
	}
}

// outcomeOf is how a run went for one of its tables. One that failed after it had published a part was not in vain.
func outcomeOf(run store.Run, t store.RunTable) state.Outcome {
	o := state.Outcome{Sync: run.Sync, Run: run.ID, Status: run.Status, Started: run.Started, Ended: run.Finished, Added: t.Added, Updated: t.Updated,
		Deleted: t.Deleted, Message: run.Message, Help: run.Help}
	switch {
	case run.Status == "published" && t.Status == "unchanged":
		o.Status = t.Status
	case (run.Status == "failed" || run.Status == "cancelled") && run.Generation > 0 && t.Added+t.Updated+t.Deleted > 0:
		o.Status = "partial"
	}
	if o.Message != "" || o.Help != "" {
		o.Set = setOf(run)
	}
	return o
}

func setOf(run store.Run) []sdk.TableName {
	set := make([]sdk.TableName, len(run.Tables))
	for i, t := range run.Tables {
		set[i] = t.Name
	}
	return set
}

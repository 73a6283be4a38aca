package door

import (
	"context"

	"github.com/ai-data-analyst/broker/host/internal/ingest"
	"github.com/ai-data-analyst/broker/host/internal/store"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Journal shows the journal of runs to ingest.
type Journal struct{ Runs store.Runs }

var _ ingest.Journal = Journal{}

// Begin implements ingest.Journal.
func (d Journal) Begin(ctx context.Context, run ingest.RunInfo, set ingest.Set) error {
	entry := store.Run{ID: run.ID, Sync: set.Sync, Source: set.Source, Table: set.Root(), Trigger: set.Trigger, Status: store.Running,
		Attempts: run.Attempt, Started: run.Started}
	for _, t := range set.Tables {
		entry.Tables = append(entry.Tables, store.RunTable{Name: t.Name, Status: store.Running})
	}
	return d.Runs.Create(ctx, entry)
}

// Attempt implements ingest.Journal.
func (d Journal) Attempt(ctx context.Context, run string, n int, because error) error {
	note := ""
	if because != nil {
		note = because.Error()
	}
	return d.Runs.Attempt(ctx, run, n, note)
}

// Finish implements ingest.Journal.
func (d Journal) Finish(ctx context.Context, r ingest.Result) error {
	entry := store.Run{ID: r.Run, Status: string(r.Status), Attempts: r.Attempts, Generation: r.Generation, Started: r.Started, Finished: r.Finished}
	if r.Err != nil {
		entry.Code, entry.Message, entry.Help = string(fault.CodeOf(r.Err)), fault.TextOf(r.Err), fault.HelpOf(r.Err)
	}
	for _, t := range r.Tables {
		entry.Tables = append(entry.Tables, store.RunTable{Name: t.Name, Status: string(t.Status), Rows: t.Rows, Added: t.Added, Updated: t.Updated,
			Deleted: t.Deleted, Rejected: t.Rejected, Bytes: t.Bytes})
	}
	return d.Runs.Finish(ctx, entry)
}

// Open implements ingest.Journal.
func (d Journal) Open(ctx context.Context) ([]ingest.OpenRun, error) {
	running, err := d.Runs.List(ctx, store.RunFilter{Status: store.Running})
	if err != nil {
		return nil, err
	}
	open := make([]ingest.OpenRun, len(running))
	for i, r := range running {
		open[i] = ingest.OpenRun{ID: r.ID, Source: r.Source, Started: r.Started, Tables: []sdk.TableName{r.Table}}
		for _, t := range r.Tables {
			if t.Name != r.Table {
				open[i].Tables = append(open[i].Tables, t.Name)
			}
		}
	}
	return open, nil
}

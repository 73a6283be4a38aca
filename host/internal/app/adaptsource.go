package app

import (
	"context"

	"github.com/ai-data-analyst/broker/config"
	"github.com/ai-data-analyst/broker/host/internal/ingest"
	"github.com/ai-data-analyst/broker/host/internal/store"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// sourceDoor shows the supervisor's plugins to ingest as sessions of configured sources.
type sourceDoor struct{ app *App }

var _ ingest.Source = sourceDoor{}

// Session implements ingest.Source.
func (d sourceDoor) Session(ctx context.Context, source, run string) (connector.Session, func() string, error) {
	configured, ok := d.app.source(source)
	if !ok {
		return nil, nil, fault.Newf(fault.Config, "there is no source %q", source)
	}
	loan, err := d.app.lend(ctx, configured, run)
	if err != nil {
		return nil, nil, err
	}
	release := func() string {
		if err := loan.Close(); err != nil {
			d.app.options.Log.Warn("plugin did not end well", "source", source, "run", run, "error", err)
		}
		return loan.Exit()
	}
	return loan.Session(), release, nil
}

func (a *App) source(name string) (config.Source, bool) {
	for _, s := range a.config.Sources {
		if s.Name == name {
			return s, true
		}
	}
	return config.Source{}, false
}

// journalDoor shows the journal of runs to ingest.
type journalDoor struct{ runs store.Runs }

var _ ingest.Journal = journalDoor{}

// Begin implements ingest.Journal.
func (d journalDoor) Begin(ctx context.Context, run ingest.RunInfo, set ingest.Set) error {
	entry := store.Run{ID: run.ID, Sync: set.Sync, Source: set.Source, Table: set.Root(), Trigger: set.Trigger, Status: store.Running,
		Attempts: run.Attempt, Started: run.Started}
	for _, t := range set.Tables {
		entry.Tables = append(entry.Tables, store.RunTable{Name: t.Name, Status: store.Running})
	}
	return d.runs.Create(ctx, entry)
}

// Attempt implements ingest.Journal.
func (d journalDoor) Attempt(ctx context.Context, run string, n int, because error) error {
	note := ""
	if because != nil {
		note = because.Error()
	}
	return d.runs.Attempt(ctx, run, n, note)
}

// Finish implements ingest.Journal.
func (d journalDoor) Finish(ctx context.Context, r ingest.Result) error {
	entry := store.Run{ID: r.Run, Status: string(r.Status), Attempts: r.Attempts, Generation: r.Generation, Started: r.Started, Finished: r.Finished}
	if failure := FailureOf(r.Err); failure != nil {
		entry.Code, entry.Message, entry.Help = failure.Code, failure.Message, failure.Help
	}
	for _, t := range r.Tables {
		entry.Tables = append(entry.Tables, store.RunTable{Name: t.Name, Status: string(t.Status), Rows: t.Rows, Added: t.Added, Updated: t.Updated,
			Deleted: t.Deleted, Rejected: t.Rejected, Bytes: t.Bytes})
	}
	return d.runs.Finish(ctx, entry)
}

// Open implements ingest.Journal.
func (d journalDoor) Open(ctx context.Context) ([]ingest.OpenRun, error) {
	running, err := d.runs.List(ctx, store.RunFilter{Status: store.Running})
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

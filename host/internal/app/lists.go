package app

import (
	"context"
	"time"

	"github.com/ai-data-analyst/broker/host/internal/app/listing"
	"github.com/ai-data-analyst/broker/host/internal/store"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// What is published, as commands and scripts read it.
type (
	TablesReport     = listing.TablesReport
	GenerationReport = listing.GenerationReport
)

// Tables lists what is published, of generation n, or of the newest for 0.
func (a *App) Tables(ctx context.Context, n int64) (TablesReport, error) {
	report := TablesReport{Tables: []listing.TableReport{}}
	if n < 0 {
		return report, fault.Newf(fault.Config, "%d is no generation", n).WithHelp(`Give a number of "broker generations".`)
	}
	if err := a.open(ctx, false); err != nil {
		if fault.CodeOf(err) == fault.NotFound {
			return report, nil
		}
		return report, err
	}
	return listing.Tables(ctx, a.lake, n)
}

// RunReport is one entry of the journal of runs.
type RunReport struct {
	Run        string       `json:"run"`
	Sync       string       `json:"sync"`
	Source     string       `json:"source"`
	Table      string       `json:"table"`
	Trigger    string       `json:"trigger"`
	Status     string       `json:"status"`
	Attempts   int          `json:"attempts"`
	Generation int64        `json:"generation,omitempty"`
	StartedAt  time.Time    `json:"started_at"`
	EndedAt    *time.Time   `json:"ended_at,omitempty"`
	Error      *Failure     `json:"error,omitempty"`
	Tables     []TableState `json:"tables"`
}

// Runs lists the newest runs, newest first; table and status narrow the list where not empty.
func (a *App) Runs(ctx context.Context, table, status string, limit int) ([]RunReport, error) {
	if err := a.open(ctx, false); err != nil {
		if fault.CodeOf(err) == fault.NotFound {
			return []RunReport{}, nil
		}
		return nil, err
	}
	runs, err := a.store.Runs().List(ctx, store.RunFilter{Table: sdk.TableName(table), Status: status, Limit: limit})
	if err != nil {
		return nil, err
	}
	reports := make([]RunReport, len(runs))
	for i, r := range runs {
		reports[i] = runReport(r)
	}
	return reports, nil
}

func runReport(r store.Run) RunReport {
	out := RunReport{Run: r.ID, Sync: r.Sync, Source: r.Source, Table: string(r.Table), Trigger: r.Trigger, Status: r.Status, Attempts: r.Attempts,
		Generation: r.Generation, StartedAt: r.Started, Tables: []TableState{}}
	took := 0.0
	if !r.Finished.IsZero() {
		out.EndedAt, took = &r.Finished, r.Finished.Sub(r.Started).Seconds()
	}
	if r.Code != "" {
		out.Error = &Failure{Code: r.Code, Message: r.Message, Help: r.Help}
	}
	for _, t := range r.Tables {
		out.Tables = append(out.Tables, TableState{Name: string(t.Name), Status: t.Status, Rows: t.Rows, Added: t.Added, Updated: t.Updated,
			Deleted: t.Deleted, Rejected: t.Rejected, Bytes: t.Bytes, Seconds: took})
	}
	return out
}

// Generations lists the newest generations, newest first.
func (a *App) Generations(ctx context.Context, limit int) ([]GenerationReport, error) {
	reports := []GenerationReport{}
	if err := a.open(ctx, false); err != nil {
		if fault.CodeOf(err) == fault.NotFound {
			return reports, nil
		}
		return nil, err
	}
	return listing.Generations(ctx, a.lake, limit)
}

// Sources lists the configured sources; ask says to ask each for its streams.
func (a *App) Sources(ctx context.Context, ask bool) ([]SourceReport, error) {
	if ask {
		p, err := a.resolve(ctx, nil)
		return p.sources, err
	}
	reports := make([]SourceReport, len(a.configured().Sources))
	for i, s := range a.configured().Sources {
		reports[i] = sourceReport(s, nil, s.Err)
	}
	return reports, nil
}

package app

import (
	"cmp"
	"context"
	"sort"
	"time"

	"github.com/ai-data-analyst/broker/host/internal/lake"
	"github.com/ai-data-analyst/broker/host/internal/store"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// TablesReport is what is published. Its JSON form is that of `broker tables --json`.
type TablesReport struct {
	Generation int64         `json:"generation"`
	Tables     []TableReport `json:"tables"`
	Held       []HeldReport  `json:"held,omitempty"`
}

// TableReport is one published table.
type TableReport struct {
	Name             string   `json:"name"`
	Namespace        string   `json:"namespace"`
	Table            string   `json:"table"`
	Source           string   `json:"source"`
	Description      string   `json:"description,omitempty"`
	Rows             int64    `json:"rows"`
	Columns          int      `json:"columns"`
	Bytes            int64    `json:"bytes"`
	Parts            int      `json:"parts"`
	Generation       int64    `json:"generation"`
	PublishedAt      string   `json:"published_at"`
	Strategy         string   `json:"strategy"`
	PrimaryKey       []string `json:"primary_key"`
	Location         string   `json:"location"`
	MetadataLocation string   `json:"metadata_location"`
	Files            []string `json:"files,omitempty"` // paths of the parts, with --files
}

// HeldReport is a publication that waits for a person.
type HeldReport struct {
	Table  string    `json:"table"`
	Run    string    `json:"run"`
	Since  time.Time `json:"since"`
	Reason string    `json:"reason"`
}

// Tables lists what is published, of generation n, or of the newest for 0.
func (a *App) Tables(ctx context.Context, n int64) (TablesReport, error) {
	report := TablesReport{Tables: []TableReport{}}
	if n < 0 {
		return report, fault.Newf(fault.Config, "%d is no generation", n).WithHelp(`Give a number of "broker generations".`)
	}
	if err := a.open(ctx, false); err != nil {
		if fault.CodeOf(err) == fault.NotFound {
			return report, nil
		}
		return report, err
	}
	generation, err := a.lake.Generation(ctx, n) // number and tables of one moment, whatever is published meanwhile
	if err != nil {
		return report, err
	}
	report.Generation = generation.Seq
	for _, v := range generation.Tables {
		report.Tables = append(report.Tables, a.tableReport(v))
	}
	sort.Slice(report.Tables, func(i, j int) bool { return report.Tables[i].Name < report.Tables[j].Name })
	held, err := a.lake.Held(ctx)
	for _, h := range held {
		report.Held = append(report.Held, HeldReport{Table: string(h.Root), Run: h.RunID, Since: h.Since, Reason: h.Reason})
	}
	return report, err
}

func (a *App) tableReport(v lake.Version) TableReport {
	r := TableReport{Name: string(v.Table), Namespace: v.Table.Namespace(), Table: v.Table.Table(), Source: v.Props["broker.source"], Description: v.Description,
		Rows: v.Rows, Columns: len(v.Columns), Bytes: v.Bytes, Parts: len(v.Parts), Generation: v.Seq, PublishedAt: v.Published,
		Strategy: v.Props["broker.strategy"], PrimaryKey: v.Key, Location: v.Location, MetadataLocation: v.Metadata}
	if r.PrimaryKey == nil {
		r.PrimaryKey = []string{}
	}
	for _, p := range v.Parts {
		r.Files = append(r.Files, cmp.Or(a.lake.Path(p), a.lake.URL(p)))
	}
	return r
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

// GenerationReport is one generation.
type GenerationReport struct {
	Generation  int64     `json:"generation"`
	PublishedAt time.Time `json:"published_at"`
	Run         string    `json:"run"`
	Changed     []string  `json:"changed"`
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
	generations, err := a.lake.Generations(ctx, limit)
	for _, g := range generations {
		r := GenerationReport{Generation: g.Seq, PublishedAt: g.Published, Run: g.RunID}
		for _, name := range g.Changed {
			r.Changed = append(r.Changed, string(name))
		}
		reports = append(reports, r)
	}
	return reports, err
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

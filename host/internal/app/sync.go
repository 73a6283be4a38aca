package app

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/ai-data-analyst/broker/host/internal/app/door"
	"github.com/ai-data-analyst/broker/host/internal/app/single"
	"github.com/ai-data-analyst/broker/host/internal/catalog"
	"github.com/ai-data-analyst/broker/host/internal/ingest"
	"github.com/ai-data-analyst/broker/host/internal/store"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector"
)

// SyncRequest says what to sync now.
type SyncRequest struct {
	Select  []string `json:"select,omitempty"` // SOURCE, SOURCE.TABLE or a published name; none = everything
	Full    bool     `json:"full,omitempty"`
	Jobs    int      `json:"jobs,omitempty"`
	Trigger string   `json:"trigger,omitempty"`
	Run     string   `json:"run,omitempty"` // id; "" = a new one
}

// SyncReport is how a sync went. Its JSON form is that of `broker sync --json`.
type SyncReport struct {
	Run        string        `json:"run"`
	Generation int64         `json:"generation"`
	Sources    []SourceState `json:"sources"`
	Tables     []TableState  `json:"tables"`
	Problems   []Failure     `json:"problems,omitempty"` // of tables that could not be told apart or made sense of
	Warnings   []Failure     `json:"warnings,omitempty"` // of tables that are not quite as described
}

// SourceState is a source's part of a SyncReport.
type SourceState struct {
	Name   string   `json:"name"`
	Status string   `json:"status"`
	Error  *Failure `json:"error,omitempty"`
}

// TableState is a table's part of a SyncReport.
type TableState struct {
	Name     string   `json:"name"`
	Status   string   `json:"status"` // published | unchanged | held | failed | skipped
	Rows     int64    `json:"rows"`
	Added    int64    `json:"added"`
	Updated  int64    `json:"updated"`
	Deleted  int64    `json:"deleted"`
	Rejected int64    `json:"rejected"`
	Bytes    int64    `json:"bytes"`
	Seconds  float64  `json:"seconds"`
	Error    *Failure `json:"error,omitempty"`
	Notes    []string `json:"notes,omitempty"`
}

// Failed says whether anything of the sync went wrong.
func (r SyncReport) Failed() bool {
	broken := slices.ContainsFunc(r.Sources, func(s SourceState) bool { return s.Error != nil })
	return broken || len(r.Problems) > 0 || r.has("failed") || r.has("skipped") || r.has("cancelled")
}

// Held says whether a table waits for a decision.
func (r SyncReport) Held() bool { return r.has("held") }

func (r SyncReport) has(status string) bool {
	return slices.ContainsFunc(r.Tables, func(t TableState) bool { return t.Status == status })
}

// Progress is a glance at one running set, for people who watch.
type Progress struct {
	Table string `json:"table"`
	Phase string `json:"phase"`
	Note  string `json:"note,omitempty"`
	Rows  int64  `json:"rows"`
	Bytes int64  `json:"bytes"`
	Done  uint64 `json:"done,omitempty"`
	Total uint64 `json:"total,omitempty"`
}

// Sync runs now what the request asks for. With serve running it goes through serve's socket.
func (a *App) Sync(ctx context.Context, request SyncRequest, progress func(Progress)) (SyncReport, error) {
	if request.Trigger == "" {
		request.Trigger = "manual"
	}
	var report SyncReport
	if err := a.open(ctx, true); err != nil {
		return report, single.Ask(ctx, a.stateDir(), err, "sync", request, &report, func(text json.RawMessage) {
			var p Progress
			if progress != nil && json.Unmarshal(text, &p) == nil {
				progress(p)
			}
		})
	}
	if err := a.settle(ctx); err != nil {
		return report, err
	}
	return a.sync(ctx, request, progress)
}

// settle closes the journal entries that a killed process left open, by what the generations say (decision 5).
func (a *App) settle(ctx context.Context) error {
	_, err := a.runner().Settle(ctx)
	return err
}

// sync is Sync in the process that owns the data folder.
func (a *App) sync(ctx context.Context, request SyncRequest, progress func(Progress)) (SyncReport, error) {
	report := SyncReport{Run: cmp.Or(request.Run, door.NameSync(a.options.Now())), Sources: []SourceState{}, Tables: []TableState{}}
	p, err := a.resolve(ctx, request.Select)
	if err != nil {
		return report, err
	}
	for _, s := range p.sources {
		report.Sources = append(report.Sources, SourceState{Name: s.Name, Status: s.Status, Error: s.Error})
		if f := s.Error; f != nil {
			refused := store.Run{Sync: report.Run, Source: s.Name, Trigger: request.Trigger, Code: f.Code, Message: f.Message, Help: f.Help}
			if err := (door.Journal{Runs: a.store.Runs()}).Refuse(ctx, refused, a.options.Now()); err != nil {
				return report, err
			}
		}
	}
	for _, problem := range p.problems {
		list := &report.Problems
		if problem.Warning {
			list = &report.Warnings
		}
		*list = append(*list, *FailureOf(problem.Fault()))
	}
	sets := make([]ingest.Set, len(p.sets))
	for i, s := range p.sets {
		sets[i] = a.ingestSet(s, request, report.Run)
	}
	a.book.Note(p.sets)
	defer a.book.Watch(glances(progress))()
	for _, result := range a.runAll(ctx, sets, request.Jobs) {
		report.add(result)
	}
	report.Generation, err = a.generation(ctx)
	return report, err
}

// runAll runs the sets in the pool that commands and schedule share, at most jobs of this request at once where jobs > 0.
func (a *App) runAll(ctx context.Context, sets []ingest.Set, jobs int) []ingest.Result {
	results := make([]ingest.Result, len(sets))
	var group errgroup.Group
	if jobs > 0 {
		group.SetLimit(jobs)
	}
	for i, set := range sets {
		group.Go(func() error {
			results[i] = a.pool.Run(ctx, set)
			a.book.Tell(ingest.Progress{Table: set.Root(), Phase: string(results[i].Status)})
			return nil
		})
	}
	_ = group.Wait() // no function of it returns an error
	return results
}

func (a *App) generation(ctx context.Context) (int64, error) {
	newest, err := a.lake.Generations(context.WithoutCancel(ctx), 1)
	if err != nil || len(newest) == 0 {
		return 0, err
	}
	return newest[0].Seq, nil
}

func (r *SyncReport) add(result ingest.Result) {
	for _, t := range result.Tables {
		state := TableState{Name: string(t.Name), Status: string(t.Status), Rows: t.Rows, Added: t.Added, Updated: t.Updated, Deleted: t.Deleted,
			Rejected: t.Rejected, Bytes: t.Bytes, Seconds: t.Seconds, Error: FailureOf(t.Err)}
		for _, issue := range result.Issues {
			if len(result.Tables) == 1 || issue.Stream == "" || issue.Stream == streamOf(result.Set, t.Name) {
				state.Notes = append(state.Notes, door.NoteOf(issue))
			}
		}
		r.Tables = append(r.Tables, state)
	}
}

func streamOf(set ingest.Set, table sdk.TableName) string {
	for _, t := range set.Tables {
		if t.Name == table {
			return t.Stream
		}
	}
	return ""
}

// ingestSet turns a resolved set into what ingest runs.
func (a *App) ingestSet(s catalog.Set, request SyncRequest, sync string) ingest.Set {
	out := ingest.Set{Source: s.Source, Full: request.Full, RateKey: s.Root.RateKey, Trigger: request.Trigger, Sync: sync, FullAllowed: s.Root.Write != "append"}
	for _, t := range s.Tables {
		table := ingest.Table{Name: t.Name, Stream: t.Stream, Mode: t.Read, Write: t.Write, Lookback: t.Lookback, HistoryFrom: t.HistoryFrom}
		for _, f := range t.Filters {
			table.Filters = append(table.Filters, connector.Filter(f))
		}
		out.Tables = append(out.Tables, table)
	}
	return out
}

// runner is the one ingest.Runner of this process.
func (a *App) runner() *ingest.Runner {
	return &ingest.Runner{Lake: &door.Lake{Lake: a.lake, Table: a.book.Table}, Source: sourceDoor{a}, Journal: door.Journal{Runs: a.store.Runs()},
		Holder: fmt.Sprintf("pid %d", os.Getpid()), Log: a.options.Log, Now: a.options.Now, Progress: a.book.Tell}
}

// glances turns ingest's progress into that of a verb; nil for nobody.
func glances(progress func(Progress)) func(ingest.Progress) {
	if progress == nil {
		return nil
	}
	return func(p ingest.Progress) {
		progress(Progress{Table: string(p.Table), Phase: p.Phase, Note: p.Note, Rows: p.Rows, Bytes: p.Bytes, Done: p.Done, Total: p.Total})
	}
}

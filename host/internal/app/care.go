package app

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/ai-data-analyst/broker/host/internal/app/door"
	"github.com/ai-data-analyst/broker/host/internal/app/drop"
	"github.com/ai-data-analyst/broker/host/internal/app/single"
	"github.com/ai-data-analyst/broker/host/internal/app/watch"
	"github.com/ai-data-analyst/broker/host/internal/lake"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// CareRequest is a verb of `broker lake` that changes something.
type CareRequest struct {
	Verb       string   `json:"verb"` // accept | discard | rollback | expire | drop
	Tables     []string `json:"tables,omitempty"`
	Generation int64    `json:"generation,omitempty"` // rollback: to this one
}

// CareReport is what it changed.
type CareReport struct {
	Generation int64    `json:"generation,omitempty"`
	Tables     []string `json:"tables"`
	Snapshots  int      `json:"snapshots,omitempty"`
	Files      int      `json:"files,omitempty"`
	Bytes      int64    `json:"bytes,omitempty"`
}

// Care accepts or discards held publications, rolls back, drops tables, or expires old generations. With serve running it goes through
// serve's socket.
func (a *App) Care(ctx context.Context, request CareRequest) (CareReport, error) {
	var report CareReport
	if err := a.open(ctx, true); err != nil {
		return report, single.Ask(ctx, a.stateDir(), err, "care", request, &report, nil)
	}
	return a.caredByCommand(ctx, request)
}

// caredByCommand is care that somebody on this machine asked for.
func (a *App) caredByCommand(ctx context.Context, request CareRequest) (CareReport, error) {
	report, err := a.care(ctx, request)
	object := strings.Join(request.Tables, ", ")
	if request.Generation != 0 {
		object = strings.TrimSpace(fmt.Sprintf("%s to generation %d", object, request.Generation))
	}
	a.ledger.Commanded(ctx, "lake."+request.Verb, object, err)
	return report, err
}

func (a *App) care(ctx context.Context, request CareRequest) (CareReport, error) {
	report := CareReport{Tables: []string{}}
	names, err := door.TableNames(request.Tables)
	if err != nil {
		return report, err
	}
	switch request.Verb {
	case "accept":
		for _, name := range names {
			p, err := a.lake.Accept(ctx, name)
			if err != nil {
				return report, err
			}
			report.note(p)
		}
	case "discard":
		for _, name := range names {
			if err := a.lake.DiscardHeld(ctx, name); err != nil {
				return report, err
			}
			report.Tables = append(report.Tables, string(name))
		}
	case "rollback":
		p, err := a.lake.Rollback(ctx, request.Generation, names...)
		report.note(p)
		return report, err
	case "drop":
		p, err := a.drop(ctx, names)
		report.note(p)
		return report, err
	case "expire":
		expired, err := a.lake.Expire(ctx)
		report.Snapshots, report.Files, report.Bytes = expired.Snapshots, expired.Files, expired.Bytes
		return report, err
	default:
		return report, fault.Newf(fault.Config, "there is no verb %q", request.Verb)
	}
	return report, nil
}

// verbs are what admins do in the portal, as the commands do it.
func (a *App) verbs() watch.Verbs {
	sync := func(ctx context.Context, run string, selected []string) error {
		_, err := a.sync(ctx, SyncRequest{Select: selected, Trigger: "portal", Run: run}, nil)
		return err
	}
	care := func(ctx context.Context, verb, table string) error {
		_, err := a.care(ctx, CareRequest{Verb: verb, Tables: []string{table}})
		return err
	}
	return watch.Verbs{Sync: sync, Care: care, Glances: a.book.Watch}
}

// drop takes tables out of what is published, unless they are configured still.
func (a *App) drop(ctx context.Context, names []sdk.TableName) (lake.Publication, error) {
	p, err := a.resolve(ctx, nil)
	if err != nil {
		return lake.Publication{}, err
	}
	known := drop.Plan{Sets: p.sets, Problems: p.problems, Failed: map[string]string{}}
	for _, s := range p.sources {
		if s.Error != nil {
			known.Failed[s.Name] = s.Error.Message
		}
	}
	for _, name := range names {
		v, err := a.lake.Current(ctx, name)
		if err := errors.Join(err, known.Refuse(v)); err != nil {
			return lake.Publication{}, err
		}
	}
	return a.lake.Drop(ctx, names...)
}

func (r *CareReport) note(p lake.Publication) {
	r.Generation = p.Seq
	for _, t := range p.Tables {
		r.Tables = append(r.Tables, string(t.Name))
	}
}

// VerifyReport is what a check of the lake found.
type VerifyReport struct {
	Tables   int       `json:"tables"`
	Findings []Finding `json:"findings"`
}

// Finding is one thing wrong with the lake.
type Finding struct {
	Table string `json:"table"`
	Path  string `json:"path"`
	What  string `json:"what"`
}

// VerifyLake checks that every file that a kept generation names is there, and with full hashes each again (G5).
func (a *App) VerifyLake(ctx context.Context, full bool) (VerifyReport, error) {
	report := VerifyReport{Findings: []Finding{}}
	if err := a.open(ctx, false); err != nil {
		return report, err
	}
	tables, err := a.lake.Tables(ctx)
	if err != nil {
		return report, err
	}
	report.Tables = len(tables)
	found, err := a.lake.Verify(ctx, full)
	for _, f := range found {
		report.Findings = append(report.Findings, Finding{Table: string(f.Table), Path: f.Path, What: f.What})
	}
	return report, err
}

// RebuildLake makes catalog and generations anew from the metadata files of the lake, when the database is lost.
func (a *App) RebuildLake(ctx context.Context) (report GenerationReport, err error) {
	if a.lock, err = single.Take(a.stateDir(), a.options.Now()); err != nil {
		return report, err
	}
	if err := a.openStore(ctx); err != nil {
		return report, err
	}
	g, err := lake.Rebuild(ctx, a.lakeOptions(true))
	if err != nil {
		return report, fmt.Errorf("rebuild the catalog: %w", err)
	}
	report = GenerationReport{Generation: g.Seq, PublishedAt: g.Published, Run: g.RunID}
	for _, t := range g.Tables {
		report.Changed = append(report.Changed, string(t.Table))
	}
	return report, errors.Join(ctx.Err())
}

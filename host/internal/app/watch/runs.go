package watch

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/ai-data-analyst/broker/host/internal/store"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
)

// Bounds of a list of runs.
const (
	usualRuns = 50
	mostRuns  = 200
	mostLooks = 20 // pages of the journal that one question reads; the answer says where to go on
)

// Runs lists the newest syncs with those of their tables that the caller may read; one without any is not there.
func (w *Watch) Runs(ctx context.Context, who sdk.Caller, filter api.RunFilter) (api.Runs, error) {
	sees, _, err := w.options.Access.Visible(ctx, who)
	if err != nil {
		return api.Runs{}, err
	}
	p, err := w.current(ctx)
	if err != nil {
		return api.Runs{}, err
	}
	r := reader{sees, w.admin(ctx, who)}
	found, err := w.listed(ctx, r, p, filter)
	if err == nil {
		found.Skipped, err = w.skipped(ctx, r, p, filter, found)
	}
	return found, err
}

// listed are the syncs that a reader asked for.
func (w *Watch) listed(ctx context.Context, r reader, p *picture, filter api.RunFilter) (api.Runs, error) {
	limit := cmp.Or(min(max(filter.Limit, 0), mostRuns), usualRuns)
	found := api.Runs{Runs: []api.Run{}}
	if filter.Table != "" && !r.sees(sdk.TableName(filter.Table)) {
		return found, nil
	}
	before := filter.Before
	narrow := store.RunFilter{Source: filter.Source, Table: sdk.TableName(filter.Table), Status: filter.Status, Limit: limit}
	for range mostLooks {
		ids, err := w.options.Runs.Syncs(ctx, narrow, before)
		if err != nil || len(ids) == 0 {
			return found, err
		}
		entries, err := w.options.Runs.OfSyncs(ctx, ids)
		if err != nil {
			return found, err
		}
		groups := bySync(entries)
		for _, id := range ids {
			if before = id; len(found.Runs) == limit {
				found.Next = found.Runs[limit-1].Run
				return found, nil
			}
			if run, ok := w.runOf(id, groups[id], p, r); ok && fits(run, filter) {
				found.Runs = append(found.Runs, run)
			}
		}
		if len(ids) < limit {
			return found, nil
		}
	}
	found.Next = before
	return found, nil
}

// Run is one sync; fault.NotFound for one without a table that the caller may read, and for one that never was.
func (w *Watch) Run(ctx context.Context, who sdk.Caller, id string) (api.Run, error) {
	sees, _, err := w.options.Access.Visible(ctx, who)
	if err != nil {
		return api.Run{}, err
	}
	p, err := w.current(ctx)
	if err != nil {
		return api.Run{}, err
	}
	entries, err := w.options.Runs.OfSyncs(ctx, []string{id})
	if err != nil {
		return api.Run{}, err
	}
	r := reader{sees, w.admin(ctx, who)}
	if run, ok := w.runOf(id, entries, p, r); ok {
		return run, nil
	}
	if run, ok := w.beganHere(id); ok && r.admin {
		return run, nil
	}
	return api.Run{}, fault.New(fault.NotFound, "there is no such run").WithHelp("See the list of runs.")
}

// reader is who asks: which tables are visible, and whether what concerns no table is told too.
type reader struct {
	sees  func(sdk.TableName) bool
	admin bool
}

func (w *Watch) admin(ctx context.Context, who sdk.Caller) bool {
	return w.options.Access.Authorize(ctx, who, sdk.Administer, "") == nil
}

func bySync(entries []store.Run) map[string][]store.Run {
	groups := map[string][]store.Run{}
	for _, e := range entries {
		groups[e.Sync] = append(groups[e.Sync], e)
	}
	return groups
}

// fits applies what the journal could not: the filter holds for the visible part of a run.
func fits(run api.Run, filter api.RunFilter) bool {
	if filter.Status != "" && run.Status != filter.Status {
		return false
	}
	return filter.Source == "" || slices.ContainsFunc(run.Tables, func(t api.RunTable) bool { return t.Source == filter.Source })
}

// severity orders statuses: the worst of its tables is that of a run, and one under way outweighs all.
var severity = map[string]int{"unchanged": 1, "published": 2, "cancelled": 3, "skipped": 3, "partial": 4, "held": 5, "failed": 6, "running": 7}

// runOf is a sync as a reader may know it; false when nothing of it is visible. A failure of a source before its tables
// were known is told to admins, as a row without a table.
func (w *Watch) runOf(id string, entries []store.Run, p *picture, r reader) (api.Run, bool) {
	run := api.Run{Run: id, Tables: []api.RunTable{}}
	var started, ended time.Time
	for _, e := range entries {
		rows := w.rowsOf(e, p, r)
		if len(rows) == 0 {
			continue
		}
		run.Trigger = e.Trigger
		run.Tables = append(run.Tables, rows...)
		if started.IsZero() || e.Started.Before(started) {
			started = e.Started
		}
		if e.Finished.After(ended) {
			ended = e.Finished
		}
	}
	if len(run.Tables) == 0 {
		return run, false
	}
	var sources []string
	for _, t := range run.Tables {
		if !slices.Contains(sources, t.Source) {
			sources = append(sources, t.Source)
		}
		if severity[t.Status] > severity[run.Status] {
			run.Status = t.Status
		}
	}
	slices.Sort(sources)
	run.Source, run.StartedAt = strings.Join(sources, ", "), moment(started)
	if run.Status == "partial" { // a part was published; the run failed
		run.Status = "failed"
	}
	if run.Status != store.Running {
		run.EndedAt = moment(ended)
	}
	return run, true
}

// rowsOf are the visible tables of an entry of the journal.
func (w *Watch) rowsOf(e store.Run, p *picture, r reader) []api.RunTable {
	var rows []api.RunTable
	message, help := p.mask.Told(e.Message, e.Help, setOf(e), r.sees)
	base := api.RunTable{Source: e.Source, Generation: e.Generation, Attempts: e.Attempts, StartedAt: moment(e.Started), EndedAt: moment(e.Finished),
		Code: e.Code, Message: message, Help: help}
	if len(e.Tables) == 0 && r.admin {
		base.Status = e.Status
		return []api.RunTable{base}
	}
	for _, t := range e.Tables {
		if !r.sees(t.Name) {
			continue
		}
		row := base
		row.Name, row.Status = string(t.Name), outcomeOf(e, t).Status
		row.Rows, row.Added, row.Updated, row.Deleted, row.Rejected, row.Bytes = t.Rows, t.Added, t.Updated, t.Deleted, t.Rejected, t.Bytes
		if row.Status == "held" {
			decided(&row, e.ID, p)
		}
		if glance, going := w.live.of(t.Name); going && e.Status == store.Running {
			row.Rows, row.Bytes = glance.Rows, glance.Bytes
		}
		rows = append(rows, row)
	}
	return rows
}

// decided corrects the row of a version that was held once: the journal says how the run ended, not what people decided.
func decided(row *api.RunTable, run string, p *picture) {
	name := sdk.TableName(row.Name)
	switch {
	case p.held[name] == run:
	case p.heads[name].Run == run:
		row.Status, row.Generation = "published", p.heads[name].Generation
	default:
		row.Message = "It waits no longer: it was given up, or a later run took its place."
	}
}

// moment is a time of a run as JSON shows it, to the millisecond: small runs take less than a second. "" for the zero time.
func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z07:00")
}

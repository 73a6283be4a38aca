package steer

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/ai-data-analyst/broker/config"
	"github.com/ai-data-analyst/broker/host/internal/lake"
	"github.com/ai-data-analyst/broker/host/internal/schedule"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
)

// Words for how a part is.
const (
	ok      = "ok"
	warning = "warning"
	down    = "down"
)

// Health says how the instance is: its required parts first, then plugins, then what is wrong in its files.
func (s *Steering) Health(ctx context.Context) (api.Health, error) {
	out := api.Health{Version: s.o.Version, StartedAt: s.started.UTC().Format(time.RFC3339), Problems: []api.Finding{}}
	out.Parts = append(out.Parts, s.state(ctx), s.lake(ctx))
	if part, known := s.disk(); known {
		out.Parts = append(out.Parts, part)
	}
	plugins, err := s.Plugins(ctx)
	if err != nil {
		return out, err
	}
	for _, p := range plugins.Plugins {
		part := api.HealthPart{Name: "plugin " + p.Name, State: ok, Detail: p.Kind + " " + p.Version}
		if p.Status != "ready" {
			part.State, part.Detail = warning, p.Status+": "+p.Reason
			if len(p.UsedBy) > 0 {
				part.State, part.Help = down, "It is needed by "+fmt.Sprint(p.UsedBy)+"."
			}
		}
		out.Parts = append(out.Parts, part)
	}
	_, described := s.o.Describe()
	for _, d := range append(slices.Clone(s.o.Problems()), described...) {
		out.Problems = append(out.Problems, finding(d))
	}
	return out, nil
}

func finding(d config.Diagnostic) api.Finding {
	return api.Finding{Severity: string(d.Severity), File: d.File, Line: d.Line, Summary: d.Summary, Help: d.Help}
}

func (s *Steering) state(ctx context.Context) api.HealthPart {
	part := api.HealthPart{Name: "state", State: ok, Required: true, Detail: string(s.o.Store.Dialect())}
	if err := s.o.Store.DB().PingContext(ctx); err != nil {
		part.State, part.Detail, part.Help = down, "the state database does not answer", "See the log of broker serve."
		s.o.Log.Error("the state database does not answer", "error", err)
	}
	return part
}

func (s *Steering) lake(ctx context.Context) api.HealthPart {
	part := api.HealthPart{Name: "lake", State: ok, Required: true}
	newest, err := s.o.Lake.Newest(ctx)
	if err != nil {
		part.State, part.Detail, part.Help = down, fault.TextOf(err), fault.HelpOf(err)
		return part
	}
	part.Detail = fmt.Sprintf("generation %d", newest)
	return part
}

// disk is how much room is left; false where that cannot be asked.
func (s *Steering) disk() (api.HealthPart, bool) {
	part := api.HealthPart{Name: "disk", State: ok, Required: true}
	free, enough, err := s.o.Lake.Space()
	if err != nil {
		return part, false
	}
	part.Detail = fmt.Sprintf("%.1f GB free", float64(free)/1e9)
	if !enough {
		part.State, part.Help = down, "No run begins: free some space, or lower retain_days and run broker lake expire."
	}
	return part, true
}

// Sources are the configured sources as they can be used.
func (s *Steering) Sources(ctx context.Context) (api.Sources, error) {
	versions, err := s.o.Lake.Tables(ctx)
	if err != nil {
		return api.Sources{}, err
	}
	tables := map[string]int{}
	for _, v := range versions {
		tables[v.Source]++
	}
	out := api.Sources{Sources: []api.Source{}}
	for _, c := range s.o.Config().Sources {
		source := api.Source{Name: c.Name, Connector: c.Connector, Schedule: c.Schedule, Timezone: c.Timezone, Tables: tables[c.Name], File: c.File, Line: c.Line}
		if c.Err != nil {
			source.Error, source.Help = fault.TextOf(c.Err), fault.HelpOf(c.Err)
		} else if plan, err := schedule.Parse(c.Schedule, c.Timezone); c.Schedule != "" && err == nil {
			source.NextAt = plan.Next(s.o.Now()).UTC().Format(time.RFC3339)
		}
		out.Sources = append(out.Sources, source)
	}
	return out, nil
}

// Storage says what the kept versions of each table take; a part that several versions have counts once.
func (s *Steering) Storage(ctx context.Context) (api.Storage, error) {
	versions, err := s.o.Lake.Tables(ctx)
	if err != nil {
		return api.Storage{}, err
	}
	out := api.Storage{RetainDays: s.o.Config().Lake.RetainDays, Tables: []api.StoredTable{}}
	if out.Generation, err = s.o.Lake.Newest(ctx); err != nil {
		return api.Storage{}, err
	}
	if out.Oldest, err = s.o.Lake.Oldest(ctx, 0); err != nil {
		return api.Storage{}, err
	}
	sets := s.datasets()
	for _, v := range versions {
		t, err := s.stored(ctx, v)
		if err != nil {
			return api.Storage{}, err
		}
		t.Dataset = sets(v.Table)
		out.Tables = append(out.Tables, t)
		out.Bytes += t.Kept
	}
	slices.SortFunc(out.Tables, func(a, b api.StoredTable) int {
		return cmp.Or(cmp.Compare(b.Kept, a.Kept), cmp.Compare(a.Table, b.Table))
	})
	if s.o.Config().Lake.URL == "file" {
		if free, _, err := s.o.Lake.Space(); err == nil {
			out.Free = int64(free)
		}
	}
	return out, nil
}

// mostRead is how many versions of a table are read to find what they keep; with more, the newest count.
const mostRead = 100

func (s *Steering) stored(ctx context.Context, current lake.Version) (api.StoredTable, error) {
	t := api.StoredTable{Table: string(current.Table), Bytes: current.Bytes, Parts: len(current.Parts)}
	heads, err := s.o.Lake.HeadsOf(ctx, current.Table)
	if err != nil {
		return t, err
	}
	t.Versions = len(heads)
	seen := map[string]bool{}
	for i, head := range heads {
		if i == mostRead {
			break
		}
		v, err := s.o.Lake.At(ctx, head)
		if fault.CodeOf(err) == fault.NotFound { // it expired meanwhile
			continue
		}
		if err != nil {
			return t, err
		}
		for _, p := range v.Parts {
			if !seen[p.SHA256] {
				seen[p.SHA256] = true
				t.Kept += p.Bytes
			}
		}
	}
	return t, nil
}

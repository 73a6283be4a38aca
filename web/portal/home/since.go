package home

import (
	"context"
	"fmt"
	"html/template"
	"slices"
	"strings"
	"time"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/portal/picture"
)

// since is what changed since the person's machine pulled.
type since struct {
	From, To    int64
	PulledAt    string
	PublishedAt string
	Generations int  // that changed one of the person's tables
	Complete    bool // false: some generations in between are gone
	Rows        []changed
	More        int // tables that changed and are not shown
	Same        []string
	Limit       int64 // most new and changed rows of a table
	Fetch       int64 // bytes to download
	Ruler       template.HTML
}

// changed is one table that changed.
type changed struct {
	Name                    string
	Added, Updated, Deleted int64
	Counted                 bool // the figures are known
	Schema                  []string
	State                   string
	PublishedAt             string
}

const (
	mostChanged  = 25  // tables whose versions are looked at
	mostVersions = 200 // of a table
)

// since says what changed after a machine's pull.
func (d doors) since(ctx context.Context, who sdk.Caller, m api.Machine, catalog api.Catalog, states api.States) (*since, error) {
	changes, err := d.Manifests.Changes(ctx, who, m.Generation)
	if err != nil {
		return nil, err
	}
	s := &since{From: m.Generation, To: catalog.Generation, PulledAt: m.PulledAt, PublishedAt: catalog.PublishedAt, Generations: len(changes.Generations), Complete: changes.Complete}
	moved := map[string]bool{}
	for _, g := range changes.Generations {
		for _, t := range g.Tables {
			moved[t] = true
		}
	}
	state := map[string]string{}
	for _, t := range states.Tables {
		state[t.Name] = t.State
	}
	for _, t := range catalog.Tables {
		switch {
		case !moved[t.Name]:
			s.Same = append(s.Same, t.Name)
		case len(s.Rows) == mostChanged:
			s.More++
		default:
			row := changed{Name: t.Name, State: state[t.Name], PublishedAt: t.PublishedAt}
			if err := d.count(ctx, who, s, &row); err != nil {
				return nil, err
			}
			s.Rows = append(s.Rows, row)
			s.Limit = max(s.Limit, row.Added+row.Updated)
		}
	}
	slices.SortStableFunc(s.Rows, func(a, b changed) int { return int(min(max(b.Added+b.Updated-a.Added-a.Updated, -1), 1)) })
	s.Ruler = ruler(s, changes)
	return s, nil
}

// count adds up what the versions after the pull brought.
func (d doors) count(ctx context.Context, who sdk.Caller, s *since, row *changed) error {
	if d.States == nil {
		return nil
	}
	history, err := d.States.History(ctx, who, sdk.TableName(row.Name), mostVersions)
	if fault.CodeOf(err) == fault.NotFound {
		return nil // it was taken away meanwhile
	}
	if err != nil {
		return err
	}
	row.Counted = true
	for _, version := range history.Versions {
		if version.Generation <= s.From {
			return nil
		}
		s.Fetch += version.NewBytes
		row.Schema = append(row.Schema, version.Schema...)
		if version.Added == nil || version.Updated == nil || version.Deleted == nil {
			row.Counted = false
			continue
		}
		row.Added, row.Updated, row.Deleted = row.Added+*version.Added, row.Updated+*version.Updated, row.Deleted+*version.Deleted
	}
	row.Counted = row.Counted && len(history.Versions) < mostVersions
	return nil
}

// ruler draws the way from the person's generation to the lake's.
func ruler(s *since, changes api.Changes) template.HTML {
	from, err := time.Parse(time.RFC3339, s.PulledAt)
	to, failed := time.Parse(time.RFC3339, s.PublishedAt)
	if err != nil || failed != nil || !to.After(from) {
		return ""
	}
	var ticks []picture.Tick
	for _, g := range changes.Generations[:min(len(changes.Generations), 1000)] {
		if at, err := time.Parse(time.RFC3339, g.PublishedAt); err == nil {
			ticks = append(ticks, picture.Tick{At: at, Mine: true, Weight: float64(len(g.Tables)) / 4})
		}
	}
	return picture.Ruler(picture.Span{From: from, To: to}, ticks)
}

// Unchanged says which tables did not change, at most some by name.
func (s *since) Unchanged() string {
	switch n := len(s.Same); {
	case n == 0:
		return ""
	case n == 1:
		return s.Same[0] + " has not changed."
	case n <= 4:
		return strings.Join(s.Same[:n-1], ", ") + " and " + s.Same[n-1] + " have not changed."
	default:
		return fmt.Sprintf("%s and %d more have not changed.", strings.Join(s.Same[:3], ", "), n-3)
	}
}

package watch

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/ai-data-analyst/broker/host/internal/app/watch/state"
	"github.com/ai-data-analyst/broker/web/api"
)

// mostSkips is how many due times that were left out are told with a list of runs.
const mostSkips = 50

// skipped are the due times between the runs of a list that were left out, of sources with a table that the reader may see.
// A list that is narrowed to tables or to a status tells none.
func (w *Watch) skipped(ctx context.Context, r reader, p *picture, filter api.RunFilter, found api.Runs) ([]api.Skip, error) {
	if filter.Table != "" || filter.Status != "" || len(found.Runs) == 0 {
		return nil, nil
	}
	oldest := state.Stamp(parsed(found.Runs[len(found.Runs)-1].StartedAt))
	if found.Next == "" {
		oldest = "" // nothing is older than what was left out before the first run
	}
	before := timeOf(filter.Before)
	ticks, err := w.options.Ticks.List(ctx, filter.Source, 0)
	if err != nil {
		return nil, err
	}
	visible := p.sourcesOf(r)
	var skips []api.Skip
	for _, tick := range ticks {
		due := state.Stamp(tick.Instant)
		if tick.Skipped == "" || beginning(tick.Skipped) || !visible[tick.Entry] || due < oldest || before != "" && due >= before {
			continue
		}
		skips = append(skips, api.Skip{Source: tick.Entry, DueAt: due, Reason: p.mask.Text(tick.Skipped, r.sees)})
		if len(skips) == mostSkips {
			break
		}
	}
	slices.SortStableFunc(skips, func(a, b api.Skip) int { return cmp.Compare(b.DueAt, a.DueAt) })
	return skips, nil
}

// beginning says whether a note marks where a schedule begins, which is no due time.
func beginning(reason string) bool {
	return reason == "the schedule begins here" || strings.HasPrefix(reason, "the clock was set back")
}

// sourcesOf are the sources with a table that a reader may see.
func (p *picture) sourcesOf(r reader) map[string]bool {
	all := map[string]bool{}
	for name, source := range p.source {
		if !all[source] && r.sees(name) {
			all[source] = true
		}
	}
	return all
}

// parsed reads a time of the API; zero for "".
func parsed(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}
	}
	return t
}

// timeOf is the time with which the id of a sync begins, as JSON shows it; "" for another text.
func timeOf(id string) string {
	text, _, _ := strings.Cut(id, "-")
	t, err := time.Parse("20060102t150405", text)
	if err != nil {
		return ""
	}
	return state.Stamp(t)
}

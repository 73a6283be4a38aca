// Package drop says which tables may be taken out of what is published: those that nothing delivers any more. It is part of
// the room app.
package drop

import (
	"github.com/ai-data-analyst/broker/host/internal/catalog"
	"github.com/ai-data-analyst/broker/host/internal/lake"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Plan is what the configuration makes of the sources.
type Plan struct {
	Sets     []catalog.Set
	Problems []catalog.Problem
	Failed   map[string]string // by source that does not answer: what it said
}

// Refuse says why a table is not dropped, as a fault: the next sync would publish it again, or nobody can tell. nil = it may
// go.
func (p Plan) Refuse(v lake.Version) error {
	why := p.delivered(v)
	if why == "" {
		return nil
	}
	return fault.Newf(fault.Config, "%s is not dropped: %s", v.Table, why).WithScope(string(v.Table)).
		WithHelp("Take the table out of the configuration first, then drop it.")
}

func (p Plan) delivered(v lake.Version) string {
	for _, set := range p.Sets {
		for _, t := range set.Tables {
			if t.Name == v.Table {
				return "source " + set.Source + " delivers it"
			}
		}
	}
	for _, q := range p.Problems {
		if !q.Warning && (q.Table == v.Table || q.Source == v.Source && q.Stream == v.Stream) {
			return "its definition is wrong: " + q.Summary
		}
	}
	if said, failed := p.Failed[v.Source]; failed {
		return "its source " + v.Source + " cannot say whether it delivers it: " + said
	}
	return ""
}

// Package profile computes statistics of the rows of a table while they pass into parts: one pass, one sketch a part, no
// second read. A table's profile is the merge of the sketches of its current parts.
//
// It never blocks or fails a run: whatever goes wrong here costs the statistics of one part, and the profile says so. It
// reads no Parquet, knows no lake and nobody's grants; app introduces it to both. Memory is bounded for a column and for
// all parts together.
package profile

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/zeebo/xxh3"

	"github.com/ai-data-analyst/broker/host/internal/profile/values"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/web/api"
)

// Options say where sketches are kept.
type Options struct {
	Dir    string // <data_dir>/state/profiles; made when needed
	Memory int64  // bytes for the open parts of one writer; 0 = 256 MiB. A part beyond them gets no statistics
	Now    func() time.Time
	Log    *slog.Logger
}

// Profiles keeps one sketch for each part. Safe for concurrent use.
type Profiles struct {
	options Options

	mu   sync.Mutex
	done map[uint64]api.Profile // by what was asked: parts do not change
}

// New returns the profiles kept in a folder.
func New(options Options) *Profiles {
	if options.Memory <= 0 {
		options.Memory = 256 << 20
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	return &Profiles{options: options}
}

// Column is a column of a table as published.
type Column struct {
	Name string
	Type sdk.Type
	PII  bool // its values are personal
}

// Part is one part of a table.
type Part struct {
	SHA256 string
	Rows   int64
}

// Input is a table whose profile is asked for.
type Input struct {
	Table      sdk.TableName
	Generation int64
	Bytes      int64
	Columns    []Column
	Key        []string
	Parts      []Part // in table order
}

// mostDone is how many finished documents are kept in memory.
const mostDone = 512

// Table is the profile of a table: the merge of its parts' sketches. Relations, metrics and trend are the caller's to
// fill. Parts without a sketch make it incomplete; the only errors are ctx's.
func (p *Profiles) Table(ctx context.Context, in Input) (api.Profile, error) {
	asked, err := json.Marshal(in)
	if err != nil {
		return api.Profile{}, fmt.Errorf("profile %s: %w", in.Table, err)
	}
	name := xxh3.Hash(asked)
	p.mu.Lock()
	out, ok := p.done[name]
	p.mu.Unlock()
	if ok {
		return out, nil
	}
	merged, err := p.merge(ctx, in)
	if err != nil {
		return api.Profile{}, err
	}
	out = in.document(merged)
	if out.Incomplete { // a sketch may be there the next time
		return out, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.done == nil || len(p.done) >= mostDone {
		p.done = map[uint64]api.Profile{}
	}
	p.done[name] = out
	return out, nil
}

// merge adds up the sketches of the parts that have one.
func (p *Profiles) merge(ctx context.Context, in Input) (*sketch, error) {
	merged := newSketch(in.Key)
	for _, c := range in.Columns {
		merged.put(newColumn(c.Name, kindOf(c.Type), xxh3.HashString(string(in.Table))))
	}
	for _, part := range in.Parts {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("profile %s: %w", in.Table, err)
		}
		s := p.find(part.SHA256)
		if s == nil || s.rows != part.Rows {
			continue
		}
		if err := merged.merge(s); err != nil {
			p.options.Log.Warn("the statistics of a part do not fit its table; the profile is incomplete", "table", in.Table, "part", part.SHA256, "error", err)
		}
	}
	return merged, nil
}

// document writes what merged knows of the table.
func (in Input) document(merged *sketch) api.Profile {
	out := api.Profile{Table: string(in.Table), Generation: in.Generation, Bytes: in.Bytes, VariableTypes: map[string]int{}, Alerts: []api.ProfileAlert{},
		Relations: []api.ProfileRelation{}, Metrics: []api.ProfileMetric{}, Sample: []map[string]string{}, Trend: []api.ProfileTrend{}, Columns: []api.ProfileColumn{}}
	for _, part := range in.Parts {
		out.Rows += part.Rows
	}
	if out.Rows != merged.rows {
		out.Incomplete, out.CoveredRows = true, &merged.rows
	}
	if merged.computed > 0 {
		out.ComputedAt = values.Moment(merged.computed, true)
	}
	known := merged.rows > 0 || out.Rows == 0
	var gone int64
	var complete float64
	for _, of := range in.Columns {
		c := merged.byName[of.Name]
		out.VariableTypes[c.kind.Category]++
		if !known {
			out.Columns = append(out.Columns, api.ProfileColumn{Name: of.Name, Type: of.Type.String(), Category: c.kind.Category, PII: of.PII, Masked: of.PII, IsKey: slices.Contains(in.Key, of.Name)})
			continue
		}
		described := c.describe(of, slices.Contains(in.Key, of.Name))
		out.Columns = append(out.Columns, described)
		out.Alerts = append(out.Alerts, c.alerts()...)
		gone += c.nulls
		complete += share(c.rows-c.nulls, c.rows)
		if out.DateRange == nil && described.Date != nil {
			out.DateRange = c.span.describe(c.kind)
		}
	}
	if !known {
		return out
	}
	out.MissingCells = &gone
	if merged.rows > 0 && len(in.Columns) > 0 {
		mean := complete / float64(len(in.Columns))
		out.CompletenessPct = &mean
	}
	if merged.keys != nil {
		again := merged.keys.Repeats()
		out.DuplicateKeys = &again
	}
	out.Sample = in.visible(merged.sample)
	return out
}

// visible leaves out what is masked, and columns that the table has no more.
func (in Input) visible(sample []map[string]string) []map[string]string {
	rows := make([]map[string]string, len(sample))
	for i, row := range sample {
		rows[i] = map[string]string{}
		for _, c := range in.Columns {
			if value, ok := row[c.Name]; ok && !c.PII {
				rows[i][c.Name] = value
			}
		}
	}
	return rows
}

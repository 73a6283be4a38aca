// Package listing writes down what is published, as commands and scripts read it. It is part of the room app.
package listing

import (
	"cmp"
	"context"
	"sort"
	"time"

	"github.com/ai-data-analyst/broker/host/internal/lake"
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

// GenerationReport is one generation.
type GenerationReport struct {
	Generation  int64     `json:"generation"`
	PublishedAt time.Time `json:"published_at"`
	Run         string    `json:"run"`
	Changed     []string  `json:"changed"`
}

// Tables lists what is published, of generation n, or of the newest for 0.
func Tables(ctx context.Context, l *lake.Lake, n int64) (TablesReport, error) {
	report := TablesReport{Tables: []TableReport{}}
	generation, err := l.Generation(ctx, n) // number and tables of one moment, whatever is published meanwhile
	if err != nil {
		return report, err
	}
	report.Generation = generation.Seq
	for _, v := range generation.Tables {
		report.Tables = append(report.Tables, table(l, v))
	}
	sort.Slice(report.Tables, func(i, j int) bool { return report.Tables[i].Name < report.Tables[j].Name })
	held, err := l.Held(ctx)
	for _, h := range held {
		report.Held = append(report.Held, HeldReport{Table: string(h.Root), Run: h.RunID, Since: h.Since, Reason: h.Reason})
	}
	return report, err
}

func table(l *lake.Lake, v lake.Version) TableReport {
	r := TableReport{Name: string(v.Table), Namespace: v.Table.Namespace(), Table: v.Table.Table(), Source: v.Props["broker.source"], Description: v.Description,
		Rows: v.Rows, Columns: len(v.Columns), Bytes: v.Bytes, Parts: len(v.Parts), Generation: v.Seq, PublishedAt: v.Published,
		Strategy: v.Props["broker.strategy"], PrimaryKey: v.Key, Location: v.Location, MetadataLocation: v.Metadata}
	if r.PrimaryKey == nil {
		r.PrimaryKey = []string{}
	}
	for _, p := range v.Parts {
		r.Files = append(r.Files, cmp.Or(l.Path(p), l.URL(p)))
	}
	return r
}

// Generations lists the newest generations, newest first.
func Generations(ctx context.Context, l *lake.Lake, limit int) ([]GenerationReport, error) {
	reports := []GenerationReport{}
	generations, err := l.Generations(ctx, limit)
	for _, g := range generations {
		r := GenerationReport{Generation: g.Seq, PublishedAt: g.Published, Run: g.RunID}
		for _, name := range g.Changed {
			r.Changed = append(r.Changed, string(name))
		}
		reports = append(reports, r)
	}
	return reports, err
}

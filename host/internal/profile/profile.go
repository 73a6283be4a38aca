// Package profile computes statistics of the rows of a table while they pass into parts: one pass, one sketch a part, no
// second read. A table's profile is the merge of the sketches of its current parts.
//
// It never blocks or fails a run: whatever goes wrong here costs the statistics of one part, and the profile says so. It
// reads no Parquet, knows no lake and nobody's grants; app introduces it to both. Memory is bounded for a column and for
// all parts together.
package profile

import (
	"context"
	"log/slog"
	"time"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/web/api"
)

// Options say where sketches are kept.
type Options struct {
	Dir    string // <data_dir>/state/profiles; made when needed
	Memory int64  // bytes of all parts under way; 0 = 256 MiB. A part beyond it gets no statistics
	Now    func() time.Time
	Log    *slog.Logger
}

// Profiles keeps one sketch for each part. Safe for concurrent use.
type Profiles struct {
	options Options
}

// New returns the profiles kept in a folder.
func New(options Options) *Profiles { return &Profiles{options: options} }

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

// Table is the profile of a table: the merge of its parts' sketches. Relations, metrics and trend are the caller's to
// fill. Parts without a sketch make it incomplete; ctx ending is the only error.
func (p *Profiles) Table(ctx context.Context, in Input) (api.Profile, error) {
	return api.Profile{Table: string(in.Table), Generation: in.Generation, Bytes: in.Bytes, Incomplete: len(in.Parts) > 0}, ctx.Err()
}

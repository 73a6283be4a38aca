// Package catalog resolves what is configured: sources with their streams and the table definitions become sets of
// published tables, and problems that name file and line.
//
// It is pure: no I/O, no clock, no database. It never imports config: app feeds it.
package catalog

import (
	"fmt"
	"time"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Input is everything a resolution is made from.
type Input struct {
	Sources     []Source     // those whose streams were discovered; definitions of other sources are left out silently
	Definitions []Definition // usable definitions
	Broken      []Broken     // definitions with errors: their streams are not published by default
	Incomplete  bool         // a broken definition names no stream: no undefined stream is published by default
	Now         time.Time    // "today" for history windows
	// Castable says why values of one type cannot be converted to another; nil = whatever is asked for can be done.
	Castable func(from, asked sdk.Type) error
}

// Source is one configured source and what it offers.
type Source struct {
	Name    string
	Tables  []string // patterns of streams, "*" matches any text
	Streams []sdk.Stream
	File    string
	Line    int
}

// Definition is what data_description.md says of one table.
type Definition struct {
	ID, Name, Folder, Source, Stream string // Source "" = the only source that has the stream
	Description                      string
	Strategy                         sdk.SyncMode
	Key                              []string // nil = the stream's
	WindowDays                       *int     // nil = the stream's lookback
	PartitionBy, Granularity         string
	MaxHistoryDays                   int
	ChunkDays, ChunkLine             int // ChunkLine 0 = not said
	ForeignKeys                      []ForeignKey
	Filters                          []Filter
	Dataset                          string
	Columns                          map[string]Column
	MaxRejectRows                    *int64
	MaxRejectPct                     *float64
	Schema                           string // evolve | freeze; "" = evolve
	File                             string
	Line                             int
}

// ForeignKey documents that Column refers to RefColumn of Table.
type ForeignKey struct{ Column, Table, RefColumn, Description string }

// Filter is one where-filter; any of Values fulfils it.
type Filter struct {
	Column, Operator string
	Values           []string
}

// Column is what is said of one column.
type Column struct {
	Description string
	PII         bool
	Type        string
	Line        int // where Type stands
}

// Broken is a definition that cannot be used.
type Broken struct {
	Source, Stream string // "" = unknown
	File           string
	Line           int
}

// Set is a root table and the tables that travel with it: one run, one publication.
type Set struct {
	Source string
	Root   Table
	Tables []Table // all of the set, the root first
}

// Table is one published table and how it is read and written.
type Table struct {
	Name        sdk.TableName
	Root        bool
	Source      string
	Stream      string
	ID          string // of the definition; "" without one
	Description string
	Strategy    sdk.SyncMode // as described
	Read        sdk.SyncMode // how the stream is asked for: Strategy, or full_refresh for partitions of a stream that has no such mode
	Write       string       // replace | append | merge | partitions
	Key         []string
	CursorField string
	Lookback    time.Duration
	HistoryFrom time.Time // zero = everything
	Filters     []Filter
	Partition   *Partition
	Freeze      bool              // any schema change fails the run
	MaxRejects  int64             // rows; -1 = no limit
	MaxRejectsP float64           // percent; 0 = not set
	Docs        map[string]string // column → description
	PII         map[string]bool
	Types       map[string]sdk.Type // column → type asked for
	TypesAt     map[string]string   // column → where it was asked for: "file:line"
	ForeignKeys []ForeignKey
	Dataset     string
	RateKey     string
	File        string // of the definition, else of the source
	Line        int
}

// Partition is partitioning by a date or timestamp column, in UTC.
type Partition struct {
	Column      string
	Granularity string // day | month | year
}

// Problem is something that keeps a table from being published, or, as a warning, from being as described.
type Problem struct {
	File    string
	Line    int
	Source  string
	Stream  string
	Table   sdk.TableName
	Summary string
	Help    string
	Warning bool
}

// Fault returns the problem as an error of class config.
func (p Problem) Fault() *fault.Fault {
	return &fault.Fault{Code: fault.Config, What: p.String(), Help: p.Help, Scope: string(p.Table)}
}

// String returns "file:line: summary".
func (p Problem) String() string {
	if p.File == "" {
		return p.Summary
	}
	return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Summary)
}

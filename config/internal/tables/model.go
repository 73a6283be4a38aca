// Package tables reads data_description.md: Markdown whose fenced yaml blocks define tables.
//
// One bad table is a diagnostic at its own line and leaves the others alone. Only package config imports it.
package tables

import "time"

// Options is what Load is told.
type Options struct {
	Dir      string    // folder of instance.hcl: data_description.md and datasets/*.md lie in it
	Today    time.Time // for date placeholders of filters, in the zone that "today" is meant in
	Sources  []string  // configured sources
	Datasets []string  // configured datasets
}

// Description is every table definition of an instance.
type Description struct {
	Tables []Definition
	// Broken lists definitions with an error: their streams must not be published under default names.
	Broken []Broken
	// Incomplete says that a broken definition names no stream: any undefined stream might be the one it is about.
	Incomplete bool
	Files      []string
}

// Broken is a definition that cannot be used.
type Broken struct {
	Source, Stream string // as far as known
	File           string
	Line           int
}

// Definition is what data_description.md says of one table.
type Definition struct {
	ID             string
	Name           string // of the table, without namespace
	Folder         string // namespace: folder, else folder_mapping, else "main"
	Source         string // "" = any (no source is configured)
	Stream         string // as written; default ID
	Description    string
	Strategy       string   // full_refresh | incremental | partitioned
	PrimaryKey     []string // nil = not said
	WindowDays     *int     // incremental_window_days; nil = not said
	PartitionBy    string
	Granularity    string // day | month | year; "" without PartitionBy
	MaxHistoryDays int    // 0 = everything
	ChunkDays      int    // initial_load_chunk_days
	ChunkLine      int    // where that stands; 0 = not said
	ForeignKeys    []ForeignKey
	Filters        []Filter
	Dataset        string
	Columns        map[string]Column
	MaxRejectRows  *int64   // nil = not said
	MaxRejectPct   *float64 // nil = not said
	Schema         string   // evolve | freeze
	File           string
	Line           int
}

// ForeignKey documents that Column refers to Table.RefColumn.
type ForeignKey struct {
	Column      string
	Table       string // as written: "customers" or "crm.customers"
	RefColumn   string
	Description string
}

// Filter is one where-filter; any of Values fulfils it. Placeholders are resolved.
type Filter struct {
	Column   string
	Operator string // eq, ne, gt, ge, lt, le
	Values   []string
}

// Column is what is said of one column.
type Column struct {
	Description string
	PII         bool
	Type        string // "" = the source's
	Line        int    // where Type stands, in the definition's file; 0 without one
}

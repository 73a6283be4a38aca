// Package version holds the nouns that the rooms inside lake share: what a table is now, and what a draft wants to make
// of it. Values only; no I/O. Only host/internal/lake and its sub-folders import it.
package version

import (
	"github.com/ai-data-analyst/broker/host/internal/parquet"
	"github.com/ai-data-analyst/broker/sdk"
)

// WriteMode says how a run's rows change a table.
type WriteMode string

// The ways of writing.
const (
	Replace    WriteMode = "replace"    // the table holds the run's rows only
	Append     WriteMode = "append"     // the run's rows are added
	Merge      WriteMode = "merge"      // by key: newest row per key wins, deletes apply
	Partitions WriteMode = "partitions" // exactly the partitions that the run delivers are replaced
)

// Policy says what a schema change may do.
type Policy string

// The policies of data_description.md's field schema.
const (
	Evolve Policy = "evolve" // new columns are added, nullable
	Freeze Policy = "freeze" // any change fails the run
)

// Partition is hidden partitioning by a date or timestamp column, in UTC.
type Partition struct {
	Column      string
	Granularity string // day | month | year
}

// Spec is what is wanted of one table of a set.
type Spec struct {
	Name        sdk.TableName
	Root        bool // the cursor stands on the root only
	Source      string
	Stream      string
	Strategy    sdk.SyncMode
	Description string
	Docs        map[string]string   // column descriptions, over those of the stream
	Types       map[string]sdk.Type // what columns are converted to, before anything else is done with their rows
	TypesAt     map[string]string   // where that was asked for: "file:line"
	PII         map[string]bool
	Mode        WriteMode
	Key         []string
	CursorField string
	Partition   *Partition
	Policy      Policy
	MaxRejects  int64   // rows; -1 = no limit
	MaxRejectsP float64 // percent of the run's rows; 0 = not set
}

// Part is one immutable Parquet file of a table.
type Part struct {
	Path      string // below the lake's folder, slash-separated: <namespace>/<table>/data/<sha256>.parquet
	SHA256    string
	Bytes     int64
	Rows      int64
	Stats     []parquet.Stats
	Splits    []int64
	Partition *int32 // Iceberg partition value (day, month, year number); nil with a partitioned table = NULL partition
}

// Version is a table as published.
type Version struct {
	Table     sdk.TableName
	ID        string // Iceberg's UUID of the table; stays when it is renamed
	Seq       int64  // generation in which it was last changed; 0 = never published
	Snapshot  int64
	Columns   []parquet.Column
	LastID    int // highest field id ever used
	Key       []string
	Partition *Partition
	Parts     []Part
	Rows      int64
	Bytes     int64
	Cursor    sdk.Cursor
	Content   string // digest of schema and rows in order (decision 2); "" = unknown
	Location  string // folder or URL of the Iceberg table
	Metadata  string // location of the current metadata file
	RunID     string
	Published string // RFC 3339 UTC
	Props     map[string]string

	Source      string // configured source; with the next ones as in the Spec of the last publication
	Stream      string
	Strategy    sdk.SyncMode
	Description string
	PII         map[string]bool
	Watermark   string // highest cursor-field value, for people
	Dropped     bool   // it is in no generation any more; rows and cursor are kept until retention ends
}

// Change is what a draft wants to make of one table. Parts in neither list stay.
type Change struct {
	Spec     Spec
	Base     Version // what it was made from; Publish fails on conflict when it is no longer current
	Columns  []parquet.Column
	LastID   int
	Add      []Part   // files already durable under their final path
	Remove   []string // paths of parts of Base that go
	Replace  bool     // all of Base's parts go; the draft's content is the whole table
	Content  string   // digest, Replace only
	Rows     Counts
	Schema   bool // columns differ from Base
	Complete bool // Boundary complete was seen
}

// Counts are the figures of a change.
type Counts struct {
	Rows     int64 // rows of the table afterwards
	Added    int64
	Updated  int64
	Deleted  int64
	Rejected int64
	Bytes    int64 // bytes of the table afterwards
	// Rows of the run that changed nothing: replaced by a newer one of the same key inside the run, or equal to the
	// table's own.
	Duplicates int64
	Unchanged  int64
}

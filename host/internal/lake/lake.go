// Package lake keeps the published tables: drafts become immutable parts, and one commit makes a new generation of
// everything visible (lake.md).
//
// A reader sees generation N or N+1, never a mix (G1). The cursor is committed with its rows, so a crash loses no
// committed row and repeats none (G2). No sources, users or HTTP. Imported by app; ingest sees it through interfaces of
// its own.
package lake

import (
	"database/sql"
	"log/slog"
	"time"

	"github.com/ai-data-analyst/broker/host/internal/lake/care"
	"github.com/ai-data-analyst/broker/host/internal/lake/disk"
	"github.com/ai-data-analyst/broker/host/internal/lake/version"
	"github.com/ai-data-analyst/broker/sdk"
)

// The nouns of the rooms inside, under the names by which others know them.
type (
	// Spec is what is wanted of one table of a set.
	Spec = version.Spec
	// Version is a table as published.
	Version = version.Version
	// Partition is hidden partitioning by a date or timestamp column, in UTC.
	Partition = version.Partition
	// Part is one immutable Parquet file of a table.
	Part = version.Part
	// Observer watches the rows that a writer puts into parts.
	Observer = version.Observer
	// Observe gives every writer an Observer.
	Observe = version.Observe
	// Finding is something Verify found wrong.
	Finding = care.Finding
	// Expired says what Expire removed.
	Expired = care.Expired
)

// Options say where a lake is and what it is made with.
type Options struct {
	Dir        string  // <data_dir>/lake: where drafts are made, and the tables lie too unless URL says otherwise
	URL        string  // "" or "file" = the tables lie in Dir; else the bucket in which they do, as s3://bucket/prefix
	DB         *sql.DB // the state database, with the tables of Migrations
	Dialect    string  // sqlite or postgres
	Now        func() time.Time
	RetainDays int // generations older than this may go; 0 = 30
	Log        *slog.Logger
	// Exclusive says that the caller holds the lock of the data folder: Open then removes what earlier processes left
	// behind, and their leases are void. Without it the lake may only be read.
	Exclusive bool
	Observe   Observe           // may be nil
	FS        disk.FS           // nil = the machine's own; tests bring one that crashes
	Step      func(name string) // called at the named steps of a publication; nil but in tests
}

// RunInfo names the run that a draft belongs to.
type RunInfo struct {
	ID     string // letters, digits, "-" and "_"
	Holder string // who runs it, for the message that another run gets
}

// Status is how a publication ended.
type Status string

// The ways a publication ends.
const (
	Published Status = "published" // a new generation
	Unchanged Status = "unchanged" // nothing new; the cursor may have moved
	Held      Status = "held"      // waits for a person: Accept or Discard
)

// Publication is the outcome of Publish.
type Publication struct {
	RunID     string
	Seq       int64 // generation; 0 unless published
	Published time.Time
	Status    Status
	Reason    string // why it is held
	Tables    []TableResult
}

// TableResult is what a publication did to one table.
type TableResult struct {
	Name     sdk.TableName
	Status   Status
	Rows     int64 // of the table afterwards
	Added    int64
	Updated  int64
	Deleted  int64
	Rejected int64
	Bytes    int64 // of the table afterwards
	Parts    int   // of the table afterwards
}

// Generation is the state of all tables at once.
type Generation struct {
	Seq       int64
	Published time.Time
	RunID     string
	Changed   []sdk.TableName // tables that this generation changed
	Tables    []Version       // every table as of this generation; only Lake.Generation fills it
}

// HeldSet is a publication that waits for a person.
type HeldSet struct {
	Root   sdk.TableName
	RunID  string
	Since  time.Time
	Reason string
	Tables []TableResult // as they would be
}

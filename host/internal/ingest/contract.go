package ingest

import (
	"context"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Lake is what a run needs of the lake: the cursor to continue from, and a draft to fill.
type Lake interface {
	// Draft opens the draft of one attempt and takes the leases of the set's tables. The set is as it is really written:
	// with Full, every table already says FullRefresh and Replace.
	Draft(ctx context.Context, run RunInfo, set Set) (Draft, error)
	// Cursor returns the cursor of root's current version; zero when it was never published. It is asked while the
	// draft holds the lease, so nobody else can move it (I4).
	Cursor(ctx context.Context, root sdk.TableName) (sdk.Cursor, error)
	// Settled returns what the run published last, for runs whose end nobody wrote down; Seq 0 = nothing.
	Settled(ctx context.Context, run string) (Publication, error)
}

// Draft collects the rows of one attempt, unseen by readers until Publish. One goroutine uses it.
type Draft interface {
	// Schema declares the columns of a table from here on; key nil = as configured.
	Schema(table sdk.TableName, columns []sdk.Column, key []string) error
	// Append takes rows; op is a connector.Op. The batch stays the caller's, who releases it afterwards.
	Append(table sdk.TableName, op string, batch arrow.Record) error
	// Boundary marks begin or completion of a full delivery.
	Boundary(table sdk.TableName, complete bool) error
	// Reject notes rows that the connector left out.
	Reject(table sdk.TableName, rows int64, column, reason string) error
	// Checkpoint says that everything so far is complete up to cursor.
	Checkpoint(cursor sdk.Cursor, watermark string) error
	// Publish commits what was gathered since the last publication together with the cursor of the last checkpoint.
	// After one that is not final the draft goes on collecting under the same run id (decision 1). An error beside a
	// publication with a Seq means that it is published and the draft cannot go on.
	Publish(ctx context.Context, final bool) (Publication, error)
	// Discard drops what is not published and gives the leases back.
	Discard() error
}

// RunInfo names the run that a draft belongs to.
type RunInfo struct {
	ID      string
	Holder  string // who runs it, for the message that another run gets
	Attempt int    // 1 for the first
	Started time.Time
}

// Publication is what Publish made of a set.
type Publication struct {
	Seq    int64  // generation; 0 unless published
	Status Status // Published, Unchanged or Held
	Reason string // why it is held
	Tables []Counts
}

// Counts are the figures of one table in one publication.
type Counts struct {
	Name     sdk.TableName
	Status   Status
	Rows     int64 // rows of the table afterwards
	Added    int64 // since the last publication, as are the next three
	Updated  int64
	Deleted  int64
	Rejected int64
	Bytes    int64 // bytes of the table afterwards
}

// Source lends the session of a configured source for one attempt.
type Source interface {
	// Session returns a session that is verified, alive and configured. release ends it with all that belongs to it, is
	// called exactly once, and returns one sentence about a plugin that did not end as it should, else "".
	Session(ctx context.Context, source, run string) (session connector.Session, release func() (exit string), err error)
}

// Journal remembers runs. It is not part of the publishing transaction (decision 5).
type Journal interface {
	Begin(ctx context.Context, run RunInfo, set Set) error
	// Attempt notes that attempt n begins, and why the one before it failed (nil for the first).
	Attempt(ctx context.Context, run string, n int, because error) error
	Finish(ctx context.Context, result Result) error
	// Open lists the runs that have begun and not finished.
	Open(ctx context.Context) ([]OpenRun, error)
}

// OpenRun is a journal entry without an end.
type OpenRun struct {
	ID       string
	Source   string
	Tables   []sdk.TableName // the root first
	Attempts int
	Started  time.Time
}

// Set is what one run syncs: a root table, its children, or a declared group (decision 4).
type Set struct {
	Source      string
	Tables      []Table // the root first
	Full        bool    // --full: read everything and replace
	FullAllowed bool    // a state that the source no longer knows may restart the set in full
	RateKey     string  // sets with one key of one source take turns; "" = none
	Trigger     string  // "manual", "schedule", …: for the journal
	Sync        string  // id of the command or tick that asked for several runs; "" = none
	Limits      connector.Limits
}

// Table is one table of a set and what is asked of its stream.
type Table struct {
	Name        sdk.TableName
	Stream      string
	Mode        sdk.SyncMode
	Write       string // replace, append, merge or partitions, as the lake and the catalog say
	Columns     []string
	Filters     []connector.Filter
	Lookback    time.Duration
	HistoryFrom time.Time
}

const (
	writeReplace    = "replace"
	writeAppend     = "append"
	writeMerge      = "merge"
	writePartitions = "partitions"
)

// Root returns the name of the root table.
func (s Set) Root() sdk.TableName { return s.Tables[0].Name }

// asWritten returns the set as it is really read and written.
func (s Set) asWritten() Set {
	if !s.Full {
		return s
	}
	tables := make([]Table, len(s.Tables))
	for i, t := range s.Tables {
		t.Mode, t.Write = sdk.FullRefresh, writeReplace
		tables[i] = t
	}
	s.Tables = tables
	return s
}

// check refuses a set that no run can be made of.
func (s Set) check() error {
	if s.Source == "" || len(s.Tables) == 0 {
		return fault.New(fault.Bug, "a run without a source or without tables was asked for")
	}
	names, streams := map[sdk.TableName]bool{}, map[string]bool{}
	for _, t := range s.Tables {
		if names[t.Name] || streams[t.Stream] {
			return fault.Newf(fault.Bug, "table %s or stream %s stands twice in one run", t.Name, t.Stream)
		}
		names[t.Name], streams[t.Stream] = true, true
		switch t.Write {
		case writeReplace, writeAppend, writeMerge, writePartitions:
		default:
			return fault.Newf(fault.Bug, "table %s: no way of writing is called %q", t.Name, t.Write)
		}
	}
	return nil
}

// Status is how a run or a table of it ended.
type Status string

// The ends of a run. A table is also Skipped, when its run never began.
const (
	Published Status = "published"
	Unchanged Status = "unchanged"
	Held      Status = "held"
	Failed    Status = "failed"
	Cancelled Status = "cancelled"
	Skipped   Status = "skipped"
)

// Result is how a run ended. On failure the published tables are as before, or as of the last publication it made.
type Result struct {
	Run        string
	Set        Set
	Status     Status
	Generation int64 // newest generation the run made; 0 = none
	Attempts   int
	Started    time.Time
	Finished   time.Time
	Tables     []TableResult     // one for each table of the set, in its order
	Held       string            // why it is held, if it is
	Issues     []connector.Issue // added up by stream, column and code; of the last attempt
	Err        error             // nil unless Failed, Cancelled or Skipped; its class is fault.CodeOf
}

// TableResult is one table's part of a Result.
type TableResult struct {
	Name     sdk.TableName
	Status   Status
	Read     int64 // rows that the connector delivered in the last attempt
	Rows     int64 // rows of the table afterwards; of a failed run 0
	Added    int64
	Updated  int64
	Deleted  int64
	Rejected int64
	Bytes    int64
	Seconds  float64
	Err      error
}

// Progress is a glance at a run, for people who watch it.
type Progress struct {
	Run     string
	Source  string
	Table   sdk.TableName // root of the set
	Stream  string        // the stream last heard of
	Attempt int
	Phase   string // "starting", "reading", "waiting", "publishing", or the connector's own word
	Note    string
	Rows    int64  // rows delivered in this attempt
	Bytes   int64  // their size in memory
	Done    uint64 // the connector's own measure; Total 0 = unknown
	Total   uint64
}

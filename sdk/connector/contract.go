// Package connector is the contract of connector plugins, and what their authors write them with.
//
// The interfaces Connector, Session and Messages are the same on both ends of the wire: the plugin's code behind
// Plugin.Build, the host's client in sdk/dial, and the fakes of tests. Authors use Plugin, Table, Dynamic, Rows and
// Records and never see gRPC; Arrow only if they want to. No gRPC, no policy of the host.
package connector

import (
	"context"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/ai-data-analyst/broker/sdk"
)

// Connector is one connector plugin, near or far.
type Connector interface {
	// Describe says what the plugin is. It needs no settings and no network and has no side effect.
	Describe(ctx context.Context) (Description, error)
	// Validate checks settings offline. settings is one JSON object, secrets included as strings.
	Validate(ctx context.Context, settings []byte) ([]Problem, error)
	// Open starts a session with the given settings. One process may hold several sessions.
	Open(ctx context.Context, open Open) (Session, error)
}

// Session is a connector with its settings: one configured source.
type Session interface {
	// Check asks the remote side whether the source can be used.
	Check(ctx context.Context) ([]CheckItem, error)
	// Discover lists the streams; only restricts the list when not empty.
	Discover(ctx context.Context, only []string) ([]sdk.Stream, error)
	// Read delivers the streams asked for as one task. The caller closes the Messages.
	Read(ctx context.Context, request Request) (Messages, error)
	// Close ends the session and its reads.
	Close(ctx context.Context) error
}

// Messages is one Read in progress, in order. It is used by one goroutine, except that Ack and Close may be called from
// another.
type Messages interface {
	// Next waits for the next message; false at the end, which is clean only if the last message was a Done.
	Next(ctx context.Context) bool
	// Message returns what Next found. A Batch's Record belongs to the caller, who releases it.
	Message() Message
	// Err returns why Next said false: nil after Done, else a fault.
	Err() error
	// Ack tells the plugin that everything up to the checkpoint is published (decision 1); cumulative.
	Ack(ctx context.Context, checkpoint uint64) error
	// Close stops the read if it is running and frees what it holds.
	Close() error
}

// The nouns that every kind of plugin shares.
type (
	Description = sdk.Description // Kind is "connector"
	Field       = sdk.Field
	Problem     = sdk.Problem
	CheckItem   = sdk.CheckItem
)

// Open is what a session starts with.
type Open struct {
	Settings []byte // one JSON object, secrets included as strings; never logged
	RunID    string
	WorkDir  string // private temporary folder, removed by the host after the run
}

// Ask is what is wanted of one stream.
type Ask struct {
	Stream      string
	Mode        sdk.SyncMode
	Columns     []string // nil = all
	Filters     []Filter
	State       sdk.Cursor // last published cursor, in every mode (decision 10): position and pinned decisions
	Lookback    time.Duration
	HistoryFrom time.Time // first load only: nothing older is wanted; zero = everything
}

// Filter is one where-filter: any of Values fulfils it.
type Filter struct {
	Column   string
	Operator string // eq, ne, gt, ge, lt, le
	Values   []string
}

// Request is one task: a root stream and the streams that travel with it (its children, or a declared group).
type Request struct {
	Asks    []Ask // the first is the root; its State is the state of the task
	Limits  Limits
	Attempt int // 1 for the first
	MaxRows int // > 0: a preview that stops after so many rows of each stream and never checkpoints
}

// Limits are the sizes the host wants batches to have. Zero values mean the defaults.
type Limits struct {
	BatchRows  int           // target rows of a batch, default DefaultBatchRows
	BatchBytes int           // target bytes of a batch, default DefaultBatchBytes
	Flush      time.Duration // longest time a row waits, default DefaultFlush
}

// Defaults and caps of batches, from plugins.md §9.5 and §11.2 as measured there.
const (
	DefaultBatchRows  = 65_536
	DefaultBatchBytes = 4 << 20
	DefaultFlush      = 2 * time.Second
	MaxBatchBytes     = 16 << 20 // the SDK never sends a larger message
	MaxFieldBytes     = 8 << 20  // one value
)

// Message is one of Schema, Batch, Checkpoint, Boundary, Status, Issue, StreamDone, Done.
type Message interface{ message() }

// Op says what the rows of a batch mean.
type Op string

// Operations on rows.
const (
	Append     Op = "append"
	Upsert     Op = "upsert"
	DeleteKeys Op = "delete_keys" // the batch holds the key columns in schema order, then the cursor field if declared
)

// Schema declares the columns of a stream from here on. It comes before the first batch of its epoch, also for empty
// streams. Epochs of a stream only grow, from 1.
type Schema struct {
	Stream  string
	Epoch   uint32
	Columns []sdk.Column
	Key     []string // key of the stream as now known; nil = as discovered
}

// Batch is some rows of a stream under its newest schema.
type Batch struct {
	Stream string
	Epoch  uint32
	Op     Op
	Record arrow.Record // whoever receives it releases it
}

// Checkpoint says that everything before it is complete up to State.
type Checkpoint struct {
	ID         uint64 // rising from 1 in a task
	State      sdk.Cursor
	Rows       map[string]uint64 // rows of each stream since the task's start
	Watermark  string            // highest cursor-field value, for people
	SafeToStop bool              // a run may be published here and resumed from State
}

// Boundary frames a full delivery of a stream: Begin before its first row, Complete after its last (decision 10).
type Boundary struct {
	Stream   string
	Complete bool   // false = begin
	Rows     uint64 // with Complete: rows delivered between
}

// Status is progress, for people.
type Status struct {
	Phase       string
	Done, Total uint64        // Total 0 = unknown
	QuietFor    time.Duration // no message is to be expected for so long, e.g. a rate limit
	Note        string
}

// Issue is something about the data that a person should know; it does not stop the read.
type Issue struct {
	Stream   string
	Column   string
	Code     string // short and constant, e.g. "ragged_row", "bad_value"
	Count    uint64
	Sample   string // one example, shortened, without secrets
	Key      string // which row or place, e.g. "orders.csv:17"
	Rejected bool   // the rows behind it were left out and count as rejected
}

// StreamDone says that a stream has ended.
type StreamDone struct {
	Stream   string
	Rows     uint64
	Complete bool
}

// Done is the last message of a task that went well.
type Done struct {
	Rows  map[string]uint64 // rows sent, of each stream, deletes included
	State sdk.Cursor        // published with the rows; zero = as the last checkpoint
}

func (Schema) message()     {}
func (Batch) message()      {}
func (Checkpoint) message() {}
func (Boundary) message()   {}
func (Status) message()     {}
func (Issue) message()      {}
func (StreamDone) message() {}
func (Done) message()       {}

package connector

import (
	"context"
	"errors"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/ai-data-analyst/broker/sdk"
)

// Author is what sdk/serve serves: Plugin, whatever its type parameters.
type Author interface {
	// Build checks the declaration and returns the connector in process, as host and tests use it.
	Build() (Connector, error)
}

// Plugin declares a connector. C is its settings struct (tags cfg, doc, default, required, secret, oneof, min, max,
// format), S what Open makes of them. Only Name, Version, Open and one of Streams and Discover are needed.
type Plugin[C, S any] struct {
	Name, Version, Doc string

	Open     func(ctx context.Context, rt Runtime, settings C) (S, error)
	Close    func(s S) error
	Check    func(ctx context.Context, s S) error // default: read one row of the first stream
	Validate func(settings C) []Problem           // offline rules beyond the tags

	Streams  []Stream[S]
	Discover func(ctx context.Context, s S) ([]Stream[S], error) // default: Streams
}

// Build implements Author.
func (p Plugin[C, S]) Build() (Connector, error) {
	return nil, errors.New("connector: Build is being written")
}

// Runtime is what a session may use of its surroundings.
type Runtime struct {
	RunID   string
	WorkDir string           // private temporary folder
	Now     func() time.Time // the clock
	Log     Logger
}

// Logger writes to the plugin's log, which the host keeps; never write secrets.
type Logger interface {
	Info(message string, args ...any)
	Warn(message string, args ...any)
}

// Stream is one declared stream with its reader. Make it with Table or Dynamic.
type Stream[S any] struct {
	info sdk.Stream
	read func(ctx context.Context, s S, q Query, task *task) error
}

// Table declares a stream whose rows are structs of type R (tags col:"name[,key][,cursor][,pii][,json|uuid|url|markdown|html]",
// doc, type:"decimal(p,s)|date|time|timestamp"). Session and row type are inferred from the reader.
func Table[S, R any](name string, read func(ctx context.Context, s S, q Query, rows *Rows[R]) error, options ...Option) Stream[S] {
	panic("being written")
}

// Dynamic declares a stream whose columns are values. columns may be nil when they are known only once reading has
// begun: the reader then calls Records.Schema first.
func Dynamic[S any](name string, columns []sdk.Column, read func(ctx context.Context, s S, q Query, rows *Records) error, options ...Option) Stream[S] {
	panic("being written")
}

// Option changes a declared stream: Key, CursorField, Sorted, AppendOnly, Lookback, Modes, Parent, RateKey, Doc.
type Option func(*sdk.Stream)

// Query is what a reader is asked for.
type Query struct {
	Mode        sdk.SyncMode
	Since       Since // where an incremental read starts, lookback already taken off; zero in full reads
	Columns     []string
	Filters     []Filter
	HistoryFrom time.Time  // first load only: nothing older is wanted; zero = everything
	MaxRows     int        // > 0 in previews: the reader may stop early
	Cursor      sdk.Cursor // the raw published state, in every mode; State decodes it
}

// State decodes the JSON state that an earlier run left through Records.SetState, Rows.SetState or Checkpoint into
// state and says whether there was one. A version other than version is an error of class state_expired.
func (q Query) State(version uint32, state any) (bool, error) { panic("being written") }

// Since is the inclusive lower bound of an incremental read.
type Since struct{ text string }

// Time returns the bound as a time, or otherwise if there is none.
func (s Since) Time(otherwise time.Time) time.Time { panic("being written") }

// Int returns the bound as an integer, or otherwise if there is none.
func (s Since) Int(otherwise int64) int64 { panic("being written") }

// Text returns the bound as text, "" if there is none.
func (s Since) Text() string { return s.text }

// Rows takes the rows of a stream whose rows are structs.
type Rows[R any] struct{ task *task }

// Append sends rows. They are copied before it returns.
func (r *Rows[R]) Append(ctx context.Context, rows ...R) error { panic("being written") }

// Delete says that the rows with these keys (key columns of each row filled in) are gone at the source.
func (r *Rows[R]) Delete(ctx context.Context, rows ...R) error { panic("being written") }

// Records takes the rows of a stream whose columns are values.
type Records struct{ task *task }

// Schema declares the columns from here on, and key where not nil; a second call opens a new epoch.
func (r *Records) Schema(ctx context.Context, columns []sdk.Column, key []string) error {
	panic("being written")
}

// AppendMap sends one row. Absent names are NULL; a value that does not fit its column is an error naming both.
func (r *Records) AppendMap(ctx context.Context, row map[string]any) error { panic("being written") }

// AppendRecord sends a batch whose schema equals the declared columns. It retains what it needs: the caller still
// releases its own reference. Batches are sent as they come, without copying; too large ones are split.
func (r *Records) AppendRecord(ctx context.Context, batch arrow.Record) error { panic("being written") }

// AppendJSON sends one row given as a JSON object.
func (r *Records) AppendJSON(ctx context.Context, object []byte) error { panic("being written") }

// DeleteMap says that the row with this key is gone at the source.
func (r *Records) DeleteMap(ctx context.Context, key map[string]any) error { panic("being written") }

// Both Rows and Records also have:
//
//	Checkpoint(ctx, version uint32, state any, human string) error  // all rows so far are complete up to state (JSON); flushes
//	SetState(version uint32, state any, human string) error         // state published when the task ends well
//	Issue(ctx, Issue) error                                         // Stream is filled in
//	Warn(ctx, code, message string) error
//	Progress(ctx, done, total uint64) error
//	Child(name string) (*Records, error)                            // rows of another stream of the same task
//
// With a cursor field declared and no own Checkpoint or SetState, the SDK keeps the state itself (plugins.md §9.3).
type task struct{}

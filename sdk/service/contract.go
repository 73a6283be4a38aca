// Package service is the contract of service plugins, and what their authors write them with.
//
// A service stands beside the data: it answers questions or passes things on. Service and Session are required; what a
// service can do are abilities, small interfaces that a session may fulfil (Querier). The interfaces are the same on both
// ends of the wire: the plugin's code behind Plugin.Build, the host's client in sdk/dial, and the fakes of tests. No
// gRPC, no policy of the host.
package service

import (
	"context"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/ai-data-analyst/broker/sdk"
)

// Service is one service plugin, near or far.
type Service interface {
	// Describe says what the plugin is. It needs no settings and no network and has no side effect.
	Describe(ctx context.Context) (Description, error)
	// Validate checks settings offline. settings is one JSON object, secrets included as strings.
	Validate(ctx context.Context, settings []byte) ([]Problem, error)
	// Open starts a session with the given settings. One process may hold several sessions.
	Open(ctx context.Context, open Open) (Session, error)
}

// Session is a service with its settings. It also fulfils the interface of each ability that Describe names.
type Session interface {
	// Check finds out whether the service can work as it is set up.
	Check(ctx context.Context) ([]CheckItem, error)
	// Close ends the session and what it has under way.
	Close(ctx context.Context) error
}

// The nouns that every kind of plugin shares.
type (
	Description = sdk.Description // Kind is "service"
	Field       = sdk.Field
	Problem     = sdk.Problem
	CheckItem   = sdk.CheckItem
)

// Open is what a session starts with.
type Open struct {
	Settings []byte // one JSON object, secrets included as strings; never logged
	WorkDir  string // private temporary folder, removed by the host after the session
}

// What the faults of a query say beside their class.
const (
	SQLPath       = "sql"       // Path: the statement is at fault
	TimeoutPath   = "timeout"   // Path: the query took too long
	ScopeReadOnly = "read_only" // Scope: only one reading statement is answered
	ScopeUnknown  = "not_found" // Scope: a table or column does not exist for this statement
)

// AbilityQuery is the name of the ability Querier.
const AbilityQuery = "query"

// Querier is the ability to run SQL over the host's tables. A session may be asked several queries at once.
type Querier interface {
	// Query runs one reading statement. Faults: fault.Config with Path "sql" for what is no single read or does not
	// compile (Scope ScopeReadOnly for the former, ScopeUnknown when it names a table that does not exist), fault.Data for
	// values that cannot be computed, delivered or held in memory, fault.Transient with Path TimeoutPath for one that took
	// too long. The caller closes the Rows.
	Query(ctx context.Context, request QueryRequest) (Rows, error)
}

// QueryRequest is one statement with all that it may see.
type QueryRequest struct {
	SQL         string
	Tables      []Table       // nothing else exists for the statement
	Limit       int64         // rows that are delivered at most; 0 = DefaultLimit
	MemoryBytes int64         // working memory; 0 = as the plugin is set up, and never more than that
	Timeout     time.Duration // from the call to the last row; 0 = DefaultTimeout
}

// Table is one table as a statement sees it: the view <Namespace>.<Name>, and main.<Name> where that is unique.
type Table struct {
	Namespace, Name string // sdk.NamePattern each
	Columns         []TableColumn
	Parts           []string // absolute paths of its Parquet files; read, never written
}

// TableColumn is one column of a table; ID is the Parquet field id, by which renamed and later columns are found in
// older parts.
type TableColumn struct {
	ID   int
	Name string
	Type string // DuckDB's spelling
}

// Rows is one result under way. It is used by one goroutine, except that Close may be called from another.
type Rows interface {
	// Columns are known from the start. Names are the statement's own: any text, and they may repeat.
	Columns() []Column
	// Next waits for the next rows; false at the end.
	Next(ctx context.Context) bool
	// Record returns what Next found, in the order of Columns. It belongs to the caller, who releases it.
	Record() arrow.Record
	// Err returns why Next said false: nil after the last row, else a fault.
	Err() error
	// Truncated says, after the last row, that the limit cut rows off.
	Truncated() bool
	// Close ends the query if it is running and frees what it holds.
	Close() error
}

// Column is one column of a result.
type Column struct {
	Name       string
	Type       sdk.Type // how values travel: types that are not in the closed list go as text
	EngineType string   // the engine's spelling, e.g. "HUGEINT", "STRUCT(a INTEGER)"
}

// Defaults and caps of queries.
const (
	DefaultLimit   = 10_000
	DefaultTimeout = 30 * time.Second
	MaxSQLBytes    = 256 << 10
	MaxBatchBytes  = 16 << 20 // the SDK never sends a larger message
	MaxFieldBytes  = 8 << 20  // one value
)

// Package v1 is the JSON API below /api/v1: one file per resource, handlers on Fiber, and the interfaces that it needs of
// the host.
//
// It decides nothing about who may see what: every door asks Access (I6). No disk, no SQL, no plugins. Mounted by web.
package v1

import (
	"context"
	"io"
	"time"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/api/tools"
)

// Access says who asks and what they may have (I6, G12).
type Access interface {
	// Authenticate returns who holds a bearer token; fault.Auth for none, a bad, an expired or a revoked one, and for a
	// disabled person.
	Authenticate(ctx context.Context, secret string) (sdk.Caller, error)
	// Authorize is the one decision: nil, or fault.NotFound for a table that is denied or absent alike, or
	// fault.Permission for an action that the credential's scopes or the role do not carry.
	Authorize(ctx context.Context, who sdk.Caller, action sdk.Action, table sdk.TableName) error

	Tokens(ctx context.Context, who sdk.Caller) ([]sdk.Token, error)
	IssueToken(ctx context.Context, who sdk.Caller, label string, days int, scopes []sdk.Scope) (sdk.Token, sdk.Secret, error)
	RevokeToken(ctx context.Context, who sdk.Caller, id string) error // fault.NotFound for another's
}

// SignIn is how the analyst's program gets its first token.
type SignIn interface {
	// Demo lists the people of a demo instance; empty elsewhere.
	Demo() []string
	// SignInDemo issues a token to a demo's person; fault.Auth for everybody else.
	SignInDemo(ctx context.Context, email, label string) (sdk.Caller, sdk.Token, sdk.Secret, error)
	// DemoCaller is a demo's person, for the page that asks whether a program may have a token; fault.Auth for everybody else.
	DemoCaller(ctx context.Context, email string) (sdk.Caller, error)
	// BeginCode remembers, for ten minutes, that who agreed to give a program a token; challenge is its S256 challenge.
	BeginCode(ctx context.Context, who sdk.Caller, challenge string) (code string, err error)
	// FinishCode uses a code up. fault.Auth for a wrong code or verifier.
	FinishCode(ctx context.Context, code, verifier, label string) (sdk.Caller, sdk.Token, sdk.Secret, error)
	// BeginDevice makes a pair of codes: device for the program, user for a person to type.
	BeginDevice(ctx context.Context) (device, user string, err error)
	// ApproveDevice lets who give the program with this user code a token. fault.NotFound for an unknown code.
	ApproveDevice(ctx context.Context, who sdk.Caller, userCode string) error
	// FinishDevice issues the token once approved; fault.Transient while nobody has decided, fault.Auth when it is over.
	FinishDevice(ctx context.Context, device, label string) (sdk.Caller, sdk.Token, sdk.Secret, error)
}

// Manifests says what a caller may have of the lake. Everything it returns is already narrowed to the caller's grant.
type Manifests interface {
	// Document is the manifest of a generation, 0 = current: fault.NotFound beyond current, fault.StateExpired when gone.
	// It holds what the caller takes of the grant; Granted holds all of it.
	Document(ctx context.Context, who sdk.Caller, generation int64) (api.Signed, error)
	Granted(ctx context.Context, who sdk.Caller, generation int64) (api.Signed, error)
	// Span is the oldest generation that can be had, and the current one.
	Span(ctx context.Context) (oldest, current int64, err error)
	// Content is the part or document of a hash, when any kept generation lists it in a table of the caller's present grant.
	Content(ctx context.Context, who sdk.Caller, sha256 string) (api.Content, error)
	Keys(ctx context.Context) (api.Keys, error)
	// Certify says that a key signs the caller's receipts. fault.Config for a text that is no key.
	Certify(ctx context.Context, who sdk.Caller, publicKey string) (api.Certificate, error)
	Catalog(ctx context.Context, who sdk.Caller) (api.Catalog, error)
	Count(ctx context.Context, who sdk.Caller) (int, error) // of published tables that the caller may see
	Table(ctx context.Context, who sdk.Caller, name sdk.TableName) (api.TableDetail, error)
	Changes(ctx context.Context, who sdk.Caller, since int64) (api.Changes, error)
	Instance() api.Instance
}

// Finder finds tables and definitions among those that a caller may see.
type Finder interface {
	// Find returns the catalog of the caller with the tables that a filter leaves.
	Find(ctx context.Context, who sdk.Caller, filter api.CatalogFilter) (api.Catalog, error)
	// Definitions are the metrics of which the caller may see every table, by category, then name of the file.
	Definitions(ctx context.Context, who sdk.Caller) ([]tools.Metric, error)
}

// Queries runs a caller's SQL near the data. Only tables of the caller's grant exist there.
type Queries interface {
	// Run returns columns and a stream of Arrow IPC bytes. fault.Config with Path "sql" for what does not compile, with Scope
	// "read_only" for what is no single read and "not_found" for a table that does not exist for the caller; fault.Data for
	// values that cannot be computed; fault.Transient with Path "timeout" for one that took too long;
	// fault.NotFound with Scope "engine" when no engine is installed, fault.StateExpired for a generation that is gone.
	Run(ctx context.Context, who sdk.Caller, q api.Query) (Rows, error)
}

// Rows is a result under way. Close it.
type Rows interface {
	// Columns are known before the first row.
	Columns() []api.TypedName
	// Next returns rows as values of JSON (see api.Result), io.EOF after the last. Not to be mixed with Arrow.
	Next() ([][]any, error)
	// Arrow is the whole result as an Arrow IPC stream.
	Arrow() io.Reader
	// Truncated is known after the last row: more rows than the limit were there.
	Truncated() bool
	Generation() int64
	Close() error
}

// Inbox takes notes and transcripts (interface.md §4, push).
type Inbox interface {
	Offer(ctx context.Context, who sdk.Caller, offer api.PushOffer) (api.PushAnswer, error)
	Receive(ctx context.Context, who sdk.Caller, machine string, item api.PushItem, offset int64, chunk io.Reader) (api.PushWant, error)
}

// Uses hears what people really use. Nothing here may wait.
type Uses interface {
	// Pulled: the caller holds the manifest of a generation now; client is the User-Agent.
	Pulled(who sdk.Caller, generation int64, client string)
	// Fetched: the caller takes a part of a table.
	Fetched(who sdk.Caller, table sdk.TableName)
	// Asked: a statement of the caller runs.
	Asked(who sdk.Caller, statement string)
}

// Event is something that happened, on its way to streams.
type Event struct {
	Name       string // table.published, run.progress
	Generation int64
	At         time.Time
	Tables     []sdk.TableName // only callers who may read one of them get it
	Progress   *api.Progress   // of run.progress; its table is the only one of Tables
}

// Events hands out what happens.
type Events interface {
	// Subscribe returns the events from now on; the channel is closed when ctx ends or the reader is too slow.
	Subscribe(ctx context.Context) <-chan Event
}

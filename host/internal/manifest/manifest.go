// Package manifest tells each person what they may have of the lake: the signed manifest of a generation, the bytes behind
// its hashes, the catalog, what changed (interface.md §9).
//
// It decides nothing about who may see what and reads no disk of its own but the folder of signing keys: lake, access and
// documents are small interfaces here, filled by app. It never parses Parquet, and no path comes from outside: bytes are
// asked for by hash.
package manifest

import (
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/ai-data-analyst/broker/host/internal/manifest/seal"
	"github.com/ai-data-analyst/broker/sdk"
)

// Keys are the keys that manifests are signed with.
type Keys = seal.Keys

// OpenKeys opens the keys in dir, <data_dir>/state/keys, and makes the first one when there is none. Rights wider than
// the owner's are refused: whoever reads the secret can sign for the instance.
func OpenKeys(dir string, now func() time.Time) (*Keys, error) { return seal.Open(dir, now) }

// Head is the version of a table in a generation, not yet read.
type Head struct {
	Table     sdk.TableName
	Seq       int64 // generation that made it
	Snapshot  int64
	Published time.Time
}

// Table is a version of a table. It does not change.
type Table struct {
	Head
	ID          string // stays when the table is renamed
	Source      string
	Strategy    string
	Description string
	Key         []string
	Columns     []Column
	Parts       []Part // in table order
	Location    string // folder or URL of the Iceberg table
}

// Column is one top-level column of a table. Type has its children.
type Column struct {
	ID       int // Parquet field id
	Name     string
	Type     sdk.Type
	Required bool
	Doc      string
	PII      bool
}

// Part is one immutable Parquet file.
type Part struct {
	SHA256 [32]byte
	Size   int64 // bytes
	Rows   int64
}

// Lake is what is asked of the published tables.
type Lake interface {
	// Newest is the number of the newest generation; 0 = nothing was ever published. Asked at every request.
	Newest(ctx context.Context) (int64, error)
	// Oldest is the oldest generation from which on all can be read; 0 with Newest 0.
	Oldest(ctx context.Context) (int64, error)
	// Heads are the versions of all tables in a generation, by name, without those that are read later (Table).
	Heads(ctx context.Context, generation int64) ([]Head, error)
	// History are the heads of the generations in (after, upTo], the oldest first.
	History(ctx context.Context, after, upTo int64) ([]Head, error)
	// Table reads a version; fault.NotFound when it has expired.
	Table(ctx context.Context, head Head) (Table, error)
	// OpenPart opens a part of a table and returns its size; fault.NotFound when it is not there, fault.Data when it has
	// another size than was published.
	OpenPart(ctx context.Context, table sdk.TableName, part Part) (io.ReadSeekCloser, int64, error)
}

// Access is the one decision about tables, made elsewhere (I6, G12).
type Access interface {
	// Visible returns which tables who may read now, and a digest that differs whenever that answer could.
	Visible(ctx context.Context, who sdk.Caller) (func(sdk.TableName) bool, string, error)
}

// Choices are what people take to their machines, of what they may read.
type Choices interface {
	// Wanted returns which tables who takes, and a digest that differs whenever that answer could; "" = all.
	Wanted(ctx context.Context, who sdk.Caller) (func(sdk.TableName) bool, string, error)
}

// Options are what manifests are made from.
type Options struct {
	Lake     Lake
	Access   Access
	Choices  Choices // nil = people take all that they may read
	Library  Library
	Keys     *Keys
	Instance string        // random id of the instance; stays
	Name     func() string // of the instance, for people
	Now      func() time.Time
	Log      *slog.Logger // nil = none
}

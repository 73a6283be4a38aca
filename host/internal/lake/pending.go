package lake

import (
	"context"
	"io/fs"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

var errPending = fault.New(fault.Bug, "this part of the lake is not wired yet")

// Lake is an open lake. Safe for concurrent use.
type Lake struct{}

// Open opens the lake in options.Dir, making the folder if need be. A database without tables beside a lake with
// metadata is a fault that names "broker lake rebuild".
func Open(ctx context.Context, options Options) (*Lake, error) { return nil, errPending }

// Rebuild fills an empty catalog from the metadata files of a lake whose database was lost. It returns the newest
// generation found.
func Rebuild(ctx context.Context, options Options) (Generation, error) {
	return Generation{}, errPending
}

// Migrations returns the goose migrations of the lake's own SQL tables. They are applied under a version table of their
// own, MigrationTable.
func Migrations(dialect string) (fs.FS, error) { return nil, errPending }

// MigrationTable is goose's version table for Migrations.
const MigrationTable = "lake_db_version"

// Close ends use of the lake. It does not close the database.
func (l *Lake) Close() error { return nil }

// Draft opens a draft for the tables of one set and takes their leases. A table that another run holds is a fault
// (transient) that says which.
func (l *Lake) Draft(ctx context.Context, run RunInfo, specs []Spec) (*Draft, error) {
	return nil, errPending
}

// Current returns the table as last published; Seq 0 when it never was.
func (l *Lake) Current(ctx context.Context, table sdk.TableName) (Version, error) {
	return Version{}, errPending
}

// Cursor returns where the next run of the table set resumes: the cursor of the root's current snapshot (I4).
func (l *Lake) Cursor(ctx context.Context, root sdk.TableName) (sdk.Cursor, error) {
	return sdk.Cursor{}, errPending
}

// Tables returns every table as last published, by name.
func (l *Lake) Tables(ctx context.Context) ([]Version, error) { return nil, errPending }

// Generation returns the state of all tables in generation n; 0 = the newest.
func (l *Lake) Generation(ctx context.Context, n int64) (Generation, error) {
	return Generation{}, errPending
}

// Generations lists generations, the newest first.
func (l *Lake) Generations(ctx context.Context, limit int) ([]Generation, error) {
	return nil, errPending
}

// ChangedSince lists the generations after n, the oldest first.
func (l *Lake) ChangedSince(ctx context.Context, n int64) ([]Generation, error) {
	return nil, errPending
}

// Settled returns what the run published last, for journals to be closed after a crash; Seq 0 = nothing.
func (l *Lake) Settled(ctx context.Context, runID string) (Publication, error) {
	return Publication{}, errPending
}

// Held lists the publications that wait for a person.
func (l *Lake) Held(ctx context.Context) ([]HeldSet, error) { return nil, errPending }

// Accept publishes the held set that table belongs to.
func (l *Lake) Accept(ctx context.Context, table sdk.TableName) (Publication, error) {
	return Publication{}, errPending
}

// DiscardHeld gives up the held set that table belongs to.
func (l *Lake) DiscardHeld(ctx context.Context, table sdk.TableName) error { return errPending }

// Rollback makes a new generation in which the tables are as they were in generation n, cursor included. No tables =
// all that have changed since.
func (l *Lake) Rollback(ctx context.Context, n int64, tables ...sdk.TableName) (Publication, error) {
	return Publication{}, errPending
}

// Expire removes snapshots that retention no longer keeps, and files that nothing names.
func (l *Lake) Expire(ctx context.Context) (Expired, error) { return Expired{}, errPending }

// Verify checks that catalog, metadata and parts agree; full reads every byte and compares hashes (G5).
func (l *Lake) Verify(ctx context.Context, full bool) ([]Finding, error) { return nil, errPending }

// Pin keeps generation n from expiring until release is called or ttl is over.
func (l *Lake) Pin(ctx context.Context, n int64, ttl time.Duration) (release func(context.Context) error, err error) {
	return nil, errPending
}

// Draft collects the rows of one run for a set of tables, unseen by readers until Publish. It is used by one goroutine.
type Draft struct{}

// Base returns the table as the draft found it, or as its last intermediate publication left it.
func (d *Draft) Base(table sdk.TableName) Version { return Version{} }

// Schema declares the columns of a table from here on, as a stream declares them; key nil = that of the Spec.
func (d *Draft) Schema(table sdk.TableName, columns []sdk.Column, key []string) error {
	return errPending
}

// Append adds the rows of a batch. op is one of connector's operations: append, upsert, delete_keys. The batch stays
// the caller's.
func (d *Draft) Append(table sdk.TableName, op string, batch arrow.Record) error { return errPending }

// Boundary marks begin or completion of a full delivery. A table in mode replace is only published with both.
func (d *Draft) Boundary(table sdk.TableName, complete bool) error { return errPending }

// Reject counts rows that the source itself left out; they count against the table's limit.
func (d *Draft) Reject(table sdk.TableName, rows int64, column, reason string) error {
	return errPending
}

// Checkpoint says that everything so far is complete up to cursor. Publish commits the last one.
func (d *Draft) Checkpoint(cursor sdk.Cursor, watermark string) error { return errPending }

// Publish makes the rows so far visible together with the last checkpoint's cursor. With final false the draft goes on
// from what it published; only append and merge may. After an error the draft can only be discarded.
func (d *Draft) Publish(ctx context.Context, final bool) (Publication, error) {
	return Publication{}, errPending
}

// Discard removes what is left of the draft and gives its leases back. No effect on what was published.
func (d *Draft) Discard() error { return nil }

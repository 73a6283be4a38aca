package lake

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/ai-data-analyst/broker/host/internal/lake/care"
	"github.com/ai-data-analyst/broker/host/internal/lake/catalog"
	"github.com/ai-data-analyst/broker/host/internal/lake/depot"
	"github.com/ai-data-analyst/broker/host/internal/lake/disk"
	"github.com/ai-data-analyst/broker/host/internal/lake/object"
	"github.com/ai-data-analyst/broker/host/internal/lake/publish"
	"github.com/ai-data-analyst/broker/host/internal/lake/sound"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Lake is an open lake. Safe for concurrent use.
type Lake struct {
	options   Options
	files     depot.Depot
	bucket    *object.Store // what files is in an object store; nil = they lie in a folder
	catalog   *catalog.Catalog
	publisher *publish.Publisher
	keeper    care.Keeper
	sound     *sound.Parts
}

// MigrationTable is goose's version table for Migrations.
const MigrationTable = "lake_db_version"

// Migrations returns the goose migrations of the lake's own SQL tables. They are applied under a version table of their
// own, MigrationTable.
func Migrations(dialect string) (fs.FS, error) {
	if _, err := isPostgres(dialect); err != nil {
		return nil, err
	}
	return catalog.Migrations(), nil
}

func isPostgres(dialect string) (bool, error) {
	switch dialect {
	case "sqlite":
		return false, nil
	case "postgres":
		return true, nil
	}
	return false, fault.Newf(fault.Bug, "the lake does not speak the SQL of %q", dialect)
}

// Open opens the lake in options.Dir, making the folder if need be. A database without tables beside a lake with
// metadata is a fault that names "broker lake rebuild".
func Open(ctx context.Context, options Options) (*Lake, error) {
	l, err := newLake(ctx, options)
	if err != nil {
		return nil, err
	}
	if err := l.start(ctx); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

func (l *Lake) start(ctx context.Context) error {
	if l.options.Exclusive {
		if err := l.makeFolders(); err != nil {
			return err
		}
	}
	if err := l.keeper.Check(ctx, l.options.Exclusive); err != nil {
		return err
	}
	if l.options.Exclusive {
		return l.onDisk(l.keeper.Sweep(ctx))
	}
	return nil
}

func newLake(ctx context.Context, options Options) (*Lake, error) {
	postgres, err := isPostgres(options.Dialect)
	if err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(options.Dir)
	if err != nil {
		return nil, fmt.Errorf("find the lake: %w", err)
	}
	options.Dir = dir
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	if options.RetainDays <= 0 {
		options.RetainDays = 30
	}
	if options.FS == nil {
		options.FS = disk.OS{}
	}
	l := &Lake{options: options, files: disk.IO{FS: options.FS, Root: dir}}
	lists := 1
	if options.inBucket() {
		if l.bucket, err = object.Open(ctx, options.URL); err != nil {
			return nil, err
		}
		l.files, lists = l.bucket, listsAtOnce
	}
	l.catalog = &catalog.Catalog{DB: options.DB, Postgres: postgres, IO: l.files, Root: strings.TrimRight(l.files.URL(""), "/"), Now: options.Now, Step: options.Step}
	l.sound = &sound.Parts{Files: l.files, Book: l.catalog, Now: options.Now, Log: options.Log, Look: options.Exclusive}
	l.publisher = &publish.Publisher{Catalog: l.catalog, Files: l.files, Now: options.Now}
	l.keeper = care.Keeper{Catalog: l.catalog, Publisher: l.publisher, Files: l.files, FS: options.FS,
		Drafts: filepath.Join(dir, care.Drafts), Lists: lists, Now: options.Now, RetainDays: options.RetainDays}
	return l, nil
}

// listsAtOnce is how many folders of an object store are listed at once: each is a request.
const listsAtOnce = 8

func (o Options) inBucket() bool { return o.URL != "" && o.URL != "file" }

// Check says what is wrong with o.URL, without asking anybody.
func (o Options) Check() error {
	if !o.inBucket() {
		return nil
	}
	return object.Check(o.URL)
}

// Reach asks whether the place where the tables lie can be reached: in an object store that the bucket is there and may
// be listed. In a folder there is nothing to ask.
func (o Options) Reach(ctx context.Context) error {
	if !o.inBucket() {
		return nil
	}
	bucket, err := object.Open(ctx, o.URL)
	if err != nil {
		return err
	}
	return errors.Join(bucket.Probe(ctx), bucket.Close())
}

// makeFolders makes the lake's folder and checks that it can be used: that it may be written, and that drafts lie on the
// file system of the tables (C19, C20).
func (l *Lake) makeFolders() error {
	drafts := filepath.Join(l.options.Dir, care.Drafts)
	if err := disk.MkdirAll(l.options.FS, drafts); err != nil {
		return fault.Wrap(fault.Config, err, "make the lake's folder")
	}
	if _, real := l.options.FS.(disk.OS); !real || l.bucket != nil {
		return nil
	}
	if err := disk.OneDevice(drafts, l.options.Dir); err != nil {
		return fault.Wrap(fault.Config, err, "use the lake's folder")
	}
	return nil
}

// Close ends use of the lake. It does not close the database.
func (l *Lake) Close() error {
	if l.bucket == nil {
		return nil
	}
	return l.bucket.Close()
}

// Rebuild fills the catalog from the metadata files of a lake whose database was lost, or knows less than they do. It
// returns the newest generation found.
func Rebuild(ctx context.Context, options Options) (_ Generation, err error) {
	l, err := newLake(ctx, options)
	if err != nil {
		return Generation{}, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	if !options.Exclusive {
		return Generation{}, l.needsLock()
	}
	if err := l.makeFolders(); err != nil {
		return Generation{}, err
	}
	if _, err := l.keeper.Rebuild(ctx); err != nil {
		return Generation{}, err
	}
	if err := l.keeper.Sweep(ctx); err != nil {
		return Generation{}, l.onDisk(err)
	}
	return l.Generation(ctx, 0)
}

func (l *Lake) needsLock() error {
	return fault.New(fault.Bug, "the lake was opened without the lock of the data folder and can only be read")
}

// onDisk turns what disks do into faults that a person can act on (D22).
func (l *Lake) onDisk(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		free, _, _ := disk.Space(l.options.Dir) // 0 when even that fails
		return (&fault.Fault{Code: fault.Transient, What: fmt.Sprintf("the disk of the lake is full (%d bytes free): %v", free, err), Err: err}).
			WithHelp("Free some space; the published tables are as they were.")
	case errors.Is(err, syscall.EROFS), errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		return (&fault.Fault{Code: fault.Config, What: "the lake cannot be written: " + err.Error(), Err: err}).
			WithHelp("Make " + l.options.Dir + " writable for the user that runs broker.")
	case errors.Is(err, syscall.EIO):
		return (&fault.Fault{Code: fault.Transient, What: "the disk of the lake failed: " + err.Error(), Err: err}).
			WithHelp(`Look at the system's log, then run "broker lake verify --full".`)
	}
	return err
}

// asFault gives the catalog's own errors their class.
func (l *Lake) asFault(err error) error {
	var leased *catalog.LeasedError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &leased):
		return (&fault.Fault{Code: fault.Transient, What: leased.Error(), Scope: string(leased.Lease.Table), Err: err}).
			WithHelp("Wait until that run has ended.")
	case errors.Is(err, catalog.ErrUnknown):
		return (&fault.Fault{Code: fault.Transient, What: "the database did not say whether the publication was committed", Err: err}).
			WithHelp("Look at the newest generation once the database answers; the next run continues from what was committed.")
	case errors.Is(err, catalog.ErrConflict):
		return fault.Wrap(fault.Transient, err, "publish")
	case errors.Is(err, sql.ErrConnDone):
		return fault.Wrap(fault.Transient, err, "use the state database")
	}
	return l.onDisk(err)
}

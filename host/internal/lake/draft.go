package lake

import (
	"context"
	"errors"
	"path/filepath"
	"regexp"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/ai-data-analyst/broker/host/internal/lake/care"
	"github.com/ai-data-analyst/broker/host/internal/lake/catalog"
	"github.com/ai-data-analyst/broker/host/internal/lake/disk"
	"github.com/ai-data-analyst/broker/host/internal/lake/draft"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// leaseTime is how long a lease lasts without a sign of life. Only another host waits for it: a start clears the leases
// of the process before.
const leaseTime = time.Hour

// Draft collects the rows of one run for a set of tables, unseen by readers until Publish. It is used by one goroutine.
type Draft struct {
	lake    *Lake
	run     RunInfo
	dir     string
	root    sdk.TableName
	tables  []*draftTable // in the order of the specs
	byName  map[sdk.TableName]*draftTable
	leases  []catalog.Lease
	renewed time.Time

	cursor    *sdk.Cursor // of the last checkpoint; nil = none yet
	watermark string
	over      bool
}

// draftTable is one table of a draft.
type draftTable struct {
	spec     Spec
	base     Version
	rejected Version // <table>__rejected
	draft    *draft.Draft
	columns  []sdk.Column // as declared; nil = not yet
	key      []string
	before   int64 // rows that earlier publications of the run took in
	rejects  int64 // rejected rows among them
}

var runID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,199}$`)

// Draft opens a draft for the tables of one set and takes their leases. A table that another run holds is a fault
// (transient) that says which.
func (l *Lake) Draft(ctx context.Context, run RunInfo, specs []Spec) (*Draft, error) {
	if !l.options.Exclusive {
		return nil, l.needsLock()
	}
	if !runID.MatchString(run.ID) {
		return nil, fault.Newf(fault.Bug, "run id %.80q cannot be the name of a folder", run.ID)
	}
	d := &Draft{lake: l, run: run, dir: filepath.Join(l.options.Dir, care.Drafts, run.ID), byName: map[sdk.TableName]*draftTable{}}
	var names []sdk.TableName
	for _, spec := range specs {
		if err := d.admit(spec); err != nil {
			return nil, err
		}
		names = append(names, spec.Name, spec.Name.Rejected())
	}
	if len(d.tables) == 0 {
		return nil, fault.New(fault.Bug, "a draft needs a table")
	}
	if d.root == "" {
		d.root = d.tables[0].spec.Name
	}
	if err := l.checkSpace(); err != nil {
		return nil, err
	}
	var err error
	if d.leases, err = l.catalog.Take(ctx, names, run.ID, run.Holder, leaseTime); err != nil {
		return nil, l.asFault(err)
	}
	d.renewed = l.options.Now()
	for _, t := range d.tables {
		if err := d.begin(ctx, t); err != nil {
			return nil, errors.Join(l.asFault(err), d.Discard())
		}
	}
	return d, nil
}

// admit checks a spec and takes it into the set.
func (d *Draft) admit(spec Spec) error {
	if _, err := sdk.ParseTableName(string(spec.Name)); err != nil {
		return fault.Wrap(fault.Config, err, "open a draft")
	}
	if care.Reserved(spec.Name.Namespace()) {
		return fault.Newf(fault.Config, "the namespace of %s is a folder of the lake itself", spec.Name).WithHelp("Choose another folder for the table.")
	}
	if d.byName[spec.Name] != nil {
		return fault.Newf(fault.Bug, "%s stands twice in its set", spec.Name)
	}
	if spec.Root {
		if d.root != "" {
			return fault.Newf(fault.Bug, "%s and %s are both the root of their set", d.root, spec.Name)
		}
		d.root = spec.Name
	}
	t := &draftTable{spec: spec}
	d.tables, d.byName[spec.Name] = append(d.tables, t), t
	return nil
}

func (l *Lake) checkSpace() error {
	if _, real := l.options.FS.(disk.OS); !real {
		return nil
	}
	free, enough, err := disk.Space(l.options.Dir)
	if err != nil {
		return l.onDisk(err)
	}
	if !enough {
		return fault.Newf(fault.Transient, "the disk of the lake has only %d bytes free: no run begins", free).WithHelp("Free some space; the published tables are as they were.")
	}
	return nil
}

// begin opens the draft of one table over the table as it is now.
func (d *Draft) begin(ctx context.Context, t *draftTable) error {
	var err error
	if t.base, err = d.lake.publisher.Current(ctx, t.spec.Name); err != nil {
		return err
	}
	if t.rejected, err = d.lake.publisher.Current(ctx, t.spec.Name.Rejected()); err != nil {
		return err
	}
	t.draft, err = draft.New(draft.Options{
		FS: d.lake.options.FS, Files: d.lake.sound.Mending(), Dir: d.dir, RunID: d.run.ID, Spec: t.spec, Base: t.base, RejectedBase: t.rejected,
		Observe: d.lake.options.Observe, RowsBefore: t.before, RejectedBefore: t.rejects,
	})
	if err != nil || t.columns == nil {
		return err
	}
	return t.draft.Schema(t.columns, t.key)
}

func (d *Draft) find(table sdk.TableName) (*draftTable, error) {
	if d.over {
		return nil, fault.New(fault.Bug, "the draft is over")
	}
	t := d.byName[table]
	if t == nil {
		return nil, fault.Newf(fault.Bug, "%s is not in the table set of this run", table)
	}
	return t, nil
}

// Base returns the table as the draft found it, or as its last intermediate publication left it.
func (d *Draft) Base(table sdk.TableName) Version {
	if t := d.byName[table]; t != nil {
		return t.base
	}
	return Version{Table: table}
}

// Schema declares the columns of a table from here on, as a stream declares them; key nil = that of the Spec.
func (d *Draft) Schema(table sdk.TableName, columns []sdk.Column, key []string) error {
	t, err := d.find(table)
	if err != nil {
		return err
	}
	t.columns, t.key = columns, key
	return t.draft.Schema(columns, key)
}

// Append adds the rows of a batch. op is one of connector's operations: append, upsert, delete_keys. The batch stays
// the caller's.
func (d *Draft) Append(table sdk.TableName, op string, batch arrow.Record) error {
	t, err := d.find(table)
	if err != nil {
		return err
	}
	if err := d.renew(); err != nil {
		return err
	}
	return d.lake.onDisk(t.draft.Append(op, batch))
}

// Boundary marks begin or completion of a full delivery. A table in mode replace is only published with both.
func (d *Draft) Boundary(table sdk.TableName, complete bool) error {
	t, err := d.find(table)
	if err != nil {
		return err
	}
	t.draft.Boundary(complete)
	return nil
}

// Reject counts rows that the source itself left out; they count against the table's limit.
func (d *Draft) Reject(table sdk.TableName, rows int64, column, reason string) error {
	t, err := d.find(table)
	if err != nil {
		return err
	}
	return d.lake.onDisk(t.draft.Reject(rows, column, reason))
}

// Checkpoint says that everything so far is complete up to cursor. Publish commits the last one.
func (d *Draft) Checkpoint(cursor sdk.Cursor, watermark string) error {
	if d.over {
		return fault.New(fault.Bug, "the draft is over")
	}
	if len(cursor.Data) > sdk.MaxCursorBytes {
		return fault.Newf(fault.Bug, "the cursor has %d bytes, more than %d", len(cursor.Data), sdk.MaxCursorBytes)
	}
	d.cursor, d.watermark = &cursor, watermark
	return d.renew()
}

// renew gives a sign of life for the leases now and then. A lease that somebody else has taken ends the draft; a busy
// database does not: Publish asks again.
func (d *Draft) renew() error {
	now := d.lake.options.Now()
	if now.Sub(d.renewed) < leaseTime/4 {
		return nil
	}
	d.renewed = now
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err := d.lake.catalog.Renew(ctx, d.leases, leaseTime)
	var leased *catalog.LeasedError
	if errors.As(err, &leased) {
		return d.lake.asFault(err)
	}
	if err != nil {
		d.lake.options.Log.Warn("the leases of a run could not be renewed", "run", d.run.ID, "error", err)
	}
	return nil
}

// Discard removes what is left of the draft and gives its leases back. No effect on what was published.
func (d *Draft) Discard() error {
	if d.leases == nil && d.over {
		return nil
	}
	d.over = true
	var errs []error
	for _, t := range d.tables {
		if t.draft != nil {
			_ = t.draft.Discard() // its folder goes below, whatever is in it
			t.draft = nil
		}
	}
	if err := disk.RemoveAll(d.lake.options.FS, d.dir); err != nil {
		errs = append(errs, d.lake.onDisk(err))
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := d.lake.catalog.Release(ctx, d.leases); err != nil {
		errs = append(errs, d.lake.asFault(err))
	}
	d.leases = nil
	return errors.Join(errs...)
}

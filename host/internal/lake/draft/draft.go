// Package draft collects the rows of one table of a run, unseen by readers, and says at the end what they make of the
// table: parts to add and to remove, columns, figures, a digest (lake.md §4).
//
// Rows stream straight into parts; nothing is sorted, and memory is bounded at any size. It never publishes. Only
// host/internal/lake imports it.
package draft

import (
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ai-data-analyst/broker/host/internal/lake/depot"
	"github.com/ai-data-analyst/broker/host/internal/lake/disk"
	"github.com/ai-data-analyst/broker/host/internal/lake/merge"
	"github.com/ai-data-analyst/broker/host/internal/lake/part"
	"github.com/ai-data-analyst/broker/host/internal/lake/version"
	"github.com/ai-data-analyst/broker/host/internal/parquet"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Options say what a draft is of and where its files lie.
type Options struct {
	FS           disk.FS     // of Dir
	Files        depot.Depot // of the lake
	Dir          string      // folder of the run's drafts, absolute
	RunID        string
	Spec         version.Spec
	Base         version.Version // what the rows meet; Seq 0 = the table is new
	RejectedBase version.Version // the same of <table>__rejected
	Observe      version.Observe
	Parquet      parquet.Options
	// What earlier publications of the same run took in; the limit of rejects counts the whole run.
	RowsBefore, RejectedBefore int64
	// Smaller sizes for tests; 0 = as they are.
	Roll, Pending int64
	LogEntries    int
	Hits          int
}

// Sealed is what a draft wants to make.
type Sealed struct {
	Table    version.Change
	Rejected *version.Change // of <table>__rejected; nil = nothing to change there
}

// Draft collects rows. Not for concurrent use. After an error it can only be discarded.
type Draft struct {
	options Options
	spec    version.Spec
	shelf   part.Shelf

	columns  []parquet.Column
	lastID   int
	changed  bool            // columns differ from Base
	declared map[string]bool // columns that batches may have; nil = no schema yet
	casts    *parquet.Casts  // makes the columns that arrive those that are asked for

	key         []string
	keyAt       []int // places among columns
	cursorAt    int   // -1 = none
	partitionAt int   // -1 = none

	writer    *part.Writer
	loose     []part.Loose // of writers that an earlier schema had
	hasher    *merge.Hasher
	log       *merge.Log // nil without a key
	low, high string     // Rank of the extremes of the first key column
	digest    *digest    // Replace only
	delivered map[partitionKey]bool
	rejects   *rejects

	parts           int   // number of the next part
	arrived         int64 // rows, deletes included
	order           int64
	begun, complete bool
}

// partitionKey is a partition as a map key.
type partitionKey struct {
	null  bool
	value int32
}

func keyOf(p *int32) partitionKey {
	if p == nil {
		return partitionKey{null: true}
	}
	return partitionKey{value: *p}
}

// New opens a draft. It makes no files before there are rows.
func New(options Options) (*Draft, error) {
	spec := options.Spec
	switch spec.Mode {
	case version.Replace, version.Append, version.Merge, version.Partitions:
	default:
		return nil, fault.Newf(fault.Bug, "write mode %q of %s is not known", spec.Mode, spec.Name)
	}
	if spec.Mode == version.Partitions && spec.Partition == nil {
		return nil, fault.Newf(fault.Config, "%s is written by partition but has no partition_by", spec.Name).WithHelp("Set partition_by to a date or timestamp column.")
	}
	if options.Base.Seq > 0 && spec.Mode != version.Replace && !samePartition(options.Base.Partition, spec.Partition) {
		return nil, fault.Newf(fault.Config, "the partitioning of %s differs from how it is published", spec.Name).WithHelp("Put partition_by back, or reload the table in full.")
	}
	d := &Draft{
		options: options, spec: spec, columns: options.Base.Columns, lastID: options.Base.LastID,
		cursorAt: -1, partitionAt: -1, delivered: map[partitionKey]bool{},
		shelf: part.Shelf{
			FS: options.FS, Files: options.Files, Final: path.Join(spec.Name.Namespace(), spec.Name.Table(), "data"),
			Draft: filepath.Join(options.Dir, string(spec.Name)),
		},
	}
	d.rejects = &rejects{draft: d}
	return d, nil
}

func samePartition(a, b *version.Partition) bool {
	return a == nil && b == nil || a != nil && b != nil && *a == *b
}

// Schema declares the columns that batches have from here on. key is the stream's; one in the Spec goes first. A type
// that differs from the published one, or any difference under policy freeze, is a fault with the differences (I5). The
// type that the Spec asks for counts as the column's own.
func (d *Draft) Schema(columns []sdk.Column, key []string) error {
	asked, casts, err := parquet.Ask(columns, d.spec.Types)
	if err != nil {
		return d.uncastable(err)
	}
	documented := slices.Clone(asked)
	for i, c := range documented {
		if doc := d.spec.Docs[c.Name]; doc != "" {
			documented[i].Doc = doc
		}
	}
	assigned, last, changed, err := parquet.Assign(documented, d.columns, d.lastID)
	if err != nil {
		return d.refuse(columns, err)
	}
	if err := d.checkFrozen(columns, assigned); err != nil {
		return err
	}
	before := len(d.columns)
	first := d.declared == nil
	if changed && !first {
		if err := d.endWriter(); err != nil {
			return err
		}
	}
	d.columns, d.lastID, d.changed, d.casts = assigned, last, d.changed || changed, casts
	d.declared = make(map[string]bool, len(columns))
	for _, c := range columns {
		d.declared[c.Name] = true
	}
	if err := d.bind(key); err != nil {
		return err
	}
	if first || before != len(assigned) {
		d.startDigest(first)
	}
	return nil
}

// checkFrozen compares what arrives with the published columns under policy freeze.
func (d *Draft) checkFrozen(arriving []sdk.Column, assigned []parquet.Column) error {
	if d.spec.Policy != version.Freeze || len(d.columns) == 0 {
		return nil
	}
	var lines []string
	for _, c := range d.columns {
		if !slices.ContainsFunc(arriving, func(a sdk.Column) bool { return a.Name == c.Name }) {
			lines = append(lines, "  "+c.Name+": gone")
		}
	}
	for i, c := range assigned {
		switch {
		case i >= len(d.columns):
			lines = append(lines, "  "+c.Name+": new, "+c.Type.String())
		case c.Required != d.columns[i].Required && d.declares(arriving, c.Name):
			lines = append(lines, "  "+c.Name+": may be NULL now")
		}
	}
	if len(lines) == 0 {
		return nil
	}
	return fault.Newf(fault.Data, "the columns of %s are frozen and differ:\n%s", d.spec.Name, strings.Join(lines, "\n")).
		WithScope(string(d.spec.Name)).WithHelp("Set the table's schema policy to evolve, or mend the source.")
}

func (d *Draft) declares(columns []sdk.Column, name string) bool {
	return slices.ContainsFunc(columns, func(c sdk.Column) bool { return c.Name == name })
}

// bind finds key, cursor and partition among the columns.
func (d *Draft) bind(key []string) error {
	if len(d.spec.Key) > 0 {
		key = d.spec.Key
	}
	if d.spec.Mode == version.Merge && len(key) == 0 {
		return fault.Newf(fault.Config, "%s is merged by key and has none", d.spec.Name).WithHelp("Set primary_key of the table.")
	}
	if d.spec.Mode == version.Merge && d.options.Base.Seq > 0 && !slices.Equal(key, d.options.Base.Key) {
		return fault.Newf(fault.Config, "the key of %s is (%s), published with (%s)", d.spec.Name, strings.Join(key, ", "), strings.Join(d.options.Base.Key, ", ")).
			WithHelp("Put the key back, or reload the table in full.")
	}
	if d.log != nil && !slices.Equal(key, d.key) {
		return fault.Newf(fault.Data, "the key of %s changed within the run", d.spec.Name)
	}
	d.key, d.keyAt = key, nil
	for _, name := range key {
		at, err := d.place(name, "key")
		if err != nil {
			return err
		}
		d.keyAt = append(d.keyAt, at)
	}
	if len(key) > 0 && d.log == nil {
		d.log, d.hasher = merge.NewLog(d.options.FS, d.shelf.Draft, d.options.LogEntries), merge.NewHasher()
	}
	d.cursorAt, d.partitionAt = -1, -1
	var err error
	if d.spec.CursorField != "" {
		if d.cursorAt, err = d.place(d.spec.CursorField, "cursor"); err != nil {
			return err
		}
	}
	if d.spec.Partition == nil {
		return nil
	}
	if d.partitionAt, err = d.place(d.spec.Partition.Column, "partition"); err != nil {
		return err
	}
	schema, err := parquet.Schema(d.columns[d.partitionAt : d.partitionAt+1])
	if err == nil {
		err = part.CheckPartition(*d.spec.Partition, schema.Field(0).Type)
	}
	return fault.Wrap(fault.Config, err, fmt.Sprintf("partition %s by %s", d.spec.Name, d.spec.Partition.Column))
}

// place finds a column that key, cursor or partition names.
func (d *Draft) place(name, as string) (int, error) {
	for i, c := range d.columns {
		if c.Name != name {
			continue
		}
		if !merge.Ordered(c.Type.ID) {
			return 0, fault.Newf(fault.Config, "column %q of %s has type %s and cannot be a %s", name, d.spec.Name, c.Type, as)
		}
		return i, nil
	}
	return 0, fault.Newf(fault.Config, "%s has no column %q, which is its %s", d.spec.Name, name, as).WithHelp("Name one of its columns.")
}

// Boundary marks the begin or the completion of a full delivery.
func (d *Draft) Boundary(complete bool) {
	if complete {
		d.complete = d.begun
	} else {
		d.begun, d.complete = true, false
	}
}

// Gathered returns how many rows have arrived, those rejected included.
func (d *Draft) Gathered() (rows, rejected int64) { return d.arrived, d.rejects.rows }

func (d *Draft) newWriter() *part.Writer {
	return part.NewWriter(d.shelf, part.Options{
		Table: d.spec.Name, Columns: d.columns, Parquet: d.options.Parquet, Observer: d.options.Observe.For(d.spec.Name, d.key),
		Roll: d.options.Roll, Pending: d.options.Pending, Waiting: d.options.Pending / 2, First: d.parts,
	})
}

// finish finishes the parts of w, or removes them when that fails or failed says that they are of no use.
func (d *Draft) finish(w *part.Writer, failed error) ([]part.Loose, error) {
	if failed != nil {
		return nil, errors.Join(failed, w.Abort())
	}
	loose, err := w.Finish()
	if err != nil {
		return nil, errors.Join(err, w.Abort())
	}
	d.parts = w.Next()
	return loose, nil
}

// endWriter finishes the parts of the schema so far.
func (d *Draft) endWriter() error {
	if d.writer == nil {
		return nil
	}
	loose, err := d.finish(d.writer, nil)
	d.writer = nil
	d.loose = append(d.loose, loose...)
	return err
}

// Discard removes what the draft wrote and has not put in its place.
func (d *Draft) Discard() error {
	var errs []error
	if d.writer != nil {
		errs = append(errs, d.writer.Abort())
	}
	errs = append(errs, d.shelf.Remove(d.loose...))
	if d.log != nil {
		errs = append(errs, d.log.Close())
	}
	if d.rejects.table != nil {
		d.rejects.builder.Release()
		errs = append(errs, d.rejects.table.Discard())
	}
	d.writer, d.loose, d.log, d.rejects.table = nil, nil, nil, nil
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("discard the draft of %s: %w", d.spec.Name, err)
	}
	if err := disk.RemoveAll(d.options.FS, d.shelf.Draft); err != nil { // with the copies of distant parts
		return fmt.Errorf("discard the draft of %s: %w", d.spec.Name, err)
	}
	return nil
}

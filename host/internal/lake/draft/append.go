package draft

import (
	"fmt"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/ai-data-analyst/broker/host/internal/lake/merge"
	"github.com/ai-data-analyst/broker/host/internal/lake/part"
	"github.com/ai-data-analyst/broker/host/internal/lake/version"
	"github.com/ai-data-analyst/broker/host/internal/parquet"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Operations on rows, as the connector contract names them.
const (
	opAppend = "append"
	opUpsert = "upsert"
	opDelete = "delete_keys"
)

// Append adds the rows of a batch, which stays the caller's. Rows that do not fit are rejected and counted; a batch that
// does not match the declared columns is a fault (D5).
func (d *Draft) Append(op string, batch arrow.Record) error {
	if d.declared == nil {
		return fault.Newf(fault.Bug, "rows of %s came before their columns", d.spec.Name)
	}
	for _, f := range batch.Schema().Fields() {
		if !d.declared[f.Name] {
			return fault.Newf(fault.Data, "a batch of %s has a column %q that its schema does not declare", d.spec.Name, f.Name)
		}
	}
	if batch.NumRows() == 0 {
		return nil
	}
	var err error
	switch op {
	case opAppend, opUpsert:
		err = d.add(batch)
	case opDelete:
		err = d.delete(batch)
	default:
		return fault.Newf(fault.Bug, "operation %q is not known", op)
	}
	d.arrived += batch.NumRows()
	if err != nil {
		return err
	}
	return d.rejects.check(false)
}

func (d *Draft) add(batch arrow.Record) error {
	published, misfits, err := d.conform(d.columns, batch)
	if err != nil {
		return fault.Wrap(fault.Data, err, fmt.Sprintf("a batch of %s does not fit its columns", d.spec.Name))
	}
	defer published.Release()
	for _, at := range d.keyAt {
		misfits = appendNulls(misfits, d.columns[at].Name, published.Column(at), "NULL in a key column")
	}
	if d.spec.Mode == version.Merge && d.partitionAt >= 0 {
		misfits = appendNulls(misfits, d.columns[d.partitionAt].Name, published.Column(d.partitionAt), "NULL in the partition column")
	}
	accepted, err := d.sift(published, batch, misfits)
	if err != nil {
		return err
	}
	defer accepted.Release()
	if d.digest != nil {
		d.digest.add(accepted)
	}
	err = d.write(accepted)
	d.order += accepted.NumRows()
	return err
}

// conform returns batch as published, converted where a type is asked for. A row that cannot be converted is reported for
// that first.
func (d *Draft) conform(columns []parquet.Column, batch arrow.Record) (arrow.Record, []parquet.Misfit, error) {
	converted, unfit, err := d.casts.Apply(batch)
	if err != nil {
		return nil, nil, err
	}
	defer converted.Release()
	published, misfits, err := parquet.Conform(columns, converted)
	return published, append(unfit, misfits...), err
}

func appendNulls(misfits []parquet.Misfit, name string, values arrow.Array, reason string) []parquet.Misfit {
	if values.NullN() == 0 {
		return misfits
	}
	for i := range values.Len() {
		if values.IsNull(i) {
			misfits = append(misfits, parquet.Misfit{Row: i, Column: name, Reason: reason})
		}
	}
	return misfits
}

// sift rejects the rows of misfits and returns the others. The caller releases the record.
func (d *Draft) sift(published, batch arrow.Record, misfits []parquet.Misfit) (arrow.Record, error) {
	if len(misfits) == 0 {
		published.Retain()
		return published, nil
	}
	slices.SortStableFunc(misfits, func(a, b parquet.Misfit) int { return a.Row - b.Row })
	bad := make(map[int]bool, len(misfits))
	for _, m := range misfits {
		if bad[m.Row] {
			continue
		}
		bad[m.Row] = true
		if err := d.rejects.add(d.arrived+int64(m.Row)+1, m, batch); err != nil {
			return nil, err
		}
	}
	good := make([]int, 0, int(published.NumRows())-len(bad))
	for i := range int(published.NumRows()) {
		if !bad[i] {
			good = append(good, i)
		}
	}
	return part.Take(published, good)
}

// write puts accepted rows into parts, by partition, and remembers their keys.
func (d *Draft) write(rows arrow.Record) error {
	if rows.NumRows() == 0 {
		return nil
	}
	if d.writer == nil {
		d.writer = d.newWriter()
	}
	if d.partitionAt < 0 {
		at, err := d.writer.Write(rows, nil, nil)
		if err != nil {
			return err
		}
		return d.remember(rows, nil, at)
	}
	groups, err := part.Split(rows.Column(d.partitionAt), d.spec.Partition.Granularity)
	if err != nil {
		return err
	}
	for _, g := range groups {
		d.delivered[keyOf(g.Partition)] = true
		at, err := d.writer.Write(rows, g.Rows, g.Partition)
		if err != nil {
			return err
		}
		if err := d.remember(rows, g.Rows, at); err != nil {
			return err
		}
	}
	return nil
}

// remember notes the keys of rows that went into one stream from at on; chosen nil = all rows.
func (d *Draft) remember(rows arrow.Record, chosen []int, at part.Place) error {
	if d.log == nil {
		return nil
	}
	key := d.columnsAt(rows, d.keyAt)
	n := len(chosen)
	if chosen == nil {
		n = int(rows.NumRows())
	}
	for i := range n {
		row := i
		if chosen != nil {
			row = chosen[i]
		}
		e := merge.Entry{Key: d.hasher.Key(key, row), Order: d.order + int64(row), Place: part.Place{Stream: at.Stream, Row: at.Row + int32(i)}}
		if d.cursorAt >= 0 {
			e.Cursor = merge.Rank(rows.Column(d.cursorAt), row)
		}
		if d.spec.Mode == version.Merge {
			e.Content = d.hasher.Content(rows.Columns(), row)
			d.widen(merge.Rank(key[0], row))
		}
		if err := d.log.Add(e); err != nil {
			return err
		}
	}
	return nil
}

func (d *Draft) columnsAt(rows arrow.Record, places []int) []arrow.Array {
	columns := make([]arrow.Array, len(places))
	for i, at := range places {
		columns[i] = rows.Column(at)
	}
	return columns
}

// widen lets the range of the run's first key column hold rank.
func (d *Draft) widen(rank string) {
	if d.low == "" || rank < d.low {
		d.low = rank
	}
	if rank > d.high {
		d.high = rank
	}
}

// delete notes the keys of a batch as gone. The batch holds the key columns, then the cursor field if there is one.
func (d *Draft) delete(batch arrow.Record) error {
	if d.log == nil || d.spec.Mode == version.Append {
		return fault.Newf(fault.Data, "rows of %s are deleted by key, but it is written in mode %s with the key (%v)", d.spec.Name, d.spec.Mode, d.key)
	}
	var columns []parquet.Column
	for _, at := range d.keyAt {
		columns = append(columns, d.columns[at])
	}
	if d.cursorAt >= 0 {
		cursor := d.columns[d.cursorAt]
		cursor.Required = false
		columns = append(columns, cursor)
	}
	for _, c := range columns[:len(d.keyAt)] {
		if len(batch.Schema().FieldIndices(c.Name)) == 0 {
			return fault.Newf(fault.Data, "a delete of %s has no key column %q", d.spec.Name, c.Name)
		}
	}
	published, misfits, err := d.conform(columns, batch)
	if err != nil {
		return fault.Wrap(fault.Data, err, fmt.Sprintf("a delete of %s does not fit its key", d.spec.Name))
	}
	defer published.Release()
	for i := range d.keyAt {
		misfits = appendNulls(misfits, columns[i].Name, published.Column(i), "NULL in a key column")
	}
	accepted, err := d.sift(published, batch, misfits)
	if err != nil {
		return err
	}
	defer accepted.Release()
	return d.logDeletes(accepted)
}

func (d *Draft) logDeletes(rows arrow.Record) error {
	key := rows.Columns()[:len(d.keyAt)]
	for i := range int(rows.NumRows()) {
		e := merge.Entry{Key: d.hasher.Key(key, i), Order: d.order, Delete: true}
		d.order++
		if d.cursorAt >= 0 {
			e.Cursor = merge.Rank(rows.Column(len(key)), i)
		}
		d.widen(merge.Rank(key[0], i))
		if err := d.log.Add(e); err != nil {
			return err
		}
	}
	if d.digest != nil {
		d.digest.deleted(rows, d.order)
	}
	return nil
}

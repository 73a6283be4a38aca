package connector

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector/internal/mark"
	"github.com/ai-data-analyst/broker/sdk/connector/internal/rows"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// schema declares the columns from here on, as a reader asks for.
func (l *lane) schema(ctx context.Context, columns []sdk.Column, key []string) error {
	l.task.mu.Lock()
	defer l.task.mu.Unlock()
	if l.dropped {
		return ctx.Err()
	}
	if l.epoch > 0 && reflect.DeepEqual(columns, l.info.Columns) && (key == nil || slices.Equal(key, l.info.Key)) {
		return nil
	}
	info := l.info
	info.Columns = columns
	if key != nil {
		info.Key = key
	}
	if err := info.Validate(); err != nil || len(columns) == 0 {
		return fault.Newf(fault.Bug, "the declared columns are wrong: %v", err).WithScope(info.Name)
	}
	if l.epoch > 0 {
		if err := l.flushAll(ctx); err != nil {
			return err
		}
	}
	l.info = info
	return l.open(ctx, key)
}

// open begins an epoch with the columns of l.info.
func (l *lane) open(ctx context.Context, key []string) error {
	var unasked []string
	columns := l.info.Columns
	if l.ask.Columns != nil {
		columns = nil
		for _, c := range l.info.Columns {
			if slices.Contains(l.ask.Columns, c.Name) || slices.Contains(l.info.Key, c.Name) || c.Name == l.info.CursorField {
				columns = append(columns, c)
			} else {
				unasked = append(unasked, c.Name)
			}
		}
		for _, name := range l.ask.Columns {
			if !slices.ContainsFunc(columns, func(c sdk.Column) bool { return c.Name == name }) {
				return fault.Newf(fault.Config, "the stream has no column %.60q", name).WithScope(l.info.Name)
			}
		}
	}
	b, err := rows.NewBuilder(memory.DefaultAllocator, columns, l.info.Key, unasked)
	if err != nil {
		return fault.Wrap(fault.Bug, err, "stream "+l.info.Name)
	}
	l.release()
	l.epoch, l.columns, l.rows, l.keyAt, l.accepted = l.epoch+1, columns, b, b.Key, nil
	if err := l.track(); err != nil {
		return err
	}
	return l.task.emit(ctx, Schema{Stream: l.info.Name, Epoch: l.epoch, Columns: columns, Key: key})
}

// track follows the cursor field, from where the state left it.
func (l *lane) track() error {
	at := slices.IndexFunc(l.columns, func(c sdk.Column) bool { return c.Name == l.info.CursorField })
	if at < 0 || l.task.maxRows > 0 {
		return nil
	}
	column := l.columns[at]
	if !mark.Usable(column.Type) {
		return fault.Newf(fault.Bug, "a column of type %s cannot be the cursor field", column.Type).WithScope(l.info.Name)
	}
	if l.tracker != nil {
		return fault.Wrap(fault.Data, l.tracker.Rebind(column, at), "stream "+l.info.Name)
	}
	back := l.lookback()
	if back > 0 && !mark.Timely(column.Type) {
		return fault.Newf(fault.Config, "a lookback needs a cursor field that is a timestamp or a date, %s is %s", column.Name, column.Type).
			WithScope(l.info.Name)
	}
	tracker, err := mark.New(mark.Settings{
		Column: column, Index: at, Sorted: l.info.Sorted, Lookback: back,
		Unique: l.info.AppendOnly && !l.task.own,
		Latest: l.task.now().Add(24 * time.Hour),
		Resume: l.ask.Mode == sdk.Incremental,
	}, l.task.edges.Streams[l.info.Name])
	if err != nil {
		return expired("%s", err).WithScope(l.info.Name)
	}
	l.tracker = tracker
	return nil
}

// lookback is the window that was set, else the stream's.
func (l *lane) lookback() time.Duration {
	if l.ask.Lookback > 0 {
		return l.ask.Lookback
	}
	return l.info.Lookback
}

// query is what the reader of l is told.
func (l *lane) query() Query {
	q := Query{
		Mode: l.ask.Mode, Columns: l.ask.Columns, Filters: l.ask.Filters,
		Cursor: l.ask.State, MaxRows: l.task.maxRows,
	}
	if q.Cursor.IsZero() {
		q.Cursor = l.task.before
	}
	if q.Mode != sdk.Incremental || q.Cursor.IsZero() {
		q.HistoryFrom = l.ask.HistoryFrom
	}
	if q.Mode != sdk.FullRefresh && l.tracker != nil { // partitioned: which partitions have changed
		q.Since.text = l.tracker.Since()
	}
	if q.Mode != sdk.FullRefresh && q.Since.text == "" && !q.HistoryFrom.IsZero() {
		q.Since.text = l.historyBound(q.HistoryFrom)
	}
	return q
}

// historyBound makes the oldest wanted moment the lower bound, where the cursor field counts time.
func (l *lane) historyBound(from time.Time) string {
	for _, c := range l.columns {
		if c.Name == l.info.CursorField {
			return mark.OfTime(from, c.Type).Text(c.Type)
		}
	}
	return ""
}

// release frees the builders.
func (l *lane) release() {
	for _, b := range []*rowBuilder{l.rows, l.deletes} {
		if b != nil {
			b.Release()
		}
	}
	l.rows, l.deletes = nil, nil
}

// sameFields says where got differs from want. Notes of fields do not count, and a field that holds no NULL may say so.
func sameFields(want, got *arrow.Schema) error {
	if want.NumFields() != got.NumFields() {
		return fmt.Errorf("%d columns instead of %d", got.NumFields(), want.NumFields())
	}
	for i, w := range want.Fields() {
		g := got.Field(i)
		if w.Name != g.Name {
			return fmt.Errorf("column %d is %q instead of %q", i+1, g.Name, w.Name)
		}
		if !arrow.TypeEqual(w.Type, g.Type) {
			return fmt.Errorf("column %q has type %s instead of %s", w.Name, g.Type, w.Type)
		}
	}
	return nil
}

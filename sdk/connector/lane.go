package connector

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/ai-data-analyst/broker/sdk"
	cut "github.com/ai-data-analyst/broker/sdk/connector/internal/batch"
	"github.com/ai-data-analyst/broker/sdk/connector/internal/mark"
	"github.com/ai-data-analyst/broker/sdk/connector/internal/rows"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// errEnough ends the reader of a preview that has its rows. Readers pass it on like any error; nobody else sees it.
var errEnough = errors.New("the preview has enough rows")

// lane is one stream of a task: it gathers rows into batches and counts them. All fields are guarded by task.mu.
type lane struct {
	task    *task
	info    sdk.Stream
	ask     Ask
	child   bool // filled by another stream's reader
	dropped bool // nobody asked for it

	epoch     uint32
	columns   []sdk.Column // as sent: those asked for, key and cursor field
	keyAt     []int
	rows      *rowBuilder
	deletes   *rowBuilder
	accepted  *arrow.Schema // schema of the last record that was found to fit
	tracker   *mark.Tracker
	taken     int // rows accepted, for previews
	sent      uint64
	enough    bool
	flushTime *time.Timer
}

// append puts n rows, or deleted keys, into the builder and sends full batches.
func (l *lane) append(ctx context.Context, deletes bool, n int, put func(b *rowBuilder, i int) error) error {
	l.task.mu.Lock()
	defer l.task.mu.Unlock()
	if l.dropped {
		return ctx.Err()
	}
	if err := l.ready(ctx); err != nil {
		return err
	}
	b, err := l.builder(ctx, deletes)
	if err != nil {
		return err
	}
	for i := range n {
		if l.enough {
			return l.stop()
		}
		if err := put(b, i); err != nil {
			return errors.Join(l.scoped(err), l.notes(ctx, b))
		}
		if err := l.took(ctx, b, 1); err != nil {
			return err
		}
	}
	l.arm()
	if l.enough {
		return l.stop()
	}
	return nil
}

// ready says whether rows can be taken now.
func (l *lane) ready(ctx context.Context) error {
	switch {
	case l.task.ended:
		return fault.New(fault.Bug, "rows were sent after the reader had returned").WithScope(l.info.Name)
	case l.task.failed != nil:
		return l.task.failed
	case ctx.Err() != nil:
		return ctx.Err()
	case l.epoch == 0:
		return fault.New(fault.Bug, "the columns are not known yet: call Schema before the first row").WithScope(l.info.Name)
	}
	return nil
}

// builder returns the builder of rows or of deleted keys; what waits in the other is sent first, to keep the order.
func (l *lane) builder(ctx context.Context, deletes bool) (*rowBuilder, error) {
	if !deletes {
		return l.rows, l.flush(ctx, l.deletes)
	}
	if len(l.info.Key) == 0 {
		return nil, fault.New(fault.Bug, "a stream without a key cannot delete rows").WithScope(l.info.Name)
	}
	if l.deletes == nil {
		b, err := l.newDeletes()
		if err != nil {
			return nil, err
		}
		l.deletes = b
	}
	return l.deletes, l.flush(ctx, l.rows)
}

// newDeletes makes the builder of deleted keys: the key columns in schema order, then the cursor field (decision 13).
func (l *lane) newDeletes() (*rowBuilder, error) {
	var columns []sdk.Column
	var cursor []sdk.Column
	var ignore []string
	for _, c := range l.info.Columns {
		ignore = append(ignore, c.Name)
		switch {
		case slices.Contains(l.info.Key, c.Name):
			columns = append(columns, c)
		case c.Name == l.info.CursorField:
			c.NotNull = false
			cursor = append(cursor, c)
		}
	}
	return rows.NewBuilder(memory.DefaultAllocator, append(columns, cursor...), l.info.Key, ignore)
}

// took counts rows that went into b and sends them when they are enough for a batch.
func (l *lane) took(ctx context.Context, b *rowBuilder, n int) error {
	l.taken += n
	if most := l.task.maxRows; most > 0 && l.taken >= most {
		l.enough = true
		return l.flush(ctx, b)
	}
	if b.Rows() >= l.task.limits.BatchRows || b.Bytes() >= l.task.limits.BatchBytes {
		return l.flush(ctx, b)
	}
	return nil
}

// stop ends a reader whose preview is full; a child's rows are dropped until its parent's is.
func (l *lane) stop() error {
	if l.child {
		return nil
	}
	return errEnough
}

func (l *lane) scoped(err error) error {
	if f, ok := fault.As(err); ok && error(f) == err { //nolint:errorlint // the fault itself, not one inside
		return f.WithScope(l.info.Name)
	}
	return &fault.Fault{Code: fault.Data, What: err.Error(), Scope: l.info.Name, Err: err}
}

// arm sees to it that rows do not wait longer than they may.
func (l *lane) arm() {
	if l.flushTime != nil || l.pending() == nil {
		return
	}
	l.flushTime = time.AfterFunc(l.task.limits.Flush, func() {
		l.task.mu.Lock()
		defer l.task.mu.Unlock()
		l.flushTime = nil
		if l.task.ended || l.task.failed != nil {
			return
		}
		if err := l.flushAll(l.task.ctx); err != nil {
			l.task.failed = err
		}
	})
}

func (l *lane) pending() *rowBuilder {
	for _, b := range []*rowBuilder{l.rows, l.deletes} {
		if b != nil && b.Rows() > 0 {
			return b
		}
	}
	return nil
}

func (l *lane) flushAll(ctx context.Context) error {
	if err := l.flush(ctx, l.deletes); err != nil {
		return err
	}
	return l.flush(ctx, l.rows)
}

// flush sends what waits in b; nil is empty.
func (l *lane) flush(ctx context.Context, b *rowBuilder) error {
	if b == nil || b.Rows() == 0 {
		return nil
	}
	if l.flushTime != nil {
		l.flushTime.Stop()
		l.flushTime = nil
	}
	batches := b.Take()
	defer func() {
		for _, batch := range batches {
			batch.Release()
		}
	}()
	if err := l.notes(ctx, b); err != nil {
		return err
	}
	for _, batch := range batches {
		if err := l.send(ctx, batch, b == l.deletes); err != nil {
			return err
		}
	}
	return l.task.advance(ctx, l)
}

// notes turns what the builder noticed into issues.
func (l *lane) notes(ctx context.Context, b *rowBuilder) error {
	for _, n := range b.Notes() {
		issue := Issue{Stream: l.info.Name, Column: n.Column, Code: n.Code, Count: n.Count, Key: n.Key, Rejected: n.Code == rows.TooLarge}
		if err := l.task.emit(ctx, issue); err != nil {
			return err
		}
	}
	return nil
}

// send passes one batch on, without the rows that an earlier read has sent already.
func (l *lane) send(ctx context.Context, batch arrow.Record, deletes bool) error {
	op := l.rowOp()
	var left []int
	switch {
	case deletes:
		op = DeleteKeys
		if last := int(batch.NumCols()) - 1; l.tracker != nil && batch.ColumnName(last) == l.info.CursorField {
			l.tracker.ObserveDeletes(batch.Column(last))
		}
	case l.tracker != nil:
		var issues []Issue
		left = l.tracker.Observe(batch, func(code string, row int) { issues = l.counted(issues, batch, code, row) })
		for _, issue := range issues {
			if err := l.task.emit(ctx, issue); err != nil {
				return err
			}
		}
	}
	for _, piece := range cut.Without(batch, left) {
		n := uint64(piece.NumRows())
		if err := l.task.emit(ctx, Batch{Stream: l.info.Name, Epoch: l.epoch, Op: op, Record: piece}); err != nil {
			return err
		}
		l.sent += n
	}
	return nil
}

func (l *lane) counted(issues []Issue, batch arrow.Record, code string, row int) []Issue {
	for i := range issues {
		if issues[i].Code == code {
			issues[i].Count++
			return issues
		}
	}
	key := cut.KeyOf(batch, l.keyAt, row)
	return append(issues, Issue{Stream: l.info.Name, Column: l.info.CursorField, Code: code, Count: 1, Key: key})
}

// rowOp is upsert where rows are changes of keyed rows, else append.
func (l *lane) rowOp() Op {
	if l.ask.Mode == sdk.Incremental && len(l.info.Key) > 0 && !l.info.AppendOnly {
		return Upsert
	}
	return Append
}

// appendRecord sends a batch as it is, after what waits.
func (l *lane) appendRecord(ctx context.Context, batch arrow.Record) error {
	l.task.mu.Lock()
	defer l.task.mu.Unlock()
	if l.dropped {
		return ctx.Err()
	}
	if err := l.ready(ctx); err != nil {
		return err
	}
	if l.enough {
		return l.stop()
	}
	if err := errors.Join(l.flushAll(ctx), l.fits(ctx, batch)); err != nil || batch.NumRows() == 0 {
		return err
	}
	batch = l.projected(batch)
	defer batch.Release()
	if most := l.task.maxRows; most > 0 && int64(most-l.taken) <= batch.NumRows() {
		whole := batch
		batch = whole.NewSlice(0, int64(most-l.taken))
		defer batch.Release()
		l.enough = true
	}
	l.taken += int(batch.NumRows())
	for _, piece := range cut.Split(batch, MaxBatchBytes) {
		err := l.sendPiece(ctx, piece)
		piece.Release()
		if err != nil {
			return err
		}
	}
	if l.enough {
		return l.stop()
	}
	return l.task.advance(ctx, l)
}

func (l *lane) sendPiece(ctx context.Context, piece arrow.Record) error {
	if piece.NumRows() == 1 && cut.Size(piece) > MaxBatchBytes {
		return l.tooLarge(ctx, "", cut.KeyOf(piece, l.keyAt, 0), "is larger than a message may be")
	}
	if cut.Size(piece) > MaxFieldBytes {
		if column, row, found := cut.LargeField(piece, MaxFieldBytes); found {
			return l.tooLarge(ctx, piece.ColumnName(column), cut.KeyOf(piece, l.keyAt, row), "has a value that is too large")
		}
	}
	return l.send(ctx, piece, false)
}

func (l *lane) tooLarge(ctx context.Context, column, key, what string) error {
	issue := Issue{Stream: l.info.Name, Column: column, Code: rows.TooLarge, Count: 1, Key: key, Rejected: true}
	if err := l.task.emit(ctx, issue); err != nil {
		return err
	}
	return fault.Newf(fault.Data, "row %s %s", key, what).WithScope(l.info.Name)
}

// fits checks a record against the declared columns, once for each schema.
func (l *lane) fits(_ context.Context, batch arrow.Record) error {
	schema := batch.Schema()
	if schema != l.accepted {
		want, err := sdk.ArrowSchema(l.info.Columns)
		if err != nil {
			return err
		}
		if err := sameFields(want, schema); err != nil {
			return fault.Wrap(fault.Data, err, "a record does not have the declared columns")
		}
		l.accepted = schema
	}
	for i, c := range l.info.Columns {
		if c.NotNull && batch.Column(i).NullN() > 0 {
			return fault.Newf(fault.Data, "column %s is NULL in a row, but may not be", c.Name).WithScope(l.info.Name)
		}
	}
	return nil
}

// projected returns the columns that are sent, under the declared schema. The caller releases it.
func (l *lane) projected(batch arrow.Record) arrow.Record {
	columns := make([]arrow.Array, 0, len(l.columns))
	for i, c := range l.info.Columns {
		if slices.ContainsFunc(l.columns, func(sent sdk.Column) bool { return sent.Name == c.Name }) {
			columns = append(columns, batch.Column(i))
		}
	}
	return array.NewRecord(l.rows.Schema, columns, batch.NumRows())
}

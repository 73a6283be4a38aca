package connector

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector/internal/rows"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Output is what Rows and Records have in common. Its methods may be called from several goroutines. With a cursor
// field declared and no own Checkpoint or SetState, the SDK keeps the state itself: the reader only honours
// Query.Since.
type Output struct{ lane *lane }

// Checkpoint sends what waits and says that all rows of the task so far are complete up to state, kept as JSON. human
// says the same to people, e.g. "orders up to page 17".
func (o Output) Checkpoint(ctx context.Context, version uint32, state any, human string) error {
	return o.lane.task.ownCheckpoint(ctx, version, state, human)
}

// SetState sets the state that is published when the task ends well.
func (o Output) SetState(version uint32, state any, human string) error {
	return o.lane.task.setState(version, state, human)
}

// Issue tells people something about the rows; the read goes on. Stream is filled in, and so is Count if it is 0.
func (o Output) Issue(ctx context.Context, issue Issue) error {
	return o.lane.issue(ctx, issue)
}

// Warn is an Issue that is one message; code is short and constant.
func (o Output) Warn(ctx context.Context, code, message string) error {
	return o.lane.issue(ctx, Issue{Code: code, Sample: message})
}

// Progress tells people how far the read is; total 0 = unknown.
func (o Output) Progress(ctx context.Context, done, total uint64) error {
	return o.lane.task.status(ctx, Status{Phase: "read " + o.lane.info.Name, Done: done, Total: total})
}

// Quiet says that no row is to be expected for d, e.g. because the source asked to wait: broker takes a long silence
// for a hang otherwise.
func (o Output) Quiet(ctx context.Context, d time.Duration, note string) error {
	return o.lane.task.status(ctx, Status{Phase: "wait " + o.lane.info.Name, QuietFor: d, Note: o.lane.task.mask.Text(note)})
}

// Child takes the rows of another stream that is delivered by this reader (option Parent). Rows of a stream that
// nobody asked for are dropped.
func (o Output) Child(name string) (*Records, error) {
	lane, err := o.lane.task.child(o.lane.info.Name, name)
	if err != nil {
		return nil, err
	}
	return &Records{Output: Output{lane: lane}}, nil
}

// Rows takes the rows of a stream whose rows are structs.
type Rows[R any] struct {
	Output
	shape *rows.Shape
}

// RowsOf takes struct rows for a child stream that was declared with Table.
func RowsOf[R any](records *Records) (*Rows[R], error) {
	shape, err := rows.ShapeOf(reflect.TypeFor[R]())
	if err != nil {
		return nil, fault.Wrap(fault.Bug, err, "stream "+records.lane.info.Name)
	}
	return &Rows[R]{Output: records.Output, shape: shape}, nil
}

// Append sends rows. They are copied before it returns. When one does not fit, those before it are sent, it and those
// after it are not, and the error names it: a reader that can live without it goes on with the rest.
func (r *Rows[R]) Append(ctx context.Context, rows ...R) error {
	return r.lane.append(ctx, false, len(rows), func(b *rowBuilder, i int) error {
		return appendStruct(b, r.shape, reflect.ValueOf(&rows[i]).Elem())
	})
}

// Delete says that the rows with these keys (key columns of each row filled in) are gone at the source.
func (r *Rows[R]) Delete(ctx context.Context, rows ...R) error {
	return r.lane.append(ctx, true, len(rows), func(b *rowBuilder, i int) error {
		return appendStruct(b, r.shape, reflect.ValueOf(&rows[i]).Elem())
	})
}

type rowBuilder = rows.Builder

func appendStruct(b *rowBuilder, shape *rows.Shape, row reflect.Value) error {
	if err := b.Bind(shape); err != nil {
		return fault.Wrap(fault.Bug, err, "read the rows")
	}
	return b.AppendStruct(row)
}

// Records takes the rows of a stream whose columns are values.
type Records struct{ Output }

// Schema declares the columns from here on, and key where not nil; a second call opens a new epoch.
func (r *Records) Schema(ctx context.Context, columns []sdk.Column, key []string) error {
	return r.lane.schema(ctx, slices.Clone(columns), slices.Clone(key))
}

// AppendMap sends one row. Absent names are NULL; names that are no column are counted as an issue; a value that does
// not fit its column is an error naming both, after which the reader may go on with other rows.
func (r *Records) AppendMap(ctx context.Context, row map[string]any) error {
	return r.lane.append(ctx, false, 1, func(b *rowBuilder, _ int) error { return b.AppendMap(row) })
}

// AppendRecord sends a batch whose schema equals the declared columns. It retains what it needs: the caller still
// releases its own reference. Batches are sent as they come, without copying; too large ones are split.
func (r *Records) AppendRecord(ctx context.Context, batch arrow.Record) error {
	return r.lane.appendRecord(ctx, batch)
}

// AppendJSON sends one row given as a JSON object.
func (r *Records) AppendJSON(ctx context.Context, object []byte) error {
	row, err := parseObject(object)
	if err != nil {
		return fault.Wrap(fault.Data, err, "stream "+r.lane.info.Name)
	}
	return r.AppendMap(ctx, row)
}

// DeleteMap says that the row with this key is gone at the source.
func (r *Records) DeleteMap(ctx context.Context, key map[string]any) error {
	return r.lane.append(ctx, true, 1, func(b *rowBuilder, _ int) error { return b.AppendMap(key) })
}

func parseObject(text []byte) (map[string]any, error) {
	parsed, err := rows.ParseJSON(text)
	if err != nil {
		return nil, err
	}
	object, ok := parsed.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("a row is a JSON object")
	}
	return object, nil
}

package service

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/ai-data-analyst/broker/sdk/fault"
)

// ErrEnough is what Result.Append returns once the limit is reached: return it, or stop in any other way.
var ErrEnough = errors.New("the limit of rows is reached")

// Result takes what a query finds: Columns once, then Append. It counts, cuts at the limit, and waits while the reader
// is slow.
type Result struct {
	ctx     context.Context
	cancel  context.CancelFunc
	timeout time.Duration
	limit   int64
	columns []Column
	sent    int64
	told    sync.Once

	known   chan struct{}     // closed by Columns
	records chan arrow.Record // closed never: ended says when
	ended   chan struct{}     // closed by finish
	current arrow.Record      // found by Next, not taken yet

	mu        sync.Mutex
	err       *fault.Fault
	truncated bool
}

func newResult(ctx context.Context, request QueryRequest) *Result {
	ctx, cancel := context.WithTimeout(ctx, request.Timeout)
	return &Result{ctx: ctx, cancel: cancel, timeout: request.Timeout, limit: request.Limit,
		known: make(chan struct{}), records: make(chan arrow.Record), ended: make(chan struct{})}
}

// Describe says what the rows are made of. It comes before the first Append, also when there are no rows.
func (r *Result) Describe(columns []Column) error {
	err := errors.New("the columns of a result were said twice")
	r.told.Do(func() {
		err = nil
		r.columns = columns
		close(r.known)
	})
	return err
}

// Append gives the next rows. The record stays the caller's, who releases it. Rows beyond the limit are cut off and
// answered with ErrEnough: there were more.
func (r *Result) Append(record arrow.Record) error {
	if int(record.NumCols()) != len(r.columns) {
		return fmt.Errorf("a batch of %d columns; the result has %d", record.NumCols(), len(r.columns))
	}
	rest := min(r.limit-r.sent, record.NumRows())
	if rest > 0 {
		part := record.NewSlice(0, rest)
		select {
		case r.records <- part:
			r.sent += rest
		case <-r.ctx.Done():
			part.Release()
			return r.ctx.Err()
		}
	}
	if rest < record.NumRows() {
		r.mu.Lock()
		r.truncated = true
		r.mu.Unlock()
		return ErrEnough
	}
	return nil
}

// explain says why a query ended: the reader's wish, the time, the limit, or its own error.
func (r *Result) explain(err error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.truncated && (err == nil || errors.Is(err, ErrEnough)):
		return nil
	case err == nil:
		return nil
	case errors.Is(r.ctx.Err(), context.DeadlineExceeded):
		return &fault.Fault{Code: fault.Transient, Path: TimeoutPath, What: fmt.Sprintf("timeout: the query did not end within %s", r.timeout),
			Help: "Ask for less: fewer columns, a narrower filter, an aggregate.", Err: err}
	case r.ctx.Err() != nil:
		return &fault.Fault{Code: fault.Cancelled, What: "the query was cancelled", Err: err}
	}
	return err
}

func (r *Result) finish(err *fault.Fault) {
	r.mu.Lock()
	r.err = err
	r.mu.Unlock()
	r.cancel()
	close(r.ended)
}

func (r *Result) failure() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		return nil
	}
	return r.err
}

// Columns implements Rows.
func (r *Result) Columns() []Column { return r.columns }

// Next implements Rows.
func (r *Result) Next(ctx context.Context) bool {
	r.drop()
	select {
	case record := <-r.records:
		r.current = record
		return true
	case <-r.ended:
	case <-ctx.Done():
		r.cancel()
		<-r.ended
	}
	return false
}

func (r *Result) drop() {
	if r.current != nil {
		r.current.Release()
		r.current = nil
	}
}

// Record implements Rows.
func (r *Result) Record() arrow.Record {
	record := r.current
	r.current = nil
	return record
}

// Err implements Rows.
func (r *Result) Err() error {
	select {
	case <-r.ended:
		return r.failure()
	default:
		return nil
	}
}

// Truncated implements Rows.
func (r *Result) Truncated() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.truncated
}

// Close implements Rows.
func (r *Result) Close() error {
	r.cancel()
	<-r.ended
	r.drop()
	return nil
}

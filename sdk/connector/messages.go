package connector

import (
	"context"
	"sync"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

var _ Messages = (*reading)(nil)

// ahead is how many messages a reader may be ahead of its consumer.
const ahead = 2

// reading is one Read in process: the reader's goroutine on one side, Next on the other.
type reading struct {
	cancel context.CancelFunc
	out    chan Message // closed when the reader's goroutine has ended
	acks   *acks
	ack    func(ctx context.Context, state sdk.Cursor) error
	ended  func(*reading)

	current Message
	mu      sync.Mutex
	err     error // why the reader ended, or why Next stopped waiting
}

// start runs the task in a goroutine of its own, which ends with Close at the latest.
func (r *reading) start(t *task, steps []step) {
	go func() {
		err := error(fault.New(fault.Bug, "the reader left its goroutine"))
		defer func() {
			t.close()
			r.fail(t.mask.Fault(err))
			close(r.out)
		}()
		err = t.run(steps)
	}()
}

func (r *reading) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		r.err = err
	}
}

// Next implements Messages.
func (r *reading) Next(ctx context.Context) bool {
	select {
	case m, ok := <-r.out:
		r.current = m
		return ok
	case <-ctx.Done():
		r.fail(fault.Wrap(fault.Cancelled, context.Cause(ctx), "wait for the next message"))
		return false
	}
}

// Message implements Messages.
func (r *reading) Message() Message { return r.current }

// Err implements Messages.
func (r *reading) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// Ack implements Messages.
func (r *reading) Ack(ctx context.Context, checkpoint uint64) error {
	state, news := r.acks.upTo(checkpoint)
	if !news || r.ack == nil {
		return nil
	}
	return r.ack(ctx, state)
}

// Close implements Messages. It waits for the reader, which sees its context end.
func (r *reading) Close() error {
	r.cancel()
	for m := range r.out {
		if batch, ok := m.(Batch); ok {
			batch.Record.Release()
		}
	}
	r.ended(r)
	return nil
}

// acks remembers the states of checkpoints that are not published yet.
type acks struct {
	wanted bool // the author has an OnAck

	mu      sync.Mutex
	waiting []ackState
}

type ackState struct {
	id    uint64
	state sdk.Cursor
}

func (a *acks) add(id uint64, state sdk.Cursor) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.wanted {
		a.waiting = append(a.waiting, ackState{id, state})
	}
}

// upTo forgets all up to checkpoint id and returns the newest state among them.
func (a *acks) upTo(id uint64) (state sdk.Cursor, news bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := 0
	for n < len(a.waiting) && a.waiting[n].id <= id {
		state, news = a.waiting[n].state, true
		n++
	}
	a.waiting = a.waiting[n:]
	return state, news
}

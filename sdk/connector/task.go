package connector

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector/internal/mark"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/sdk/internal/author"
)

// task is one Read from the author's side: its lanes, its state, its way out.
type task struct {
	ctx     context.Context // ends when the read is closed
	out     chan<- Message
	now     func() time.Time
	mask    author.Mask
	limits  Limits
	maxRows int
	before  sdk.Cursor        // the published state
	parents map[string]string // streams without a reader of their own, and whose reader delivers them

	mu     sync.Mutex
	lanes  []*lane
	edges  mark.State // of before, where the SDK keeps it
	own    bool       // the author keeps the state
	kept   bool       // a checkpoint of the SDK was sent
	state  sdk.Cursor // the author's newest
	marked sdk.Cursor // state of the last checkpoint
	lastID uint64
	ended  bool
	failed error

	acks acks
}

// step is one reader of a task with its lane.
type step struct {
	lane *lane
	read func(ctx context.Context, q Query, out Output) error
}

// run delivers the task: every reader in turn, then the end.
func (t *task) run(steps []step) error {
	if err := t.resume(); err != nil {
		return err
	}
	for _, s := range steps {
		if err := t.deliver(s); err != nil {
			return err
		}
	}
	return t.finish()
}

// resume reads the state, as far as it is the SDK's.
func (t *task) resume() error {
	t.edges = mark.State{Streams: map[string]mark.Edge{}}
	if t.before.IsZero() {
		t.edges, _ = mark.ParseState(sdk.Cursor{})
		return nil
	}
	if !mark.Kept(t.before) {
		t.edges, _ = mark.ParseState(sdk.Cursor{})
		t.own = true
		return nil
	}
	edges, err := mark.ParseState(t.before)
	if err != nil && t.safeToStop() {
		return expired("%s", err)
	}
	if err != nil {
		edges, _ = mark.ParseState(sdk.Cursor{})
	}
	t.edges = edges
	return nil
}

// deliver runs one reader between the openings and closings of its lane and its children's.
func (t *task) deliver(s step) error {
	family := []*lane{s.lane}
	for _, l := range t.lanes {
		if l.child && t.parents[l.info.Name] == s.lane.info.Name {
			family = append(family, l)
		}
	}
	for _, l := range family {
		if err := t.begin(l); err != nil {
			return err
		}
	}
	err := author.Guard("stream "+s.lane.info.Name, func() error { return s.read(t.ctx, s.lane.query(), Output{lane: s.lane}) })
	t.mu.Lock()
	defer t.mu.Unlock()
	if errors.Is(err, errEnough) || s.lane.enough {
		err = nil
	}
	if err == nil {
		err = t.failed
	}
	if err != nil {
		return err
	}
	for _, l := range family {
		if err := t.complete(l); err != nil {
			return err
		}
	}
	return nil
}

// begin opens a lane: its schema, where it is known, also for streams that turn out empty, and its boundary.
func (t *task) begin(l *lane) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if l.info.Columns != nil {
		if err := l.open(t.ctx, nil); err != nil {
			return err
		}
	}
	if l.ask.Mode == sdk.Incremental || t.maxRows > 0 {
		return nil
	}
	return t.emit(t.ctx, Boundary{Stream: l.info.Name})
}

// complete closes a lane whose reader has returned well.
func (t *task) complete(l *lane) error {
	if err := l.flushAll(t.ctx); err != nil {
		return err
	}
	if l.ask.Mode == sdk.Incremental || t.maxRows > 0 {
		return nil
	}
	return t.emit(t.ctx, Boundary{Stream: l.info.Name, Complete: true, Rows: l.sent})
}

// sameState says whether two states resume at the same point, whatever they tell people.
func sameState(a, b sdk.Cursor) bool { return a.Version == b.Version && bytes.Equal(a.Data, b.Data) }

// finish ends a task whose readers have all returned well: the last checkpoint, StreamDone, Done.
func (t *task) finish() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	state, err := t.finalState()
	if err != nil {
		return err
	}
	if news := !t.own || !t.state.IsZero(); news && !state.IsZero() && !sameState(state, t.marked) {
		if err := t.checkpoint(t.ctx, state); err != nil { // so that every published state has an Ack
			return err
		}
	}
	for _, l := range t.lanes {
		if err := t.emit(t.ctx, StreamDone{Stream: l.info.Name, Rows: l.sent, Complete: !l.enough}); err != nil {
			return err
		}
	}
	return t.emit(t.ctx, Done{Rows: t.counts(), State: state})
}

// close ends the task for good; readers that still send get an error.
func (t *task) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended = true
	for _, l := range t.lanes {
		if l.flushTime != nil {
			l.flushTime.Stop()
		}
		l.release()
	}
}

// emit passes a message on, or drops it when the read is closed.
func (t *task) emit(ctx context.Context, m Message) error {
	if issue, ok := m.(Issue); ok {
		issue.Sample, issue.Key = t.mask.Text(issue.Sample), t.mask.Text(issue.Key)
		m = issue
	}
	select {
	case <-t.ctx.Done():
	case <-ctx.Done():
	default:
		select {
		case t.out <- m:
			return nil
		case <-t.ctx.Done():
		case <-ctx.Done():
		}
	}
	if batch, ok := m.(Batch); ok {
		batch.Record.Release()
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return t.ctx.Err()
}

func (t *task) counts() map[string]uint64 {
	counts := make(map[string]uint64, len(t.lanes))
	for _, l := range t.lanes {
		counts[l.info.Name] = l.sent
	}
	return counts
}

// safeToStop says whether a run may be published at a checkpoint: only where nothing is replaced.
func (t *task) safeToStop() bool {
	for _, l := range t.lanes {
		if l.ask.Mode != sdk.Incremental {
			return false
		}
	}
	return t.maxRows == 0
}

// advance sends a checkpoint of a Sorted stream that can be resumed further on. With several lanes nobody knows which
// rows of the others belong before it, so there is none.
func (t *task) advance(ctx context.Context, l *lane) error {
	if t.own || l.tracker == nil || len(t.lanes) > 1 || !t.safeToStop() || !l.tracker.Advance() {
		return nil
	}
	state, err := t.keptState(false)
	if err != nil {
		return err
	}
	t.kept = true
	return t.checkpoint(ctx, state)
}

func (t *task) checkpoint(ctx context.Context, state sdk.Cursor) error {
	t.lastID++
	c := Checkpoint{ID: t.lastID, State: state, Rows: t.counts(), SafeToStop: t.safeToStop()}
	if root := t.lanes[0]; root.tracker != nil {
		c.Watermark = root.tracker.Watermark()
	}
	t.marked = state
	t.acks.add(c.ID, state)
	return t.emit(ctx, c)
}

// keptState is the state that the SDK keeps: the edge of every stream with a cursor field.
func (t *task) keptState(final bool) (sdk.Cursor, error) {
	human := map[string]string{}
	any := false
	for _, l := range t.lanes {
		if l.tracker == nil {
			continue
		}
		any = true
		edge, text, ok, err := l.tracker.Edge(final)
		if err != nil {
			return sdk.Cursor{}, fault.Wrap(fault.Data, err, "stream "+l.info.Name)
		}
		delete(t.edges.Streams, l.info.Name)
		if ok {
			t.edges.Streams[l.info.Name], human[l.info.Name] = edge, text
		}
	}
	if !any || t.safeToStop() && len(t.edges.Streams) == 0 {
		return sdk.Cursor{}, nil
	}
	state, err := t.edges.Cursor(human)
	if err == nil {
		err = t.checkState(state)
	}
	return state, err
}

func (t *task) finalState() (sdk.Cursor, error) {
	switch {
	case t.maxRows > 0:
		return sdk.Cursor{}, nil
	case t.own && !t.state.IsZero():
		return t.state, nil
	case t.own && t.safeToStop():
		return t.before, nil
	}
	return t.keptState(true)
}

// setState takes the author's own state.
func (t *task) setState(version uint32, state any, human string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.takeState(version, state, human)
}

func (t *task) takeState(version uint32, state any, human string) error {
	if t.kept {
		return fault.New(fault.Bug, "the stream is Sorted, so the SDK keeps its state; leave Sorted off, or SetState and Checkpoint")
	}
	if version == 0 {
		return fault.New(fault.Bug, "versions of a state count from 1")
	}
	text, err := json.Marshal(state)
	if err != nil {
		return fault.Wrap(fault.Bug, err, "write the state as JSON")
	}
	cursor := sdk.Cursor{Version: version, Data: text, Human: t.mask.Text(human)}
	if err := t.checkState(cursor); err != nil {
		return err
	}
	t.own, t.state = true, cursor
	return nil
}

func (t *task) checkState(c sdk.Cursor) error {
	if len(c.Data) > sdk.MaxCursorBytes {
		return fault.Newf(fault.Data, "the state has %d bytes, allowed are %d", len(c.Data), sdk.MaxCursorBytes)
	}
	if t.mask.Inside(string(c.Data)) {
		return fault.New(fault.Bug, "the state holds a secret of the settings")
	}
	return nil
}

// ownCheckpoint is the author's.
func (t *task) ownCheckpoint(ctx context.Context, version uint32, state any, human string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended {
		return fault.New(fault.Bug, "a checkpoint was sent after the reader had returned")
	}
	if err := t.takeState(version, state, human); err != nil {
		return err
	}
	for _, l := range t.lanes {
		if err := l.flushAll(ctx); err != nil {
			return err
		}
	}
	if t.maxRows > 0 {
		return nil
	}
	return t.checkpoint(ctx, t.state)
}

// issue passes an author's issue on.
func (l *lane) issue(ctx context.Context, issue Issue) error {
	l.task.mu.Lock()
	defer l.task.mu.Unlock()
	if l.dropped || l.task.ended {
		return ctx.Err()
	}
	issue.Stream = l.info.Name
	issue.Count = max(issue.Count, 1)
	return l.task.emit(ctx, issue)
}

// status passes progress on.
func (t *task) status(ctx context.Context, status Status) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended {
		return ctx.Err()
	}
	return t.emit(ctx, status)
}

// child finds the lane of a stream that is delivered by the reader of parent.
func (t *task) child(parent, name string) (*lane, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.parents[name] != parent {
		return nil, fault.New(fault.Bug, fmt.Sprintf("%q is not declared as a child of %s", name, parent)).WithScope(parent)
	}
	for _, l := range t.lanes {
		if l.info.Name == name && l.child {
			return l, nil
		}
	}
	return &lane{task: t, info: sdk.Stream{Name: name}, dropped: true}, nil
}

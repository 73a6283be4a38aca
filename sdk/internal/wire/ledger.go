package wire

import (
	"context"
	"fmt"
	"time"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/sdk/internal/guard"
	"github.com/ai-data-analyst/broker/sdk/internal/pb"
	"github.com/ai-data-analyst/broker/sdk/internal/wire/frame"
	"github.com/ai-data-analyst/broker/sdk/internal/wire/words"
)

// ledger holds one read against the rules of the protocol: order, counts, checksums. It counts for itself, so that a
// stream that merely ends is never taken for a complete one (I9).
type ledger struct {
	session    *session
	streams    map[string]*tally // those asked for
	preview    bool
	seq        uint64
	checkpoint uint64
	rowless    int
}

// tally is what has arrived of one stream.
type tally struct {
	rows    uint64
	begun   uint64 // rows when the open boundary began
	open    bool   // a boundary has begun
	done    bool
	epoch   uint32
	schema  connector.Schema
	batches *guard.Reader // of appends and upserts
	deletes *guard.Reader // nil until the first delete of the epoch
}

func newLedger(s *session, request connector.Request) *ledger {
	l := &ledger{session: s, streams: map[string]*tally{}, preview: request.MaxRows > 0}
	for _, ask := range request.Asks {
		l.streams[ask.Stream] = &tally{}
	}
	return l
}

func violation(format string, args ...any) error {
	return fault.Newf(fault.Bug, "the plugin broke the protocol: "+format, args...)
}

// accept checks one message and returns it as the contract has it. in.IPC stays the caller's.
func (l *ledger) accept(ctx context.Context, in *frame.In) (connector.Message, error) {
	if in.Message.Seq <= l.seq {
		return nil, violation("message %d came after message %d", in.Message.Seq, l.seq)
	}
	l.seq = in.Message.Seq
	if in.Message.GetBatch().GetRows() == 0 {
		if l.rowless++; l.rowless > maxRowless {
			return nil, violation("more than %d messages without rows", maxRowless)
		}
	}
	switch m := in.Message.Message.(type) {
	case *pb.FromPlugin_Schema:
		return l.schema(m.Schema)
	case *pb.FromPlugin_Batch:
		return l.batch(ctx, in, m.Batch)
	case *pb.FromPlugin_Checkpoint:
		return l.mark(m.Checkpoint)
	case *pb.FromPlugin_Boundary:
		return l.boundary(m.Boundary)
	case *pb.FromPlugin_Status:
		return l.status(m.Status), nil
	case *pb.FromPlugin_Issue:
		return l.issue(m.Issue)
	case *pb.FromPlugin_StreamDone:
		return l.streamDone(m.StreamDone)
	case *pb.FromPlugin_TaskDone:
		return l.taskDone(m.TaskDone)
	case *pb.FromPlugin_Error:
		return nil, words.ErrorFromPB(m.Error, l.session.hidden)
	}
	return nil, violation("a message of a kind that this version does not know")
}

// find returns the tally of a stream that was asked for.
func (l *ledger) find(name string) (*tally, error) {
	t, ok := l.streams[name]
	if !ok {
		return nil, violation("a message for the stream %.80q, which was not asked for", name)
	}
	return t, nil
}

func (l *ledger) schema(s *pb.Schema) (connector.Message, error) {
	t, err := l.find(s.GetStream())
	if err != nil {
		return nil, err
	}
	if t.done || s.GetEpoch() <= t.epoch {
		return nil, violation("stream %s: schema of epoch %d after epoch %d", s.GetStream(), s.GetEpoch(), t.epoch)
	}
	out := connector.Schema{Stream: s.GetStream(), Epoch: s.GetEpoch(), Columns: each(s.GetColumns(), columnFromPB), Key: namesFromPB(s.GetKey())}
	reader, err := guard.New(out.Columns, guard.DefaultLimits)
	if err != nil {
		return nil, violation("stream %s: %v", out.Stream, err)
	}
	if _, err := pick(out.Columns, out.Key); err != nil {
		return nil, violation("stream %s: key %v", out.Stream, err)
	}
	t.epoch, t.schema, t.batches, t.deletes = out.Epoch, out, reader, nil
	return out, nil
}

func (l *ledger) batch(ctx context.Context, in *frame.In, b *pb.Batch) (connector.Message, error) {
	t, err := l.find(b.GetStream())
	if err != nil {
		return nil, err
	}
	if t.batches == nil || b.GetEpoch() != t.epoch || t.done {
		return nil, violation("stream %s: a batch of epoch %d without its schema", b.GetStream(), b.GetEpoch())
	}
	op, ok := opsFromPB[b.GetOp()]
	if !ok {
		return nil, violation("stream %s: operation %d", b.GetStream(), b.GetOp())
	}
	if in.CRC != b.GetCrc32C() {
		return nil, violation("stream %s: checksum %08x announced, %08x found", b.GetStream(), b.GetCrc32C(), in.CRC)
	}
	reader := t.batches
	if op == connector.DeleteKeys {
		if reader, err = l.deletes(ctx, t); err != nil {
			return nil, err
		}
	}
	record, err := reader.Record(in.IPC, int(b.GetRows()))
	if err != nil {
		f, _ := fault.As(err)
		return nil, &fault.Fault{Code: f.Code, What: fmt.Sprintf("stream %s, batch after row %d: %s", b.GetStream(), t.rows, f.What), Scope: b.GetStream()}
	}
	t.rows += uint64(b.GetRows())
	return connector.Batch{Stream: b.GetStream(), Epoch: b.GetEpoch(), Op: op, Record: record}, nil
}

// deletes returns the reader of batches that hold the key columns in schema order, then the cursor field.
func (l *ledger) deletes(ctx context.Context, t *tally) (*guard.Reader, error) {
	if t.deletes != nil {
		return t.deletes, nil
	}
	stream, err := l.session.stream(ctx, t.schema.Stream)
	if err != nil {
		return nil, err
	}
	key := t.schema.Key
	if key == nil {
		key = stream.Key
	}
	columns, err := pick(t.schema.Columns, key)
	if err != nil || len(columns) == 0 {
		return nil, violation("stream %s: deletes without a usable key", t.schema.Stream)
	}
	if c, err := pick(t.schema.Columns, []string{stream.CursorField}); err == nil && !has(key, stream.CursorField) {
		columns = append(columns, c...)
	}
	t.deletes, err = guard.New(columns, guard.DefaultLimits)
	return t.deletes, err
}

// pick returns the named columns in schema order.
func pick(columns []sdk.Column, names []string) ([]sdk.Column, error) {
	var picked []sdk.Column
	for _, c := range columns {
		if has(names, c.Name) {
			picked = append(picked, c)
		}
	}
	if len(picked) != len(names) {
		return nil, fmt.Errorf("%.200q: not every name is a column", names)
	}
	return picked, nil
}

func has(names []string, name string) bool {
	for _, n := range names {
		if n == name {
			return true
		}
	}
	return false
}

func (l *ledger) mark(c *pb.Checkpoint) (connector.Message, error) {
	if l.preview {
		return nil, violation("a checkpoint in a preview")
	}
	if c.GetId() <= l.checkpoint {
		return nil, violation("checkpoint %d came after checkpoint %d", c.GetId(), l.checkpoint)
	}
	l.checkpoint = c.GetId()
	if err := l.counted(c.GetRows(), "checkpoint"); err != nil {
		return nil, err
	}
	state, err := l.state(c.GetState())
	return connector.Checkpoint{ID: c.GetId(), State: state, Rows: l.counts(), Watermark: words.Tidy(c.GetWatermark(), words.MaxShort), SafeToStop: c.GetSafeToStop()}, err
}

func (l *ledger) state(s *pb.State) (sdk.Cursor, error) {
	if len(s.GetData()) > sdk.MaxCursorBytes {
		return sdk.Cursor{}, violation("a state of %d bytes, the limit is %d", len(s.GetData()), sdk.MaxCursorBytes)
	}
	state := stateFromPB(s)
	state.Human = l.session.hidden.Hide(words.Tidy(state.Human, words.MaxText))
	return state, nil
}

// counted compares the plugin's counts with our own. A stream that is not named has none.
func (l *ledger) counted(said map[string]uint64, by string) error {
	for name := range said {
		if _, err := l.find(name); err != nil {
			return err
		}
	}
	for name, t := range l.streams {
		if said[name] != t.rows {
			return (&fault.Fault{Code: fault.Transient, What: fmt.Sprintf("stream %s is incomplete: its %s counts %d rows, %d arrived", name, by, said[name], t.rows)}).WithScope(name)
		}
	}
	return nil
}

func (l *ledger) counts() map[string]uint64 {
	counts := make(map[string]uint64, len(l.streams))
	for name, t := range l.streams {
		counts[name] = t.rows
	}
	return counts
}

func (l *ledger) boundary(b *pb.Boundary) (connector.Message, error) {
	t, err := l.find(b.GetStream())
	if err != nil {
		return nil, err
	}
	out := connector.Boundary{Stream: b.GetStream(), Complete: b.GetComplete(), Rows: b.GetRows()}
	if t.open != out.Complete || t.done {
		return nil, violation("stream %s: a boundary that does not follow its beginning", out.Stream)
	}
	if out.Complete && out.Rows != t.rows-t.begun {
		return nil, fault.Newf(fault.Transient, "stream %s is incomplete: its end counts %d rows, %d arrived", out.Stream, out.Rows, t.rows-t.begun).WithScope(out.Stream)
	}
	t.open, t.begun = !out.Complete, t.rows
	return out, nil
}

func (l *ledger) status(s *pb.Status) connector.Message {
	quiet := min(s.GetQuietForMs(), uint64(time.Hour.Milliseconds()))
	return connector.Status{
		Phase: words.Tidy(s.GetPhase(), words.MaxShort), Done: s.GetDone(), Total: s.GetTotal(),
		QuietFor: time.Duration(quiet) * time.Millisecond, Note: l.session.hidden.Hide(words.Tidy(s.GetNote(), words.MaxText)),
	}
}

func (l *ledger) issue(i *pb.Issue) (connector.Message, error) {
	if _, err := l.find(i.GetStream()); err != nil {
		return nil, err
	}
	hide := l.session.hidden.Hide
	return connector.Issue{
		Stream: i.GetStream(), Column: words.Tidy(i.GetColumn(), words.MaxShort), Code: words.Tidy(i.GetCode(), words.MaxShort), Count: i.GetCount(),
		Sample: hide(words.Tidy(i.GetSample(), words.MaxShort)), Key: hide(words.Tidy(i.GetKey(), words.MaxShort)), Rejected: i.GetRejected(),
	}, nil
}

func (l *ledger) streamDone(d *pb.StreamDone) (connector.Message, error) {
	t, err := l.find(d.GetStream())
	if err != nil {
		return nil, err
	}
	if t.done {
		return nil, violation("stream %s ended twice", d.GetStream())
	}
	if d.GetRows() != t.rows {
		return nil, fault.Newf(fault.Transient, "stream %s is incomplete: its end counts %d rows, %d arrived", d.GetStream(), d.GetRows(), t.rows).WithScope(d.GetStream())
	}
	t.done = true
	return connector.StreamDone{Stream: d.GetStream(), Rows: d.GetRows(), Complete: d.GetComplete()}, nil
}

func (l *ledger) taskDone(d *pb.TaskDone) (connector.Message, error) {
	if err := l.counted(d.GetRows(), "end"); err != nil {
		return nil, err
	}
	for name, t := range l.streams {
		if t.open {
			return nil, fault.Newf(fault.Transient, "stream %s is incomplete: its boundary was never completed", name).WithScope(name)
		}
	}
	state, err := l.state(d.GetState())
	return connector.Done{Rows: l.counts(), State: state}, err
}

package wire

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"google.golang.org/grpc"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/sdk/internal/pb"
	"github.com/ai-data-analyst/broker/sdk/internal/wire/frame"
	"github.com/ai-data-analyst/broker/sdk/internal/wire/words"
)

type readServer = grpc.BidiStreamingServer[pb.ToPlugin, pb.FromPlugin]

// Read implements pb.ConnectorServer. Whatever goes wrong, the host is told by a typed Error as the last message.
func (s *Server) Read(stream readServer) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	start := first.GetStart()
	session, err := s.find(start.GetSession())
	if err != nil {
		return err
	}
	out := &outgoing{stream: stream, hidden: session.hidden, encoders: map[string]*frame.Encoder{}}
	if err := s.begin(); err != nil {
		return out.fail(err)
	}
	defer s.end()
	err = guarded(func() error { return s.deliver(stream, session, startFromPB(start), out) })
	if err != nil {
		return out.fail(err)
	}
	return nil
}

// deliver passes on the messages of one read and waits, after the last, until the host has acknowledged what it wants.
func (s *Server) deliver(stream readServer, session *opened, request connector.Request, out *outgoing) error {
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	messages, err := session.Read(ctx, request)
	if err != nil {
		return err
	}
	in := &incoming{messages: messages, gone: make(chan struct{})}
	go in.run(ctx, stream, cancel)
	defer func() {
		cancel() // first: an Ack of the author's may be waiting for it
		in.close()
	}()

	done := false
	for messages.Next(ctx) {
		m := messages.Message()
		if err := out.send(m); err != nil {
			return err
		}
		if _, done = m.(connector.Done); done {
			in.finished()
		}
		if c, ok := m.(connector.Checkpoint); ok && c.SafeToStop && s.isDraining() {
			return fault.New(fault.Cancelled, "the plugin is shutting down; it stopped at a checkpoint")
		}
	}
	if err := messages.Err(); err != nil {
		return err
	}
	if !done {
		return fault.New(fault.Bug, "the connector ended the read without a Done")
	}
	select {
	case <-in.gone:
	case <-ctx.Done():
	}
	return nil
}

func (s *Server) isDraining() bool {
	select {
	case <-s.draining:
		return true
	default:
		return false
	}
}

// incoming passes the host's acknowledgements on.
type incoming struct {
	mu       sync.Mutex
	messages connector.Messages // nil once closed
	done     bool               // all was sent: the end of the host's side is no cancellation
	gone     chan struct{}      // the host's side has ended
}

func (in *incoming) run(ctx context.Context, stream readServer, cancel context.CancelFunc) {
	defer close(in.gone)
	for {
		m, err := stream.Recv()
		in.mu.Lock()
		switch {
		case err != nil:
			if !in.done {
				cancel()
			}
			in.mu.Unlock()
			return
		case in.messages != nil && m.GetAck() != nil:
			ack := m.GetAck().GetCheckpoint()
			if guarded(func() error { return in.messages.Ack(ctx, ack) }) != nil {
				cancel()
			}
		}
		in.mu.Unlock()
	}
}

func (in *incoming) finished() {
	in.mu.Lock()
	in.done = true
	in.mu.Unlock()
}

func (in *incoming) close() {
	in.mu.Lock()
	defer in.mu.Unlock()
	_ = guarded(in.messages.Close)
	in.messages = nil
}

// outgoing numbers and sends messages.
type outgoing struct {
	stream   readServer
	hidden   words.Secrets
	seq      uint64
	encoders map[string]*frame.Encoder // by stream and operation
}

func (o *outgoing) send(m connector.Message) error {
	if b, ok := m.(connector.Batch); ok {
		defer b.Record.Release()
		return o.batch(b, b.Record)
	}
	message, err := o.message(m)
	if err != nil {
		return err
	}
	return o.plain(message)
}

func (o *outgoing) plain(m *pb.FromPlugin) error {
	o.seq++
	m.Seq = o.seq
	return o.sent(o.stream.Send(m))
}

// sent names a failure to send: the host is gone, or does not want more.
func (o *outgoing) sent(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	return fault.Wrap(fault.Cancelled, err, "send to the host")
}

// batch sends a record, in halves while it is larger than a message may be. One without rows says nothing (and Arrow's
// encoder panics on some slices without rows).
func (o *outgoing) batch(b connector.Batch, record arrow.Record) error {
	if record.NumRows() == 0 {
		return nil
	}
	name := b.Stream + " " + string(b.Op)
	e := o.encoders[name]
	if e == nil {
		e = &frame.Encoder{}
		o.encoders[name] = e
	}
	ipc, err := e.Encode(record)
	if err != nil {
		return err
	}
	if ipc.Size() > connector.MaxBatchBytes {
		ipc.Drop()
		return o.halves(b, record, ipc.Size())
	}
	o.seq++
	op, ok := opsToPB[b.Op]
	if !ok {
		ipc.Drop()
		return fault.Newf(fault.Bug, "stream %s: a batch with the operation %q", b.Stream, b.Op)
	}
	return o.sent(o.stream.SendMsg(&frame.Out{Seq: o.seq, Stream: b.Stream, Epoch: b.Epoch, Op: op, Rows: uint32(record.NumRows()), IPC: ipc}))
}

func (o *outgoing) halves(b connector.Batch, record arrow.Record, size int) error {
	n := record.NumRows()
	if n < 2 {
		return fault.Newf(fault.Data, "stream %s: one row of %d MiB, the limit is %d MiB", b.Stream, size>>20, connector.MaxBatchBytes>>20).WithScope(b.Stream)
	}
	for _, part := range [][2]int64{{0, n / 2}, {n / 2, n}} {
		half := record.NewSlice(part[0], part[1])
		err := o.batch(b, half)
		half.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

// fail sends the Error that ends the read. When nothing can be sent any more, the status of the call says the same.
func (o *outgoing) fail(err error) error {
	if o.plain(&pb.FromPlugin{Message: &pb.FromPlugin_Error{Error: words.ErrorToPB(err, o.hidden)}}) != nil {
		return words.StatusOf(err, o.hidden)
	}
	return nil
}

func (o *outgoing) message(m connector.Message) (*pb.FromPlugin, error) {
	hide := o.hidden.Hide
	switch m := m.(type) {
	case connector.Schema:
		return &pb.FromPlugin{Message: &pb.FromPlugin_Schema{Schema: &pb.Schema{
			Stream: m.Stream, Epoch: m.Epoch, Columns: each(m.Columns, columnToPB), Key: namesToPB(m.Key),
		}}}, nil
	case connector.Checkpoint:
		return &pb.FromPlugin{Message: &pb.FromPlugin_Checkpoint{Checkpoint: &pb.Checkpoint{
			Id: m.ID, State: stateToPB(m.State), Rows: m.Rows, Watermark: m.Watermark, SafeToStop: m.SafeToStop,
		}}}, checkState(m.State)
	case connector.Boundary:
		return &pb.FromPlugin{Message: &pb.FromPlugin_Boundary{Boundary: &pb.Boundary{Stream: m.Stream, Complete: m.Complete, Rows: m.Rows}}}, nil
	case connector.Status:
		return &pb.FromPlugin{Message: &pb.FromPlugin_Status{Status: &pb.Status{
			Phase: m.Phase, Done: m.Done, Total: m.Total, QuietForMs: uint64(m.QuietFor / time.Millisecond), Note: hide(m.Note),
		}}}, nil
	case connector.Issue:
		return &pb.FromPlugin{Message: &pb.FromPlugin_Issue{Issue: &pb.Issue{
			Stream: m.Stream, Column: m.Column, Code: m.Code, Count: m.Count, Sample: hide(m.Sample), Key: hide(m.Key), Rejected: m.Rejected,
		}}}, nil
	case connector.StreamDone:
		return &pb.FromPlugin{Message: &pb.FromPlugin_StreamDone{StreamDone: &pb.StreamDone{Stream: m.Stream, Rows: m.Rows, Complete: m.Complete}}}, nil
	case connector.Done:
		return &pb.FromPlugin{Message: &pb.FromPlugin_TaskDone{TaskDone: &pb.TaskDone{Rows: m.Rows, State: stateToPB(m.State)}}}, checkState(m.State)
	}
	return nil, fault.Newf(fault.Bug, "the connector sent a message of the unknown type %T", m)
}

func checkState(c sdk.Cursor) error {
	if len(c.Data) > sdk.MaxCursorBytes {
		return fault.Newf(fault.Bug, "a state of %d bytes, the limit is %d", len(c.Data), sdk.MaxCursorBytes)
	}
	return nil
}

package wire

import (
	"context"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/sdk/internal/pb"
	"github.com/ai-data-analyst/broker/sdk/internal/wire/frame"
	"github.com/ai-data-analyst/broker/sdk/internal/wire/outbox"
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
	out := &outgoing{outbox.Box{Stream: stream, Hidden: session.hidden}}
	if err := s.begin(); err != nil {
		return out.Fail(err)
	}
	defer s.end()
	err = guarded(func() error { return s.deliver(stream, session, start, out) })
	if err != nil {
		return out.Fail(err)
	}
	return nil
}

// deliver passes on the messages of one read and waits, after the last, until the host has acknowledged what it wants.
func (s *Server) deliver(stream readServer, session *opened, start *pb.Start, out *outgoing) error {
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	messages, err := session.Read(ctx, startFromPB(start))
	if err != nil {
		return err
	}
	in := &incoming{messages: messages, gone: make(chan struct{})}
	go in.run(ctx, stream, cancel)
	defer func() {
		cancel() // first: an Ack of the author's may be waiting for it
		in.close()
	}()
	out.Outlet = s.channel.Take(ctx, start.GetChannel())
	defer func() { out.Outlet.End(in.over()) }()

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

// over says whether the host has ended its side.
func (in *incoming) over() bool {
	select {
	case <-in.gone:
		return true
	default:
		return false
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

// outgoing sends messages of the contract.
type outgoing struct{ outbox.Box }

func (o *outgoing) send(m connector.Message) error {
	if b, ok := m.(connector.Batch); ok {
		defer b.Record.Release()
		op, ok := opsToPB[b.Op]
		if !ok {
			return fault.Newf(fault.Bug, "stream %s: a batch with the operation %q", b.Stream, b.Op)
		}
		return o.Batch(frame.Out{Stream: b.Stream, Epoch: b.Epoch, Op: op}, b.Record)
	}
	message, err := o.message(m)
	if err != nil {
		return err
	}
	return o.Plain(message)
}

func (o *outgoing) message(m connector.Message) (*pb.FromPlugin, error) {
	hide := o.Hidden.Hide
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

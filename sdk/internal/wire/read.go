package wire

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"

	"github.com/ai-data-analyst/broker/sdk/connector"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/sdk/internal/pb"
	"github.com/ai-data-analyst/broker/sdk/internal/wire/channel"
	"github.com/ai-data-analyst/broker/sdk/internal/wire/frame"
	"github.com/ai-data-analyst/broker/sdk/internal/wire/words"
)

// Read implements connector.Session.
func (s *session) Read(ctx context.Context, request connector.Request) (connector.Messages, error) {
	if len(request.Asks) == 0 {
		return nil, fault.New(fault.Bug, "a read without streams")
	}
	ctx, cancel := context.WithCancel(ctx)
	stream, err := s.client.connector.Read(ctx, grpc.ForceCodecV2(s.client.codec))
	if err != nil {
		cancel()
		return nil, words.FaultOf(ctx, err, "start reading", s.hidden)
	}
	intake := s.client.Channel.Take(ctx)
	start := startToPB(s.id, request)
	start.Channel = intake.Number()
	err = stream.SendMsg(&pb.ToPlugin{Message: &pb.ToPlugin_Start{Start: start}})
	if err != nil && !errors.Is(err, io.EOF) { // EOF: the plugin has ended the read already; Next says why
		cancel()
		return nil, errors.Join(words.FaultOf(ctx, err, "start reading", s.hidden), intake.End(false))
	}
	return &messages{ctx: ctx, cancel: cancel, stream: stream, intake: intake, session: s, ledger: newLedger(s, request)}, nil
}

// messages is one Read in progress, seen from the host.
type messages struct {
	ctx     context.Context
	cancel  context.CancelFunc
	stream  grpc.BidiStreamingClient[pb.ToPlugin, pb.FromPlugin]
	intake  *channel.Intake // nil: all comes over gRPC
	session *session
	ledger  *ledger

	current connector.Message
	taken   bool // the caller has current
	err     error
	done    atomic.Bool // a Done came

	sending sync.Mutex // Ack and Close
	closed  bool
}

// Next implements connector.Messages.
func (m *messages) Next(ctx context.Context) bool {
	m.dropCurrent()
	if m.err != nil || m.done.Load() {
		return false
	}
	stop := context.AfterFunc(ctx, m.cancel)
	defer stop()
	message, err := m.receive()
	if err != nil {
		if ctx.Err() != nil {
			err = words.FaultOf(ctx, err, "read", m.session.hidden)
		}
		m.err = err
		m.cancel()
		return false
	}
	m.current, m.taken = message, false
	if _, ok := message.(connector.Done); ok {
		m.done.Store(true)
	}
	return true
}

func (m *messages) receive() (connector.Message, error) {
	in := &frame.In{Pool: &m.session.client.pool}
	if err := m.stream.RecvMsg(in); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, fault.New(fault.Transient, "the plugin ended the read without saying that it is complete")
		}
		return nil, words.FaultOf(m.ctx, err, "read", m.session.hidden)
	}
	if err := m.fetch(in); err != nil {
		return nil, err
	}
	if in.IPC != nil {
		defer in.IPC.Release()
	}
	return m.ledger.accept(m.ctx, in)
}

// fetch reads from the channel what the message says is there: never a byte before its message has come.
func (m *messages) fetch(in *frame.In) (err error) {
	if in.Message.GetTaskDone() != nil {
		return m.intake.Empty()
	}
	size := in.Message.GetBatch().GetChannelBytes()
	if size == 0 {
		return nil
	}
	if in.IPC != nil {
		in.IPC.Release()
		return violation("message %d has its batch on the channel and with it too", in.Message.GetSeq())
	}
	in.IPC, in.CRC, err = m.intake.Body(in.Message.GetSeq(), size, &m.session.client.pool)
	if err != nil && m.ctx.Err() != nil {
		return words.FaultOf(m.ctx, err, "read", nil)
	}
	return err
}

func (m *messages) dropCurrent() {
	if batch, ok := m.current.(connector.Batch); ok && !m.taken {
		batch.Record.Release()
	}
	m.current = nil
}

// Message implements connector.Messages.
func (m *messages) Message() connector.Message {
	m.taken = true
	return m.current
}

// Err implements connector.Messages.
func (m *messages) Err() error { return m.err }

// Ack implements connector.Messages.
func (m *messages) Ack(ctx context.Context, checkpoint uint64) error {
	m.sending.Lock()
	defer m.sending.Unlock()
	if m.closed {
		return fault.New(fault.Bug, "acknowledge a closed read")
	}
	stop := context.AfterFunc(ctx, m.cancel)
	defer stop()
	err := m.stream.SendMsg(&pb.ToPlugin{Message: &pb.ToPlugin_Ack{Ack: &pb.Ack{Checkpoint: checkpoint}}})
	if errors.Is(err, io.EOF) {
		return fault.New(fault.Transient, "acknowledge a checkpoint: the plugin has ended the read")
	}
	return words.FaultOf(ctx, err, "acknowledge a checkpoint", m.session.hidden)
}

// Close implements connector.Messages. After a Done the plugin still gets the acknowledgements sent before, and must
// end the read without another message.
func (m *messages) Close() error {
	defer m.cancel()
	m.sending.Lock()
	defer m.sending.Unlock()
	if m.closed {
		return nil
	}
	m.closed = true
	if !m.done.Load() {
		m.cancel()
		return m.intake.End(false)
	}
	err := m.goodbye()
	return errors.Join(err, m.intake.End(err == nil))
}

func (m *messages) goodbye() error {
	timer := time.AfterFunc(goodbye, m.cancel)
	defer timer.Stop()
	if err := m.stream.CloseSend(); err != nil {
		return words.FaultOf(m.ctx, err, "end the read", m.session.hidden)
	}
	in := &frame.In{Pool: &m.session.client.pool}
	err := m.stream.RecvMsg(in)
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return words.FaultOf(m.ctx, err, "end the read", m.session.hidden)
	}
	if in.IPC != nil {
		in.IPC.Release()
	}
	return fault.New(fault.Bug, "the plugin sent another message after it had said that it is done")
}

// Package outbox numbers and sends the messages of one read, from the plugin to the host: batches by the fastest way
// that there is, all else over gRPC.
//
// It knows sizes and ways; what a message says was decided before.
package outbox

import (
	"errors"
	"io"

	"github.com/apache/arrow/go/v17/arrow"
	"google.golang.org/grpc"

	"github.com/ai-data-analyst/broker/sdk/connector"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/sdk/internal/pb"
	"github.com/ai-data-analyst/broker/sdk/internal/wire/channel"
	"github.com/ai-data-analyst/broker/sdk/internal/wire/frame"
	"github.com/ai-data-analyst/broker/sdk/internal/wire/words"
)

// Box is the way out of one read.
type Box struct {
	Stream grpc.BidiStreamingServer[pb.ToPlugin, pb.FromPlugin]
	Hidden words.Secrets
	Outlet *channel.Outlet // nil: all goes over gRPC

	seq      uint64
	encoders map[string]*frame.Encoder // by stream and operation
}

// Plain sends a message without rows.
func (b *Box) Plain(m *pb.FromPlugin) error {
	b.seq++
	m.Seq = b.seq
	return sent(b.Stream.Send(m))
}

// sent names a failure to send: the host is gone, or does not want more.
func sent(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	return fault.Wrap(fault.Cancelled, err, "send to the host")
}

// Batch sends a record under the given head, in halves while it is larger than a message may be. One without rows says
// nothing (and Arrow's encoder panics on some slices without rows).
func (b *Box) Batch(head frame.Out, record arrow.Record) error {
	if record.NumRows() == 0 {
		return nil
	}
	ipc, err := b.encoder(head).Encode(record)
	if err != nil {
		return err
	}
	if ipc.Size() > connector.MaxBatchBytes {
		ipc.Drop()
		return b.halves(head, record, ipc.Size())
	}
	b.seq++
	head.Seq, head.Rows, head.IPC, head.Beside = b.seq, uint32(record.NumRows()), ipc, b.Outlet.Takes(ipc.Size())
	err = b.Stream.SendMsg(&head)
	switch {
	case !head.Beside:
		return sent(err)
	case err != nil:
		ipc.Drop()
		return sent(err)
	}
	return b.Outlet.Send(head.Seq, ipc)
}

func (b *Box) encoder(head frame.Out) *frame.Encoder {
	if b.encoders == nil {
		b.encoders = map[string]*frame.Encoder{}
	}
	name := head.Stream + " " + head.Op.String()
	if b.encoders[name] == nil {
		b.encoders[name] = &frame.Encoder{}
	}
	return b.encoders[name]
}

func (b *Box) halves(head frame.Out, record arrow.Record, size int) error {
	n := record.NumRows()
	if n < 2 {
		return fault.Newf(fault.Data, "stream %s: one row of %d MiB, the limit is %d MiB", head.Stream, size>>20, connector.MaxBatchBytes>>20).WithScope(head.Stream)
	}
	for _, part := range [][2]int64{{0, n / 2}, {n / 2, n}} {
		half := record.NewSlice(part[0], part[1])
		err := b.Batch(head, half)
		half.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

// Fail sends the Error that ends the read. When nothing can be sent any more, the status of the call says the same.
func (b *Box) Fail(err error) error {
	if b.Plain(&pb.FromPlugin{Message: &pb.FromPlugin_Error{Error: words.ErrorToPB(err, b.Hidden)}}) != nil {
		return words.StatusOf(err, b.Hidden)
	}
	return nil
}

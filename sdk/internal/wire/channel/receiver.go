package channel

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/sdk/internal/wire/frame"
)

// source is the host's end of what the system gives.
type source interface {
	io.ReadCloser
	SetReadDeadline(t time.Time) error
	SyscallConn() (syscall.RawConn, error)
}

// Receiver is the host's end of the channel of one plugin process. One read at a time has it; a read that does not end
// well may have left half a body in it, so that no other has it after that. A nil Receiver is a channel that is not there.
type Receiver struct {
	table    *crc32.Table
	patience time.Duration // without a byte of a body that was announced

	mu     sync.Mutex
	source source // nil once closed
	last   uint32 // number of the last read that had it
	busy   bool
}

func newReceiver(s source) *Receiver {
	return &Receiver{source: s, table: crc32.MakeTable(crc32.Castagnoli), patience: patience}
}

// Close closes the host's end. A read that waits for bytes fails.
func (r *Receiver) Close() error {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.source == nil {
		return nil
	}
	err := r.source.Close()
	r.source = nil
	return err
}

// Take gives the channel to a read, until End. It is nil if another read has it or it is closed: such a read gets its
// batches over gRPC. The end of ctx ends whatever waits for bytes.
func (r *Receiver) Take(ctx context.Context) *Intake {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.source == nil || r.busy || r.last == 1<<32-1 {
		return nil
	}
	r.busy = true
	r.last++
	i := &Intake{receiver: r, ctx: ctx, source: r.source, number: r.last}
	i.stop = context.AfterFunc(ctx, func() { _ = i.source.SetReadDeadline(time.Unix(1, 0)) })
	return i
}

// Intake is the channel in the hands of one read. A nil Intake is a read that has no channel.
type Intake struct {
	receiver *Receiver
	ctx      context.Context
	stop     func() bool
	source   source
	number   uint32
	end      sync.Once
}

// Number tells the plugin which read has the channel; 0 = this one has none.
func (i *Intake) Number() uint32 {
	if i == nil {
		return 0
	}
	return i.number
}

func violation(format string, args ...any) error {
	return fault.Newf(fault.Bug, "the plugin broke the protocol: "+format, args...)
}

// Body reads the body of a message that came over gRPC, of size bytes, into a buffer of pool and sums it up on the way.
// The buffer is the caller's to release.
func (i *Intake) Body(seq, size uint64, pool *frame.Pool) (*memory.Buffer, uint32, error) {
	if i == nil {
		return nil, 0, violation("message %d has its batch on the channel, which this read does not have", seq)
	}
	if size == 0 || size > maxBody {
		return nil, 0, violation("message %d has a batch of %d bytes on the channel, the limit is %d", seq, size, maxBody)
	}
	announced := head{seq: seq, read: i.number, length: uint32(size)}
	var sum uint32
	buffer, err := pool.Fill(headBytes, int(size), func(all []byte) (err error) {
		sum, err = i.fill(announced, all)
		return err
	})
	if err != nil {
		return nil, 0, i.explain(announced, err)
	}
	return buffer, sum, nil
}

// fill reads head and body, as much at once as there is: each call may wake the plugin. It returns the body's sum.
func (i *Intake) fill(announced head, all []byte) (sum uint32, err error) {
	for have := 0; have < len(all); {
		if err := i.source.SetReadDeadline(time.Now().Add(i.receiver.patience)); err != nil {
			return 0, err
		}
		if err := i.ctx.Err(); err != nil { // its own deadline may have been set before ours
			return 0, err
		}
		n, err := i.source.Read(all[have:min(len(all), have+room)])
		from := max(have, headBytes)
		have += n
		if have >= headBytes {
			if found := headOf(all); found != announced {
				return 0, violation("its channel holds %v, announced are %v", found, announced)
			}
			sum = crc32.Update(sum, i.receiver.table, all[from:have])
		}
		if err != nil && have < len(all) {
			return 0, err
		}
	}
	return sum, nil
}

// explain gives an error of the system its class. A plugin that crashed is told from one that broke off by whoever
// knows how the process ended.
func (i *Intake) explain(announced head, err error) error {
	_, known := fault.As(err)
	switch {
	case i.ctx.Err() != nil:
		return i.ctx.Err()
	case known:
		return err
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fault.Newf(fault.Transient, "the plugin announced %v on its channel and sent nothing of it for %s", announced, i.receiver.patience)
	case errors.Is(err, io.EOF):
		return fault.Newf(fault.Transient, "the plugin closed its channel before the end of %v", announced)
	}
	return fault.Wrap(fault.Transient, err, fmt.Sprintf("read %v from the plugin's channel", announced))
}

// Empty wants nothing to be left that no message has announced. It is asked when the plugin says that it is done.
func (i *Intake) Empty() error {
	if i == nil {
		return nil
	}
	raw, err := i.source.SyscallConn()
	if err != nil {
		return fault.Wrap(fault.Transient, err, "look into the plugin's channel")
	}
	left := false
	err = raw.Control(func(descriptor uintptr) { left = readable(descriptor) })
	if err != nil {
		return fault.Wrap(fault.Transient, err, "look into the plugin's channel")
	}
	if left {
		return violation("its channel holds bytes that no message has announced")
	}
	return nil
}

// End gives the channel back. Only one that was left empty, by a read that ended well, can be taken again.
func (i *Intake) End(well bool) error {
	if i == nil {
		return nil
	}
	var err error
	i.end.Do(func() {
		if !i.stop() || !well {
			err = i.receiver.Close()
		}
		i.receiver.mu.Lock()
		i.receiver.busy = false
		i.receiver.mu.Unlock()
	})
	return err
}

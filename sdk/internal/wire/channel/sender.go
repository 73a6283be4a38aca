package channel

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/sdk/internal/wire/frame"
)

// sink is the plugin's end of what the system gives.
type sink interface {
	// write writes all parts. What it has lent instead of copied must stay as it is until unread() more bytes are written.
	write(parts [][]byte) error
	unread() uint64
	SetWriteDeadline(t time.Time) error
	Close() error
}

// Sender is the plugin's end of the channel. One read at a time has it. A nil Sender is a channel that is not there.
type Sender struct {
	mu   sync.Mutex
	sink sink // nil once closed
	busy bool
	sent uint64
	held []held // bodies that the host may not have read yet, oldest first
}

type held struct {
	head []byte // lent too: without us it would be garbage, and soon something else
	body *frame.Pieces
	end  uint64 // sent, when its last byte was written
}

// Inherited opens the plugin's end on the descriptor whose number the variable holds, and keeps children of this process
// from having it. It is nil if the variable is not set or the descriptor is nothing of the kind: then all goes over gRPC.
func Inherited(variable string) (*Sender, error) {
	text := os.Getenv(variable)
	if text == "" {
		return nil, nil
	}
	number, err := strconv.Atoi(text)
	if err != nil || number < 3 {
		return nil, fmt.Errorf("%s holds no descriptor number", variable)
	}
	return open(number)
}

// Close closes the plugin's end.
func (s *Sender) Close() {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.close()
}

func (s *Sender) close() {
	if s.sink != nil {
		_ = s.sink.Close() // nothing waits for it: what is not written now never will be
		s.sink = nil
	}
	s.release(0)
}

// release gives the bodies back that the host has read: all but what may lie in the last unread bytes sent.
func (s *Sender) release(unread uint64) {
	for len(s.held) > 0 && s.held[0].end+unread <= s.sent {
		s.held[0].body.Drop()
		s.held = s.held[1:]
	}
}

// Take gives the channel to the read to which the host gave this number, until End. It is nil if there is none to give.
// The end of ctx ends whatever waits for room.
func (s *Sender) Take(ctx context.Context, number uint32) *Outlet {
	if s == nil || number == 0 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sink == nil || s.busy {
		return nil
	}
	s.busy = true
	o := &Outlet{sender: s, sink: s.sink, number: number}
	o.stop = context.AfterFunc(ctx, func() { _ = o.sink.SetWriteDeadline(time.Unix(1, 0)) })
	return o
}

// Outlet is the channel in the hands of one read. A nil Outlet takes no body.
type Outlet struct {
	sender *Sender
	sink   sink
	number uint32
	stop   func() bool
	failed bool
}

// Takes says whether a body of so many bytes goes over the channel. Small ones are as fast over gRPC.
func (o *Outlet) Takes(size int) bool {
	return o != nil && !o.failed && size >= least && size <= maxBody
}

// Send writes the body of the message seq, which the host must have been sent before, and waits while there is no room.
// It takes over body, which goes back when the host has read it.
func (o *Outlet) Send(seq uint64, body *frame.Pieces) error {
	first := head{seq: seq, read: o.number, length: uint32(body.Size())}.bytes()
	err := o.sink.write(append([][]byte{first}, body.Parts()...))
	o.sender.mu.Lock()
	defer o.sender.mu.Unlock()
	o.sender.sent += headBytes + uint64(body.Size())
	o.sender.held = append(o.sender.held, held{head: first, body: body, end: o.sender.sent})
	o.sender.release(o.sink.unread())
	if err != nil {
		o.failed = true
		if errors.Is(err, os.ErrDeadlineExceeded) {
			err = context.Canceled
		}
		return fault.Wrap(fault.Cancelled, err, "send a batch on the channel")
	}
	return nil
}

// End gives the channel back. all says that the host has read everything or wants nothing more. What it may still read
// is kept until then. After half a body nobody can have the channel again.
func (o *Outlet) End(all bool) {
	if o == nil {
		return
	}
	o.sender.mu.Lock()
	defer o.sender.mu.Unlock()
	o.sender.busy = false
	if !o.stop() || o.failed {
		o.sender.close()
		return
	}
	if all {
		o.sender.release(0)
	}
}

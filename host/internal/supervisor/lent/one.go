package lent

import (
	"context"

	"github.com/ai-data-analyst/broker/sdk/fault"
)

// One is the one process that many share: started when it is first wanted, and again after it has ended.
type One[P interface {
	comparable
	Close() error
}] struct {
	start  func(ctx context.Context) (P, error)
	lives  func(P) bool
	turn   chan struct{} // holds one token: who has it may change what follows
	now    P             // the zero value: none
	closed bool
}

// NewOne starts nothing yet.
func NewOne[P interface {
	comparable
	Close() error
}](start func(ctx context.Context) (P, error), lives func(P) bool) *One[P] {
	o := &One[P]{start: start, lives: lives, turn: make(chan struct{}, 1)}
	o.turn <- struct{}{}
	return o
}

// Take returns the process that lives, or starts one. Others wait meanwhile.
func (o *One[P]) Take(ctx context.Context) (P, error) {
	var none P
	select {
	case <-o.turn:
		defer func() { o.turn <- struct{}{} }()
	case <-ctx.Done():
		return none, fault.Wrap(fault.Cancelled, ctx.Err(), "wait for a plugin to start")
	}
	switch {
	case o.closed:
		return none, fault.New(fault.Cancelled, "the host is stopping")
	case o.now != none && o.lives(o.now):
		return o.now, nil
	case o.now != none:
		ended := o.now
		o.now = none
		if err := ended.Close(); err != nil {
			return none, err
		}
	}
	started, err := o.start(ctx)
	if err != nil {
		return none, err
	}
	o.now = started
	return started, nil
}

// Now returns the process that lives; false when there is none.
func (o *One[P]) Now() (P, bool) {
	<-o.turn
	defer func() { o.turn <- struct{}{} }()
	var none P
	return o.now, o.now != none && o.lives(o.now)
}

// Close ends the process. There will be no other.
func (o *One[P]) Close() error {
	<-o.turn
	defer func() { o.turn <- struct{}{} }()
	o.closed = true
	var none P
	if o.now == none {
		return nil
	}
	return o.now.Close()
}

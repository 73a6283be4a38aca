package query

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/ai-data-analyst/broker/sdk/fault"
)

// comeBack is when somebody who is sent away should try again.
const comeBack = 5 * time.Second

// slots lets so many statements run at once; who comes later waits in line, one of each person.
type slots struct {
	mu      sync.Mutex
	free    int
	most    int // in line
	waiting []*waiter
}

type waiter struct {
	person string
	turn   chan struct{} // closed when a slot is handed over
}

func newSlots(atOnce, waiting int) *slots { return &slots{free: atOnce, most: waiting} }

// take waits for a slot, for at most d, and returns the function that gives it back; it may be called more than once.
func (s *slots) take(ctx context.Context, person string, d time.Duration) (free func(), err error) {
	w, err := s.line(person)
	if err != nil {
		return nil, err
	}
	var once sync.Once
	free = func() { once.Do(s.give) }
	if w == nil {
		return free, nil
	}
	late := time.NewTimer(d)
	defer late.Stop()
	select {
	case <-w.turn:
		return free, nil
	case <-late.C:
		err = busy("every slot for queries was taken for " + d.String())
	case <-ctx.Done():
		err = fault.Wrap(fault.Cancelled, ctx.Err(), "wait for a slot for the query")
	}
	if !s.leave(w) { // handed over in the same moment
		free()
	}
	return nil, err
}

// line takes a slot, returning nil, or a place in the line.
func (s *slots) line(person string) (*waiter, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.free > 0 {
		s.free--
		return nil, nil
	}
	if len(s.waiting) >= s.most {
		return nil, busy("too many queries are waiting")
	}
	for _, w := range s.waiting {
		if w.person == person {
			return nil, busy("a query of yours is waiting already")
		}
	}
	w := &waiter{person: person, turn: make(chan struct{})}
	s.waiting = append(s.waiting, w)
	return w, nil
}

func busy(what string) error {
	return &fault.Fault{Code: fault.RateLimited, What: what, Help: "Try again in a few seconds, or pull the data and query it locally.", RetryAfter: comeBack}
}

// leave takes w out of the line; false when it is its turn already.
func (s *slots) leave(w *waiter) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.Index(s.waiting, w)
	if i < 0 {
		return false
	}
	s.waiting = slices.Delete(s.waiting, i, i+1)
	return true
}

func (s *slots) give() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.waiting) == 0 {
		s.free++
		return
	}
	next := s.waiting[0]
	s.waiting = s.waiting[1:]
	close(next.turn)
}

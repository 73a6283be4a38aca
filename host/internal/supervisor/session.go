package supervisor

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector"
)

const maxQuiet = time.Hour // longest silence a plugin may announce

// session is the plugin's session as the rest of the host sees it.
type session struct {
	loan  *Loan
	inner connector.Session
}

func (s *session) Check(ctx context.Context) ([]connector.CheckItem, error) {
	s.loan.running.enter("while checking the source")
	items, err := s.inner.Check(ctx)
	for i, item := range items {
		items[i].Name = s.loan.clean(item.Name)
		if item.Err != nil {
			clean := *item.Err
			clean.What, clean.Help, clean.Err = s.loan.clean(clean.What), s.loan.clean(clean.Help), nil
			items[i].Err = &clean
		}
	}
	return items, s.loan.fault(ctx, err)
}

func (s *session) Discover(ctx context.Context, only []string) ([]sdk.Stream, error) {
	s.loan.running.enter("while listing its streams")
	streams, err := s.inner.Discover(ctx, only)
	if err != nil {
		return nil, s.loan.fault(ctx, err)
	}
	return streams, nil
}

func (s *session) Read(ctx context.Context, request connector.Request) (connector.Messages, error) {
	what := "while reading"
	if len(request.Asks) > 0 {
		what += " " + request.Asks[0].Stream
	}
	s.loan.running.enter(what)
	inner, err := s.inner.Read(ctx, request)
	if err != nil {
		return nil, s.loan.fault(ctx, err)
	}
	m := &messages{loan: s.loan, inner: inner, now: s.loan.supervisor.options.Now}
	s.loan.reading(m, true)
	return m, nil
}

// Close has a deadline of its own: a plugin may hang in it. A process that is gone has no session left to close.
func (s *session) Close(ctx context.Context) error {
	if !s.loan.lives() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.loan.running.limits.Drain)
	defer cancel()
	return s.loan.fault(ctx, s.inner.Close(ctx))
}

func (l *Loan) reading(m *messages, on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if on {
		l.reads[m] = true
	} else {
		delete(l.reads, m)
	}
}

// messages is one read as the rest of the host sees it. It keeps time for the stall watchdog.
type messages struct {
	loan  *Loan
	inner connector.Messages
	now   func() time.Time
	err   error

	mu       sync.Mutex
	waiting  time.Time // since when Next waits; zero = it does not
	quietEnd time.Time // silence until then was announced
}

func (m *messages) Next(ctx context.Context) bool {
	if m.err != nil {
		return false
	}
	m.setWaiting(m.now())
	more := m.inner.Next(ctx)
	m.setWaiting(time.Time{})
	if !more {
		m.err = m.loan.fault(ctx, m.inner.Err())
	}
	return more
}

func (m *messages) Message() connector.Message {
	switch x := m.inner.Message().(type) {
	case connector.Status:
		x.Phase, x.Note = m.loan.clean(x.Phase), m.loan.clean(x.Note)
		m.announceQuiet(x.QuietFor)
		return x
	case connector.Issue:
		x.Column, x.Code, x.Sample, x.Key = m.loan.clean(x.Column), m.loan.clean(x.Code), m.loan.clean(x.Sample), m.loan.clean(x.Key)
		return x
	default:
		return x
	}
}

func (m *messages) setWaiting(since time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.waiting = since
}

func (m *messages) announceQuiet(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.quietEnd = m.now().Add(min(d, maxQuiet))
}

// stalled says whether Next has waited longer than a plugin may be silent.
func (m *messages) stalled(now time.Time, limit time.Duration) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.waiting.IsZero() || now.Before(m.quietEnd) {
		return false
	}
	return now.Sub(m.waiting) > limit
}

func (m *messages) Err() error { return m.err }

func (m *messages) Ack(ctx context.Context, checkpoint uint64) error {
	if err := m.inner.Ack(ctx, checkpoint); err != nil {
		return fmt.Errorf("acknowledge checkpoint %d: %w", checkpoint, m.loan.fault(ctx, err))
	}
	return nil
}

func (m *messages) Close() error {
	m.loan.reading(m, false)
	err := m.inner.Close()
	if !m.loan.lives() {
		return nil // why it ended is what Err says
	}
	m.loan.running.enter("while idle")
	return err
}

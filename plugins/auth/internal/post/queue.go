package post

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/ai-data-analyst/broker/sdk/fault"
)

const (
	maxWaiting = 100             // mails that wait
	downFor    = time.Minute     // how long a failure to connect counts
	firstAgain = 2 * time.Second // until the second try; then twice as long each time
	lastAgain  = time.Minute
)

// Mail is one mail to send. To nobody ("") it is a try of the connection: who is written to must not show in whether the
// server was found to be down (L3, L6).
type Mail struct {
	To, Subject, Text, HTML string    // the settings may have another subject
	Site                    string    // how the instance calls itself
	Until                   time.Time // afterwards it is of no use, and dropped
}

// Queue sends mails one after the other in the background.
type Queue struct {
	send func(ctx context.Context, m Mail) error
	warn func(message string, args ...any)
	stop context.CancelFunc
	wake chan struct{}
	done chan struct{}

	mu      sync.Mutex
	waiting []waiting // without the one that is being sent
	failed  time.Time // when connecting failed last, if nothing got through since
}

// waiting is a mail in the queue.
type waiting struct {
	Mail
	due   time.Time
	again time.Duration // until the try after the next
}

// NewQueue starts a queue that sends by a Sender's Send and warns of what fails. Close ends it.
func NewQueue(send func(ctx context.Context, m Mail) error, warn func(message string, args ...any)) *Queue {
	ctx, stop := context.WithCancel(context.Background())
	q := &Queue{send: send, warn: warn, stop: stop, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go q.run(ctx)
	return q
}

// Put queues a mail; fault.RateLimited when too many wait already.
func (q *Queue) Put(m Mail) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) >= maxWaiting {
		return fault.Newf(fault.RateLimited, "%d mails wait to be sent", maxWaiting)
	}
	q.waiting = append(q.waiting, waiting{m, time.Now(), firstAgain})
	select {
	case q.wake <- struct{}{}:
	default: // it wakes already
	}
	return nil
}

// Down says whether connecting to the mail server failed less than a minute ago, and nothing got through since.
func (q *Queue) Down() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return !q.failed.IsZero() && time.Since(q.failed) < downFor
}

// Close drops what waits, and returns when nothing is being sent any more.
func (q *Queue) Close() {
	q.stop()
	<-q.done
}

func (q *Queue) run(ctx context.Context) {
	defer close(q.done)
	for ctx.Err() == nil {
		m, wait := q.next()
		if m != nil {
			q.deliver(ctx, *m)
			continue
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-q.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// next takes the mail that is due first, or says for how long there is nothing to do.
func (q *Queue) next() (*waiting, time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		return nil, time.Hour
	}
	first := 0
	for i := range q.waiting {
		if q.waiting[i].due.Before(q.waiting[first].due) {
			first = i
		}
	}
	if wait := time.Until(q.waiting[first].due); wait > 0 {
		return nil, wait
	}
	m := q.waiting[first]
	q.waiting = slices.Delete(q.waiting, first, first+1)
	return &m, 0
}

// deliver tries to send a mail, and puts it back when it may work later.
func (q *Queue) deliver(ctx context.Context, m waiting) {
	if !time.Now().Before(m.Until) {
		q.warn("a mail could not be sent in time")
		return
	}
	err := q.send(ctx, m.Mail)
	if ctx.Err() != nil {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.failed = time.Time{}
	if errors.Is(err, ErrDown) {
		q.failed = time.Now()
	}
	if err == nil {
		return
	}
	q.warn("a mail was not sent", "error", err.Error())
	if fault.CodeOf(err) != fault.Transient {
		return
	}
	m.due, m.again = time.Now().Add(m.again), min(2*m.again, lastAgain)
	q.waiting = append(q.waiting, m) // it had a place
}

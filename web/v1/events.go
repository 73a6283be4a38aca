package v1

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/problem"
	"github.com/ai-data-analyst/broker/web/v1/input"
)

// Limits of event streams.
const (
	maxStreams = 20              // of one person
	recheck    = 2 * time.Second // how often a stream asks whether its caller may still listen
)

// events sends what is published from now on, after what the caller missed since Last-Event-ID.
func (a *API) events(c *fiber.Ctx) error {
	if a.host.Events == nil {
		return unavailable("this server sends no events", "")
	}
	c.Set(fiber.HeaderContentType, "text/event-stream")
	if c.Method() == fiber.MethodHead {
		return nil
	}
	who := caller(c)
	since := int64(-1)
	if last := c.Get("Last-Event-ID"); last != "" {
		n, err := input.Whole(last)
		if err != nil {
			return problem.Bad("Last-Event-ID", "Last-Event-ID must be a generation")
		}
		since = n
	}
	if !a.opened.Enter(who.User.ID, maxStreams) {
		e := problem.New(http.StatusTooManyRequests, api.CodeRate, fmt.Sprintf("at most %d event streams at once", maxStreams))
		e.RetryAfter = recheck
		return e
	}
	ctx, cancel := context.WithCancel(c.UserContext())
	s := &stream{api: a, ctx: ctx, cancel: cancel, who: who, again: a.again(c), live: a.host.Events.Subscribe(ctx),
		check: time.NewTicker(recheck), beat: time.NewTicker(a.host.Pulse)}
	if err := s.catchUp(since); err != nil {
		return errors.Join(err, s.Close())
	}
	c.Set("X-Accel-Buffering", "no")
	c.Response().SetBodyStream(s, -1)
	return nil
}

// again says who holds the request's credential later on, when the request itself is gone.
func (a *API) again(c *fiber.Ctx) func(context.Context) (sdk.Caller, error) {
	if a.host.Stay != nil && len(c.Request().Header.Peek(fiber.HeaderAuthorization)) == 0 {
		return a.host.Stay(c)
	}
	secret := bearer(c)
	return func(ctx context.Context) (sdk.Caller, error) { return a.host.Access.Authenticate(ctx, secret) }
}

// stream is one caller's events as bytes, made as they are read: one read, one event.
type stream struct {
	api         *API
	ctx         context.Context
	cancel      context.CancelFunc
	who         sdk.Caller
	again       func(context.Context) (sdk.Caller, error)
	live        <-chan Event
	check, beat *time.Ticker
	ready       []byte // not yet read
	last        int64  // generation told last
	closed      sync.Once
}

// catchUp tells what was published after since, oldest first; since < 0 is a new listener. The subscription is older
// than the question, so nothing falls between; what comes twice is told once.
func (s *stream) catchUp(since int64) error {
	s.ready = append(s.ready, ": hello\n\n"...)
	if since < 0 {
		return nil
	}
	changes, err := s.api.host.Manifests.Changes(s.ctx, s.who, since)
	if err != nil {
		return err
	}
	for _, change := range slices.Backward(changes.Generations) {
		if err := s.tell("table.published", change); err != nil {
			return err
		}
	}
	return nil
}

func (s *stream) tell(name string, change api.Change) error {
	s.ready = fmt.Appendf(s.ready, "id: %d\n", change.Generation)
	s.last = max(s.last, change.Generation)
	return s.write(name, change)
}

func (s *stream) write(name string, event any) error {
	data, err := json.Marshal(event)
	if err != nil {
		return fmt.Errorf("write an event: %w", err)
	}
	s.ready = fmt.Appendf(s.ready, "event: %s\ndata: %s\n\n", name, data)
	return nil
}

// Read implements io.Reader: it waits for something to tell. The stream ends when the caller's credential does, when
// the server stops, or when the hub drops a reader who is too slow; the client comes back with Last-Event-ID.
func (s *stream) Read(p []byte) (int, error) {
	for len(s.ready) == 0 {
		select {
		case <-s.ctx.Done():
			return 0, io.EOF
		case <-s.check.C:
			who, err := s.again(s.ctx)
			if err != nil || !who.May(sdk.ScopeRead) {
				return 0, io.EOF
			}
			s.who = who
		case <-s.beat.C:
			s.ready = append(s.ready, ": still here\n\n"...)
		case event, open := <-s.live:
			if !open {
				return 0, io.EOF
			}
			if err := s.pass(event); err != nil {
				return 0, err
			}
		}
	}
	n := copy(p, s.ready)
	s.ready = s.ready[n:]
	return n, nil
}

// pass tells an event with those of its tables that the caller may read now; with none it is not told. Progress has no id.
func (s *stream) pass(event Event) error {
	if event.Progress != nil {
		if !s.sees(sdk.TableName(event.Progress.Table)) {
			return nil
		}
		return s.write(event.Name, event.Progress)
	}
	if event.Name == "table.published" && event.Generation <= s.last {
		return nil
	}
	change := api.Change{Generation: event.Generation, PublishedAt: event.At.UTC().Format(time.RFC3339Nano), Tables: []string{}}
	for _, table := range event.Tables {
		if s.sees(table) {
			change.Tables = append(change.Tables, string(table))
		}
	}
	if len(change.Tables) == 0 {
		return nil
	}
	return s.tell(event.Name, change)
}

func (s *stream) sees(table sdk.TableName) bool {
	return s.api.host.Access.Authorize(s.ctx, s.who, sdk.ReadTable, table) == nil
}

// Close implements io.Closer.
func (s *stream) Close() error {
	s.closed.Do(func() {
		s.cancel()
		s.check.Stop()
		s.beat.Stop()
		s.api.opened.Leave(s.who.User.ID)
	})
	return nil
}

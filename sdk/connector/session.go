package connector

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/sdk/internal/author"
)

var _ Session = (*session[struct{}, struct{}])(nil)

// session is an opened plugin in process.
type session[C, S any] struct {
	plugin *Plugin[C, S]
	s      S
	mask   author.Mask
	now    func() time.Time

	mu     sync.Mutex
	found  []Stream[S] // of the last Discover
	reads  map[*reading]bool
	closed bool
}

// Check implements Session.
func (s *session[C, S]) Check(ctx context.Context) ([]CheckItem, error) {
	if s.plugin.Check != nil {
		err := author.Guard("check", func() error { return s.plugin.Check(ctx, s.s) })
		return []CheckItem{{Name: s.plugin.Name, Err: s.mask.FaultOf(err)}}, nil
	}
	streams, err := s.streams(ctx, true)
	if err != nil {
		return []CheckItem{{Name: "list streams", Err: s.mask.FaultOf(err)}}, nil
	}
	for _, stream := range streams {
		if stream.read != nil {
			return []CheckItem{{Name: "read " + stream.info.Name, Err: s.mask.FaultOf(s.firstRow(ctx, stream.info.Name))}}, nil
		}
	}
	return []CheckItem{{Name: "list streams"}}, nil
}

// firstRow reads one row of a stream and drops it.
func (s *session[C, S]) firstRow(ctx context.Context, stream string) error {
	messages, err := s.Read(ctx, Request{Asks: []Ask{{Stream: stream, Mode: s.anyMode(stream)}}, MaxRows: 1})
	if err != nil {
		return err
	}
	defer messages.Close()
	for messages.Next(ctx) {
		if batch, ok := messages.Message().(Batch); ok {
			batch.Record.Release()
		}
	}
	return messages.Err()
}

func (s *session[C, S]) anyMode(name string) sdk.SyncMode {
	stream, err := s.find(context.Background(), name)
	if err != nil || stream.info.Supports(sdk.FullRefresh) {
		return sdk.FullRefresh
	}
	return stream.info.Modes[0]
}

// Discover implements Session.
func (s *session[C, S]) Discover(ctx context.Context, only []string) ([]sdk.Stream, error) {
	streams, err := s.streams(ctx, true)
	if err != nil {
		return nil, s.mask.Fault(err)
	}
	infos := make([]sdk.Stream, 0, len(streams))
	for _, stream := range streams {
		if len(only) == 0 || slices.Contains(only, stream.info.Name) {
			infos = append(infos, stream.info)
		}
	}
	return infos, nil
}

// streams lists what the source offers; fresh asks it again.
func (s *session[C, S]) streams(ctx context.Context, fresh bool) ([]Stream[S], error) {
	if s.plugin.Discover == nil {
		return s.plugin.Streams, nil
	}
	s.mu.Lock()
	found := s.found
	s.mu.Unlock()
	if found != nil && !fresh {
		return found, nil
	}
	err := author.Guard("discover", func() (err error) { found, err = s.plugin.Discover(ctx, s.s); return err })
	if err != nil {
		return nil, err
	}
	if err := checkStreams(found); err != nil {
		return nil, fault.Wrap(fault.Bug, err, "discover")
	}
	s.mu.Lock()
	s.found = found
	s.mu.Unlock()
	return found, nil
}

func (s *session[C, S]) find(ctx context.Context, name string) (Stream[S], error) {
	for _, list := range []func() ([]Stream[S], error){
		func() ([]Stream[S], error) { return s.plugin.Streams, nil },
		func() ([]Stream[S], error) { return s.streams(ctx, false) },
	} {
		streams, err := list()
		if err != nil {
			return Stream[S]{}, err
		}
		for _, stream := range streams {
			if stream.info.Name == name {
				return stream, nil
			}
		}
	}
	return Stream[S]{}, fault.Newf(fault.NotFound, "the source has no stream %.60q", name).
		WithHelp("List its streams with discover.")
}

// Read implements Session.
func (s *session[C, S]) Read(ctx context.Context, request Request) (Messages, error) {
	inner, cancel := context.WithCancel(context.WithoutCancel(ctx))
	out := make(chan Message, ahead)
	t := &task{
		ctx: inner, out: out, now: s.now, mask: s.mask, limits: withDefaults(request.Limits),
		maxRows: request.MaxRows, parents: map[string]string{},
	}
	steps, err := s.plan(ctx, t, request)
	if err != nil {
		cancel()
		return nil, s.mask.Fault(err)
	}
	r := &reading{cancel: cancel, out: out, acks: &t.acks, ended: s.forget}
	if s.plugin.OnAck != nil {
		t.acks.wanted = true
		r.ack = func(ctx context.Context, state sdk.Cursor) error {
			return s.mask.Fault(author.Guard("ack", func() error { return s.plugin.OnAck(ctx, s.s, state) }))
		}
	}
	if !s.remember(r) {
		cancel()
		return nil, fault.New(fault.Cancelled, "the session is closed")
	}
	stop := context.AfterFunc(ctx, cancel)
	r.cancel = func() { stop(); cancel() }
	r.start(t, steps)
	return r, nil
}

// plan makes the lanes of a task and the readers that fill them.
func (s *session[C, S]) plan(ctx context.Context, t *task, request Request) ([]step, error) {
	if len(request.Asks) == 0 {
		return nil, fault.New(fault.Bug, "a read asks for at least one stream")
	}
	t.before = request.Asks[0].State
	var steps []step
	for _, ask := range request.Asks {
		stream, err := s.find(ctx, ask.Stream)
		if err != nil {
			return nil, err
		}
		if ask.Mode == "" {
			ask.Mode = sdk.FullRefresh
		}
		if !stream.info.Supports(ask.Mode) {
			return nil, fault.Newf(fault.Config, "the stream cannot be read in mode %s; it can in %v", ask.Mode, stream.info.Modes).
				WithScope(ask.Stream)
		}
		l := &lane{task: t, info: stream.info, ask: ask, child: stream.read == nil}
		if slices.ContainsFunc(t.lanes, func(o *lane) bool { return o.info.Name == ask.Stream }) {
			return nil, fault.New(fault.Bug, "a stream is asked for twice").WithScope(ask.Stream)
		}
		t.lanes = append(t.lanes, l)
		if stream.read != nil {
			steps = append(steps, s.step(l, stream))
		}
	}
	s.family(t)
	return steps, checkFamily(t)
}

func (s *session[C, S]) step(l *lane, stream Stream[S]) step {
	return step{lane: l, read: func(ctx context.Context, q Query, out Output) error { return stream.read(ctx, s.s, q, out) }}
}

// family notes which streams come with another one's reader, asked for or not.
func (s *session[C, S]) family(t *task) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, stream := range slices.Concat(s.plugin.Streams, s.found) {
		if stream.read == nil {
			t.parents[stream.info.Name] = stream.info.Parent
		}
	}
}

func checkFamily(t *task) error {
	for _, l := range t.lanes {
		if !l.child {
			continue
		}
		if !slices.ContainsFunc(t.lanes, func(o *lane) bool { return !o.child && o.info.Name == l.info.Parent }) {
			return fault.Newf(fault.Config, "the stream comes with %s and cannot be read without it", l.info.Parent).WithScope(l.info.Name)
		}
	}
	return nil
}

func withDefaults(l Limits) Limits {
	if l.BatchRows <= 0 {
		l.BatchRows = DefaultBatchRows
	}
	if l.BatchBytes <= 0 {
		l.BatchBytes = DefaultBatchBytes
	}
	if l.Flush <= 0 {
		l.Flush = DefaultFlush
	}
	l.BatchBytes = min(l.BatchBytes, MaxBatchBytes)
	return l
}

func (s *session[C, S]) remember(r *reading) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.reads[r] = true
	}
	return !s.closed
}

func (s *session[C, S]) forget(r *reading) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.reads, r)
}

// Close implements Session.
func (s *session[C, S]) Close(context.Context) error {
	s.mu.Lock()
	was := s.closed
	s.closed = true
	var reads []*reading
	for r := range s.reads {
		reads = append(reads, r)
	}
	s.mu.Unlock()
	var errs []error
	for _, r := range reads {
		r.cancel()
	}
	for _, r := range reads {
		errs = append(errs, r.Close())
	}
	if !was && s.plugin.Close != nil {
		errs = append(errs, author.Guard("close", func() error { return s.plugin.Close(s.s) }))
	}
	return s.mask.Fault(errors.Join(errs...))
}

// checkStreams finds what is wrong with a list of streams as a whole and in its parts.
func checkStreams[S any](streams []Stream[S]) error {
	seen := map[string]bool{}
	for _, stream := range streams {
		if stream.err != nil {
			return stream.err
		}
		if stream.info.Name == "" {
			return errors.New("a stream was not made with Table or Dynamic")
		}
		if seen[stream.info.Name] {
			return fmt.Errorf("stream %s stands twice", stream.info.Name)
		}
		seen[stream.info.Name] = true
	}
	for _, stream := range streams {
		if p := stream.info.Parent; p != "" && !seen[p] {
			return fmt.Errorf("stream %s: its parent %s is not declared", stream.info.Name, p)
		}
	}
	return nil
}

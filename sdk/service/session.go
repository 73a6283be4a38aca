package service

import (
	"context"
	"errors"
	"sync"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/sdk/internal/author"
)

var (
	_ Session = (*session[struct{}, struct{}])(nil)
	_ Querier = (*session[struct{}, struct{}])(nil)
)

// session is an opened plugin in process.
type session[C, S any] struct {
	plugin *Plugin[C, S]
	s      S
	mask   author.Mask

	mu      sync.Mutex
	queries map[*Result]bool
	closed  bool
}

// Check implements Session.
func (s *session[C, S]) Check(ctx context.Context) ([]CheckItem, error) {
	item := CheckItem{Name: s.plugin.Name}
	if s.plugin.Check != nil {
		item.Err = s.mask.FaultOf(author.Guard("check", func() error { return s.plugin.Check(ctx, s.s) }))
	}
	return []CheckItem{item}, nil
}

// Query implements Querier. It returns once the columns are known; the rest runs beside the reader, one batch ahead.
func (s *session[C, S]) Query(ctx context.Context, request QueryRequest) (Rows, error) {
	if err := checkRequest(&request); err != nil {
		return nil, err
	}
	r := newResult(ctx, request)
	if !s.remember(r) {
		r.cancel()
		return nil, fault.New(fault.Cancelled, "the session is closed")
	}
	go func() {
		err := author.Guard("query", func() error { return s.plugin.Query(r.ctx, s.s, request, r) })
		r.finish(s.mask.FaultOf(r.explain(err)))
		s.forget(r)
	}()
	select {
	case <-r.known:
		return r, nil
	case <-r.ended:
	}
	if err := r.failure(); err != nil {
		return nil, err
	}
	select {
	case <-r.known:
		return r, nil
	default:
		return nil, fault.New(fault.Bug, "the plugin ended the query without saying its columns")
	}
}

func checkRequest(r *QueryRequest) error {
	if len(r.SQL) > MaxSQLBytes {
		return &fault.Fault{Code: fault.Config, Path: SQLPath, What: "the statement is longer than 256 KiB"}
	}
	if r.Limit <= 0 {
		r.Limit = DefaultLimit
	}
	if r.Timeout <= 0 {
		r.Timeout = DefaultTimeout
	}
	return nil
}

func (s *session[C, S]) remember(r *Result) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.queries[r] = true
	}
	return !s.closed
}

func (s *session[C, S]) forget(r *Result) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.queries, r)
}

// Close implements Session.
func (s *session[C, S]) Close(context.Context) error {
	s.mu.Lock()
	was := s.closed
	s.closed = true
	var running []*Result
	for r := range s.queries {
		running = append(running, r)
	}
	s.mu.Unlock()
	var errs []error
	for _, r := range running {
		errs = append(errs, r.Close())
	}
	if !was && s.plugin.Close != nil {
		errs = append(errs, author.Guard("close", func() error { return s.plugin.Close(s.s) }))
	}
	return s.mask.Fault(errors.Join(errs...))
}

// Package signin introduces the configured auth blocks to the portal: each block's plugin as a shared process, its
// answers to access. It is part of the room app and decides nothing itself.
package signin

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/ai-data-analyst/broker/config"
	"github.com/ai-data-analyst/broker/host/internal/access"
	"github.com/ai-data-analyst/broker/host/internal/access/visit"
	"github.com/ai-data-analyst/broker/host/internal/supervisor"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/auth"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web"
)

// Options are what the ways to sign in need.
type Options struct {
	Config     func() *config.Config // as it was last read
	Supervisor *supervisor.Supervisor
	Access     *access.Access
	Visits     *visit.Visits
	Now        func() time.Time // nil = time.Now
	// Did writes down what somebody did, or tried to; nil = nobody does.
	Did func(ctx context.Context, who sdk.Caller, action, object string, err error)
	Log *slog.Logger
}

// SignIn is the ways to sign in of an instance. Close it.
type SignIn struct {
	options Options

	mu     sync.Mutex
	lent   map[string]loan // by block
	closed bool

	known memory        // of tokens of plugins
	asked chan struct{} // a seat for each token that a plugin looks at
}

// loan is the process of a block, with the block that it was made for.
type loan struct {
	block  config.Plugin
	shared *supervisor.SharedAuth
}

// Open starts nothing yet.
func Open(options Options) *SignIn {
	if options.Now == nil {
		options.Now = time.Now
	}
	return &SignIn{options: options, lent: map[string]loan{}, asked: make(chan struct{}, mostAsked)}
}

func (s *SignIn) did(ctx context.Context, who sdk.Caller, action, object string, err error) {
	if s.options.Did != nil {
		s.options.Did(ctx, who, action, object, err)
	}
}

// blocks are the auth blocks in the order in which they are shown.
func (s *SignIn) blocks() []config.Plugin {
	list := slices.Clone(s.options.Config().Auth)
	slices.SortStableFunc(list, func(a, b config.Plugin) int { return cmp.Compare(a.Order, b.Order) })
	return list
}

// shared is the process of a block as it is configured now; fault.NotFound when there is no such block. A block that
// changed gets a new process.
func (s *SignIn) shared(name string) (*supervisor.SharedAuth, error) {
	blocks := s.blocks()
	at := slices.IndexFunc(blocks, func(p config.Plugin) bool { return p.Name == name })
	if at < 0 {
		return nil, fault.New(fault.NotFound, "there is no such way to sign in")
	}
	block := blocks[at]
	if err := cmp.Or(block.Err, block.Settings.Unchecked); err != nil {
		return nil, fault.Wrap(fault.Transient, err, "use auth "+name)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, fault.New(fault.Cancelled, "the host is stopping")
	}
	was, ok := s.lent[name]
	if ok && was.block.Plugin == block.Plugin && bytes.Equal(was.block.Settings.JSON, block.Settings.JSON) {
		return was.shared, nil
	}
	if ok {
		if err := was.shared.Close(); err != nil {
			s.options.Log.Warn("a way to sign in did not end well", "auth", name, "error", err)
		}
	}
	shared := s.options.Supervisor.ShareAuth(supervisor.Request{Kind: "auth", Name: block.Plugin, Source: block.Name,
		Settings: block.Settings.JSON, Secrets: block.Settings.Secrets})
	s.lent[name] = loan{block, shared}
	return shared, nil
}

// Any says whether there is a configured way.
func (s *SignIn) Any() bool { return len(s.options.Config().Auth) > 0 }

// Ways lists the configured ways. One whose plugin does not answer is shown as out of order.
func (s *SignIn) Ways(ctx context.Context) []web.Way {
	blocks := s.blocks()
	ways := make([]web.Way, len(blocks))
	var asked sync.WaitGroup
	for i, block := range blocks {
		ways[i] = web.Way{Name: block.Name, Label: cmp.Or(block.Label, block.Name)}
		asked.Go(func() {
			shared, err := s.shared(block.Name)
			if err == nil {
				ways[i].Form, err = shared.Form(ctx)
			}
			if err != nil {
				ways[i].Down = true
				s.options.Log.Error("a way to sign in does not answer", "auth", block.Name, "error", err)
			}
		})
	}
	asked.Wait()
	return slices.DeleteFunc(ways, func(w web.Way) bool { return w.Scheme != "" }) // programs come by other doors
}

// Begin starts a sign-in.
func (s *SignIn) Begin(ctx context.Context, way string, call auth.Call) (auth.Step, sdk.Caller, error) {
	return s.step(ctx, way, func(shared *supervisor.SharedAuth, host auth.Host) (auth.Step, error) {
		return shared.Begin(ctx, host, call)
	})
}

// Complete goes on with a sign-in.
func (s *SignIn) Complete(ctx context.Context, way string, call auth.Call) (auth.Step, sdk.Caller, error) {
	return s.step(ctx, way, func(shared *supervisor.SharedAuth, host auth.Host) (auth.Step, error) {
		return shared.Complete(ctx, host, call)
	})
}

func (s *SignIn) step(ctx context.Context, way string, ask func(*supervisor.SharedAuth, auth.Host) (auth.Step, error)) (auth.Step, sdk.Caller, error) {
	shared, err := s.shared(way)
	if err != nil {
		return auth.Step{}, sdk.Caller{}, err
	}
	step, err := ask(shared, s.options.Visits.HostOf(way))
	if err == nil && step.Identity == nil {
		return step, sdk.Caller{}, nil
	}
	var who sdk.Caller
	if err == nil {
		who, err = s.options.Visits.SignIn(ctx, way, *step.Identity)
	}
	s.did(ctx, who, "signin", way, err)
	return step, who, err
}

// Demo lists the people of a demo instance; empty elsewhere.
func (s *SignIn) Demo() []string { return s.options.Access.Demo() }

// DemoCaller is a person of the demo; fault.Auth for everybody else.
func (s *SignIn) DemoCaller(ctx context.Context, email string) (sdk.Caller, error) {
	return s.options.Access.DemoCaller(ctx, email)
}

// Close ends the processes.
func (s *SignIn) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	var errs []error
	for _, l := range s.lent {
		errs = append(errs, l.shared.Close())
	}
	return errors.Join(errs...)
}

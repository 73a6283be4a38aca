package auth

import (
	"context"
	"slices"
	"sync"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/sdk/internal/author"
)

var (
	_ Session   = (*session[struct{}, struct{}])(nil)
	_ Former    = (*session[struct{}, struct{}])(nil)
	_ Verifier  = (*session[struct{}, struct{}])(nil)
	_ Refresher = (*session[struct{}, struct{}])(nil)
	_ Grouper   = (*session[struct{}, struct{}])(nil)
)

// session is an opened plugin in process.
type session[C, S any] struct {
	plugin *Plugin[C, S]
	s      S
	mask   author.Mask
	close  sync.Once
}

// guarded calls the author's function: panics become faults, secrets are taken out of what goes wrong.
func guarded[C, S, T any](s *session[C, S], doing string, call func() (T, error)) (T, error) {
	var answer T
	err := author.Guard(doing, func() (err error) { answer, err = call(); return err })
	if err != nil {
		var none T
		return none, s.mask.Fault(err)
	}
	return answer, nil
}

// Check implements Session.
func (s *session[C, S]) Check(ctx context.Context) ([]CheckItem, error) {
	item := CheckItem{Name: s.plugin.Name}
	if s.plugin.Check != nil {
		item.Err = s.mask.FaultOf(author.Guard("check", func() error { return s.plugin.Check(ctx, s.s) }))
	}
	return []CheckItem{item}, nil
}

// Begin implements Session.
func (s *session[C, S]) Begin(ctx context.Context, host Host, call Call) (Step, error) {
	return s.step("begin a sign-in", func() (Step, error) { return s.plugin.Begin(ctx, s.s, host, call) })
}

// Complete implements Session.
func (s *session[C, S]) Complete(ctx context.Context, host Host, call Call) (Step, error) {
	if s.plugin.Complete == nil {
		return Step{}, fault.New(fault.Auth, "this sign-in has no second step")
	}
	return s.step("complete a sign-in", func() (Step, error) { return s.plugin.Complete(ctx, s.s, host, call) })
}

func (s *session[C, S]) step(doing string, call func() (Step, error)) (Step, error) {
	step, err := guarded(s, doing, call)
	if err == nil {
		err = step.Check()
	}
	if err != nil {
		return Step{}, err
	}
	return step, nil
}

// Ability implements Session.
func (s *session[C, S]) Ability(name string) any {
	if slices.Contains(s.plugin.abilities(), name) {
		return s
	}
	return nil
}

// Form implements Former.
func (s *session[C, S]) Form(ctx context.Context) (Form, error) {
	return guarded(s, "show the form", func() (Form, error) { return s.plugin.Form(ctx, s.s) })
}

// VerifyToken implements Verifier.
func (s *session[C, S]) VerifyToken(ctx context.Context, host Host, token sdk.Secret) (Identity, error) {
	return guarded(s, "verify a token", func() (Identity, error) { return s.plugin.VerifyToken(ctx, s.s, host, token) })
}

// Refresh implements Refresher.
func (s *session[C, S]) Refresh(ctx context.Context, host Host, token sdk.Secret) (Tokens, error) {
	return guarded(s, "refresh a token", func() (Tokens, error) { return s.plugin.Refresh(ctx, s.s, host, token) })
}

// Groups implements Grouper.
func (s *session[C, S]) Groups(ctx context.Context, host Host, who Identity) ([]string, error) {
	return guarded(s, "list groups", func() ([]string, error) { return s.plugin.Groups(ctx, s.s, host, who) })
}

// Close implements Session.
func (s *session[C, S]) Close(context.Context) (err error) {
	s.close.Do(func() {
		if s.plugin.Close != nil {
			err = s.mask.Fault(author.Guard("close", func() error { return s.plugin.Close(s.s) }))
		}
	})
	return err
}

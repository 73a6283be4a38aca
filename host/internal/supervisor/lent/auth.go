package lent

import (
	"context"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/auth"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Auth is one sign-in plugin that many ask at once: one long-lived process, started when it is first asked and again
// after it has ended. It is safe for concurrent use.
type Auth struct {
	take  func(ctx context.Context) (auth.Session, Books, error)
	close func() error
}

// NewAuth returns the Auth whose process take finds or starts.
func NewAuth(take func(ctx context.Context) (auth.Session, Books, error), closing func() error) *Auth {
	return &Auth{take: take, close: closing}
}

// asked makes one call and keeps the books.
func asked[T any](ctx context.Context, a *Auth, call func(auth.Session) (T, error)) (T, error) {
	var none T
	session, books, err := a.take(ctx)
	if err != nil {
		return none, err
	}
	books.Under(1)
	defer books.Under(-1)
	answer, err := call(session)
	if err != nil {
		return none, books.Fault(ctx, err)
	}
	return answer, nil
}

// able is the ability of a session; fault.Config when the plugin has not got it.
func able[T any](session auth.Session, name string) (T, error) {
	found, ok := session.Ability(name).(T)
	if !ok {
		return found, fault.Newf(fault.Config, "the plugin has not the ability %s", name)
	}
	return found, nil
}

// Begin starts a sign-in.
func (a *Auth) Begin(ctx context.Context, host auth.Host, call auth.Call) (auth.Step, error) {
	return asked(ctx, a, func(s auth.Session) (auth.Step, error) { return s.Begin(ctx, host, call) })
}

// Complete goes on with a sign-in.
func (a *Auth) Complete(ctx context.Context, host auth.Host, call auth.Call) (auth.Step, error) {
	return asked(ctx, a, func(s auth.Session) (auth.Step, error) { return s.Complete(ctx, host, call) })
}

// Form is the plugin's part of the login page; the zero Form, one button, when it does not say.
func (a *Auth) Form(ctx context.Context) (auth.Form, error) {
	return asked(ctx, a, func(s auth.Session) (auth.Form, error) {
		former, ok := s.Ability(auth.AbilityForm).(auth.Former)
		if !ok {
			return auth.Form{}, nil
		}
		return former.Form(ctx)
	})
}

// VerifyToken says whose API token it is.
func (a *Auth) VerifyToken(ctx context.Context, host auth.Host, token sdk.Secret) (auth.Identity, error) {
	return asked(ctx, a, func(s auth.Session) (auth.Identity, error) {
		verifier, err := able[auth.Verifier](s, auth.AbilityVerify)
		if err != nil {
			return auth.Identity{}, err
		}
		return verifier.VerifyToken(ctx, host, token)
	})
}

// Refresh renews API tokens.
func (a *Auth) Refresh(ctx context.Context, host auth.Host, token sdk.Secret) (auth.Tokens, error) {
	return asked(ctx, a, func(s auth.Session) (auth.Tokens, error) {
		refresher, err := able[auth.Refresher](s, auth.AbilityRefresh)
		if err != nil {
			return auth.Tokens{}, err
		}
		return refresher.Refresh(ctx, host, token)
	})
}

// Groups are the groups of the issuer that somebody is in now.
func (a *Auth) Groups(ctx context.Context, host auth.Host, who auth.Identity) ([]string, error) {
	return asked(ctx, a, func(s auth.Session) ([]string, error) {
		grouper, err := able[auth.Grouper](s, auth.AbilityGroups)
		if err != nil {
			return nil, err
		}
		return grouper.Groups(ctx, host, who)
	})
}

// Close ends the process in order. It must not be asked again.
func (a *Auth) Close() error { return a.close() }

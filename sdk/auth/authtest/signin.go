package authtest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/auth"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

const baseURL = "http://127.0.0.1:1/auth/test"

// refusal wants a step that lets nobody in: an error of a class other than bug, a page, or a redirect.
func refusal(step auth.Step, err error) error {
	if err != nil {
		if fault.CodeOf(err) == fault.Bug {
			return fmt.Errorf("want a refusal (fault.Auth), got %w", err)
		}
		return nil
	}
	if step.Identity != nil {
		return fmt.Errorf("lets somebody in: %+v", *step.Identity)
	}
	return step.Check()
}

func (in *inspection) form(ctx context.Context) error {
	return in.session(ctx, func(s auth.Session) error {
		former, ok := s.Ability(auth.AbilityForm).(auth.Former)
		if !ok {
			return skip("it has no form")
		}
		form, err := former.Form(ctx)
		if err != nil {
			return err
		}
		return form.Check()
	})
}

func (in *inspection) beginWithNothing(ctx context.Context) error {
	return in.session(ctx, func(s auth.Session) error {
		return refusal(s.Begin(ctx, &Host{}, auth.Call{Post: true, Browser: "b", BaseURL: baseURL}))
	})
}

// garbage are values that no person types.
var garbage = []string{"\x00", "\r\nBcc: x@y", "<script>alert(1)</script>", "a@b@c", strings.Repeat("x", 10_000), "\xff\xfe", "' OR 1=1 --", "{{.}}", "../../etc/passwd"}

func (in *inspection) beginWithGarbage(ctx context.Context) error {
	return in.session(ctx, func(s auth.Session) error {
		for _, text := range garbage {
			values := map[string]string{}
			for _, name := range []string{"email", "password", "password2", "name", "code", "state", "token"} {
				values[name] = text
			}
			if err := refusal(s.Begin(ctx, &Host{}, auth.Call{Post: true, Values: values, Browser: "b", BaseURL: baseURL})); err != nil {
				return fmt.Errorf("with %.40q: %w", text, err)
			}
		}
		return nil
	})
}

// completeOutOfNowhere comes back from sign-ins that never began.
func (in *inspection) completeOutOfNowhere(ctx context.Context) error {
	return in.session(ctx, func(s auth.Session) error {
		for _, path := range []string{"callback", "link/" + strings.Repeat("A", 43), "setup/x", "reset/x", "no/such/path", ""} {
			for _, text := range append([]string{"plain"}, garbage...) {
				values := map[string]string{"state": text, "code": text, "token": text, "iss": text, "email": text, "password": text, "error": text, "error_description": text}
				for _, post := range []bool{false, true} {
					if err := refusal(s.Complete(ctx, &Host{}, auth.Call{Path: path, Post: post, Values: values, Browser: "b", BaseURL: baseURL})); err != nil {
						return fmt.Errorf("%q with %.40q: %w", path, text, err)
					}
				}
			}
		}
		return nil
	})
}

// identity signs in by the subject's way.
func (in *inspection) identity(ctx context.Context, s auth.Session, host auth.Host) (auth.Identity, error) {
	if in.subject.SignIn == nil {
		return auth.Identity{}, skip("no way to sign in was given")
	}
	step, err := in.subject.SignIn(ctx, s, host)
	if err != nil {
		return auth.Identity{}, err
	}
	if step.Identity == nil {
		return auth.Identity{}, errors.New("the sign-in ends without an identity")
	}
	return *step.Identity, step.Identity.Check()
}

func (in *inspection) signIn(ctx context.Context) error {
	return in.session(ctx, func(s auth.Session) error {
		_, err := in.identity(ctx, s, &Host{})
		return err
	})
}

// samePersonAgain wants issuer and subject to stay, also in another process.
func (in *inspection) samePersonAgain(ctx context.Context) error {
	var seen []auth.Identity
	for range 2 {
		if err := in.session(ctx, func(s auth.Session) error {
			who, err := in.identity(ctx, s, &Host{})
			seen = append(seen, who)
			return err
		}); err != nil {
			return err
		}
	}
	if seen[0].Issuer != seen[1].Issuer || seen[0].Subject != seen[1].Subject {
		return fmt.Errorf("one person is %s %q, then %s %q", seen[0].Issuer, seen[0].Subject, seen[1].Issuer, seen[1].Subject)
	}
	return nil
}

// recorder notes the call of Complete that ended in an identity, and may send calls of Complete as another browser.
type recorder struct {
	auth.Session
	other bool

	mu   sync.Mutex
	last *auth.Call
}

// Complete implements auth.Session.
func (r *recorder) Complete(ctx context.Context, host auth.Host, call auth.Call) (auth.Step, error) {
	if r.other {
		call.Browser = "another " + call.Browser
	}
	step, err := r.Session.Complete(ctx, host, call)
	if err == nil && step.Identity != nil {
		r.mu.Lock()
		r.last = &call
		r.mu.Unlock()
	}
	return step, err
}

// onceOnly sends what let somebody in again (G13).
func (in *inspection) onceOnly(ctx context.Context) error {
	return in.session(ctx, func(s auth.Session) error {
		r, host := &recorder{Session: s}, &Host{}
		if _, err := in.identity(ctx, r, host); err != nil {
			return err
		}
		if r.last == nil {
			return skip("it has no second step")
		}
		return refusal(s.Complete(ctx, host, *r.last))
	})
}

// oneBrowserOnly comes back in another browser than the one that began (G13).
func (in *inspection) oneBrowserOnly(ctx context.Context) error {
	return in.session(ctx, func(s auth.Session) error {
		r := &recorder{Session: s, other: true}
		if in.subject.SignIn == nil {
			return skip("no way to sign in was given")
		}
		step, err := in.subject.SignIn(ctx, r, &Host{})
		if r.last == nil && err == nil && step.Identity != nil {
			return skip("it has no second step")
		}
		return refusal(step, err)
	})
}

func (in *inspection) tokensWrong(ctx context.Context) error {
	return in.session(ctx, func(s auth.Session) error {
		verifier, verifies := s.Ability(auth.AbilityVerify).(auth.Verifier)
		refresher, refreshes := s.Ability(auth.AbilityRefresh).(auth.Refresher)
		if !verifies && !refreshes {
			return skip("it has no tokens")
		}
		for _, text := range append([]string{"", "a.b.c", "eyJhbGciOiJub25lIn0.e30."}, garbage...) {
			if verifies {
				if who, err := verifier.VerifyToken(ctx, &Host{}, sdk.Secret(text)); fault.CodeOf(err) != fault.Auth {
					return fmt.Errorf("the token %.40q: %+v, class %q, want fault.Auth", text, who, fault.CodeOf(err))
				}
			}
			if refreshes {
				if _, err := refresher.Refresh(ctx, &Host{}, sdk.Secret(text)); fault.CodeOf(err) != fault.Auth {
					return fmt.Errorf("the refresh token %.40q: class %q, want fault.Auth", text, fault.CodeOf(err))
				}
			}
		}
		return nil
	})
}

func (in *inspection) manyAtOnce(ctx context.Context) error {
	return in.session(ctx, func(s auth.Session) error {
		const many = 8
		host, ended := &Host{}, make(chan error, many)
		for range many {
			go func() {
				_, err := in.identity(ctx, s, host)
				ended <- err
			}()
		}
		var all error
		for range many {
			all = errors.Join(all, <-ended)
		}
		var s1 skip
		if errors.As(all, &s1) {
			return s1
		}
		return all
	})
}

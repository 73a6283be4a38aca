package access

import (
	"context"
	"crypto/subtle"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Days that tokens live.
const (
	DefaultDays = 90
	MaxDays     = 366
)

// maxTokens is how many live tokens one person may have (G16).
const maxTokens = 200

// tokenGrammar is 256 random bits as base64url behind a mark that scanners for leaked secrets can look for.
var tokenGrammar = regexp.MustCompile(`^brk_[A-Za-z0-9_-]{43}$`)

// AllScopes are all scopes, in the order in which they are shown; DefaultScopes what a token carries when nothing else is
// asked for.
var (
	AllScopes     = []sdk.Scope{sdk.ScopeRead, sdk.ScopePush, sdk.ScopeAdmin}
	DefaultScopes = []sdk.Scope{sdk.ScopeRead, sdk.ScopePush}
)

// errToken is the one answer to every credential that is no good: absent, malformed, unknown, revoked, of a person who is
// shut out (rule 23). Only the holder of a genuine token is told that it ran out.
func errToken() *fault.Fault {
	return fault.New(fault.Auth, "the token is missing or not valid").WithHelp(`Sign in with "analyst login", or ask an admin for a new token.`)
}

// expiredHelp begins the help of a token that was good once; the API makes the code token_expired of it.
const expiredHelp = "token_expired"

// Authenticate returns who holds a bearer token. fault.Auth for none, a bad, an expired or a revoked one, and for a person
// who is shut out: one answer, but for the Help of a genuine token that ran out, which begins with "token_expired".
func (a *Access) Authenticate(ctx context.Context, secret string) (sdk.Caller, error) {
	if !tokenGrammar.MatchString(secret) {
		return sdk.Caller{}, errToken()
	}
	return a.holder(ctx, hashOf(secret))
}

// holder is who holds the token of a hash, as they are now.
func (a *Access) holder(ctx context.Context, hash string) (sdk.Caller, error) {
	token, version, err := a.store.FindToken(ctx, hash)
	if fault.CodeOf(err) == fault.NotFound {
		return sdk.Caller{}, errToken()
	}
	if err != nil {
		return sdk.Caller{}, fmt.Errorf("look a token up: %w", err)
	}
	view, err := a.viewOf(ctx, version)
	if err != nil {
		return sdk.Caller{}, fmt.Errorf("look a token's owner up: %w", err)
	}
	user, known := view.byID[token.UserID]
	if !known || !view.lets(user) || !token.Revoked.IsZero() {
		return sdk.Caller{}, errToken()
	}
	now := a.now()
	if !now.Before(token.Expires) {
		return sdk.Caller{}, errToken().WithHelp(fmt.Sprintf(`%s: the token ran out on %s; sign in again with "analyst login".`,
			expiredHelp, token.Expires.Format(time.DateOnly)))
	}
	a.used(token, now)
	who := view.caller(user, token.Scopes)
	who.TokenID, who.Provider = token.ID, "token"
	return who, nil
}

// used writes when a token was last used, at most once a minute and beside the request, which must not wait for the disk.
// While one write is under way others are left out: the next request tries again.
func (a *Access) used(token sdk.Token, now time.Time) {
	if now.Sub(token.LastUsed) < time.Minute {
		return
	}
	select {
	case a.touch <- struct{}{}:
	default:
		return
	}
	a.touches.Go(func() {
		defer func() { <-a.touch }()
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := a.store.TouchToken(ctx, token.ID, now); err != nil {
			a.log.Warn("the last use of a token could not be written", "token", token.ID, "error", err)
		}
	})
}

// Tokens lists the caller's tokens that are not revoked, newest first.
func (a *Access) Tokens(ctx context.Context, who sdk.Caller) ([]sdk.Token, error) {
	if who.User.ID == "" {
		return nil, errToken()
	}
	tokens, err := a.store.ListTokens(ctx, who.User.ID)
	return slices.DeleteFunc(tokens, func(t sdk.Token) bool { return !t.Revoked.IsZero() }), err
}

// IssueToken makes a token for the caller: label is for people, days 0 = DefaultDays, no scopes = those of DefaultScopes
// that the caller has. The secret is told here and kept nowhere. fault.Config for what makes no sense, fault.Permission
// for scopes that the caller has not.
func (a *Access) IssueToken(ctx context.Context, who sdk.Caller, label string, days int, scopes []sdk.Scope) (sdk.Token, sdk.Secret, error) {
	view, err := a.current(ctx)
	if err != nil {
		return sdk.Token{}, "", err
	}
	user, known := view.byID[who.User.ID]
	if !known || !view.lets(user) {
		return sdk.Token{}, "", errToken()
	}
	if len(scopes) == 0 {
		scopes = slices.DeleteFunc(slices.Clone(DefaultScopes), func(s sdk.Scope) bool { return !who.May(s) })
	}
	for _, s := range scopes {
		if !who.May(s) || s == sdk.ScopeAdmin && view.book.roleOf(user).Role != sdk.Admin {
			return sdk.Token{}, "", fault.Newf(fault.Permission, "the scope %.40q is more than you have", s).WithHelp("Ask for scopes that you have yourself.")
		}
	}
	if len(scopes) == 0 {
		return sdk.Token{}, "", fault.New(fault.Permission, "you have no scope to give to a token")
	}
	return a.issue(ctx, user.ID, label, days, scopes)
}

// issue makes a token of a user who may have it.
func (a *Access) issue(ctx context.Context, userID, label string, days int, scopes []sdk.Scope) (sdk.Token, sdk.Secret, error) {
	secret := "brk_" + random(32)
	token, err := a.keep(ctx, newID(), userID, label, days, scopes, hashOf(secret))
	if err != nil {
		return sdk.Token{}, "", err
	}
	return token, sdk.Secret(secret), nil
}

// keep makes the token that is found by a hash.
func (a *Access) keep(ctx context.Context, id, userID, label string, days int, scopes []sdk.Scope, hash string) (sdk.Token, error) {
	if days == 0 {
		days = DefaultDays
	}
	if days < 1 || days > MaxDays {
		return sdk.Token{}, &fault.Fault{Code: fault.Config, What: fmt.Sprintf("a token lives 1 to %d days", MaxDays), Path: "days"}
	}
	now := a.now()
	others, err := a.store.ListTokens(ctx, userID)
	if err != nil {
		return sdk.Token{}, err
	}
	live := 0
	for _, t := range others {
		if t.Revoked.IsZero() && now.Before(t.Expires) {
			live++
		}
	}
	if live >= maxTokens {
		return sdk.Token{}, fault.Newf(fault.RateLimited, "%d tokens are live already", live).WithHelp("Revoke those that are not needed.")
	}
	token := sdk.Token{ID: id, UserID: userID, Label: cleanLabel(label), Created: now, Expires: now.AddDate(0, 0, days)}
	for _, s := range AllScopes {
		if slices.Contains(scopes, s) {
			token.Scopes = append(token.Scopes, s)
		}
	}
	return token, a.store.AddToken(ctx, token, hash)
}

// RevokeToken ends a token of the caller; fault.NotFound for another's.
func (a *Access) RevokeToken(ctx context.Context, who sdk.Caller, id string) error {
	if who.User.ID == "" {
		return errToken()
	}
	return a.revoke(ctx, who.User.ID, id)
}

func (a *Access) revoke(ctx context.Context, userID, id string) error {
	done, err := a.store.RevokeToken(ctx, userID, id, a.now())
	if err == nil && !done {
		return fault.New(fault.NotFound, "there is no such token")
	}
	return err
}

// cleanLabel makes a label one line of at most 80 characters without control or invisible ones (G15).
func cleanLabel(label string) string {
	label = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, label)
	if runes := []rune(strings.TrimSpace(label)); len(runes) > 80 {
		return string(runes[:80])
	}
	return strings.TrimSpace(label)
}

// sameText compares two secrets of a fixed length in constant time.
func sameText(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

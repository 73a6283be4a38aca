package access

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// codeLife is how long a sign-in may take (G13).
const codeLife = 10 * time.Minute

// How many sign-ins may be under way: by code for one person, by device for the whole instance (G16).
const (
	maxCodes   = 20
	maxDevices = 1000
)

// Kinds of sign-in codes.
const (
	kindCode   = "code"
	kindDevice = "device"
)

// RFC 7636 §4.1 and §4.2: the verifier, and its SHA-256 as base64url.
var (
	verifierGrammar  = regexp.MustCompile(`^[A-Za-z0-9._~-]{43,128}$`)
	challengeGrammar = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)
)

// errSignIn is the one answer to a sign-in that does not work.
func errSignIn() *fault.Fault {
	return fault.New(fault.Auth, "that sign-in did not work").WithHelp(`Begin again with "analyst login".`)
}

// Demo lists the people of a demo instance; empty elsewhere.
func (a *Access) Demo() []string { return slices.Clone(a.rules.Load().DemoLogin) }

// SignInDemo issues a token to a person of the demo, whose user is made at the first time; fault.Auth for everybody else.
func (a *Access) SignInDemo(ctx context.Context, email, label string) (sdk.Caller, sdk.Token, sdk.Secret, error) {
	who, err := a.DemoCaller(ctx, email)
	if err != nil {
		return sdk.Caller{}, sdk.Token{}, "", err
	}
	return a.admit(ctx, who.User.ID, label, who.Scopes, "demo")
}

// DemoCaller is a person of the demo, whose user is made at the first time; fault.Auth for everybody else.
func (a *Access) DemoCaller(ctx context.Context, email string) (sdk.Caller, error) {
	email, ok := CanonicalEmail(email)
	if !ok || !slices.Contains(a.rules.Load().DemoLogin, email) {
		return sdk.Caller{}, errSignIn()
	}
	user, err := a.ensure(ctx, email)
	if err != nil {
		return sdk.Caller{}, err
	}
	view, err := a.current(ctx)
	if err != nil {
		return sdk.Caller{}, err
	}
	if !view.lets(user) {
		return sdk.Caller{}, errSignIn()
	}
	who := view.caller(user, slices.Clone(DefaultScopes))
	who.Provider = "demo"
	return who, nil
}

// BeginCode remembers, for ten minutes, that who agreed to give a program a token of its scopes; challenge is the
// program's S256 challenge. fault.Config for what is no challenge.
func (a *Access) BeginCode(ctx context.Context, who sdk.Caller, challenge string) (string, error) {
	if !challengeGrammar.MatchString(challenge) {
		return "", &fault.Fault{Code: fault.Config, What: "the challenge is not the base64url of a SHA-256", Path: "challenge"}
	}
	scopes, err := a.lends(ctx, who)
	if err != nil {
		return "", err
	}
	code, now := random(32), a.now()
	err = a.store.AddCode(ctx, sdk.SignInCode{Kind: kindCode, Hash: hashOf(code), Challenge: challenge, UserID: who.User.ID,
		Scopes: scopes, Created: now, Expires: now.Add(codeLife)}, maxCodes)
	if err != nil {
		return "", err
	}
	return code, nil
}

// FinishCode uses a code up and issues the token. fault.Auth for a wrong code or verifier; a wrong verifier uses the code
// up too, for whoever has one without the other did not begin this.
func (a *Access) FinishCode(ctx context.Context, code, verifier, label string) (sdk.Caller, sdk.Token, sdk.Secret, error) {
	found, err := a.redeem(ctx, code, verifier)
	if err != nil {
		return sdk.Caller{}, sdk.Token{}, "", err
	}
	return a.admit(ctx, found.UserID, label, found.Scopes, "token")
}

// redeem uses up a code for whoever has its verifier.
func (a *Access) redeem(ctx context.Context, code, verifier string) (sdk.SignInCode, error) {
	if !challengeGrammar.MatchString(code) || !verifierGrammar.MatchString(verifier) {
		return sdk.SignInCode{}, errSignIn()
	}
	found, err := a.take(ctx, kindCode, hashOf(code))
	if err != nil {
		return sdk.SignInCode{}, err
	}
	sum := sha256.Sum256([]byte(verifier))
	if !sameText(base64.RawURLEncoding.EncodeToString(sum[:]), found.Challenge) {
		return sdk.SignInCode{}, errSignIn()
	}
	return found, nil
}

// take uses up a code that is good now. One caller gets it (G13).
func (a *Access) take(ctx context.Context, kind, hash string) (sdk.SignInCode, error) {
	found, err := a.good(ctx, kind, hash)
	if err != nil {
		return found, err
	}
	first, err := a.store.UseCode(ctx, kind, hash, a.now())
	if err == nil && !first {
		err = errSignIn()
	}
	return found, err
}

// good is the code of a hash, when it is neither used nor over. It only reads: guesses never wait for the disk.
func (a *Access) good(ctx context.Context, kind, hash string) (sdk.SignInCode, error) {
	found, err := a.store.FindCode(ctx, kind, hash)
	if fault.CodeOf(err) == fault.NotFound {
		return found, errSignIn()
	}
	if err != nil {
		return found, fmt.Errorf("look a sign-in up: %w", err)
	}
	if !found.Used.IsZero() || !a.now().Before(found.Expires) {
		return found, errSignIn()
	}
	return found, nil
}

// admit issues the token that ends a sign-in, to a person who is let in at this moment.
func (a *Access) admit(ctx context.Context, userID, label string, scopes []sdk.Scope, provider string) (sdk.Caller, sdk.Token, sdk.Secret, error) {
	view, err := a.current(ctx)
	if err != nil {
		return sdk.Caller{}, sdk.Token{}, "", err
	}
	user, known := view.byID[userID]
	if !known || !view.lets(user) {
		return sdk.Caller{}, sdk.Token{}, "", errSignIn()
	}
	token, secret, err := a.issue(ctx, userID, label, 0, scopes)
	if err != nil {
		return sdk.Caller{}, sdk.Token{}, "", err
	}
	who := view.caller(user, token.Scopes)
	who.TokenID, who.Provider = token.ID, provider
	return who, token, secret, nil
}

// lends are the scopes that who can hand on to a program.
func (a *Access) lends(ctx context.Context, who sdk.Caller) ([]sdk.Scope, error) {
	held, err := a.reachOf(ctx, who)
	if err != nil {
		return nil, err
	}
	scopes := slices.DeleteFunc(slices.Clone(DefaultScopes), func(s sdk.Scope) bool { return !who.May(s) })
	if !held.Open || len(scopes) == 0 {
		return nil, fault.New(fault.Permission, "you have nothing to hand on to a program")
	}
	return scopes, nil
}

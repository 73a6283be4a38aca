// Package token makes and reads the tokens of programs on people's desktops: JSON Web Tokens (RFC 7519) signed by one key
// with one algorithm, which no token can choose (rule: alg fixed).
//
// Access tokens live 15 minutes; refresh tokens 30 days, and each is good once. One that comes a second time ends the whole
// family: either its holder or a thief has used it, and nobody can tell who. Only the plugin's main imports it.
package token

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/auth"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// How long tokens live (interface.md §7), and by how much clocks may differ.
const (
	AccessLife  = 15 * time.Minute
	RefreshLife = 30 * 24 * time.Hour
	leeway      = 30 * time.Second
)

// minKey is the least length of a signing key in bytes: that of a SHA-256 (RFC 7518 §3.2).
const minKey = 32

// What a token is for; RFC 9068 §2.1 has the first.
const (
	typeAccess  = "at+jwt"
	typeRefresh = "rt+jwt"
)

// Settings is the config block.
type Settings struct {
	Issuer     string     `cfg:"issuer" doc:"Who the tokens say made them (the claim iss)." default:"data-analyst"`
	Scheme     string     `cfg:"scheme" doc:"Scheme of the addresses that open the program." default:"data-analyst"`
	SigningKey sdk.Secret `cfg:"signing_key" doc:"Signs the tokens; at least 32 random bytes as text. Another key ends all tokens." required:"true"`
}

// Plugin is the plugin; now nil = the clock of the machine.
func Plugin(now func() time.Time) auth.Author {
	if now == nil {
		now = time.Now
	}
	return auth.Plugin[Settings, *Mint]{
		Name: "desktop", Version: "0.1.0", Doc: "Lets programs on people's desktops in, by short tokens that they renew.",
		Validate: validate,
		Open:     func(_ context.Context, _ auth.Runtime, s Settings) (*Mint, error) { return newMint(s, now), nil },
		Form:     func(_ context.Context, m *Mint) (auth.Form, error) { return auth.Form{Scheme: m.scheme}, nil },
		Begin: func(context.Context, *Mint, auth.Host, auth.Call) (auth.Step, error) {
			return auth.Step{}, fault.New(fault.Auth, "nobody signs in by this way in a browser")
		},
		VerifyToken: verify, Refresh: refresh,
	}
}

func validate(s Settings) []auth.Problem {
	var problems []auth.Problem
	if len(s.SigningKey.Reveal()) < minKey {
		problems = append(problems, auth.Problem{Path: "signing_key", Summary: "is shorter than 32 bytes", Help: `Make one, e.g. by "openssl rand -base64 48".`})
	}
	if s.Scheme == "" || (auth.Form{Scheme: s.Scheme}).Check() != nil {
		problems = append(problems, auth.Problem{Path: "scheme", Summary: "is no scheme of a program's own", Help: `Write small letters, digits, "+", "-" and ".", e.g. "data-analyst".`})
	}
	if s.Issuer == "" || len(s.Issuer) > 255 {
		problems = append(problems, auth.Problem{Path: "issuer", Summary: "must have 1 to 255 bytes"})
	}
	return problems
}

// Mint makes and reads tokens.
type Mint struct {
	issuer, scheme, kid string
	key                 []byte
	now                 func() time.Time
	parser              *jwt.Parser
}

func newMint(s Settings, now func() time.Time) *Mint {
	key := []byte(s.SigningKey.Reveal())
	sum := sha256.Sum256(append([]byte("broker desktop key id\n"), key...))
	return &Mint{issuer: s.Issuer, scheme: s.Scheme, kid: hex.EncodeToString(sum[:4]), key: key, now: now,
		parser: jwt.NewParser(jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}), jwt.WithIssuer(s.Issuer), jwt.WithIssuedAt(),
			jwt.WithExpirationRequired(), jwt.WithLeeway(leeway), jwt.WithTimeFunc(now))}
}

// claims are what a token says.
type claims struct {
	jwt.RegisteredClaims
	Grant string `json:"sid"` // id of the grant: the family
}

// sign makes a token of a grant and returns its id too.
func (m *Mint) sign(grant auth.Grant, kind string, life time.Duration) (text, id string, until time.Time, err error) {
	now := m.now()
	until, id = now.Add(life), rand.Text()
	if !grant.Expires.IsZero() && until.After(grant.Expires) {
		until = grant.Expires
	}
	t := jwt.NewWithClaims(jwt.SigningMethodHS256, claims{Grant: grant.ID, RegisteredClaims: jwt.RegisteredClaims{Issuer: m.issuer, Subject: grant.Subject,
		ID: id, IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(until)}})
	t.Header["kid"], t.Header["typ"] = m.kid, kind
	text, err = t.SignedString(m.key)
	return text, id, until, err
}

// errToken refuses every token that is no good; why is for the log.
func errToken(why string) error { return fault.New(fault.Auth, "the token is no good: "+why) }

// read returns what a genuine token of a kind says, of whichever grant. It must live no longer than it would have been
// given: one of a far date was not made here, whoever had the key.
func (m *Mint) read(text, kind string, life time.Duration) (claims, error) {
	var c claims
	t, err := m.parser.ParseWithClaims(text, &c, func(t *jwt.Token) (any, error) {
		if t.Header["kid"] != m.kid || t.Header["typ"] != kind {
			return nil, errors.New("another key, or another use")
		}
		return m.key, nil
	})
	switch {
	case err != nil || !t.Valid:
		return claims{}, errToken("its form, signature or dates")
	case c.Grant == "" || c.Subject == "" || c.ID == "" || c.IssuedAt == nil:
		return claims{}, errToken("a claim is missing")
	case c.ExpiresAt.After(m.now().Add(life + leeway)):
		return claims{}, errToken("it lives too long")
	}
	return c, nil
}

// held is the grant of a token, if it holds and is the same person's.
func held(ctx context.Context, host auth.Host, c claims) (auth.Grant, error) {
	var grant auth.Grant
	text, found, err := host.Find(ctx, auth.GrantKey(c.Grant))
	if err != nil {
		return grant, err
	}
	if !found {
		return grant, errToken("it was revoked")
	}
	if err := json.Unmarshal(text, &grant); err != nil {
		return grant, fault.Wrap(fault.Bug, err, "read a grant")
	}
	if grant.ID != c.Grant || grant.Subject != c.Subject {
		return grant, errToken("it is another person's")
	}
	return grant, nil
}

func verify(ctx context.Context, m *Mint, host auth.Host, text sdk.Secret) (auth.Identity, error) {
	c, err := m.read(text.Reveal(), typeAccess, AccessLife)
	if err != nil {
		return auth.Identity{}, err
	}
	grant, err := held(ctx, host, c)
	if err != nil {
		return auth.Identity{}, err
	}
	return auth.Identity{Issuer: m.issuer, Subject: grant.Subject, Email: grant.Email, EmailVerified: true}, nil
}

func refresh(ctx context.Context, m *Mint, host auth.Host, text sdk.Secret) (auth.Tokens, error) {
	if grant, found, err := begun(ctx, host, text.Reveal()); err != nil || found {
		if err != nil {
			return auth.Tokens{}, err
		}
		return m.issue(ctx, host, grant)
	}
	c, err := m.read(text.Reveal(), typeRefresh, RefreshLife)
	if err != nil {
		return auth.Tokens{}, err
	}
	grant, err := held(ctx, host, c)
	if err != nil {
		return auth.Tokens{}, err
	}
	_, first, err := host.Take(ctx, usedKey(c.Grant, c.ID))
	if err != nil {
		return auth.Tokens{}, err
	}
	if !first { // a replay: the family ends (L14)
		if _, _, err := host.Take(ctx, auth.GrantKey(c.Grant)); err != nil {
			return auth.Tokens{}, err
		}
		return auth.Tokens{}, errToken("a refresh token came a second time; the program must be let in again")
	}
	return m.issue(ctx, host, grant)
}

// usedKey is where a refresh token waits until it is used.
func usedKey(grant, id string) string { return "refresh/" + grant + "/" + id }

// begun is the grant of a code that the host made, used up.
func begun(ctx context.Context, host auth.Host, code string) (grant auth.Grant, found bool, err error) {
	if len(code) > 100 { // a token, for sure
		return grant, false, nil
	}
	text, found, err := host.Take(ctx, auth.CodeKey(code))
	if err != nil || !found {
		return grant, false, err
	}
	return grant, true, fault.Wrap(fault.Bug, json.Unmarshal(text, &grant), "read a grant")
}

// issue makes the next pair of tokens of a grant.
func (m *Mint) issue(ctx context.Context, host auth.Host, grant auth.Grant) (auth.Tokens, error) {
	now := m.now()
	access, _, until, err := m.sign(grant, typeAccess, AccessLife)
	if err != nil {
		return auth.Tokens{}, err
	}
	next, id, last, err := m.sign(grant, typeRefresh, RefreshLife)
	if err != nil {
		return auth.Tokens{}, err
	}
	if !last.After(now) {
		return auth.Tokens{}, errToken("the grant is over")
	}
	if err := host.Put(ctx, usedKey(grant.ID, id), []byte("1"), last.Sub(now)+leeway); err != nil {
		return auth.Tokens{}, err
	}
	return auth.Tokens{Access: sdk.Secret(access), Refresh: sdk.Secret(next), Life: until.Sub(now)}, nil
}

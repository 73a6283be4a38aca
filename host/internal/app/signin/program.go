package signin

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/ai-data-analyst/broker/host/internal/access"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/auth"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// codeTime is how long the code lives that a plugin makes the first tokens of: it never leaves this machine.
const codeTime = time.Minute

// errProgram is the one answer to a program that may not come in.
func errProgram(why string) error {
	return fault.Newf(fault.Auth, "that sign-in did not work: %s", why)
}

// Scheme is of the addresses that open the program of a way; fault.NotFound for a way that has none.
func (s *SignIn) Scheme(ctx context.Context, way string) (string, error) {
	shared, err := s.shared(way)
	if err != nil {
		return "", err
	}
	form, err := shared.Form(ctx)
	if err == nil && form.Scheme == "" {
		err = fault.New(fault.NotFound, "that way to sign in has no program")
	}
	return form.Scheme, err
}

// LetIn uses up the code of a person who let a program in, and returns the program's first tokens.
func (s *SignIn) LetIn(ctx context.Context, way, code, verifier, label string) (sdk.Caller, sdk.Token, auth.Tokens, error) {
	who, token, tokens, err := s.letIn(ctx, way, code, verifier, label)
	s.did(ctx, who, "tokens.create", strings.TrimSpace(way+" "+token.ID), err)
	return who, token, tokens, err
}

func (s *SignIn) letIn(ctx context.Context, way, code, verifier, label string) (sdk.Caller, sdk.Token, auth.Tokens, error) {
	var none auth.Tokens
	if _, err := s.Scheme(ctx, way); err != nil {
		return sdk.Caller{}, sdk.Token{}, none, err
	}
	shared, err := s.shared(way)
	if err != nil {
		return sdk.Caller{}, sdk.Token{}, none, err
	}
	who, token, err := s.options.Access.LetIn(ctx, way, code, verifier, label)
	if err != nil {
		return who, token, none, err
	}
	text, err := json.Marshal(grantOf(who, token.Expires))
	if err != nil {
		return who, token, none, err
	}
	once, host := rand.Text(), s.options.Visits.HostOf(way)
	err = host.Put(ctx, auth.CodeKey(once), text, codeTime)
	var tokens auth.Tokens
	if err == nil {
		tokens, err = shared.Refresh(ctx, &watching{Host: host, s: s, way: way}, sdk.Secret(once))
	}
	if err != nil { // nobody has its tokens
		err = errors.Join(err, s.options.Access.EndProgram(context.WithoutCancel(ctx), way, token.ID))
	}
	return who, token, tokens, err
}

// Renew uses a refresh token up and returns new tokens; fault.Auth for one that is no good. One that comes a second time
// ends the program.
func (s *SignIn) Renew(ctx context.Context, way string, token sdk.Secret) (auth.Tokens, error) {
	if _, err := s.Scheme(ctx, way); err != nil {
		return auth.Tokens{}, err
	}
	shared, err := s.shared(way)
	if err != nil {
		return auth.Tokens{}, err
	}
	host := &watching{Host: s.options.Visits.HostOf(way), s: s, way: way}
	tokens, err := shared.Refresh(ctx, host, token)
	if host.ended != "" {
		s.did(ctx, host.who, "tokens.replay", way+" "+host.ended, errProgram("a refresh token came a second time; the program is revoked"))
	}
	return tokens, err
}

func grantOf(who sdk.Caller, until time.Time) auth.Grant {
	return auth.Grant{ID: who.TokenID, Subject: who.User.ID, Email: who.User.Email, Expires: until}
}

// watching is the host of a plugin within one call. It answers for grants, which are not the plugin's to keep, and notes
// which one the plugin asked for.
type watching struct {
	auth.Host
	s   *SignIn
	way string

	mu    sync.Mutex
	who   sdk.Caller // of the grant that was found
	ended string     // id of the grant that the plugin ended
}

// Put implements auth.Host. Grants are the host's.
func (w *watching) Put(ctx context.Context, key string, value []byte, life time.Duration) error {
	if _, is := strings.CutPrefix(key, auth.GrantKey("")); is {
		return fault.New(fault.Config, "grants are kept by the host")
	}
	return w.Host.Put(ctx, key, value, life)
}

// Find implements auth.Host.
func (w *watching) Find(ctx context.Context, key string) ([]byte, bool, error) {
	id, is := strings.CutPrefix(key, auth.GrantKey(""))
	if !is {
		return w.Host.Find(ctx, key)
	}
	who, err := w.s.options.Access.Program(ctx, w.way, id)
	if fault.CodeOf(err) == fault.Auth {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	w.mu.Lock()
	w.who = who
	w.mu.Unlock()
	text, err := json.Marshal(grantOf(who, time.Time{}))
	return text, err == nil, err
}

// Take implements auth.Host.
func (w *watching) Take(ctx context.Context, key string) ([]byte, bool, error) {
	id, is := strings.CutPrefix(key, auth.GrantKey(""))
	if !is {
		return w.Host.Take(ctx, key)
	}
	text, found, err := w.Find(ctx, key)
	if err != nil || !found {
		return nil, false, err
	}
	if err := w.s.options.Access.EndProgram(ctx, w.way, id); err != nil {
		return nil, false, err
	}
	w.mu.Lock()
	w.ended = id
	w.mu.Unlock()
	return text, true, nil
}

// Bearer is access that also takes tokens of sign-in plugins.
type Bearer struct {
	*access.Access
	signin *SignIn
}

// Bearer is the instance's access with the tokens of its plugins.
func (s *SignIn) Bearer() Bearer { return Bearer{s.options.Access, s} }

// Authenticate is access's. What looks like a JSON Web Token is offered to the ways that can read it.
func (b Bearer) Authenticate(ctx context.Context, secret string) (sdk.Caller, error) {
	if strings.HasPrefix(secret, "brk_") || strings.Count(secret, ".") != 2 || len(secret) > maxJWT {
		return b.Access.Authenticate(ctx, secret)
	}
	return b.signin.verify(ctx, secret)
}

const (
	maxJWT    = 4 << 10
	knownTime = 5 * time.Second // within which what a plugin revokes holds; what the host revokes holds at once
	mostKnown = 4096            // tokens that are remembered (G16)
	mostAsked = 16              // tokens that plugins look at, at a time (G16)
)

// known is what a plugin said of a token of late.
type known struct {
	way     string
	user    string
	program string // "" = the token is the issuer's own
	until   time.Time
}

// memory remembers what plugins said of tokens, by their hash.
type memory struct {
	mu     sync.Mutex
	tokens map[[sha256.Size]byte]known
}

func (m *memory) find(text string, now time.Time) (known, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k, ok := m.tokens[sha256.Sum256([]byte(text))]
	return k, ok && now.Before(k.until)
}

func (m *memory) keep(text string, k known, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for hash, old := range m.tokens {
		if len(m.tokens) >= mostKnown && !now.Before(old.until) {
			delete(m.tokens, hash)
		}
	}
	if m.tokens == nil || len(m.tokens) >= mostKnown {
		m.tokens = map[[sha256.Size]byte]known{}
	}
	m.tokens[sha256.Sum256([]byte(text))] = k
}

// verify is whose a token is by the word of a plugin; fault.Auth when no way takes it.
func (s *SignIn) verify(ctx context.Context, text string) (sdk.Caller, error) {
	now := s.options.Now()
	if k, ok := s.known.find(text, now); ok {
		return s.still(ctx, k)
	}
	select {
	case s.asked <- struct{}{}:
		defer func() { <-s.asked }()
	case <-ctx.Done():
		return sdk.Caller{}, fault.Wrap(fault.Cancelled, ctx.Err(), "wait for a look at a token")
	}
	var failed error
	for _, block := range s.blocks() {
		who, k, err := s.offer(ctx, block.Name, text)
		switch fault.CodeOf(err) {
		case "":
			k.until = now.Add(knownTime)
			s.known.keep(text, k, now)
			return who, nil
		case fault.Auth, fault.Config: // no good here; or a plugin without tokens
		default:
			failed = err
		}
	}
	if failed != nil {
		return sdk.Caller{}, failed
	}
	return sdk.Caller{}, errProgram("no way takes this token")
}

// offer asks one way whose a token is.
func (s *SignIn) offer(ctx context.Context, way, text string) (sdk.Caller, known, error) {
	k := known{way: way}
	shared, err := s.shared(way)
	if err != nil {
		return sdk.Caller{}, k, err
	}
	host := &watching{Host: s.options.Visits.HostOf(way), s: s, way: way}
	identity, err := shared.VerifyToken(ctx, host, sdk.Secret(text))
	if err != nil {
		return sdk.Caller{}, k, err
	}
	if host.who.User.ID != "" { // of a program that its person let in
		if host.who.User.ID != identity.Subject || host.ended != "" {
			return sdk.Caller{}, k, errProgram("the token is of another person than its grant")
		}
		k.user, k.program = host.who.User.ID, host.who.TokenID
		return host.who, k, nil
	}
	identity.Changed = false // a token proves no change
	who, err := s.options.Visits.SignIn(ctx, way, identity)
	if err != nil {
		return sdk.Caller{}, k, err
	}
	k.user, who.Scopes = who.User.ID, programScopes()
	return who, k, nil
}

// still is who a token stands for that a plugin took a moment ago: what the host knows of them is asked anew.
func (s *SignIn) still(ctx context.Context, k known) (sdk.Caller, error) {
	if k.program != "" {
		return s.options.Access.Program(ctx, k.way, k.program)
	}
	who, err := s.options.Access.Person(ctx, k.user)
	who.Provider, who.Scopes = k.way, programScopes()
	return who, err
}

// programScopes are what a token may be used for that the host did not make.
func programScopes() []sdk.Scope { return []sdk.Scope{sdk.ScopeRead, sdk.ScopePush} }

package session

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net"
	"net/http"
	"net/netip"
	"regexp"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gorilla/sessions"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/problem"
)

// life is how long a cookie may be used, whatever is in it (interface.md §7: absolute 7 d).
const life = 7 * 24 * time.Hour

// Keeper knows the sessions of people who are signed in.
type Keeper interface {
	// Enter returns who holds a secret; fault.Auth for nobody.
	Enter(ctx context.Context, secret string) (sdk.Caller, sdk.PortalSession, error)
	// Open begins a session and returns its secret.
	Open(ctx context.Context, userID, provider, address, userAgent string) (secret string, err error)
	// Leave ends the session of a secret; none is no error.
	Leave(ctx context.Context, secret string) error
}

// Options are what Sessions needs.
type Options struct {
	Keeper Keeper
	Keys   func() []Pair // newest first, at least one
	// Look is Keeper.Enter without a use of the session; nil = nobody stays.
	Look      func(ctx context.Context, secret string) (sdk.Caller, error)
	PublicURL string // scheme://host[:port]
	Port      string // where the server listens
}

// Sessions joins browsers to people. Before sign-in a browser has a session too, which is in its cookie alone: it holds
// the CSRF token and binds the sign-in to the browser. Signing in and out changes the secret (rule: new id).
type Sessions struct {
	options Options
	// crossOrigin asks Sec-Fetch-Site, else Origin; a request that has neither passes, and needs its token all the more.
	crossOrigin *http.CrossOriginProtection
}

// New returns the Sessions of a server.
func New(options Options) *Sessions { return &Sessions{options, http.NewCrossOriginProtection()} }

// visit is what is known of the browser within one request.
type visit struct {
	session *sessions.Session
	secret  string // "" = none yet
	who     sdk.Caller
	portal  sdk.PortalSession
	err     error // why nobody is signed in
}

type visitKey struct{}

// Names of what a cookie holds.
const (
	keySecret = "s"
	keyIn     = "in" // "1" = of a person who signed in
	keyNext   = "next"
)

var secretGrammar = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)

// over says how a browser reaches us: by https, or by plain http on this machine.
func (s *Sessions) over(c *fiber.Ctx) (name string, secure bool) {
	if strings.HasPrefix(s.options.PublicURL, "https://") && !loopback(string(c.Request().Host())) {
		return "__Host-portal", true
	}
	return "portal_" + s.options.Port, false
}

func loopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	address, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return strings.EqualFold(host, "localhost") || err == nil && address.IsLoopback()
}

// look reads the browser's cookie, once a request.
func (s *Sessions) look(c *fiber.Ctx) (*visit, error) {
	if known, ok := c.Locals(visitKey{}).(*visit); ok {
		return known, nil
	}
	name, secure := s.over(c)
	found, err := Find(c, cookies{keys: s.options.Keys, secure: secure}, name)
	if err != nil {
		return nil, err
	}
	v := &visit{session: found, err: fault.New(fault.Auth, "nobody is signed in")}
	if secret, _ := found.Values[keySecret].(string); secretGrammar.MatchString(secret) {
		v.secret = secret
	}
	if v.secret != "" && found.Values[keyIn] == "1" {
		v.who, v.portal, v.err = s.options.Keeper.Enter(c.UserContext(), v.secret)
		if v.err != nil && fault.CodeOf(v.err) != fault.Auth {
			return nil, v.err
		}
		if v.err != nil { // over, or ended elsewhere: as if there were none (L9)
			v.secret, found.Values = "", map[any]any{spoiled: true}
		}
	}
	c.Locals(visitKey{}, v)
	if found.Values[spoiled] != nil {
		return v, s.drop(c, v)
	}
	if found.Values[aged] != nil {
		return v, s.save(c, v)
	}
	return v, nil
}

// Known is whom the cookie of a request was found to stand for; the zero Caller when nobody looked, or nobody is signed in.
func Known(c *fiber.Ctx) sdk.Caller {
	if v, ok := c.Locals(visitKey{}).(*visit); ok && v.err == nil {
		return v.who
	}
	return sdk.Caller{}
}

// save writes the cookie, instead of one that this answer may already carry.
func (s *Sessions) save(c *fiber.Ctx, v *visit) error {
	v.session.Options.MaxAge = 0 // of the browser's session
	if v.session.Values[keyIn] == "1" {
		v.session.Options.MaxAge = int(life.Seconds())
	}
	c.Response().Header.DelCookie(v.session.Name())
	return Save(c, v.session)
}

// drop tells the browser to forget its cookie.
func (s *Sessions) drop(c *fiber.Ctx, v *visit) error {
	v.session.Options.MaxAge = -1
	c.Response().Header.DelCookie(v.session.Name())
	return Save(c, v.session)
}

// Who is the person who is signed in, and by which session; fault.Auth for nobody.
func (s *Sessions) Who(c *fiber.Ctx) (sdk.Caller, sdk.PortalSession, error) {
	v, err := s.look(c)
	if err != nil {
		return sdk.Caller{}, sdk.PortalSession{}, err
	}
	return v.who, v.portal, v.err
}

// Stay says later on, when the request is gone, who is signed in by its cookie; fault.Auth once nobody is.
func (s *Sessions) Stay(c *fiber.Ctx) func(context.Context) (sdk.Caller, error) {
	v, err := s.look(c)
	if err != nil || v.err != nil || s.options.Look == nil {
		return func(context.Context) (sdk.Caller, error) {
			return sdk.Caller{}, fault.New(fault.Auth, "nobody is signed in")
		}
	}
	secret := v.secret
	return func(ctx context.Context) (sdk.Caller, error) { return s.options.Look(ctx, secret) }
}

// begun is the browser's session, which begins now if there is none.
func (s *Sessions) begun(c *fiber.Ctx) (*visit, error) {
	v, err := s.look(c)
	if err != nil || v.secret != "" {
		return v, err
	}
	var b [32]byte
	rand.Read(b[:]) // never fails
	v.secret = base64.RawURLEncoding.EncodeToString(b[:])
	v.session.Values = map[any]any{keySecret: v.secret}
	return v, s.save(c, v)
}

// derived is a value for one use that tells nothing of the secret.
func derived(secret, use string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(use))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// Token is what forms of this browser must carry as _csrf, or requests as X-CSRF-Token.
func (s *Sessions) Token(c *fiber.Ctx) (string, error) {
	v, err := s.begun(c)
	if err != nil {
		return "", err
	}
	return derived(v.secret, "csrf"), nil
}

// Browser is the same for all requests of a browser until it is signed in or out, and for no other's. It opens nothing.
func (s *Sessions) Browser(c *fiber.Ctx) (string, error) {
	v, err := s.begun(c)
	if err != nil {
		return "", err
	}
	return derived(v.secret, "browser"), nil
}

// Check says whether a request that changes something was sent by a page of ours: by where the browser says it comes from,
// then by the token. Methods that change nothing always were.
func (s *Sessions) Check(c *fiber.Ctx) error {
	switch c.Method() {
	case fiber.MethodGet, fiber.MethodHead, fiber.MethodOptions:
		return nil
	}
	refused := problem.New(http.StatusForbidden, "csrf", "this request was not sent by a page of this server")
	if s.crossOrigin.Check(Request(c)) != nil {
		return refused
	}
	v, err := s.look(c)
	if err != nil {
		return err
	}
	token := c.Get("X-CSRF-Token")
	if token == "" {
		token = string(c.Request().PostArgs().Peek("_csrf"))
	}
	if v.secret == "" || subtle.ConstantTimeCompare([]byte(token), []byte(derived(v.secret, "csrf"))) != 1 {
		return refused
	}
	return nil
}

// SetNext remembers where the person wants to go after sign-in.
func (s *Sessions) SetNext(c *fiber.Ctx, next string) error {
	v, err := s.begun(c)
	if err != nil || v.session.Values[keyNext] == next || next == "" && v.session.Values[keyNext] == nil {
		return err
	}
	v.session.Values[keyNext] = next
	return s.save(c, v)
}

// Start signs a person in: a new secret, and the old session of this browser ends. It returns what SetNext remembered.
func (s *Sessions) Start(c *fiber.Ctx, who sdk.Caller, address string) (next string, err error) {
	v, err := s.look(c)
	if err != nil {
		return "", err
	}
	next, _ = v.session.Values[keyNext].(string)
	if v.err == nil {
		if err := s.options.Keeper.Leave(c.UserContext(), v.secret); err != nil {
			return "", err
		}
	}
	v.secret, err = s.options.Keeper.Open(c.UserContext(), who.User.ID, who.Provider, address, c.Get(fiber.HeaderUserAgent))
	if err != nil {
		return "", err
	}
	v.session.Values = map[any]any{keySecret: v.secret, keyIn: "1"}
	return next, s.save(c, v)
}

// Leave signs the person out: copies of the cookie open nothing any more.
func (s *Sessions) Leave(c *fiber.Ctx) error {
	v, err := s.look(c)
	if err != nil {
		return err
	}
	if v.err == nil {
		if err := s.options.Keeper.Leave(c.UserContext(), v.secret); err != nil {
			return err
		}
	}
	return s.drop(c, v)
}

package web_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/auth"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web"
)

// hall is a world into which people sign in.
type hall struct {
	*world
	mu       sync.Mutex
	sessions map[string]sdk.PortalSession // by secret
	ways     []web.Way
	step     func(call auth.Call) (auth.Step, sdk.Caller, error)
}

func (h *hall) Enter(_ context.Context, secret string) (sdk.Caller, sdk.PortalSession, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s, ok := h.sessions[secret]
	if !ok {
		return sdk.Caller{}, s, fault.New(fault.Auth, "none")
	}
	for _, p := range h.people {
		if p.caller.User.ID == s.UserID && !p.gone {
			who := p.caller
			who.TokenID, who.Provider = "", s.Provider
			return who, s, nil
		}
	}
	return sdk.Caller{}, s, fault.New(fault.Auth, "gone")
}

func (h *hall) Open(_ context.Context, userID, provider, address, userAgent string) (string, error) {
	secret := (rand.Text() + rand.Text())[:43]
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	h.sessions[secret] = sdk.PortalSession{ID: fmt.Sprint("s", len(h.sessions)), UserID: userID, Provider: provider, Created: now, LastSeen: now, Expires: now.Add(time.Hour), Address: address, UserAgent: userAgent}
	return secret, nil
}

func (h *hall) Leave(_ context.Context, secret string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.sessions, secret)
	return nil
}

func (h *hall) Sessions(_ context.Context, who sdk.Caller) (list []sdk.PortalSession, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range h.sessions {
		if s.UserID == who.User.ID {
			list = append(list, s)
		}
	}
	return list, nil
}

func (h *hall) remove(goes func(sdk.PortalSession) bool) (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for secret, s := range h.sessions {
		if goes(s) {
			delete(h.sessions, secret)
			n++
		}
	}
	return n
}

func (h *hall) End(_ context.Context, who sdk.Caller, id string) error {
	if h.remove(func(s sdk.PortalSession) bool { return s.UserID == who.User.ID && s.ID == id }) == 0 {
		return fault.New(fault.NotFound, "none")
	}
	return nil
}

func (h *hall) EndOthers(_ context.Context, who sdk.Caller, id string) error {
	h.remove(func(s sdk.PortalSession) bool { return s.UserID == who.User.ID && s.ID != id })
	return nil
}

func (h *hall) Any() bool { return len(h.ways) > 0 }

func (h *hall) Ways(context.Context) []web.Way { return h.ways }

func (h *hall) Begin(_ context.Context, way string, call auth.Call) (auth.Step, sdk.Caller, error) {
	if way != "team" {
		return auth.Step{}, sdk.Caller{}, fault.New(fault.NotFound, "no such way")
	}
	return h.step(call)
}

func (h *hall) Complete(ctx context.Context, way string, call auth.Call) (auth.Step, sdk.Caller, error) {
	return h.Begin(ctx, way, call)
}

// portalOf serves a hall. keys may be changed while it serves.
func portalOf(t *testing.T, log io.Writer, keys *[]web.CookiePair, change func(*web.Options)) (*server, *hall) {
	t.Helper()
	var h *hall
	if len(*keys) == 0 {
		*keys = []web.CookiePair{newPair()}
	}
	s := serve(t, func(o *web.Options) {
		h = &hall{world: o.API.Access.(*world), sessions: map[string]sdk.PortalSession{}, ways: []web.Way{{Name: "team", Label: "Team"}}}
		h.step = func(call auth.Call) (auth.Step, sdk.Caller, error) {
			who := h.people["bob"].caller
			who.Provider = "team"
			return auth.Step{Identity: &auth.Identity{Issuer: "i", Subject: "s"}}, who, nil
		}
		o.Portal = web.Portal{SignIn: h, Visits: h, Keys: func() []web.CookiePair { return *keys }}
		if log != nil {
			o.Log = slog.New(slog.NewTextHandler(log, nil))
		}
		if change != nil {
			change(o)
		}
	})
	return s, h
}

func newPair() web.CookiePair {
	p := web.CookiePair{Hash: make([]byte, 64), Block: make([]byte, 32)}
	rand.Read(p.Hash)
	rand.Read(p.Block)
	return p
}

// browser keeps cookies and does not follow redirects.
type browser struct {
	t *testing.T
	s *server
	c *http.Client
}

func (s *server) browser(t *testing.T) *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t, s, &http.Client{Jar: jar, Timeout: 30 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

func (b *browser) do(method, path string, form url.Values, headers ...string) (*http.Response, string) {
	b.t.Helper()
	r, err := http.NewRequest(method, b.s.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	answer, err := b.c.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return answer, string(body)
}

var csrfField = regexp.MustCompile(`name="_csrf" value="([^"]+)"`)

// token reads the login page, or the one of signing out.
func (b *browser) token(path string) string {
	b.t.Helper()
	_, body := b.do("GET", path, nil)
	found := csrfField.FindStringSubmatch(body)
	if found == nil {
		b.t.Fatalf("%s has no token: %.300s", path, body)
	}
	return found[1]
}

func (b *browser) signIn() {
	b.t.Helper()
	if answer, body := b.do("POST", "/auth/team", url.Values{"_csrf": {b.token("/login")}}); answer.StatusCode != 303 {
		b.t.Fatalf("sign in: %d %s", answer.StatusCode, body)
	}
}

func (b *browser) in() bool {
	answer, _ := b.do("GET", "/", nil)
	return answer.StatusCode == 200
}

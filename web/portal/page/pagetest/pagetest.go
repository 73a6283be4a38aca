// Package pagetest is what tests of rooms of pages need: a site with somebody signed in, hostile texts to fill everything
// with, and a check that none of them became markup. For tests only.
package pagetest

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/limit"
	"github.com/ai-data-analyst/broker/web/portal/page"
	"github.com/ai-data-analyst/broker/web/session"
)

// Site is an app with pages and one person, who is signed in unless it is nobody.
type Site struct {
	t      *testing.T
	app    *fiber.App
	Host   *page.Host
	who    sdk.Caller
	cookie string
	token  string
}

// New makes a site. A person without id is nobody. prepare may change the host and returns the pages.
func New(t *testing.T, who sdk.Caller, now time.Time, prepare func(*page.Host) []page.Route) *Site {
	t.Helper()
	app := fiber.New(fiber.Config{Immutable: true, StrictRouting: true, CaseSensitive: true, UnescapePath: true}) //nolint:forbidigo // it listens nowhere
	s := &Site{t: t, who: who, app: app}
	sessions := session.New(session.Options{Keeper: s, PublicURL: "http://example.com", Port: "80",
		Keys: func() []session.Pair { return []session.Pair{{Hash: make([]byte, 64), Block: make([]byte, 32)}} }})
	s.Host = &page.Host{Sessions: sessions, Access: s, Brand: func() page.Brand { return page.Brand{Name: "Acme"} }, Demo: func() []string { return nil },
		PublicURL: "https://example.com", Version: "test", Limits: limit.New(limit.Rates{}, time.Now), Address: func(*fiber.Ctx) netip.Addr { return netip.Addr{} },
		Request: func(*fiber.Ctx) string { return "0123456789abcdef" }, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return now }}
	s.app.Get("/pagetest/in", func(c *fiber.Ctx) error {
		if who.User.ID != "" {
			if _, err := sessions.Start(c, who, ""); err != nil {
				return err
			}
		}
		token, err := sessions.Token(c)
		if err != nil {
			return err
		}
		return c.SendString(token)
	})
	if err := s.Host.Mount(s.app, prepare(s.Host)); err != nil {
		t.Fatalf("mount the pages: %v", err)
	}
	return s
}

// Enter implements session.Keeper.
func (s *Site) Enter(_ context.Context, secret string) (sdk.Caller, sdk.PortalSession, error) {
	if s.who.User.ID == "" || !strings.HasPrefix(secret, "secret") {
		return sdk.Caller{}, sdk.PortalSession{}, fault.New(fault.Auth, "nobody")
	}
	return s.who, sdk.PortalSession{ID: "s1", UserID: s.who.User.ID}, nil
}

// Open implements session.Keeper.
func (s *Site) Open(context.Context, string, string, string, string) (string, error) {
	return "secret" + strings.Repeat("x", 37), nil
}

// Leave implements session.Keeper.
func (s *Site) Leave(context.Context, string) error { return nil }

// Authorize implements page.Access: admins may everything, others may read tables of "shop".
func (s *Site) Authorize(_ context.Context, who sdk.Caller, action sdk.Action, table sdk.TableName) error {
	switch {
	case who.User.Role == sdk.Admin, action == sdk.ReadTable && strings.HasPrefix(string(table), "shop."):
		return nil
	case action == sdk.ReadTable:
		return fault.New(fault.NotFound, "not there")
	default:
		return fault.New(fault.Permission, "for administrators")
	}
}

// Get asks for a page as a browser does; header lines look like "Name: value".
func (s *Site) Get(path string, header ...string) (*http.Response, string) {
	s.t.Helper()
	return s.do(httptest.NewRequest(http.MethodGet, path, nil), header)
}

// Post sends a form, with the token that a page of the site would have put into it.
func (s *Site) Post(path string, form url.Values, header ...string) (*http.Response, string) {
	s.t.Helper()
	s.enter()
	sent := url.Values{"_csrf": {s.token}}
	for key, values := range form {
		sent[key] = values
	}
	request := httptest.NewRequest(http.MethodPost, path, strings.NewReader(sent.Encode()))
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return s.do(request, header)
}

// enter signs in, once.
func (s *Site) enter() {
	s.t.Helper()
	if s.cookie != "" {
		return
	}
	s.cookie = "none=1"
	answer, body := s.do(httptest.NewRequest(http.MethodGet, "/pagetest/in", nil), nil) //nolint:bodyclose // do read and closed it
	var cookies []string
	for _, c := range answer.Cookies() {
		cookies = append(cookies, c.Name+"="+c.Value)
	}
	s.cookie, s.token = strings.Join(cookies, "; "), body
}

func (s *Site) do(request *http.Request, header []string) (*http.Response, string) {
	s.t.Helper()
	s.enter()
	request.Header.Set("Cookie", s.cookie)
	request.Header.Set("Accept", "text/html")
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		request.Header.Set(name, value)
	}
	answer, err := s.app.Test(request, -1)
	if err != nil {
		s.t.Fatalf("%s %s: %v", request.Method, request.URL, err)
	}
	body, err := io.ReadAll(answer.Body)
	if err = errors.Join(err, answer.Body.Close()); err != nil {
		s.t.Fatalf("read the answer of %s: %v", request.URL, err)
	}
	return answer, string(body)
}

// ownScript are the portal's own scripts.
var ownScript = regexp.MustCompile(`<script nonce="[A-Za-z0-9_-]{22}" src="/static/[a-z0-9.-]+\.js" defer></script>`)

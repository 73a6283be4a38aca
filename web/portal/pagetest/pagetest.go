// Package pagetest puts pages up for tests: an app with the frame of every page, people who are signed in, and browsers
// that send what they send. For tests only.
package pagetest

import (
	"context"
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

// Now is the time of every house.
var Now = time.Date(2026, 11, 25, 14, 4, 10, 0, time.UTC)

// House is pages that can be asked. Ada is an admin, everybody else a standard user; all may read every table but those of
// the namespace secret.
type House struct {
	t   *testing.T
	app *fiber.App
}

// keeper knows who holds which session.
type keeper struct{ people map[string]sdk.Caller }

func (k keeper) Enter(_ context.Context, secret string) (sdk.Caller, sdk.PortalSession, error) {
	if who, ok := k.people[secret]; ok {
		return who, sdk.PortalSession{ID: "current"}, nil
	}
	return sdk.Caller{}, sdk.PortalSession{}, fault.New(fault.Auth, "nobody")
}

func (k keeper) Open(_ context.Context, user, _, _, _ string) (string, error) {
	secret := strings.Repeat(user[:1], 43)
	role := sdk.Standard
	if user == "ada" {
		role = sdk.Admin
	}
	k.people[secret] = sdk.Caller{User: sdk.User{ID: user, Email: user + "@example.com", Role: role}, Groups: []string{"everyone"}}
	return secret, nil
}

func (keeper) Leave(context.Context, string) error { return nil }

type access struct{}

func (access) Authorize(_ context.Context, who sdk.Caller, action sdk.Action, table sdk.TableName) error {
	switch {
	case action == sdk.Administer && who.User.Role != sdk.Admin:
		return fault.New(fault.Permission, "no")
	case action == sdk.ReadTable && table.Namespace() == "secret":
		return fault.New(fault.NotFound, "no")
	}
	return nil
}

// New puts up the pages that routes makes.
func New(t *testing.T, routes func(*page.Host) []page.Route) *House {
	t.Helper()
	h := &House{t: t, app: fiber.New(fiber.Config{Immutable: true, StrictRouting: true, CaseSensitive: true})} //nolint:forbidigo // an app without a listener, for tests
	sessions := session.New(session.Options{Keeper: keeper{map[string]sdk.Caller{}}, PublicURL: "http://example.com", Port: "80",
		Keys: func() []session.Pair { return []session.Pair{{Hash: make([]byte, 64), Block: make([]byte, 32)}} }})
	host := &page.Host{Sessions: sessions, Access: access{}, Brand: func() page.Brand { return page.Brand{Name: "Acme"} }, Demo: func() []string { return nil },
		PublicURL: "http://example.com", Limits: limit.New(limit.Rates{}, time.Now), Address: func(*fiber.Ctx) netip.Addr { return netip.Addr{} },
		Request: func(*fiber.Ctx) string { return "request" }, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Now: func() time.Time { return Now }}
	h.app.Get("/in/:who", func(c *fiber.Ctx) error {
		_, err := sessions.Start(c, sdk.Caller{User: sdk.User{ID: c.Params("who")}}, "")
		return err
	})
	if err := host.Mount(h.app, routes(host)); err != nil {
		t.Fatal(err)
	}
	return h
}

// Browser is somebody's.
type Browser struct {
	t      *testing.T
	h      *House
	cookie string
	token  string
}

// As is the browser of somebody who is signed in; "" is nobody.
func (h *House) As(who string) *Browser {
	h.t.Helper()
	b := &Browser{t: h.t, h: h}
	if who != "" {
		for _, line := range b.send(httptest.NewRequest(http.MethodGet, "/in/"+who, nil)).header.Values("Set-Cookie") {
			b.cookie, _, _ = strings.Cut(line, ";")
		}
	}
	return b
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

func (b *Browser) send(r *http.Request) answer {
	b.t.Helper()
	r.Host = "example.com"
	if b.cookie != "" {
		r.Header.Set("Cookie", b.cookie)
	}
	got, err := b.h.app.Test(r, -1)
	if err != nil {
		b.t.Fatal(err)
	}
	defer got.Body.Close()
	body, err := io.ReadAll(got.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return answer{got.StatusCode, got.Header, string(body)}
}

var tokenField = regexp.MustCompile(`name="_csrf" value="([^"]+)"`)

// Get opens a page and remembers the token of its forms.
func (b *Browser) Get(path string) (status int, body string) {
	b.t.Helper()
	got := b.send(httptest.NewRequest(http.MethodGet, path, nil))
	if found := tokenField.FindStringSubmatch(got.body); found != nil {
		b.token = found[1]
	}
	return got.status, got.body
}

// Page is Get of a page that must be there.
func (b *Browser) Page(path string) string {
	b.t.Helper()
	status, body := b.Get(path)
	if status != http.StatusOK {
		b.t.Fatalf("GET %s: %d\n%s", path, status, body)
	}
	return body
}

// Post sends a form of the page that was opened last. With a redirect, where is its target.
func (b *Browser) Post(path string, form url.Values) (status int, where, body string) {
	b.t.Helper()
	if form == nil {
		form = url.Values{}
	}
	if !form.Has("_csrf") {
		form.Set("_csrf", b.token)
	}
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	got := b.send(r)
	return got.status, got.header.Get("Location"), got.body
}

var tags = regexp.MustCompile(`<[^>]*>`)

// Has fails the test for each text that is neither in the page nor in what people read of it.
func Has(t *testing.T, body string, texts ...string) {
	t.Helper()
	plain := strings.Join(strings.Fields(tags.ReplaceAllString(body, "")), " ")
	for _, text := range texts {
		if !strings.Contains(body, text) && !strings.Contains(plain, text) {
			t.Errorf("%q is not in\n%s", text, plain)
		}
	}
}

// HasNot fails the test for each text that is in the page.
func HasNot(t *testing.T, body string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(body, text) {
			t.Errorf("%q is in the page", text)
		}
	}
}

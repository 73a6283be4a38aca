package page_test

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/portal/page"
	"github.com/ai-data-analyst/broker/web/portal/page/pagetest"
	"github.com/ai-data-analyst/broker/web/problem"
	"github.com/ai-data-analyst/broker/web/v1"
)

var (
	now = time.Date(2026, 11, 25, 14, 5, 0, 0, time.UTC)
	ada = sdk.Caller{User: sdk.User{ID: "u1", Email: "ada@example.com", Name: "Ada Marsh", Role: sdk.Admin}, Groups: []string{"everyone", "finance"}}
	bob = sdk.Caller{User: sdk.User{ID: "u2", Email: "bob@example.com", Role: sdk.Standard}}
)

func parsed(text string) *page.Set {
	return page.Parse(fstest.MapFS{"x.html": &fstest.MapFile{Data: []byte(text)}})
}

// showing is a page of one template.
func showing(path string, permission v1.Permission, text string, data any) func(*page.Host) []page.Route {
	set := parsed(text)
	return func(h *page.Host) []page.Route {
		handler := func(c *fiber.Ctx, v *page.View) error { return h.Show(c, v, set, "x.html", 200, "X", data) }
		return []page.Route{{Method: "GET", Path: path, Permission: permission, Handler: handler}, {Method: "POST", Path: path, Permission: permission, Handler: handler}}
	}
}

// Rule 19: a page that does not say who may open it does not start.
func TestRule19_PagesDeclareWhoMayOpenThem(t *testing.T) {
	ok := func(*fiber.Ctx, *page.View) error { return nil }
	for what, routes := range map[string][]page.Route{
		"no permission":      {{Method: "GET", Path: "/x", Handler: ok}},
		"unknown permission": {{Method: "GET", Path: "/x", Permission: "anybody", Handler: ok}},
		"no handler":         {{Method: "GET", Path: "/x", Permission: v1.ForUser}},
		"odd method":         {{Method: "DELETE", Path: "/x", Permission: v1.ForUser, Handler: ok}},
		"twice":              {{Method: "GET", Path: "/x", Permission: v1.ForUser, Handler: ok}, {Method: "GET", Path: "/x", Permission: v1.ForAdmin, Handler: ok}},
	} {
		if err := new(page.Host).Mount(fiber.New(), routes); err == nil {
			t.Errorf("%s is mounted", what)
		}
	}
}

func TestG12_WhoMayOpenAPage(t *testing.T) {
	for _, c := range []struct {
		who        sdk.Caller
		permission v1.Permission
		path       string
		status     int
	}{
		{sdk.Caller{}, v1.ForAll, "/p", 200}, {sdk.Caller{}, v1.ForUser, "/p", 303}, {sdk.Caller{}, v1.ForAdmin, "/p", 303}, {sdk.Caller{}, v1.ForTable, "/t/shop.orders", 303},
		{bob, v1.ForUser, "/p", 200}, {bob, v1.ForAdmin, "/p", 403}, {bob, v1.ForTable, "/t/shop.orders", 200}, {bob, v1.ForTable, "/t/hr.salaries", 404},
		{bob, v1.ForTable, "/t/..", 404}, {bob, v1.ForTable, "/t/<script>", 404}, {ada, v1.ForAdmin, "/p", 200}, {ada, v1.ForTable, "/t/hr.salaries", 200},
	} {
		path := "/p"
		if c.permission == v1.ForTable {
			path = "/t/:name"
		}
		s := pagetest.New(t, c.who, now, showing(path, c.permission, "here", nil))
		answer, body := s.Get(c.path)
		if answer.StatusCode != c.status {
			t.Errorf("%s %s %s: %d, want %d", c.who.User.Email, c.permission, c.path, answer.StatusCode, c.status)
		}
		if c.status != 303 && !strings.Contains(answer.Header.Get("Content-Type"), "text/html") {
			t.Errorf("%s: %s %s", c.path, answer.Header.Get("Content-Type"), body)
		}
		if to := answer.Header.Get("Location"); c.status == 303 && to != "/login?next="+url.QueryEscape(c.path) {
			t.Errorf("%s goes to %s", c.path, to)
		}
	}
	// Denied and absent are one page.
	s := pagetest.New(t, bob, now, showing("/t/:name", v1.ForTable, "here", nil))
	if _, a := s.Get("/t/hr.salaries"); true {
		if _, b := s.Get("/t/no.such"); a != b {
			t.Error("denied and absent differ")
		}
	}
}

func TestL10_ChangesNeedTheToken(t *testing.T) {
	s := pagetest.New(t, bob, now, showing("/p", v1.ForUser, "here", nil))
	if answer, _ := s.Post("/p", nil); answer.StatusCode != 200 {
		t.Errorf("with token: %d", answer.StatusCode)
	}
	if answer, _ := s.Post("/p", url.Values{"_csrf": {"wrong"}}); answer.StatusCode != 403 {
		t.Errorf("wrong token: %d", answer.StatusCode)
	}
	if answer, _ := s.Post("/p", nil, "Sec-Fetch-Site: cross-site"); answer.StatusCode != 403 {
		t.Errorf("other site: %d", answer.StatusCode)
	}
}

func TestErrorsArePages(t *testing.T) {
	for status, err := range map[int]error{
		400: problem.Bad("x", "the inside"), 403: fault.New(fault.Permission, "the inside"), 404: fault.New(fault.NotFound, "the inside"), 405: fiber.ErrMethodNotAllowed,
		409: fault.New(fault.Data, "the inside"), 410: fault.New(fault.StateExpired, "the inside"), 413: problem.New(413, "x", "the inside"), 421: problem.New(421, "x", "the inside"),
		429: &problem.Error{Problem: api.Problem{Status: 429}, RetryAfter: 90 * time.Second}, 500: errors.New("the inside"), 503: context.DeadlineExceeded,
	} {
		s := pagetest.New(t, bob, now, func(*page.Host) []page.Route {
			return []page.Route{{Method: "GET", Path: "/p", Permission: v1.ForUser, Handler: func(*fiber.Ctx, *page.View) error { return err }}}
		})
		answer, body := s.Get("/p")
		if answer.StatusCode != status || strings.Contains(body, "inside") || strings.Contains(body, "<script") {
			t.Errorf("%d: %d %s", status, answer.StatusCode, body)
		}
		for _, want := range []string{"0123456789abcdef", "<b>Next:</b>", "<h1>"} {
			if !strings.Contains(body, want) {
				t.Errorf("%d lacks %q", status, want)
			}
		}
		if status == 429 && answer.Header.Get("Retry-After") != "90" {
			t.Error(answer.Header)
		}
	}
}

type states struct{ told api.States }

func (s states) States(context.Context, sdk.Caller) (api.States, error) { return s.told, nil }

type machines struct{ told api.Machines }

func (m machines) Machines(context.Context, sdk.Caller) (api.Machines, error) { return m.told, nil }

func TestFrameSaysHowTheDataIs(t *testing.T) {
	var host *page.Host
	s := pagetest.New(t, ada, now, func(h *page.Host) []page.Route {
		host = h
		h.Brand = func() page.Brand {
			return page.Brand{Name: "Acme", Subtitle: "Data for everybody", Copyright: "Acme Ltd", Logo: "/brand/logo"}
		}
		h.States = states{api.States{Generation: 8410, PublishedAt: "2026-11-25T14:02:00Z", Tables: []api.TableState{{State: "fresh"}, {State: "unchanged"}, {State: "failed"}, {State: "held"}, {State: "syncing"}}}}
		h.Machines = machines{api.Machines{Machines: []api.Machine{{Label: "ada-mbp", Generation: 8322, PulledAt: "2026-11-20T17:52:00Z"}}}}
		return showing("/runs", v1.ForUser, "here", nil)(h)
	})
	_, body := s.Get("/runs")
	for _, want := range []string{"Generation 8,410", "2 of 5 tables fresh", `class="bad-text">1 failed`, `class="warn-text">1 held`, "1 syncing", "ada-mbp: pulled", "Ada Marsh", "everyone, finance",
		`<a href="/runs" aria-current="page">Runs</a>`, `href="/admin"`, `<img class="logo" src="/brand/logo"`, "Data for everybody", "Acme Ltd", "broker test", "request 0123456789abcdef"} {
		if !strings.Contains(body, want) {
			t.Errorf("lacks %q in %s", want, body)
		}
	}
	host.States, host.Machines = nil, nil
	if _, body := s.Get("/runs"); strings.Contains(body, "dateline") {
		t.Error("a dateline of nothing")
	}
	host.Demo = func() []string { return []string{"ada@example.com"} }
	if _, body := s.Get("/runs"); !strings.Contains(body, "Demo: anyone on this machine is in.") {
		t.Error("no banner of the demo")
	}
	host.Demo, host.PublicURL = func() []string { return nil }, "http://127.0.0.1:8080"
	if _, body := s.Get("/runs"); !strings.Contains(body, "Over plain http") {
		t.Error("no banner of plain http")
	}
}

// L13, G15: every template of the frame, and every function that templates call, with hostile texts everywhere.
func TestL13_FrameAndFunctions(t *testing.T) {
	const text = `{{name .Data}}{{state .Data}}{{icon .Data}}{{ago .Data}}{{when .Data}}{{day .Data}}{{plural 2 .Data}}{{flaw .Data}}{{num .Data}}{{bytes .Data}}` +
		`{{template "cmd" .Data}}{{template "snip" .Data}}{{template "say" .Data}}{{template "csrf" .Data}}<a class="id" title="{{.Data}}" href="/t/{{.Data}}">{{.Data}}</a>` +
		`<a href="{{.Data}}">x</a><a href="/catalog?state={{.Data}}">x</a>`
	for _, evil := range pagetest.Corpus {
		who := sdk.Caller{User: sdk.User{ID: "u", Email: evil, Name: evil, Role: sdk.Admin}, Groups: []string{evil}}
		s := pagetest.New(t, who, now, func(h *page.Host) []page.Route {
			h.Brand = func() page.Brand { return page.Brand{Name: evil, Subtitle: evil, Copyright: evil} }
			h.Version, h.Request = evil, func(*fiber.Ctx) string { return evil }
			h.States = states{api.States{PublishedAt: evil, Tables: []api.TableState{{State: evil}}}}
			h.Machines = machines{api.Machines{Machines: []api.Machine{{Label: evil, PulledAt: evil}}}}
			set := parsed(text)
			return []page.Route{
				{Method: "GET", Path: "/p", Permission: v1.ForUser, Handler: func(c *fiber.Ctx, v *page.View) error {
					v.JSON = evil
					return h.Show(c, v, set, "x.html", 200, evil, evil)
				}},
				{Method: "GET", Path: "/said", Permission: v1.ForUser, Handler: func(c *fiber.Ctx, _ *page.View) error {
					return h.Say(c, 200, page.Sentence{Heading: evil, Text: evil, Next: evil, Path: evil, Link: evil})
				}},
				{Method: "GET", Path: "/missing", Permission: v1.ForUser, Handler: func(c *fiber.Ctx, v *page.View) error {
					return h.Missing(c, v, evil, page.Sentence{Heading: evil, Text: evil, Next: evil, Path: evil, Link: evil})
				}}}
		})
		for _, path := range []string{"/p?q=" + url.QueryEscape(evil), "/said", "/missing"} {
			answer, body := s.Get(path)
			if answer.StatusCode != 200 {
				t.Fatalf("%q: %d", evil, answer.StatusCode)
			}
			// An address that is hostile text as a whole may lead to a path of another host: the callers give only paths.
			if evil == "//evil/x" {
				body = strings.ReplaceAll(body, `href="//evil/x"`, "")
			}
			pagetest.Escaped(t, path+" with "+evil, body)
			if !strings.Contains(body, "evil") {
				t.Errorf("%s does not show %q", path, evil)
			}
		}
	}
}

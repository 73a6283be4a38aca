package runs_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/limit"
	"github.com/ai-data-analyst/broker/web/portal/page"
	"github.com/ai-data-analyst/broker/web/portal/runs"
	"github.com/ai-data-analyst/broker/web/session"
)

var now = time.Date(2026, 11, 25, 14, 4, 10, 0, time.UTC)

// house is the pages over what a test says. Ada is an admin, Bob is not.
type house struct {
	app      *fiber.App
	states   api.States
	runs     api.Runs
	activity *api.Activity
	asked    api.RunFilter
	done     []string
	fails    error
}

func (h *house) States(context.Context, sdk.Caller) (api.States, error) { return h.states, h.fails }
func (h *house) Runs(_ context.Context, _ sdk.Caller, f api.RunFilter) (api.Runs, error) {
	h.asked = f
	return h.runs, nil
}
func (h *house) History(context.Context, sdk.Caller, sdk.TableName, int) (api.History, error) {
	return api.History{}, nil
}
func (h *house) Run(_ context.Context, _ sdk.Caller, id string) (api.Run, error) {
	for _, run := range h.runs.Runs {
		if run.Run == id {
			return run, nil
		}
	}
	return api.Run{}, fault.New(fault.NotFound, "there is no such run")
}
func (h *house) Sync(_ context.Context, _ sdk.Caller, selected []string) (string, error) {
	if slices.Contains(selected, "nobody") {
		return "", fault.New(fault.Config, "nobody is no source")
	}
	h.done = append(h.done, "sync "+strings.Join(selected, ","))
	return "20261125t140410-new", nil
}
func (h *house) Decide(_ context.Context, _ sdk.Caller, table sdk.TableName, accept bool) error {
	if table == "shop.free" {
		return fault.New(fault.NotFound, "nothing of shop.free is held")
	}
	h.done = append(h.done, fmt.Sprintf("decide %s %t", table, accept))
	return nil
}
func (h *house) Activity(_ context.Context, _ sdk.Caller, days int) (api.Activity, error) {
	h.activity.Days = days
	return *h.activity, nil
}

// visits is who holds which secret.
type visits struct{ people map[string]sdk.Caller }

func (v visits) Enter(_ context.Context, secret string) (sdk.Caller, sdk.PortalSession, error) {
	if who, ok := v.people[secret]; ok {
		return who, sdk.PortalSession{ID: "s"}, nil
	}
	return sdk.Caller{}, sdk.PortalSession{}, fault.New(fault.Auth, "nobody")
}
func (v visits) Open(_ context.Context, user, _, _, _ string) (string, error) {
	secret := strings.Repeat(user[:1], 43)
	role := sdk.Standard
	if user == "ada" {
		role = sdk.Admin
	}
	v.people[secret] = sdk.Caller{User: sdk.User{ID: user, Email: user + "@example.com", Role: role}}
	return secret, nil
}
func (visits) Leave(context.Context, string) error { return nil }

type access struct{}

func (access) Authorize(_ context.Context, who sdk.Caller, action sdk.Action, _ sdk.TableName) error {
	if action == sdk.Administer && who.User.Role != sdk.Admin {
		return fault.New(fault.Permission, "no")
	}
	return nil
}

func newHouse(t *testing.T) *house { t.Helper(); return counting(t, nil) }

// counting is a house that counts use, too.
func counting(t *testing.T, counts *api.Activity) *house {
	t.Helper()
	h := &house{app: fiber.New(fiber.Config{Immutable: true, StrictRouting: true, CaseSensitive: true})}
	sessions := session.New(session.Options{Keeper: visits{map[string]sdk.Caller{}}, PublicURL: "http://example.com", Port: "80",
		Keys: func() []session.Pair { return []session.Pair{{Hash: make([]byte, 64), Block: make([]byte, 32)}} }})
	host := &page.Host{Sessions: sessions, Access: access{}, States: h, Brand: func() page.Brand { return page.Brand{Name: "Acme"} }, Demo: func() []string { return nil },
		PublicURL: "http://example.com", Limits: limit.New(limit.Rates{}, time.Now), Address: func(*fiber.Ctx) netip.Addr { return netip.Addr{} },
		Request: func(*fiber.Ctx) string { return "request" }, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Now: func() time.Time { return now }}
	h.app.Get("/in/:who", func(c *fiber.Ctx) error {
		_, err := sessions.Start(c, sdk.Caller{User: sdk.User{ID: c.Params("who")}}, "")
		return err
	})
	needs := runs.Needs{Watch: h, Now: func() time.Time { return now }}
	if counts != nil {
		h.activity, needs.Activity = counts, h
	}
	if err := host.Mount(h.app, runs.Routes(host, needs)); err != nil {
		t.Fatal(err)
	}
	return h
}

// browser is somebody who is signed in; "" is nobody.
type browser struct {
	h      *house
	cookie string
	token  string
}

func (h *house) as(t *testing.T, who string) *browser {
	t.Helper()
	b := &browser{h: h}
	if who != "" {
		answer, _ := b.send(t, httptest.NewRequest("GET", "/in/"+who, nil))
		for _, c := range answer.Cookies() {
			b.cookie = c.Name + "=" + c.Value
		}
	}
	return b
}

func (b *browser) send(t *testing.T, r *http.Request) (*http.Response, string) {
	t.Helper()
	r.Host = "example.com"
	if b.cookie != "" {
		r.Header.Set("Cookie", b.cookie)
	}
	answer, err := b.h.app.Test(r, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(body)
}

var tokenField = regexp.MustCompile(`name="_csrf" value="([^"]+)"`)

func (b *browser) get(t *testing.T, path string) string {
	t.Helper()
	answer, body := b.send(t, httptest.NewRequest("GET", path, nil))
	if answer.StatusCode != 200 {
		t.Fatalf("GET %s: %d\n%s", path, answer.StatusCode, body)
	}
	if found := tokenField.FindStringSubmatch(body); found != nil {
		b.token = found[1]
	}
	return body
}

func (b *browser) post(t *testing.T, path string, form url.Values) (int, string) {
	t.Helper()
	r := httptest.NewRequest("POST", path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, _ := b.send(t, r)
	return answer.StatusCode, answer.Header.Get("Location")
}

func has(t *testing.T, body string, texts ...string) {
	t.Helper()
	plain := strings.Join(strings.Fields(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(body, "")), " ")
	for _, text := range texts {
		if !strings.Contains(body, text) && !strings.Contains(plain, text) {
			t.Errorf("%q is not in\n%s", text, plain)
		}
	}
}

func hasNot(t *testing.T, body string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(body, text) {
			t.Errorf("%q is in the page", text)
		}
	}
}

// days are thirty of them with one word.
func days(word string) []api.StateDay {
	all := make([]api.StateDay, 30)
	for i := range all {
		all[i] = api.StateDay{Date: now.AddDate(0, 0, i-29).Format(time.DateOnly), State: word, Runs: 1, Added: 2}
	}
	return all
}

func table(name, state string, change func(*api.TableState)) api.TableState {
	s := api.TableState{Name: name, Source: "keep", State: state, Since: "2026-11-21T19:04:00Z", CheckedAt: "2026-11-21T19:04:00Z", NextAt: "2026-11-25T19:00:00Z", Days: days("fresh")}
	if change != nil {
		change(&s)
	}
	return s
}

func run(status string, tables ...api.RunTable) api.Run {
	r := api.Run{Run: "20261125t140000-abcdef", Trigger: "schedule", Source: "keep", Status: status, StartedAt: "2026-11-25T14:00:00Z", EndedAt: "2026-11-25T14:02:00Z", Tables: tables}
	if status == "running" {
		r.EndedAt = ""
	}
	return r
}

func part(name, status string, change func(*api.RunTable)) api.RunTable {
	t := api.RunTable{Name: name, Source: "keep", Status: status, Attempts: 1, StartedAt: "2026-11-25T14:00:30Z", EndedAt: "2026-11-25T14:01:00Z", Rows: 1792, Added: 60, Generation: 8409}
	if status == "running" {
		t.EndedAt, t.Generation, t.Added = "", 0, 0
	}
	if change != nil {
		change(&t)
	}
	return t
}

func TestEmpty(t *testing.T) {
	h := newHouse(t)
	h.states = api.States{Tables: []api.TableState{table("shop.orders", "never", func(s *api.TableState) { s.Days = days("") })}}
	has(t, h.as(t, "ada").get(t, "/runs"), "Nothing has run yet", "No run yet", "Sync now", "in 4 h")
	body := h.as(t, "bob").get(t, "/runs")
	has(t, body, "ask an administrator")
	hasNot(t, body, "Sync now", `method="post"`)
	h.states = api.States{}
	h.runs = api.Runs{Runs: []api.Run{run("published", part("shop.orders", "published", nil))}}
	has(t, h.as(t, "bob").get(t, "/runs"), "No table is open to you yet")
}

func TestAllIsWell(t *testing.T) {
	h := newHouse(t)
	h.states = api.States{Generation: 8410, Tables: []api.TableState{table("shop.orders", "fresh", nil), table("shop.products", "unchanged", nil)}}
	h.runs = api.Runs{Runs: []api.Run{run("published", part("shop.orders", "published", nil), part("shop.products", "unchanged", func(t *api.RunTable) { t.Added = 0 }))}, Next: "20261101t000000-x"}
	h.runs.Skipped = []api.Skip{{Source: "keep", DueAt: "2026-11-25T13:42:00Z", Reason: "the previous run is still going since 13:41"}}
	body := h.as(t, "bob").get(t, "/runs")
	has(t, body, "left out: the previous run is still going since 13:41. Nothing is lost.", `<td class="nowrap"><time datetime="2026-11-25T13:42:00Z"`, "All 2 tables are as they should be", "next run is due at 25 Nov 19:00 UTC", "generation 8,409", "2/s", "started by the schedule", "1 published, 1 unchanged",
		`aria-label="shop.orders: published after 30 s"`, `href="/runs?before=20261101t000000-x"`, "Thirty days", `href="/runs?before=20261125t240000"`)
	hasNot(t, body, "sec bad", "sec warn", `method="post"`)
}

func TestRunning(t *testing.T) {
	h := newHouse(t)
	h.states = api.States{Tables: []api.TableState{table("shop.orders", "syncing", nil)}}
	h.runs = api.Runs{Runs: []api.Run{run("running", part("shop.customers", "published", nil), part("shop.orders", "running", func(t *api.RunTable) { t.Attempts = 2 }))}}
	for _, path := range []string{"/runs", "/runs/20261125t140000-abcdef"} {
		body := h.as(t, "bob").get(t, path)
		has(t, body, "attempt 2", `class="a live"`, `hx-sse:connect="/api/v1/events"`, `hx-trigger="run.progress throttle:1s`, `hx-select="#now"`, "8/s")
		hasNot(t, body, `http-equiv="refresh"`)
	}
	has(t, h.as(t, "bob").get(t, "/runs"), "Syncing: 1 done, 1 under way", "It has run for 4 min 10 s")
	h.runs.Runs[0].Tables = nil
	has(t, h.as(t, "ada").get(t, "/runs/20261125t140000-abcdef"), "the sources are asked for their tables")
}

func TestFailed(t *testing.T) {
	h := newHouse(t)
	wrong := func(s *api.TableState) {
		s.Message, s.Help, s.Run = "214 rows carry text in amount.", "give amount its point", "20261125t140000-abcdef"
	}
	h.states = api.States{Tables: []api.TableState{table("shop.lines", "failed", wrong), table("shop.payments", "failed", wrong), table("shop.new", "failed", func(s *api.TableState) { s.CheckedAt, s.Message = "", "the token is refused" })}}
	h.runs = api.Runs{Runs: []api.Run{run("failed", part("shop.payments", "failed", func(t *api.RunTable) {
		t.Code, t.Message, t.Help = "data", "214 rows carry text in amount.", "give amount its point"
	}),
		part("", "failed", func(t *api.RunTable) { t.Source, t.Message = "crm", "the token is refused" }))}}
	body := h.as(t, "ada").get(t, "/runs")
	has(t, body, "3 of 3 tables need attention: 3 failed; one source does not answer", "It failed before any of its tables was known", "Retry crm", `class="sec bad"`, "214 rows carry text in amount.", "Next: give amount its point", "These 2 tables are meant:", "Retry keep", "Retry shop.new",
		"Readers keep the version that was right at", "Nothing of it is published yet")
	if n := strings.Count(body, `class="sec bad"`); n != 3 {
		t.Errorf("%d sections for three reasons", n)
	}
	hasNot(t, h.as(t, "bob").get(t, "/runs"), "Retry", `method="post"`)
	one := h.as(t, "ada").get(t, "/runs/20261125t140000-abcdef")
	has(t, one, "shop.payments and source crm failed", "code data", "the token is refused", "Retry what failed", `name="select" value="crm"`, `name="select" value="shop.payments"`)
	hasNot(t, h.as(t, "bob").get(t, "/runs/20261125t140000-abcdef"), "Retry")
}

func TestHeld(t *testing.T) {
	h := newHouse(t)
	h.states = api.States{Tables: []api.TableState{table("support.tickets", "held", func(s *api.TableState) {
		s.Held = &api.Held{Reason: "It lost more than half of its rows.", Rows: 41002, Before: 127336, At: "2026-11-25T13:41:00Z"}
	})}}
	h.runs = api.Runs{Runs: []api.Run{run("held", part("support.tickets", "held", nil))}}
	body := h.as(t, "ada").get(t, "/runs")
	has(t, body, "has 41,002 rows. The published one has 127,336.", "It lost more than half", ">Accept 41,002 rows</button>", `class="btn risk" name="decision" value="accept"`, "Discard this version", "86,334 rows go with it",
		"Do nothing", "your decision", "needs a decision", `class="sec warn"`)
	body = h.as(t, "bob").get(t, "/runs")
	has(t, body, "an administrator's decision", "Next: tell an administrator")
	hasNot(t, body, "Accept 41,002 rows", `method="post"`)
	has(t, h.as(t, "ada").get(t, "/runs?done=accept"), "The held version is published")
	hasNot(t, h.as(t, "ada").get(t, "/runs?done=<b>paid"), "paid")
}

func TestPartialStaleSkippedUnreadable(t *testing.T) {
	h := newHouse(t)
	h.states = api.States{Tables: []api.TableState{
		table("a.partial", "partial", func(s *api.TableState) { s.Message = "the line broke" }),
		table("a.skipped", "skipped", func(s *api.TableState) { s.Message = "The run was left out: the machine slept. Nothing is lost." }),
		table("a.stale", "stale", func(s *api.TableState) { s.Message = "A run was due and did not come." }),
		table("a.unreadable", "unreadable", func(s *api.TableState) { s.Message = "part 3f9a does not match its hash" }),
	}}
	h.runs = api.Runs{Runs: []api.Run{run("failed", part("a.partial", "partial", func(t *api.RunTable) { t.Message = "the line broke" }))}}
	body := h.as(t, "ada").get(t, "/runs")
	has(t, body, "4 of 4 tables need attention: 1 failed, 3 late or partial", "What arrived is published", "the machine slept", "did not come", "It is not served until it is restored", "Sync a.stale now")
	for i, word := range []string{"unreadable", "partial", "stale", "skipped"} { // the worst first
		if at := strings.Index(body, `id="`+word+`-`); at < 0 || i > 0 && at < strings.Index(body, `id="unreadable-`) {
			t.Errorf("%s stands at %d", word, at)
		}
	}
	hasNot(t, body, "Retry a.unreadable")
	has(t, h.as(t, "bob").get(t, "/runs/20261125t140000-abcdef"), "A part was published before it stopped", "the line broke")
}

func TestFilters(t *testing.T) {
	h := newHouse(t)
	h.states = api.States{Tables: []api.TableState{table("shop.orders", "fresh", nil)}}
	body := h.as(t, "bob").get(t, "/runs?source=keep&status=failed&table=shop.orders&before=20261101t000000-x")
	if want := (api.RunFilter{Source: "keep", Table: "shop.orders", Status: "failed", Before: "20261101t000000-x", Limit: 30}); h.asked != want {
		t.Errorf("asked %+v", h.asked)
	}
	has(t, body, "No run fits", "<option selected>keep</option>", "<option selected>failed</option>", `value="shop.orders"`, "Show all runs")
	hasNot(t, body, "hx-sse:connect")
	h.runs = api.Runs{Runs: []api.Run{run("failed", part("shop.orders", "failed", nil))}, Next: "x y&z"}
	has(t, h.as(t, "bob").get(t, "/runs?status=failed"), `href="/runs?before=x&#43;y%26z&amp;status=failed"`)
}

func TestForms(t *testing.T) {
	h := newHouse(t)
	h.states = api.States{Tables: []api.TableState{table("shop.orders", "held", func(s *api.TableState) { s.Held = &api.Held{Rows: 1} })}}
	ada, bob := h.as(t, "ada"), h.as(t, "bob")
	ada.get(t, "/runs")
	bob.get(t, "/runs")
	for _, c := range []struct {
		name   string
		who    *browser
		path   string
		form   url.Values
		status int
		leads  string
		done   string
	}{
		{"no token", ada, "/runs/sync", url.Values{"select": {"keep"}}, 403, "", ""},
		{"a wrong token", ada, "/runs/decide", url.Values{"_csrf": {"x"}, "table": {"shop.orders"}, "decision": {"accept"}}, 403, "", ""},
		{"nobody", &browser{h: h}, "/runs/sync", url.Values{"_csrf": {ada.token}}, 303, "/login", ""},
		{"no admin", bob, "/runs/sync", url.Values{"_csrf": {"theirs"}}, 403, "", ""},
		{"everything", ada, "/runs/sync", url.Values{"_csrf": {ada.token}, "select": {""}}, 303, "/runs/20261125t140410-new", "sync "},
		{"two", ada, "/runs/sync", url.Values{"_csrf": {ada.token}, "select": {"keep", "shop.orders"}}, 303, "/runs/20261125t140410-new", "sync keep,shop.orders"},
		{"unknown", ada, "/runs/sync", url.Values{"_csrf": {ada.token}, "select": {"nobody"}}, 400, "", ""},
		{"accept", ada, "/runs/decide", url.Values{"_csrf": {ada.token}, "table": {"shop.orders"}, "decision": {"accept"}}, 303, "/runs?done=accept", "decide shop.orders true"},
		{"discard", ada, "/runs/decide", url.Values{"_csrf": {ada.token}, "table": {"shop.orders"}, "decision": {"discard"}}, 303, "/runs?done=discard", "decide shop.orders false"},
		{"undecided", ada, "/runs/decide", url.Values{"_csrf": {ada.token}, "table": {"shop.orders"}}, 400, "", ""},
		{"no table", ada, "/runs/decide", url.Values{"_csrf": {ada.token}, "table": {"../x"}, "decision": {"accept"}}, 400, "", ""},
		{"not held", ada, "/runs/decide", url.Values{"_csrf": {ada.token}, "table": {"shop.free"}, "decision": {"accept"}}, 404, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			h.done = nil
			status, leads := c.who.post(t, c.path, c.form)
			if status != c.status || leads != c.leads || strings.Join(h.done, ";") != c.done {
				t.Errorf("%d to %q, did %q; want %d to %q, %q", status, leads, h.done, c.status, c.leads, c.done)
			}
		})
	}
	if bob.token != "" {
		t.Error("a page without a form has a token for one")
	}
}

func TestWaysIn(t *testing.T) {
	h := newHouse(t)
	answer, _ := h.as(t, "").send(t, httptest.NewRequest("GET", "/runs?status=failed", nil))
	if answer.StatusCode != 303 || answer.Header.Get("Location") != "/login?next=%2Fruns%3Fstatus%3Dfailed" {
		t.Errorf("%d to %s", answer.StatusCode, answer.Header.Get("Location"))
	}
	bob := h.as(t, "bob")
	if answer, _ = bob.send(t, httptest.NewRequest("GET", "/syncs", nil)); answer.StatusCode != 301 || answer.Header.Get("Location") != "/runs" {
		t.Errorf("%d to %s", answer.StatusCode, answer.Header.Get("Location"))
	}
	if answer, _ = bob.send(t, httptest.NewRequest("GET", "/runs/no%20such", nil)); answer.StatusCode != 404 {
		t.Errorf("an unknown run: %d", answer.StatusCode)
	}
	h.fails = fault.New(fault.Transient, "the database is away")
	if answer, _ = bob.send(t, httptest.NewRequest("GET", "/runs", nil)); answer.StatusCode != 503 {
		t.Errorf("without database: %d", answer.StatusCode)
	}
}

func TestActivity(t *testing.T) {
	h := newHouse(t)
	has(t, h.as(t, "bob").get(t, "/activity"), "Use is not counted here")
	h = counting(t, &api.Activity{})
	has(t, h.as(t, "bob").get(t, "/activity"), "Nobody used your tables in the last 30 days", "Nothing was counted", "No table was pulled")
	*h.activity = api.Activity{People: 3, Pulls: 12, Queries: 1, ByDay: []api.ActivityDay{{Date: "2026-11-24", Pulls: 4}, {Date: "2026-11-25", Pulls: 8, Queries: 1, People: 3}},
		Tables: []api.TableUse{{Table: "shop.orders", Pulls: 12, Queries: 1, People: 3, LastAt: "2026-11-25T13:04:00Z"}}, Groups: []api.GroupUse{{Group: "growth", People: 2}}}
	body := h.as(t, "ada").get(t, "/activity?days=7")
	has(t, body, "3 people used your tables in the last 7 days", "12 pulls and 1 query", "yesterday", `width="88.89%"`, "1 h ago", "growth", `href="/activity?days=7" aria-current="page"`)
	hasNot(t, h.as(t, "bob").get(t, "/activity?days=7000"), "growth", "in the last 7000 days")
}

// Names, messages and ids come from sources and people: whatever they hold, the page shows them as text.
func TestHostileValues(t *testing.T) {
	const nasty = `"><script>alert(1)</script><img src=x onerror=alert(2)>' {{.}} javascript:alert(3)`
	h := newHouse(t)
	h.states = api.States{Tables: []api.TableState{table(nasty, "failed", func(s *api.TableState) {
		s.Source, s.Message, s.Help, s.Run, s.Schedule = nasty, nasty, nasty, nasty, nasty
		s.Held = &api.Held{Reason: nasty}
	})}}
	bad := part(nasty, "failed", func(t *api.RunTable) { t.Source, t.Code, t.Message, t.Help = nasty, nasty, nasty, nasty })
	odd := part(nasty, nasty, nil)
	h.runs = api.Runs{Runs: []api.Run{{Run: "x", Trigger: nasty, Source: nasty, Status: nasty, StartedAt: nasty, Tables: []api.RunTable{bad, odd}}}, Next: nasty}
	for _, who := range []string{"ada", "bob"} {
		for _, path := range []string{"/runs", "/runs/x", "/runs?table=" + url.QueryEscape(nasty) + "&source=" + url.QueryEscape(nasty)} {
			body := h.as(t, who).get(t, path)
			hasNot(t, body, "<script>alert", "<img src=x", `href="javascript:`, " onerror=alert(2)>'")
			if !strings.Contains(body, "&lt;script&gt;") {
				t.Errorf("%s as %s does not show what it was given", path, who)
			}
		}
	}
}

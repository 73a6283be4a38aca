package home_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/portal/home"
	"github.com/ai-data-analyst/broker/web/portal/page"
	"github.com/ai-data-analyst/broker/web/portal/page/pagetest"
)

var (
	now = time.Date(2026, 11, 25, 14, 5, 0, 0, time.UTC)
	bob = sdk.Caller{User: sdk.User{ID: "u2", Email: "bob@example.com", Name: "Bob", Role: sdk.Standard}}
	ada = sdk.Caller{User: sdk.User{ID: "u1", Email: "ada@example.com", Name: "Ada", Role: sdk.Admin}}
)

// lake is what the host says.
type lake struct {
	catalog   api.Catalog
	changes   api.Changes
	states    api.States
	histories map[string]api.History
	machines  api.Machines
	tokens    []sdk.Token
}

func (l *lake) Catalog(context.Context, sdk.Caller) (api.Catalog, error) { return l.catalog, nil }

func (l *lake) Changes(context.Context, sdk.Caller, int64) (api.Changes, error) {
	return l.changes, nil
}

func (l *lake) States(context.Context, sdk.Caller) (api.States, error) { return l.states, nil }

func (l *lake) History(_ context.Context, _ sdk.Caller, table sdk.TableName, _ int) (api.History, error) {
	h, ok := l.histories[string(table)]
	if !ok {
		return h, fault.New(fault.NotFound, "not there")
	}
	return h, nil
}

func (l *lake) Machines(context.Context, sdk.Caller) (api.Machines, error) { return l.machines, nil }

func (l *lake) Tokens(context.Context, sdk.Caller) ([]sdk.Token, error) { return l.tokens, nil }

func (l *lake) site(t *testing.T, who sdk.Caller) *pagetest.Site {
	t.Helper()
	return pagetest.New(t, who, now, func(h *page.Host) []page.Route {
		h.States, h.Machines = l, l
		return home.Routes(home.Needs{Manifests: l, States: l, Machines: l, Tokens: l, Pages: h, PublicURL: "https://data.example.com", Now: func() time.Time { return now }})
	})
}

func number(n int64) *int64 { return &n }

// shop is four tables, two of which moved since generation 5.
func shop() *lake {
	l := &lake{histories: map[string]api.History{}}
	l.catalog = api.Catalog{Generation: 9, PublishedAt: "2026-11-25T14:02:00Z"}
	for _, name := range []string{"shop.customers", "shop.orders", "shop.payments", "shop.tickets"} {
		l.catalog.Tables = append(l.catalog.Tables, api.CatalogTable{Name: name, Rows: 1000, Bytes: 5_000_000, PublishedAt: "2026-11-25T06:00:00Z"})
	}
	l.states = api.States{Generation: 9, PublishedAt: "2026-11-25T14:02:00Z", Tables: []api.TableState{
		{Name: "shop.customers", State: "fresh", Days: []api.StateDay{{State: "fresh"}}},
		{Name: "shop.orders", State: "unchanged"},
		{Name: "shop.payments", State: "failed", Since: "2026-11-21T19:04:00Z", Message: "text in a number column", NextAt: "2026-11-25T19:00:00Z", Run: "r1"},
		{Name: "shop.tickets", State: "held", Held: &api.Held{Reason: "far fewer rows than before", Rows: 41002, Before: 127336}}}}
	l.machines.Machines = []api.Machine{{Label: "bob-mbp", Generation: 5, PulledAt: "2026-11-20T17:52:00Z", Client: "analyst/1.4.0"}, {Label: "old-pc", Generation: 2, PulledAt: "2026-10-01T08:00:00Z"}}
	l.changes = api.Changes{Generation: 9, Since: 5, Complete: true, Generations: []api.Change{{Generation: 9, PublishedAt: "2026-11-25T14:02:00Z", Tables: []string{"shop.orders"}},
		{Generation: 7, PublishedAt: "2026-11-23T14:02:00Z", Tables: []string{"shop.orders", "shop.customers"}}}}
	l.histories["shop.orders"] = api.History{Versions: []api.Version{{Generation: 9, Added: number(6000), Updated: number(12000), Deleted: number(4), NewBytes: 3_000_000, Schema: []string{"column coupon_code VARCHAR added"}},
		{Generation: 7, Added: number(413), Updated: number(410), Deleted: number(0), NewBytes: 100_000}, {Generation: 5, Added: number(99999), Updated: number(0), Deleted: number(0)}}}
	l.histories["shop.customers"] = api.History{Versions: []api.Version{{Generation: 7}}}
	return l
}

func look(t *testing.T, body string, want ...string) {
	t.Helper()
	for _, text := range want {
		if !strings.Contains(body, text) {
			t.Errorf("lacks %q in %s", text, body)
		}
	}
}

func TestHomeSaysWhatChangedAndWhatCannotBeTrusted(t *testing.T) {
	l := shop()
	_, body := l.site(t, bob).Get("/")
	look(t, body, "2 of your 4 tables changed since Friday", "shop.payments failed and shop.tickets waits for a decision", "about <span class=\"nowrap\" title=\"3,100,000 bytes\">3.1",
		"+6,413", "12,410", "−4", "column coupon_code VARCHAR added", "not counted", "shop.payments and shop.tickets have not changed.", "<b>You: 5</b>", "<b>The lake: 9</b>",
		"text in a number column", "41,002 rows instead of 127,336", "still read the version of", "<b>Next:</b>", "nothing; an administrator decides", "it is tried again", "bob-mbp", "analyst/1.4.0", "old-pc",
		`class="sec bad"`, `class="sec warn"`)
	if strings.Contains(body, "99,999") || strings.Index(body, `aria-label="shop.payments failed"`) > strings.Index(body, `aria-label="shop.tickets held"`) {
		t.Error("counts what was pulled already, or the worst is not first")
	}
	_, body = l.site(t, ada).Get("/")
	look(t, body, `href="/runs#held">accept or put aside`, `href="/runs/r1"`)

	l.states.Tables = l.states.Tables[:2]
	l.changes.Generations, l.machines.Machines[0].Generation = nil, 9
	_, body = l.site(t, bob).Get("/")
	look(t, body, "You have the newest data", "All of them are as fresh as their schedules promise.", "nothing to fetch", "Nothing to pull")
	l.machines.Machines[0].Generation = 8
	_, body = l.site(t, bob).Get("/")
	look(t, body, "Nothing changed since Friday")
}

func TestHomeOfEveryState(t *testing.T) {
	l := shop()
	for state, want := range map[string]string{"stale": "older than its schedule promises", "partial": "the rest comes with the next runs", "unreadable": "not served until it is restored"} {
		l.states.Tables = []api.TableState{{Name: "shop.orders", State: state}}
		_, body := l.site(t, bob).Get("/")
		look(t, body, want, `class="st `+state+`"`, "<b>Next:</b>")
	}
	l.states.Tables = []api.TableState{{Name: "shop.orders", State: "never"}, {Name: "shop.customers", State: "syncing"}}
	_, body := l.site(t, bob).Get("/")
	look(t, body, "some are syncing or wait for their first run", "never synced")
	l.catalog.Tables = nil
	_, body = l.site(t, bob).Get("/")
	look(t, body, "Nothing is open to you yet", "ask an administrator")
	_, body = l.site(t, ada).Get("/")
	look(t, body, "No table has been published", "broker sync")
}

func TestHomeOfMany(t *testing.T) {
	l := shop()
	l.catalog.Tables, l.states.Tables, l.changes.Generations = nil, nil, []api.Change{{Generation: 9}}
	for i := range 500 {
		name := fmt.Sprintf("shop.t%03d", i)
		l.catalog.Tables = append(l.catalog.Tables, api.CatalogTable{Name: name})
		l.states.Tables = append(l.states.Tables, api.TableState{Name: name, State: "failed"})
		l.changes.Generations[0].Tables = append(l.changes.Generations[0].Tables, name)
	}
	_, body := l.site(t, bob).Get("/")
	look(t, body, "500 of your 500 tables changed", "475 more tables changed", "494 more tables", "460 more tables")
	if len(body) > 200_000 {
		t.Errorf("%d bytes", len(body))
	}
}

func TestSetUpIsWatched(t *testing.T) {
	l := shop()
	machines := l.machines
	l.machines.Machines = nil
	s := l.site(t, bob)
	_, body := s.Get("/", "User-Agent: Mozilla/5.0 (Macintosh; Intel Mac OS X 14_0)")
	look(t, body, "Four commands", "curl -fsSL https://data.example.com/download/install.sh | sh", "analyst login https://data.example.com", "analyst init ~/analyst", "4 tables", `href="?os=macos" aria-current="true"`,
		`hx-get="/home/steps?os=macos"`, "Waiting for your machine", `href="/">look again`, "data-copy")
	_, body = s.Get("/?os=windows")
	look(t, body, "irm https://data.example.com/download/install.ps1 | iex", `$HOME\analyst`)
	for _, odd := range []string{"/?os=%3Cscript%3E", "/home/steps?os=%22%3E"} {
		_, body := s.Get(odd)
		pagetest.Escaped(t, odd, body)
	}
	l.tokens = []sdk.Token{{Label: "revoked", Revoked: now, LastUsed: now}, {Label: "gone", Expires: now.Add(-time.Hour), LastUsed: now}, {Label: "unused", Expires: now.Add(time.Hour)}}
	_, body = s.Get("/home/steps")
	look(t, body, "Waiting for your machine")
	l.tokens = append(l.tokens, sdk.Token{Label: "bob on bob-mbp", Created: now.Add(-time.Minute), Expires: now.Add(time.Hour), LastUsed: now})
	_, body = s.Get("/home/steps?os=linux")
	look(t, body, "Signed in", "bob on bob-mbp", `<li class="on">`, "analyst pull")
	if strings.Contains(body, "<html") || strings.Contains(body, "<main") {
		t.Error("a whole page where a part was asked for")
	}
	l.machines = machines
	_, body = s.Get("/home/steps")
	look(t, body, "Connected", "bob-mbp pulled", `href="/"`)
	if strings.Contains(body, "hx-trigger") {
		t.Error("asks on after all is done")
	}
	_, body = s.Get("/memory")
	look(t, body, "There is no shared memory here")
}

func TestL13_HomeWithHostileTexts(t *testing.T) {
	for _, evil := range pagetest.Corpus {
		l := shop()
		for _, to := range []any{&l.catalog, &l.changes, &l.states, &l.machines} {
			pagetest.Fill(to, evil)
		}
		for i := range l.states.Tables {
			l.states.Tables[i].Message, l.states.Tables[i].Help, l.states.Tables[i].Run = evil, evil, evil
		}
		l.states.Tables = append(l.states.Tables, api.TableState{Name: evil, State: "failed", Message: evil}, api.TableState{Name: evil, State: evil})
		l.catalog.Tables = append(l.catalog.Tables, api.CatalogTable{Name: evil, Description: evil})
		l.machines.Machines[0].Label, l.machines.Machines[0].Client = evil, evil
		l.changes.Generations[0].Tables = append(l.changes.Generations[0].Tables, evil)
		l.histories[evil] = api.History{Versions: []api.Version{{Generation: 9, Schema: []string{evil}}}}
		l.tokens = []sdk.Token{{Label: evil, LastUsed: now}}
		for _, who := range []sdk.Caller{ada, bob} {
			for _, path := range []string{"/", "/home/steps"} {
				answer, body := l.site(t, who).Get(path)
				if answer.StatusCode != 200 || !strings.Contains(body, "evil") {
					t.Fatalf("%s with %q: %d", path, evil, answer.StatusCode)
				}
				pagetest.Escaped(t, path+" with "+evil, body)
			}
			l.machines.Machines = nil
			_, body := l.site(t, who).Get("/")
			pagetest.Escaped(t, "new person with "+evil, body)
			l.machines = shop().machines
			l.machines.Machines[0].Label = evil
		}
	}
}

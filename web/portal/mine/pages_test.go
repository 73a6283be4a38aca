package mine_test

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/portal/mine"
	"github.com/ai-data-analyst/broker/web/portal/page"
	"github.com/ai-data-analyst/broker/web/portal/page/pagetest"
)

// hostile is a text from outside.
const hostile = `"><script>alert(1)</script>'{{.}}`

// desk is what one person has.
type desk struct {
	chosen   api.Subscriptions
	machines []api.Machine
	tokens   []sdk.Token
	catalog  api.Catalog
	programs []string
	done     []string
	fails    error
}

func (d *desk) Subscriptions(context.Context, sdk.Caller) (api.Subscriptions, error) {
	return d.chosen, nil
}
func (d *desk) Subscribe(_ context.Context, _ sdk.Caller, wanted api.Subscriptions) error {
	return d.note("choose", wanted.Mode, strings.Join(wanted.Tables, "+"))
}
func (d *desk) Datasets(context.Context, sdk.Caller) (api.DatasetChoices, error) {
	if len(d.catalog.Tables) == 0 {
		return api.DatasetChoices{}, nil
	}
	return api.DatasetChoices{Datasets: []api.DatasetChoice{{Dataset: api.Dataset{Name: "jira", Label: hostile, Description: hostile, Requires: []string{hostile}, Tables: []string{"jira.issues"}}, Taken: true},
		{Dataset: api.Dataset{Name: "telemetry", Tables: []string{"telemetry.events"}}}}}, nil
}
func (d *desk) Take(_ context.Context, _ sdk.Caller, dataset string, take bool) error {
	return d.note(map[bool]string{true: "take", false: "leave"}[take], dataset)
}
func (d *desk) Tokens(context.Context, sdk.Caller) ([]sdk.Token, error) { return d.tokens, nil }
func (d *desk) IssueToken(_ context.Context, _ sdk.Caller, label string, days int, scopes []sdk.Scope) (sdk.Token, sdk.Secret, error) {
	var words []string
	for _, s := range scopes {
		words = append(words, string(s))
	}
	return sdk.Token{ID: "new", Label: label}, "brk_secret", d.note("issue", label, strings.Join(words, "+"))
}
func (d *desk) RevokeToken(_ context.Context, _ sdk.Caller, id string) error {
	return d.note("revoke", id)
}
func (d *desk) Sessions(context.Context, sdk.Caller) ([]sdk.PortalSession, error) {
	return []sdk.PortalSession{{ID: "s1", Provider: "google", Created: pagetest.Today().Add(-time.Hour), LastSeen: pagetest.Today(), Address: "127.0.0.1", UserAgent: "Firefox"},
		{ID: "other", Provider: "google", Created: pagetest.Today().Add(-50 * time.Hour), LastSeen: pagetest.Today(), Address: "10.0.0.9", UserAgent: hostile}}, nil
}
func (d *desk) End(_ context.Context, _ sdk.Caller, id string) error { return d.note("end", id) }
func (d *desk) Machines(context.Context, sdk.Caller) (api.Machines, error) {
	return api.Machines{Machines: d.machines}, nil
}
func (d *desk) Catalog(context.Context, sdk.Caller) (api.Catalog, error) { return d.catalog, nil }
func (d *desk) KeysOf(context.Context, sdk.Caller) ([]mine.Key, error) {
	return []mine.Key{{Name: "bob", Fingerprint: "SHA256:x", Comment: hostile}}, nil
}

func (d *desk) note(words ...string) error {
	if d.fails == nil {
		d.done = append(d.done, strings.Join(words, " "))
	}
	return d.fails
}

func open(t *testing.T, change func(*desk)) (*desk, *pagetest.Browser) {
	t.Helper()
	d := &desk{chosen: api.Subscriptions{Mode: "explicit", Tables: []string{"shop.orders"}}, programs: []string{"analyst-linux-amd64", "analyst-darwin-arm64"},
		catalog: api.Catalog{Tables: []api.CatalogTable{{Name: "shop.orders", Rows: 10, Bytes: 2000, Description: hostile}, {Name: "shop.items", Rows: 5, Bytes: 1000}}}}
	if change != nil {
		change(d)
	}
	house := pagetest.Open(t, func(host *page.Host) []page.Route {
		return mine.Routes(host, mine.Needs{Choices: d, Tokens: d, Visits: d, Machines: d, Keys: d, Catalog: d, Programs: func() []string { return d.programs },
			PublicURL: "https://data.acme.com", Now: func() time.Time { return pagetest.Today() }})
	})
	return d, house.As("bob")
}

func TestWhatAPersonHas(t *testing.T) {
	_, bob := open(t, func(d *desk) {
		d.machines = []api.Machine{{Label: hostile, Generation: 12, PulledAt: "2026-11-25T13:00:00Z", Client: "analyst/1"}}
		d.tokens = []sdk.Token{{ID: "t1", Label: hostile, Scopes: []sdk.Scope{"read"}, Expires: pagetest.Today().Add(time.Hour)}, {ID: "t2", Label: "old", Expires: pagetest.Today().Add(-time.Hour)}}
	})
	body := bob.Page("/me")
	pagetest.Has(t, body, "You receive 1 of 2 tables", "You are bob@example.com", "this browser", "Sign out everywhere else", "over", "SHA256:x", "2.0 kB", `value="explicit" checked`)
	pagetest.HasNot(t, body, "<script>alert", "ZgotmplZ")
}

func TestNothingIsOpenYet(t *testing.T) {
	_, bob := open(t, func(d *desk) { d.catalog, d.chosen = api.Catalog{}, api.Subscriptions{Mode: "all"} })
	pagetest.Has(t, bob.Page("/me"), "Nothing is open to you yet", "ask an administrator for access", "None has pulled yet.")
}

func TestChoicesAreKept(t *testing.T) {
	for _, one := range []struct {
		path  string
		form  url.Values
		where string
		done  string
	}{
		{"/me/subscriptions", url.Values{"mode": {"explicit"}, "table": {"shop.orders", "shop.items"}}, "/me?done=chosen", "choose explicit shop.orders+shop.items"},
		{"/me/subscriptions", url.Values{"mode": {"all"}}, "/me?done=chosen", "choose all "},
		{"/me/datasets", url.Values{"dataset": {"jira"}, "do": {"leave"}}, "/me?done=chosen", "leave jira"},
		{"/me/datasets", url.Values{"dataset": {"jira"}, "do": {"take"}}, "/me?done=chosen", "take jira"},
		{"/me/sessions", url.Values{"session": {"other"}}, "/me?done=ended#sessions", "end other"},
		{"/me/tokens", url.Values{"do": {"revoke"}, "token": {"t1"}}, "/me?done=revoked#tokens", "revoke t1"},
	} {
		d, bob := open(t, nil)
		bob.Page("/me")
		status, where, _ := bob.Post(one.path, one.form)
		if status != 303 || where != one.where || !slices.Equal(d.done, []string{one.done}) {
			t.Errorf("%s %v: %d %s %q", one.path, one.form, status, where, d.done)
		}
		d.fails = fault.New(fault.Config, "there is no table "+hostile)
		status, _, body := bob.Post(one.path, one.form)
		if status != 400 {
			t.Errorf("%s, refused: %d", one.path, status)
		}
		pagetest.Has(t, body, "Not done", "Nothing was changed.")
		pagetest.HasNot(t, body, "<script>alert")
	}
}

func TestATokenIsShownOnce(t *testing.T) {
	d, bob := open(t, nil)
	bob.Page("/me")
	status, _, body := bob.Post("/me/tokens", url.Values{"do": {"make"}, "label": {"my script"}, "push": {"yes"}})
	if status != 200 || !slices.Equal(d.done, []string{"issue my script read+push"}) {
		t.Fatalf("%d %q", status, d.done)
	}
	pagetest.Has(t, body, "brk_secret", "It is shown this once.")
	pagetest.HasNot(t, bob.Page("/me"), "brk_secret")
}

func TestStepsTickThemselvesOff(t *testing.T) {
	d, bob := open(t, nil)
	body := bob.Page("/setup?os=linux")
	pagetest.Has(t, body, "Set up a machine", "curl -fsSL https://data.acme.com/download/install.sh | sh", "analyst login https://data.acme.com", "1 table you take, 2.0 kB", `hx-get="/setup/steps?os=linux"`)
	if strings.Count(body, "not yet") != 4 {
		t.Errorf("%d steps are open", strings.Count(body, "not yet"))
	}
	pagetest.Has(t, bob.Page("/setup?os=windows"), "hands out no program for that system")
	d.tokens = []sdk.Token{{Label: "bob-mbp", Created: pagetest.Today().Add(-time.Minute), Expires: pagetest.Today().Add(time.Hour)}}
	if body = bob.Page("/setup/steps"); strings.Count(body, "not yet") != 2 || strings.Contains(body, "<html") {
		t.Errorf("signed in:\n%s", body)
	}
	d.machines = []api.Machine{{Label: "bob-mbp", PulledAt: "2026-11-25T14:00:00Z"}}
	body = bob.Page("/setup")
	pagetest.Has(t, body, "Connected: bob-mbp has pulled")
	pagetest.HasNot(t, body, "not yet")
	if status, _ := bob.Get("/setup?os=linux&os=macos"); status != 400 {
		t.Errorf("A2, a repeated parameter: %d", status)
	}
}

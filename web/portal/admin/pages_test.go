package admin_test

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/portal/admin"
	"github.com/ai-data-analyst/broker/web/portal/page"
	"github.com/ai-data-analyst/broker/web/portal/page/pagetest"
)

// hostile is a text from outside.
const hostile = `"><script>alert(1)</script>'{{.}}`

// office is an instance whose every text comes from outside.
type office struct {
	directory api.Directory
	matrix    api.Matrix
	plugins   api.Plugins
	health    api.Health
	sources   api.Sources
	storage   api.Storage
	offer     api.Discovery
	asked     api.AuditFilter
	done      []string
	fails     error
}

func (o *office) Directory(context.Context) (api.Directory, error) { return o.directory, nil }
func (o *office) Matrix(context.Context) (api.Matrix, error)       { return o.matrix, nil }
func (o *office) Invite(_ context.Context, _ sdk.Caller, email, name, role string) error {
	return o.note("invite", email, name, role)
}
func (o *office) Disable(_ context.Context, _ sdk.Caller, email string, disabled bool) error {
	return o.note("disable", email, fmt.Sprint(disabled))
}
func (o *office) Relink(_ context.Context, _ sdk.Caller, email string) error {
	return o.note("relink", email)
}
func (o *office) CreateGroup(_ context.Context, _ sdk.Caller, group string) error {
	return o.note("create", group)
}
func (o *office) ChangeGroup(_ context.Context, _ sdk.Caller, verb, group string, list []string) (int, error) {
	return len(list), o.note(verb, group, strings.Join(list, "+"))
}
func (o *office) Explain(_ context.Context, email, table string) (api.Explained, error) {
	return api.Explained{Allowed: true, Why: email + " reads it as standard", Because: []api.ExplainedRule{{Group: "finance", Pattern: "shop.*", Origin: "instance.hcl", Line: 18}}}, o.fails
}
func (o *office) Plugins(context.Context) (api.Plugins, error) { return o.plugins, nil }
func (o *office) Pin(_ context.Context, _ sdk.Caller, name, sha256 string) error {
	return o.note("pin", name, sha256)
}
func (o *office) Unpin(_ context.Context, _ sdk.Caller, name string) error {
	return o.note("unpin", name)
}
func (o *office) Discover(context.Context, string) (api.Discovery, error) { return o.offer, o.fails }
func (o *office) Preview(context.Context, string, string, int) (api.Sample, error) {
	text := hostile
	return api.Sample{Columns: []api.TypedName{{Name: hostile, Type: "string"}}, Rows: [][]*string{{&text}, {nil}}}, nil
}
func (o *office) Register(_ context.Context, _ sdk.Caller, wanted api.Registration) (string, error) {
	t := wanted.Tables[0]
	return "v2", o.note("register", wanted.Source, wanted.Version, t.Stream, t.Folder+"."+t.Name, strings.Join(t.PrimaryKey, "+"), strings.Join(t.PII, "+"))
}
func (o *office) Health(context.Context) (api.Health, error)   { return o.health, nil }
func (o *office) Sources(context.Context) (api.Sources, error) { return o.sources, nil }
func (o *office) Audit(_ context.Context, f api.AuditFilter) (api.Audit, error) {
	o.asked = f
	found := api.Audit{Records: []api.AuditRecord{{Seq: 7, At: "2026-11-25T13:00:00Z", Who: hostile, Action: "tokens.revoke", Object: "=cmd()", Outcome: "denied", Reason: hostile, Address: "10.0.0.9", Via: "api"}}, Next: 7}
	if f.Check {
		found.Check = &api.AuditCheck{Records: 6, Bad: 7, Reason: "it does not follow the one before"}
	}
	return found, nil
}
func (o *office) Storage(context.Context) (api.Storage, error) { return o.storage, nil }

func (o *office) note(words ...string) error {
	if o.fails == nil {
		o.done = append(o.done, strings.Join(words, " "))
	}
	return o.fails
}

func open(t *testing.T, change func(*office)) (*office, *pagetest.House) {
	t.Helper()
	o := &office{
		directory: api.Directory{
			People: []api.Person{{ID: "1", Email: "ada@example.com", Role: "admin", Status: "active", Groups: []string{"everyone"}, CreatedAt: "2026-11-01T10:00:00Z"},
				{ID: "2", Email: "bob@example.com", Name: hostile, Role: "standard", Status: "disabled", Groups: []string{"sales"}, CreatedAt: "2026-11-01T10:00:00Z"}},
			Groups: []api.Group{{Name: "finance", Members: []string{"bob@example.com"}, Tables: []string{"shop.*"}, File: "instance.hcl", Line: 18},
				{Name: "sales", Members: []string{"bob@example.com", "eve@example.com"}, Tables: []string{"shop.orders", "crm.*"}}}},
		matrix: api.Matrix{Groups: []string{"finance", "sales"}, Rows: []api.MatrixRow{
			{Table: "crm.people", By: []string{"", "crm.*"}}, {Table: "shop.orders", By: []string{"shop.*", "shop.orders"}}, {Table: "shop.payments", By: []string{"shop.*", ""}}}},
		plugins: api.Plugins{Plugins: []api.Plugin{{Name: "csv", Kind: "connector", Version: "1.0.0", SHA256: strings.Repeat("a", 64), Status: "ready", UsedBy: []string{"source files"}},
			{Name: "evil", Kind: "connector", SHA256: strings.Repeat("b", 64), Status: "untrusted", Reason: hostile}}},
		health: api.Health{Version: "1", StartedAt: "2026-11-25T10:00:00Z", Parts: []api.HealthPart{{Name: "state", State: "ok", Required: true, Detail: "sqlite"},
			{Name: "plugin " + hostile, State: "down", Detail: hostile, Help: hostile}}, Problems: []api.Finding{{Severity: "error", File: "instance.hcl", Line: 3, Summary: hostile, Help: hostile}}},
		sources: api.Sources{Sources: []api.Source{{Name: "files", Connector: "csv", Schedule: "@every 15m", NextAt: "2026-11-25T19:00:00Z", Tables: 3, File: "instance.hcl", Line: 9, Error: hostile, Help: hostile}}},
		storage: api.Storage{Bytes: 100, Free: 1e9, RetainDays: 30, Oldest: 1, Generation: 12, Tables: []api.StoredTable{{Table: "shop.orders", Bytes: 60, Kept: 75, Parts: 2, Versions: 4}}},
		offer: api.Discovery{Source: "files", File: "data_description.md", Version: "v1", Streams: []api.Stream{
			{Name: "Open Tickets", Description: hostile, Key: []string{"id"}, Strategies: []string{"full_refresh"}, Columns: []api.TypedName{{Name: "id", Type: "int64"}}, Table: "main.open_tickets"},
			{Name: "orders", Table: "shop.orders", Registered: true}}},
	}
	if change != nil {
		change(o)
	}
	return o, pagetest.Open(t, func(host *page.Host) []page.Route {
		return admin.Routes(host, admin.Host{People: o, Plugins: o, Registry: o, Instance: o})
	})
}

var paths = []string{"/admin", "/admin/plugins", "/admin/sources", "/admin/tables", "/admin/access", "/admin/people", "/admin/storage", "/admin/audit",
	"/admin/tables?source=files&stream=Open+Tickets", "/admin/access?user=bob@example.com&table=shop.orders", "/admin/people?q=bob"}

func TestG12_PagesAreForAdmins(t *testing.T) {
	_, house := open(t, nil)
	for _, path := range paths {
		for who, want := range map[string]int{"ada": 200, "bob": 403, "": 303} {
			if status, body := house.As(who).Get(path); status != want {
				t.Errorf("%s for %q: %d\n%.500s", path, who, status, body)
			}
		}
	}
	for _, path := range []string{"/admin/plugins", "/admin/tables", "/admin/access", "/admin/people", "/admin/groups"} {
		ada := house.As("ada")
		ada.Page("/admin/people")
		if status, _, _ := ada.Post(path, url.Values{"_csrf": {"wrong"}, "do": {"grant"}}); status != 403 {
			t.Errorf("%s without the token: %d", path, status)
		}
		if status, _, _ := ada.Post(path, url.Values{"do": {"nonsense"}}); status != 400 && path != "/admin/tables" {
			t.Errorf("%s with nonsense: %d", path, status)
		}
		bob := house.As("bob")
		if status, _, _ := bob.Post(path, url.Values{}); status != 403 {
			t.Errorf("%s for a standard user: %d", path, status)
		}
	}
}

func TestL13_HostileTextsStayText(t *testing.T) {
	_, house := open(t, nil)
	ada := house.As("ada")
	for _, path := range paths {
		pagetest.HasNot(t, ada.Page(path), "<script>alert", `"><`+"script", "ZgotmplZ")
	}
}

func TestPagesSayWhatIs(t *testing.T) {
	_, house := open(t, nil)
	ada := house.As("ada")
	for path, says := range map[string][]string{
		"/admin":         {"1 part of 2 need you", "instance.hcl:3"},
		"/admin/plugins": {"1 of 2 files can be used", "source files", "Trust this file of evil", strings.Repeat("b", 64)},
		"/admin/sources": {"1 of 1 source cannot be used", "What it offers"},
		"/admin/storage": {"1 table on disk", "75 %", "Generations 1 to 12"},
		"/admin/people":  {"2 people, 2 groups", "Let in again", "set in instance.hcl, line 18"},
		"/admin/tables?source=files&stream=Open+Tickets": {"2 streams", "Register Open Tickets", `value="open_tickets"`, "NULL"},
		"/admin/access": {"2 people, 2 groups, 3 tables", "finance may read shop.orders", "may read, by crm.*", `value="sales shop.payments"`},
		"/admin/access?user=bob%40example.com&table=shop.orders": {"Yes.", "bob@example.com reads it as standard", "from instance.hcl line 18"},
		"/admin/people?q=nobody":                                 {"Nobody matches."},
	} {
		body := ada.Page(path)
		for _, text := range says {
			if text == "finance may read shop.orders" { // a tick, not a box: the configuration owns it
				pagetest.HasNot(t, body, text)
				continue
			}
			pagetest.Has(t, body, text)
		}
	}
}

func TestTheLogIsShownAndChecked(t *testing.T) {
	o, house := open(t, nil)
	ada := house.As("ada")
	body := ada.Page("/admin/audit?who=bob%40example.com&action=tokens&days=7")
	pagetest.Has(t, body, "tokens.revoke", "denied", "Older", `before=7`, `value="bob@example.com"`)
	if o.asked.Actor != "bob@example.com" || o.asked.Action != "tokens" || o.asked.Days != 7 || o.asked.Check {
		t.Errorf("%+v", o.asked)
	}
	pagetest.Has(t, ada.Page("/admin/audit?check=1"), "Record 7 is not sound: it does not follow the one before.")
	for _, wrong := range []string{"days=-1", "days=x", "before=-3", "before=1&before=2", "check=7"} {
		if status, _ := ada.Get("/admin/audit?" + wrong); status != 400 {
			t.Errorf("A2, %s: %d", wrong, status)
		}
	}
	if body = ada.Page("/admin/audit?format=csv"); !strings.Contains(body, ",'=cmd(),") {
		t.Errorf("a formula is told as one:\n%s", body)
	}
}

func TestNothingYet(t *testing.T) {
	_, house := open(t, func(o *office) {
		*o = office{health: api.Health{Parts: []api.HealthPart{{Name: "state", State: "ok"}}}}
	})
	ada := house.As("ada")
	for path, says := range map[string]string{"/admin": "Everything works", "/admin/plugins": "No plugin is trusted yet.", "/admin/sources": "No source is configured",
		"/admin/storage": "Nothing is published yet.", "/admin/access": "No table is published yet", "/admin/people": "Nobody was here yet."} {
		pagetest.Has(t, ada.Page(path), says)
	}
}

func TestChangesAreMade(t *testing.T) {
	for _, one := range []struct {
		path  string
		form  url.Values
		where string
		done  []string
	}{
		{"/admin/people", url.Values{"do": {"invited"}, "email": {" eve@example.com "}, "role": {"admin"}}, "/admin/people?done=invited", []string{"invite eve@example.com  admin"}},
		{"/admin/people", url.Values{"do": {"disabled"}, "email": {"bob@example.com"}}, "/admin/people?done=disabled", []string{"disable bob@example.com true"}},
		{"/admin/people", url.Values{"do": {"enabled"}, "email": {"bob@example.com"}}, "/admin/people?done=enabled", []string{"disable bob@example.com false"}},
		{"/admin/people", url.Values{"do": {"relinked"}, "email": {"bob@example.com"}}, "/admin/people?done=relinked", []string{"relink bob@example.com"}},
		{"/admin/groups", url.Values{"do": {"created"}, "group": {"new"}}, "/admin/people?done=created", []string{"create new"}},
		{"/admin/groups", url.Values{"do": {"add"}, "group": {"sales"}, "people": {"a@x.com, b@x.com,"}}, "/admin/people?done=add", []string{"add sales a@x.com+b@x.com"}},
		{"/admin/access", url.Values{"do": {"grant"}, "group": {"sales"}, "pattern": {" shop.* "}}, "/admin/access?done=grant", []string{"grant sales shop.*"}},
		{"/admin/access", url.Values{"do": {"save"}, "add": {"sales shop.payments", "sales shop.more"}, "cut": {"sales shop.orders"}}, "/admin/access?done=saved",
			[]string{"grant sales shop.payments+shop.more", "revoke sales shop.orders"}},
		{"/admin/plugins", url.Values{"do": {"pin"}, "plugin": {"evil"}, "sha256": {"bb"}}, "/admin/plugins?done=pinned", []string{"pin evil bb"}},
		{"/admin/plugins", url.Values{"do": {"unpin"}, "plugin": {"csv"}}, "/admin/plugins?done=unpinned", []string{"unpin csv"}},
		{"/admin/tables", url.Values{"source": {"files"}, "version": {"v1"}, "stream": {"Open Tickets"}, "folder": {"desk"}, "name": {"tickets"}, "key": {"id, part"}, "pii": {"mail", "phone"}},
			"/admin/tables?done=registered&source=files", []string{"register files v1 Open Tickets desk.tickets id+part mail+phone"}},
	} {
		o, house := open(t, nil)
		ada := house.As("ada")
		ada.Page("/admin/people")
		status, where, body := ada.Post(one.path, one.form)
		if status != 303 || where != one.where || !slices.Equal(o.done, one.done) {
			t.Errorf("%s %v: %d %s %q\n%.300s", one.path, one.form, status, where, o.done, body)
			continue
		}
		pagetest.Has(t, ada.Page(where), `role="status"`)
	}
}

func TestRefusalsAreToldOnThePage(t *testing.T) {
	o, house := open(t, nil)
	ada := house.As("ada")
	ada.Page("/admin/people")
	for path, form := range map[string]url.Values{"/admin/people": {"do": {"invited"}, "email": {"x"}}, "/admin/groups": {"do": {"created"}, "group": {"finance"}},
		"/admin/access": {"do": {"grant"}, "group": {"finance"}, "pattern": {"*"}}, "/admin/plugins": {"do": {"pin"}, "plugin": {"evil"}, "sha256": {"00"}},
		"/admin/tables": {"source": {"files"}, "stream": {"Open Tickets"}, "name": {"kept"}, "version": {"old"}}} {
		o.fails = fault.New(fault.Config, "the group finance belongs to "+hostile).WithHelp("Change it there.")
		status, _, body := ada.Post(path, form)
		if status != 400 {
			t.Errorf("%s: %d", path, status)
		}
		pagetest.Has(t, body, "Not done", "Nothing was changed.", "Next: Change it there.")
		pagetest.HasNot(t, body, "<script>alert")
		o.fails = nil
	}
	if len(o.done) > 0 {
		t.Errorf("done all the same: %q", o.done)
	}
}

func TestBoxesAreReviewedBeforeTheyAreSaved(t *testing.T) {
	o, house := open(t, nil)
	ada := house.As("ada")
	ada.Page("/admin/access")
	status, _, body := ada.Post("/admin/access", url.Values{"do": {"review"}, "shown": {"sales shop.orders", "sales shop.payments"}, "cell": {"sales shop.payments"}})
	if status != 200 || len(o.done) > 0 {
		t.Fatalf("%d, done %q", status, o.done)
	}
	pagetest.Has(t, body, "2 changes, not saved", "2 people in sales will lose shop.orders", "2 people in sales will read shop.payments", `name="add" value="sales shop.payments"`, `name="cut" value="sales shop.orders"`)
	// What the configuration or a wider pattern decides is no change, whatever is sent.
	if _, _, body = ada.Post("/admin/access", url.Values{"do": {"review"}, "shown": {"finance shop.orders", "sales crm.people"}}); strings.Contains(body, "not saved") {
		t.Error("a box that there is not was changed")
	}
}

func TestManyTablesFold(t *testing.T) {
	_, house := open(t, func(o *office) {
		o.matrix.Rows = nil
		for i := range 60 {
			o.matrix.Rows = append(o.matrix.Rows, api.MatrixRow{Table: fmt.Sprintf("n%d.t%d", i%3, i), By: []string{"", ""}})
		}
	})
	ada := house.As("ada")
	body := ada.Page("/admin/access?namespace=n1")
	pagetest.Has(t, body, `href="/admin/access?namespace=n2"`, `value="sales n1.t1"`)
	pagetest.HasNot(t, body, `value="sales n2.t2"`)
}

package admin

import (
	"embed"
	"net/http"

	"github.com/gofiber/fiber/v2"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/portal/page"
	"github.com/ai-data-analyst/broker/web/problem"
	"github.com/ai-data-analyst/broker/web/v1"
)

//go:embed templates/*.html
var files embed.FS

// formBody is how many bytes a form of these pages may have: a matrix of 5,000 tables fits.
const formBody = 1 << 20

type pages struct {
	Host
	page *page.Host
	set  *page.Set
}

// Routes are the pages, all of them for admins.
func Routes(host *page.Host, needs Host) []page.Route {
	p := pages{Host: needs, page: host, set: page.Parse(page.Below(files, "templates"))}
	var routes []page.Route
	for path, handler := range map[string]page.Handler{"": p.health, "/plugins": p.plugins, "/sources": p.sources, "/tables": p.tables, "/access": p.access,
		"/people": p.people, "/storage": p.storage, "/audit": p.audit} {
		routes = append(routes, page.Route{Method: http.MethodGet, Path: "/admin" + path, Permission: v1.ForAdmin, Handler: handler})
	}
	for path, handler := range map[string]page.Handler{"/plugins": p.trust, "/tables": p.registerTable, "/access": p.grant, "/people": p.person, "/groups": p.group} {
		routes = append(routes, page.Route{Method: http.MethodPost, Path: "/admin" + path, Permission: v1.ForAdmin, Body: formBody, Handler: handler})
	}
	return routes
}

// top is what stands above every page.
type top struct {
	Tab, Heading, Lead string
	Done               string // what the reader just did; "" = nothing
	Wrong              *wrong // why it was not done
}

// wrong is a change that was refused.
type wrong struct{ What, Help string }

// tabs are the pages, in their order.
var tabs = []struct{ Path, Label string }{{"/admin", "Health"}, {"/admin/plugins", "Plugins"}, {"/admin/sources", "Sources"}, {"/admin/tables", "Tables"},
	{"/admin/access", "Access"}, {"/admin/people", "People"}, {"/admin/storage", "Storage"}, {"/admin/audit", "Audit"}}

// Tabs are the pages beside this one.
func (t top) Tabs() []page.Entry {
	all := make([]page.Entry, len(tabs))
	for i, tab := range tabs {
		all[i] = page.Entry{Path: tab.Path, Label: tab.Label, Current: tab.Label == t.Tab}
	}
	return all
}

// done are the sentences of what was just done, by the word in the address that a change leads to.
var done = map[string]string{"pinned": "That file is trusted now.", "unpinned": "Trust was taken back; it is not started any more.", "registered": "The table is registered in data_description.md. The next sync publishes it under its name.",
	"invited": "The person may come in now.", "disabled": "The person is shut out, everywhere and at once; tokens are revoked.", "enabled": "The person may come in again.", "relinked": "The next sign-in with that address is the person's.",
	"created": "The group is there. It opens nothing yet.", "add": "The people are in the group now.", "remove": "The people are out of the group now.", "grant": "Granted; it holds from the next request on.",
	"revoke": "Taken back; it holds from the next request on.", "saved": "Saved. It holds from the next request on."}

func newTop(c *fiber.Ctx, tab string) top { return top{Tab: tab, Done: done[c.Query("done")]} }

// show writes a page for admins.
func (p pages) show(c *fiber.Ctx, v *page.View, name, json string, t top, data any) error {
	v.JSON, v.Nav = json, "/admin"
	status := http.StatusOK
	if t.Wrong != nil {
		status = http.StatusBadRequest
	}
	return p.page.Show(c, v, p.set, name, status, t.Tab, data)
}

// refusal is what an admin is told of a change that was refused; nil for errors that are none of theirs.
func refusal(err error) *wrong {
	switch fault.CodeOf(err) {
	case fault.Config, fault.Data, fault.NotFound, fault.Transient, fault.Permission:
		found, _, internal := problem.Of(err)
		if internal {
			return nil
		}
		if found.Detail == "" {
			found.Detail = "There is no such thing any more."
		}
		return &wrong{What: found.Detail, Help: found.Help}
	}
	return nil
}

// field is a value of the form, copied out of the request.
func field(c *fiber.Ctx, name string) string { return string([]byte(c.FormValue(name))) }

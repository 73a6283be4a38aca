// Package page is the frame of every page: who may open it, masthead, dateline, footer, pages of errors, and the functions
// that templates use. Rooms of pages give it routes and templates.
//
// A route says who may open it, or the server does not start. Text from outside only reaches a page through html/template.
package page

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/limit"
	"github.com/ai-data-analyst/broker/web/problem"
	"github.com/ai-data-analyst/broker/web/session"
	"github.com/ai-data-analyst/broker/web/v1"
)

// Access is the one decision of who may have what.
type Access interface {
	// Authorize is nil, or fault.NotFound for a table that is denied or absent alike, or fault.Permission for an action.
	Authorize(ctx context.Context, who sdk.Caller, action sdk.Action, table sdk.TableName) error
}

// States says how the caller's tables are.
type States interface {
	States(ctx context.Context, who sdk.Caller) (api.States, error)
}

// Machines lists the programs that pulled with the caller's tokens, latest first.
type Machines interface {
	Machines(ctx context.Context, who sdk.Caller) (api.Machines, error)
}

// Brand is how an instance calls itself on its pages. Logo is the path of a picture on this server; "" = our mark.
type Brand struct{ Name, Subtitle, Copyright, Logo string }

// Host is what all pages need of the instance. States and Machines nil = the dateline says nothing of them.
type Host struct {
	Sessions *session.Sessions
	Access   Access
	States   States
	Machines Machines
	Brand    func() Brand
	Demo     func() []string // people of a demo; empty elsewhere

	PublicURL string // scheme://host[:port]
	Version   string
	Limits    *limit.Limiter
	Address   func(*fiber.Ctx) netip.Addr
	Request   func(*fiber.Ctx) string // id
	Log       *slog.Logger
	Now       func() time.Time

	bodies map[string]int  // most bytes of a body, by path
	taken  map[string]bool // method and path
	sets   setsOf
}

// Route is one page. Permission must be set; with v1.ForTable the table is the parameter ":name" of the path.
type Route struct {
	Method, Path string
	Permission   v1.Permission
	Body         int // most bytes of a form; 0 = 16 KiB
	Handler      Handler
}

// Handler answers a request for a page. Those of POST are called after the check that a page of ours sent the request.
type Handler func(c *fiber.Ctx, v *View) error

// View is one request for a page. A handler may set the fields below Visit before it shows the page.
type View struct {
	Who   sdk.Caller // zero on public pages that nobody signed in for
	Visit sdk.PortalSession

	JSON    string   // address of the same below /api/v1, for the footer
	Nav     string   // path of the entry of the navigation that this page belongs to; "" = as the path of the page says
	Origins []string // to which a form of the page may lead, beside our own
}

// pageTime bounds what a page may take.
const pageTime = 30 * time.Second

// Mount puts pages. A route without a permission, without a handler, with another method than GET or POST, or that is there
// already is refused.
func (h *Host) Mount(app *fiber.App, routes []Route) error {
	for _, route := range routes {
		switch route.Permission {
		case v1.ForAll, v1.ForUser, v1.ForTable, v1.ForAdmin:
		default:
			return fault.New(fault.Bug, fmt.Sprintf("the page %s %s does not say who may open it", route.Method, route.Path))
		}
		if route.Handler == nil || route.Method != http.MethodGet && route.Method != http.MethodPost {
			return fault.New(fault.Bug, fmt.Sprintf("the page %s %s has no handler or a method that browsers do not send", route.Method, route.Path))
		}
		if h.bodies == nil {
			h.bodies, h.taken = map[string]int{}, map[string]bool{}
		}
		key := route.Method + " " + route.Path
		if h.taken[key] {
			return fault.New(fault.Bug, "two pages are at "+key)
		}
		h.taken[key] = true
		h.bodies[route.Path] = max(h.bodies[route.Path], route.Body)
		app.Add(route.Method, route.Path, h.door(route))
		if route.Method == http.MethodGet {
			app.Head(route.Path, h.door(route))
		}
	}
	return nil
}

// BodyLimit is the most that a form sent to this path may carry, in bytes; 0 = nothing is said.
func (h *Host) BodyLimit(path string) int {
	path, _, _ = strings.Cut(path, "?")
	if most, ok := h.bodies[path]; ok {
		return most
	}
	most := 0
	for pattern, body := range h.bodies {
		if body > most && fiber.RoutePatternMatch(path, pattern, fiber.Config{StrictRouting: true, CaseSensitive: true}) {
			most = body
		}
	}
	return most
}

// door is what stands before every page: who asks, whether a page of ours sent a change, rate, permission.
func (h *Host) door(route Route) fiber.Handler {
	return func(c *fiber.Ctx) error {
		ctx, cancel := context.WithTimeout(c.UserContext(), pageTime)
		defer cancel()
		c.SetUserContext(ctx)
		v, sent, err := h.enter(c, route)
		if err == nil && !sent {
			err = route.Handler(c, v)
		}
		if err != nil {
			return h.Wrong(c, err)
		}
		return nil
	}
}

// enter is a request that may go on; sent = the browser was sent to sign in.
func (h *Host) enter(c *fiber.Ctx, route Route) (v *View, sent bool, err error) {
	v = &View{}
	v.Who, v.Visit, err = h.Sessions.Who(c)
	switch {
	case err != nil && fault.CodeOf(err) != fault.Auth:
		return nil, false, err
	case err != nil && route.Permission != v1.ForAll:
		return nil, true, h.toLogin(c)
	}
	c.Locals(callerKey{}, v.Who)
	if err := h.Sessions.Check(c); err != nil {
		return nil, false, err
	}
	if route.Permission == v1.ForAll {
		return v, false, nil
	}
	if wait := h.Limits.Take(limit.Account, v.Who.User.ID); wait > 0 {
		e := problem.New(http.StatusTooManyRequests, api.CodeRate, "too many requests")
		e.RetryAfter = wait
		return nil, false, e
	}
	return v, false, h.permit(c, route, v.Who)
}

type callerKey struct{}

// CallerOf is who looks at a page, for what counts and logs; zero for nobody.
func CallerOf(c *fiber.Ctx) sdk.Caller {
	who, _ := c.Locals(callerKey{}).(sdk.Caller) // set by the door of every page
	return who
}

// permit asks for what the route declares.
func (h *Host) permit(c *fiber.Ctx, route Route, who sdk.Caller) error {
	switch route.Permission {
	case v1.ForTable:
		name, err := sdk.ParseTableName(c.Params("name"))
		if err != nil || api.CheckTableName(string(name)) != nil {
			return fault.New(fault.NotFound, "not there")
		}
		return h.Access.Authorize(c.UserContext(), who, sdk.ReadTable, name)
	case v1.ForAdmin:
		return h.Access.Authorize(c.UserContext(), who, sdk.Administer, "")
	default:
		return nil
	}
}

// toLogin sends a browser to sign in, and back afterwards where that changes nothing.
func (h *Host) toLogin(c *fiber.Ctx) error {
	target := "/login"
	if c.Method() != fiber.MethodPost && c.Path() != "/" {
		target += "?next=" + url.QueryEscape(c.OriginalURL())
	}
	return c.Redirect(target, http.StatusSeeOther)
}

// SafePath is a path of this server to go to, parsed and re-built, else "/" (L2).
func SafePath(text string) string {
	u, err := url.Parse(text)
	if err != nil || len(text) > 1000 || u.Scheme != "" || u.Host != "" || u.Opaque != "" || u.User != nil {
		return "/"
	}
	for _, part := range []string{text, u.Path, u.RawQuery} {
		if strings.ContainsFunc(part, func(r rune) bool { return r < 0x20 || r == 0x7f || r == '\\' || r == '\uFFFD' }) {
			return "/"
		}
	}
	if !strings.HasPrefix(u.Path, "/") || strings.HasPrefix(u.Path, "//") || strings.HasPrefix(u.Path, "/auth/") || strings.HasPrefix(u.Path, "/logout") {
		return "/"
	}
	rebuilt := url.URL{Path: u.Path, RawQuery: u.Query().Encode()}
	return rebuilt.String()
}

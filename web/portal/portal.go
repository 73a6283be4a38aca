// Package portal is the way in and out for people: the pages of signing in and out. What they find then are the rooms below;
// the frame of every page is page.
//
// It decides nothing about who somebody is: SignIn says. Mounted by web.
package portal

import (
	"context"
	"embed"
	"log/slog"
	"net/http"
	"net/netip"

	"github.com/gofiber/fiber/v2"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/auth"
	"github.com/ai-data-analyst/broker/web/limit"
	"github.com/ai-data-analyst/broker/web/portal/page"
	"github.com/ai-data-analyst/broker/web/session"
	"github.com/ai-data-analyst/broker/web/v1"
)

// Way is one way to sign in: an auth block.
type Way struct {
	Name, Label string
	Down        bool // it does not answer
	auth.Form
}

// SignIn is how people sign in.
type SignIn interface {
	// Any says whether there is a configured way; Ways lists them in their order.
	Any() bool
	Ways(ctx context.Context) []Way
	// Begin and Complete ask the plugin of a way. fault.Auth refuses, fault.NotFound: there is no such way. A step with an
	// Identity comes with the person.
	Begin(ctx context.Context, way string, call auth.Call) (auth.Step, sdk.Caller, error)
	Complete(ctx context.Context, way string, call auth.Call) (auth.Step, sdk.Caller, error)
	// Demo lists the people of a demo instance; empty elsewhere. DemoCaller is one of them; fault.Auth for everybody else.
	Demo() []string
	DemoCaller(ctx context.Context, email string) (sdk.Caller, error)
}

// Visits lists and ends the sessions of people.
type Visits interface {
	Sessions(ctx context.Context, who sdk.Caller) ([]sdk.PortalSession, error)
	End(ctx context.Context, who sdk.Caller, id string) error // fault.NotFound for another's
	EndOthers(ctx context.Context, who sdk.Caller, id string) error
}

// Host is what signing in and out need.
type Host struct {
	SignIn    SignIn
	Visits    Visits
	Pages     *page.Host
	Sessions  *session.Sessions
	PublicURL string
	Limits    *limit.Limiter
	Address   func(*fiber.Ctx) netip.Addr
	Request   func(*fiber.Ctx) string // id
	Log       *slog.Logger
}

//go:embed templates/*.html
var files embed.FS

// Pages are those of signing in and out.
func Pages(h Host) []page.Route {
	p := doors{h, page.Parse(page.Below(files, "templates"))}
	return []page.Route{
		{Method: http.MethodGet, Path: "/login", Permission: v1.ForAll, Handler: p.login},
		{Method: http.MethodGet, Path: "/logout", Permission: v1.ForAll, Handler: p.askLogout},
		{Method: http.MethodPost, Path: "/logout", Permission: v1.ForAll, Handler: p.logout},
		{Method: http.MethodPost, Path: "/logout/others", Permission: v1.ForUser, Handler: p.logoutOthers},
		{Method: http.MethodPost, Path: "/auth/demo", Permission: v1.ForAll, Handler: p.demo},
		{Method: http.MethodPost, Path: "/auth/:way", Permission: v1.ForAll, Handler: p.begin},
		{Method: http.MethodGet, Path: "/auth/:way/*", Permission: v1.ForAll, Handler: p.complete},
		{Method: http.MethodPost, Path: "/auth/:way/*", Permission: v1.ForAll, Handler: p.complete},
	}
}

// doors are the pages with their templates.
type doors struct {
	Host
	set *page.Set
}

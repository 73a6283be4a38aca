// Package portal is the pages for people: signing in and out, and what they find then. One file a page; templates and
// stylesheet are embedded.
//
// It decides nothing about who somebody is or may see: SignIn and Manifests say. No script, nothing from another host.
// Mounted by web.
package portal

import (
	"bytes"
	"context"
	"crypto/rand"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/auth"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/limit"
	"github.com/ai-data-analyst/broker/web/problem"
	"github.com/ai-data-analyst/broker/web/session"
	"github.com/ai-data-analyst/broker/web/static"
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

// Manifests says what a caller may have of the lake.
type Manifests interface {
	Catalog(ctx context.Context, who sdk.Caller) (api.Catalog, error)
	Instance() api.Instance
}

// Visits lists and ends the sessions of people.
type Visits interface {
	Sessions(ctx context.Context, who sdk.Caller) ([]sdk.PortalSession, error)
	End(ctx context.Context, who sdk.Caller, id string) error // fault.NotFound for another's
	EndOthers(ctx context.Context, who sdk.Caller, id string) error
}

// Host is what the pages need.
type Host struct {
	SignIn    SignIn
	Manifests Manifests
	Visits    Visits
	Sessions  *session.Sessions
	PublicURL string
	Limits    *limit.Limiter
	Address   func(*fiber.Ctx) netip.Addr
	Request   func(*fiber.Ctx) string // id
	Log       *slog.Logger
	Now       func() time.Time
}

// Mount puts the pages.
func Mount(app *fiber.App, host Host) {
	static.Mount(app)
	app.Get("/", host.page(host.home))
	app.Get("/login", host.page(host.login))
	app.Get("/logout", host.page(host.askLogout))
	app.Post("/logout", host.page(host.logout))
	app.Post("/logout/others", host.page(host.logoutOthers))
	app.Post("/auth/demo", host.page(host.demo))
	app.Post("/auth/:way", host.page(host.begin))
	app.Get("/auth/:way/*", host.page(host.complete))
	app.Post("/auth/:way/*", host.page(host.complete))
}

//go:embed templates/*.html
var templates embed.FS

var pages = template.Must(template.ParseFS(templates, "templates/*.html"))

// frame is what every page shows.
type frame struct {
	Title    string
	Instance string
	Sheet    string
	Host     string // of public_url
	Demo     bool
	Person   string // "" = nobody is signed in
	Token    string
}

// frame begins a page.
func (h Host) frame(c *fiber.Ctx, title string) (frame, error) {
	token, err := h.Sessions.Token(c)
	f := frame{Title: title, Instance: h.Manifests.Instance().Name, Sheet: static.Sheet(), Demo: len(h.SignIn.Demo()) > 0, Token: token}
	if u, err := url.Parse(h.PublicURL); err == nil {
		f.Host = u.Host
	}
	return f, err
}

// show writes a page. forms are the origins, beside our own, to which the browser may be redirected by a form.
func (h Host) show(c *fiber.Ctx, status int, name string, view any, forms ...string) error {
	var out bytes.Buffer
	if err := pages.ExecuteTemplate(&out, name, view); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	c.Set(fiber.HeaderContentSecurityPolicy, policy(forms))
	c.Set(fiber.HeaderXFrameOptions, "DENY")
	c.Set(fiber.HeaderReferrerPolicy, "same-origin") // a form's Origin must not become null
	c.Set(fiber.HeaderContentType, "text/html; charset=utf-8")
	return c.Status(status).Send(out.Bytes())
}

// policy is the content security policy of interface.md §7. There is no script yet, so nobody is told the nonce.
func policy(forms []string) string {
	var nonce [16]byte
	rand.Read(nonce[:]) // never fails
	return "default-src 'none'; script-src 'nonce-" + base64.StdEncoding.EncodeToString(nonce[:]) + "' 'strict-dynamic'; style-src 'self'; img-src 'self' data:; " +
		"connect-src 'self'; font-src 'self'; form-action " + strings.Join(append([]string{"'self'"}, forms...), " ") +
		"; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types default"
}

// pageTime bounds what a page may take.
const pageTime = 30 * time.Second

// page turns what goes wrong into a page. Who is not signed in where one must be is sent to sign in.
func (h Host) page(handler fiber.Handler) fiber.Handler {
	return func(c *fiber.Ctx) error {
		ctx, cancel := context.WithTimeout(c.UserContext(), pageTime)
		defer cancel()
		c.SetUserContext(ctx)
		err := handler(c)
		if err == nil {
			return nil
		}
		c.Response().ResetBody()
		p, retry, internal := problem.Of(err)
		if internal {
			h.Log.Error("page failed", "request", h.Request(c), "method", c.Method(), "path", c.Path(), "error", err)
		}
		if retry > 0 {
			c.Set(fiber.HeaderRetryAfter, fmt.Sprint(int(retry.Seconds())+1))
		}
		return h.say(c, p.Status, p.Code)
	}
}

// said is a page of one sentence.
type said struct {
	frame
	Heading, Text, Path, Link, Request string
}

var sentences = map[int][2]string{
	http.StatusBadRequest:         {"That request makes no sense.", "Go back and try again."},
	http.StatusForbidden:          {"That is not open to you.", "The page may be old: go back, reload it, and try again."},
	http.StatusNotFound:           {"There is no such page.", "It may have moved, or it never was."},
	http.StatusTooManyRequests:    {"Too many tries.", "Nothing is lost. Next: wait a minute, then try again."},
	http.StatusServiceUnavailable: {"That does not work at the moment.", "Nothing is lost. Next: try again in a few minutes."},
}

// say writes the page of a status. It is the same for everybody but for the request's id, and needs nothing that could be
// out of order itself.
func (h Host) say(c *fiber.Ctx, status int, code string) error {
	words, ok := sentences[status]
	if !ok {
		words = [2]string{"Something went wrong here.", "It is not your doing, and it is in the log under the number below."}
	}
	if code == codeRefused {
		words = [2]string{"That sign-in did not work.", "Try again, or another way. If it keeps happening, tell an administrator the number below."}
	}
	view := said{frame: frame{Title: words[0], Instance: h.Manifests.Instance().Name, Sheet: static.Sheet()}, Heading: words[0], Text: words[1],
		Path: "/", Link: "Go to the start page", Request: h.Request(c)}
	if code == codeRefused {
		view.Path, view.Link = "/login", "Back to signing in"
	}
	return h.show(c, status, "said.html", view)
}

// signedIn is the person who looks at a page; sent says that nobody is, and the browser was sent to sign in.
func (h Host) signedIn(c *fiber.Ctx) (who sdk.Caller, visit sdk.PortalSession, sent bool, err error) {
	who, visit, err = h.Sessions.Who(c)
	if fault.CodeOf(err) != fault.Auth {
		return who, visit, false, err
	}
	target := "/login"
	if c.Method() == fiber.MethodGet && c.Path() != "/" {
		target += "?next=" + url.QueryEscape(c.OriginalURL())
	}
	return who, visit, true, c.Redirect(target, http.StatusSeeOther)
}

// safePath is a path of this server to go to, parsed and re-built, else "/" (L2).
func safePath(text string) string {
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

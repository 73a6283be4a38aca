// Package connect is the page on which a person lets the analyst's program have a token: in the browser that the
// program opened (/connect), or by typing a code that a program elsewhere shows (/connect/device).
//
// Who is signed in to the portal agrees by a button; others sign in first. On a demo instance the person may be chosen by a
// button too. No script.
package connect

import (
	"bytes"
	"context"
	"fmt"
	"html/template"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/limit"
	"github.com/ai-data-analyst/broker/web/origin"
	"github.com/ai-data-analyst/broker/web/problem"
)

// SignIn is what the page needs of the host (see v1.SignIn).
type SignIn interface {
	Demo() []string
	DemoCaller(ctx context.Context, email string) (sdk.Caller, error)
	BeginCode(ctx context.Context, who sdk.Caller, challenge string) (code string, err error)
	ApproveDevice(ctx context.Context, who sdk.Caller, userCode string) error
}

// Host is what the page needs.
type Host struct {
	SignIn   SignIn
	Instance string // name
	Limits   *limit.Limiter
	Address  func(*fiber.Ctx) netip.Addr
	Visits   Visits // nil = nobody signs in here
	// Scheme is of the addresses that open the program of a sign-in plugin; fault.NotFound when it has none. nil = none has.
	Scheme func(ctx context.Context, provider string) (string, error)
}

// Visits is who is signed in to the portal (see session.Sessions).
type Visits interface {
	Who(c *fiber.Ctx) (sdk.Caller, sdk.PortalSession, error) // fault.Auth for nobody
	Token(c *fiber.Ctx) (string, error)
	Check(c *fiber.Ctx) error
}

// Mount puts the page below /connect.
func Mount(app *fiber.App, host Host) {
	app.Get("/connect", host.ask)
	app.Post("/connect", host.agree)
	app.Get("/connect/device", host.askDevice)
	app.Post("/connect/device", host.agreeDevice)
}

// request is what the program wants: RFC 7636 with S256, answered on a port of this machine, or by opening the program of a
// provider by its scheme.
type request struct {
	Challenge, State string
	Port             int
	Provider, Scheme string // "" = by the port
}

var (
	challenge = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)
	state     = regexp.MustCompile(`^[A-Za-z0-9_.~-]{1,200}$`)
	userCode  = regexp.MustCompile(`^[A-Za-z0-9 -]{4,20}$`)
)

func (h Host) readRequest(c *fiber.Ctx, value func(string, ...string) string) (request, error) {
	r := request{Challenge: value("challenge"), State: value("state"), Provider: value("provider")}
	var err error
	switch {
	case r.Provider != "" && (h.Scheme == nil || !sdk.ValidName(r.Provider)):
		return r, fault.New(fault.NotFound, "that way to sign in has no program")
	case r.Provider != "":
		if r.Scheme, err = h.Scheme(c.UserContext(), r.Provider); err != nil {
			return r, err
		}
	default:
		if r.Port, err = strconv.Atoi(value("port")); err != nil || r.Port < 1024 || r.Port > 65535 {
			return r, problem.Bad("port", "port must be a number from 1024 to 65535")
		}
	}
	if !challenge.MatchString(r.Challenge) {
		return r, problem.Bad("challenge", "challenge must be a S256 challenge")
	}
	if !state.MatchString(r.State) {
		return r, problem.Bad("state", "state must have 1 to 200 plain characters")
	}
	return r, nil
}

// origin is what a browser asks its policy about before it goes to callback.
func (r request) origin() string {
	if r.Scheme != "" {
		return r.Scheme + ":"
	}
	return "http://127.0.0.1:" + strconv.Itoa(r.Port)
}

// callback is the program's address.
func (r request) callback() string {
	if r.Scheme != "" {
		return r.Scheme + "://auth"
	}
	return r.origin() + "/callback"
}

// ask shows who may agree.
func (h Host) ask(c *fiber.Ctx) error {
	r, err := h.readRequest(c, c.Query)
	if err != nil {
		return err
	}
	return h.show(c, http.StatusOK, view{Request: &r})
}

// agree makes the code and sends the browser to the program.
func (h Host) agree(c *fiber.Ctx) error {
	r, err := h.readRequest(c, c.FormValue)
	if err != nil {
		return err
	}
	who, err := h.person(c)
	if err != nil {
		return err
	}
	code, err := h.SignIn.BeginCode(c.UserContext(), who, r.Challenge)
	if err != nil {
		return err
	}
	target := r.callback() + "?" + url.Values{"code": {code}, "state": {r.State}}.Encode()
	return c.Redirect(target, http.StatusSeeOther)
}

// askDevice shows where to type the code.
func (h Host) askDevice(c *fiber.Ctx) error { return h.show(c, http.StatusOK, view{Device: true}) }

// agreeDevice lets the program with the code have its token.
func (h Host) agreeDevice(c *fiber.Ctx) error {
	who, err := h.person(c)
	if err != nil {
		return err
	}
	code := c.FormValue("user_code")
	if !userCode.MatchString(code) {
		return h.show(c, http.StatusBadRequest, view{Device: true, Said: "That is no code."})
	}
	err = h.SignIn.ApproveDevice(c.UserContext(), who, strings.ToUpper(strings.TrimSpace(code)))
	switch {
	case fault.CodeOf(err) == fault.NotFound:
		return h.show(c, http.StatusNotFound, view{Device: true, Said: "That code is unknown or too old."})
	case err != nil:
		return err
	}
	return h.show(c, http.StatusOK, view{Done: true})
}

// person is who agrees: the one who is signed in, unless a button names a person of the demo.
func (h Host) person(c *fiber.Ctx) (sdk.Caller, error) {
	if h.Visits == nil || c.FormValue("email") != "" {
		return h.demoPerson(c)
	}
	who, _, err := h.Visits.Who(c)
	if err != nil {
		return sdk.Caller{}, err
	}
	return who, h.Visits.Check(c)
}

// demoPerson is the demo's person who pressed a button on this page, on this machine; elsewhere there is no such door.
func (h Host) demoPerson(c *fiber.Ctx) (sdk.Caller, error) {
	if len(h.SignIn.Demo()) == 0 || !origin.Local(c) {
		return sdk.Caller{}, fiber.ErrNotFound
	}
	if !sameOrigin(c) {
		return sdk.Caller{}, problem.New(http.StatusForbidden, "csrf", "this form was not sent by this page")
	}
	email := c.FormValue("email")
	for _, key := range []string{limit.Key(h.Address(c)), email} {
		if wait := h.Limits.Take(limit.Login, key); wait > 0 {
			e := problem.New(http.StatusTooManyRequests, api.CodeRate, "too many sign-ins")
			e.RetryAfter = wait
			return sdk.Caller{}, e
		}
	}
	return h.SignIn.DemoCaller(c.UserContext(), email)
}

// sameOrigin says whether a form was sent by this page. A browser says where a form comes from; a program that says
// nothing is no browser, so nobody's click was borrowed.
func sameOrigin(c *fiber.Ctx) bool {
	if site := c.Get("Sec-Fetch-Site"); site != "" {
		return site == "same-origin"
	}
	from := c.Get(fiber.HeaderOrigin)
	if from == "" {
		return true
	}
	u, err := url.Parse(from)
	return err == nil && u.Host == string(c.Request().Host())
}

// view is what the page shows.
type view struct {
	Instance string
	Request  *request
	Device   bool
	Done     bool
	Said     string
	Demo     []string
	Person   string // who is signed in; "" = nobody
	Token    string
	SignIn   string // where to sign in first; "" = nobody signs in here
}

func (h Host) show(c *fiber.Ctx, status int, v view) error {
	v.Instance = h.Instance
	forms := "'none'"
	if err := h.visitor(c, &v); err != nil {
		return err
	}
	if v.Person != "" {
		forms = "'self'"
	}
	if origin.Local(c) {
		if v.Demo = h.SignIn.Demo(); len(v.Demo) > 0 {
			forms = "'self'"
		}
	}
	if v.Request != nil && forms == "'self'" {
		forms += " " + v.Request.origin() // browsers apply form-action to the redirect too
	}
	var out bytes.Buffer
	if err := page.Execute(&out, v); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	c.Set(fiber.HeaderContentSecurityPolicy, "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action "+forms)
	c.Set(fiber.HeaderXFrameOptions, "DENY")
	c.Set(fiber.HeaderReferrerPolicy, "same-origin") // a form's Origin must not become null
	c.Set(fiber.HeaderContentType, "text/html; charset=utf-8")
	return c.Status(status).Send(out.Bytes())
}

// visitor says who is signed in, or where to.
func (h Host) visitor(c *fiber.Ctx, v *view) error {
	if h.Visits == nil {
		return nil
	}
	who, _, err := h.Visits.Who(c)
	switch {
	case err == nil:
		v.Person = who.User.Email
		v.Token, err = h.Visits.Token(c)
	case fault.CodeOf(err) == fault.Auth:
		v.SignIn, err = "/login?next="+url.QueryEscape(c.OriginalURL()), nil
	}
	return err
}

var page = template.Must(template.New("connect").Parse(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Connect · {{.Instance}}</title><meta name="viewport" content="width=device-width"></head><body>
<h1>{{.Instance}}</h1>
{{with .Said}}<p role="alert">{{.}}</p>{{end}}
{{if .Done}}<p>Done: the program has what it needs. You may close this page.</p>
{{else if or .Person .Demo .SignIn}}
<p>A program on {{if .Device}}another terminal{{else}}this machine{{end}} asks for access in your name. Agree only if you just started it.</p>
{{with .Person}}<form method="post"><input type="hidden" name="_csrf" value="{{$.Token}}">
{{with $.Request}}<input type="hidden" name="challenge" value="{{.Challenge}}"><input type="hidden" name="port" value="{{.Port}}"><input type="hidden" name="state" value="{{.State}}">{{with .Provider}}<input type="hidden" name="provider" value="{{.}}">{{end}}{{end}}
{{if $.Device}}<p><label>Code that the program shows <input name="user_code" required autocomplete="off" maxlength="20"></label></p>{{end}}
<p><button>Continue as {{.}}</button></p>
</form>
{{else}}{{with .SignIn}}<p><a href="{{.}}">Sign in</a> to agree in your name.</p>
{{end}}{{end}}{{if .Demo}}<p>Demo: anyone on this machine is in.</p>{{end}}
{{$top := .}}{{range .Demo}}<form method="post">
{{with $top.Request}}<input type="hidden" name="challenge" value="{{.Challenge}}"><input type="hidden" name="port" value="{{.Port}}"><input type="hidden" name="state" value="{{.State}}">{{with .Provider}}<input type="hidden" name="provider" value="{{.}}">{{end}}{{end}}
{{if $top.Device}}<p><label>Code that the program shows <input name="user_code" required autocomplete="off" maxlength="20"></label></p>{{end}}
<p><button name="email" value="{{.}}">Continue as {{.}}</button></p>
</form>
{{end}}{{else}}
<p>Signing in with a browser is not set up here. Ask an administrator for a token:</p>
<pre>broker tokens create YOUR@ADDRESS</pre>
<p>and hand it to the program on its standard input:</p>
<pre>analyst login THIS-SERVER --token-stdin</pre>
{{end}}
</body></html>
`))

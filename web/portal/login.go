package portal

import (
	"net/http"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/auth"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/limit"
	"github.com/ai-data-analyst/broker/web/origin"
	"github.com/ai-data-analyst/broker/web/portal/page"
	"github.com/ai-data-analyst/broker/web/problem"
	"github.com/ai-data-analyst/broker/web/v1/input"
)

// refused is the one answer to a sign-in that does not work.
var refused = page.Sentence{Heading: "That sign-in did not work.", Text: "Nothing was changed.",
	Next: "try again, or another way; if it keeps happening, tell an administrator the number below.", Path: "/login", Link: "Back to signing in"}

// field is a field of a form as the page shows it.
type field struct {
	auth.FormField
	Autocomplete string
}

func fieldsOf(list []auth.FormField) []field {
	var out []field
	chosen := slices.ContainsFunc(list, func(f auth.FormField) bool { return f.Name == "password2" })
	for _, f := range list {
		autocomplete := map[string]string{"email": "username", "password": "current-password", "text": "off"}[f.Type]
		if chosen && f.Type == "password" { // a new one, written twice
			autocomplete = "new-password"
		}
		out = append(out, field{f, autocomplete})
	}
	return out
}

// way is a way to sign in as the page shows it.
type way struct {
	Name, Label, Doc, Button string
	Fields                   []field
	Links                    []auth.Link
	Down, Main               bool
}

type loginView struct {
	Ways   []way
	People []string
}

// login shows a form for each way in, and for each person of a demo.
func (h doors) login(c *fiber.Ctx, v *page.View) error {
	next, err := input.Text(c, "next")
	if err != nil {
		next = "/"
	}
	if next = page.SafePath(next); next == "/" {
		next = ""
	}
	if v.Who.User.ID != "" {
		return page.See(c, next)
	}
	if err := h.Sessions.SetNext(c, next); err != nil {
		return err
	}
	view := loginView{}
	for i, w := range h.SignIn.Ways(c.UserContext()) {
		shown := way{Name: w.Name, Label: w.Label, Doc: w.Doc, Button: w.Button, Fields: fieldsOf(w.Fields), Links: w.Links, Down: w.Down, Main: i == 0}
		if shown.Button == "" {
			shown.Button = "Continue with " + w.Label
		}
		view.Ways, v.Origins = append(view.Ways, shown), append(v.Origins, w.Origins...)
	}
	if origin.Local(c) {
		view.People = h.SignIn.Demo()
	}
	return h.Pages.Show(c, v, h.set, "login.html", http.StatusOK, "Sign in", view)
}

// demo signs a demo's person in: for requests of this machine that nobody passed on; others find no such door.
func (h doors) demo(c *fiber.Ctx, v *page.View) error {
	if len(h.SignIn.Demo()) == 0 || !origin.Local(c) {
		return fiber.ErrNotFound
	}
	email := string(c.Request().PostArgs().Peek("email"))
	if err := h.count(c, email); err != nil {
		return err
	}
	who, err := h.SignIn.DemoCaller(c.UserContext(), email)
	if err != nil {
		return h.refuse(c, "demo", err)
	}
	who.Provider = "demo"
	return h.enter(c, who)
}

// begin starts a sign-in.
func (h doors) begin(c *fiber.Ctx, v *page.View) error {
	call, err := h.call(c, "")
	if err != nil {
		return err
	}
	if err := h.count(c, call.Values["email"]); err != nil {
		return err
	}
	step, who, err := h.SignIn.Begin(c.UserContext(), c.Params("way"), call)
	return h.follow(c, v, step, who, err)
}

// complete goes on with a sign-in: the return of a redirect, a link out of a mail, a form of the plugin's.
func (h doors) complete(c *fiber.Ctx, v *page.View) error {
	path := c.Params("*")
	if !auth.ValidPath(path) {
		return fiber.ErrNotFound
	}
	call, err := h.call(c, path)
	if err != nil {
		return err
	}
	if err := h.count(c, call.Values["email"]); err != nil {
		return err
	}
	step, who, err := h.SignIn.Complete(c.UserContext(), c.Params("way"), call)
	return h.follow(c, v, step, who, err)
}

// maxValues is how many values a sign-in may carry.
const maxValues = 40

// call is a request of the browser as plugins see it. A value that is given twice is refused (A2).
func (h doors) call(c *fiber.Ctx, path string) (auth.Call, error) {
	browser, err := h.Sessions.Browser(c)
	call := auth.Call{Path: path, Post: c.Method() == fiber.MethodPost, Values: map[string]string{}, Browser: browser,
		BaseURL: h.PublicURL + "/auth/" + c.Params("way"), Site: h.Pages.Brand().Name}
	args := c.Context().QueryArgs()
	if call.Post {
		args = c.Request().PostArgs()
	}
	twice := args.Len() > maxValues
	for key, value := range args.All() {
		name := string(key)
		_, known := call.Values[name]
		twice = twice || known
		call.Values[name] = string(value)
	}
	delete(call.Values, "_csrf")
	if err == nil && twice {
		err = problem.Bad("form", "a field is given more than once")
	}
	return call, err
}

// count counts an attempt by address, and by account where one is named. What only reads, a link or a return from an
// issuer, counts as any request of a stranger: the attempt was counted when it began.
func (h doors) count(c *fiber.Ctx, account string) error {
	keys, class := []string{limit.Key(h.Address(c))}, limit.Login
	if c.Method() == fiber.MethodGet {
		account, class = "", limit.Anonymous
	}
	if account = strings.ToLower(strings.TrimSpace(account)); account != "" && len(account) <= 254 {
		keys = append(keys, account)
	}
	for _, key := range keys {
		if wait := h.Limits.Take(class, key); wait > 0 {
			e := problem.New(http.StatusTooManyRequests, api.CodeRate, "too many sign-ins")
			e.RetryAfter = wait
			return e
		}
	}
	return nil
}

type stepView struct {
	Way, Label string
	Page       auth.Page
	Fields     []field
}

// follow does what comes next.
func (h doors) follow(c *fiber.Ctx, v *page.View, step auth.Step, who sdk.Caller, err error) error {
	switch {
	case err != nil:
		return h.refuse(c, c.Params("way"), err)
	case step.Redirect != "":
		return c.Redirect(step.Redirect, http.StatusSeeOther)
	case step.Identity != nil:
		return h.enter(c, who)
	}
	view := stepView{Way: c.Params("way"), Page: *step.Page, Fields: fieldsOf(step.Page.Fields)}
	for _, w := range h.SignIn.Ways(c.UserContext()) {
		if w.Name == view.Way {
			view.Label = w.Label
		}
	}
	return h.Pages.Show(c, v, h.set, "step.html", http.StatusOK, step.Page.Title, view)
}

// refuse says that a sign-in did not work, and why to the log alone (L3, L8).
func (h doors) refuse(c *fiber.Ctx, way string, err error) error {
	switch code := fault.CodeOf(err); {
	case code == fault.Transient && fault.HelpOf(err) != "" && page.Wants(c): // the plugin has words for people (L6)
		said, _, _ := problem.Of(err)
		return h.Pages.Say(c, http.StatusServiceUnavailable, page.Sentence{Heading: "That does not work at the moment.",
			Text: said.Detail + ".", Next: said.Help, Path: "/login", Link: "Back to signing in"})
	case code == fault.NotFound, code == fault.RateLimited, code == fault.Transient:
		return err
	}
	h.Log.Warn("sign-in refused", "request", h.Request(c), "way", way, "address", h.Address(c).String(), "reason", err)
	return h.Pages.Say(c, http.StatusForbidden, refused)
}

// enter opens the session and goes where the person wanted to.
func (h doors) enter(c *fiber.Ctx, who sdk.Caller) error {
	next, err := h.Sessions.Start(c, who, h.Address(c).String())
	if err != nil {
		return err
	}
	h.Log.Info("signed in", "request", h.Request(c), "user", who.User.ID, "way", who.Provider, "address", h.Address(c).String())
	return page.See(c, next)
}

package mine

import (
	"embed"
	"net/http"
	"slices"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/portal/page"
	"github.com/ai-data-analyst/broker/web/problem"
	"github.com/ai-data-analyst/broker/web/v1"
)

//go:embed templates/*.html
var files embed.FS

type pages struct {
	Needs
	page *page.Host
	set  *page.Set
}

// Routes are the pages.
func Routes(host *page.Host, needs Needs) []page.Route {
	p := pages{Needs: needs, page: host, set: page.Parse(page.Below(files, "templates"))}
	post := func(path string, body int, handler page.Handler) page.Route {
		return page.Route{Method: http.MethodPost, Path: path, Permission: v1.ForUser, Body: body, Handler: handler}
	}
	return []page.Route{
		{Method: http.MethodGet, Path: "/me", Permission: v1.ForUser, Handler: p.me},
		{Method: http.MethodGet, Path: "/setup", Permission: v1.ForUser, Handler: p.setup},
		{Method: http.MethodGet, Path: "/setup/steps", Permission: v1.ForUser, Handler: p.steps},
		post("/me/subscriptions", mostChosen, p.choose), post("/me/datasets", 0, p.dataset), post("/me/tokens", 0, p.token), post("/me/sessions", 0, p.session),
	}
}

// meView is a person's own affairs.
type meView struct {
	Done, Heading string
	Wrong, Help   string // why a change was not made
	Who           sdk.User
	Groups        []string
	Provider      string
	Chosen        api.Subscriptions
	Tables        []tableChoice
	Bytes         int64 // of what is taken
	Datasets      []api.DatasetChoice
	Machines      []api.Machine
	Watched       bool
	Sessions      []visitRow
	Tokens        []tokenRow
	Keys          []Key
	Secret        string // of a token that was made right now
	Label         string // of that token
}

type tableChoice struct {
	api.CatalogTable
	Taken bool
}

type visitRow struct {
	sdk.PortalSession
	Current bool
}

type tokenRow struct {
	sdk.Token
	Over bool // revoked or expired
}

var said = map[string]string{"chosen": "Kept. Your machines follow at their next pull.", "ended": "That browser is signed out.", "revoked": "That token opens nothing any more."}

func (p pages) me(c *fiber.Ctx, v *page.View) error {
	return p.show(c, v, meView{Done: said[c.Query("done")]})
}

// show writes the page around what just happened.
func (p pages) show(c *fiber.Ctx, v *page.View, view meView) error {
	ctx, status := c.UserContext(), http.StatusOK
	if view.Wrong != "" {
		status = http.StatusBadRequest
	}
	view.Who, view.Groups, view.Provider = v.Who.User, v.Who.Groups, v.Visit.Provider
	if err := p.chosen(c, v, &view); err != nil {
		return err
	}
	sessions, err := p.Visits.Sessions(ctx, v.Who)
	if err != nil {
		return err
	}
	for _, s := range sessions {
		view.Sessions = append(view.Sessions, visitRow{s, s.ID == v.Visit.ID})
	}
	tokens, err := p.Tokens.Tokens(ctx, v.Who)
	if err != nil {
		return err
	}
	for _, t := range tokens {
		view.Tokens = append(view.Tokens, tokenRow{t, !t.Revoked.IsZero() || !p.Now().Before(t.Expires)})
	}
	slices.SortStableFunc(view.Tokens, func(a, b tokenRow) int {
		return len(map[bool]string{true: "x"}[a.Over]) - len(map[bool]string{true: "x"}[b.Over])
	})
	if p.Keys != nil {
		if view.Keys, err = p.Keys.KeysOf(ctx, v.Who); err != nil {
			return err
		}
	}
	if p.Machines != nil {
		found, err := p.Machines.Machines(ctx, v.Who)
		if err != nil {
			return err
		}
		view.Machines, view.Watched = found.Machines, true
	}
	v.JSON, v.Nav = api.Prefix+"/me", "/me"
	return p.page.Show(c, v, p.set, "me.html", status, "What you receive", view)
}

// chosen fills in what the person takes.
func (p pages) chosen(c *fiber.Ctx, v *page.View, view *meView) error {
	catalog, err := p.Catalog.Catalog(c.UserContext(), v.Who)
	if err != nil {
		return err
	}
	if view.Chosen, err = p.Choices.Subscriptions(c.UserContext(), v.Who); err != nil {
		return err
	}
	datasets, err := p.Choices.Datasets(c.UserContext(), v.Who)
	if err != nil {
		return err
	}
	view.Datasets = datasets.Datasets
	taken := 0
	for _, t := range catalog.Tables {
		choice := tableChoice{t, view.Chosen.Mode == "all" || slices.Contains(view.Chosen.Tables, t.Name)}
		if choice.Taken {
			taken, view.Bytes = taken+1, view.Bytes+t.Bytes
		}
		view.Tables = append(view.Tables, choice)
	}
	view.Heading = heading(taken, len(view.Tables))
	return nil
}

// heading is the answer of the page.
func heading(taken, open int) string {
	switch {
	case open == 0:
		return "Nothing is open to you yet"
	case taken == open:
		return "You receive everything that is open to you"
	case taken == 0:
		return "You receive nothing"
	default:
		return "You receive " + page.Grouped(taken) + " of " + page.Grouped(open) + " tables"
	}
}

// choose keeps which tables come.
func (p pages) choose(c *fiber.Ctx, v *page.View) error {
	wanted := api.Subscriptions{Mode: copied(c.FormValue("mode"))}
	for _, name := range c.Context().PostArgs().PeekMulti("table") {
		wanted.Tables = append(wanted.Tables, string(name))
	}
	return p.done(c, v, "/me?done=chosen", p.Choices.Subscribe(c.UserContext(), v.Who, wanted))
}

// dataset takes or leaves a dataset.
func (p pages) dataset(c *fiber.Ctx, v *page.View) error {
	return p.done(c, v, "/me?done=chosen", p.Choices.Take(c.UserContext(), v.Who, copied(c.FormValue("dataset")), c.FormValue("do") == "take"))
}

// session signs a browser out.
func (p pages) session(c *fiber.Ctx, v *page.View) error {
	return p.done(c, v, "/me?done=ended#sessions", p.Visits.End(c.UserContext(), v.Who, copied(c.FormValue("session"))))
}

// tokenDays is how long a token of the page lives.
const tokenDays = 90

// token makes or revokes a token. The secret of a new one is on this answer and nowhere else.
func (p pages) token(c *fiber.Ctx, v *page.View) error {
	if c.FormValue("do") == "revoke" {
		return p.done(c, v, "/me?done=revoked#tokens", p.Tokens.RevokeToken(c.UserContext(), v.Who, copied(c.FormValue("token"))))
	}
	scopes := []sdk.Scope{sdk.ScopeRead}
	if c.FormValue("push") != "" {
		scopes = append(scopes, sdk.ScopePush)
	}
	token, secret, err := p.Tokens.IssueToken(c.UserContext(), v.Who, copied(c.FormValue("label")), tokenDays, scopes)
	if err != nil {
		return p.done(c, v, "", err)
	}
	return p.show(c, v, meView{Secret: secret.Reveal(), Label: token.Label})
}

// done sends the browser on, or tells on the page why nothing was changed.
func (p pages) done(c *fiber.Ctx, v *page.View, where string, err error) error {
	switch fault.CodeOf(err) {
	case fault.Config, fault.NotFound, fault.Data, fault.RateLimited:
		found, _, _ := problem.Of(err)
		if found.Detail == "" {
			found.Detail = "There is no such thing any more."
		}
		return p.show(c, v, meView{Wrong: found.Detail, Help: found.Help})
	}
	if err != nil {
		return err
	}
	return c.Redirect(where, http.StatusSeeOther)
}

func copied(text string) string { return string([]byte(text)) }

// stampOf is a time as templates take it.
func stampOf(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// CreatedAt, SeenAt and ExpiresAt are the times of a session for the page.
func (r visitRow) CreatedAt() string { return stampOf(r.Created) }

// SeenAt is when the browser last asked for something.
func (r visitRow) SeenAt() string { return stampOf(r.LastSeen) }

// UsedAt is when a token was last used; "" = never.
func (r tokenRow) UsedAt() string {
	if r.LastUsed.IsZero() {
		return ""
	}
	return stampOf(r.LastUsed)
}

// Until is when a token ends.
func (r tokenRow) Until() string { return stampOf(r.Expires) }

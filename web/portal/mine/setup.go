package mine

import (
	"net/http"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/web/portal/page"
	"github.com/ai-data-analyst/broker/web/v1/input"
)

// setupView is how a machine is set up, and how far that has come.
type setupView struct {
	Heading, Lead string
	System        string
	Systems       []system
	Site          string // public URL
	Install       string // command; "" = no program is handed out for that system
	Tables        int
	Bytes         int64
	SignedIn      *tokenRow // latest token of a program
	Pulled        string    // when a machine last pulled; "" = not yet
	Machine       string
	Watched       bool // pulls are counted here
	Left          int  // steps
}

type system struct {
	Key, Label string
	Current    bool
}

// systems are those that analyst is built for, as people name them and as files do.
var systems = []struct{ key, label, file string }{{"macos", "macOS", "darwin"}, {"linux", "Linux", "linux"}, {"windows", "Windows", "windows"}}

// setup shows the steps. Without a choice the system is the one that the browser names.
func (p pages) setup(c *fiber.Ctx, v *page.View) error {
	view, err := p.progress(c, v)
	if err != nil {
		return err
	}
	v.JSON = "/api/v1/me/tokens"
	return p.page.Show(c, v, p.set, "setup.html", http.StatusOK, "Set up a machine", view)
}

// steps is the list alone, for a page that watches.
func (p pages) steps(c *fiber.Ctx, v *page.View) error {
	view, err := p.progress(c, v)
	if err != nil {
		return err
	}
	return p.page.Part(c, v, p.set, "steps", view)
}

// progress finds out how far the person is.
func (p pages) progress(c *fiber.Ctx, v *page.View) (setupView, error) {
	view := setupView{Site: p.PublicURL}
	chosen, err := input.Text(c, "os")
	if err != nil {
		return view, err
	}
	view.choose(chosen, c.Get(fiber.HeaderUserAgent))
	view.Install = p.install(view.System)
	catalog, err := p.Catalog.Catalog(c.UserContext(), v.Who)
	if err != nil {
		return view, err
	}
	takes, err := p.Choices.Subscriptions(c.UserContext(), v.Who)
	if err != nil {
		return view, err
	}
	for _, t := range catalog.Tables {
		if slices.Contains(takes.Tables, t.Name) {
			view.Tables, view.Bytes = view.Tables+1, view.Bytes+t.Bytes
		}
	}
	tokens, err := p.Tokens.Tokens(c.UserContext(), v.Who)
	if err != nil {
		return view, err
	}
	view.signedIn(tokens, p)
	if p.Machines != nil {
		found, err := p.Machines.Machines(c.UserContext(), v.Who)
		if err != nil {
			return view, err
		}
		view.Watched = true
		if len(found.Machines) > 0 {
			view.Pulled, view.Machine = found.Machines[0].PulledAt, found.Machines[0].Label
		}
	}
	view.tell()
	return view, nil
}

func (view *setupView) choose(chosen, browser string) {
	view.System = chosen
	if !slices.ContainsFunc(systems, func(s struct{ key, label, file string }) bool { return s.key == chosen }) {
		view.System = "linux"
		for word, key := range map[string]string{"Mac OS": "macos", "Macintosh": "macos", "Windows": "windows"} {
			if strings.Contains(browser, word) {
				view.System = key
			}
		}
	}
	for _, s := range systems {
		view.Systems = append(view.Systems, system{s.key, s.label, s.key == view.System})
	}
}

// install is the command that fetches the program for a system, where one is handed out.
func (p pages) install(key string) string {
	file := ""
	for _, s := range systems {
		if s.key == key {
			file = s.file
		}
	}
	if p.Programs == nil || !slices.ContainsFunc(p.Programs(), func(name string) bool { return strings.Contains(name, "-"+file+"-") }) {
		return ""
	}
	if key == "windows" {
		return "irm " + p.PublicURL + "/download/install.ps1 | iex"
	}
	return "curl -fsSL " + p.PublicURL + "/download/install.sh | sh"
}

// signedIn finds the token that a program used last.
func (view *setupView) signedIn(tokens []sdk.Token, p pages) {
	for _, t := range tokens {
		row := tokenRow{t, !t.Revoked.IsZero() || !p.Now().Before(t.Expires)}
		if !row.Over && (view.SignedIn == nil || t.Created.After(view.SignedIn.Created)) {
			view.SignedIn = &row
		}
	}
}

func (view *setupView) tell() {
	view.Left = 3
	view.Heading, view.Lead = "Set up a machine", "A few commands in a terminal. This page watches and ticks off what has happened; without scripts, reload it."
	switch {
	case view.Pulled != "":
		view.Left, view.Heading = 0, "Connected: "+or(view.Machine, "your machine")+" has pulled"
		view.Lead = "Everything below can be done again on another machine."
	case view.SignedIn != nil:
		view.Left, view.Heading = 2, "Two steps left"
	}
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

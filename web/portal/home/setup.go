package home

import (
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/portal/page"
)

// setup is how somebody begins.
type setup struct {
	System, URL string
	Install     string
	Folder      string
	Tables      int
	Bytes       int64
	Token       *sdk.Token   // the first good one: a program of the person's is signed in
	Machine     *api.Machine // that pulled: all is done
}

// systems are those that the program is made for, in the order in which they are offered.
var systems = []string{"macos", "linux", "windows"}

// Systems are the names of the systems to choose from.
func (s *setup) Systems() []page.Entry {
	var all []page.Entry
	for _, name := range systems {
		label := map[string]string{"macos": "macOS", "linux": "Linux", "windows": "Windows"}[name]
		all = append(all, page.Entry{Path: "?os=" + name, Label: label, Current: name == s.System})
	}
	return all
}

// Left is how many steps are left.
func (s *setup) Left() int {
	switch {
	case s.Machine != nil:
		return 0
	case s.Token != nil:
		return 2
	default:
		return 4
	}
}

// system is the one that was chosen, else the browser's.
func system(c *fiber.Ctx) string {
	chosen := c.Query("os")
	for _, name := range systems {
		if chosen == name {
			return name
		}
	}
	switch agent := c.Get(fiber.HeaderUserAgent); {
	case strings.Contains(agent, "Windows"):
		return "windows"
	case strings.Contains(agent, "Mac OS"):
		return "macos"
	default:
		return "linux"
	}
}

// setup says which steps are done, by what was seen here: a token, then a pull.
func (d doors) setup(c *fiber.Ctx, who sdk.Caller, catalog api.Catalog) (*setup, error) {
	s := &setup{System: system(c), URL: d.PublicURL, Folder: "~/analyst", Tables: len(catalog.Tables)}
	s.Install = "curl -fsSL " + d.PublicURL + "/download/install.sh | sh"
	if s.System == "windows" {
		s.Install, s.Folder = "irm "+d.PublicURL+"/download/install.ps1 | iex", `$HOME\analyst`
	}
	for _, t := range catalog.Tables {
		s.Bytes += t.Bytes
	}
	if d.Tokens == nil {
		return s, nil
	}
	tokens, err := d.Tokens.Tokens(c.UserContext(), who)
	if err != nil {
		return nil, err
	}
	for i, t := range tokens {
		if t.Revoked.IsZero() && (t.Expires.IsZero() || t.Expires.After(d.Now())) && !t.LastUsed.IsZero() {
			s.Token = &tokens[i]
			break
		}
	}
	return s, nil
}

// steps renews the list of steps of a page that waits for a machine.
func (d doors) steps(c *fiber.Ctx, v *page.View) error {
	catalog, err := d.Manifests.Catalog(c.UserContext(), v.Who)
	if err != nil {
		return err
	}
	s, err := d.setup(c, v.Who, catalog)
	if err != nil {
		return err
	}
	if d.Machines != nil {
		found, err := d.Machines.Machines(c.UserContext(), v.Who)
		if err != nil {
			return err
		}
		if len(found.Machines) > 0 {
			s.Machine = &found.Machines[0]
		}
	}
	return d.Pages.Part(c, v, d.set, "steps.html", s)
}

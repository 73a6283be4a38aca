package page

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"html/template"
	"net/http"
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/origin"
	"github.com/ai-data-analyst/broker/web/static"
)

// Frame is what every page shows around its own part, and what that part may use.
type Frame struct {
	Title, Site     string // of the page; host of public_url
	Brand           Brand
	Person, Email   string // "" = nobody is signed in
	Groups          string
	Admin, Demo     bool
	Plain           bool // over http, so on this machine alone
	Still           bool // without scripts
	Token, Nonce    string
	Request, JSON   string
	Version, Search string
	Nav             []Entry
	Line            *Dateline
	Files           static.Files
}

// Entry is one of the navigation.
type Entry struct {
	Path, Label string
	Current     bool
}

// Dateline is the line below the masthead: how the data and the person's own machine are.
type Dateline struct {
	Known          bool // States could be asked
	Generation     int64
	PublishedAt    string
	Healthy, Total int
	Troubles       []Trouble
	Machine        *api.Machine // latest that pulled
	Watched        bool         // machines are counted here
}

// Trouble is how many of the person's tables are in a state.
type Trouble struct {
	State string
	Count int
}

// Show writes a page: the template's part, in the frame.
func (h *Host) Show(c *fiber.Ctx, v *View, set *Set, name string, status int, title string, data any) error {
	f, err := h.frame(c, v, title)
	if err != nil {
		return err
	}
	return h.send(c, f, set, name, status, data, v.Origins)
}

// Part writes a template alone, for pages that renew a part of themselves.
func (h *Host) Part(c *fiber.Ctx, v *View, set *Set, name string, data any) error {
	token, err := h.Sessions.Token(c)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := h.write(&out, set, name, map[string]any{"Frame": Frame{Token: token, Email: v.Who.User.Email, Admin: v.Who.User.Role == sdk.Admin}, "Data": data}); err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, "text/html; charset=utf-8")
	return c.Send(out.Bytes())
}

// send writes a page whose frame is known.
func (h *Host) send(c *fiber.Ctx, f Frame, set *Set, name string, status int, data any, origins []string) error {
	var part, whole bytes.Buffer
	if err := h.write(&part, set, name, map[string]any{"Frame": f, "Data": data}); err != nil {
		return err
	}
	if err := h.write(&whole, set, "frame.html", map[string]any{"Frame": f, "Main": template.HTML(part.String())}); err != nil {
		return err
	}
	c.Set(fiber.HeaderContentSecurityPolicy, policy(f.Nonce, origins))
	c.Set(fiber.HeaderXFrameOptions, "DENY")
	c.Set(fiber.HeaderReferrerPolicy, "same-origin") // a form's Origin must not become null
	c.Set(fiber.HeaderContentType, "text/html; charset=utf-8")
	return c.Status(status).Send(whole.Bytes())
}

// plain is the frame of a page that needs nothing that could be out of order itself.
func (h *Host) plain(c *fiber.Ctx, title string) Frame {
	var nonce [16]byte
	rand.Read(nonce[:]) // never fails
	f := Frame{Title: title, Brand: h.Brand(), Nonce: base64.RawURLEncoding.EncodeToString(nonce[:]), Request: h.Request(c), Version: h.Version, Files: static.Names(),
		Demo: len(h.Demo()) > 0}
	if u, err := url.Parse(h.PublicURL); err == nil {
		f.Site, f.Plain = u.Host, u.Scheme == "http"
	}
	return f
}

// frame is the frame of a page for who looks at it.
func (h *Host) frame(c *fiber.Ctx, v *View, title string) (Frame, error) {
	f := h.plain(c, title)
	var err error
	if f.Token, err = h.Sessions.Token(c); err != nil {
		return f, err
	}
	who := v.Who.User
	if who.ID == "" {
		f.Demo = f.Demo && origin.Local(c)
		return f, nil
	}
	f.Email, f.Person, f.Admin, f.JSON = who.Email, who.Name, who.Role == sdk.Admin, v.JSON
	if f.Person == "" {
		f.Person = who.Email
	}
	f.Groups, f.Search = strings.Join(v.Who.Groups, ", "), c.Query("q")
	f.Nav, f.Line = entries(c.Path(), v), h.dateline(c, v.Who)
	return f, nil
}

// entries is the navigation.
func entries(path string, v *View) []Entry {
	all := []Entry{{"/", "Home", false}, {"/catalog", "Catalog", false}, {"/runs", "Runs", false}, {"/definitions", "Metrics", false}, {"/memory", "Memory", false}}
	if v.Who.User.Role == sdk.Admin {
		all = append(all, Entry{"/admin", "Admin", false})
	}
	if v.Nav != "" {
		path = v.Nav
	}
	if strings.HasPrefix(path, "/t/") {
		path = "/catalog"
	}
	for i, e := range all {
		all[i].Current = path == e.Path || e.Path != "/" && strings.HasPrefix(path, e.Path+"/")
	}
	return all
}

// dateline says how the data is. What cannot be asked now is logged and left out: a page is no worse for it.
func (h *Host) dateline(c *fiber.Ctx, who sdk.Caller) *Dateline {
	line := &Dateline{}
	if h.States != nil {
		states, err := h.States.States(c.UserContext(), who)
		if err != nil {
			h.Log.Warn("the dateline cannot say how the tables are", "request", h.Request(c), "error", err)
		} else {
			line.Known, line.Generation, line.PublishedAt = true, states.Generation, states.PublishedAt
			line.tell(states.Tables)
		}
	}
	if h.Machines != nil {
		machines, err := h.Machines.Machines(c.UserContext(), who)
		if err != nil {
			h.Log.Warn("the dateline cannot say which machine pulled", "request", h.Request(c), "error", err)
			return line
		}
		line.Watched = true
		if len(machines.Machines) > 0 {
			line.Machine = &machines.Machines[0]
		}
	}
	return line
}

// worst is the order in which states are told.
var worst = []string{api.StateSyncing, api.StateUnreadable, api.StateFailed, api.StateHeld, api.StatePartial, api.StateStale, api.StateNever}

func (l *Dateline) tell(tables []api.TableState) {
	counts := map[string]int{}
	for _, t := range tables {
		counts[t.State]++
	}
	l.Total = len(tables)
	l.Healthy = counts[api.StateFresh] + counts[api.StateUnchanged] + counts[api.StateEmpty] + counts[api.StateSkipped]
	for _, word := range worst {
		if n := counts[word]; n > 0 {
			l.Troubles = append(l.Troubles, Trouble{word, n})
		}
	}
}

// policy is the content security policy of interface.md §7.
func policy(nonce string, origins []string) string {
	return "default-src 'none'; script-src 'nonce-" + nonce + "' 'strict-dynamic'; style-src 'self'; img-src 'self' data:; " +
		"connect-src 'self'; font-src 'self'; form-action " + strings.Join(append([]string{"'self'"}, origins...), " ") +
		"; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types default"
}

// See sends a browser on after a change.
func See(c *fiber.Ctx, path string) error { return c.Redirect(SafePath(path), http.StatusSeeOther) }

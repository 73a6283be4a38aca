package portal

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/ai-data-analyst/broker/web/api"
)

// moment is a time for people, with the exact one beside it.
type moment struct{ Text, Exact string }

// ago says how long ago something was; nil for no time.
func ago(stamp string, now time.Time) *moment {
	at, err := time.Parse(time.RFC3339, stamp)
	if err != nil {
		return nil
	}
	m := &moment{Exact: at.UTC().Format(time.RFC3339)}
	switch d := now.Sub(at); {
	case d < time.Minute:
		m.Text = "just now"
	case d < time.Hour:
		m.Text = fmt.Sprintf("%d min ago", int(d.Minutes()))
	case d < 48*time.Hour:
		m.Text = fmt.Sprintf("%d h ago", int(d.Hours()))
	default:
		m.Text = fmt.Sprintf("%d days ago", int(d.Hours()/24))
	}
	return m
}

// grouped is a number as people read it.
func grouped(n int64) string {
	text := strconv.FormatInt(n, 10)
	for at := len(text) - 3; at > 0 && text[at-1] != '-'; at -= 3 {
		text = text[:at] + "\u202f" + text[at:]
	}
	return text
}

type homeTable struct {
	Name, Description, Rows string
	Published               *moment
}

type homeSession struct {
	Since                      *moment
	Address, Browser, Provider string
	Current                    bool
}

type homeView struct {
	frame
	Heading, Count string
	Generation     int64
	Published      *moment
	Tables         []homeTable
	Sessions       []homeSession
}

// home shows the person's tables, how fresh they are, and where the person is signed in.
func (h Host) home(c *fiber.Ctx) error {
	who, visit, sent, err := h.signedIn(c)
	if err != nil || sent {
		return err
	}
	catalog, err := h.Manifests.Catalog(c.UserContext(), who)
	if err != nil {
		return err
	}
	sessions, err := h.Visits.Sessions(c.UserContext(), who)
	if err != nil {
		return err
	}
	view := homeView{Generation: catalog.Generation, Published: ago(catalog.PublishedAt, h.Now()), Count: count(len(catalog.Tables))}
	if view.frame, err = h.frame(c, "Start"); err != nil {
		return err
	}
	view.Person, view.Heading = who.User.Email, heading(catalog)
	for _, t := range catalog.Tables {
		view.Tables = append(view.Tables, homeTable{Name: t.Name, Description: t.Description, Rows: grouped(t.Rows), Published: ago(t.PublishedAt, h.Now())})
	}
	for _, s := range sessions {
		view.Sessions = append(view.Sessions, homeSession{Since: ago(s.Created.Format(time.RFC3339), h.Now()), Address: s.Address, Browser: s.UserAgent,
			Provider: s.Provider, Current: s.ID == visit.ID})
	}
	return h.show(c, http.StatusOK, "home.html", view)
}

func count(n int) string {
	if n == 1 {
		return "1 table"
	}
	return strconv.Itoa(n) + " tables"
}

// heading is the answer of the page: what is there for this person.
func heading(catalog api.Catalog) string {
	switch n := len(catalog.Tables); n {
	case 0:
		return "Nothing is open to you yet"
	case 1:
		return "One table is open to you"
	default:
		return strconv.Itoa(n) + " tables are open to you"
	}
}

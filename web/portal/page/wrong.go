package page

import (
	"fmt"
	"math"
	"net/http"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/problem"
)

// Sentence is a page of one sentence: what happened, what still holds, what to do.
type Sentence struct {
	Heading, Text, Next string
	Path, Link          string
	Status              int // as Say was told
}

var sentences = map[int]Sentence{
	http.StatusBadRequest:         {Heading: "That request makes no sense.", Text: "Nothing was changed.", Next: "go back and try again."},
	http.StatusForbidden:          {Heading: "That is not open to you.", Text: "The page may be old, or it belongs to administrators.", Next: "go back, reload, and try again; if it should be yours, ask an administrator."},
	http.StatusNotFound:           {Heading: "There is no such page.", Text: "It may have moved, it never was, or it is not open to you.", Next: "look for it in the catalog."},
	http.StatusMethodNotAllowed:   {Heading: "That page cannot be asked that way.", Text: "Nothing was changed.", Next: "go back and try again."},
	http.StatusConflict:           {Heading: "Somebody was faster.", Text: "What you looked at has changed since; nothing was overwritten.", Next: "go back, reload, and try again."},
	http.StatusGone:               {Heading: "That is over.", Text: "What the address names was here and is not kept any longer.", Next: "begin again from the start page."},
	http.StatusMisdirectedRequest: {Heading: "This server does not answer for that host.", Text: "The address in your browser is not the one this portal is set up for.", Next: "use the address that your administrator gave you."},
	http.StatusTooManyRequests:    {Heading: "Too many tries.", Text: "Nothing is lost.", Next: "wait a minute, then try again."},
	http.StatusServiceUnavailable: {Heading: "That does not work at the moment.", Text: "Nothing is lost, and what you pulled still works.", Next: "try again in a few minutes."},
}

var broken = Sentence{Heading: "Something went wrong here.", Text: "It is not your doing, and it is in the log under the number below. What you pulled still works.", Next: "try again; if it stays, tell an administrator the number."}

// own are the templates of this room alone.
var own = &Set{frame()}

// Wants says whether a request is a browser's for a page, so that an answer to it is one too.
func Wants(c *fiber.Ctx) bool {
	return !strings.HasPrefix(c.Path(), api.Prefix) && !strings.HasPrefix(c.Path(), "/static/") && strings.Contains(c.Get(fiber.HeaderAccept), "text/html")
}

// Logged is the path of a request as a log may have it: links out of mails let people in, so below /auth there is the row of
// our tables instead (G14).
func Logged(c *fiber.Ctx) string {
	if strings.HasPrefix(c.Path(), "/auth/") {
		return c.Route().Path
	}
	return c.Path()
}

// Wrong writes the page of an error. It is the same for everybody but for the request's id, and needs nothing that could
// be out of order itself.
func (h *Host) Wrong(c *fiber.Ctx, err error) error {
	c.Response().ResetBody()
	p, retry, internal := problem.Of(err)
	if internal {
		h.Log.Error("page failed", "request", h.Request(c), "method", c.Method(), "path", Logged(c), "error", err)
	}
	if retry > 0 {
		c.Set(fiber.HeaderRetryAfter, fmt.Sprint(int(math.Ceil(retry.Seconds()))))
	}
	words, ok := sentences[p.Status]
	if !ok {
		words = broken
		if p.Status < http.StatusInternalServerError {
			words = sentences[http.StatusBadRequest]
		}
	}
	return h.Say(c, p.Status, words)
}

// Say writes a page of one sentence.
func (h *Host) Say(c *fiber.Ctx, status int, words Sentence) error {
	words.Status = status
	if words.Path == "" {
		words.Path, words.Link = "/", "Go to the start page"
	}
	f := h.plain(c, words.Heading)
	f.Demo, f.Plain, f.Still = false, false, true
	return h.send(c, f, own, "said.html", status, words, nil)
}

// Missing is the page of a service that is not installed: it answers 200 and says so.
func (h *Host) Missing(c *fiber.Ctx, v *View, title string, words Sentence) error {
	return h.Show(c, v, own, "missing.html", http.StatusOK, title, words)
}

package pagetest

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/web/portal/page"
)

// Today is the time of every house.
func Today() time.Time { return time.Date(2026, 11, 25, 14, 4, 10, 0, time.UTC) }

// House is pages that several people look at: Ada, who is an admin, and others by their names.
type House struct {
	t      *testing.T
	routes func(*page.Host) []page.Route
}

// Open puts up the pages that routes makes.
func Open(t *testing.T, routes func(*page.Host) []page.Route) *House { return &House{t, routes} }

// Browser is somebody's.
type Browser struct{ *Site }

// As is the browser of somebody who is signed in; "" is nobody.
func (h *House) As(name string) *Browser {
	h.t.Helper()
	who := sdk.Caller{User: sdk.User{ID: name, Email: name + "@example.com", Role: sdk.Standard}, Groups: []string{"everyone"}}
	if name == "ada" {
		who.User.Role = sdk.Admin
	}
	return &Browser{New(h.t, who, Today(), h.routes)}
}

// Get opens a page.
func (b *Browser) Get(path string) (status int, body string) {
	b.t.Helper()
	answer, body := b.Site.Get(path, "Accept: */*") //nolint:bodyclose // Site read and closed it
	return answer.StatusCode, body
}

// Page is Get of a page that must be there.
func (b *Browser) Page(path string) string {
	b.t.Helper()
	status, body := b.Get(path)
	if status != http.StatusOK {
		b.t.Fatalf("GET %s: %d\n%s", path, status, body)
	}
	return body
}

// Post sends a form, with the token of the site's pages unless it has one. With a redirect, where is its target.
func (b *Browser) Post(path string, form url.Values) (status int, where, body string) {
	b.t.Helper()
	answer, body := b.Site.Post(path, form, "Sec-Fetch-Site: same-origin") //nolint:bodyclose // Site read and closed it
	return answer.StatusCode, answer.Header.Get("Location"), body
}

// Has fails the test for each text that is neither in the page nor in what people read of it.
func Has(t *testing.T, body string, texts ...string) {
	t.Helper()
	plain := strings.Join(strings.Fields(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(body, "")), " ")
	for _, text := range texts {
		if !strings.Contains(body, text) && !strings.Contains(plain, text) {
			t.Errorf("%q is not in\n%s", text, plain)
		}
	}
}

// HasNot fails the test for each text that is in the page.
func HasNot(t *testing.T, body string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(body, text) {
			t.Errorf("%q is in the page", text)
		}
	}
}

package web_test

import (
	"io"
	"strings"
	"testing"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web"
)

func TestTheInstancesOwnFace(t *testing.T) {
	content, failed := []byte("<svg onload=evil()/>"), error(nil)
	s, _ := portalOf(t, io.Discard, &[]web.CookiePair{}, func(o *web.Options) {
		o.Portal.Brand = func() web.Brand {
			return web.Brand{Name: "Acme <b>", Subtitle: "For <i>all</i>", Copyright: "Acme Ltd", Logo: web.LogoPath}
		}
		o.Portal.Logo = func() ([]byte, string, error) { return content, "image/svg+xml", failed }
	})
	b := s.browser(t)
	_, body := b.do("GET", "/login", nil)
	for _, want := range []string{`<img class="logo" src="/brand/logo" alt="">`, "Acme &lt;b&gt;", "For &lt;i&gt;all&lt;/i&gt;", "Acme Ltd"} {
		if !strings.Contains(body, want) {
			t.Errorf("lacks %q: %s", want, body)
		}
	}
	answer, logo := b.do("GET", web.LogoPath, nil)
	if answer.StatusCode != 200 || logo != string(content) || answer.Header.Get("Content-Type") != "image/svg+xml" || !strings.Contains(answer.Header.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Errorf("%d %v", answer.StatusCode, answer.Header)
	}
	failed = fault.New(fault.NotFound, "there is no logo")
	if answer, _ := b.do("GET", web.LogoPath, nil); answer.StatusCode != 404 {
		t.Errorf("%d", answer.StatusCode)
	}
}

// What no door answers is a page for browsers and a problem document for programs; below /api it is always the latter.
func TestUnknownAddresses(t *testing.T) {
	s, _ := portalOf(t, nil, &[]web.CookiePair{}, nil)
	b := s.browser(t)
	for _, c := range []struct{ path, accept, kind string }{
		{"/nothing", "text/html,application/xhtml+xml", "text/html"}, {"/nothing", "application/json", "application/problem+json"}, {"/nothing", "", "application/problem+json"},
		{"/api/v1/nothing", "text/html", "application/problem+json"}, {"/static/nothing.css", "text/html", "application/problem+json"},
	} {
		answer, body := b.do("GET", c.path, nil, "Accept: "+c.accept)
		if !strings.HasPrefix(answer.Header.Get("Content-Type"), c.kind) || answer.StatusCode < 400 {
			t.Errorf("%s for %q: %d %s %s", c.path, c.accept, answer.StatusCode, answer.Header.Get("Content-Type"), body)
		}
	}
}

package web_test

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/auth"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web"
	"github.com/ai-data-analyst/broker/web/api"
)

func TestL2_NextIsAPathOfThisServer(t *testing.T) {
	s, _ := portalOf(t, nil, &[]web.CookiePair{}, nil)
	for next, want := range map[string]string{"": "/", "/": "/", "/t/shop.orders?a=1": "/t/shop.orders?a=1", "//evil": "/", `/\evil`: "/", "https:evil": "/", "/\t/evil": "/", "/%09/evil": "/",
		"javascript:alert(1)": "/", "https://evil/": "/", "/%2f/evil": "/", "/%5cevil": "/", "\\\\evil": "/", "/x\r\nSet-Cookie: a=b": "/", "///evil": "/", "/logout": "/", "/auth/team/callback": "/", "evil": "/",
		"/./a/../b": "/./a/../b", "/a#b": "/a", "/" + strings.Repeat("a", 2000): "/"} {
		b := s.browser(t)
		_, body := b.do("GET", "/login?next="+url.QueryEscape(next), nil)
		answer, _ := b.do("POST", "/auth/team", url.Values{"_csrf": {csrfField.FindStringSubmatch(body)[1]}})
		if got := answer.Header.Get("Location"); answer.StatusCode != 303 || got != want {
			t.Errorf("next %q: %d, goes to %q, want %q", next, answer.StatusCode, got, want)
		}
	}
	b := s.browser(t)
	if answer, _ := b.do("GET", "/login?next=/a&next=//evil", nil); answer.StatusCode != 200 {
		t.Errorf("twice: %d", answer.StatusCode)
	}
}

// L3, L8: every refused sign-in is the same page but for the request's id; the reason is in the log, on one line.
func TestL3_RefusalsAreOnePage(t *testing.T) {
	var log bytes.Buffer
	s, h := portalOf(t, &log, &[]web.CookiePair{}, func(o *web.Options) { o.Limits = web.Rates{} })
	id := regexp.MustCompile(`Request [0-9a-f]+`)
	var page string
	for _, reason := range []error{fault.New(fault.Auth, "unknown address"), fault.New(fault.Auth, "bob@acme.com is disabled"), fault.New(fault.Auth, "locked\r\nlevel=ERROR forged"),
		fault.New(fault.Bug, "the plugin broke"), fault.New(fault.Config, "the settings"), fault.New(fault.Data, "x"), fault.New(fault.Permission, "x"), io.ErrUnexpectedEOF} {
		h.step = func(auth.Call) (auth.Step, sdk.Caller, error) { return auth.Step{}, sdk.Caller{}, reason }
		for _, email := range []string{"bob@acme.com", "nobody@acme.com", "<script>"} {
			b := s.browser(t)
			answer, body := b.do("POST", "/auth/team", url.Values{"_csrf": {b.token("/login")}, "email": {email}})
			same := id.ReplaceAllString(body, "Request")
			if page == "" {
				page = same
			}
			if answer.StatusCode != 403 || same != page || !strings.Contains(body, "That sign-in did not work.") || !id.MatchString(body) {
				t.Errorf("%v as %s: %d %s", reason, email, answer.StatusCode, body)
			}
			callback, other := b.do("GET", "/auth/team/callback?state=x&error_description=a%0d%0ab", nil)
			if callback.StatusCode != 403 || id.ReplaceAllString(other, "Request") != page {
				t.Errorf("callback, %v: %d", reason, callback.StatusCode)
			}
		}
	}
	if !strings.Contains(log.String(), "unknown address") || strings.Contains(log.String(), "\nlevel=ERROR forged") {
		t.Error(log.String())
	}
	for code, status := range map[fault.Code]int{fault.RateLimited: 429, fault.Transient: 503, fault.NotFound: 404} {
		h.step = func(auth.Call) (auth.Step, sdk.Caller, error) {
			return auth.Step{}, sdk.Caller{}, &fault.Fault{Code: code, What: "the inside", RetryAfter: time.Minute}
		}
		b := s.browser(t)
		answer, body := b.do("POST", "/auth/team", url.Values{"_csrf": {b.token("/login")}})
		if answer.StatusCode != status || strings.Contains(body, "the inside") || !strings.Contains(answer.Header.Get("Content-Type"), "text/html") {
			t.Errorf("%s: %d %s", code, answer.StatusCode, body)
		}
	}
}

func TestL4_SignInsAreCounted(t *testing.T) {
	s, h := portalOf(t, nil, &[]web.CookiePair{}, func(o *web.Options) { o.Limits = web.Rates{Login: 5} })
	h.step = func(auth.Call) (auth.Step, sdk.Caller, error) {
		return auth.Step{}, sdk.Caller{}, fault.New(fault.Auth, "no")
	}
	b := s.browser(t)
	token, refused := b.token("/login"), 0
	for range 12 {
		answer, _ := b.do("POST", "/auth/team", url.Values{"_csrf": {token}, "email": {"bob@acme.com"}})
		if answer.StatusCode == 429 && answer.Header.Get("Retry-After") != "" {
			refused++
		}
	}
	if refused == 0 {
		t.Error("twelve tries within a minute pass a limit of five")
	}
}

// L9: what is no session is none, and its cookie is cleared.
func TestL9_Cookies(t *testing.T) {
	keys := []web.CookiePair{}
	s, h := portalOf(t, nil, &keys, nil)
	b := s.browser(t)
	b.signIn()
	if !b.in() {
		t.Fatal("not in")
	}
	u, _ := url.Parse(s.url)
	good := b.c.Jar.Cookies(u)[0]
	if !strings.HasPrefix(good.Name, "portal_") {
		t.Errorf("cookie %s over plain http on this machine", good.Name)
	}
	for name, header := range map[string]string{"garbage": good.Name + "=garbage", "cut": good.Name + "=" + good.Value[:len(good.Value)-5], "changed": good.Name + "=" + good.Value[:20] + "A" + good.Value[21:],
		"twice": good.Name + "=" + good.Value + "; " + good.Name + "=x", "another name": "portal=" + good.Value, "host": "__Host-portal=" + good.Value, "long": good.Name + "=" + strings.Repeat("x", 5000), "empty": good.Name + "="} {
		fresh := s.browser(t)
		answer, _ := fresh.do("GET", "/", nil, "Cookie: "+header)
		if answer.StatusCode != 303 {
			t.Errorf("%s: %d", name, answer.StatusCode)
		}
		cleared := strings.Contains(answer.Header.Get("Set-Cookie"), good.Name+"=;") && strings.Contains(answer.Header.Get("Set-Cookie"), "Max-Age=0")
		if mine := strings.HasPrefix(header, good.Name+"="); mine != cleared {
			t.Errorf("%s: Set-Cookie %q", name, answer.Header.Get("Set-Cookie"))
		}
		if answer, _ := fresh.do("GET", api.Prefix+"/me", nil, "Cookie: "+header); answer.StatusCode != 401 {
			t.Errorf("%s at the API: %d", name, answer.StatusCode)
		}
	}
	// Over the limit of headers, yet small enough that it is sent whole before the server hangs up.
	if answer, _ := s.browser(t).do("GET", "/", nil, "Cookie: "+good.Name+"="+strings.Repeat("x", 10_000)); answer.StatusCode != 431 && answer.StatusCode != 400 {
		t.Errorf("10 kB: %d", answer.StatusCode)
	}
	// New secret at sign-in; a copy of the cookie opens nothing after signing out.
	copied := good.Name + "=" + good.Value
	if answer, _ := s.browser(t).do("GET", "/", nil, "Cookie: "+copied); answer.StatusCode != 200 {
		t.Fatalf("the copy: %d", answer.StatusCode)
	}
	if answer, _ := b.do("POST", "/logout", url.Values{"_csrf": {b.token("/logout")}}); answer.StatusCode != 303 || answer.Header.Get("Location") != "/login" {
		t.Fatalf("sign out: %d", answer.StatusCode)
	}
	if answer, _ := s.browser(t).do("GET", "/", nil, "Cookie: "+copied); answer.StatusCode != 303 {
		t.Errorf("the copy after signing out: %d", answer.StatusCode)
	}
	// Keys: what an older pair signed is read and signed anew, until that pair is gone.
	b.signIn()
	old := keys[0]
	keys = []web.CookiePair{newPair(), old}
	if !b.in() {
		t.Error("a rotation signs out")
	}
	keys = keys[:1]
	if !b.in() {
		t.Error("the cookie was not signed anew")
	}
	keys = []web.CookiePair{newPair()}
	if b.in() {
		t.Error("a retired key opens a session")
	}
	if len(h.sessions) == 0 {
		t.Error("no session is left")
	}
}

func TestCookieOverHTTPS(t *testing.T) {
	s, _ := portalOf(t, nil, &[]web.CookiePair{}, func(o *web.Options) { o.PublicURL = "https://data.acme.com" })
	answer, body := s.call(t, "GET", "/login", "", "", "Host: data.acme.com")
	cookie := answer.Header.Get("Set-Cookie")
	for _, want := range []string{"__Host-portal=", "; Path=/", "; HttpOnly", "; Secure", "; SameSite=Lax"} {
		if !strings.Contains(cookie, want) {
			t.Errorf("%q lacks %q", cookie, want)
		}
	}
	if strings.Contains(cookie, "Domain") || strings.Contains(body, "http://") {
		t.Errorf("%s\n%s", cookie, body)
	}
}

func TestL10_OnlyOurPagesChangeAnything(t *testing.T) {
	s, _ := portalOf(t, nil, &[]web.CookiePair{}, nil)
	b := s.browser(t)
	b.signIn()
	token := b.token("/logout")
	good := url.Values{"_csrf": {token}}
	for name, c := range map[string]struct {
		form    url.Values
		headers []string
		status  int
	}{
		"no token":           {url.Values{}, nil, 403},
		"wrong token":        {url.Values{"_csrf": {token[1:] + "A"}}, nil, 403},
		"foreign origin":     {good, []string{"Origin: https://evil.example"}, 403},
		"null origin":        {good, []string{"Origin: null"}, 403},
		"cross-site":         {good, []string{"Sec-Fetch-Site: cross-site"}, 403},
		"same-site":          {good, []string{"Sec-Fetch-Site: same-site"}, 403},
		"cross-site, origin": {good, []string{"Sec-Fetch-Site: cross-site", "Origin: " + s.url}, 403},
		"text/plain JSON":    {good, []string{"Content-Type: text/plain"}, 403},
		"method override":    {nil, []string{"X-HTTP-Method-Override: DELETE"}, 403},
		"our origin":         {good, []string{"Origin: " + s.url}, 303},
		"our site":           {good, []string{"Sec-Fetch-Site: same-origin", "Origin: " + s.url}, 303},
		"neither":            {good, nil, 303},
		"in a header":        {url.Values{}, []string{"X-CSRF-Token: " + token}, 303},
	} {
		if answer, body := b.do("POST", "/logout/others", c.form, c.headers...); answer.StatusCode != c.status {
			t.Errorf("%s: %d %.200s", name, answer.StatusCode, body)
		}
	}
	if answer, _ := b.do("POST", "/logout/others?_csrf="+token, url.Values{}); answer.StatusCode != 403 {
		t.Errorf("a token in the address: %d", answer.StatusCode)
	}
	if answer, _ := b.do("GET", "/logout", nil); answer.StatusCode != 200 || !b.in() {
		t.Error("GET /logout signs out")
	}
	// Before sign-in too: nobody signs another's browser in.
	other := s.browser(t)
	other.do("GET", "/login", nil)
	if answer, _ := other.do("POST", "/auth/team", url.Values{"_csrf": {token}}); answer.StatusCode != 403 {
		t.Errorf("another browser's token: %d", answer.StatusCode)
	}
	// The API: a cookie needs the token, a bearer token does not and wins.
	for name, c := range map[string]struct {
		headers []string
		status  int
	}{
		"cookie without token":  {nil, 403},
		"cookie with token":     {[]string{"X-CSRF-Token: " + token}, 204},
		"cookie from elsewhere": {[]string{"X-CSRF-Token: " + token, "Sec-Fetch-Site: cross-site"}, 403},
		"bearer":                {[]string{"Authorization: Bearer ada"}, 204},
		"bearer from elsewhere": {[]string{"Authorization: Bearer ada", "Sec-Fetch-Site: cross-site", "Origin: https://evil.example"}, 204},
		"bad bearer and cookie": {[]string{"Authorization: Bearer wrong", "X-CSRF-Token: " + token}, 401},
	} {
		if answer, body := b.do("DELETE", api.Prefix+"/me/sessions", nil, c.headers...); answer.StatusCode != c.status {
			t.Errorf("%s: %d %s", name, answer.StatusCode, body)
		} else if c.status == 403 && !strings.Contains(body, `"code":"csrf"`) {
			t.Errorf("%s: %s", name, body)
		}
	}
	if answer, _ := b.do("POST", api.Prefix+"/mcp", url.Values{}, "X-CSRF-Token: "+token, "Content-Type: application/json"); answer.StatusCode != 401 {
		t.Errorf("MCP by cookie: %d", answer.StatusCode)
	}
}

func TestSessionsAreListedAndEnded(t *testing.T) {
	s, _ := portalOf(t, nil, &[]web.CookiePair{}, nil)
	one, two := s.browser(t), s.browser(t)
	one.signIn()
	two.signIn()
	_, body := one.do("GET", api.Prefix+"/me/sessions", nil)
	if strings.Count(body, `"id"`) != 2 || strings.Count(body, `"current":true`) != 1 || !strings.Contains(body, `"provider":"team"`) {
		t.Fatal(body)
	}
	if _, me := one.do("GET", api.Prefix+"/me", nil); !strings.Contains(me, `"provider":"team"`) || !strings.Contains(me, "bob@example.com") {
		t.Error(me)
	}
	if answer, _ := one.do("POST", "/logout/others", url.Values{"_csrf": {one.token("/logout")}}); answer.StatusCode != 303 || two.in() || !one.in() {
		t.Errorf("%d, the other %t, this %t", answer.StatusCode, two.in(), one.in())
	}
	if answer, _ := one.do("DELETE", api.Prefix+"/me/sessions/none", nil, "X-CSRF-Token: "+one.token("/logout")); answer.StatusCode != 404 {
		t.Errorf("none: %d", answer.StatusCode)
	}
}

// ownScript are the portal's own scripts.
var ownScript = regexp.MustCompile(`<script nonce="[A-Za-z0-9_-]{22}" src="/static/[a-z0-9.-]+\.js" defer></script>`)

// L13: text from outside is text on every page.
func TestL13_TextIsText(t *testing.T) {
	const evil = `"><script>alert(1)</script><img src=x onerror=alert(1)>'`
	s, h := portalOf(t, nil, &[]web.CookiePair{}, nil)
	h.ways = []web.Way{{Name: "team", Label: evil, Form: auth.Form{Button: evil, Doc: evil, Fields: []auth.FormField{{Name: "email", Label: evil, Type: "email"}}, Links: []auth.Link{{Text: evil, Path: "x"}}}},
		{Name: "down", Label: "Down", Down: true}}
	h.step = func(call auth.Call) (auth.Step, sdk.Caller, error) {
		if call.Path == "in" {
			h.people["bob"].caller.User.Email = evil
			return auth.Step{Identity: &auth.Identity{}}, h.people["bob"].caller, nil
		}
		return auth.Step{Page: &auth.Page{Title: evil, Text: []string{evil}, Code: evil, Path: "in", Button: evil, Links: []auth.Link{{Text: evil, Path: "x"}}}}, sdk.Caller{}, nil
	}
	b := s.browser(t)
	look := func(answer *http.Response, body string) {
		t.Helper()
		policy := answer.Header.Get("Content-Security-Policy")
		body = ownScript.ReplaceAllString(body, "")
		if answer.StatusCode != 200 || strings.Contains(body, "<script") || strings.Contains(body, "<img") || !strings.Contains(body, "&lt;script&gt;") {
			t.Errorf("%d %s", answer.StatusCode, body)
		}
		for _, want := range []string{"default-src 'none'", "script-src 'nonce-", "'strict-dynamic'", "base-uri 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'", "form-action 'self'"} {
			if !strings.Contains(policy, want) {
				t.Errorf("policy %q lacks %q", policy, want)
			}
		}
		if strings.Contains(body, " style=") || strings.Contains(body, " onclick") || answer.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("inline, or kept: %s", body)
		}
	}
	answer, login := b.do("GET", "/login", nil)
	look(answer, login)
	token := csrfField.FindStringSubmatch(login)[1]
	answer, step := b.do("POST", "/auth/team", url.Values{"_csrf": {token}})
	look(answer, step)
	if answer, _ = b.do("POST", "/auth/team/in", url.Values{"_csrf": {token}}); answer.StatusCode != 303 {
		t.Fatal(answer.StatusCode)
	}
	answer, home := b.do("GET", "/", nil, "User-Agent: "+evil)
	look(answer, home)
	answer, out := b.do("GET", "/logout", nil)
	look(answer, out)
}

func TestSignInPages(t *testing.T) {
	s, h := portalOf(t, nil, &[]web.CookiePair{}, func(o *web.Options) { o.PublicURL = "" })
	h.ways[0].Origins = []string{"https://issuer.example"}
	var browsers []string
	h.step = func(call auth.Call) (auth.Step, sdk.Caller, error) {
		browsers = append(browsers, call.Browser)
		if call.BaseURL != s.url+"/auth/team" || call.Values["_csrf"] != "" {
			t.Errorf("%+v", call)
		}
		return auth.Step{Redirect: "https://issuer.example/authorize?state=x"}, sdk.Caller{}, nil
	}
	b := s.browser(t)
	answer, body := b.do("GET", "/login", nil)
	if !strings.Contains(answer.Header.Get("Content-Security-Policy"), "form-action 'self' https://issuer.example;") || !strings.Contains(body, `action="/auth/demo"`) {
		t.Errorf("%v %s", answer.Header, body)
	}
	answer, _ = b.do("POST", "/auth/team", url.Values{"_csrf": {csrfField.FindStringSubmatch(body)[1]}})
	if answer.StatusCode != 303 || answer.Header.Get("Location") != "https://issuer.example/authorize?state=x" {
		t.Errorf("%d %s", answer.StatusCode, answer.Header.Get("Location"))
	}
	b.do("GET", "/auth/team/callback?state=x", nil)
	s.browser(t).do("GET", "/auth/team/callback?state=x", nil)
	if len(browsers) != 3 || browsers[0] != browsers[1] || browsers[1] == browsers[2] {
		t.Errorf("browsers %q", browsers)
	}
	for path, status := range map[string]int{"/auth/none/callback": 404, "/auth/team/../x": 404, "/auth/team/a%2fb": 303, "/auth/team/a%00": 404, "/auth/team/callback?a=1&a=2": 400} {
		if answer, _ := b.do("GET", path, nil); answer.StatusCode != status {
			t.Errorf("%s: %d", path, answer.StatusCode)
		}
	}
	// A demo's people: here, and for nobody whose request was passed on.
	for header, status := range map[string]int{"": 303, "X-Forwarded-For: 192.0.2.1": 404, "Forwarded: for=192.0.2.1": 404} {
		fresh := s.browser(t)
		token := fresh.token("/login")
		var headers []string
		if header != "" {
			headers = []string{header}
		}
		if answer, _ := fresh.do("POST", "/auth/demo", url.Values{"_csrf": {token}, "email": {"ada@example.com"}}, headers...); answer.StatusCode != status {
			t.Errorf("demo with %q: %d", header, answer.StatusCode)
		}
	}
	fresh := s.browser(t)
	if answer, body := fresh.do("POST", "/auth/demo", url.Values{"_csrf": {fresh.token("/login")}, "email": {"eve@example.com"}}); answer.StatusCode != 403 || !strings.Contains(body, "did not work") {
		t.Errorf("nobody of the demo: %d", answer.StatusCode)
	}
}

// Who is signed in lets a program have a token by one button, which nobody else's page can press.
func TestASignedInPersonConnectsAProgram(t *testing.T) {
	s, h := portalOf(t, nil, &[]web.CookiePair{}, nil)
	b := s.browser(t)
	path := "/connect?" + connectForm.Encode()
	if answer, body := b.do("GET", path, nil); answer.StatusCode != 200 || !strings.Contains(body, `href="/login?next=%2Fconnect%3F`) {
		t.Fatalf("signed out: %d %s", answer.StatusCode, body)
	}
	_, body := b.do("GET", "/login?next="+url.QueryEscape(path), nil)
	answer, _ := b.do("POST", "/auth/team", url.Values{"_csrf": {csrfField.FindStringSubmatch(body)[1]}})
	back := answer.Header.Get("Location")
	answer, body = b.do("GET", back, nil)
	if answer.StatusCode != 200 || !strings.Contains(body, "Continue as bob@example.com") || !strings.Contains(answer.Header.Get("Content-Security-Policy"), "form-action 'self' http://127.0.0.1:40000") {
		t.Fatalf("%s: %d %v %s", back, answer.StatusCode, answer.Header, body)
	}
	form := url.Values{}
	for name, values := range connectForm {
		form[name] = values
	}
	if answer, _ := b.do("POST", "/connect", form); answer.StatusCode != 403 {
		t.Errorf("without token: %d", answer.StatusCode)
	}
	form.Set("_csrf", csrfField.FindStringSubmatch(body)[1])
	if answer, _ := b.do("POST", "/connect", form, "Sec-Fetch-Site: cross-site"); answer.StatusCode != 403 {
		t.Errorf("from elsewhere: %d", answer.StatusCode)
	}
	if answer, _ := b.do("POST", "/connect", form); answer.StatusCode != 303 || !strings.HasPrefix(answer.Header.Get("Location"), "http://127.0.0.1:40000/callback?code=code-u-bob") {
		t.Errorf("%d %s", answer.StatusCode, answer.Header.Get("Location"))
	}
	form.Set("user_code", "ABCD-EFGH")
	if answer, body := b.do("POST", "/connect/device", form); answer.StatusCode != 200 || !strings.Contains(body, "Done") {
		t.Errorf("device: %d %s", answer.StatusCode, body)
	}
	if answer, _ := s.browser(t).do("POST", "/connect", form); answer.StatusCode != 401 {
		t.Errorf("signed out: %d", answer.StatusCode)
	}
	if _, options := b.do("GET", api.Prefix+"/login", nil, "X-Forwarded-For: 192.0.2.1"); !strings.Contains(options, `"browser"`) {
		t.Error(options)
	}
	h.ways = nil
	if _, options := b.do("GET", api.Prefix+"/login", nil, "X-Forwarded-For: 192.0.2.1"); strings.Contains(options, `"browser"`) {
		t.Error(options)
	}
}

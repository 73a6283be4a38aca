package web_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/ai-data-analyst/broker/web"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/limit"
)

func TestLoginOfADemo(t *testing.T) {
	s := serve(t, nil)
	_, body := s.call(t, "GET", api.Prefix+"/login", "", "")
	if !strings.Contains(body, `"methods":["demo","browser","device","token"]`) || !strings.Contains(body, "ada@example.com") {
		t.Error(body)
	}
	answer, body := s.call(t, "POST", api.Prefix+"/login/demo", "", `{"email":"bob@example.com","label":"laptop"}`)
	if answer.StatusCode != 201 || !strings.Contains(body, `"secret":"brk_demo"`) || !strings.Contains(body, `"current":true`) || answer.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %s", answer.StatusCode, body)
	}
	answer, body = s.call(t, "POST", api.Prefix+"/login/demo", "", `{"email":"eve@example.com"}`)
	if answer.StatusCode != 401 || strings.Contains(body, "nobody of the demo") {
		t.Errorf("%d %s", answer.StatusCode, body)
	}
	for _, header := range []string{"Forwarded: for=1.2.3.4", "X-Forwarded-For: 127.0.0.1", "x-forwarded-proto: https", "X-Forwarded-Anything: x", "Via: 1.1 proxy"} {
		if answer, _ := s.call(t, "POST", api.Prefix+"/login/demo", "", `{"email":"bob@example.com"}`, header); answer.StatusCode != 404 {
			t.Errorf("%s: %d", header, answer.StatusCode)
		}
		if _, body := s.call(t, "GET", api.Prefix+"/login", "", "", header); strings.Contains(body, "example.com") || strings.Contains(body, "demo") {
			t.Errorf("%s: %s", header, body)
		}
		form := connectForm.Encode() + "&email=bob%40example.com"
		if answer, _ := s.call(t, "POST", "/connect", "", form, header, formType); answer.StatusCode != 404 {
			t.Errorf("%s: /connect %d", header, answer.StatusCode)
		}
	}
}

var connectForm = url.Values{"challenge": {strings.Repeat("c", 43)}, "port": {"40000"}, "state": {"st-1"}}

const formType = "Content-Type: application/x-www-form-urlencoded"

func TestConnectInTheBrowser(t *testing.T) {
	s := serve(t, nil)
	answer, page := s.call(t, "GET", "/connect?"+connectForm.Encode(), "", "")
	policy := answer.Header.Get("Content-Security-Policy")
	if answer.StatusCode != 200 || !strings.Contains(page, "Continue as bob@example.com") || strings.Contains(page, "<script") || !strings.Contains(page, "Acme &lt;b&gt;") ||
		policy != "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self' http://127.0.0.1:40000" {
		t.Errorf("%d %s\n%s", answer.StatusCode, policy, page)
	}
	form := connectForm.Encode() + "&email=bob%40example.com"
	answer, _ = s.call(t, "POST", "/connect", "", form, formType, "Sec-Fetch-Site: same-origin")
	if answer.StatusCode != 303 || answer.Header.Get("Location") != "http://127.0.0.1:40000/callback?code=code-u-bob&state=st-1" {
		t.Errorf("%d %s", answer.StatusCode, answer.Header.Get("Location"))
	}
	verifier := strings.Repeat("v", 43)
	answer, body := s.call(t, "POST", api.Prefix+"/login/token", "", `{"code":"code-u-bob","verifier":"`+verifier+`","label":"x"}`)
	if answer.StatusCode != 201 || !strings.Contains(body, "brk_code") || !strings.Contains(body, "bob@example.com") {
		t.Errorf("%d %s", answer.StatusCode, body)
	}
	if answer, _ := s.call(t, "POST", api.Prefix+"/login/token", "", `{"code":"wrong","verifier":"`+verifier+`"}`); answer.StatusCode != 401 {
		t.Errorf("wrong code: %d", answer.StatusCode)
	}
	for name, c := range map[string]struct {
		form    string
		headers []string
		status  int
	}{
		"other site":       {form, []string{"Sec-Fetch-Site: cross-site"}, 403},
		"same site":        {form, []string{"Sec-Fetch-Site: same-site"}, 403},
		"other origin":     {form, []string{"Origin: http://evil.example"}, 403},
		"no origin":        {form, []string{"Origin: null"}, 403},
		"stranger":         {connectForm.Encode() + "&email=eve%40example.com", nil, 401},
		"low port":         {strings.Replace(form, "40000", "80", 1), nil, 400},
		"no port":          {strings.Replace(form, "40000", "evil.example", 1), nil, 400},
		"port with a host": {strings.Replace(form, "40000", "40000%40evil.example", 1), nil, 400},
		"short challenge":  {strings.Replace(form, "ccc", "", 1), nil, 400},
		"state":            {strings.Replace(form, "st-1", "a%0d%0aX:b", 1), nil, 400},
	} {
		if answer, body := s.call(t, "POST", "/connect", "", c.form, append(c.headers, formType)...); answer.StatusCode != c.status {
			t.Errorf("%s: %d %s", name, answer.StatusCode, body)
		}
	}
}

func TestConnectADevice(t *testing.T) {
	s := serve(t, nil)
	_, body := s.call(t, "POST", api.Prefix+"/login/device", "", "")
	if !strings.Contains(body, `"verification_uri":"`+s.url+`/connect/device"`) || !strings.Contains(body, `"user_code":"ABCD-EFGH"`) {
		t.Error(body)
	}
	if answer, _ := s.call(t, "POST", api.Prefix+"/login/device/token", "", `{"device_code":"device"}`); answer.StatusCode != 202 {
		t.Errorf("nobody has decided: %d", answer.StatusCode)
	}
	if _, page := s.call(t, "GET", "/connect/device", "", ""); !strings.Contains(page, `name="user_code"`) {
		t.Error(page)
	}
	for code, status := range map[string]int{"ABCD-EFGH": 200, " abcd-efgh ": 200, "XXXX-XXXX": 404, "<script>": 400, "": 400} {
		form := url.Values{"user_code": {code}, "email": {"ada@example.com"}}.Encode()
		if answer, page := s.call(t, "POST", "/connect/device", "", form, formType); answer.StatusCode != status || strings.Contains(page, "<script") {
			t.Errorf("%q: %d %s", code, answer.StatusCode, page)
		}
	}
}

func TestRates(t *testing.T) {
	limits := limit.Rates{Anonymous: 5, Login: 3, Account: 7}
	s := serve(t, func(o *web.Options) { o.Limits = limits })
	tries := func(n int, try func() int) (refused int) {
		for range n {
			if try() == 429 {
				refused++
			}
		}
		return refused
	}
	as := func(token string) func() int {
		return func() int {
			answer, _ := s.call(t, "GET", api.Prefix+"/me", token, "")
			return answer.StatusCode
		}
	}
	if n := tries(9, as("bob")); n != 2 {
		t.Errorf("bob was refused %d times", n)
	}
	if n := tries(7, as("ada")); n != 0 { // an account of its own, and no share in the address
		t.Errorf("ada was refused %d times", n)
	}
	if n := tries(9, as("wrong")); n != 4 {
		t.Errorf("strangers were refused %d times", n)
	}
	login := func(email string) func() int {
		return func() int {
			answer, _ := s.call(t, "POST", api.Prefix+"/login/demo", "", `{"email":"`+email+`"}`)
			return answer.StatusCode
		}
	}
	if n := tries(5, login("bob@example.com")); n != 2 {
		t.Errorf("logins were refused %d times", n)
	}
	answer, body := s.call(t, "GET", api.Prefix+"/me", "wrong", "")
	if answer.StatusCode != 429 || answer.Header.Get("Retry-After") == "" || !strings.Contains(body, api.CodeRate) {
		t.Errorf("%d %v", answer.StatusCode, answer.Header)
	}
}

// Behind a trusted proxy the address is the client's; whoever else names one is not believed.
func TestAddressesBehindProxies(t *testing.T) {
	for name, c := range map[string]struct {
		trusted []string
		refused int
	}{"trusted": {[]string{"127.0.0.0/8"}, 0}, "not trusted": {nil, 3}} {
		s := serve(t, func(o *web.Options) { o.Limits, o.TrustedProxies = limit.Rates{Anonymous: 1}, c.trusted })
		refused := 0
		for _, address := range []string{"9.9.9.9, 203.0.113.1", "9.9.9.9, 203.0.113.2", "9.9.9.9, 203.0.113.3, 127.0.0.1", "2001:db8::1"} {
			if answer, _ := s.call(t, "GET", api.Prefix+"/keys", "", "", "X-Forwarded-For: "+address); answer.StatusCode == 429 {
				refused++
			}
		}
		if refused != c.refused {
			t.Errorf("%s: %d refused", name, refused)
		}
	}
}

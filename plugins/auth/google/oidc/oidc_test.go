package oidc_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/ai-data-analyst/broker/plugins/auth/google/oidc"
	"github.com/ai-data-analyst/broker/sdk/auth"
	"github.com/ai-data-analyst/broker/sdk/auth/authtest"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

const base = "http://127.0.0.1:1/auth/google"

func settings(i *issuer, more string) []byte {
	return []byte(`{"issuer": "` + i.URL + `", "client_id": "client", "client_secret": "client-s3cr3t"` + more + `}`)
}

func open(t *testing.T, i *issuer, more string) auth.Session {
	t.Helper()
	p, err := oidc.Plugin(time.Now).Build()
	if err != nil {
		t.Fatal(err)
	}
	s, err := p.Open(t.Context(), auth.Open{Settings: settings(i, more)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// signIn does what a browser does; change alters what comes back to the callback.
func signIn(ctx context.Context, i *issuer, s auth.Session, host auth.Host, browser string, change func(*auth.Call)) (auth.Step, error) {
	step, err := s.Begin(ctx, host, auth.Call{Post: true, Browser: browser, BaseURL: base})
	if err != nil {
		return step, err
	}
	state, code, err := i.authorize(step.Redirect)
	if err != nil {
		return step, err
	}
	call := auth.Call{Path: "callback", Browser: browser, BaseURL: base, Values: map[string]string{"state": state, "code": code}}
	if i.sendsIss {
		call.Values["iss"] = i.URL
	}
	if change != nil {
		change(&call)
	}
	return s.Complete(ctx, host, call)
}

func TestContract(t *testing.T) {
	i := newIssuer(t)
	var browsers atomic.Int64
	authtest.Test(t, authtest.Subject{
		New: func(context.Context) (auth.Provider, func() error, error) {
			p, err := oidc.Plugin(time.Now).Build()
			return p, nil, err
		},
		Settings: settings(i, ""),
		Bad: []authtest.Bad{{Settings: []byte(`{}`), Path: "client_id"}, {Settings: []byte(`{"client_id":"c","client_secret":"s","issuer":"http://issuer.example"}`), Path: "issuer"},
			{Settings: []byte(`{"client_id":"c","client_secret":"s","scopes":["email"]}`), Path: "scopes"}, {Settings: []byte(`{"client_id":"c","client_secret":"s","issuer":"https://a:b@issuer.example"}`), Path: "issuer"}},
		SignIn: func(ctx context.Context, s auth.Session, host auth.Host) (auth.Step, error) {
			return signIn(ctx, i, s, host, fmt.Sprint("b", browsers.Add(1)), nil)
		},
	})
}

func TestWhoItIs(t *testing.T) {
	i := newIssuer(t)
	step, err := signIn(t.Context(), i, open(t, i, ""), &authtest.Host{}, "b", nil)
	if err != nil {
		t.Fatal(err)
	}
	if who := *step.Identity; who.Issuer != i.URL || who.Subject != "1234" || who.Email != "ann@acme.com" || !who.EmailVerified || who.HostedDomain != "acme.com" || who.Name != "Ann" || who.ByNameOnly || who.Changed {
		t.Errorf("%+v", who)
	}
	form, err := open(t, i, "").Ability(auth.AbilityForm).(auth.Former).Form(t.Context())
	if err != nil || len(form.Origins) != 1 || form.Origins[0] != i.URL {
		t.Errorf("%+v %v", form, err)
	}
}

// L8: what comes back in another way than it should.
func TestL8_Callbacks(t *testing.T) {
	i := newIssuer(t)
	s := open(t, i, "")
	for name, change := range map[string]func(*auth.Call){
		"state missing":   func(c *auth.Call) { delete(c.Values, "state") },
		"state wrong":     func(c *auth.Call) { c.Values["state"] += "x" },
		"state empty":     func(c *auth.Call) { c.Values["state"] = "" },
		"state long":      func(c *auth.Call) { c.Values["state"] = strings.Repeat("x", 10_000) },
		"another browser": func(c *auth.Call) { c.Browser = "another" },
		"code missing":    func(c *auth.Call) { delete(c.Values, "code") },
		"code wrong":      func(c *auth.Call) { c.Values["code"] = "x" },
		"an error": func(c *auth.Call) {
			c.Values["error"], c.Values["error_description"] = "access_denied", "no\r\nSet-Cookie: a=b"
		},
		"another issuer":  func(c *auth.Call) { c.Values["iss"] = "https://evil.example" },
		"posted":          func(c *auth.Call) { c.Post = true },
		"another path":    func(c *auth.Call) { c.Path = "callback2" },
		"another address": func(c *auth.Call) { c.BaseURL = "https://evil.example/auth/google" },
	} {
		step, err := signIn(t.Context(), i, s, &authtest.Host{}, "b", change)
		if fault.CodeOf(err) != fault.Auth || strings.ContainsAny(err.Error(), "\r\n") {
			t.Errorf("%s: %+v %v", name, step, err)
		}
	}
	// Used up before the code is exchanged: a state is good once, whatever became of the first use.
	host := &authtest.Host{}
	var used auth.Call
	if _, err := signIn(t.Context(), i, s, host, "b", func(c *auth.Call) { c.Values["code"] = "x"; used = *c }); fault.CodeOf(err) != fault.Auth || host.Kept() != 0 {
		t.Errorf("%v, %d kept", err, host.Kept())
	}
	if _, err := s.Complete(t.Context(), host, used); fault.CodeOf(err) != fault.Auth || !strings.Contains(err.Error(), "state") {
		t.Errorf("a state that was used: %v", err)
	}
	if _, err := s.Begin(t.Context(), host, auth.Call{Browser: "b", BaseURL: base}); fault.CodeOf(err) != fault.Auth {
		t.Errorf("begun by GET: %v", err)
	}
	// Too old.
	now := time.Now()
	host = &authtest.Host{Now: func() time.Time { return now }}
	if _, err := signIn(t.Context(), i, s, host, "b", func(*auth.Call) { now = now.Add(10 * time.Minute) }); fault.CodeOf(err) != fault.Auth {
		t.Errorf("after ten minutes: %v", err)
	}
	// An issuer that says it sends iss must send it (mix-up).
	i.sendsIss = true
	s = open(t, i, "")
	if _, err := signIn(t.Context(), i, s, &authtest.Host{}, "b", nil); err != nil {
		t.Errorf("with iss: %v", err)
	}
	if _, err := signIn(t.Context(), i, s, &authtest.Host{}, "b", func(c *auth.Call) { delete(c.Values, "iss") }); fault.CodeOf(err) != fault.Auth {
		t.Errorf("iss missing: %v", err)
	}
}

// L8, L14: ID tokens that say or prove too little.
func TestL8_IDTokens(t *testing.T) {
	i := newIssuer(t)
	foreign, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&i.key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	set := func(name string, value any) func(jwt.MapClaims) { return func(c jwt.MapClaims) { c[name] = value } }
	for name, c := range map[string]struct {
		more  string
		spoil func(jwt.MapClaims)
		sign  func(jwt.MapClaims) string
		well  bool
	}{
		"good":                   {well: true},
		"not verified":           {spoil: set("email_verified", false)},
		"verified as text":       {spoil: set("email_verified", "true")},
		"verified as a number":   {spoil: set("email_verified", 1)},
		"verified is missing":    {spoil: func(c jwt.MapClaims) { delete(c, "email_verified") }},
		"another audience":       {spoil: set("aud", "another")},
		"two audiences":          {spoil: func(c jwt.MapClaims) { c["aud"], c["azp"] = []string{"client", "another"}, "another" }},
		"another issuer":         {spoil: set("iss", "https://evil.example")},
		"another nonce":          {spoil: set("nonce", "x")},
		"no nonce":               {spoil: func(c jwt.MapClaims) { delete(c, "nonce") }},
		"over":                   {spoil: set("exp", time.Now().Add(-time.Hour).Unix())},
		"no end":                 {spoil: func(c jwt.MapClaims) { delete(c, "exp") }},
		"no subject":             {spoil: func(c jwt.MapClaims) { delete(c, "sub") }},
		"a subject of two lines": {spoil: set("sub", "a\nb")},
		"no address":             {spoil: func(c jwt.MapClaims) { delete(c, "email") }},
		"name of markup":         {spoil: set("name", "<script>\r\n\u202e"), well: true},
		"picture of script":      {spoil: set("picture", "javascript:alert(1)"), well: true},
		"alg none": {sign: func(c jwt.MapClaims) string {
			return signed(jwt.SigningMethodNone, c, jwt.UnsafeAllowNoneSignatureType)
		}},
		"signed by the public key": {sign: func(c jwt.MapClaims) string { return signed(jwt.SigningMethodHS256, c, public) }},
		"a foreign key":            {sign: func(c jwt.MapClaims) string { return signed(jwt.SigningMethodRS256, c, foreign) }},
		"garbage":                  {sign: func(jwt.MapClaims) string { return "a.b.c" }},
		"none":                     {sign: func(jwt.MapClaims) string { return "" }},
		"hosted":                   {more: `, "hosted_domains": ["acme.cz", "ACME.com"]`, well: true},
		"hosted elsewhere":         {more: `, "hosted_domains": ["acme.cz"]`},
		"not hosted":               {more: `, "hosted_domains": ["acme.com"]`, spoil: func(c jwt.MapClaims) { delete(c, "hd") }},
		"hosted by nothing":        {more: `, "hosted_domains": ["acme.com"]`, spoil: set("hd", "")},
	} {
		i.spoil, i.sign = c.spoil, c.sign
		step, err := signIn(t.Context(), i, open(t, i, c.more), &authtest.Host{}, "b", nil)
		switch {
		case c.well && (err != nil || strings.Contains(step.Identity.Picture, "javascript") || strings.ContainsAny(step.Identity.Name, "\r\n\u202e")):
			t.Errorf("%s: %+v %v", name, step.Identity, err)
		case !c.well && fault.CodeOf(err) != fault.Auth:
			t.Errorf("%s: %+v %v, want a refusal", name, step.Identity, err)
		}
	}
}

// What the issuer names on another host inside is not asked; what is no https is not used.
func TestIssuersThatLeadAstray(t *testing.T) {
	var reached atomic.Int64
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	defer inside.Close()
	other := strings.Replace(inside.URL, "127.0.0.1", "localhost", 1) // another name, and inside
	for name, said := range map[string]map[string]any{
		"another issuer": {"issuer": "https://evil.example"},
		"plain http":     {"token_endpoint": "http://issuer.example/token"},
		"plain address":  {"authorization_endpoint": "http://issuer.example/authorize"},
	} {
		i := newIssuer(t)
		i.discovery = said
		if _, err := open(t, i, "").Begin(t.Context(), &authtest.Host{}, auth.Call{Post: true, Browser: "b", BaseURL: base}); fault.CodeOf(err) != fault.Transient {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, said := range map[string]map[string]any{"token": {"token_endpoint": other + "/token"}, "keys": {"jwks_uri": other + "/keys"}} {
		i := newIssuer(t)
		i.discovery = said
		if _, err := signIn(t.Context(), i, open(t, i, ""), &authtest.Host{}, "b", nil); fault.CodeOf(err) != map[string]fault.Code{"token": fault.Transient, "keys": fault.Auth}[name] {
			t.Errorf("%s inside: %v", name, err)
		}
	}
	if n := reached.Load(); n != 0 {
		t.Errorf("another host inside was asked %d times", n)
	}
	i := newIssuer(t)
	i.Close()
	s := open(t, i, "")
	if _, err := s.Ability(auth.AbilityForm).(auth.Former).Form(t.Context()); fault.CodeOf(err) != fault.Transient {
		t.Errorf("an issuer that is gone: %v", err)
	}
	items, err := s.Check(t.Context())
	if err != nil || items[0].Err == nil || strings.Contains(items[0].Err.Error(), "s3cr3t") {
		t.Errorf("%v %v", items, err)
	}
	if err := errors.Join(s.Close(t.Context()), s.Close(t.Context())); err != nil {
		t.Error(err)
	}
}

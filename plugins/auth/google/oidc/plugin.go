// Package oidc signs people in by an OpenID Connect issuer: discovery, code flow with PKCE, nonce and a state that is
// bound to the browser and good once (G13).
//
// It says who the issuer says somebody is, and nothing about whether they may come in. Only the plugin's main imports it.
package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	oidc "github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/auth"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

const googleIssuer = "https://accounts.google.com"

// Settings is the config block.
type Settings struct {
	Issuer        string     `cfg:"issuer" doc:"Address of the issuer; http only on this machine." default:"https://accounts.google.com" format:"url"`
	ClientID      string     `cfg:"client_id" doc:"Id that the issuer gave to this broker." required:"true"`
	ClientSecret  sdk.Secret `cfg:"client_secret" doc:"Secret that the issuer gave to this broker." required:"true"`
	HostedDomains []string   `cfg:"hosted_domains" doc:"Only accounts that one of these organisations manages (the claim hd)."`
	Scopes        []string   `cfg:"scopes" doc:"What is asked of the issuer." default:"openid,email,profile"`
}

// Plugin is the plugin.
func Plugin(now func() time.Time) auth.Author {
	return auth.Plugin[Settings, *Issuer]{
		Name: "google", Version: "0.1.0", Doc: "Signs people in by Google, or by any other OpenID Connect issuer.",
		Validate: validate,
		Open: func(_ context.Context, rt auth.Runtime, s Settings) (*Issuer, error) {
			return &Issuer{settings: s, now: now, client: newClient(s.Issuer)}, nil
		},
		Close: func(i *Issuer) error { i.client.CloseIdleConnections(); return nil },
		Check: func(ctx context.Context, i *Issuer) error {
			_, err := i.discover(ctx)
			return err
		},
		Form: form, Begin: begin, Complete: complete,
	}
}

func validate(s Settings) []auth.Problem {
	var problems []auth.Problem
	u, err := url.Parse(s.Issuer)
	if err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil || u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())) {
		problems = append(problems, auth.Problem{Path: "issuer", Summary: "is no https address", Help: "Write it as the issuer does, e.g. https://accounts.google.com."})
	}
	if !slices.Contains(s.Scopes, "openid") {
		problems = append(problems, auth.Problem{Path: "scopes", Summary: "lack openid, without which there is no identity", Help: `Write ["openid", "email", "profile"].`})
	}
	return problems
}

// Issuer is the configured one. What it says of itself is asked when it is first needed.
type Issuer struct {
	settings Settings
	now      func() time.Time
	client   *http.Client

	mu     sync.Mutex
	known  *known
	failed error // of the last question
	asked  time.Time
}

// known is what the issuer says of itself.
type known struct {
	provider *oidc.Provider
	oauth    oauth2.Config
	verifier *oidc.IDTokenVerifier
	sendsIss bool // RFC 9207: the callback carries iss
}

// askAgain is how long a failure to ask the issuer holds: a login page is not slower than it must be.
const askAgain = 10 * time.Second

// discover returns what the issuer says of itself, asking when it is not known yet.
func (i *Issuer) discover(ctx context.Context) (*known, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.known != nil {
		return i.known, nil
	}
	if i.failed != nil && i.now().Sub(i.asked) < askAgain {
		return nil, i.failed
	}
	i.known, i.failed = i.ask(ctx)
	i.asked = i.now()
	return i.known, i.failed
}

func (i *Issuer) ask(ctx context.Context) (*known, error) {
	provider, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), i.client), i.settings.Issuer) // its keys are asked for later, by the same client
	if err != nil {
		return nil, fault.Wrap(fault.Transient, err, "ask the issuer "+i.settings.Issuer+" about itself")
	}
	var more struct {
		SendsIss bool `json:"authorization_response_iss_parameter_supported"`
	}
	if err := provider.Claims(&more); err != nil {
		return nil, fault.Wrap(fault.Transient, err, "read what the issuer says of itself")
	}
	endpoint := provider.Endpoint()
	for _, address := range []string{endpoint.AuthURL, endpoint.TokenURL} {
		if u, err := url.Parse(address); err != nil || u.Scheme != "https" && !isLoopback(u.Hostname()) {
			return nil, fault.Newf(fault.Transient, "the issuer names an address that is not https: %.200q", address)
		}
	}
	return &known{provider: provider, sendsIss: more.SendsIss,
		oauth:    oauth2.Config{ClientID: i.settings.ClientID, ClientSecret: i.settings.ClientSecret.Reveal(), Endpoint: endpoint, Scopes: i.settings.Scopes},
		verifier: provider.Verifier(&oidc.Config{ClientID: i.settings.ClientID, Now: i.now})}, nil
}

// form is one button, which leads to the issuer.
func form(ctx context.Context, i *Issuer) (auth.Form, error) {
	k, err := i.discover(ctx)
	if err != nil {
		return auth.Form{}, err
	}
	f := auth.Form{}
	if i.settings.Issuer == googleIssuer {
		f.Button = "Continue with Google"
	}
	for _, address := range []string{i.settings.Issuer, k.oauth.Endpoint.AuthURL} {
		if u, err := url.Parse(address); err == nil && !slices.Contains(f.Origins, u.Scheme+"://"+u.Host) {
			f.Origins = append(f.Origins, u.Scheme+"://"+u.Host)
		}
	}
	return f, nil
}

// refused is an answer to a sign-in that does not work; why is for the log.
func refused(format string, args ...any) error { return fault.Newf(fault.Auth, format, args...) }

// pending is a sign-in under way, as the host keeps it.
type pending struct {
	Nonce    string `json:"nonce"`
	Verifier string `json:"verifier"` // RFC 7636
}

const pendingLife = 10 * time.Minute

// place is where a sign-in under way is kept: another browser with the same state finds nothing (G13).
func place(call auth.Call, state string) string { return "state " + call.Browser + " " + state }

// begin sends the browser to the issuer.
func begin(ctx context.Context, i *Issuer, host auth.Host, call auth.Call) (auth.Step, error) {
	if !call.Post {
		return auth.Step{}, refused("a sign-in begins by a form")
	}
	k, err := i.discover(ctx)
	if err != nil {
		return auth.Step{}, err
	}
	state, p := oauth2.GenerateVerifier(), pending{Nonce: oauth2.GenerateVerifier(), Verifier: oauth2.GenerateVerifier()} // 256 random bits each
	text, err := json.Marshal(p)
	if err != nil {
		return auth.Step{}, fmt.Errorf("keep the sign-in: %w", err)
	}
	if err := host.Put(ctx, place(call, state), text, pendingLife); err != nil {
		return auth.Step{}, err
	}
	options := []oauth2.AuthCodeOption{oidc.Nonce(p.Nonce), oauth2.S256ChallengeOption(p.Verifier)}
	if len(i.settings.HostedDomains) == 1 {
		options = append(options, oauth2.SetAuthURLParam("hd", i.settings.HostedDomains[0]))
	}
	flow := k.oauth
	flow.RedirectURL = call.BaseURL + "/callback"
	return auth.Step{Redirect: flow.AuthCodeURL(state, options...)}, nil
}

// complete takes what the issuer sent back by the browser.
func complete(ctx context.Context, i *Issuer, host auth.Host, call auth.Call) (auth.Step, error) {
	if call.Path != "callback" || call.Post {
		return auth.Step{}, refused("there is nothing at %.100q", call.Path)
	}
	state := call.Values["state"]
	if state == "" || len(state) > 100 {
		return auth.Step{}, refused("the state is missing")
	}
	text, found, err := host.Take(ctx, place(call, state)) // used up before anything else is done
	if err != nil {
		return auth.Step{}, err
	}
	var p pending
	if !found || json.Unmarshal(text, &p) != nil {
		return auth.Step{}, refused("the state is unknown, used, too old, or another browser's")
	}
	k, err := i.discover(ctx)
	if err != nil {
		return auth.Step{}, err
	}
	iss, said := call.Values["iss"]
	switch {
	case said && iss != i.settings.Issuer, !said && k.sendsIss:
		return auth.Step{}, refused("the answer is of issuer %.200q, not of %s", iss, i.settings.Issuer)
	case call.Values["error"] != "":
		return auth.Step{}, refused("the issuer says %.100q: %.200q", call.Values["error"], call.Values["error_description"])
	case call.Values["code"] == "":
		return auth.Step{}, refused("the code is missing")
	}
	flow := k.oauth
	flow.RedirectURL = call.BaseURL + "/callback"
	token, err := flow.Exchange(oidc.ClientContext(ctx, i.client), call.Values["code"], oauth2.VerifierOption(p.Verifier))
	if err != nil {
		return auth.Step{}, exchangeFault(err)
	}
	raw, _ := token.Extra("id_token").(string)
	identity, err := i.identify(oidc.ClientContext(ctx, i.client), k, raw, p.Nonce)
	if err != nil {
		return auth.Step{}, err
	}
	return auth.Step{Identity: identity}, nil
}

// exchangeFault says why there is no token. What the issuer's host sent is quoted: it goes to a log.
func exchangeFault(err error) error {
	var said *oauth2.RetrieveError
	if errors.As(err, &said) {
		return refused("the issuer does not take the code: %.100q", said.ErrorCode)
	}
	return fault.Newf(fault.Transient, "the issuer does not answer: %.300q", err.Error())
}

// claims are those of an ID token that matter here.
type claims struct {
	Party    string          `json:"azp"`
	Email    string          `json:"email"`
	Verified json.RawMessage `json:"email_verified"`
	Hosted   string          `json:"hd"`
	Name     string          `json:"name"`
	Picture  string          `json:"picture"`
}

// identify checks an ID token and says whose it is.
func (i *Issuer) identify(ctx context.Context, k *known, raw, nonce string) (*auth.Identity, error) {
	token, err := k.verifier.Verify(ctx, raw) // signature, issuer, audience, time
	if err != nil {
		return nil, refused("the ID token is no good: %.300q", err.Error())
	}
	var c claims
	if err := token.Claims(&c); err != nil {
		return nil, refused("the ID token cannot be read: %.300q", err.Error())
	}
	hosted := strings.ToLower(c.Hosted)
	switch {
	case token.Nonce != nonce || nonce == "":
		return nil, refused("the ID token answers another sign-in")
	case c.Party != "" && c.Party != i.settings.ClientID:
		return nil, refused("the ID token was made for %.100q", c.Party)
	case string(c.Verified) != "true":
		return nil, refused("the issuer has not verified the address %.100q", c.Email)
	case len(i.settings.HostedDomains) > 0 && !slices.ContainsFunc(i.settings.HostedDomains, func(d string) bool { return hosted != "" && strings.EqualFold(d, hosted) }):
		return nil, refused("%.100q is managed by %.100q, which is none of hosted_domains", c.Email, c.Hosted)
	}
	identity := &auth.Identity{Issuer: token.Issuer, Subject: token.Subject, Email: c.Email, EmailVerified: true, HostedDomain: printable(hosted, 255), Name: printable(c.Name, 200),
		ByNameOnly: i.settings.Issuer == googleIssuer && len(i.settings.HostedDomains) == 0}
	if u, err := url.Parse(c.Picture); err == nil && u.Scheme == "https" && len(c.Picture) < 2000 {
		identity.Picture = c.Picture
	}
	if err := identity.Check(); err != nil {
		return nil, refused("the issuer says what cannot be used: %.300q", err.Error())
	}
	return identity, nil
}

// printable is a text as one line of at most so many bytes.
func printable(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	if len(text) > most {
		return strings.ToValidUTF8(text[:most], "")
	}
	return text
}

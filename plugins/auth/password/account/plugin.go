// Package account signs people in by address and password: accounts are set up, and passwords replaced, by links that are
// mailed to who may come in.
//
// What it answers tells nobody who is known, by its words or by its time (L3). Only the plugin's main imports it.
package account

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/ai-data-analyst/broker/plugins/auth/internal/link"
	"github.com/ai-data-analyst/broker/plugins/auth/internal/post"
	"github.com/ai-data-analyst/broker/sdk/auth"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// issuer stays when the portal moves: the mailbox is what proves an account, wherever the link led.
const issuer = "password"

// Settings is the config block. Without host no mail is sent, and nobody can set a password.
type Settings struct {
	MinLength int `cfg:"min_length" doc:"Fewest characters of a password." default:"12" min:"8" max:"64"`
	post.Settings
}

// Accounts are the passwords of people, kept by the host.
type Accounts struct {
	rules  rules
	now    func() time.Time
	hashes *pool
	dummy  string       // hash of a password that nobody has
	sender *post.Sender // nil: no mail is sent
	queue  *post.Queue  // nil with it
	write  sync.Mutex   // accounts are read and written back by one at a time
}

// Plugin is the plugin.
func Plugin() auth.Author {
	return auth.Plugin[Settings, *Accounts]{
		Name: "password", Version: "0.1.0", Doc: "Signs people in by a password that they set up by a link in a mail.",
		Validate: validate, Open: open,
		Close: func(a *Accounts) error {
			if a.queue != nil {
				a.queue.Close()
			}
			return nil
		},
		Check: func(ctx context.Context, a *Accounts) error {
			if a.sender == nil {
				return nil
			}
			return a.sender.Send(ctx, post.Mail{})
		},
		Form: form, Begin: begin, Complete: complete,
	}
}

func validate(s Settings) []auth.Problem {
	if s.Host != "" {
		return post.Problems(s.Settings)
	}
	if s.From != "" || s.Username != "" || s.Password != "" || s.CAFile != "" {
		return []auth.Problem{{Path: "host", Summary: "is missing, while there are other settings of mail", Help: "Name the mail server."}}
	}
	return []auth.Problem{{Path: "host", Warning: true, Summary: "is not set: no mail is sent, so nobody can set up or replace a password", Help: "Name the mail server in host, and the sender in from."}}
}

func open(_ context.Context, rt auth.Runtime, s Settings) (*Accounts, error) {
	dummy, err := newHash(rand.Text())
	if err != nil {
		return nil, err
	}
	a := &Accounts{rules: rules{s.MinLength}, now: rt.Now, hashes: newPool(), dummy: dummy}
	if s.Host == "" {
		return a, nil
	}
	if a.sender, err = post.New(s.Settings); err != nil {
		return nil, err
	}
	a.queue = post.NewQueue(a.sender.Send, rt.Log.Warn)
	return a, a.queue.Put(post.Mail{Until: rt.Now().Add(time.Minute)}) // finds out whether the server is there (L6)
}

// form asks for address and password.
func form(context.Context, *Accounts) (auth.Form, error) {
	return auth.Form{Button: "Sign in", Doc: "With a password that you set up here.",
		Fields: []auth.FormField{{Name: "email", Label: "E-mail", Type: "email", Required: true}, {Name: "password", Label: "Password", Type: "password", Required: true}},
		Links:  []auth.Link{{Text: "Set up a password", Path: "request"}, {Text: "Forgot your password?", Path: "forgot"}}}, nil
}

// refused is an answer to a sign-in that does not work; why is for the log.
func refused(format string, args ...any) error { return fault.Newf(fault.Auth, format, args...) }

// complete shows and takes the forms of setting up and replacing.
func complete(ctx context.Context, a *Accounts, host auth.Host, call auth.Call) (auth.Step, error) {
	what, token, _ := strings.Cut(call.Path, "/")
	switch {
	case call.Path == "request" || call.Path == "forgot":
		return a.ask(ctx, host, call)
	case (what == setUp || what == replace) && token != "":
		return a.choose(ctx, host, call, what, token)
	}
	return auth.Step{}, fault.Newf(fault.NotFound, "there is nothing at %.100q", call.Path)
}

// begin lets in who knows the password of an address. Whoever has no account costs the same hash.
func begin(ctx context.Context, a *Accounts, host auth.Host, call auth.Call) (auth.Step, error) {
	if !call.Post {
		return auth.Step{}, refused("a sign-in begins by a form")
	}
	email, ok := link.Address(call.Values["email"])
	password := call.Values["password"]
	if !ok || password == "" || len(password) > maxBytes {
		return auth.Step{}, refused("no address, or no password that can be one")
	}
	known, found, err := a.find(ctx, host, email)
	if err != nil {
		return auth.Step{}, err
	}
	right := false
	if err := a.hashes.do(ctx, func() { right = matches(cmp.Or(known.Hash, a.dummy), password) }); err != nil {
		return auth.Step{}, err
	}
	if !found || !right {
		return auth.Step{}, refused("no such account, or another password")
	}
	if err := a.used(ctx, host, email, known, password); err != nil {
		return auth.Step{}, err
	}
	return auth.Step{Identity: identity(email)}, nil
}

func identity(email string) *auth.Identity {
	return &auth.Identity{Issuer: issuer, Subject: email, Email: email, EmailVerified: true}
}

// used keeps an account for another while, at most once a day, and hashes anew what was hashed with other parameters.
func (a *Accounts) used(ctx context.Context, host auth.Host, email string, seen kept, password string) error {
	if current(seen.Hash) && a.now().Sub(seen.Used) < 24*time.Hour {
		return nil
	}
	next := kept{seen.Hash, a.now()}
	if !current(seen.Hash) {
		var err error
		if failed := a.hashes.do(ctx, func() { next.Hash, err = newHash(password) }); failed != nil || err != nil {
			return cmp.Or(failed, err)
		}
	}
	a.write.Lock()
	defer a.write.Unlock()
	now, found, err := a.find(ctx, host, email)
	if err != nil || !found || now.Hash != seen.Hash { // replaced meanwhile: that one stays
		return err
	}
	return a.keep(ctx, host, email, next)
}

// kept is an account as the host keeps it. It is forgotten when nobody signed in by it for auth.MaxLife.
type kept struct {
	Hash string    `json:"hash"` // PHC
	Used time.Time `json:"used"`
}

func place(email string) string { return "account " + email }

func (a *Accounts) find(ctx context.Context, host auth.Host, email string) (kept, bool, error) {
	text, found, err := host.Find(ctx, place(email))
	if err != nil || !found {
		return kept{}, false, err
	}
	k, err := readKept(text)
	return k, err == nil, err
}

func (a *Accounts) keep(ctx context.Context, host auth.Host, email string, k kept) error {
	text, err := k.write()
	if err != nil {
		return fmt.Errorf("keep an account: %w", err)
	}
	return host.Put(ctx, place(email), text, 0)
}

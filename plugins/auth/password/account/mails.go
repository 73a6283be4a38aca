package account

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/ai-data-analyst/broker/plugins/auth/internal/link"
	"github.com/ai-data-analyst/broker/plugins/auth/internal/post"
	"github.com/ai-data-analyst/broker/sdk/auth"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// What a link is for, as it stands in its address.
const (
	setUp   = "setup"
	replace = "reset"
)

// How long links live (interface.md §7).
const (
	setUpLife   = 24 * time.Hour
	replaceLife = time.Hour
)

// ask shows the form that asks for a link, and mails one to who may come in: to set a password up, or to replace the one
// there is. All others cost the same work and get the same answer (L3).
func (a *Accounts) ask(ctx context.Context, host auth.Host, call auth.Call) (auth.Step, error) {
	title := map[string]string{"request": "Set up a password", "forgot": "Forgot your password?"}[call.Path]
	if a.queue == nil {
		return auth.Step{Page: &auth.Page{Title: title, Text: []string{"This server sends no mail, so a password can be neither set up nor replaced here.", "Ask an administrator for another way in."}}}, nil
	}
	page := &auth.Page{Title: title, Text: []string{"A link is sent to your address. By it you choose a password."}, Path: call.Path, Button: "Send me a link",
		Fields: []auth.FormField{{Name: "email", Label: "E-mail", Type: "email", Required: true}}}
	if !call.Post {
		return auth.Step{Page: page}, nil
	}
	email, ok := link.Address(call.Values["email"])
	if !ok {
		page.Text = []string{"That is no e-mail address. Write one address, as in name@example.com."}
		return auth.Step{Page: page}, nil
	}
	if a.queue.Down() { // L6: for every address alike
		return auth.Step{}, fault.New(fault.Transient, "could not send the mail").WithHelp("Try again in a few minutes.")
	}
	if err := a.mail(ctx, host, call, email); err != nil {
		return auth.Step{}, err
	}
	return auth.Step{Page: &auth.Page{Title: "Check your mail", Text: []string{
		"If " + email + " may come in, a link is on its way to it. It is good once; a newer one ends older ones.",
		"Nothing there after a few minutes? Look among the unwanted mails, and whether the address is right."}}}, nil
}

// mail makes a link for an address and queues the mail with it.
func (a *Accounts) mail(ctx context.Context, host auth.Host, call auth.Call, email string) error {
	admitted, err := host.Admits(ctx, email)
	if err != nil {
		return fmt.Errorf("ask whether an address may come in: %w", err)
	}
	_, known, err := a.find(ctx, host, email)
	if err != nil {
		return err
	}
	what, life := setUp, setUpLife
	if known {
		what, life = replace, replaceLife
	}
	until := a.now().Add(life)
	token, err := link.New(ctx, host, link.Link{For: what, Email: email, Until: until}, a.now())
	if err != nil {
		return err
	}
	m, err := letter(what, cmp.Or(call.Site, "the data portal"), call.BaseURL+"/"+what+"/"+token)
	if err != nil {
		return err
	}
	m.Until = until
	if m.To = email; !admitted {
		m.To = "" // the connection is tried alike, so that its failures tell nothing either
	}
	return a.queue.Put(m)
}

func letter(what, site, address string) (post.Mail, error) {
	l := post.Letter{Site: site, Link: address, Button: "Choose a password",
		Before: []string{"Somebody, we hope you, asked to set up a password for " + site + "."},
		After:  []string{"The link is good once, for 24 hours. If you did not ask for it, ignore this mail: nobody comes in without it."}}
	subject := "Set up your password for " + site
	if what == replace {
		l.Before = []string{"Somebody, we hope you, asked for a new password for " + site + ".", "Choosing one signs you out everywhere else and ends your tokens."}
		l.After = []string{"The link is good once, for one hour. If you did not ask for it, ignore this mail: your password stays as it is."}
		subject = "A new password for " + site
	}
	text, html, err := l.Write()
	return post.Mail{Subject: subject, Text: text, HTML: html, Site: site}, err
}

// over is what is shown for a link that is no good.
func over() auth.Step {
	return auth.Step{Page: &auth.Page{Title: "That link is over", Text: []string{"It was used, it is too old, or a newer one was asked for."},
		Links: []auth.Link{{Text: "Ask for another link", Path: "forgot"}}}}
}

// choose shows the form for a new password, and sets it. Only that uses the link up: scanners of mail follow links, and a
// password that breaks a rule costs nothing.
func (a *Accounts) choose(ctx context.Context, host auth.Host, call auth.Call, what, token string) (auth.Step, error) {
	l, good, err := link.Find(ctx, host, what, token, a.now())
	if err != nil {
		return auth.Step{}, err
	}
	if !good {
		return over(), nil
	}
	page := &auth.Page{Title: "Choose a password", Path: call.Path, Button: "Set password and sign in", Text: []string{"It is for " + l.Email + ".",
		fmt.Sprintf("At least %d characters, of any kind; spaces count. A few words that do not belong together are good.", a.rules.fewest)},
		Fields: []auth.FormField{{Name: "password", Label: "New password", Type: "password", Required: true}, {Name: "password2", Label: "The same again", Type: "password", Required: true}}}
	if !call.Post {
		return auth.Step{Page: page}, nil
	}
	password := call.Values["password"]
	if why := a.rules.broken(password, call.Values["password2"], l.Email); why != "" {
		page.Text = append([]string{why}, page.Text...)
		return auth.Step{Page: page}, nil
	}
	admitted, err := host.Admits(ctx, l.Email)
	if err != nil {
		return auth.Step{}, fmt.Errorf("ask whether an address may come in: %w", err)
	}
	if !admitted {
		return over(), nil
	}
	return a.set(ctx, host, what, token, password)
}

// set uses a link up and makes a password the one of its address. What the person had signed in by before ends (Changed).
func (a *Accounts) set(ctx context.Context, host auth.Host, what, token, password string) (auth.Step, error) {
	var hash string
	var failed error
	if err := a.hashes.do(ctx, func() { hash, failed = newHash(password) }); err != nil || failed != nil {
		return auth.Step{}, cmp.Or(err, failed)
	}
	a.write.Lock()
	defer a.write.Unlock()
	l, good, err := link.Take(ctx, host, what, token, a.now())
	if err != nil {
		return auth.Step{}, err
	}
	if !good {
		return over(), nil
	}
	if err := a.keep(ctx, host, l.Email, kept{hash, a.now()}); err != nil {
		return auth.Step{}, err
	}
	if err := link.Forget(ctx, host, l.Email); err != nil {
		return auth.Step{}, err
	}
	who := identity(l.Email)
	who.Changed = true
	return auth.Step{Identity: who}, nil
}

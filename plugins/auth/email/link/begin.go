package link

import (
	"context"
	"fmt"
	"time"

	links "github.com/ai-data-analyst/broker/plugins/auth/internal/link"
	"github.com/ai-data-analyst/broker/plugins/auth/internal/post"
	"github.com/ai-data-analyst/broker/sdk/auth"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// linkLife is how long a link is good (ASVS 5.0, 6.5.5).
const linkLife = 10 * time.Minute

// signIn is what the links are for.
const signIn = "signin"

func refused(format string, args ...any) error { return fault.Newf(fault.Auth, format, args...) }

// begin sends a link to whoever may come in. All others cost the same work and get the same answer (L3): their link goes
// to nobody.
func begin(ctx context.Context, m *mailer, host auth.Host, call auth.Call) (auth.Step, error) {
	if !call.Post {
		return auth.Step{}, refused("a sign-in begins by a form")
	}
	address, ok := links.Address(call.Values["email"])
	if !ok {
		return auth.Step{Page: &auth.Page{Title: "That is no e-mail address", Text: []string{"Go back and write one address, as in name@example.com."}}}, nil
	}
	if m.queue.Down() { // L6
		return auth.Step{}, fault.New(fault.Transient, "could not send the mail").WithHelp("Try again later.")
	}
	admitted, err := host.Admits(ctx, address)
	if err != nil {
		return auth.Step{}, fmt.Errorf("ask whether an address may come in: %w", err)
	}
	code, until := links.Code(), m.now().Add(linkLife)
	token, err := links.New(ctx, host, links.Link{For: signIn, Email: address, Browser: call.Browser, Code: code, Until: until}, m.now())
	if err != nil {
		return auth.Step{}, err
	}
	mail, err := letter(address, token, call, until)
	if err != nil {
		return auth.Step{}, err
	}
	if !admitted {
		mail.To = "" // the connection is tried alike, so that its failures tell nothing either
	}
	if err := m.queue.Put(mail); err != nil {
		return auth.Step{}, err
	}
	return auth.Step{Page: &auth.Page{Title: "Check your mail", Code: code, Text: []string{
		"If " + address + " may come in, a link is on its way to it. It is good once, for ten minutes.",
		"If you open it in another browser, type this code there:",
	}}}, nil
}

// letter is the mail with a link.
func letter(address, token string, call auth.Call, until time.Time) (post.Mail, error) {
	text, html, err := post.Letter{Site: call.Site, Before: []string{"Sign in to " + call.Site + " by this link. It is good once, for ten minutes."},
		Button: "Sign in", Link: call.BaseURL + "/link/" + token, After: []string{"If you did not ask for it, ignore this mail: nobody comes in without it."}}.Write()
	return post.Mail{To: address, Subject: "Sign in to " + call.Site, Text: text, HTML: html, Site: call.Site, Until: until}, err
}

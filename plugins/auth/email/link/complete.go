package link

import (
	"context"
	"crypto/subtle"
	"strings"

	links "github.com/ai-data-analyst/broker/plugins/auth/internal/link"
	"github.com/ai-data-analyst/broker/sdk/auth"
)

// issuer stays when the portal moves: the mailbox is what proves an identity, wherever the link leads.
const issuer = "email"

// complete shows a link's button, and lets in who presses it. What only reads uses nothing up: scanners of mail follow
// links (L5).
func complete(ctx context.Context, m *mailer, host auth.Host, call auth.Call) (auth.Step, error) {
	token, ok := strings.CutPrefix(call.Path, "link/")
	if !ok {
		return auth.Step{}, refused("there is nothing at %.20q", call.Path)
	}
	l, good, err := links.Find(ctx, host, signIn, token, m.now())
	if err != nil {
		return auth.Step{}, err
	}
	if !good {
		return auth.Step{}, refused("the link is unknown, used, too old, or older than another one")
	}
	own := subtle.ConstantTimeCompare([]byte(l.Browser), []byte(call.Browser)) == 1
	typed := call.Values["code"]
	if !call.Post || !own && typed == "" {
		return auth.Step{Page: button(call.Path, own, "")}, nil
	}
	l, good, err = links.Take(ctx, host, signIn, token, m.now()) // of many at once one has it, so guesses are counted
	if err != nil {
		return auth.Step{}, err
	}
	switch {
	case !good:
		return auth.Step{}, refused("the link was used a moment ago")
	case own, l.Matches(typed):
		return auth.Step{Identity: &auth.Identity{Issuer: issuer, Subject: l.Email, Email: l.Email, EmailVerified: true}}, nil
	}
	left, err := links.Missed(ctx, host, token, l, m.now())
	if err != nil {
		return auth.Step{}, err
	}
	if !left {
		return auth.Step{}, refused("the code was wrong for the last time")
	}
	return auth.Step{Page: button(call.Path, own, "That is not the code.")}, nil
}

// button is the page of a link. Another browser than the one that asked also types its code.
func button(path string, own bool, wrong string) *auth.Page {
	p := &auth.Page{Title: "Sign in", Path: path, Button: "Sign in", Text: []string{"Press the button to come in."}}
	if !own {
		p.Text = []string{"You asked for this link in another browser. Type the code that is shown there."}
		p.Fields = []auth.FormField{{Name: "code", Label: "Code", Type: "text", Required: true}}
	}
	if wrong != "" {
		p.Text = append([]string{wrong}, p.Text...)
	}
	return p
}

package link

import (
	"bytes"
	"context"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/ai-data-analyst/broker/sdk/auth"
)

// issuer stays when the portal moves: the mailbox is what proves an identity, wherever the link leads.
const issuer = "email"

// complete shows a link's button, and lets in who presses it. What only reads uses nothing up: scanners of mail follow
// links (L5).
func complete(ctx context.Context, _ *mailer, host auth.Host, call auth.Call) (auth.Step, error) {
	token, ok := strings.CutPrefix(call.Path, "link/")
	if !ok || len(token) != 43 || strings.Contains(token, "/") { // 32 bytes
		return auth.Step{}, refused("there is nothing at %.20q", call.Path)
	}
	a, err := find(ctx, host, token)
	if err != nil {
		return auth.Step{}, err
	}
	own := subtle.ConstantTimeCompare([]byte(a.Browser), []byte(call.Browser)) == 1
	if !call.Post {
		return auth.Step{Page: button(call.Path, own, "")}, nil
	}
	if !own {
		if call.Values["code"] == "" {
			return auth.Step{Page: button(call.Path, own, "")}, nil
		}
		right, err := try(ctx, host, token, a, call.Values["code"])
		if err != nil {
			return auth.Step{}, err
		}
		if !right {
			return auth.Step{Page: button(call.Path, own, "That is not the code.")}, nil
		}
	}
	_, won, err := host.Take(ctx, linkKey(token))
	if err != nil {
		return auth.Step{}, fmt.Errorf("use a link up: %w", err)
	}
	if !won {
		return auth.Step{}, refused("the link was used a moment ago")
	}
	return auth.Step{Identity: &auth.Identity{Issuer: issuer, Subject: a.Email, Email: a.Email, EmailVerified: true}}, nil
}

// find returns what a link was made for, if it is still good and no newer one was asked for.
func find(ctx context.Context, host auth.Host, token string) (asked, error) {
	var a asked
	text, found, err := host.Find(ctx, linkKey(token))
	if err != nil {
		return a, fmt.Errorf("look for a link: %w", err)
	}
	if !found || json.Unmarshal(text, &a) != nil {
		return a, refused("the link is unknown, used, or too old")
	}
	latest, found, err := host.Find(ctx, latestKey(a.Email))
	if err != nil {
		return a, fmt.Errorf("look for a newer link: %w", err)
	}
	if !found || !bytes.Equal(latest, idOf(token)) {
		return a, refused("a newer link was asked for")
	}
	return a, nil
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

// try compares a code. Who compares holds what is left of the tries, so that many at once get no more of them; after the
// last wrong one the link is dead. If it breaks off in between, it is dead too.
func try(ctx context.Context, host auth.Host, token string, a asked, code string) (bool, error) {
	left, found, err := host.Take(ctx, triesKey(token))
	if err != nil {
		return false, fmt.Errorf("count a code: %w", err)
	}
	if !found || len(left) != 1 {
		return false, refused("another code of the link is being tried, or too many were")
	}
	code = strings.ToUpper(strings.TrimSpace(code))
	if subtle.ConstantTimeCompare([]byte(code), []byte(a.Code)) == 1 {
		return true, nil
	}
	if left[0] <= 1 {
		if _, _, err := host.Take(ctx, linkKey(token)); err != nil {
			return false, fmt.Errorf("end a link: %w", err)
		}
		return false, refused("the code was wrong for the last time")
	}
	if err := host.Put(ctx, triesKey(token), []byte{left[0] - 1}, linkLife); err != nil {
		return false, fmt.Errorf("count a code: %w", err)
	}
	return false, nil
}

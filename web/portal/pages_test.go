package portal_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/auth"
	"github.com/ai-data-analyst/broker/web/portal"
	"github.com/ai-data-analyst/broker/web/portal/page"
	"github.com/ai-data-analyst/broker/web/portal/page/pagetest"
)

// ways are ways to sign in whose plugins say hostile things.
type ways struct{ text string }

func (w ways) Any() bool { return true }

func (w ways) Ways(context.Context) []portal.Way {
	return []portal.Way{{Name: w.text, Label: w.text, Form: auth.Form{Button: w.text, Doc: w.text, Fields: []auth.FormField{{Name: w.text, Label: w.text, Type: "email"}},
		Links: []auth.Link{{Text: w.text, Path: w.text}}}}, {Name: "down", Label: w.text, Down: true}}
}

func (w ways) step() (auth.Step, sdk.Caller, error) {
	return auth.Step{Page: &auth.Page{Title: w.text, Text: []string{w.text}, Code: w.text, Path: w.text, Button: w.text, Fields: []auth.FormField{{Name: w.text, Label: w.text, Type: "text"}},
		Links: []auth.Link{{Text: w.text, Path: w.text}}}}, sdk.Caller{}, nil
}

func (w ways) Begin(context.Context, string, auth.Call) (auth.Step, sdk.Caller, error) {
	return w.step()
}

func (w ways) Complete(context.Context, string, auth.Call) (auth.Step, sdk.Caller, error) {
	return w.step()
}

func (w ways) Demo() []string { return []string{w.text} }

func (w ways) DemoCaller(context.Context, string) (sdk.Caller, error) { return sdk.Caller{}, nil }

// L13: what a plugin says is text on the pages of signing in, whatever it is.
func TestL13_SignInWithHostileTexts(t *testing.T) {
	for _, evil := range pagetest.Corpus {
		s := pagetest.New(t, sdk.Caller{}, time.Now(), func(h *page.Host) []page.Route {
			return portal.Pages(portal.Host{SignIn: ways{evil}, Pages: h, Sessions: h.Sessions, PublicURL: h.PublicURL, Limits: h.Limits, Address: h.Address, Request: h.Request, Log: slog.New(slog.DiscardHandler)})
		})
		for _, path := range []string{"/login", "/logout"} {
			answer, body := s.Get(path)
			if answer.StatusCode != 200 {
				t.Fatalf("%s: %d", path, answer.StatusCode)
			}
			pagetest.Escaped(t, path+" with "+evil, body)
		}
		answer, body := s.Post("/auth/team", nil)
		if answer.StatusCode != 200 {
			t.Fatalf("step: %d %s", answer.StatusCode, body)
		}
		pagetest.Escaped(t, "a step with "+evil, body)
	}
}

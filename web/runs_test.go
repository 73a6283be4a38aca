package web_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/portal/runs"
)

// watching is a watch that says who asked for what.
type watching struct {
	mu    sync.Mutex
	asked []string
}

func (w *watching) say(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = append(w.asked, fmt.Sprintf(format, args...))
}

// first is the first question since it was asked last.
func (w *watching) first() (asked string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.asked) > 0 {
		asked = w.asked[0]
	}
	w.asked = nil
	return asked
}

func (w *watching) States(_ context.Context, who sdk.Caller) (api.States, error) {
	w.say("states %s", who.User.ID)
	days := []api.StateDay{{Date: "2026-11-24"}, {Date: "2026-11-25"}}
	return api.States{Generation: 7, Tables: []api.TableState{{Name: "shop.lines", State: "fresh", Days: days}, {Name: "shop.orders", State: "held", Days: days}}}, nil
}
func (w *watching) Runs(_ context.Context, who sdk.Caller, f api.RunFilter) (api.Runs, error) {
	w.say("runs %s %+v", who.User.ID, f)
	return api.Runs{Runs: []api.Run{}}, nil
}
func (w *watching) Run(_ context.Context, who sdk.Caller, id string) (api.Run, error) {
	w.say("run %s %s", who.User.ID, id)
	if id != "r1" {
		return api.Run{}, fault.New(fault.NotFound, "there is no such run")
	}
	return api.Run{Run: id, Tables: []api.RunTable{}}, nil
}
func (w *watching) History(_ context.Context, who sdk.Caller, table sdk.TableName, limit int) (api.History, error) {
	w.say("history %s %s %d", who.User.ID, table, limit)
	return api.History{Table: string(table)}, nil
}
func (w *watching) Sync(_ context.Context, who sdk.Caller, selected []string) (string, error) {
	w.say("sync %s %q", who.User.ID, selected)
	if len(selected) == 1 {
		return "", fault.New(fault.Config, "nobody is no source").WithScope("select")
	}
	return "r2", nil
}
func (w *watching) Decide(_ context.Context, who sdk.Caller, table sdk.TableName, accept bool) error {
	w.say("decide %s %s %t", who.User.ID, table, accept)
	return nil
}

// G12: who may ask what of runs, what of the question arrives, and what becomes of mistakes.
func TestG12_DoorsOfRuns(t *testing.T) {
	w := &watching{}
	s, _ := portalOf(t, nil, &[]web.CookiePair{}, func(o *web.Options) { o.Portal.Runs = runs.Needs{Watch: w, Now: time.Now} })
	for _, c := range []struct {
		method, path, token, body string
		status                    int
		asked, answer             string
	}{
		{"GET", "/states", "", "", 401, "", "auth"},
		{"GET", "/states", "bob", "", 200, "states u-bob", `"date":"2026-11-24"`},
		{"GET", "/states?days=1&table=shop.orders", "bob", "", 200, "states u-bob", `"tables":[{"name":"shop.orders","source":"","state":"held","days":[{"date":"2026-11-25"`},
		{"GET", "/states?days=31", "bob", "", 400, "", "days"},
		{"GET", "/states", "pusher", "", 403, "", "forbidden"},
		{"GET", "/runs?source=keep&table=shop.orders&status=failed&before=x&limit=3", "bob", "", 200, "runs u-bob {Source:keep Table:shop.orders Status:failed Before:x Limit:3}", `{"runs":[]}`},
		{"GET", "/runs?limit=0", "bob", "", 400, "", "limit"},
		{"GET", "/runs/r1", "bob", "", 200, "run u-bob r1", `"run":"r1"`},
		{"GET", "/runs/r9", "bob", "", 404, "run u-bob r9", "not_found"},
		{"GET", "/tables/shop.orders/history?limit=5", "bob", "", 200, "history u-bob shop.orders 5", "shop.orders"},
		{"GET", "/tables/hr.salaries/history", "bob", "", 404, "", "not_found"},
		{"POST", "/admin/sync", "bob", `{"select":[]}`, 403, "", "forbidden"},
		{"POST", "/admin/sync", "ada", `{"select":[]}`, 202, `sync u-ada []`, `{"run":"r2"}`},
		{"POST", "/admin/sync", "ada", `{"select":["a","b"]}`, 202, `sync u-ada ["a" "b"]`, "r2"},
		{"POST", "/admin/sync", "ada", `{"select":["nobody"]}`, 400, `sync u-ada ["nobody"]`, ""},
		{"POST", "/admin/sync", "ada", `{"select":"all"}`, 400, "", "select"},
		{"POST", "/admin/tables/shop.orders/accept", "ada", "", 200, "decide u-ada shop.orders true", `"state":"held"`},
		{"POST", "/admin/tables/shop.orders/discard", "ada", "", 200, "decide u-ada shop.orders false", ""},
		{"POST", "/admin/tables/shop.orders/accept", "bob", "", 403, "", ""},
	} {
		t.Run(c.method+" "+c.path+" as "+c.token, func(t *testing.T) {
			answer, text := s.call(t, c.method, api.Prefix+c.path, c.token, c.body)
			asked := w.first()
			if answer.StatusCode != c.status || asked != c.asked || !strings.Contains(text, c.answer) {
				t.Errorf("%d %s\nasked %q, want %d %q", answer.StatusCode, text, asked, c.status, c.asked)
			}
		})
	}
}

// A cookie alone changes nothing: the token of a page of ours is needed (L10).
func TestL10_DoorsOfRunsNeedThePagesToken(t *testing.T) {
	w := &watching{}
	s, _ := portalOf(t, nil, &[]web.CookiePair{}, func(o *web.Options) { o.Portal.Runs = runs.Needs{Watch: w, Now: time.Now} })
	b := s.browser(t)
	for _, path := range []string{"/runs", "/syncs", "/activity", "/runs/r1"} {
		if answer, _ := b.do("GET", path, nil); answer.StatusCode != 303 || answer.Header.Get("Location") != "/login?next="+url.QueryEscape(path) {
			t.Errorf("%s signed out: %d to %s", path, answer.StatusCode, answer.Header.Get("Location"))
		}
	}
	if answer, _ := b.do("POST", api.Prefix+"/admin/sync", nil, "Content-Type: application/json"); answer.StatusCode != 401 {
		t.Errorf("signed out: %d", answer.StatusCode)
	}
	if asked := w.first(); asked != "" {
		t.Errorf("asked %q", asked)
	}
	b.signIn()
	w.first()
	if answer, _ := b.do("POST", api.Prefix+"/admin/sync", nil, "Content-Type: application/json"); answer.StatusCode != 403 || w.first() != "" {
		t.Errorf("without a token: %d", answer.StatusCode)
	}
	if answer, body := b.do("GET", "/runs", nil); answer.StatusCode != 200 || !strings.Contains(body, "Nothing has run yet") {
		t.Errorf("the page: %d %s", answer.StatusCode, body)
	}
}

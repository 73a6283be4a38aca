package keep_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/analyst/ground"
	"github.com/ai-data-analyst/broker/web/analyst/keep"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/client/clienttest"
	"github.com/ai-data-analyst/broker/web/mirror"
	"github.com/ai-data-analyst/broker/web/terminal"
)

// laptop is a workspace of a server, and the verbs in it.
type laptop struct {
	t      *testing.T
	server *clienttest.Server
	dir    string
	config string
	now    func() time.Time
}

func newLaptop(t *testing.T) laptop {
	t.Helper()
	s := clienttest.New(t)
	m := s.Publish(nil, clienttest.Table("shop.orders", 1), clienttest.Table("shop.people", 1))
	w, err := mirror.Create(filepath.Join(t.TempDir(), "ws"), mirror.Config{Server: s.URL, Instance: s.Instance(), Key: base64.StdEncoding.EncodeToString(s.Key()), User: m.User})
	if err != nil {
		t.Fatal(err)
	}
	return laptop{t: t, server: s, dir: w.Dir, config: t.TempDir(), now: time.Now}
}

// run runs one verb; err is what decides the exit code.
func (l laptop) run(verb func(*ground.Ground) *cobra.Command, args ...string) (out string, err error) {
	l.t.Helper()
	var o bytes.Buffer
	g := &ground.Ground{Dir: l.dir, In: strings.NewReader(""), Out: &o, Err: &bytes.Buffer{}, Now: l.now, Version: "test", Getenv: func(name string) string {
		return map[string]string{"XDG_CONFIG_HOME": l.config, "ANALYST_KEYCHAIN": "off", "ANALYST_TOKEN": clienttest.Token}[name]
	}}
	cmd := verb(g)
	cmd.SetArgs(args)
	cmd.SetOut(&o)
	cmd.SetErr(&bytes.Buffer{})
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	err = cmd.ExecuteContext(l.t.Context())
	return o.String(), err
}

// wants checks an error's class, stable code and help.
func wants(t *testing.T, what string, err error, class fault.Code, code, help string) {
	t.Helper()
	if fault.CodeOf(err) != class || terminal.StableCode(err) != code || !strings.Contains(fault.HelpOf(err), help) {
		t.Errorf("%s: %v; code %q, help %q", what, err, terminal.StableCode(err), fault.HelpOf(err))
	}
}

// A generation that the server let go is a decision that is due; what is here already is used.
func TestExpiredGenerations(t *testing.T) {
	l := newLaptop(t)
	l.server.Publish(nil, clienttest.Table("shop.orders", 2))
	l.server.Expire(2)
	_, err := l.run(keep.NewPull, "--generation", "1")
	wants(t, "an expired generation", err, fault.StateExpired, "expired", "generations 2 to 2")
	if out, err := l.run(keep.NewPull); err != nil || !strings.Contains(out, "Generation 2") {
		t.Errorf("%q, %v", out, err)
	}
	l.server.Publish(nil, clienttest.Table("shop.orders", 3))
	l.server.Expire(3)
	if out, err := l.run(keep.NewPull, "--generation", "2"); err != nil || !strings.Contains(out, "no longer has generation 2") {
		t.Errorf("one that is here: %q, %v", out, err)
	}
}

// Y3: what a server must not do is told apart, and what to do is said.
func TestY3_ServersThatAreNotBelieved(t *testing.T) {
	l := newLaptop(t)
	l.server.Publish(nil, clienttest.Table("shop.orders", 2))
	if _, err := l.run(keep.NewPull); err != nil {
		t.Fatal(err)
	}
	l.server.Rewind(1)
	_, err := l.run(keep.NewPull)
	wants(t, "a way back", err, fault.Data, "rollback", "--allow-rollback")
	out, err := l.run(keep.NewPull, "--json")
	var report struct {
		Error struct{ Code, Message, Help string }
	}
	if json.Unmarshal([]byte(out), &report) != nil || report.Error.Code != "rollback" || report.Error.Help == "" || report.Error.Message == "" || err == nil {
		t.Errorf("as JSON: %s, %v", out, err)
	}
	if out, err := l.run(keep.NewPull, "--allow-rollback"); err != nil || !strings.Contains(out, "Generation 1") {
		t.Errorf("%q, %v", out, err)
	}
	l.server.NewKey()
	l.server.ForgetKeys()
	l.server.Publish(nil, clienttest.Table("shop.orders", 3))
	_, err = l.run(keep.NewPull)
	wants(t, "another key", err, fault.Data, "key_changed", "--repin")
}

// Status says how the copy stands: without data, up to date, behind, offline and old.
func TestStatus(t *testing.T) {
	l := newLaptop(t)
	if out, err := l.run(keep.NewStatus); !errors.Is(err, terminal.ErrHeld) || !strings.Contains(out, "analyst pull") {
		t.Errorf("nothing here: %q, %v", out, err)
	}
	if _, err := l.run(keep.NewPull); err != nil {
		t.Fatal(err)
	}
	read := func(wantHeld bool, args ...string) keep.Report {
		t.Helper()
		out, err := l.run(keep.NewStatus, append(args, "--json")...)
		if errors.Is(err, terminal.ErrHeld) != wantHeld || err != nil && !wantHeld {
			t.Fatalf("%v: %v", args, err)
		}
		var r keep.Report
		if err := json.Unmarshal([]byte(out), &r); err != nil {
			t.Fatalf("%s: %v", out, err)
		}
		return r
	}
	if r := read(false); r.Stale || r.Generation != 1 || *r.ServerGeneration != 1 || len(r.Tables) != 2 || r.CheckedAt == nil || r.PulledAt == nil {
		t.Errorf("up to date: %+v", r)
	}
	l.server.Publish(nil, clienttest.Table("shop.orders", 2), clienttest.Table("shop.people", 1))
	if r := read(true); !r.Stale || *r.ServerGeneration != 2 || !r.Tables[0].Changed || r.Tables[1].Changed {
		t.Errorf("behind: %+v", r)
	}
	if r := read(false, "--offline"); r.Stale || r.ServerGeneration != nil || r.CheckedAt != nil {
		t.Errorf("offline: %+v", r)
	}
	l.server.Close()
	if r := read(false); r.Stale || r.ServerGeneration != nil {
		t.Errorf("server gone: %+v", r)
	}
	l.now = func() time.Time { return time.Now().Add(25 * time.Hour) }
	read(true, "--offline")
	read(false, "--offline", "--max-age", "48h")
}

// chooser is a server's side of subscriptions: GET and PUT of the choice, over the catalog.
type chooser struct {
	granted []string
	now     api.Subscriptions
	puts    int
}

func (c *chooser) answer(w http.ResponseWriter, r *http.Request) bool {
	answer := func(v any) bool {
		w.Header().Set("Content-Type", "application/json")
		return json.NewEncoder(w).Encode(v) == nil
	}
	switch path := strings.TrimPrefix(r.URL.Path, api.Prefix); {
	case path == "/catalog":
		out := api.Catalog{}
		for _, name := range c.granted {
			out.Tables = append(out.Tables, api.CatalogTable{Name: name})
		}
		return answer(out)
	case path != "/me/subscriptions":
		return false
	case r.Method == http.MethodPut:
		c.puts++
		c.now = api.Subscriptions{}
		if err := json.NewDecoder(r.Body).Decode(&c.now); err != nil {
			clienttest.Refuse(w, http.StatusBadRequest, api.CodeBadRequest)
			return true
		}
	}
	now := c.now
	if now.Mode == "all" {
		now.Tables = c.granted
	}
	return answer(now)
}

func TestSubscriptions(t *testing.T) {
	l := newLaptop(t)
	_, err := l.run(keep.NewSubscribe)
	wants(t, "a server of before", err, fault.Config, "", "analyst pull TABLE")
	c := &chooser{granted: []string{"crm.people", "shop.orders", "shop.people"}, now: api.Subscriptions{Mode: "all"}}
	l.server.Nasty(c.answer)
	for _, step := range []struct {
		verb func(*ground.Ground) *cobra.Command
		args []string
		want string // mode and tables afterwards
		puts int
		says string
	}{
		{keep.NewSubscribe, nil, "all []", 0, "Every table"},
		{keep.NewSubscribe, []string{"orders"}, "all []", 0, "Every table"},
		{keep.NewUnsubscribe, []string{"crm.people"}, "explicit [shop.orders shop.people]", 1, "2 of 3 tables"},
		{keep.NewUnsubscribe, []string{"crm.people"}, "explicit [shop.orders shop.people]", 1, "2 of 3 tables"},
		{keep.NewSubscribe, []string{"crm.people", "crm.people"}, "explicit [crm.people shop.orders shop.people]", 2, "analyst pull"},
		{keep.NewSubscribe, []string{"--only", "orders"}, "explicit [shop.orders]", 3, "  shop.orders"},
		{keep.NewUnsubscribe, []string{"orders"}, "explicit []", 4, "0 of 3"},
		{keep.NewSubscribe, []string{"--all"}, "all []", 5, "granted later"},
	} {
		out, err := l.run(step.verb, step.args...)
		if got := fmt.Sprint(c.now.Mode, " ", c.now.Tables); err != nil || got != step.want || c.puts != step.puts || !strings.Contains(out, step.says) {
			t.Errorf("%v: %s after %d, %q, %v; want %s after %d", step.args, got, c.puts, out, err, step.want, step.puts)
		}
	}
	out, err := l.run(keep.NewSubscribe, "--only", "shop.orders", "--json")
	var s api.Subscriptions
	if err != nil || json.Unmarshal([]byte(out), &s) != nil || s.Mode != "explicit" || len(s.Tables) != 1 {
		t.Errorf("%s, %v", out, err)
	}
	_, err = l.run(keep.NewSubscribe, "hr.pay")
	wants(t, "not granted", err, fault.NotFound, "", "analyst ls")
	_, err = l.run(keep.NewUnsubscribe, "people")
	wants(t, "two of that name", err, fault.NotFound, "", "crm.people, shop.people")
	for _, args := range [][]string{{"--all", "orders"}, {"--only"}, {"--all", "--only"}} {
		var usage terminal.UsageError
		if _, err := l.run(keep.NewSubscribe, args...); !errors.As(err, &usage) {
			t.Errorf("%v: %v", args, err)
		}
	}
	if c.puts != 6 {
		t.Errorf("%d changes", c.puts)
	}
}

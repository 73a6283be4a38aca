package visit_test

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/host/internal/access"
	"github.com/ai-data-analyst/broker/host/internal/access/visit"
	"github.com/ai-data-analyst/broker/host/internal/store"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/auth"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

const google, other = "https://accounts.google.com", "https://id.example"

type house struct {
	t      *testing.T
	path   string
	db     *sql.DB
	clock  atomic.Int64
	access *access.Access
	visits *visit.Visits
}

type kept struct {
	store.People
	store.Tokens
	store.Codes
}

func open(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, path: filepath.Join(t.TempDir(), "broker.db")}
	h.clock.Store(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).UnixMicro())
	s, err := store.Open(t.Context(), store.Options{URL: "sqlite", Path: h.path})
	h.must(err)
	rules := access.Rules{AllowedDomains: []string{"acme.com", "acme.cz"}, AllowedEmails: []string{"ext@partner.io"}, Admins: []access.Named{{Value: "ada@acme.com"}}}
	h.db = s.DB()
	h.access = access.New(access.Options{Store: kept{s.People(), s.Tokens(), s.Codes()}, Rules: rules, Now: h.now})
	h.visits = visit.New(h.access, s.Visits(), h.now, slog.New(slog.DiscardHandler))
	t.Cleanup(func() {
		h.must(h.visits.Close())
		h.must(h.access.Close())
		h.must(s.Close())
	})
	return h
}

func (h *house) now() time.Time          { return time.UnixMicro(h.clock.Load()).UTC() }
func (h *house) forward(d time.Duration) { h.clock.Add(d.Microseconds()) }
func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) signIn(issuer, subject, email string) (sdk.Caller, error) {
	return h.visits.SignIn(h.t.Context(), "google", auth.Identity{Issuer: issuer, Subject: subject, Email: email, EmailVerified: true})
}

// session signs somebody in and opens a session.
func (h *house) session(email string) (string, sdk.Caller) {
	h.t.Helper()
	who, err := h.signIn(google, email, email)
	h.must(err)
	secret, err := h.visits.Open(h.t.Context(), who.User.ID, "google", "192.0.2.1", "Firefox\r\n"+strings.Repeat("x", 500))
	h.must(err)
	return secret, who
}

func (h *house) refused(err error, word string) {
	h.t.Helper()
	if fault.CodeOf(err) != fault.Auth || !strings.Contains(err.Error(), word) {
		h.t.Errorf("want a refusal that says %q, got %v", word, err)
	}
}

// L7, L8: who comes in by an identity, and who does not.
func TestL7_WhoComesIn(t *testing.T) {
	h := open(t)
	_, _, err := h.access.AddUser(t.Context(), access.NewUser{Email: "guest@elsewhere.org"})
	h.must(err)
	_, _, err = h.access.AddUser(t.Context(), access.NewUser{Email: "gone@acme.com"})
	h.must(err)
	h.must(h.access.DisableUser(t.Context(), "gone@acme.com"))
	for name, c := range map[string]struct {
		who  auth.Identity
		word string // of the refusal; "" = let in
	}{
		"by domain":          {auth.Identity{Email: "bob@acme.com", EmailVerified: true}, ""},
		"second domain":      {auth.Identity{Email: "bob@acme.cz", EmailVerified: true}, ""},
		"by address":         {auth.Identity{Email: "ext@partner.io", EmailVerified: true}, ""},
		"invited":            {auth.Identity{Email: "guest@elsewhere.org", EmailVerified: true}, ""},
		"capitals":           {auth.Identity{Email: " Eve@ACME.COM ", EmailVerified: true}, ""},
		"a tag is its own":   {auth.Identity{Email: "bob+x@acme.com", EmailVerified: true}, ""},
		"managed":            {auth.Identity{Email: "m@acme.com", EmailVerified: true, ByNameOnly: true, HostedDomain: "acme.com"}, ""},
		"named, not managed": {auth.Identity{Email: "ada@acme.com", EmailVerified: true, ByNameOnly: true}, ""},
		"not managed":        {auth.Identity{Email: "n@acme.com", EmailVerified: true, ByNameOnly: true}, "not managed"},
		"managed elsewhere":  {auth.Identity{Email: "n2@acme.com", EmailVerified: true, ByNameOnly: true, HostedDomain: "evil.com"}, "not managed"},
		"not verified":       {auth.Identity{Email: "bob2@acme.com"}, "verified"},
		"elsewhere":          {auth.Identity{Email: "bob@evil.com", EmailVerified: true}, "not admitted"},
		"shut out":           {auth.Identity{Email: "gone@acme.com", EmailVerified: true}, "shut out"},
		"two addresses":      {auth.Identity{Email: "a@acme.com,b@evil.com", EmailVerified: true}, "verified"},
		"quoted":             {auth.Identity{Email: `"a@evil.com"@acme.com`, EmailVerified: true}, "verified"},
		"two at":             {auth.Identity{Email: "a@evil.com@acme.com", EmailVerified: true}, "verified"},
		"below the domain":   {auth.Identity{Email: "a@sub.acme.com", EmailVerified: true}, "not admitted"},
		"like the domain":    {auth.Identity{Email: "a@notacme.com", EmailVerified: true}, "not admitted"},
		"homograph":          {auth.Identity{Email: "a@аcme.com", EmailVerified: true}, "verified"},
	} {
		c.who.Issuer, c.who.Subject = google, name
		who, err := h.visits.SignIn(t.Context(), "google", c.who)
		switch {
		case c.word == "" && (err != nil || who.User.ID == "" || who.Provider != "google"):
			t.Errorf("%s: %v", name, err)
		case c.word != "" && (err == nil || !strings.Contains(err.Error(), c.word)):
			t.Errorf("%s: %+v %v, want a refusal that says %q", name, who.User, err, c.word)
		}
	}
}

// Rule 21: the identity is (issuer, subject); an address links a new issuer's and no other subject of the same.
func TestIdentitiesAreLinkedByVerifiedAddress(t *testing.T) {
	h := open(t)
	bob, err := h.signIn(google, "1", "bob@acme.com")
	h.must(err)
	same, err := h.signIn(other, "x", "bob@acme.com")
	h.must(err)
	if same.User.ID != bob.User.ID {
		t.Error("one address, two users")
	}
	_, err = h.signIn(google, "2", "bob@acme.com")
	h.refused(err, "relink")
	renamed, err := h.signIn(google, "1", "robert@acme.com") // the subject stays who it is
	h.must(err)
	if renamed.User.ID != bob.User.ID || renamed.User.Email != "bob@acme.com" {
		t.Errorf("%+v", renamed.User)
	}
	// Two people with addresses that look alike stay two.
	a, err := h.signIn(google, "3", "john.doe@acme.com")
	h.must(err)
	b, err := h.signIn(google, "4", "john_doe@acme.com")
	h.must(err)
	if a.User.ID == b.User.ID {
		t.Error("two people are one")
	}

	secret, who := h.session("bob2@acme.com")
	_, token, err := h.access.CreateTokenFor(t.Context(), "bob2@acme.com", "laptop", 0, nil)
	h.must(err)
	if n, err := h.visits.Relink(t.Context(), "BOB2@acme.com "); err != nil || n != 1 {
		t.Errorf("%d %v", n, err)
	}
	_, _, err = h.visits.Enter(t.Context(), secret)
	h.refused(err, "no session")
	if _, err := h.access.Authenticate(t.Context(), token.Reveal()); fault.CodeOf(err) != fault.Auth {
		t.Errorf("a token outlives a relink: %v", err)
	}
	now, err := h.signIn(google, "another", "bob2@acme.com")
	h.must(err)
	if now.User.ID != who.User.ID {
		t.Error("relinking made another user")
	}
	if _, err := h.visits.Relink(t.Context(), "nobody@acme.com"); fault.CodeOf(err) != fault.NotFound {
		t.Error(err)
	}
}

// Of two subjects that come at the same moment one is linked.
func TestG13_OneSubjectOfAnIssuer(t *testing.T) {
	h := open(t)
	var in atomic.Int64
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			if _, err := h.signIn(google, fmt.Sprint(i), "bob@acme.com"); err == nil {
				in.Add(1)
			} else if fault.CodeOf(err) != fault.Auth {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if in.Load() != 1 {
		t.Errorf("%d of 20 subjects came in", in.Load())
	}
}

// L9: what opens no session.
func TestL9_Sessions(t *testing.T) {
	h := open(t)
	secret, who := h.session("bob@acme.com")
	got, session, err := h.visits.Enter(t.Context(), secret)
	if err != nil || got.User.ID != who.User.ID || got.Provider != "google" || session.Address != "192.0.2.1" || strings.ContainsAny(session.UserAgent, "\r\n") || len(session.UserAgent) > 200 {
		t.Fatalf("%+v %+v %v", got, session, err)
	}
	for _, bad := range []string{"", "garbage", secret[:42], secret + "A", strings.Repeat("A", 43), strings.Repeat("x", 100_000), session.ID, "\x00"} {
		_, _, err := h.visits.Enter(t.Context(), bad)
		h.refused(err, "no session")
	}
	second, _ := h.session("bob@acme.com")
	list, err := h.visits.Sessions(t.Context(), who)
	if err != nil || len(list) != 2 {
		t.Fatalf("%d %v", len(list), err)
	}
	_, eve := h.session("eve@acme.com")
	if err := h.visits.End(t.Context(), eve, session.ID); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("another's session: %v", err)
	}
	h.must(h.visits.EndOthers(t.Context(), who, session.ID))
	_, _, err = h.visits.Enter(t.Context(), second)
	h.refused(err, "no session")
	h.must(h.visits.Leave(t.Context(), secret))
	h.must(h.visits.Leave(t.Context(), secret))
	_, _, err = h.visits.Enter(t.Context(), secret)
	h.refused(err, "no session")

	// Shut out: at once, also by another process.
	third, _ := h.session("bob@acme.com")
	h.must(h.access.DisableUser(t.Context(), "bob@acme.com"))
	_, _, err = h.visits.Enter(t.Context(), third)
	h.refused(err, "")
	h.must(h.access.EnableUser(t.Context(), "bob@acme.com"))
	_, _, err = h.visits.Enter(t.Context(), third)
	h.refused(err, "no session")
}

// What proves an identity was changed: everything else of the person ends.
func TestL9_AChangeEndsEverything(t *testing.T) {
	h := open(t)
	secret, _ := h.session("bob@acme.com")
	_, token, err := h.access.CreateTokenFor(t.Context(), "bob@acme.com", "laptop", 0, nil)
	h.must(err)
	_, err = h.visits.SignIn(t.Context(), "password", auth.Identity{Issuer: "password", Subject: "bob", Email: "bob@acme.com", EmailVerified: true, Changed: true})
	h.must(err)
	_, _, err = h.visits.Enter(t.Context(), secret)
	h.refused(err, "no session")
	if _, err := h.access.Authenticate(t.Context(), token.Reveal()); fault.CodeOf(err) != fault.Auth {
		t.Error("a token outlives the change")
	}
}

func TestSessionsEndByTime(t *testing.T) {
	h := open(t)
	idle, _ := h.session("bob@acme.com")
	h.forward(visit.Idle)
	_, _, err := h.visits.Enter(t.Context(), idle)
	h.refused(err, "over")
	used, who := h.session("bob@acme.com")
	for range int(visit.Life/(7*time.Hour)) - 1 { // used every seven hours it lives on …
		h.forward(7 * time.Hour)
		_, _, err := h.visits.Enter(t.Context(), used)
		h.must(err)
		h.must(h.visits.Close()) // the use is written beside the request
	}
	h.forward(7 * time.Hour) // … but not for ever
	h.forward(visit.Life % (7 * time.Hour))
	_, _, err = h.visits.Enter(t.Context(), used)
	h.refused(err, "over")
	if list, err := h.visits.Sessions(t.Context(), who); err != nil || len(list) != 0 {
		t.Errorf("%v %v", list, err)
	}
}

func TestG16_SessionsOfOnePersonAreFew(t *testing.T) {
	h := open(t)
	first, who := h.session("bob@acme.com")
	for range 55 {
		h.forward(time.Second)
		h.session("bob@acme.com")
	}
	if list, err := h.visits.Sessions(t.Context(), who); err != nil || len(list) != 50 {
		t.Errorf("%d %v", len(list), err)
	}
	_, _, err := h.visits.Enter(t.Context(), first)
	h.refused(err, "no session")
}

// G13: of a thousand who take at once, one gets it. What is kept is another block's nothing, and ends.
func TestG13_TakenOnce(t *testing.T) {
	h := open(t)
	host := h.visits.HostOf("google")
	h.must(host.Put(t.Context(), "state", []byte("nonce"), 10*time.Minute))
	var got atomic.Int64
	var all sync.WaitGroup
	for range 1000 {
		all.Go(func() {
			value, ok, err := host.Take(context.Background(), "state")
			if err != nil {
				t.Error(err)
			}
			if ok && string(value) == "nonce" {
				got.Add(1)
			}
		})
	}
	all.Wait()
	if got.Load() != 1 {
		t.Errorf("taken %d times", got.Load())
	}
	h.must(host.Put(t.Context(), "k", []byte("v"), 10*time.Minute))
	if _, ok, err := h.visits.HostOf("other").Find(t.Context(), "k"); ok || err != nil {
		t.Errorf("another block's entry: %t %v", ok, err)
	}
	if value, ok, err := host.Find(t.Context(), "k"); !ok || err != nil || string(value) != "v" {
		t.Errorf("%q %t %v", value, ok, err)
	}
	h.must(host.Put(t.Context(), "k", []byte("w"), 0))
	if value, _, _ := host.Find(t.Context(), "k"); string(value) != "w" {
		t.Errorf("%q", value)
	}
	h.forward(auth.MaxLife)
	if _, ok, _ := host.Find(t.Context(), "k"); ok {
		t.Error("kept beyond its time")
	}
	if err := host.Put(t.Context(), strings.Repeat("k", auth.MaxKey+1), nil, 0); fault.CodeOf(err) != fault.Config {
		t.Error(err)
	}
	in, err := host.Admits(t.Context(), "bob@acme.com")
	out, err2 := host.Admits(t.Context(), "bob@evil.com")
	if !in || out || err != nil || err2 != nil {
		t.Errorf("admits %t %t %v %v", in, out, err, err2)
	}
}

// G14: neither secrets of sessions nor keys and values of plugins can be read in the database's files.
func TestG14_NothingReadableIsKept(t *testing.T) {
	h := open(t)
	secret, _ := h.session("bob@acme.com")
	h.must(h.visits.HostOf("google").Put(t.Context(), "KEY-canary-1", []byte("VALUE-canary-2"), time.Hour))
	_, err := h.db.Exec("PRAGMA wal_checkpoint(TRUNCATE)")
	h.must(err)
	files, err := filepath.Glob(h.path + "*")
	h.must(err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		h.must(err)
		for _, canary := range []string{secret, "KEY-canary-1", "VALUE-canary-2"} {
			if bytes.Contains(text, []byte(canary)) {
				t.Errorf("%s holds %s", filepath.Base(file), canary)
			}
		}
	}
}

package account_test

import (
	"context"
	"encoding/base64"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/argon2"

	"github.com/ai-data-analyst/broker/plugins/auth/internal/link"
	"github.com/ai-data-analyst/broker/plugins/auth/password/account"
	"github.com/ai-data-analyst/broker/sdk/auth"
	"github.com/ai-data-analyst/broker/sdk/auth/authtest"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

const good = "four words that differ"

func open(t *testing.T) (auth.Session, *authtest.Host) {
	t.Helper()
	provider, err := account.Plugin().Build()
	if err != nil {
		t.Fatal(err)
	}
	s, err := provider.Open(t.Context(), auth.Open{Settings: []byte(`{}`), WorkDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s, &authtest.Host{}
}

// token is what a mail to an address leads to.
func token(t *testing.T, host auth.Host, what, email string) string {
	t.Helper()
	found, err := link.New(t.Context(), host, link.Link{For: what, Email: email, Until: time.Now().Add(time.Hour)}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return what + "/" + found
}

func call(path string, post bool, values ...string) auth.Call {
	c := auth.Call{Path: path, Post: post, Browser: "own", BaseURL: "https://data.acme.com/auth/password", Values: map[string]string{}}
	for i := 0; i < len(values); i += 2 {
		c.Values[values[i]] = values[i+1]
	}
	return c
}

func signIn(t *testing.T, s auth.Session, host auth.Host, email, password string) (auth.Step, error) {
	t.Helper()
	return s.Begin(t.Context(), host, call("", true, "email", email, "password", password))
}

func set(t *testing.T, s auth.Session, host auth.Host, path, password string) auth.Step {
	t.Helper()
	step, err := s.Complete(t.Context(), host, call(path, true, "password", password, "password2", password))
	if err != nil {
		t.Fatal(err)
	}
	return step
}

func TestAnAccountIsSetUpUsedAndReplaced(t *testing.T) {
	s, host := open(t)
	path := token(t, host, "setup", "bob@acme.com")
	for range 20 { // scanners of mail follow links
		step, err := s.Complete(t.Context(), host, call(path, false))
		if err != nil || step.Page == nil || len(step.Page.Fields) != 2 {
			t.Fatalf("%+v %v", step, err)
		}
	}
	step := set(t, s, host, path, good)
	if step.Identity == nil || step.Identity.Subject != "bob@acme.com" || !step.Identity.EmailVerified || !step.Identity.Changed {
		t.Fatalf("%+v", step)
	}
	if again := set(t, s, host, path, good); again.Identity != nil {
		t.Error("a link was good twice")
	}
	step, err := signIn(t, s, host, " Bob@ACME.com ", good)
	if err != nil || step.Identity == nil || step.Identity.Changed {
		t.Fatalf("%+v %v", step, err)
	}
	for _, wrong := range []string{"", good + "x", strings.ToUpper(good), strings.Repeat("x", 300)} {
		if _, err := signIn(t, s, host, "bob@acme.com", wrong); fault.CodeOf(err) != fault.Auth {
			t.Errorf("%q: %v", wrong, err)
		}
	}
	if set(t, s, host, token(t, host, "reset", "bob@acme.com"), good+" too").Identity == nil {
		t.Fatal("the password was not replaced")
	}
	if _, err := signIn(t, s, host, "bob@acme.com", good); fault.CodeOf(err) != fault.Auth {
		t.Errorf("the old password: %v", err)
	}
	if _, err := s.Begin(t.Context(), host, call("", false, "email", "bob@acme.com", "password", good+" too")); fault.CodeOf(err) != fault.Auth {
		t.Errorf("a sign-in without a form: %v", err)
	}
}

func TestL3_WhoHasNoAccountIsToldNothing(t *testing.T) {
	s, host := open(t)
	set(t, s, host, token(t, host, "setup", "bob@acme.com"), good)
	_, known := signIn(t, s, host, "bob@acme.com", "not the password")
	_, unknown := signIn(t, s, host, "eve@acme.com", "not the password")
	if fault.CodeOf(known) != fault.Auth || known.Error() != unknown.Error() {
		t.Errorf("%v, %v", known, unknown)
	}
}

func TestL11_Passwords(t *testing.T) {
	s, host := open(t)
	path := token(t, host, "setup", "bob.miller@acme.com")
	for _, bad := range []string{"", "short", "eleven char", "nul\x00in the middle", strings.Repeat("long ", 60), "bob.miller@acme.com", " bob.miller@acme.com ", "aaaaaaaaaaaaaa", "qwertyuiopas", "123456789012", "passwordpassword", "bad\xffbytes in it"} {
		if step := set(t, s, host, path, bad); step.Page == nil || step.Page.Button == "" {
			t.Errorf("%.30q was taken: %+v", bad, step)
		}
	}
	if step, err := s.Complete(t.Context(), host, call(path, true, "password", good, "password2", good+" ")); err != nil || step.Identity != nil {
		t.Errorf("two that differ: %+v %v", step, err)
	}
	for i, fine := range []string{"  spaces stay  ", "🙂🙃🙂🙃🙂🙃🙂🙃🙂🙃🙂🐟", "no digits, no capitals"} {
		email := []string{"a@acme.com", "b@acme.com", "c@acme.com"}[i]
		if set(t, s, host, token(t, host, "setup", email), fine).Identity == nil {
			t.Errorf("%q was refused", fine)
		}
		if _, err := signIn(t, s, host, email, fine); err != nil {
			t.Errorf("%q: %v", fine, err)
		}
		if _, err := signIn(t, s, host, email, strings.TrimSpace(fine)+"."); fault.CodeOf(err) != fault.Auth {
			t.Errorf("%q: %v", fine, err)
		}
	}
}

func TestG13_ALinkIsUsedOnceByManyAtOnce(t *testing.T) {
	s, host := open(t)
	path := token(t, host, "setup", "bob@acme.com")
	var in, busy atomic.Int64
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			step, err := s.Complete(t.Context(), host, call(path, true, "password", good, "password2", good))
			switch {
			case fault.CodeOf(err) == fault.RateLimited: // L12: two hash, twenty wait
				busy.Add(1)
			case err != nil:
				t.Error(err)
			case step.Identity != nil:
				in.Add(1)
			}
		})
	}
	all.Wait()
	if in.Load() != 1 {
		t.Errorf("%d came in, %d were asked to come again", in.Load(), busy.Load())
	}
}

func TestWhoIsShutOutSetsNoPassword(t *testing.T) {
	s, host := open(t)
	host.Refused = []string{"eve@acme.com"}
	if step := set(t, s, host, token(t, host, "setup", "eve@acme.com"), good); step.Identity != nil {
		t.Error("an address that is not admitted set a password")
	}
	for _, path := range []string{"setup/x", "reset/" + strings.Repeat("a", 43), "nowhere", "request/x", ""} {
		step, err := s.Complete(t.Context(), host, call(path, true, "password", good, "password2", good))
		if step.Identity != nil || err != nil && fault.CodeOf(err) != fault.NotFound {
			t.Errorf("%s: %+v %v", path, step, err)
		}
	}
	step, err := s.Complete(t.Context(), host, call("request", false))
	if err != nil || step.Page == nil || step.Page.Button != "" {
		t.Errorf("without a mail server a link is offered: %+v %v", step, err)
	}
}

func TestContract(t *testing.T) {
	provider := func(context.Context) (auth.Provider, func() error, error) {
		p, err := account.Plugin().Build()
		return p, nil, err
	}
	var one sync.Mutex
	other, _ := open(t) // sets accounts up, so that signing in is one step
	authtest.Test(t, authtest.Subject{New: provider, Settings: []byte(`{"min_length": 10}`),
		Bad: []authtest.Bad{{Settings: []byte(`{"min_length": 7}`), Path: "min_length"}, {Settings: []byte(`{"from": "broker@acme.com"}`), Path: "host"},
			{Settings: []byte(`{"host": "mail.acme.com"}`), Path: "from"}, {Settings: []byte(`{"host": "mail.acme.com", "from": "broker@acme.com", "tls": "none"}`), Path: "tls"}},
		SignIn: func(ctx context.Context, s auth.Session, host auth.Host) (auth.Step, error) {
			one.Lock()
			defer one.Unlock()
			step, err := s.Begin(ctx, host, call("", true, "email", "bob@acme.com", "password", good))
			if fault.CodeOf(err) != fault.Auth {
				return step, err
			}
			set(t, other, host, token(t, host, "setup", "bob@acme.com"), good)
			return s.Begin(ctx, host, call("", true, "email", "bob@acme.com", "password", good))
		}})
}

// An account whose hash costs what hashes cost once gets today's at its next sign-in.
func TestAnOldHashIsMadeAnew(t *testing.T) {
	s, host := open(t)
	salt := []byte("0123456789abcdef")
	b64 := base64.RawStdEncoding
	old := "$argon2id$v=19$m=64,t=1,p=1$" + b64.EncodeToString(salt) + "$" + b64.EncodeToString(argon2.IDKey([]byte(good), salt, 1, 64, 1, 32))
	if err := host.Put(t.Context(), "account bob@acme.com", []byte(`{"hash": "`+old+`", "used": "2026-01-01T00:00:00Z"}`), 0); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if step, err := signIn(t, s, host, "bob@acme.com", good); err != nil || step.Identity == nil {
			t.Fatalf("%+v %v", step, err)
		}
		text, _, err := host.Find(t.Context(), "account bob@acme.com")
		if err != nil || !strings.Contains(string(text), "$argon2id$v=19$m=19456,t=2,p=1$") {
			t.Errorf("%s %v", text, err)
		}
	}
}

package access_test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/host/internal/access"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// verifier and challenge are those of RFC 7636, appendix B.
const (
	verifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

// G13: of a thousand who use one code at once, one gets a token.
func TestG13_ThousandUsesOfOneCode(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h house) {
		one, other := h.open(t, acme()), h.open(t, acme())
		who := callerOf(t, one, invite(t, one, "bob@acme.com", ""))
		code, err := one.BeginCode(t.Context(), who, challenge)
		must(t, err)
		var mu sync.Mutex
		var secrets []string
		var all sync.WaitGroup
		start := make(chan struct{})
		for i := range 1000 {
			all.Go(func() {
				<-start
				a := []*access.Access{one, other}[i%2]
				_, _, secret, err := a.FinishCode(t.Context(), code, verifier, "laptop")
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					secrets = append(secrets, secret.Reveal())
				case fault.CodeOf(err) != fault.Auth:
					t.Error(err)
				}
			})
		}
		close(start)
		all.Wait()
		if len(secrets) != 1 {
			t.Fatalf("%d tokens of one code", len(secrets))
		}
		got := callerOf(t, other, secrets[0])
		equal(t, got.User.Email, "bob@acme.com")
		tokens, err := one.Tokens(t.Context(), who)
		must(t, err)
		equal(t, len(tokens), 2)
	})
}

func TestCodes(t *testing.T) {
	h := onSQLite(t)
	a := h.open(t, acme())
	ctx := t.Context()
	who := callerOf(t, a, invite(t, a, "bob@acme.com", ""))
	begin := func() string {
		code, err := a.BeginCode(ctx, who, challenge)
		must(t, err)
		return code
	}
	for _, bad := range []string{"", "plain", challenge + "=", challenge + "x", strings.Repeat("é", 43)} {
		_, err := a.BeginCode(ctx, who, bad)
		wantCode(t, err, fault.Config)
	}
	_, err := a.BeginCode(ctx, sdk.Caller{}, challenge)
	wantCode(t, err, fault.Permission)

	_, _, _, want := a.FinishCode(ctx, "", "", "")
	wantCode(t, want, fault.Auth)
	refused := func(what, code, verifier string) {
		t.Helper()
		_, _, _, err := a.FinishCode(ctx, code, verifier, "")
		if err == nil || err.Error() != want.Error() {
			t.Errorf("%s: %v", what, err)
		}
	}
	refused("unknown", challenge, verifier)
	refused("no code", "' OR ''='", verifier)
	code := begin()
	refused("short verifier", code, "short")
	other := strings.Repeat("v", 43)
	refused("wrong verifier", code, other)
	refused("the right one after a wrong one", code, verifier)
	code = begin()
	h.clock.forward(10 * time.Minute)
	refused("too late", code, verifier)

	sum := sha256.Sum256([]byte(other))
	code, err = a.BeginCode(ctx, who, base64.RawURLEncoding.EncodeToString(sum[:]))
	must(t, err)
	h.clock.forward(10*time.Minute - time.Microsecond)
	got, token, _, err := a.FinishCode(ctx, code, other, "laptop")
	must(t, err)
	equal(t, got.TokenID, token.ID)
	equal(t, got.User.Email, "bob@acme.com")
	refused("used", code, other)

	code = begin()
	must(t, a.DisableUser(ctx, "bob@acme.com"))
	refused("shut out meanwhile", code, verifier)
	_, err = a.BeginCode(ctx, who, challenge)
	wantCode(t, err, fault.Permission)
}

func TestCodesOfAPersonAreBounded(t *testing.T) {
	h := onSQLite(t)
	a := h.open(t, acme())
	who := callerOf(t, a, invite(t, a, "bob@acme.com", ""))
	var err error
	for range 21 {
		_, err = a.BeginCode(t.Context(), who, challenge)
	}
	wantCode(t, err, fault.RateLimited)
	h.clock.forward(10 * time.Minute)
	_, err = a.BeginCode(t.Context(), who, challenge)
	must(t, err)
}

// A program gets no more than its person has.
func TestCodesHandOnScopesOfTheirPerson(t *testing.T) {
	a := onSQLite(t).open(t, acme())
	who := callerOf(t, a, invite(t, a, "ada@acme.com", "", sdk.ScopeRead, sdk.ScopeAdmin))
	code, err := a.BeginCode(t.Context(), who, challenge)
	must(t, err)
	_, token, _, err := a.FinishCode(t.Context(), code, verifier, "")
	must(t, err)
	equal(t, token.Scopes, []sdk.Scope{sdk.ScopeRead})
}

func TestDevices(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h house) {
		a := h.open(t, acme())
		ctx := t.Context()
		who := callerOf(t, a, invite(t, a, "bob@acme.com", ""))
		device, user, err := a.BeginDevice(ctx)
		must(t, err)
		if !regexp.MustCompile(`^[A-HJ-NP-Z2-9]{4}-[A-HJ-NP-Z2-9]{4}$`).MatchString(user) {
			t.Errorf("user code %q", user)
		}
		finish := func(device string) error {
			h.clock.forward(access.PollEvery)
			_, _, _, err := a.FinishDevice(ctx, device, "laptop")
			return err
		}
		wantCode(t, finish(device), fault.Transient)
		_, _, _, err = a.FinishDevice(ctx, device, "laptop") // at once again
		wantCode(t, err, fault.RateLimited)
		wantCode(t, finish(user), fault.Auth)
		wantCode(t, finish(challenge), fault.Auth)
		for _, typed := range []string{"", "AAAA", "AAAA-AAAA-AAAA", "0000-0000", "' OR 1--"} {
			wantCode(t, a.ApproveDevice(ctx, who, typed), fault.NotFound)
		}
		wantCode(t, a.ApproveDevice(ctx, sdk.Caller{}, user), fault.Permission)
		must(t, a.ApproveDevice(ctx, who, " "+strings.ToLower(strings.ReplaceAll(user, "-", " "))))
		wantCode(t, a.ApproveDevice(ctx, who, user), fault.NotFound) // once

		h.clock.forward(access.PollEvery)
		got, token, secret, err := a.FinishDevice(ctx, device, "laptop")
		must(t, err)
		equal(t, got.User.Email, "bob@acme.com")
		equal(t, token.Label, "laptop")
		callerOf(t, a, secret.Reveal())
		wantCode(t, finish(device), fault.Auth)

		device, user, err = a.BeginDevice(ctx)
		must(t, err)
		h.clock.forward(10 * time.Minute)
		wantCode(t, a.ApproveDevice(ctx, who, user), fault.NotFound)
		wantCode(t, finish(device), fault.Auth)
	})
}

// G16: programs that begin and never end do not fill the database, and codes cannot be tried through.
func TestDevicesAreBounded(t *testing.T) {
	h := onSQLite(t)
	a := h.open(t, acme())
	ctx := t.Context()
	var err error
	begun := 0
	for ; begun <= 1000; begun++ {
		if _, _, err = a.BeginDevice(ctx); err != nil {
			break
		}
	}
	wantCode(t, err, fault.RateLimited)
	equal(t, begun, 1000)
	h.clock.forward(10 * time.Minute)
	_, user, err := a.BeginDevice(ctx)
	must(t, err)

	who := callerOf(t, a, invite(t, a, "bob@acme.com", ""))
	for i := range 20 {
		wantCode(t, a.ApproveDevice(ctx, who, fmt.Sprintf("AAAA-AA%02d", i+22)), fault.NotFound)
	}
	wantCode(t, a.ApproveDevice(ctx, who, user), fault.RateLimited)
	eve := callerOf(t, a, invite(t, a, "eve@acme.com", ""))
	must(t, a.ApproveDevice(ctx, eve, user)) // others are not hit
}

func TestDemoSignIn(t *testing.T) {
	h := onSQLite(t)
	rules := acme()
	a := h.open(t, rules)
	ctx := t.Context()
	equal(t, len(a.Demo()), 0)
	_, _, _, err := a.SignInDemo(ctx, "ada@acme.com", "")
	wantCode(t, err, fault.Auth)

	rules.DemoLogin = []string{"ada@acme.com", "guest@example.com"}
	a.SetRules(rules)
	equal(t, a.Demo(), rules.DemoLogin)
	var all sync.WaitGroup
	for range 8 { // the first visits of one person
		all.Go(func() {
			who, _, secret, err := a.SignInDemo(ctx, " Guest@Example.com", "laptop")
			if err != nil || who.Provider != "demo" || who.User.Email != "guest@example.com" {
				t.Errorf("%+v, %v", who, err)
				return
			}
			if _, err := a.Authenticate(ctx, secret.Reveal()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	people, err := a.Users(ctx)
	must(t, err)
	equal(t, len(people), 1)
	_, _, _, err = a.SignInDemo(ctx, "bob@acme.com", "")
	wantCode(t, err, fault.Auth)
	must(t, a.DisableUser(ctx, "ada@acme.com"))
	_, _, _, err = a.SignInDemo(ctx, "ada@acme.com", "")
	wantCode(t, err, fault.Auth)
}

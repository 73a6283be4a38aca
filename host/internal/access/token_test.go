package access_test

import (
	"context"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/host/internal/access"
	"github.com/ai-data-analyst/broker/host/internal/store"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

func TestTokensAreRandomAndScoped(t *testing.T) {
	a := onSQLite(t).open(t, acme())
	ctx := t.Context()
	grammar := regexp.MustCompile(`^brk_[A-Za-z0-9_-]{43}$`)
	seen := map[string]bool{}
	for range 20 {
		secret := invite(t, a, "bob@acme.com", "")
		if !grammar.MatchString(secret) || seen[secret] {
			t.Fatalf("a token is no token, or came twice")
		}
		seen[secret] = true
	}
	who := callerOf(t, a, invite(t, a, "bob@acme.com", ""))
	equal(t, who.Scopes, []sdk.Scope{sdk.ScopeRead, sdk.ScopePush})
	equal(t, who.Groups, []string{"everyone", "finance", "staff"})
	equal(t, who.Provider, "token")
	token, _, err := a.IssueToken(ctx, who, " \x1b[31mlaptop\u202e\n", 0, nil)
	must(t, err)
	equal(t, token.Label, "[31mlaptop")
	equal(t, token.Expires, noon.AddDate(0, 0, 90))

	onlyRead := callerOf(t, a, invite(t, a, "bob@acme.com", "", sdk.ScopeRead))
	admin := callerOf(t, a, invite(t, a, "ada@acme.com", "", access.AllScopes...))
	for i, c := range []struct {
		who    sdk.Caller
		days   int
		scopes []sdk.Scope
		want   fault.Code
	}{
		{onlyRead, 0, []sdk.Scope{sdk.ScopePush}, fault.Permission},
		{onlyRead, 0, nil, ""}, // what it has of the usual ones
		{who, 0, []sdk.Scope{sdk.ScopeAdmin}, fault.Permission},
		{sdk.Caller{User: who.User, Scopes: access.AllScopes}, 0, []sdk.Scope{sdk.ScopeAdmin}, fault.Permission}, // by the role of now
		{who, 0, []sdk.Scope{"root"}, fault.Permission},
		{who, -1, nil, fault.Config},
		{who, 367, nil, fault.Config},
		{who, 366, nil, ""},
		{admin, 1, access.AllScopes, ""},
		{sdk.Caller{}, 0, nil, fault.Auth},
		{sdk.Caller{User: who.User}, 0, nil, fault.Permission},
	} {
		token, _, err := a.IssueToken(ctx, c.who, "", c.days, c.scopes)
		if fault.CodeOf(err) != c.want {
			t.Errorf("case %d: %v, want %q", i, err, c.want)
		}
		if i == 1 {
			equal(t, token.Scopes, []sdk.Scope{sdk.ScopeRead})
		}
	}
}

func TestTokensOfAPersonAreBounded(t *testing.T) {
	a := onSQLite(t).open(t, acme())
	who := callerOf(t, a, invite(t, a, "bob@acme.com", ""))
	var err error
	for range 200 {
		if _, _, err = a.IssueToken(t.Context(), who, "", 1, nil); err != nil {
			break
		}
	}
	wantCode(t, err, fault.RateLimited)
}

// Rule 23: whatever is wrong with a credential, the answer is one. Y9: only the holder of a genuine token hears that it ran out.
func TestY9_BadCredentialsHaveOneAnswer(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h house) {
		a := h.open(t, acme())
		ctx := t.Context()
		secret := invite(t, a, "bob@acme.com", "")
		who := callerOf(t, a, secret)
		revoked := invite(t, a, "bob@acme.com", "")
		must(t, a.RevokeToken(ctx, who, callerOf(t, a, revoked).TokenID))
		shut := invite(t, a, "out@acme.com", "")
		must(t, a.DisableUser(ctx, "out@acme.com"))

		_, want := a.Authenticate(ctx, "")
		wantCode(t, want, fault.Auth)
		for name, bad := range map[string]string{"unknown": "brk_" + strings.Repeat("A", 43), "short": secret[:46], "long": secret + "A", "other case": strings.ToUpper(secret),
			"without mark": secret[4:], "with scheme": "Bearer " + secret, "revoked": revoked, "disabled": shut, "SQL": "brk_' OR 1=1 --", "NUL": secret[:46] + "\x00",
			"last letter": secret[:46] + string(rune('A'+(secret[46]+1)%26)), "a megabyte": strings.Repeat("brk_", 1<<18)} {
			_, err := a.Authenticate(ctx, bad)
			if err == nil || err.Error() != want.Error() || fault.HelpOf(err) != fault.HelpOf(want) {
				t.Errorf("%s: %v (%s)", name, err, fault.HelpOf(err))
			}
		}
		h.clock.forward(90*24*time.Hour - time.Microsecond)
		_, err := a.Authenticate(ctx, secret)
		must(t, err)
		h.clock.forward(time.Microsecond)
		_, err = a.Authenticate(ctx, secret)
		wantCode(t, err, fault.Auth)
		if err.Error() != want.Error() || !strings.HasPrefix(fault.HelpOf(err), "token_expired") {
			t.Errorf("expired: %v (%s)", err, fault.HelpOf(err))
		}
		_, err = a.Authenticate(ctx, revoked) // revoked and expired
		if strings.Contains(fault.HelpOf(err), "token_expired") {
			t.Errorf("of a revoked token too much is told: %s", fault.HelpOf(err))
		}
	})
}

func TestTokensBelongToTheirOwner(t *testing.T) {
	a := onSQLite(t).open(t, acme())
	ctx := t.Context()
	bob := callerOf(t, a, invite(t, a, "bob@acme.com", ""))
	eve := callerOf(t, a, invite(t, a, "eve@acme.com", ""))
	for _, id := range []string{bob.TokenID, "nothing", "", "%"} {
		wantCode(t, a.RevokeToken(ctx, eve, id), fault.NotFound)
	}
	tokens, err := a.Tokens(ctx, eve)
	must(t, err)
	equal(t, len(tokens), 1)
	must(t, a.RevokeToken(ctx, bob, bob.TokenID))
	wantCode(t, a.RevokeToken(ctx, bob, bob.TokenID), fault.NotFound)
	tokens, err = a.Tokens(ctx, bob)
	must(t, err)
	equal(t, len(tokens), 0)
	_, err = a.Tokens(ctx, sdk.Caller{}) // never everybody's
	wantCode(t, err, fault.Auth)
	wantCode(t, a.RevokeToken(ctx, sdk.Caller{}, eve.TokenID), fault.Auth)
}

// The last use is written at most once a minute, and no request waits for it.
func TestLastUseIsWrittenOnceAMinute(t *testing.T) {
	h := onSQLite(t)
	a := h.open(t, acme())
	ctx := t.Context()
	secret := invite(t, a, "bob@acme.com", "")
	for _, step := range []struct{ forward, want time.Duration }{{0, 0}, {59 * time.Second, 0}, {time.Second, time.Minute}, {30 * time.Second, time.Minute}} {
		h.clock.forward(step.forward)
		callerOf(t, a, secret)
		must(t, a.Close()) // waits for the write
		tokens, err := a.AllTokens(ctx, "bob@acme.com")
		must(t, err)
		equal(t, tokens[0].LastUsed, noon.Add(step.want))
	}
}

// G12: what another process changes holds at the next request of this one.
func TestG12_ChangesBesideARunningProcessHoldAtOnce(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h house) {
		serving, command := h.open(t, acme()), h.open(t, acme())
		ctx := t.Context()
		secret := invite(t, command, "carl@acme.com", "")
		_, err := command.CreateGroup(ctx, "ops")
		must(t, err)
		may := func(table sdk.TableName) bool {
			who, err := serving.Authenticate(ctx, secret)
			return err == nil && serving.Authorize(ctx, who, sdk.ReadTable, table) == nil
		}
		steps := []struct {
			what string
			do   func() error
			want bool
		}{
			{"nothing", func() error { return nil }, false},
			{"a grant", func() error { _, err := command.Grant(ctx, "ops", []string{"shop.*"}); return err }, false},
			{"a member", func() error { _, err := command.AddMembers(ctx, "ops", []string{"Carl@acme.com"}); return err }, true},
			{"no grant", func() error { _, err := command.Revoke(ctx, "ops", []string{"shop.*"}); return err }, false},
			{"admin", func() error {
				_, _, err := command.AddUser(ctx, access.NewUser{Email: "carl@acme.com", Role: sdk.Admin})
				return err
			}, true},
			{"standard", func() error {
				_, _, err := command.AddUser(ctx, access.NewUser{Email: "carl@acme.com", Role: sdk.Standard})
				return err
			}, false},
			{"the grant again", func() error { _, err := command.Grant(ctx, "ops", []string{"shop.orders"}); return err }, true},
			{"no member", func() error { _, err := command.RemoveMembers(ctx, "ops", []string{"carl@acme.com"}); return err }, false},
			{"everyone", func() error { _, err := command.Grant(ctx, "everyone", []string{"shop.orders"}); return err }, true},
			{"disabled", func() error { return command.DisableUser(ctx, "carl@acme.com") }, false},
			{"enabled, its tokens are gone for good", func() error { return command.EnableUser(ctx, "carl@acme.com") }, false},
			{"a new token", func() error { secret = invite(t, command, "carl@acme.com", ""); return nil }, true},
			{"revoked", func() error {
				who, err := serving.Authenticate(ctx, secret)
				if err != nil {
					return err
				}
				return command.RevokeAnyToken(ctx, who.TokenID)
			}, false},
		}
		for _, s := range steps {
			must(t, s.do())
			if got := may("shop.orders"); got != s.want {
				t.Errorf("after %s: %v", s.what, got)
			}
		}
	})
}

// A reader that asks all the time never sees what was taken back after the command that took it has returned.
func TestG12_RevocationsUnderLoad(t *testing.T) {
	h := onSQLite(t)
	serving, command := h.open(t, acme()), h.open(t, acme())
	ctx := t.Context()
	who := callerOf(t, serving, invite(t, command, "carl@acme.com", ""))
	_, err := command.CreateGroup(ctx, "ops")
	must(t, err)
	_, err = command.AddMembers(ctx, "ops", []string{"carl@acme.com"})
	must(t, err)
	asking, stop := context.WithCancel(ctx)
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for asking.Err() == nil {
				if err := serving.Authorize(ctx, who, sdk.ReadTable, "shop.orders"); err != nil && fault.CodeOf(err) != fault.NotFound {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 40 {
		_, err := command.Grant(ctx, "ops", []string{"shop.*"})
		must(t, err)
		must(t, serving.Authorize(ctx, who, sdk.ReadTable, "shop.orders"))
		_, err = command.Revoke(ctx, "ops", []string{"shop.*"})
		must(t, err)
		wantCode(t, serving.Authorize(ctx, who, sdk.ReadTable, "shop.orders"), fault.NotFound)
	}
	stop()
	readers.Wait()
}

// What the configuration gives is never written down: it ends with the line that gives it.
func TestConfiguredRolesAndPlacesEndWithTheConfiguration(t *testing.T) {
	a := onSQLite(t).open(t, acme())
	ctx := t.Context()
	ada, dora := invite(t, a, "ada@acme.com", sdk.Admin), invite(t, a, "dora@partner.io", "")
	_, err := a.DemoCaller(ctx, "ext@partner.io")
	wantCode(t, err, fault.Auth) // no demo here
	rules := acme()
	rules.DemoLogin = []string{"ext@partner.io"}
	a.SetRules(rules)
	ext, err := a.DemoCaller(ctx, "EXT@partner.io")
	must(t, err)
	equal(t, callerOf(t, a, ada).User.Role, sdk.Admin)

	a.SetRules(access.Rules{})
	equal(t, callerOf(t, a, ada).User.Role, sdk.Standard) // invited, so still let in
	callerOf(t, a, dora)
	sees, digest, err := a.Visible(ctx, ext) // came by the lists alone, which no longer name them
	must(t, err)
	equal(t, sees("main.calendar"), false)
	equal(t, digest, "closed")
}

func TestTheConfigurationOwnsItsPart(t *testing.T) {
	a := onSQLite(t).open(t, acme())
	ctx := t.Context()
	fill(t, a)
	change := map[string]func() error{
		"instance.hcl:29": func() error { _, err := a.AddMembers(ctx, "finance", []string{"carl@acme.com"}); return err },
		"instance.hcl:39": func() error { _, err := a.Grant(ctx, "starred", []string{"hr.*"}); return err },
		"instance.hcl:49": func() error { _, err := a.CreateGroup(ctx, "staff"); return err },
		"instance.hcl:10": func() error {
			_, _, err := a.AddUser(ctx, access.NewUser{Email: "ada@acme.com", Role: sdk.Standard})
			return err
		},
		"instance.hcl:20": func() error {
			_, _, err := a.AddUser(ctx, access.NewUser{Email: "eve@acme.com", Role: sdk.Admin})
			return err
		},
	}
	for place, do := range change {
		err := do()
		wantCode(t, err, fault.Config)
		if err != nil && !strings.Contains(err.Error(), place) {
			t.Errorf("%v does not name %s", err, place)
		}
	}
	// A group that the configuration takes over is the configuration's alone.
	rules := acme()
	rules.Groups = append(rules.Groups, access.RuleGroup{Name: "ops", Patterns: at(60, "crm.leads"), Origin: access.Origin{File: "instance.hcl", Line: 59}})
	a.SetRules(rules)
	e, err := a.Explain(ctx, "carl@acme.com", "shop.orders")
	must(t, err)
	equal(t, e.Allowed, false)
	groups, err := a.Groups(ctx)
	must(t, err)
	at := slices.IndexFunc(groups, func(g access.Group) bool { return g.Name == "ops" })
	equal(t, groups[at].Origin, access.Origin{File: "instance.hcl", Line: 59})
}

func TestWrongChangesChangeNothing(t *testing.T) {
	a := onSQLite(t).open(t, acme())
	ctx := t.Context()
	fill(t, a)
	for name, c := range map[string]struct {
		do   func() error
		want fault.Code
	}{
		"unknown group":   {func() error { _, err := a.Grant(ctx, "nothing", []string{"*"}); return err }, fault.NotFound},
		"bad pattern":     {func() error { _, err := a.Grant(ctx, "ops", []string{"crm.*", "crm.*.x"}); return err }, fault.Config},
		"deny rule":       {func() error { _, err := a.Grant(ctx, "ops", []string{"!crm.*"}); return err }, fault.Config},
		"unknown dataset": {func() error { _, err := a.Grant(ctx, "ops", []string{"dataset:none"}); return err }, fault.Config},
		"bad group":       {func() error { _, err := a.CreateGroup(ctx, "Finance Team"); return err }, fault.Config},
		"unknown person": {func() error {
			_, err := a.AddMembers(ctx, "ops", []string{"sam@acme.com", "x@nowhere.org"})
			return err
		}, fault.NotFound},
		"member of everyone":   {func() error { _, err := a.AddMembers(ctx, "everyone", []string{"sam@acme.com"}); return err }, fault.Config},
		"bad address":          {func() error { _, _, err := a.AddUser(ctx, access.NewUser{Email: "a@b@c.cz"}); return err }, fault.Config},
		"bad role":             {func() error { _, _, err := a.AddUser(ctx, access.NewUser{Email: "a@b.cz", Role: "root"}); return err }, fault.Config},
		"disable nobody":       {func() error { return a.DisableUser(ctx, "x@nowhere.org") }, fault.NotFound},
		"enable nobody":        {func() error { return a.EnableUser(ctx, "x@acme.com") }, fault.NotFound},
		"token of nobody":      {func() error { _, _, err := a.CreateTokenFor(ctx, "x@nowhere.org", "", 0, nil); return err }, fault.Permission},
		"token by domain only": {func() error { _, _, err := a.CreateTokenFor(ctx, "new@acme.com", "", 0, nil); return err }, fault.Permission},
		"token of disabled":    {func() error { _, _, err := a.CreateTokenFor(ctx, "out@acme.com", "", 0, nil); return err }, fault.Permission},
		"tokens of nobody":     {func() error { _, err := a.AllTokens(ctx, "x@nowhere.org"); return err }, fault.NotFound},
		"unknown token":        {func() error { return a.RevokeAnyToken(ctx, "none") }, fault.NotFound},
	} {
		err := c.do()
		if fault.CodeOf(err) != c.want {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	e, err := a.Explain(ctx, "sam@acme.com", "ops.alerts")
	must(t, err)
	for _, r := range e.Because {
		if r.Group == "ops" {
			t.Error("half of a refused change was made")
		}
	}
	e, err = a.Explain(ctx, "carl@acme.com", "crm.orders")
	must(t, err)
	equal(t, e.Allowed, false)

	// Somebody who may come by domain can be shut out before the first visit.
	must(t, a.DisableUser(ctx, "early@acme.com"))
	e, err = a.Explain(ctx, "early@acme.com", "main.calendar")
	must(t, err)
	equal(t, e.Allowed, false)
	// A role given by command does not outlive being shut out.
	must(t, a.DisableUser(ctx, "priv@acme.com"))
	must(t, a.EnableUser(ctx, "priv@acme.com"))
	e, err = a.Explain(ctx, "priv@acme.com", "hr.salaries")
	must(t, err)
	equal(t, e.Allowed, false)
	// Whom the configuration names gets a token without an invitation.
	_, _, err = a.CreateTokenFor(ctx, "EXT@partner.io", "", 0, nil)
	must(t, err)
}

// Every request asks the database: nothing of a token is remembered, so a revocation cannot be missed.
func BenchmarkAuthenticateAndAuthorize(b *testing.B) {
	ctx := context.Background()
	s, err := store.Open(ctx, store.Options{URL: "sqlite", Path: filepath.Join(b.TempDir(), "broker.db")})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	a := access.New(access.Options{Store: kept{s.People(), s.Tokens(), s.Codes()}, Rules: acme()})
	defer a.Close()
	_, _, err = a.AddUser(ctx, access.NewUser{Email: "bob@acme.com"})
	if err != nil {
		b.Fatal(err)
	}
	_, secret, err := a.CreateTokenFor(ctx, "bob@acme.com", "", 0, nil)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		who, err := a.Authenticate(ctx, secret.Reveal())
		if err != nil {
			b.Fatal(err)
		}
		if err := a.Authorize(ctx, who, sdk.ReadTable, "finance.invoices"); err != nil {
			b.Fatal(err)
		}
	}
}

package store_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/host/internal/store"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

func ada() sdk.User {
	return sdk.User{ID: "u1", Email: "ada@acme.com", Name: "Ada", Role: sdk.Admin, Invited: true, Created: noon}
}

func TestUsersAreKept(t *testing.T) {
	eachDatabase(t, func(t *testing.T, open func(...store.Migrations) *store.Store) {
		ctx, s := t.Context(), open()
		people := s.People()
		added, err := people.AddUser(ctx, ada())
		must(t, err)
		equal(t, added, true)
		again := ada()
		again.ID, again.Name = "u2", "Somebody else"
		added, err = people.AddUser(ctx, again)
		must(t, err)
		equal(t, added, false)

		d, err := people.Directory(ctx)
		must(t, err)
		equal(t, d.Users, []sdk.User{ada()})

		changed := ada()
		changed.Name, changed.Role, changed.Invited = "Ada L.\x00\xff", sdk.Privileged, false
		must(t, people.SaveUser(ctx, changed))
		must(t, s.Tokens().AddToken(ctx, sdk.Token{ID: "t1", UserID: "u1", Created: noon, Expires: noon.AddDate(0, 0, 1)}, "hash"))
		must(t, people.DisableUser(ctx, "u1", noon.Add(time.Hour)))
		d, err = people.Directory(ctx)
		must(t, err)
		changed.Name, changed.Role, changed.Disabled = "Ada L.\uFFFD\uFFFD", sdk.Standard, true
		equal(t, d.Users, []sdk.User{changed})
		token, _, err := s.Tokens().FindToken(ctx, "hash")
		must(t, err)
		equal(t, token.Revoked, noon.Add(time.Hour))

		must(t, people.EnableUser(ctx, "u1"))
		for _, err := range []error{people.SaveUser(ctx, sdk.User{ID: "nobody"}), people.DisableUser(ctx, "nobody", noon), people.EnableUser(ctx, "nobody")} {
			wantCode(t, err, fault.NotFound)
		}
		_, err = people.AddUser(ctx, sdk.User{})
		wantCode(t, err, fault.Bug)
	})
}

func TestGroupsAreKept(t *testing.T) {
	eachDatabase(t, func(t *testing.T, open func(...store.Migrations) *store.Store) {
		ctx, people := t.Context(), open().People()
		_, err := people.AddUser(ctx, ada())
		must(t, err)
		for i, step := range []struct {
			do   func() (bool, error)
			want bool
		}{
			{func() (bool, error) { return people.AddGroup(ctx, "finance", noon) }, true},
			{func() (bool, error) { return people.AddGroup(ctx, "finance", noon) }, false},
			{func() (bool, error) { return people.AddGroup(ctx, "everyone", noon) }, false}, // built in
			{func() (bool, error) { return people.AddMember(ctx, "finance", "u1", noon) }, true},
			{func() (bool, error) { return people.AddMember(ctx, "finance", "u1", noon) }, false},
			{func() (bool, error) { return people.AddGrant(ctx, "finance", "shop.*", noon) }, true},
			{func() (bool, error) { return people.AddGrant(ctx, "finance", "shop.*", noon) }, false},
			{func() (bool, error) { return people.AddGrant(ctx, "finance", "crm.orders", noon) }, true},
			{func() (bool, error) { return people.RemoveGrant(ctx, "finance", "crm.*") }, false},
		} {
			before, err := people.Version(ctx)
			must(t, err)
			got, err := step.do()
			must(t, err)
			after, err := people.Version(ctx)
			must(t, err)
			if got != step.want || (after > before) != step.want {
				t.Errorf("step %d: %v, want %v; version from %d to %d", i, got, step.want, before, after)
			}
		}
		d, err := people.Directory(ctx)
		must(t, err)
		equal(t, d.Groups, []sdk.Group{{Name: "everyone"}, {Name: "finance", Members: []string{"u1"}, Patterns: []string{"crm.orders", "shop.*"}, Created: noon}})

		for _, removed := range []func() (bool, error){
			func() (bool, error) { return people.RemoveMember(ctx, "finance", "u1") },
			func() (bool, error) { return people.RemoveGrant(ctx, "finance", "shop.*") },
		} {
			done, err := removed()
			must(t, err)
			equal(t, done, true)
		}
		if _, err := people.AddMember(ctx, "finance", "nobody", noon); err == nil {
			t.Error("a member who does not exist is taken")
		}
		if _, err := people.AddGrant(ctx, "nothing", "*", noon); err == nil {
			t.Error("a grant to a group that does not exist is taken")
		}
	})
}

func TestTokensAreKept(t *testing.T) {
	eachDatabase(t, func(t *testing.T, open func(...store.Migrations) *store.Store) {
		ctx, s := t.Context(), open()
		_, err := s.People().AddUser(ctx, ada())
		must(t, err)
		tokens := s.Tokens()
		one := sdk.Token{ID: "t1", UserID: "u1", Label: "laptop", Scopes: []sdk.Scope{sdk.ScopeRead, sdk.ScopePush}, Created: noon, Expires: noon.AddDate(0, 0, 90)}
		must(t, tokens.AddToken(ctx, one, "h1"))
		two := sdk.Token{ID: "t2", UserID: "u1", Scopes: []sdk.Scope{sdk.ScopeRead}, Created: noon.Add(time.Second), Expires: noon.AddDate(0, 0, 1)}
		must(t, tokens.AddToken(ctx, two, "h2"))
		got, version, err := tokens.FindToken(ctx, "h1")
		must(t, err)
		equal(t, got, one)
		now, err := s.People().Version(ctx)
		must(t, err)
		equal(t, version, now)
		_, _, err = tokens.FindToken(ctx, "h3")
		wantCode(t, err, fault.NotFound)
		if err := tokens.AddToken(ctx, sdk.Token{ID: "t9", UserID: "u1", Created: noon, Expires: noon}, "h1"); err == nil {
			t.Error("one hash twice is taken")
		}

		must(t, tokens.TouchToken(ctx, "t1", noon.Add(time.Minute)))
		must(t, tokens.TouchToken(ctx, "t1", noon)) // late news change nothing
		one.LastUsed = noon.Add(time.Minute)
		list, err := tokens.ListTokens(ctx, "u1")
		must(t, err)
		equal(t, list, []sdk.Token{two, one})
		list, err = tokens.ListTokens(ctx, "u2")
		must(t, err)
		equal(t, len(list), 0)

		for i, c := range []struct {
			user, id string
			want     bool
		}{{"u2", "t1", false}, {"u1", "t1", true}, {"u1", "t1", false}, {"", "t2", true}, {"", "t3", false}} {
			done, err := tokens.RevokeToken(ctx, c.user, c.id, noon)
			must(t, err)
			if done != c.want {
				t.Errorf("revocation %d: %v", i, done)
			}
		}
		late := noon.AddDate(1, 0, 0) // what ended long ago is forgotten
		must(t, tokens.AddToken(ctx, sdk.Token{ID: "t4", UserID: "u1", Created: late, Expires: late}, "h4"))
		list, err = tokens.ListTokens(ctx, "")
		must(t, err)
		equal(t, len(list), 1)
	})
}

// G13: of many who use one code at once, one gets it.
func TestG13_CodeIsUsedOnce(t *testing.T) {
	eachDatabase(t, func(t *testing.T, open func(...store.Migrations) *store.Store) {
		ctx, codes := t.Context(), open().Codes()
		code := sdk.SignInCode{Kind: "code", Hash: "h", Challenge: "c", UserID: "u1", Scopes: []sdk.Scope{sdk.ScopeRead}, Created: noon, Expires: noon.Add(time.Minute)}
		must(t, codes.AddCode(ctx, code, 10))
		var won atomic.Int64
		var all sync.WaitGroup
		for range 64 {
			all.Go(func() {
				first, err := codes.UseCode(ctx, "code", "h", noon.Add(time.Second))
				if err != nil {
					t.Error(err)
				}
				if first {
					won.Add(1)
				}
			})
		}
		all.Wait()
		equal(t, won.Load(), int64(1))
		code.Used = noon.Add(time.Second)
		got, err := codes.FindCode(ctx, "code", "h")
		must(t, err)
		equal(t, got, code)
		_, err = codes.FindCode(ctx, "device", "h")
		wantCode(t, err, fault.NotFound)
	})
}

func TestCodesAreBoundedAndEnd(t *testing.T) {
	eachDatabase(t, func(t *testing.T, open func(...store.Migrations) *store.Store) {
		ctx, codes := t.Context(), open().Codes()
		device := func(i int, at time.Time) sdk.SignInCode {
			return sdk.SignInCode{Kind: "device", Hash: fmt.Sprint("h", i), UserHash: fmt.Sprint("typed", i), Created: at, Expires: at.Add(time.Minute)}
		}
		for i := range 3 {
			must(t, codes.AddCode(ctx, device(i, noon), 3))
		}
		wantCode(t, codes.AddCode(ctx, device(3, noon), 3), fault.RateLimited)
		for i, c := range []struct {
			typed string
			at    time.Duration
			want  bool
		}{{"typed9", 0, false}, {"typed0", time.Minute, false}, {"typed0", time.Second, true}, {"typed0", time.Second, false}} {
			done, err := codes.ApproveCode(ctx, c.typed, "u1", []sdk.Scope{sdk.ScopeRead}, noon.Add(c.at))
			must(t, err)
			if done != c.want {
				t.Errorf("approval %d: %v", i, done)
			}
		}
		got, err := codes.FindCode(ctx, "device", "h0")
		must(t, err)
		equal(t, got.UserID, "u1")
		used, err := codes.UseCode(ctx, "device", "h0", noon.Add(time.Minute))
		must(t, err)
		equal(t, used, false) // over
		must(t, codes.AddCode(ctx, device(4, noon.Add(time.Hour)), 3))
		_, err = codes.FindCode(ctx, "device", "h0")
		wantCode(t, err, fault.NotFound)
	})
}

// Commands open the database beside a serving broker, also when neither was there first.
func TestManyOpenOneDatabaseThatIsMissing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state", "broker.db")
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			s, err := store.Open(context.Background(), store.Options{URL: "sqlite", Path: path})
			if err != nil {
				t.Error(err)
				return
			}
			defer s.Close()
			if _, err := s.People().AddGroup(context.Background(), fmt.Sprint("group", i), noon); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	d, err := opener(t, store.Options{URL: "sqlite", Path: path})().People().Directory(t.Context())
	must(t, err)
	equal(t, len(d.Groups), 9)
}

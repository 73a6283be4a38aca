package store_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/host/internal/store"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

func TestAnalysts(t *testing.T) {
	eachDatabase(t, func(t *testing.T, open func(...store.Migrations) *store.Store) {
		s, ctx := open(), t.Context()
		for _, id := range []string{"u1", "u2"} {
			if _, err := s.People().AddUser(ctx, sdk.User{ID: id, Email: id + "@acme.com", Role: sdk.Standard, Created: time.Now()}); err != nil {
				t.Fatal(err)
			}
		}
		k := s.Analysts()
		bob := store.Analyst{Name: "bob", UserID: "u1", Own: true, Key: "ssh-ed25519 AAAA", Fingerprint: "SHA256:x", Comment: "bob@laptop",
			Created: time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)}
		before, err := s.People().Version(ctx)
		if err != nil {
			t.Fatal(err)
		}
		add := func(a store.Analyst, want bool) {
			t.Helper()
			if done, err := k.AddAnalyst(ctx, a); err != nil || done != want {
				t.Fatalf("added %t, want %t: %v", done, want, err)
			}
		}
		add(bob, true)
		if after, err := s.People().Version(ctx); err != nil || after <= before {
			t.Errorf("the version went from %d to %d: %v", before, after, err)
		}
		other := bob
		other.Key = "ssh-ed25519 BBBB" // the same name
		add(other, false)
		other = bob
		other.Name, other.UserID, other.Own = "ada", "u2", false // the same key
		add(other, false)
		other.Key = "ssh-ed25519 CCCC"
		add(other, true)
		if got, err := k.FindAnalyst(ctx, "bob"); err != nil || got != bob {
			t.Errorf("%+v, want %+v: %v", got, bob, err)
		}
		if all, err := k.ListAnalysts(ctx); err != nil || len(all) != 2 || all[0] != other || all[1] != bob {
			t.Errorf("%+v: %v", all, err)
		}
		if _, err := k.AddAnalyst(ctx, store.Analyst{Name: "eve", UserID: "nobody", Key: "k"}); err == nil {
			t.Error("an analyst without a user was kept")
		}
		for _, want := range []bool{true, false} {
			if done, err := k.RemoveAnalyst(ctx, "bob"); err != nil || done != want {
				t.Errorf("removed %t, want %t: %v", done, want, err)
			}
		}
		if _, err := k.FindAnalyst(ctx, "bob"); fault.CodeOf(err) != fault.NotFound {
			t.Errorf("class %s: %v", fault.CodeOf(err), err)
		}
		if _, err := k.AddAnalyst(ctx, store.Analyst{}); fault.CodeOf(err) != fault.Bug {
			t.Errorf("an empty analyst: %v", err)
		}
	})
}

// Of many who bring one key under different names at once, one gets in.
func TestAnalystsOneKeyOneName(t *testing.T) {
	eachDatabase(t, func(t *testing.T, open func(...store.Migrations) *store.Store) {
		s, ctx := open(), t.Context()
		if _, err := s.People().AddUser(ctx, sdk.User{ID: "u", Email: "u@acme.com", Role: sdk.Standard}); err != nil {
			t.Fatal(err)
		}
		var in atomic.Int32
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				done, err := s.Analysts().AddAnalyst(ctx, store.Analyst{Name: "a" + string(rune('a'+i)), UserID: "u", Key: "one"})
				if err != nil {
					t.Error(err)
				}
				if done {
					in.Add(1)
				}
			})
		}
		all.Wait()
		if in.Load() != 1 {
			t.Errorf("%d got in", in.Load())
		}
	})
}

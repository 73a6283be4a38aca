package store_test

import (
	"slices"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/host/internal/store"
	"github.com/ai-data-analyst/broker/sdk"
)

func TestChoices(t *testing.T) {
	eachDatabase(t, func(t *testing.T, open func(...store.Migrations) *store.Store) {
		s, ctx := open(), t.Context()
		if _, err := s.People().AddUser(ctx, sdk.User{ID: "u1", Email: "u1@acme.com", Role: sdk.Standard, Created: time.Now()}); err != nil {
			t.Fatal(err)
		}
		is := func(want []string, chosen bool) {
			t.Helper()
			if got, found, err := s.Choices().FindChoice(ctx, "u1"); err != nil || found != chosen || !slices.Equal(got, want) {
				t.Errorf("%q %t, want %q %t: %v", got, found, want, chosen, err)
			}
		}
		is(nil, false)
		for _, tables := range [][]string{{"a.b", "c.d"}, {}, {"x.y"}} {
			if err := s.Choices().SaveChoice(ctx, "u1", tables, time.Now()); err != nil {
				t.Fatal(err)
			}
			is(tables, true)
		}
		if err := s.Choices().SaveChoice(ctx, "nobody", nil, time.Now()); err == nil {
			t.Error("a choice of nobody was kept")
		}
		if err := s.Choices().DropChoice(ctx, "u1"); err != nil {
			t.Fatal(err)
		}
		is(nil, false)
	})
}

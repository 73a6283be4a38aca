package mine_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/host/internal/app/mine"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
)

// kept is a keeper in memory.
type kept map[string][]string

func (k kept) FindChoice(_ context.Context, id string) ([]string, bool, error) {
	tables, ok := k[id]
	return tables, ok, nil
}

func (k kept) SaveChoice(_ context.Context, id string, tables []string, _ time.Time) error {
	k[id] = tables
	return nil
}

func (k kept) DropChoice(_ context.Context, id string) error { delete(k, id); return nil }

// shop is a catalog that can be narrowed: sets say what is granted.
type shop struct{ sets map[string][]string }

func (s *shop) Catalog(context.Context, sdk.Caller) (api.Catalog, error) {
	var c api.Catalog
	for _, name := range []string{"base", "extra", "more"} {
		if tables := s.sets[name]; tables != nil {
			d := api.Dataset{Name: name, Tables: tables}
			if name != "base" {
				d.Requires = []string{map[string]string{"extra": "base", "more": "extra"}[name]}
			}
			c.Datasets = append(c.Datasets, d)
		}
		for _, t := range s.sets[name] {
			c.Tables = append(c.Tables, api.CatalogTable{Name: t})
		}
	}
	return c, nil
}

var bob = sdk.Caller{User: sdk.User{ID: "u-bob"}}

func house() (mine.Choices, *shop) {
	s := &shop{sets: map[string][]string{"base": {"a.one", "a.two"}, "extra": {"b.one"}, "more": {"c.one"}}}
	return mine.Choices{Keeper: kept{}, Catalog: s, Now: time.Now}, s
}

func takes(t *testing.T, c mine.Choices, want ...string) {
	t.Helper()
	got, err := c.Subscriptions(t.Context(), bob)
	if err != nil || !slices.Equal(got.Tables, want) {
		t.Errorf("takes %q, want %q: %v", got.Tables, want, err)
	}
	wanted, _, err := c.Wanted(t.Context(), bob)
	if err != nil {
		t.Fatal(err)
	}
	granted, err := c.Catalog.Catalog(t.Context(), bob)
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range granted.Tables {
		if name := table.Name; wanted(sdk.TableName(name)) != slices.Contains(want, name) {
			t.Errorf("%s wanted: %t", name, wanted(sdk.TableName(name)))
		}
	}
}

func TestWhoNeverChoseTakesAll(t *testing.T) {
	c, s := house()
	takes(t, c, "a.one", "a.two", "b.one", "c.one")
	s.sets["base"] = []string{"a.new", "a.one", "a.two"} // granted later
	takes(t, c, "a.new", "a.one", "a.two", "b.one", "c.one")
}

func TestDatasetsGoWithWhatTheyRequire(t *testing.T) {
	c, _ := house()
	ctx := t.Context()
	for _, step := range []struct {
		dataset string
		take    bool
		want    []string
	}{
		{"extra", false, []string{"a.one", "a.two"}}, // more requires it
		{"more", true, []string{"a.one", "a.two", "b.one", "c.one"}},
		{"base", false, []string{}},
		{"extra", true, []string{"a.one", "a.two", "b.one"}},
	} {
		if err := c.Take(ctx, bob, step.dataset, step.take); err != nil {
			t.Fatal(err)
		}
		takes(t, c, step.want...)
	}
	if err := c.Take(ctx, bob, "none", true); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("a dataset that there is not: %v", err)
	}
	sets, err := c.Datasets(ctx, bob)
	if err != nil || len(sets.Datasets) != 3 || !sets.Datasets[0].Taken || sets.Datasets[2].Taken {
		t.Errorf("%+v: %v", sets, err)
	}
}

func TestWhatIsNotGrantedIsRefusedAndRemembered(t *testing.T) {
	c, s := house()
	ctx := t.Context()
	for _, wrong := range []api.Subscriptions{{Mode: "some"}, {}, {Mode: "explicit", Tables: []string{"hr.salaries"}}} {
		if err := c.Subscribe(ctx, bob, wrong); fault.CodeOf(err) != fault.Config {
			t.Errorf("%+v: %v", wrong, err)
		}
	}
	takes(t, c, "a.one", "a.two", "b.one", "c.one")
	if err := c.Subscribe(ctx, bob, api.Subscriptions{Mode: "explicit", Tables: []string{"c.one", "a.two", "a.two"}}); err != nil {
		t.Fatal(err)
	}
	takes(t, c, "a.two", "c.one")
	more := s.sets["more"]
	delete(s.sets, "more") // revoked: not named, not lost
	takes(t, c, "a.two")
	if err := c.Subscribe(ctx, bob, api.Subscriptions{Mode: "explicit", Tables: []string{"a.one"}}); err != nil {
		t.Fatal(err)
	}
	s.sets["more"] = more // granted again
	takes(t, c, "a.one", "c.one")
	if err := c.Subscribe(ctx, bob, api.Subscriptions{Mode: "explicit"}); err != nil {
		t.Fatal(err)
	}
	takes(t, c)
	if err := c.Subscribe(ctx, bob, api.Subscriptions{Mode: "all"}); err != nil {
		t.Fatal(err)
	}
	takes(t, c, "a.one", "a.two", "b.one", "c.one")
}

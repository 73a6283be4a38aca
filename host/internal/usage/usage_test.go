package usage_test

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/host/internal/store"
	"github.com/ai-data-analyst/broker/host/internal/usage"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// access is what people may see: by user id, prefixes of tables.
type access map[string]string

func (a access) Visible(_ context.Context, who sdk.Caller) (func(sdk.TableName) bool, string, error) {
	return func(t sdk.TableName) bool { return strings.HasPrefix(string(t), a[who.User.ID]) }, "", nil
}

func (a access) Authorize(_ context.Context, who sdk.Caller, action sdk.Action, table sdk.TableName) error {
	if action == sdk.Administer && who.User.Role != sdk.Admin {
		return fault.New(fault.Permission, "no")
	}
	if action == sdk.ReadTable && !strings.HasPrefix(string(table), a[who.User.ID]) {
		return fault.New(fault.NotFound, "no")
	}
	return nil
}

func (a access) Tokens(_ context.Context, who sdk.Caller) ([]sdk.Token, error) {
	return []sdk.Token{{ID: "t-" + who.User.ID, Label: "laptop of " + who.User.ID}}, nil
}

var tables = []sdk.TableName{"shop.orders", "shop.items", "hr.pay"}

func person(id string, role sdk.Role) sdk.Caller {
	return sdk.Caller{User: sdk.User{ID: id, Role: role}, TokenID: "t-" + id}
}

var ada, bob = person("ada", sdk.Admin), person("bob", sdk.Standard)

type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = t
}

func openBook(t *testing.T, address string, queue int) (*usage.Book, *clock, func()) {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{URL: address, Path: filepath.Join(t.TempDir(), "broker.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	c := &clock{at: time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)}
	book := usage.New(usage.Options{DB: s.DB(), Postgres: s.Dialect() == store.Postgres, Access: access{"bob": "shop."}, Queue: queue, Now: c.now,
		Teams: func(context.Context) ([]usage.Team, error) {
			return []usage.Team{{Name: "sales", Members: []string{"bob"}}, {Name: "none"}}, nil
		},
		Tables: func(_ context.Context, who sdk.Caller) ([]sdk.TableName, error) {
			if who.User.ID == "bob" {
				return tables[:2], nil
			}
			return tables, nil
		}, Log: slog.New(slog.DiscardHandler)})
	// write runs the book until everything noted is written.
	return book, c, func() {
		t.Helper()
		ended, end := context.WithCancel(t.Context())
		end()
		if err := book.Run(ended); err != nil {
			t.Fatal(err)
		}
	}
}

func eachDatabase(t *testing.T, test func(t *testing.T, address string)) {
	t.Run("sqlite", func(t *testing.T) { test(t, "sqlite") })
	base := os.Getenv("TEST_PG_URL")
	if base == "" {
		if os.Getenv("CI") == "true" {
			t.Error("TEST_PG_URL is not set: the suite must also run on Postgres")
		}
		return
	}
	t.Run("postgres", func(t *testing.T) {
		db, err := sql.Open("pgx", base)
		if err != nil {
			t.Fatal(err)
		}
		name := fmt.Sprintf("usage_test_%016x", rand.Uint64())
		if _, err := db.Exec("CREATE SCHEMA " + name); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if _, err := db.Exec("DROP SCHEMA " + name + " CASCADE"); err != nil {
				t.Error(err)
			}
			db.Close()
		})
		u, err := url.Parse(base)
		if err != nil {
			t.Fatal(err)
		}
		q := u.Query()
		q.Set("search_path", name)
		u.RawQuery = q.Encode()
		test(t, u.String())
	})
}

func TestUseIsCounted(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		book, clock, write := openBook(t, address, 0)
		book.Pulled(bob, 7, "analyst/1.0")
		for range 3 { // parts
			book.Fetched(bob, "shop.orders")
		}
		book.Pulled(bob, 8, "analyst/1.1")
		book.Fetched(bob, "shop.orders")
		write()
		clock.set(clock.now().AddDate(0, 0, 1))
		book.Asked(bob, `SELECT * FROM shop.orders o JOIN items i USING (id)`)
		book.Asked(ada, `SELECT * FROM hr.pay, shop.orders`)
		write()
		write()
		a, err := book.Activity(t.Context(), ada, 2)
		if err != nil {
			t.Fatal(err)
		}
		if a.People != 2 || a.Pulls != 2 || a.Queries != 2 || len(a.ByDay) != 2 || a.ByDay[0].Pulls != 2 || a.ByDay[1].Queries != 2 || a.ByDay[1].People != 2 || a.ByDay[0].Date != "2026-03-10" {
			t.Errorf("%+v", a)
		}
		if len(a.Tables) != 3 || a.Tables[0].Table != "shop.orders" || a.Tables[0].Pulls != 2 || a.Tables[0].Queries != 2 || a.Tables[0].People != 2 {
			t.Errorf("%+v", a.Tables)
		}
		if len(a.Groups) != 2 || a.Groups[0].Group != "sales" || a.Groups[0].Pulls != 2 || a.Groups[0].Queries != 1 || a.Groups[0].People != 1 {
			t.Errorf("%+v", a.Groups)
		}
		u, err := book.TableUse(t.Context(), ada, "shop.orders")
		if err != nil || !slices.Equal(u.With, []string{"hr.pay", "shop.items"}) || len(u.LastDays) != 30 || u.LastDays[29] != 2 || u.LastAt != "2026-03-11T12:00:00Z" {
			t.Errorf("%+v: %v", u, err)
		}
		m, err := book.Machines(t.Context(), bob)
		if err != nil || len(m.Machines) != 1 || m.Machines[0].Generation != 8 || m.Machines[0].Client != "analyst/1.1" || m.Machines[0].Label != "laptop of bob" ||
			m.Machines[0].PulledAt != "2026-03-10T12:00:00Z" {
			t.Errorf("%+v: %v", m, err)
		}
		if m, err := book.Machines(t.Context(), ada); err != nil || len(m.Machines) != 0 {
			t.Errorf("another's machines: %+v %v", m, err)
		}
	})
}

// Nothing of a table that is not granted is told, not even in a total.
func TestG12_UseIsNarrowed(t *testing.T) {
	book, _, write := openBook(t, "sqlite", 0)
	book.Asked(ada, `SELECT * FROM hr.pay`)
	book.Asked(ada, `SELECT * FROM hr.pay, shop.orders`)
	book.Fetched(ada, "hr.pay")
	book.Pulled(ada, 1, "x")
	write()
	a, err := book.Activity(t.Context(), bob, 30)
	if err != nil || a.Queries != 1 || a.Pulls != 0 || len(a.Tables) != 1 || a.Tables[0].Table != "shop.orders" || len(a.Groups) != 0 || a.People != 1 {
		t.Errorf("%+v: %v", a, err)
	}
	if u, err := book.TableUse(t.Context(), bob, "shop.orders"); err != nil || len(u.With) != 0 {
		t.Errorf("%+v: %v", u, err)
	}
	for _, table := range []sdk.TableName{"hr.pay", "hr.absent"} {
		if _, err := book.TableUse(t.Context(), bob, table); fault.CodeOf(err) != fault.NotFound {
			t.Errorf("%s: %v", table, err)
		}
	}
	for _, days := range []int{0, -1, 367} {
		if _, err := book.Activity(t.Context(), bob, days); fault.CodeOf(err) != fault.Config {
			t.Errorf("%d days: %v", days, err)
		}
	}
}

// Whoever notes never waits: what does not fit is dropped and counted.
func TestG16_AFullQueueDropsAndCounts(t *testing.T) {
	book, _, write := openBook(t, "sqlite", 2)
	for range 5 {
		book.Pulled(bob, 1, "x")
	}
	if book.Dropped() != 3 {
		t.Errorf("%d dropped", book.Dropped())
	}
	write()
	if a, err := book.Activity(t.Context(), ada, 1); err != nil || a.Pulls != 2 {
		t.Errorf("%+v: %v", a, err)
	}
}

func TestNamed(t *testing.T) {
	known := append(slices.Clone(tables), "crm.orders", "crm.people")
	for _, c := range []struct{ sql, want string }{
		{`SELECT 1`, ""},
		{`select * from shop.orders`, "shop.orders"},
		{`SELECT * FROM "shop"."items" i, people p WHERE p.x = 'from hr.pay'`, "crm.people shop.items"},
		{`SELECT * FROM orders`, ""}, // two have that name
		{`FROM lake.hr.pay`, "hr.pay"},
		{`WITH x AS (SELECT * FROM items) SELECT * FROM x JOIN (SELECT * FROM hr.pay) USING (id) -- FROM shop.orders`, "hr.pay shop.items"},
		{`SELECT items, pay FROM shop.orders ORDER BY items, pay`, "shop.orders"},
		{`SELECT /* FROM hr.pay */ * FROM SHOP . ORDERS`, "shop.orders"},
		{`DESCRIBE hr.pay`, "hr.pay"},
		{"", ""},
		{strings.Repeat("FROM (", 5000), ""},
	} {
		var got []string
		for _, name := range usage.Named(c.sql, known) {
			got = append(got, string(name))
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%.60s: %q, want %q", c.sql, got, c.want)
		}
	}
}

package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/ai-data-analyst/broker/host/internal/store"
)

// eachDatabase runs the same test on SQLite, and on Postgres when TEST_PG_URL names one, in a schema of its own.
func eachDatabase(t *testing.T, test func(t *testing.T, open func(extra ...store.Migrations) *store.Store)) {
	t.Run("sqlite", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "state", "broker.db")
		test(t, opener(t, store.Options{URL: "sqlite", Path: path}))
	})
	base := os.Getenv("TEST_PG_URL")
	if base == "" {
		if os.Getenv("CI") == "true" {
			t.Error("TEST_PG_URL is not set: the suite must also run on Postgres")
		}
		return
	}
	t.Run("postgres", func(t *testing.T) {
		test(t, opener(t, store.Options{URL: ownSchema(t, base)}))
	})
}

func opener(t *testing.T, options store.Options) func(extra ...store.Migrations) *store.Store {
	return func(extra ...store.Migrations) *store.Store {
		t.Helper()
		options.Extra = extra
		s, err := store.Open(context.Background(), options)
		if err != nil {
			t.Fatalf("open: %v", err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	}
}

// ownSchema makes a schema that is dropped after the test, and returns the URL that lives in it.
func ownSchema(t *testing.T, base string) string {
	t.Helper()
	db, err := sql.Open("pgx", base)
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("store_test_%016x", rand.Uint64())
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
	return u.String()
}

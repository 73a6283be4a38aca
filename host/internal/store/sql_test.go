package store_test

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ai-data-analyst/broker/host/internal/store"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// D22: a database without room is a failure that may pass, with advice, and it keeps what it has.
func TestD22_FullDatabase(t *testing.T) {
	s := opener(t, store.Options{Path: filepath.Join(t.TempDir(), "broker.db")})()
	must(t, s.Runs().Create(t.Context(), run("before", 0, "shop.orders")))
	s.DB().SetMaxOpenConns(1) // the limit holds for one connection
	if _, err := s.DB().Exec("PRAGMA max_page_count = 1"); err != nil {
		t.Fatal(err)
	}
	var err error
	for i := 0; i < 1000 && err == nil; i++ {
		err = s.Settings().Set(t.Context(), strings.Repeat("k", i+1), strings.Repeat("v", 4000), noon)
	}
	wantCode(t, err, fault.Transient)
	if fault.HelpOf(err) == "" {
		t.Errorf("no advice in %v", err)
	}
	if _, err := s.Runs().Find(t.Context(), "before"); err != nil {
		t.Errorf("what was there: %v", err)
	}
}

func TestReadOnlyDatabase(t *testing.T) {
	s := opener(t, store.Options{Path: filepath.Join(t.TempDir(), "broker.db")})()
	s.DB().SetMaxOpenConns(1)
	if _, err := s.DB().Exec("PRAGMA query_only = 1"); err != nil {
		t.Fatal(err)
	}
	wantCode(t, s.Settings().Set(t.Context(), "a", "b", noon), fault.Config)
}

// A run whose tables cannot be written is not there at all.
func TestRunIsWrittenWholeOrNotAtAll(t *testing.T) {
	eachDatabase(t, func(t *testing.T, open func(...store.Migrations) *store.Store) {
		s := open()
		if _, err := s.DB().Exec("DROP TABLE run_tables"); err != nil {
			t.Fatal(err)
		}
		err := s.Runs().Create(t.Context(), run("r1", 0, "shop.orders"))
		wantCode(t, err, fault.Bug)
		var n int
		must(t, s.DB().QueryRow("SELECT COUNT(*) FROM runs").Scan(&n))
		if n != 0 {
			t.Errorf("%d runs without their tables", n)
		}
	})
}

func TestPostgresThatIsNotThere(t *testing.T) {
	urls := map[string]fault.Code{"postgres://app:hunter2@127.0.0.1:1/x?connect_timeout=5": fault.Transient}
	if base := os.Getenv("TEST_PG_URL"); base != "" {
		u, err := url.Parse(base)
		must(t, err)
		u.Path = "/no_such_database"
		urls[u.String()] = fault.Config
	}
	for u, code := range urls {
		_, err := store.Open(t.Context(), store.Options{URL: u})
		wantCode(t, err, code)
		if err != nil && (fault.HelpOf(err) == "" || strings.Contains(err.Error(), "hunter2")) {
			t.Errorf("error = %v, help %q", err, fault.HelpOf(err))
		}
	}
}

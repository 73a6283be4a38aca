package audit_test

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/host/internal/audit"
	"github.com/ai-data-analyst/broker/host/internal/store"
)

// house is a state database with its folder.
type house struct {
	*audit.Log
	db       *sql.DB
	dir      string
	postgres bool
}

// open returns the log as another process would see it.
func (h *house) open(t *testing.T) *audit.Log {
	t.Helper()
	log, err := audit.Open(audit.Options{DB: h.db, Postgres: h.postgres, Dir: h.dir, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return log
}

func newHouse(t *testing.T, url string) *house {
	t.Helper()
	dir := t.TempDir()
	s, err := store.Open(t.Context(), store.Options{URL: url, Path: filepath.Join(dir, "broker.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	h := &house{db: s.DB(), dir: dir, postgres: s.Dialect() == store.Postgres}
	h.Log = h.open(t)
	return h
}

// eachDatabase runs a test on SQLite, and on Postgres when TEST_PG_URL names one.
func eachDatabase(t *testing.T, test func(t *testing.T, h *house)) {
	t.Run("sqlite", func(t *testing.T) { test(t, newHouse(t, "sqlite")) })
	base := os.Getenv("TEST_PG_URL")
	if base == "" {
		if os.Getenv("CI") == "true" {
			t.Error("TEST_PG_URL is not set: the suite must also run on Postgres")
		}
		return
	}
	t.Run("postgres", func(t *testing.T) { test(t, newHouse(t, ownSchema(t, base))) })
}

func ownSchema(t *testing.T, base string) string {
	t.Helper()
	db, err := sql.Open("pgx", base)
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("audit_test_%016x", rand.Uint64())
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

func (h *house) exec(t *testing.T, statement string) {
	t.Helper()
	if _, err := h.db.ExecContext(context.Background(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func (h *house) verdict(t *testing.T) audit.Verdict {
	t.Helper()
	v, err := h.Verify(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func (h *house) fill(t *testing.T, n int) {
	t.Helper()
	for i := range n {
		err := h.Record(t.Context(), audit.Entry{UserID: fmt.Sprint("u", i%3), Email: fmt.Sprintf("p%d@acme.com", i%3), Action: "tokens.create", Object: fmt.Sprint("t", i), Via: "api"})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func newBench(b *testing.B) *audit.Log {
	b.Helper()
	dir := b.TempDir()
	s, err := store.Open(b.Context(), store.Options{URL: "sqlite", Path: filepath.Join(dir, "broker.db")})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	log, err := audit.Open(audit.Options{DB: s.DB(), Dir: dir, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	return log
}

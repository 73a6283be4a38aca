package catalog_test

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	icecatalog "github.com/apache/iceberg-go/catalog"
	"github.com/apache/iceberg-go/catalog/catalogtest"
	"github.com/google/uuid"
	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite"

	"github.com/ai-data-analyst/broker/host/internal/lake/catalog"
	"github.com/ai-data-analyst/broker/host/internal/lake/disk"
)

// database is one kind of database that the contract holds on.
type database struct {
	name     string
	postgres bool
	open     func(t *testing.T) *sql.DB
}

// databases are SQLite, and Postgres where TEST_PG_URL names a server.
func databases() []database {
	all := []database{{name: "sqlite", open: openSQLite}}
	if os.Getenv("TEST_PG_URL") != "" {
		all = append(all, database{name: "postgres", postgres: true, open: openPostgres})
	}
	return all
}

func openSQLite(t *testing.T) *sql.DB {
	t.Helper()
	dsn := "file:" + filepath.Join(t.TempDir(), "broker.db") + "?_pragma=journal_mode(wal)&_pragma=synchronous(full)&_pragma=busy_timeout(10000)"
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	migrate(t, db, goose.DialectSQLite3)
	return db
}

// openPostgres gives each test a schema of its own.
func openPostgres(t *testing.T) *sql.DB {
	t.Helper()
	url := os.Getenv("TEST_PG_URL")
	admin, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	schema := "lake_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	if _, err := admin.Exec("CREATE SCHEMA " + schema); err != nil {
		t.Fatal(err)
	}
	separator := "?"
	if strings.Contains(url, "?") {
		separator = "&"
	}
	db, err := sql.Open("pgx", url+separator+"search_path="+schema)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		db.Close()
		if _, err := admin.Exec("DROP SCHEMA " + schema + " CASCADE"); err != nil {
			t.Error(err)
		}
		admin.Close()
	})
	migrate(t, db, goose.DialectPostgres)
	return db
}

func migrate(t *testing.T, db *sql.DB, dialect goose.Dialect) {
	t.Helper()
	provider, err := goose.NewProvider(dialect, db, catalog.Migrations(), goose.WithTableName("lake_db_version"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := provider.Up(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// newCatalog returns an empty catalog on d whose clock stands still until it is moved.
func newCatalog(t *testing.T, d database) (*catalog.Catalog, *clock) {
	t.Helper()
	files := disk.IO{FS: disk.OS{}, Root: t.TempDir()}
	now := &clock{at: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	return &catalog.Catalog{DB: d.open(t), Postgres: d.postgres, IO: files, Root: strings.TrimRight(files.URL(""), "/"), Now: now.Now}, now
}

type clock struct{ at time.Time }

func (c *clock) Now() time.Time { return c.at }

func onEach(t *testing.T, test func(t *testing.T, d database)) {
	t.Helper()
	for _, d := range databases() {
		t.Run(d.name, func(t *testing.T) { test(t, d) })
	}
}

// The suite that iceberg-go has for every catalog.
func TestConformance(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		catalogtest.RunCatalogTests(t, catalogtest.Config{
			NewCatalog:                  func(t *testing.T) icecatalog.Catalog { c, _ := newCatalog(t, d); return c },
			SupportsNamespaceProperties: true,
		})
	})
}

func TestMigrationsGoBothWays(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		db := d.open(t)
		dialect := goose.DialectSQLite3
		if d.postgres {
			dialect = goose.DialectPostgres
		}
		provider, err := goose.NewProvider(dialect, db, catalog.Migrations(), goose.WithTableName("lake_db_version"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := provider.DownTo(context.Background(), 0); err != nil {
			t.Fatalf("down: %v", err)
		}
		if _, err := provider.Up(context.Background()); err != nil {
			t.Fatalf("up again: %v", err)
		}
		var n int
		if err := db.QueryRow("SELECT value FROM lake_seq").Scan(&n); err != nil || n != 0 {
			t.Fatalf("lake_seq is %d, %v", n, err)
		}
	})
}

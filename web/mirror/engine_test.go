package mirror_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/duckdb/duckdb-go/v2" // the engine that views are made for

	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/client/clienttest"
	"github.com/ai-data-analyst/broker/web/mirror"
)

// duckdb builds real databases.
type duckdb struct{}

func (duckdb) Build(ctx context.Context, path string, statements []string) error {
	db, err := sql.Open("duckdb", path)
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	for _, s := range statements {
		if _, err := db.ExecContext(ctx, s); err != nil {
			return fmt.Errorf("%.100s: %w", s, err)
		}
	}
	return nil
}

// G1: who has the database open keeps what they saw; who opens it after a pull sees the new generation, whole.
func TestG1_ReadersKeepTheirGeneration(t *testing.T) {
	dir := t.TempDir()
	maker, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer maker.Close()
	s := clienttest.New(t)
	part := func(from, to int) api.Part {
		path := filepath.Join(dir, fmt.Sprint(from, to))
		if _, err := maker.Exec(fmt.Sprintf("COPY (SELECT range AS id FROM range(%d, %d)) TO '%s' (FORMAT parquet, FIELD_IDS {id: 1})", from, to, path)); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return s.Blob(text, int64(to-from))
	}
	first := part(0, 10)
	s.Publish(nil, clienttest.Table("shop.orders", 1, first), clienttest.Table("shop.empty", 1))
	w, from := workspace(t, s), source(t, s)
	engine := func(o *mirror.PullOptions) { o.Builder = duckdb{} }
	pull(t, w, from, engine)
	reader, err := sql.Open("duckdb", w.Database()+"?access_mode=READ_ONLY")
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	count := func(db *sql.DB) (n int) {
		if err := db.QueryRow("SELECT count(*) + (SELECT count(*) FROM shop.empty) FROM orders").Scan(&n); err != nil {
			t.Error(err)
		}
		return n
	}
	if n := count(reader); n != 10 {
		t.Errorf("%d rows", n)
	}
	s.Publish(nil, clienttest.Table("shop.orders", 2, first, part(10, 15)), clienttest.Table("shop.empty", 1))
	pull(t, w, from, engine)
	if n := count(reader); n != 10 {
		t.Errorf("the open one shows %d rows", n)
	}
	again, err := sql.Open("duckdb", filepath.Join(w.Dir, "user/duckdb/copy.duckdb"))
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if _, err := again.Exec("ATTACH '" + strings.ReplaceAll(w.Database(), "'", "''") + "' AS b (READ_ONLY)"); err != nil {
		t.Fatal(err)
	}
	var n, sum int
	if err := again.QueryRow("SELECT count(*), CAST(sum(id) AS INTEGER) FROM b.shop.orders").Scan(&n, &sum); err != nil || n != 15 || sum != 105 {
		t.Errorf("%d rows, sum %d, %v", n, sum, err)
	}
}

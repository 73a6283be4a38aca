//go:build cgo

package engine_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/sdk/service"
)

// attempts try to read, write, load, set or learn what is not the asker's. $SECRET is a file of somebody else, $OTHER a
// part of a table that the asker does not have, $OWN one of the asker's parts, $OUT a file that is not there yet.
var attempts = []string{
	// Files read.
	`SELECT * FROM read_csv('$SECRET')`,
	`SELECT * FROM read_csv_auto('$SECRET')`,
	`SELECT * FROM read_text('$SECRET')`,
	`SELECT * FROM read_blob('$SECRET')`,
	`SELECT * FROM read_json('$SECRET')`,
	`SELECT * FROM read_json_objects('$SECRET')`,
	`SELECT * FROM read_ndjson_objects('$SECRET')`,
	`SELECT * FROM '$SECRET'`,
	`FROM '$SECRET'`,
	`SELECT * FROM "$SECRET"`,
	`SELECT * FROM 'file://$SECRET'`,
	`SELECT * FROM read_parquet('$OTHER')`,
	`SELECT * FROM parquet_scan('$OTHER')`,
	`SELECT * FROM '$OTHER'`,
	`SELECT * FROM read_parquet(['$OWN', '$OTHER'])`,
	`SELECT * FROM parquet_metadata('$OTHER')`,
	`SELECT * FROM parquet_schema('$OTHER')`,
	`SELECT * FROM parquet_kv_metadata('$OTHER')`,
	`SELECT * FROM glob('$DIR/*')`,
	`SELECT * FROM read_csv('$DIR/../../*')`,
	`SELECT * FROM sniff_csv('$SECRET')`,
	`FROM read_duckdb('$SECRET')`,
	`SELECT * FROM orders, LATERAL (SELECT * FROM read_text('$SECRET'))`,
	`SELECT (SELECT content FROM read_text('$SECRET'))`,
	`WITH s AS MATERIALIZED (SELECT * FROM read_text('$SECRET')) SELECT * FROM s`,
	`SELECT * FROM (VALUES (1)) t(x) WHERE x IN (SELECT 1 FROM read_text('$SECRET'))`,
	`SELECT * FROM main.READ_TEXT('$SECRET')`,
	`SELECT * FROM system.main."read_text"('$SECRET')`,
	`SELECT * FROM query('SELECT * FROM read_text(''$SECRET'')')`,
	`SELECT * FROM query_table(['$SECRET'])`,
	`DESCRIBE SELECT * FROM read_text('$SECRET')`,
	`SUMMARIZE SELECT * FROM read_text('$SECRET')`,
	`EXPLAIN SELECT * FROM read_csv('$SECRET')`,
	`EXPLAIN ANALYZE SELECT * FROM read_text('$SECRET')`,
	`SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT * FROM read_text(''$SECRET'')'))`,
	`SELECT * FROM orders UNION ALL SELECT 1, content, NULL FROM read_text('$SECRET')`,
	`SELECT * FROM read_text('http://127.0.0.1:9/x')`,
	`SELECT * FROM 's3://bucket/x.parquet'`,
	// Files written.
	`COPY (SELECT 1) TO '$OUT'`,
	`COPY orders TO '$OUT' (FORMAT parquet)`,
	`COPY (SELECT 1) TO '$OWN' (FORMAT parquet, USE_TMP_FILE false)`,
	`EXPLAIN ANALYZE COPY (SELECT 1) TO '$OUT'`,
	`EXPLAIN ANALYZE COPY (SELECT 1) TO '$OWN' (FORMAT parquet, USE_TMP_FILE false)`,
	`EXPLAIN /* x */ ANALYZE COPY (SELECT 1) TO '$OWN' (FORMAT parquet, USE_TMP_FILE false)`,
	`EXPLAIN (ANALYZE) COPY (SELECT 1) TO '$OUT'`,
	`EXPORT DATABASE '$OUT'`,
	`IMPORT DATABASE '$DIR'`,
	`SELECT * FROM enable_logging('QueryLog', storage := 'file', storage_path := '$OUT')`,
	`CALL enable_logging(storage='file', storage_config={'path':'$OUT'})`,
	`SELECT write_log('x')`,
	`PRAGMA enable_profiling='json'`,
	`PRAGMA profiling_output='$OUT'`,
	// Databases, extensions, settings.
	`ATTACH '$OUT'`,
	`ATTACH '$SECRET' AS s (READ_ONLY)`,
	`INSTALL httpfs`,
	`LOAD httpfs`,
	`LOAD '$SECRET'`,
	`SET allowed_paths = ['$SECRET']`,
	`SET enable_external_access = true`,
	`SET lock_configuration = false`,
	`RESET allowed_paths`,
	`SET memory_limit = '100GB'`,
	`SET VARIABLE x = 1`,
	`PRAGMA threads = 64`,
	`CREATE SECRET s (TYPE s3)`,
	`CREATE TABLE t AS SELECT 1`,
	`CREATE TEMP TABLE t AS SELECT 1`,
	`CREATE MACRO f() AS TABLE SELECT * FROM read_text('$SECRET')`,
	`CREATE OR REPLACE VIEW orders AS SELECT 1`,
	`INSERT INTO orders VALUES (1)`,
	`UPDATE orders SET id = 1`,
	`DELETE FROM orders`,
	`DROP VIEW orders`,
	`CHECKPOINT`,
	`VACUUM`,
	`PREPARE p AS SELECT 1`,
	`EXECUTE p`,
	`BEGIN; COPY (SELECT 1) TO '$OUT'; COMMIT`,
	`SELECT 1; COPY (SELECT 1) TO '$OUT'`,
	"SELECT 1 --\n; COPY (SELECT 1) TO '$OUT'",
	`SELECT 1; SELECT 2`,
	"SELECT 1\x00; COPY (SELECT 1) TO '$OUT'",
	`PIVOT orders ON status`,
	// The server, and memory that is not the query's.
	`SELECT getenv('HOME')`,
	`SELECT current_setting('allowed_paths')`,
	`SELECT current_setting('secret_directory')`,
	`SELECT * FROM duckdb_settings()`,
	`FROM duckdb_settings`,
	`SELECT * FROM pg_catalog.pg_settings`,
	`SUMMARIZE pg_settings`,
	`SELECT * FROM duckdb_secrets()`,
	`SELECT * FROM duckdb_logs()`,
	`SELECT * FROM duckdb_temporary_files()`,
	`SELECT * FROM duckdb_extensions()`,
	`SELECT * FROM arrow_scan(1, 2, 3)`,
	`SELECT * FROM arrow_scan_dumb(1::POINTER, 2, 3)`,
	`SELECT sleep_ms(100000)`,
	`SELECT (100000).sleep_ms()`,
	`SELECT pg_sleep(100)`,
	// Tables of others.
	`SELECT * FROM hr.salaries`,
	`SELECT * FROM salaries`,
	`SELECT * FROM memory.hr.salaries`,
	`SELECT * FROM "$OTHER"`,
}

// G9, G12: nothing outside what came with the query is read, written or told.
func TestG12_NoWayOut(t *testing.T) {
	table, dir := orders(t), t.TempDir()
	const canary = "canary-7f3a"
	secret, other, out := filepath.Join(dir, "secret.csv"), filepath.Join(dir, "salaries.parquet"), filepath.Join(dir, "out")
	if err := os.WriteFile(secret, []byte("name\n"+canary+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	write(t, "COPY (SELECT '"+canary+"' AS name) TO '"+other+"' (FORMAT parquet)")
	before := state(t, dir, filepath.Dir(table.Parts[0]))
	q := session(t, `{"timeout": "10s"}`)
	names := strings.NewReplacer("$SECRET", secret, "$OTHER", other, "$OWN", table.Parts[0], "$OUT", out, "$DIR", dir)
	for _, attempt := range attempts {
		sql := names.Replace(attempt)
		_, rows, err := ask(t.Context(), q, service.QueryRequest{SQL: sql, Tables: []service.Table{table}})
		if fault.CodeOf(err) != fault.Config {
			t.Errorf("%s: %v %v, want a refusal", attempt, rows, err)
		}
		if err != nil && strings.Contains(err.Error(), canary) {
			t.Errorf("%s: the refusal tells what it hides: %v", attempt, err)
		}
		if after := state(t, dir, filepath.Dir(table.Parts[0])); after != before {
			t.Fatalf("%s: files changed from\n%s to\n%s", attempt, before, after)
		}
	}
	t.Logf("%d attempts", len(attempts))
	if got := one(t, q, service.QueryRequest{SQL: "SELECT count(*) FROM orders", Tables: []service.Table{table}}); got != "1500" {
		t.Errorf("afterwards: %s", got)
	}
}

// What is answered tells nothing of other people's tables or of the server's folders.
func TestG12_TheCatalogIsTheAskersOwn(t *testing.T) {
	q, table := session(t, `{}`), orders(t)
	server := filepath.Dir(table.Parts[0])
	for _, sql := range []string{
		"SHOW ALL TABLES", "SHOW TABLES", "SHOW DATABASES", "DESCRIBE orders", "SUMMARIZE orders", "SELECT * FROM duckdb_views()", "SELECT * FROM information_schema.views",
		"SELECT * FROM information_schema.columns", "SELECT * FROM duckdb_columns()", "SELECT * FROM sqlite_master", "SELECT * FROM pg_catalog.pg_views",
		"EXPLAIN SELECT * FROM orders", "EXPLAIN ANALYZE SELECT * FROM orders", "SELECT * FROM duckdb_schemas()", "SELECT * FROM pragma_table_info('shop.orders')",
	} {
		_, rows, err := ask(t.Context(), q, service.QueryRequest{SQL: sql, Tables: []service.Table{table}})
		if err != nil {
			t.Errorf("%s: %v", sql, err)
		}
		if text := fmt.Sprint(rows); strings.Contains(text, "salaries") || strings.Contains(text, server) {
			t.Errorf("%s tells too much: %.300s", sql, text)
		}
	}
}

// state is what lies in the folders: names and contents.
func state(t *testing.T, dirs ...string) string {
	t.Helper()
	var all strings.Builder
	for _, dir := range dirs {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			text, err := os.ReadFile(filepath.Join(dir, e.Name()))
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&all, "%s %x\n", e.Name(), sha256.Sum256(text))
		}
	}
	return all.String()
}

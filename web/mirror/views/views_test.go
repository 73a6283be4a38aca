package views_test

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	_ "github.com/duckdb/duckdb-go/v2" // the engine that the statements are for

	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/mirror/views"
)

// open returns a DuckDB database, "" = in memory, on one connection.
func open(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("duckdb", path)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { db.Close() })
	return db
}

func run(t *testing.T, db *sql.DB, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := db.Exec(s); err != nil {
			t.Fatalf("%.300s: %v", s, err)
		}
	}
}

func ask(t *testing.T, db *sql.DB, query string) string {
	t.Helper()
	var out string
	if err := db.QueryRow("SELECT CAST((" + query + ") AS VARCHAR)").Scan(&out); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return out
}

// parts writes Parquet files with field ids into a folder whose name is full of traps, and returns the path of each.
func parts(t *testing.T, selects ...string) func(string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "it's [a] *star* here")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Skipf("this file system takes no such name: %v", err)
	}
	path := func(sha256 string) string { return filepath.Join(dir, sha256+".parquet") }
	db := open(t, "")
	for i, s := range selects {
		run(t, db, fmt.Sprintf("COPY (SELECT %s) TO '%s' (FORMAT parquet, FIELD_IDS 'auto')", s, strings.ReplaceAll(path(hash(i)), "'", "''")))
	}
	return path
}

func hash(i int) string { return fmt.Sprintf("%064x", i) }

func table(name string, columns []api.Column, hashes ...string) api.Table {
	namespace, short, _ := strings.Cut(name, ".")
	t := api.Table{Name: name, Namespace: namespace, Table: short, Columns: slices.Clone(columns)}
	for i := range t.Columns {
		t.Columns[i].ID = i // as FIELD_IDS 'auto' counts
	}
	for _, h := range hashes {
		t.Parts = append(t.Parts, api.Part{SHA256: h})
	}
	return t
}

func TestViewsShowWhatPartsHold(t *testing.T) {
	// Two parts: in the older one, column 2 had another name and column 3 was not there.
	path := parts(t, "1::BIGINT AS id, 'ada' AS old_name", "2::BIGINT AS id, 'bob' AS name, DATE '2026-01-02' AS since")
	m := api.Manifest{Tables: []api.Table{
		table("crm.people", []api.Column{{Name: "id", Type: "BIGINT"}, {Name: `na"me`, Type: "VARCHAR", Description: "it's a name; DROP TABLE x"}, {Name: "since", Type: "DATE"}}, hash(0), hash(1)),
		table("shop.empty", []api.Column{{Name: "a", Type: `STRUCT("x y" BIGINT, "q""q" VARCHAR[])`}, {Name: "b", Type: "DECIMAL(18,2)"}, {Name: "c", Type: "TIMESTAMP WITH TIME ZONE"}, {Name: "d", Type: "MAP(VARCHAR, BIGINT)"}}),
	}}
	m.Tables[0].Description = "People's table"
	statements, notes := views.Statements(m, path, nil)
	if len(notes) > 0 {
		t.Errorf("notes %q", notes)
	}
	file := filepath.Join(t.TempDir(), "analytics.duckdb")
	db := open(t, file)
	run(t, db, statements...)
	run(t, db, statements...) // again over the same
	for query, want := range map[string]string{
		"SELECT count(*) FROM crm.people":                          "2",
		`SELECT string_agg("na""me", ',' ORDER BY id) FROM people`: "ada,bob",
		"SELECT count(since) FROM main.people":                     "1",
		"SELECT count(*) FROM empty":                               "0",
		"SELECT string_agg(data_type, '; ' ORDER BY column_index) FROM duckdb_columns() WHERE table_name = 'empty' AND schema_name = 'shop'": `STRUCT("x y" BIGINT, "q""q" VARCHAR[]); DECIMAL(18,2); TIMESTAMP WITH TIME ZONE; MAP(VARCHAR, BIGINT)`,
		"SELECT comment FROM duckdb_views() WHERE view_name = 'people' AND schema_name = 'crm'":                                              "People's table",
		"SELECT DISTINCT comment FROM duckdb_columns() WHERE comment IS NOT NULL":                                                            "it's a name; DROP TABLE x",
	} {
		if got := ask(t, db, query); got != want {
			t.Errorf("%s = %q, want %q", query, got, want)
		}
	}
	db.Close()
	other := open(t, "")
	run(t, other, "ATTACH '"+file+"' AS broker (READ_ONLY)")
	if got := ask(t, other, "SELECT count(*) FROM broker.main.people"); got != "2" {
		t.Errorf("attached: %s rows", got)
	}
}

func TestNamesThatClash(t *testing.T) {
	path := parts(t, "7::BIGINT AS id")
	id := []api.Column{{Name: "id", Type: "BIGINT"}}
	m := api.Manifest{Tables: []api.Table{table("analytics.a", id, hash(0)), table("crm.orders", id, hash(0)), table("main.solo", id, hash(0)), table("main.twice", id, hash(0)), table("memory.m", id, hash(0)),
		table("mine.x", id, hash(0)), table("shop.orders", id, hash(0)), table("shop.twice", id, hash(0)), table("system.s", id, hash(0)), table("temp.t", id, hash(0))}}
	statements, notes := views.Statements(m, path, nil)
	if got := strings.Join(notes, "\n"); strings.Count(got, "no view") != 2 || strings.Count(got, "no short name") != 3 || !strings.Contains(got, "analytics.analytics") {
		t.Errorf("notes:\n%s", got)
	}
	for _, file := range []string{filepath.Join(t.TempDir(), "analytics.duckdb"), ""} {
		db := open(t, file)
		run(t, db, statements...)
		for _, name := range []string{"a", "crm.orders", "shop.orders", "solo", "main.twice", "shop.twice", "m", "x", "mine.x"} {
			if got := ask(t, db, "SELECT id FROM "+name); got != "7" {
				t.Errorf("%s: %s", name, got)
			}
		}
	}
}

func TestOnlyWhatIsWanted(t *testing.T) {
	id := []api.Column{{Name: "id", Type: "BIGINT"}}
	m := api.Manifest{Tables: []api.Table{table("crm.orders", id), table("shop.orders", id)}}
	statements, notes := views.Statements(m, nil, []string{"shop.orders"})
	if text := views.Script(statements); strings.Contains(text, "crm") || len(notes) > 0 {
		t.Errorf("%s%q", text, notes)
	}
	if statements, _ := views.Statements(m, nil, []string{}); len(statements) != 1 {
		t.Errorf("nothing wanted: %q", statements)
	}
}

// G15: a type is text from outside; what is no type never reaches SQL.
func TestG15_TypesAreNoSQL(t *testing.T) {
	for _, typ := range []string{"", "BIGINT)", "BIGINT; DROP TABLE x", "BIGINT) AS a, (SELECT 1", "VARCHAR -- x", "STRUCT(a)", "STRUCT()", `STRUCT("a BIGINT)`, "MAP(BIGINT)", "DECIMAL(1", "DECIMAL(a,b)",
		"bigint", "BIGINT[", "BIGINT[x]", "ENUM('a')", "INTEGER USING 1", strings.Repeat("MAP(VARCHAR, ", 200)} {
		m := api.Manifest{Tables: []api.Table{table("shop.x", []api.Column{{Name: "a", Type: typ}})}}
		statements, notes := views.Statements(m, nil, nil)
		if len(notes) != 1 || len(statements) != 1 {
			t.Errorf("%q became SQL: %q", typ, statements)
		}
	}
	for _, typ := range []string{"BIGINT[3][]", "STRUCT(a BIGINT, b STRUCT(c DATE)[])", "MAP(VARCHAR, MAP(BIGINT, TIME))", "TIMESTAMP", "UUID"} {
		m := api.Manifest{Tables: []api.Table{table("shop.x", []api.Column{{Name: "a", Type: typ}})}}
		statements, notes := views.Statements(m, nil, nil)
		if len(notes) != 0 {
			t.Errorf("%q is not known", typ)
		}
		run(t, open(t, ""), statements...)
	}
}

func TestHostileNamesStayNames(t *testing.T) {
	path := parts(t, "1::BIGINT AS id")
	hostile := "x\" ; DROP SCHEMA main; -- '\x00\u202e"
	m := api.Manifest{Tables: []api.Table{table("shop.x", []api.Column{{Name: hostile, Type: "BIGINT", Description: hostile}}, hash(0))}}
	m.Tables[0].Description = hostile
	statements, _ := views.Statements(m, path, nil)
	db := open(t, "")
	for _, s := range statements {
		if _, err := db.Exec(s); err != nil && !strings.Contains(err.Error(), "x") {
			t.Fatal(err)
		}
	}
	if got := ask(t, db, "SELECT count(*) FROM duckdb_schemas() WHERE schema_name = 'main' AND database_name = 'memory'"); got != "1" {
		t.Error("main is gone")
	}
}

func TestThousandsOfParts(t *testing.T) {
	path := parts(t, "1::BIGINT AS id")
	var hashes []string
	for range 5000 {
		hashes = append(hashes, hash(0))
	}
	m := api.Manifest{Tables: []api.Table{table("shop.big", []api.Column{{Name: "id", Type: "BIGINT"}}, hashes...)}}
	statements, _ := views.Statements(m, path, nil)
	db := open(t, "")
	run(t, db, statements...)
	if got := ask(t, db, "SELECT sum(id) FROM big"); got != "5000" {
		t.Errorf("sum %s", got)
	}
}

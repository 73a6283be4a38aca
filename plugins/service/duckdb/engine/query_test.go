//go:build cgo

package engine_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/sdk/service"
)

// A renamed column is found by its field id, a later one is NULL in older parts (lake.md §5).
func TestColumnsAreFoundByFieldID(t *testing.T) {
	q, table := session(t, `{}`), orders(t)
	_, rows, err := ask(t.Context(), q, service.QueryRequest{SQL: "SELECT status, count(*), sum(total) FROM shop.orders GROUP BY 1 ORDER BY 1", Tables: []service.Table{table}})
	if want := "[[new 1000 (null)] [paid 500 750]]"; err != nil || strings.ReplaceAll(fmt.Sprint(rows), ".00", "") != want {
		t.Errorf("%v %v, want %s", rows, err, want)
	}
}

func TestNamesOfTables(t *testing.T) {
	q, table := session(t, `{}`), orders(t)
	other, mine, empty := table, table, table
	other.Namespace, mine.Name, empty.Name = "crm", "mine", "empty"
	mine.Namespace, empty.Parts = "main", nil
	tables := []service.Table{table, other, mine, empty}
	for sql, want := range map[string]string{
		"SELECT count(*) FROM shop.orders": "1500", "SELECT count(*) FROM crm.orders": "1500", "SELECT count(*) FROM mine": "1500",
		"SELECT count(*) FROM main.mine": "1500", "SELECT count(*) FROM empty": "0",
		"SELECT string_agg(table_schema || '.' || table_name, ' ' ORDER BY table_schema, table_name) FROM information_schema.tables": "crm.orders main.empty main.mine shop.empty shop.orders",
	} {
		if got := one(t, q, service.QueryRequest{SQL: sql, Tables: tables}); got != want {
			t.Errorf("%s: %s, want %s", sql, got, want)
		}
	}
	if _, _, err := ask(t.Context(), q, service.QueryRequest{SQL: "SELECT * FROM orders", Tables: tables}); fault.CodeOf(err) != fault.Config {
		t.Errorf("a name that two tables share: %v", err)
	}
}

func TestManyParts(t *testing.T) {
	q, table := session(t, `{}`), many(t, 1500)
	if got := one(t, q, service.QueryRequest{SQL: "SELECT count(DISTINCT id) FROM orders", Tables: []service.Table{table}}); got != "1000" {
		t.Errorf("%s ids", got)
	}
}

// Every type of DuckDB travels, as itself or as text, or is refused in words (G7).
func TestTypes(t *testing.T) {
	q := session(t, `{}`)
	for sql, want := range map[string]string{
		"true": "BOOLEAN true", "1::TINYINT": "TINYINT 1", "(-32768)::SMALLINT": "SMALLINT -32768", "7::INTEGER": "INTEGER 7",
		"9223372036854775807": "BIGINT 9223372036854775807", "255::UTINYINT": "UTINYINT 255", "65535::USMALLINT": "USMALLINT 65535",
		"4294967295::UINTEGER": "UINTEGER 4294967295", "18446744073709551615::UBIGINT": "UBIGINT 18446744073709551615",
		"170141183460469231731687303715884105::HUGEINT": "HUGEINT 170141183460469231731687303715884105", "(-5)::HUGEINT": "HUGEINT -5",
		"5::UHUGEINT": "UHUGEINT 5", "1.25::DECIMAL(3,2)": "DECIMAL(3,2) 1.25", "(-1.5)::DECIMAL(9,1)": "DECIMAL(9,1) -1.5",
		"123456789.125::DECIMAL(18,3)": "DECIMAL(18,3) 123456789.125", "1::DECIMAL(38,10)": "DECIMAL(38,10) 1",
		"1.5::FLOAT": "FLOAT 1.5", "2.5::DOUBLE": "DOUBLE 2.5", "''": "VARCHAR ", "'a longer text than twelve bytes, ž'": "VARCHAR a longer text than twelve bytes, ž",
		"'ab'::BLOB": "BLOB YWI=", "DATE '2024-02-29'": "DATE 2024-02-29", "TIME '12:34:56.5'": "TIME 12:34:56.500000",
		"TIMESTAMP '2024-02-29 01:02:03.000004'": "TIMESTAMP 2024-02-29 01:02:03.000004Z", "'2024-01-01 00:00:00+00'::TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE 2024-01-01 00:00:00Z",
		"TIMESTAMP_S '2024-01-01 00:00:01'": "TIMESTAMP_S 2024-01-01 00:00:01Z", "TIMESTAMP_MS '2024-01-01 00:00:00.001'": "TIMESTAMP_MS 2024-01-01 00:00:00.001Z",
		"TIMESTAMP_NS '2024-01-01 00:00:00.000000001'": "TIMESTAMP_NS 2024-01-01 00:00:00.000000001",
		"'12:00:00+02'::TIMETZ":                        "TIME WITH TIME ZONE 12:00:00+02",
		"INTERVAL '1 year 2 months 3 days 04:05:06.5'": "INTERVAL 1 year 2 months 3 days 04:05:06.5",
		"'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::UUID": "UUID a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "'{\"a\": 1}'::JSON": "JSON {\"a\": 1}",
		"'b'::ENUM('a', 'b')": "ENUM b", "[1, NULL, 3]": "INTEGER[] [1,null,3]", "[[1], []]": "INTEGER[][] [[1],[]]", "array_value(1, 2)": "INTEGER[2] [1,2]",
		"{'a b': 1, 'c': 'x\"y', 'd': NULL::DATE}": `STRUCT("a b" INTEGER, "c" VARCHAR, "d" DATE) {"a b":1,"c":"x\"y","d":null}`,
		"MAP {1: [DATE '2024-01-01'], 2: NULL}":    `MAP(INTEGER, DATE[]) {"1":["2024-01-01"],"2":null}`, "[12345678901]": `BIGINT[] ["12345678901"]`,
		"['NaN'::DOUBLE, 1.5]": "DOUBLE[] [null,1.5]", "NULL::VARCHAR": "VARCHAR (null)", "NULL": "INTEGER (null)", "NULL::INTEGER[]": "INTEGER[] (null)",
	} {
		columns, rows, err := ask(t.Context(), q, service.QueryRequest{SQL: "SELECT " + sql + " AS v"})
		if err != nil || len(rows) != 1 {
			t.Errorf("%s: %v %v", sql, rows, err)
			continue
		}
		if got := columns[0].EngineType + " " + rows[0][0]; got != want {
			t.Errorf("%s: %q, want %q", sql, got, want)
		}
	}
	for _, sql := range []string{"'101'::BIT", "union_value(a := 1)", "170141183460469231731687303715884105727::HUGEINT"} {
		_, _, err := ask(t.Context(), q, service.QueryRequest{SQL: "SELECT " + sql + " AS v"})
		if fault.CodeOf(err) != fault.Data || !strings.Contains(err.Error(), `column "v"`) {
			t.Errorf("%s: %v", sql, err)
		}
	}
}

func TestManyRowsInOrder(t *testing.T) {
	q := session(t, `{"threads": 2}`)
	_, rows, err := ask(t.Context(), q, service.QueryRequest{SQL: "SELECT range, CASE WHEN range % 3 = 0 THEN NULL ELSE 'row ' || range END FROM range(100000) ORDER BY range", Limit: 100_000})
	if err != nil || len(rows) != 100_000 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for i, row := range rows {
		want := "(null)"
		if i%3 != 0 {
			want = fmt.Sprintf("row %d", i)
		}
		if row[0] != fmt.Sprint(i) || row[1] != want {
			t.Fatalf("row %d: %v", i, row)
		}
	}
}

// What a statement costs beyond its limits ends it alone; the next one is answered (G16).
func TestBombs(t *testing.T) {
	q := session(t, `{"memory_mb": 128, "timeout": "30s"}`)
	for _, sql := range []string{
		"SELECT list(range) FROM range(1000000000)",
		"SELECT string_agg(range::VARCHAR, ',') FROM range(1000000000)",
		"SELECT count(*) FROM (SELECT DISTINCT range, random() FROM range(1000000000))",
		"SELECT repeat('x', 9000000)",
	} {
		_, _, err := ask(t.Context(), q, service.QueryRequest{SQL: sql})
		if fault.CodeOf(err) != fault.Data {
			t.Errorf("%s: %v, want a fault of class data", sql, err)
		}
	}
	for _, sql := range []string{strings.Repeat("(", 5000) + "SELECT 1" + strings.Repeat(")", 5000), "SELECT " + strings.Repeat("1+", 20000) + "1",
		"SELECT " + strings.Repeat("[", 3000) + strings.Repeat("]", 3000)} {
		if _, _, err := ask(t.Context(), q, service.QueryRequest{SQL: sql}); err == nil {
			t.Logf("%.20s… is answered", sql)
		}
	}
	if got := one(t, q, service.QueryRequest{SQL: "SELECT 1"}); got != "1" {
		t.Errorf("afterwards: %s", got)
	}
}

// A query leaves nothing in the engine's folder, and the engine nothing in the host's.
func TestNothingStays(t *testing.T) {
	dir := t.TempDir()
	q, end := open(t, `{"scratch_mb": 64, "memory_mb": 64}`, dir)
	sorted := "SELECT max(r) FROM (SELECT range, random() AS r FROM range(3000000) ORDER BY r)"
	for _, sql := range []string{"SELECT count(*) FROM orders", "SELECT * FROM nothing", sorted} {
		_, _, err := ask(t.Context(), q, service.QueryRequest{SQL: sql, Tables: []service.Table{orders(t)}})
		if fault.CodeOf(err) != fault.Data && (err != nil) != (sql == "SELECT * FROM nothing") { // what is sorted may find no room
			t.Errorf("%s: %v", sql, err)
		}
		own, err := filepath.Glob(filepath.Join(dir, "*", "*"))
		if err != nil || len(own) != 0 {
			t.Errorf("%s leaves %v %v", sql, own, err)
		}
	}
	end()
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("%v %v", left, err)
	}
}

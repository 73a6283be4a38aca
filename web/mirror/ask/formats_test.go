//go:build cgo && !lite

package ask_test

import (
	"encoding/csv"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/mirror/ask"
	"github.com/ai-data-analyst/broker/web/mirror/duck"
)

// Every type in every format (interface.md §9).
func TestTypesInFormats(t *testing.T) {
	conn := session(t, duck.Session{})
	for sql, want := range map[string][3]string{ // json, csv, md
		"9007199254740992":                      {`9007199254740992`, `9007199254740992`, `9007199254740992`},
		"-9007199254740993":                     {`"-9007199254740993"`, `-9007199254740993`, `-9007199254740993`},
		"18446744073709551615::UBIGINT":         {`"18446744073709551615"`, `18446744073709551615`, `18446744073709551615`},
		"1::HUGEINT":                            {`"1"`, `1`, `1`},
		"1::UHUGEINT":                           {`"1"`, `1`, `1`},
		"-0.50::DECIMAL(4,2)":                   {`"-0.50"`, `-0.50`, `-0.50`},
		"1e300::DOUBLE":                         {`1e+300`, `1e+300`, `1e+300`},
		"'inf'::FLOAT":                          {`null`, `inf`, `inf`},
		"'nan'::DOUBLE":                         {`null`, `nan`, `nan`},
		"NULL":                                  {`null`, ``, `NULL`},
		"''":                                    {`""`, `""`, ``},
		"'NULL'":                                {`"NULL"`, `NULL`, `NULL`},
		"false":                                 {`false`, `false`, `false`},
		`'a,"b"'`:                               {`"a,\"b\""`, `"a,""b"""`, `a,"b"`},
		"'x' || chr(10) || 'y'":                 {`"x\ny"`, "\"x\ny\"", `x<br>y`},
		"' x '":                                 {`" x "`, `" x "`, ` x `},
		"'<script>&[a](b) *x* _y_ a_b `z` ~'":   {`"<script>&[a](b) *x* _y_ a_b ` + "`z`" + ` ~"`, "<script>&[a](b) *x* _y_ a_b `z` ~", "&lt;script&gt;&amp;\\[a\\](b) \\*x\\* \\_y\\_ a_b \\`z\\` \\~"},
		"'ž' || chr(8238) || chr(27) || '[31m'": {"\"ž\u202e\\u001b[31m\"", "ž\u202e\x1b[31m", `ž \[31m`},
		"DATE '2024-02-29'":                     {`"2024-02-29"`, `2024-02-29`, `2024-02-29`},
		"TIMESTAMPTZ '2024-06-01 00:00:00+02'":  {`"2024-05-31 22:00:00+00"`, `2024-05-31 22:00:00+00`, `2024-05-31 22:00:00+00`},
		"INTERVAL 3 DAY":                        {`"3 days"`, `3 days`, `3 days`},
		"'\\xAA'::BLOB":                         {`"\\xAA"`, `\xAA`, `\\xAA`},
		"[1, 9007199254740993, NULL]":           {`[1,"9007199254740993",null]`, `"[1,""9007199254740993"",null]"`, `\[1,"9007199254740993",null\]`},
		"{'a': 1.50::DECIMAL(4,2), 'b': 'nan'::FLOAT}": {`{"a":"1.50","b":null}`, `"{""a"":""1.50"",""b"":null}"`, `{"a":"1.50","b":null}`},
		"MAP {'k': true}":    {`{"k":true}`, `"{""k"":true}"`, `{"k":true}`},
		`'{"z": [1]}'::JSON`: {`{"z": [1]}`, `"{""z"": [1]}"`, `{"z": \[1\]}`},
	} {
		for i, format := range []string{"json", "csv", "md"} {
			got, err := write(t, conn, "SELECT "+sql+" AS v", format, 0)
			wanted := map[string]string{"json": "[\n  {\"v\": " + want[i] + "}\n]\n", "csv": "v\n" + want[i] + "\n", "md": "| " + want[i] + " |\n"}[format]
			if format == "md" {
				_, got, _ = strings.Cut(strings.TrimPrefix(got, "| v |\n"), "\n")
			}
			if err != nil || got != wanted {
				t.Errorf("%s as %s: %v\n%q, want\n%q", sql, format, err, got, wanted)
			}
			if format == "json" && !json.Valid([]byte(got)) {
				t.Errorf("%s: no JSON: %s", sql, got)
			}
			if format == "csv" {
				if _, err := csv.NewReader(strings.NewReader(got)).ReadAll(); err != nil {
					t.Errorf("%s: no CSV: %v", sql, err)
				}
			}
		}
	}
}

func TestTablesAreCutForTerminalsAlone(t *testing.T) {
	conn := session(t, duck.Session{})
	long := "SELECT repeat('数', 100) AS a, 'x' || chr(10) || 'y' AS b, NULL AS c, 7 AS n"
	for wide, want := range map[int]bool{0: false, 20: true} {
		s, err := ask.Check(long)
		if err != nil {
			t.Fatal(err)
		}
		a, err := ask.Run(t.Context(), conn, s, 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		if err := ask.Write(&out, a, "table", wide); err != nil {
			t.Fatal(err)
		}
		a.Close()
		if cut := strings.Contains(out.String(), "…"); cut != want || !strings.Contains(out.String(), "x y") || !strings.Contains(out.String(), "NULL") {
			t.Errorf("wide %d:\n%s", wide, out.String())
		}
	}
	plan, err := write(t, conn, "EXPLAIN SELECT count(*) FROM range(10)", "table", 0)
	if err != nil || strings.Count(plan, "\n") < 5 {
		t.Errorf("%v\n%s", err, plan)
	}
	many, err := write(t, conn, "FROM range(25000)", "table", 0)
	if err != nil || strings.Count(many, "│ range") != 3 || !strings.Contains(many, " 24999 │") {
		t.Errorf("%v, %d bytes", err, len(many))
	}
}

func TestExplainIsOfRelationsAlone(t *testing.T) {
	conn := session(t, duck.Session{})
	for _, sql := range []string{"EXPLAIN ANALYZE SELECT 1", "EXPLAIN (FORMAT json) SELECT 1", "explain analyze (select 1)", "EXPLAIN FROM range(3);"} {
		if _, err := write(t, conn, sql, "csv", 0); err != nil {
			t.Errorf("%s: %v", sql, err)
		}
	}
	for _, sql := range []string{"EXPLAIN", "EXPLAIN ANALYZE", "EXPLAIN EXPLAIN SELECT 1", "EXPLAIN CREATE TABLE x(a INT)", "EXPLAIN (ANALYZE) DELETE FROM x", "EXPLAIN SELECT nothing"} {
		if got, err := write(t, conn, sql, "csv", 0); err == nil {
			t.Errorf("%s gave %s", sql, got)
		}
	}
}

func TestParquet(t *testing.T) {
	dir := t.TempDir()
	to := filepath.Join(dir, "o.parquet")
	conn := session(t, duck.Session{Save: to})
	s, err := ask.Check("SELECT range AS n, $p AS p FROM range(10) ORDER BY n DESC;")
	if err != nil {
		t.Fatal(err)
	}
	if err := ask.Parquet(t.Context(), conn, s, 3, []duck.Param{{Name: "p", Value: "x"}}); err != nil {
		t.Fatal(err)
	}
	reader := session(t, duck.Session{Folders: []string{dir}})
	if got, err := write(t, reader, "FROM '"+to+"'", "csv", 0); err != nil || got != "n,p\n9,x\n8,x\n7,x\n" {
		t.Errorf("%q, %v", got, err)
	}
	plan, err := ask.Check("EXPLAIN SELECT 1")
	if err != nil {
		t.Fatal(err)
	}
	if err := ask.Parquet(t.Context(), conn, plan, 0, nil); fault.CodeOf(err) != fault.Config {
		t.Errorf("%v", err)
	}
}

func TestSteadiness(t *testing.T) {
	for sql, want := range map[string]bool{
		"select first, last, mode, age, version, sample from t":                              true, // columns
		"select limit_, \"limit\", \"offset\" from t":                                        true,
		"select string_agg(a, ',') from t":                                                   false,
		"select string_agg(a, ',' order by a) from t":                                        true,
		"select row_number() over (order by id) from t":                                      true,
		"select row_number() over () from t":                                                 false,
		"select lag(x) ignore nulls over (partition by g order by t) from t":                 true,
		"select * from (select * from t order by a limit 3) x join u using (id)":             true,
		"select * from (select * from t limit 3) x order by 1":                               false,
		"select * from a where x in (select y from b order by y limit 1) order by z limit 9": true,
		"select * from a order by 1 limit $n":                                                true,
		"select * from a limit (select 3)":                                                   false,
		"select * from t using sample 10%":                                                   false,
		"select * from t tablesample 10 percent":                                             false,
		"select current_date":                                                                false,
		"select now() - ts from t":                                                           false,
		"select uuid()":                                                                      false,
		"select nextval('s')":                                                                false,
		"select \"random\"()":                                                                false,
		"explain select 1":                                                                   false,
		"select getvariable('x')":                                                            false,
	} {
		s, err := ask.Check(sql)
		if err != nil || s.Deterministic != want {
			t.Errorf("%s: deterministic %v, %v", sql, s.Deterministic, err)
		}
	}
}

func TestNamedTables(t *testing.T) {
	tables := []string{"crm.orders", "shop.customers", "shop.orders"}
	for sql, want := range map[string]string{
		"select * from shop.orders":                      "shop.orders",
		"select * from Shop.\"ORDERS\" o join customers": "shop.customers shop.orders",
		"from orders":                                        "crm.orders shop.orders",
		"from analytics.crm.orders":                          "crm.orders",
		"from lake.orders":                                   "crm.orders shop.orders",
		"select 'shop.orders' -- shop.orders":                "",
		"select 1":                                           "",
		"describe customers":                                 "shop.customers",
		"select x.orders from shop.customers x":              "shop.customers",
		"with orders as (select 1) from orders, shop.orders": "crm.orders shop.orders",
	} {
		named, sure := ask.Named(sql, tables)
		if got := strings.Join(named, " "); got != want || !sure {
			t.Errorf("%s: %q, sure %v; want %q", sql, got, sure, want)
		}
	}
	for _, sql := range []string{"show tables", "from query_table('orders')", "from duckdb_tables()", "from information_schema.tables", "from 'server/x.parquet'", "from read_parquet('x')", "select '"} {
		if named, sure := ask.Named(sql, tables); sure {
			t.Errorf("%s: sure of %v", sql, named)
		}
	}
}

// Value is what programs get, by kind.
func TestValue(t *testing.T) {
	text := func(s string) *string { return &s }
	for _, c := range []struct {
		typ  string
		v    *string
		want any
	}{
		{"BIGINT", text("1"), json.Number("1")}, {"BIGINT", nil, nil}, {"DOUBLE", text("nan"), nil}, {"BOOLEAN", text("true"), true}, {"VARCHAR", text("true"), "true"},
		{"DECIMAL(3,1)", text("1.5"), "1.5"}, {"INTEGER[]", text("[1]"), json.RawMessage("[1]")}, {"JSON", text("no json"), json.RawMessage(`"no json"`)}, {"VARCHAR", text("null"), "null"},
	} {
		if diff := cmp.Diff(c.want, ask.Value(c.typ, c.v)); diff != "" {
			t.Errorf("%s: %s", c.typ, diff)
		}
	}
}

//go:build cgo && !lite

package duck_test

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/mirror/duck"
)

func TestBuiltViewsAreRead(t *testing.T) {
	both(t, func(t *testing.T, engine duck.Engine) {
		dir, database := built(t, engine)
		if left, _ := filepath.Glob(database + ".*"); len(left) > 0 {
			t.Errorf("beside the database: %v", left)
		}
		s := duck.Session{Database: database, Folders: []string{filepath.Join(dir, "server")}, Threads: 2, MemoryMB: 200}
		first, second := open(t, engine, s), open(t, engine, s) // sessions share nothing
		for _, conn := range []duck.Conn{first, second} {
			for _, from := range []string{"t", "shop.t", "analytics.shop.t", "main.t"} {
				got, err := texts(conn.Query(t.Context(), "SELECT count(*), sum(id), max(name) FROM "+from, 0, nil))
				if diff := cmp.Diff([][]string{{"5", "10", "n4"}}, got); err != nil || diff != "" {
					t.Errorf("%s: %v\n%s", from, err, diff)
				}
			}
		}
		got, err := texts(first.Query(t.Context(), "SELECT comment FROM duckdb_views() WHERE view_name = 't' AND schema_name = 'shop'", 0, nil))
		if diff := cmp.Diff([][]string{{"two\nlines; and 'quotes' \\ and a back slash"}}, got); err != nil || diff != "" {
			t.Errorf("%v\n%s", err, diff)
		}
		v, err := engine.Version(t.Context())
		if err != nil || !strings.HasPrefix(v, "v1.") {
			t.Errorf("version %q, %v", v, err)
		}
	})
}

// Every type comes as text, the same from both engines (interface.md §9).
func TestTypes(t *testing.T) {
	both(t, func(t *testing.T, engine duck.Engine) {
		conn := open(t, engine, duck.Session{})
		for sql, want := range map[string][2]string{
			"true":                          {"BOOLEAN", "true"},
			"(-128)::TINYINT":               {"TINYINT", "-128"},
			"255::UTINYINT":                 {"UTINYINT", "255"},
			"9223372036854775807":           {"BIGINT", "9223372036854775807"},
			"18446744073709551615::UBIGINT": {"UBIGINT", "18446744073709551615"},
			"170141183460469231731687303715884105727": {"HUGEINT", "170141183460469231731687303715884105727"},
			"1::UHUGEINT":                       {"UHUGEINT", "1"},
			"1.50::DECIMAL(10,2)":               {"DECIMAL(10,2)", "1.50"},
			"0.1::FLOAT":                        {"FLOAT", "0.1"},
			"0.1::DOUBLE + 0.2":                 {"DOUBLE", "0.30000000000000004"},
			"'nan'::DOUBLE":                     {"DOUBLE", "nan"},
			"'-inf'::DOUBLE":                    {"DOUBLE", "-inf"},
			"''":                                {"VARCHAR", ""},
			"'ž\n\t\"'":                         {"VARCHAR", "ž\n\t\""},
			"NULL":                              {"INTEGER", "∅"},
			"'\\xAA'::BLOB":                     {"BLOB", `\xAA`},
			"'101'::BIT":                        {"BIT", "101"},
			"DATE '2024-02-29'":                 {"DATE", "2024-02-29"},
			"TIME '12:34:56.789'":               {"TIME", "12:34:56.789"},
			"'12:00:00+02'::TIMETZ":             {"TIME WITH TIME ZONE", "12:00:00+02"},
			"TIMESTAMP '2024-01-01 00:00:00.5'": {"TIMESTAMP", "2024-01-01 00:00:00.5"},
			"'2024-01-01 00:00:00.123456789'::TIMESTAMP_NS":       {"TIMESTAMP_NS", "2024-01-01 00:00:00.123456789"},
			"TIMESTAMPTZ '2024-06-01 00:00:00+02'":                {"TIMESTAMP WITH TIME ZONE", "2024-05-31 22:00:00+00"},
			"INTERVAL '1 month 2 days'":                           {"INTERVAL", "1 month 2 days"},
			"'00000000-0000-0000-0000-00000000000a'::UUID":        {"UUID", "00000000-0000-0000-0000-00000000000a"},
			"'a'::ENUM('a', 'it''s, (b)')":                        {"ENUM('a', 'it''s, (b)')", "a"},
			`'{"z": 1, "a": [null]}'::JSON`:                       {"JSON", `{"z": 1, "a": [null]}`},
			"'12345678901234567890123456789012345678901'::BIGNUM": {"BIGNUM", "12345678901234567890123456789012345678901"},
			"[1, NULL]":                                            {"INTEGER[]", "[1,null]"},
			"[]::INTEGER[]":                                        {"INTEGER[]", "[]"},
			"NULL::INTEGER[]":                                      {"INTEGER[]", "∅"},
			"[1, 2]::INTEGER[2]":                                   {"INTEGER[2]", "[1,2]"},
			"[9007199254740993, 1]":                                {"BIGINT[]", `["9007199254740993",1]`},
			"[1.50::DECIMAL(4,2)]":                                 {"DECIMAL(4,2)[]", `["1.50"]`},
			"['nan'::DOUBLE, 0.5]":                                 {"DOUBLE[]", "[null,0.5]"},
			"[['a'], ['<b>', NULL], NULL]":                         {"VARCHAR[][]", `[["a"],["<b>",null],null]`},
			"{'a b': 1::HUGEINT, 'c': [true]}":                     {`STRUCT("a b" HUGEINT, c BOOLEAN[])`, `{"a b":"1","c":[true]}`},
			"{'z': 1, 'a': {'j': '{\"q\": 1}'::JSON}}":             {"STRUCT(z INTEGER, a STRUCT(j JSON))", `{"z":1,"a":{"j":{"q":1}}}`},
			"MAP {'k': 1.5::DECIMAL(4,2), 'l': NULL}":              {"MAP(VARCHAR, DECIMAL(4,2))", `{"k":"1.50","l":null}`},
			"MAP {1: [2]}":                                         {"MAP(INTEGER, INTEGER[])", `{"1":[2]}`},
			"union_value(num := 2)::UNION(num INTEGER, s VARCHAR)": {"UNION(num INTEGER, s VARCHAR)", `{"num":2}`},
			"[DATE '2024-01-01']":                                  {"DATE[]", `["2024-01-01"]`},
		} {
			rows, err := conn.Query(t.Context(), "SELECT "+sql+" AS x", 0, nil)
			if err != nil {
				t.Errorf("%s: %v", sql, err)
				continue
			}
			typ := rows.Columns()[0].Type
			got, err := texts(rows, nil)
			if err != nil || typ != want[0] || len(got) != 1 || got[0][0] != want[1] {
				t.Errorf("%s: %s %q, %v; want %s %q", sql, typ, got, err, want[0], want[1])
			}
		}
	})
}

// What people call columns does not matter.
func TestColumnsKeepTheirNamesAndOrder(t *testing.T) {
	both(t, func(t *testing.T, engine duck.Engine) {
		conn := open(t, engine, duck.Session{})
		rows, err := conn.Query(t.Context(), `SELECT 1 AS "a""b", 2 AS x, 3 AS x, 4 AS "select", 5 AS "ž;", 6`, 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, c := range rows.Columns() {
			names = append(names, c.Name)
		}
		got, err := texts(rows, nil)
		if diff := cmp.Diff([]string{`a"b`, "x", "x_1", "select", "ž;", "6"}, names); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([][]string{{"1", "2", "3", "4", "5", "6"}}, got); err != nil || diff != "" {
			t.Errorf("%v\n%s", err, diff)
		}
		ordered, err := texts(conn.Query(t.Context(), "SELECT range AS n FROM range(10000) ORDER BY n DESC -- the end", 3, nil))
		if diff := cmp.Diff([][]string{{"9999"}, {"9998"}, {"9997"}}, ordered); err != nil || diff != "" {
			t.Errorf("%v\n%s", err, diff)
		}
		for _, sql := range []string{"DESCRIBE SELECT 1", "SUMMARIZE SELECT 1 AS a", "SHOW TABLES", "VALUES (1), (2)", "FROM range(2)", "WITH a AS (SELECT 1) SELECT * FROM a", "(SELECT 1) UNION (SELECT 2);"} {
			if _, err := texts(conn.Query(t.Context(), sql, 0, nil)); err != nil {
				t.Errorf("%s: %v", sql, err)
			}
		}
	})
}

func TestParameters(t *testing.T) {
	both(t, func(t *testing.T, engine duck.Engine) {
		conn := open(t, engine, duck.Session{})
		params := []duck.Param{{Name: "s", Value: "it's; DROP -- \\ \n.shell x"}, {Name: "n", Type: "BIGINT", Value: "41"}, {Name: "d", Type: "date", Value: "2024-02-29"}}
		got, err := texts(conn.Query(t.Context(), "SELECT $s, $n + 1, $d + INTERVAL 1 DAY, '$n', \"$n\" FROM (SELECT 7 AS \"$n\") -- $x", 0, params))
		if diff := cmp.Diff([][]string{{params[0].Value, "42", "2024-03-01 00:00:00", "$n", "7"}}, got); err != nil || diff != "" {
			t.Errorf("%v\n%s", err, diff)
		}
		for sql, list := range map[string][]duck.Param{
			"SELECT $a": {}, "SELECT 1": {{Name: "a"}}, "SELECT $a + 1": {{Name: "a", Type: "BIGINT", Value: "x"}}, "SELECT $b": {{Name: "b", Type: "BLOB); DROP", Value: "x"}},
			"SELECT $c": {{Name: "c", Value: "a\x00b"}}, "SELECT ?": {{Name: "", Value: "1"}},
		} {
			if got, err := texts(conn.Query(t.Context(), sql, 0, list)); err == nil {
				t.Errorf("%s gave %v", sql, got)
			}
		}
	})
}

// What an engine is asked to read, it only reads: nothing stands outside of the parentheses, no command of a shell runs.
func TestG15_QueryRunsRelationsOnly(t *testing.T) {
	both(t, func(t *testing.T, engine duck.Engine) {
		dir := t.TempDir()
		t.Chdir(dir)
		conn := open(t, engine, duck.Session{Folders: []string{dir}})
		for _, sql := range []string{
			"CREATE TABLE x AS SELECT 1", "SELECT 1; CREATE TABLE x(a INT)", "COPY (SELECT 1) TO 'out'", "SELECT 1)) ; COPY (SELECT 1) TO 'out'; --", "SELECT 1) AS t(c0), (SELECT 2",
			"EXPLAIN SELECT 1", "PRAGMA database_list", "SET VARIABLE x = 1", "ATTACH 'out' AS o", "INSTALL httpfs", "CALL pragma_version()", "SELECT 1 INTO x", "",
			"-- x\n.shell touch out\n", "SELECT 1 -- x\n.shell touch out\n;", "SELECT e'\\u0041'", "SELECT $$ ;\n.shell touch out\n$$ FROM nowhere",
			"SELECT 1e'\\''; COPY (SELECT 1) TO 'out' --'", "SELECT 1$$ ' $$; COPY (SELECT 1) TO 'out'; --'", "/* ;\n.shell touch out\n*/ CREATE TABLE x(a INT)",
			"WITH a AS (SELECT 1)\u200bDELETE FROM a", "SELECT\u00a01", "WITH a AS (SELECT 1) INSERT INTO b SELECT * FROM a",
		} {
			if got, err := texts(conn.Query(t.Context(), sql, 0, nil)); err == nil {
				t.Errorf("%q gave %v", sql, got)
			}
		}
		for sql, want := range map[string]string{ // these read, and hold what would do harm in other hands
			"SELECT '\n.shell touch out\n' AS x":                 "\n.shell touch out\n",
			"SELECT $$;\n.shell touch out\n$$ AS x":              ";\n.shell touch out\n",
			"SELECT e'\\';\\n\\x41\\101\n.shell touch out' AS x": "';\nAA\n.shell touch out",
			"SELECT e'\\')));\n.shell touch out\n'":              "')));\n.shell touch out\n",
			"SELECT 1 AS x /* ;\n.shell touch out\n*/":           "1",
			"SELECT 'a\\' AS x -- '; COPY":                       "a\\",
		} {
			got, err := texts(conn.Query(t.Context(), sql, 0, nil))
			if diff := cmp.Diff([][]string{{want}}, got); err != nil || diff != "" {
				t.Errorf("%q: %v\n%s", sql, err, diff)
			}
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("files were written: %v, %v", left, err)
		}
	})
}

func TestSave(t *testing.T) {
	both(t, func(t *testing.T, engine duck.Engine) {
		dir := t.TempDir()
		to := filepath.Join(dir, "out.parquet")
		conn := open(t, engine, duck.Session{Save: to})
		huge := "170141183460469231731687303715884105"
		sql := "SELECT " + huge + "::HUGEINT AS h, sum(range) AS s, [1::HUGEINT] AS l, $p AS p, '101'::BIT AS b, {'a': 1.50::DECIMAL(4,2)} AS st FROM range(4)"
		if err := conn.Save(t.Context(), sql, 0, []duck.Param{{Name: "p", Value: "it's"}}); err != nil {
			t.Fatal(err)
		}
		reader := open(t, engine, duck.Session{Folders: []string{dir}})
		got, err := texts(reader.Query(t.Context(), "FROM "+duck.Literal(to), 0, nil))
		if diff := cmp.Diff([][]string{{huge, "6", `["1"]`, "it's", "101", `{"a":"1.50"}`}}, got); err != nil || diff != "" {
			t.Errorf("%v\n%s", err, diff)
		}
		before, err := os.ReadFile(to)
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.Save(t.Context(), "SELECT CASE WHEN range = 900000 THEN error('stop') ELSE 'x' END FROM range(1000000)", 0, nil); err == nil {
			t.Error("a failing statement was saved")
		}
		after, err := os.ReadFile(to)
		if err != nil || string(after) != string(before) {
			t.Errorf("the file before is not what it was: %v", err)
		}
		if left, _ := os.ReadDir(dir); len(left) != 1 {
			t.Errorf("files left: %v", left)
		}
		if err := conn.Save(t.Context(), "SELECT * FROM range(100)", 7, nil); err != nil {
			t.Error(err)
		}
		if got, err := texts(reader.Query(t.Context(), "SELECT count(*) FROM "+duck.Literal(to), 0, nil)); err != nil || got[0][0] != "7" {
			t.Errorf("%v, %v", got, err)
		}
	})
}

func TestY6_DatabasesThatCannotBeRead(t *testing.T) {
	both(t, func(t *testing.T, engine duck.Engine) {
		_, database := built(t, engine)
		whole, err := os.ReadFile(database)
		if err != nil {
			t.Fatal(err)
		}
		flipped := append([]byte{}, whole...)
		flipped[len(flipped)/2] ^= 0x10
		flipped[5000] ^= 0x10
		for name, text := range map[string][]byte{"garbage": []byte(strings.Repeat("garbage ", 9000)), "empty": {}, "cut": whole[:5000], "flipped": flipped} {
			path := filepath.Join(t.TempDir(), "version lock.duckdb")
			if err := os.WriteFile(path, text, 0o644); err != nil {
				t.Fatal(err)
			}
			conn, err := engine.Open(t.Context(), duck.Session{Database: path})
			if err == nil {
				conn.Close()
			}
			if fault.CodeOf(err) != fault.Data || !strings.Contains(fault.HelpOf(err), "analyst doctor --fix") {
				t.Errorf("%s: %v, help %q", name, err, fault.HelpOf(err))
			}
			if _, err := engine.OwnTables(t.Context(), path); err == nil {
				t.Errorf("%s: its tables were listed", name)
			}
		}
		if _, err := engine.Open(t.Context(), duck.Session{Database: filepath.Join(t.TempDir(), "none")}); fault.CodeOf(err) != fault.Data {
			t.Errorf("%v", err)
		}
	})
}

// Y6: another program that writes our database makes us wait, it does not break anything.
func TestY6_DatabaseInUse(t *testing.T) {
	path, err := shell()
	if err != nil {
		t.Fatal(err)
	}
	engine := duck.Default()
	_, database := built(t, engine)
	mine := open(t, duck.Default(), duck.Session{Mine: database})
	_, err = (duck.Program{Path: path}).Open(t.Context(), duck.Session{Database: database})
	if fault.CodeOf(err) != fault.Transient || !strings.Contains(err.Error(), "lock") {
		t.Errorf("%v", err)
	}
	if _, err := texts(mine.Run(t.Context(), "SELECT 1")); err != nil {
		t.Error(err)
	}
}

// Y6: tables of a person's own in our database are noticed.
func TestY6_OwnTablesAreFound(t *testing.T) {
	both(t, func(t *testing.T, engine duck.Engine) {
		_, database := built(t, engine)
		if names, err := engine.OwnTables(t.Context(), database); err != nil || len(names) > 0 {
			t.Errorf("of views alone: %v, %v", names, err)
		}
		mine := open(t, engine, duck.Session{Mine: database})
		for _, sql := range []string{"CREATE TABLE analytics_own AS SELECT range AS n FROM range(100)", "CREATE TABLE shop.\"My Table\" AS SELECT 'x' AS y"} {
			if _, err := texts(mine.Run(t.Context(), sql)); err != nil {
				t.Fatal(err)
			}
		}
		if err := mine.Close(); err != nil {
			t.Fatal(err)
		}
		want := []string{"main.analytics_own", "shop.My Table"}
		if names, err := engine.OwnTables(t.Context(), database); err != nil || !cmp.Equal(want, names) {
			t.Errorf("%v, %v", names, err)
		}
	})
}

// A person's own database is written to, ours beside it only read.
func TestMine(t *testing.T) {
	both(t, func(t *testing.T, engine duck.Engine) {
		dir, database := built(t, engine)
		mine := filepath.Join(dir, "user", "mine.duckdb")
		conn := open(t, engine, duck.Session{Mine: mine, Database: database, Folders: []string{filepath.Join(dir, "server"), filepath.Join(dir, "user")}})
		for _, sql := range []string{"CREATE TABLE top AS FROM t LIMIT 2", "INSERT INTO top VALUES (7, 'seven')"} {
			if _, err := texts(conn.Run(t.Context(), sql)); err != nil {
				t.Fatalf("%s: %v", sql, err)
			}
		}
		got, err := texts(conn.Run(t.Context(), "SELECT count(*), (SELECT count(*) FROM lake.shop.t), [1.5] AS l FROM top;"))
		if diff := cmp.Diff([][]string{{"3", "5", "[\"1.5\"]"}}, got); err != nil || diff != "" {
			t.Errorf("%v\n%s", err, diff)
		}
		for _, sql := range []string{"CREATE TABLE lake.main.x AS SELECT 1", "SET enable_external_access = true", "INSTALL httpfs", "COPY top TO '/nowhere/x.csv'"} {
			if got, err := texts(conn.Run(t.Context(), sql)); err == nil {
				t.Errorf("%s gave %v", sql, got)
			}
		}
		if err := conn.Close(); err != nil {
			t.Fatal(err)
		}
		again := open(t, engine, duck.Session{Mine: mine})
		if got, err := texts(again.Query(t.Context(), "SELECT max(name) FROM top", 0, nil)); err != nil || got[0][0] != "seven" {
			t.Errorf("%v, %v", got, err)
		}
	})
}

func TestCancelledAndAbandoned(t *testing.T) {
	both(t, func(t *testing.T, engine duck.Engine) {
		conn := open(t, engine, duck.Session{})
		rows, err := conn.Query(t.Context(), "SELECT range FROM range(300000)", 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := rows.Next(); err != nil {
			t.Fatal(err)
		}
		if err := rows.Close(); err != nil {
			t.Error(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		time.AfterFunc(50*time.Millisecond, cancel) // before or after it begins: both end
		rows, err = conn.Query(ctx, "SELECT count(*) FROM range(1000000000) a, range(1000000000) b WHERE a.range * b.range % 7 = 3", 0, nil)
		if err == nil {
			_, err = rows.Next()
			rows.Close()
		}
		if fault.CodeOf(err) != fault.Transient {
			t.Errorf("%v", err)
		}
		if got, err := texts(conn.Query(t.Context(), "SELECT 1", 0, nil)); err != nil || len(got) != 1 {
			t.Errorf("after a cancelled one: %v, %v", got, err)
		}
	})
}

// What is not asked for is not computed, and does not lie in memory.
func TestResultsStream(t *testing.T) {
	conn := open(t, duck.Default(), duck.Session{MemoryMB: 200})
	rows, err := conn.Query(t.Context(), "SELECT range, repeat('x', 1000) FROM range(100000000000)", 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < 100_000; i++ {
		if _, err := rows.Next(); err != nil {
			t.Fatal(err)
		}
	}
	if err := rows.Close(); err != nil {
		t.Error(err)
	}
}

// The first error is told, whichever thread of DuckDB met it.
func TestErrorsInTheMiddleAreErrors(t *testing.T) {
	both(t, func(t *testing.T, engine duck.Engine) {
		conn := open(t, engine, duck.Session{Threads: 4})
		tries := 20
		if engine.Kind() == "path" {
			tries = 2
		}
		for i := range tries {
			sql := "SELECT CASE WHEN range = " + strconv.Itoa(50_000*(i+1)) + " THEN error('stop') ELSE 'x' END FROM range(2000000)"
			_, err := texts(conn.Query(t.Context(), sql, 0, nil))
			if fault.CodeOf(err) != fault.Data || !strings.Contains(err.Error(), "stop") {
				t.Errorf("%d: %v", i, err)
			}
		}
		if got, err := texts(conn.Query(t.Context(), "SELECT 1", 0, nil)); err != nil || len(got) != 1 {
			t.Errorf("after errors: %v, %v", got, err)
		}
	})
}

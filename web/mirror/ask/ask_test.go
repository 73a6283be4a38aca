//go:build cgo && !lite

package ask_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/mirror/ask"
	"github.com/ai-data-analyst/broker/web/mirror/duck"
)

func TestReadingMayRun(t *testing.T) {
	for _, sql := range []string{
		"select 1", " SELECT 1 ; ", "with a as (select 1) select * from a", "from range(3)", "values (1)", "table x", "describe x", "summarize x", "show tables",
		"explain select 1", "explain analyze select 1", "explain (format json) select 1", "(select 1) union (select 2)", "select ';' as a", "select $$;drop$$ as x",
		"select 1 -- ; drop table x", "/* a /* nested */ ; */ select 1", `select "update" from x`, "select replace(a, 'x', 'y') from t", "select 'delete from x'",
		"select e'\\';' as q", "select * from t where $a = 1", "desc t",
	} {
		if _, err := ask.Check(sql); err != nil {
			t.Errorf("%s: %v", sql, err)
		}
	}
}

func TestWritingIsRefused(t *testing.T) {
	for _, sql := range []string{
		"", ";", "-- nothing", "select 1; select 2", "drop table x", "insert into x values (1)", "copy (select 1) to 'x'", "attach 'x'", "install httpfs", "load httpfs",
		"set threads = 1", "pragma database_list", "create table x as select 1", "update x set a = 1", "delete from x", "call pragma_version()", "export database 'x'",
		"explain insert into x values (1)", "explain analyze create table x as select 1", "with a as (insert into x values (1) returning *) select * from a",
		"with a as (select 1) delete from x", "select 1; drop table x --", "select 1 /* ; */ ; drop table x", "use x", "checkpoint", "vacuum", "begin", "import database 'x'",
		"select 'open", "select /* open", "select 1\x00", "select \xff", "prepare a as select 1", "execute a", "merge into x using y on true when matched then delete",
		strings.Repeat(" ", 1<<20) + "select 1",
	} {
		_, err := ask.Check(sql)
		var stable interface{ Stable() string }
		if err == nil || !errors.As(err, &stable) || stable.Stable() != "read_only" {
			t.Errorf("%.60q: %v", sql, err)
		}
	}
}

func TestOrderAndSteadiness(t *testing.T) {
	for sql, want := range map[string][2]bool{
		"select 1": {false, true}, "select a from t order by a": {true, true}, "select * from (select a from t order by a)": {false, true},
		"select a from t limit 3": {false, false}, "select a from t order by a limit 3": {true, true}, "select random()": {false, false},
		"select now()": {false, false}, "describe t": {true, true}, "select sum(x) over (order by y) from t": {false, true}, "select 'random()' as x": {false, true},
		"with a as (select 1 order by 1) select * from a": {false, true},
	} {
		s, err := ask.Check(sql)
		if err != nil || s.Ordered != want[0] || s.Deterministic != want[1] {
			t.Errorf("%s: ordered %v, deterministic %v, %v", sql, s.Ordered, s.Deterministic, err)
		}
	}
}

func session(t *testing.T, s duck.Session) duck.Conn {
	t.Helper()
	conn, err := duck.Default().Open(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func write(t *testing.T, conn duck.Conn, sql, format string, limit int64, params ...duck.Param) (string, error) {
	t.Helper()
	s, err := ask.Check(sql)
	if err != nil {
		return "", err
	}
	a, err := ask.Run(t.Context(), conn, s, limit, params)
	if err != nil {
		return "", err
	}
	defer a.Close()
	var out bytes.Buffer
	err = ask.Write(&out, a, format, 0)
	return out.String(), err
}

const everything = `select 1::tinyint a, 9007199254740993::bigint b, 170141183460469231731687303715884105727::hugeint c, 1.50::decimal(10,2) d, 'nan'::double e, 0.1::double f,
 true g, NULL h, 'x|y' i, {'k': [1, 2]} j, date '2024-02-29' k, timestamptz '2024-01-01 00:00:00+00' l, '' m`

func TestFormats(t *testing.T) {
	conn := session(t, duck.Session{})
	for format, want := range map[string]string{
		"json": `[
  {"a": 1, "b": "9007199254740993", "c": "170141183460469231731687303715884105727", "d": "1.50", "e": null, "f": 0.1, "g": true, "h": null, "i": "x|y", "j": {"k":[1,2]}, "k": "2024-02-29", "l": "2024-01-01 00:00:00+00", "m": ""}
]
`,
		"csv": "a,b,c,d,e,f,g,h,i,j,k,l,m\n1,9007199254740993,170141183460469231731687303715884105727,1.50,nan,0.1,true,,x|y,\"{\"\"k\"\":[1,2]}\",2024-02-29,2024-01-01 00:00:00+00,\"\"\n",
		"md": "| a | b | c | d | e | f | g | h | i | j | k | l | m |\n| ---: | ---: | ---: | ---: | ---: | ---: | --- | ---: | --- | --- | --- | --- | --- |\n" +
			"| 1 | 9007199254740993 | 170141183460469231731687303715884105727 | 1.50 | nan | 0.1 | true | NULL | x\\|y | {\"k\":\\[1,2\\]} | 2024-02-29 | 2024-01-01 00:00:00+00 |  |\n",
	} {
		got, err := write(t, conn, everything, format, 0)
		if err != nil || got != want {
			t.Errorf("%s: %v\n%s\nwant\n%s", format, err, got, want)
		}
	}
	table, err := write(t, conn, "select 'a\x1b[31m' as x, 1 as x, 2 as x", "table", 0)
	if err != nil || strings.Contains(table, "\x1b") || !strings.Contains(table, "│ x") {
		t.Errorf("%v\n%s", err, table)
	}
	if empty, err := write(t, conn, "select 1 as a where false", "json", 0); err != nil || empty != "[]\n" {
		t.Errorf("%q, %v", empty, err)
	}
}

func TestLimitIsSaid(t *testing.T) {
	conn := session(t, duck.Session{})
	s, err := ask.Check("from range(10)")
	if err != nil {
		t.Fatal(err)
	}
	for limit, truncated := range map[int64]bool{3: true, 10: false, 11: false, 0: false} {
		a, err := ask.Run(t.Context(), conn, s, limit, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Rest(); err != nil || a.Truncated() != truncated {
			t.Errorf("limit %d: truncated %v after %d, %v", limit, a.Truncated(), a.Count(), err)
		}
		a.Close()
	}
}

func TestParameters(t *testing.T) {
	conn := session(t, duck.Session{})
	got, err := write(t, conn, "select $a || '!' as s, $n + 1 as n", "csv", 0, duck.Param{Name: "a", Value: "x'; drop"}, duck.Param{Name: "n", Type: "BIGINT", Value: "41"})
	if err != nil || got != "s,n\nx'; drop!,42\n" {
		t.Errorf("%q, %v", got, err)
	}
}

// What SQL could reach besides the session's own: every way is closed (G15).
func TestNothingElseIsReached(t *testing.T) {
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret.csv")
	if err := os.WriteFile(secret, []byte("a\n42\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	mine := filepath.Join(dir, "ours")
	if err := os.MkdirAll(mine, 0o755); err != nil {
		t.Fatal(err)
	}
	conn := session(t, duck.Session{Folders: []string{mine}})
	for _, sql := range []string{
		"select * from read_csv('" + secret + "')", "select * from '" + secret + "'", "select * from read_text('" + secret + "')", "select * from read_blob('" + secret + "')",
		"select * from glob('" + dir + "/*')", "select * from read_parquet('" + mine + "/../secret.csv')", "select * from sniff_csv('" + secret + "')", "from read_json('" + secret + "')",
		"select * from read_csv('http://127.0.0.1:1/x')", "select * from parquet_metadata('" + secret + "')",
	} {
		if got, err := write(t, conn, sql, "csv", 0); err == nil {
			t.Errorf("%s gave %q", sql, got)
		}
	}
	for _, sql := range []string{"SET enable_external_access = true", "SET allowed_directories = ['/']", "ATTACH '" + secret + "' AS x", "COPY (SELECT 1) TO '" + dir + "/out.csv'", "INSTALL httpfs", "LOAD httpfs"} {
		if rows, err := conn.Run(t.Context(), sql); err == nil {
			_, err = rows.Next()
			if rows.Close(); err == nil {
				t.Errorf("%s ran", sql)
			}
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "out.csv")); err == nil {
		t.Error("a file was written")
	}
}

func TestErrorsOfSQLAreData(t *testing.T) {
	conn := session(t, duck.Session{})
	if _, err := write(t, conn, "select * from missing", "csv", 0); fault.CodeOf(err) != fault.Data || fault.HelpOf(err) == "" {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s, err := ask.Check("select count(*) from range(100000000000) a")
	if err != nil {
		t.Fatal(err)
	}
	if a, err := ask.Run(ctx, conn, s, 0, nil); fault.CodeOf(err) != fault.Transient {
		t.Errorf("%v, %v", a, err)
	}
}

// FuzzCheck: what may run is one statement that DuckDB's own parser takes for reading, or cannot read at all.
func FuzzCheck(f *testing.F) {
	for _, s := range []string{"select 1; drop", "$a$ ; $a$", "e'\\'", "/* /* */", "explain (", "with (insert into x", "'\"$$", "select 1e'\\''; drop table x --'", "select 1$$ ' $$; drop table x; --'",
		"with a as (select 1) delete from b", "(select 1) into x", "from range(3) limit 1", "describe select 1", "show tables", "values (1)", "table x", "summarize select 1", "select $1, ?", "pivot x on y",
		"with a as (select 1)\u200bdelete from a", "select x'ab' || b'01'", "select \"a\"\"b\" from [1,2]", "explain analyze select 1", "select 1 /* ; */ ; -- ;"} {
		f.Add(s)
	}
	conn, err := duck.Default().Open(f.Context(), duck.Session{})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { conn.Close() })
	f.Fuzz(func(t *testing.T, sql string) {
		s, err := ask.Check(sql)
		if err != nil {
			return
		}
		if s.Text == "" {
			t.Fatalf("%q may run as nothing", sql)
		}
		if s.Explain {
			return
		}
		_, err = conn.Describe(context.Background(), s.Text, nil)
		if err != nil && (strings.Contains(err.Error(), "not for reading") || strings.Contains(err.Error(), "only one statement")) {
			t.Fatalf("%q may run, but DuckDB says: %v", sql, err)
		}
	})
}

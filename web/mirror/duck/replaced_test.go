//go:build cgo && !lite

package duck_test

import (
	"errors"
	"io"
	"os"
	"runtime"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-data-analyst/broker/web/mirror/ask"
	"github.com/ai-data-analyst/broker/web/mirror/duck"
	"github.com/ai-data-analyst/broker/web/mirror/receipt"
)

// Y4: a database that is read is replaced by a rename: who has the old one open keeps it, whoever comes next has the new
// one, in the same program too.
func TestY4_DatabaseReplacedUnderAReader(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("open files are not replaced there: a pull notes it and tries again")
	}
	both(t, func(t *testing.T, engine duck.Engine) {
		dir, database := built(t, engine)
		s := duck.Session{Database: database, Folders: []string{dir}}
		rows := func(conn duck.Conn) string {
			t.Helper()
			got, err := texts(conn.Query(t.Context(), "SELECT count(*) FROM main.t", 0, nil))
			if err != nil {
				t.Fatal(err)
			}
			return got[0][0]
		}
		before := open(t, engine, s)
		if n := rows(before); n != "5" {
			t.Fatal(n)
		}
		for range 3 {
			if err := engine.Build(t.Context(), database+".new", []string{"CREATE VIEW main.t AS SELECT * FROM range(7)"}); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(database+".new", database); err != nil {
				t.Fatal(err)
			}
			if n := rows(open(t, engine, s)); n != "7" {
				t.Errorf("who comes next reads %s rows", n)
			}
			if n := rows(before); engine.Kind() == "linked" && n != "5" { // beside, each statement is a process of its own
				t.Errorf("who reads the old one reads %s rows", n)
			}
		}
	})
}

// A receipt that one engine made, the other confirms.
func TestReceiptsAreTheSameFromBothEngines(t *testing.T) {
	const everything = `SELECT CASE WHEN i % 5 = 0 THEN NULL ELSE i END AS i, i::TINYINT a, (i * 1.5)::DECIMAL(18,3) d, i / 7.0 f, (i / 3.0)::FLOAT g, CASE i % 4 WHEN 0 THEN '' WHEN 1 THEN NULL ELSE 'ž "' || i END s,
		DATE '2024-02-28' + i::INTEGER AS day, TIMESTAMP '2024-01-01 00:00:00.5' + to_seconds(i) AS at, TIMESTAMPTZ '2024-06-01 00:00:00+02' + to_hours(i) AS tz, i % 2 = 0 AS b,
		[i, NULL] AS l, {'x': i, 'y': [{'z': i / 3.0}]} AS n, map {i: 'v'} AS m, i::HUGEINT * 9223372036854775807 AS h, ('\xAA' || i)::BLOB AS bl, 'nan'::DOUBLE AS nan, -0.0::DOUBLE AS z,
		md5(i::VARCHAR)::UUID AS u, to_days(i::INTEGER) AS iv FROM range(50) r(i)`
	for name, sql := range map[string]string{"ordered": everything + " ORDER BY r.i", "any order": everything} {
		var results []receipt.Result
		both(t, func(t *testing.T, engine duck.Engine) {
			statement, err := ask.Check(sql)
			if err != nil {
				t.Fatal(err)
			}
			answer, err := ask.Run(t.Context(), open(t, engine, duck.Session{}), statement, 0, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Close()
			hasher := receipt.NewHasher(answer.Columns, statement.Ordered)
			defer hasher.Close()
			for {
				row, err := answer.Next()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				if err := hasher.Add(row); err != nil {
					t.Fatal(err)
				}
			}
			result, err := hasher.Result()
			if err != nil {
				t.Fatal(err)
			}
			results = append(results, result)
		})
		if len(results) != 2 || results[0].Rows != 50 {
			t.Fatalf("%s: %+v", name, results)
		}
		if diff := cmp.Diff(results[0], results[1]); diff != "" {
			t.Errorf("%s (-inside +beside):\n%s", name, diff)
		}
	}
}

//go:build cgo && !lite

package diff_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/mirror/ask"
	"github.com/ai-data-analyst/broker/web/mirror/diff"
	"github.com/ai-data-analyst/broker/web/mirror/duck"
)

// lab makes parts and tables.
type lab struct {
	t   *testing.T
	dir string
	n   int
}

func newLab(t *testing.T) *lab { return &lab{t: t, dir: t.TempDir()} }

func (l *lab) path(sha256 string) string { return filepath.Join(l.dir, sha256+".parquet") }

// part writes the rows of a statement whose columns have these field ids.
func (l *lab) part(sql string, ids ...int) api.Part {
	l.t.Helper()
	l.n++
	p := api.Part{SHA256: fmt.Sprintf("%064d", l.n)}
	conn, err := duck.Default().Open(l.t.Context(), duck.Session{Folders: []string{l.dir}})
	if err != nil {
		l.t.Fatal(err)
	}
	defer conn.Close()
	columns, err := conn.Describe(l.t.Context(), sql, nil)
	if err != nil {
		l.t.Fatal(err)
	}
	var fields []string
	for i, c := range columns {
		id := i + 1
		if i < len(ids) {
			id = ids[i]
		}
		fields = append(fields, fmt.Sprintf("%s: %d", duck.Quote(c.Name), id))
	}
	rows, err := conn.Run(l.t.Context(), "COPY ("+sql+") TO "+duck.Literal(l.path(p.SHA256))+" (FORMAT parquet, FIELD_IDS {"+strings.Join(fields, ", ")+"})")
	if err != nil {
		l.t.Fatal(err)
	}
	rows.Close()
	if _, err := os.Stat(l.path(p.SHA256)); err != nil {
		l.t.Fatal(err)
	}
	return p
}

// table has columns "name TYPE" with ids from 1; "" leaves an id out.
func table(key []string, columns []string, parts ...api.Part) api.Table {
	t := api.Table{Name: "shop.orders", Namespace: "shop", Table: "orders", PrimaryKey: key, Parts: parts}
	for i, c := range columns {
		if name, typ, ok := strings.Cut(c, " "); ok {
			t.Columns = append(t.Columns, api.Column{ID: i + 1, Name: name, Type: typ})
		}
	}
	return t
}

func (l *lab) run(in diff.Input) diff.Report {
	l.t.Helper()
	in.Part, in.Folder, in.FromGeneration, in.ToGeneration = l.path, l.dir, 3, 4
	report, err := diff.Run(l.t.Context(), duck.Default(), in)
	if err != nil {
		l.t.Fatal(err)
	}
	return report
}

func text(t *testing.T, v any) string {
	t.Helper()
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

var columns = []string{"id BIGINT", "v VARCHAR", "d DOUBLE"}

// The document is the one of interface.md §9, to the letter.
func TestByKey(t *testing.T) {
	l := newLab(t)
	kept := l.part("SELECT range AS id, 'kept' AS v, 1.5::DOUBLE AS d FROM range(1000, 2000)")
	old := l.part("SELECT * FROM (VALUES (1::BIGINT, 'a', 1.0::DOUBLE), (2, NULL, 2.0), (3, 'c', 'nan'::DOUBLE), (10, 'x', NULL), (NULL, 'null key', 0)) t(id, v, d)")
	now := l.part("SELECT * FROM (VALUES (10::BIGINT, 'x', NULL::DOUBLE), (2, '', 2.0), (3, 'c', 'nan'::DOUBLE), (4, 'new', 0.5), (11, 'y', 1), (NULL, 'null key', 1)) t(id, v, d)")
	report := l.run(diff.Input{From: table([]string{"id"}, columns, kept, old), To: table([]string{"id"}, columns, now, kept)})
	want := `{"table":"shop.orders","from":3,"to":4,"key":["id"],"added":2,"changed":2,"removed":1,"schema":[],"rows":[` +
		`{"op":"added","key":{"id":4},"columns":[],"after":{"d":0.5,"id":4,"v":"new"}},` +
		`{"op":"added","key":{"id":11},"columns":[],"after":{"d":1,"id":11,"v":"y"}},` +
		`{"op":"changed","key":{"id":2},"columns":["v"],"before":{"d":2,"id":2,"v":null},"after":{"d":2,"id":2,"v":""}},` +
		`{"op":"changed","key":{"id":null},"columns":["d"],"before":{"d":0,"id":null,"v":"null key"},"after":{"d":1,"id":null,"v":"null key"}},` +
		`{"op":"removed","key":{"id":1},"columns":[],"before":{"d":1,"id":1,"v":"a"}}],"truncated":false}`
	if diff := cmp.Diff(want, text(t, report)); diff != "" {
		t.Error(diff)
	}
}

// Parts that both generations have are not even opened.
func TestSharedPartsAreNotRead(t *testing.T) {
	l := newLab(t)
	shared := api.Part{SHA256: strings.Repeat("f", 64)} // no such file
	added := l.part("SELECT 7::BIGINT AS id, 'x' AS v, 1::DOUBLE AS d")
	for _, key := range [][]string{nil, {"id"}} {
		r := l.run(diff.Input{From: table(key, columns, shared), To: table(key, columns, shared, added)})
		if r.Added != 1 || r.Changed+r.Removed != 0 || len(r.Rows) != 1 {
			t.Errorf("key %v: %s", key, text(t, r))
		}
		if r := l.run(diff.Input{From: table(key, columns, shared), To: table(key, columns, shared)}); r.Added+r.Changed+r.Removed != 0 || len(r.Rows) != 0 {
			t.Errorf("key %v: %s", key, text(t, r))
		}
	}
	twice := l.run(diff.Input{From: table(nil, columns, added), To: table(nil, columns, added, added)}) // the same part once more
	if twice.Added != 1 || twice.Removed != 0 {
		t.Errorf("%s", text(t, twice))
	}
}

// Without a key whole rows are counted, as often as they are there.
func TestWithoutKey(t *testing.T) {
	l := newLab(t)
	cols := []string{"v VARCHAR", "n INTEGER"}
	old := l.part("SELECT * FROM (VALUES ('a', 1), ('a', 1), ('a', 1), ('b', NULL), ('c', 2)) t(v, n)")
	now := l.part("SELECT * FROM (VALUES ('c', 2), ('a', 1), ('b', NULL), ('b', NULL), ('d', 4)) t(v, n)")
	r := l.run(diff.Input{From: table(nil, cols, old), To: table(nil, cols, now)})
	want := `{"table":"shop.orders","from":3,"to":4,"key":[],"added":2,"changed":0,"removed":2,"schema":[],"rows":[` +
		`{"op":"added","key":{},"columns":[],"after":{"n":null,"v":"b"}},{"op":"added","key":{},"columns":[],"after":{"n":4,"v":"d"}},` +
		`{"op":"removed","key":{},"columns":[],"before":{"n":1,"v":"a"}},{"op":"removed","key":{},"columns":[],"before":{"n":1,"v":"a"}}],"truncated":false}`
	if diff := cmp.Diff(want, text(t, r)); diff != "" {
		t.Error(diff)
	}
}

// Columns are the same by field id, whatever they are called now.
func TestSchemaChanges(t *testing.T) {
	l := newLab(t)
	old := l.part("SELECT 1::BIGINT AS id, 'a' AS name, 5::INTEGER AS n, '7' AS s, 'gone' AS g", 1, 2, 3, 4, 5)
	now := l.part("SELECT 1::BIGINT AS id, 'a' AS title, 5::BIGINT AS n, 7::INTEGER AS s, true AS fresh", 1, 2, 3, 4, 6)
	from := table([]string{"id"}, []string{"id BIGINT", "name VARCHAR", "n INTEGER", "s VARCHAR", "g VARCHAR"}, old)
	to := table([]string{"id"}, []string{"id BIGINT", "title VARCHAR", "n BIGINT", "s INTEGER", "", "fresh BOOLEAN"}, now)
	r := l.run(diff.Input{From: from, To: to})
	want := `[{"op":"renamed","column":"title","from":"name","to":"title"},{"op":"type","column":"n","from":"INTEGER","to":"BIGINT"},` +
		`{"op":"type","column":"s","from":"VARCHAR","to":"INTEGER"},{"op":"added","column":"fresh","to":"BOOLEAN"},{"op":"removed","column":"g","from":"VARCHAR"}]`
	if diff := cmp.Diff(want, text(t, r.Schema)); diff != "" || r.Added+r.Changed+r.Removed != 0 {
		t.Errorf("%s\n%s", diff, text(t, r))
	}
	other := l.part("SELECT 1::BIGINT AS id, 'b' AS title, 5::BIGINT AS n, 8::INTEGER AS s, true AS fresh", 1, 2, 3, 4, 6)
	to.Parts = []api.Part{other}
	if r := l.run(diff.Input{From: from, To: to}); r.Changed != 1 || text(t, r.Rows[0].Columns) != `["title","s"]` || text(t, r.Rows[0].Before["title"]) != `"a"` {
		t.Errorf("%s", text(t, r))
	}
	to.PrimaryKey = []string{"fresh"} // not there before: whole rows, of the columns that both have
	if r := l.run(diff.Input{From: from, To: to}); len(r.Key) != 0 || r.Added != 1 || r.Removed != 1 {
		t.Errorf("%s", text(t, r))
	}
	none := table(nil, []string{"", "", "", "", "", "", "x INTEGER"}, l.part("SELECT 1::INTEGER AS x", 7))
	if r := l.run(diff.Input{From: from, To: none}); r.Added != 1 || r.Removed != 1 {
		t.Errorf("%s", text(t, r))
	}
}

// Names of columns mean nothing: neither those that SQL knows, nor those that a comparison uses.
func TestAwkwardNames(t *testing.T) {
	l := newLab(t)
	list := `SELECT 1::BIGINT AS "there", %d::BIGINT AS "op", 3::BIGINT AS "key_there", 'x' AS "select", 'y' AS "a""b; --"`
	cols := []string{"there BIGINT", "op BIGINT", "key_there BIGINT", "select VARCHAR", `a"b;_-- VARCHAR`}
	t4 := func(p api.Part) api.Table {
		tab := table([]string{"there"}, cols, p)
		tab.Columns[4].Name = `a"b; --`
		return tab
	}
	r := l.run(diff.Input{From: t4(l.part(fmt.Sprintf(list, 1))), To: t4(l.part(fmt.Sprintf(list, 2)))})
	if r.Changed != 1 || text(t, r.Rows[0].Columns) != `["op"]` {
		t.Errorf("%s", text(t, r))
	}
}

func TestEmptyAndMissingSides(t *testing.T) {
	l := newLab(t)
	p := l.part("SELECT range::BIGINT AS id, 'v' AS v, 1::DOUBLE AS d FROM range(5)")
	full, empty := table([]string{"id"}, columns, p), table([]string{"id"}, columns)
	for name, c := range map[string]struct {
		in             diff.Input
		added, removed int64
	}{
		"filled": {diff.Input{From: empty, To: full}, 5, 0}, "emptied": {diff.Input{From: full, To: empty}, 0, 5}, "both empty": {diff.Input{From: empty, To: empty}, 0, 0},
		"new": {diff.Input{To: full}, 5, 0}, "gone": {diff.Input{From: full}, 0, 5},
	} {
		r := l.run(c.in)
		if r.Added != c.added || r.Removed != c.removed || r.Table != "shop.orders" || int64(len(r.Rows)) != c.added+c.removed {
			t.Errorf("%s: %s", name, text(t, r))
		}
	}
}

func TestLimitAndParquet(t *testing.T) {
	l := newLab(t)
	in := diff.Input{From: table([]string{"id"}, columns), To: table([]string{"id"}, columns, l.part("SELECT range::BIGINT AS id, 'v' AS v, 1::DOUBLE AS d FROM range(100)"))}
	for limit, truncated := range map[int64]bool{0: false, 99: true, 100: false, 7: true} {
		in.Limit = limit
		r := l.run(in)
		if r.Truncated != truncated || r.Added != 100 || limit > 0 && int64(len(r.Rows)) > limit {
			t.Errorf("limit %d: %d rows, truncated %v", limit, len(r.Rows), r.Truncated)
		}
	}
	out := t.TempDir()
	in.Parquet = filepath.Join(out, "changes.parquet")
	if r := l.run(in); r.Added != 100 || len(r.Rows) != 0 {
		t.Errorf("%s", text(t, r))
	}
	conn, err := duck.Default().Open(t.Context(), duck.Session{Folders: []string{out}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	s, err := ask.Check("SELECT op, count(*) AS n, sum(key_id)::BIGINT AS k, min(after_v) AS v, count(before_id) AS b FROM '" + in.Parquet + "' GROUP BY op")
	if err != nil {
		t.Fatal(err)
	}
	a, err := ask.Run(t.Context(), conn, s, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	var csv strings.Builder
	if err := ask.Write(&csv, a, "csv", 0); err != nil || csv.String() != "op,n,k,v,b\nadded,100,4950,v,0\n" {
		t.Errorf("%s, %v", csv.String(), err)
	}
}

// Nested and unusual types are compared like others.
func TestTypes(t *testing.T) {
	l := newLab(t)
	cols := []string{"id INTEGER", "l INTEGER[]", "s STRUCT(a INTEGER)", "m MAP(VARCHAR, INTEGER)", "t TIMESTAMP WITH TIME ZONE", "n DECIMAL(10,2)", "b BLOB"}
	list := "SELECT 1 AS id, [1, NULL] AS l, {'a': %d} AS s, MAP {'k': 1} AS m, TIMESTAMPTZ '2024-01-01 00:00:00+00' AS t, 1.50::DECIMAL(10,2) AS n, '\\xAA'::BLOB AS b"
	for _, key := range [][]string{{"id"}, nil} {
		old, now := l.part(fmt.Sprintf(list, 1)), l.part(fmt.Sprintf(list, 2))
		if r := l.run(diff.Input{From: table(key, cols, old), To: table(key, cols, now)}); r.Added+r.Removed+2*r.Changed != 2 || key != nil && text(t, r.Rows[0].Columns) != `["s"]` {
			t.Errorf("key %v: %s", key, text(t, r))
		}
		same := l.part(fmt.Sprintf(list, 1))
		if r := l.run(diff.Input{From: table(key, cols, old), To: table(key, cols, same)}); r.Added+r.Removed+r.Changed != 0 {
			t.Errorf("key %v, other parts with the same rows: %s", key, text(t, r))
		}
	}
}

// What a side has alone is told of the rows of that side, with a key and without; it makes no row a changed one.
func TestColumnsOfOneSideAreTold(t *testing.T) {
	l := newLab(t)
	old := l.part("SELECT * FROM (VALUES (1::BIGINT, 'a', 'g1'), (2, 'b', 'g2'), (3, 'c', 'g3')) t(id, v, gone)", 1, 2, 3)
	now := l.part("SELECT * FROM (VALUES (1::BIGINT, 'a', 10), (2, 'B', 20), (4, 'd', 40), (5, 'e', NULL)) t(id, v, fresh)", 1, 2, 4)
	from := table([]string{"id"}, []string{"id BIGINT", "v VARCHAR", "gone VARCHAR"}, old)
	to := table([]string{"id"}, []string{"id BIGINT", "v VARCHAR", "", "fresh INTEGER"}, now)
	want := `[{"op":"added","key":{"id":4},"columns":[],"after":{"fresh":40,"id":4,"v":"d"}},{"op":"added","key":{"id":5},"columns":[],"after":{"fresh":null,"id":5,"v":"e"}},` +
		`{"op":"changed","key":{"id":2},"columns":["v"],"before":{"gone":"g2","id":2,"v":"b"},"after":{"fresh":20,"id":2,"v":"B"}},` +
		`{"op":"removed","key":{"id":3},"columns":[],"before":{"gone":"g3","id":3,"v":"c"}}]`
	if diff := cmp.Diff(want, text(t, l.run(diff.Input{From: from, To: to}).Rows)); diff != "" {
		t.Error(diff)
	}
	out := filepath.Join(t.TempDir(), "changes.parquet")
	l.run(diff.Input{From: from, To: to, Parquet: out})
	if got := asked(t, out, "SELECT op, after_fresh, before_gone FROM '"+out+"' ORDER BY ALL"); got != "op,after_fresh,before_gone\nadded,40,\nadded,,\nchanged,20,g2\nremoved,,g3\n" {
		t.Error(got)
	}
	from.PrimaryKey, to.PrimaryKey = nil, nil
	want = `[{"op":"added","key":{},"columns":[],"after":{"fresh":20,"id":2,"v":"B"}},{"op":"added","key":{},"columns":[],"after":{"fresh":40,"id":4,"v":"d"}},` +
		`{"op":"added","key":{},"columns":[],"after":{"fresh":null,"id":5,"v":"e"}},` +
		`{"op":"removed","key":{},"columns":[],"before":{"gone":"g2","id":2,"v":"b"}},{"op":"removed","key":{},"columns":[],"before":{"gone":"g3","id":3,"v":"c"}}]`
	if diff := cmp.Diff(want, text(t, l.run(diff.Input{From: from, To: to}).Rows)); diff != "" {
		t.Error(diff)
	}
}

// Equal rows are counted, whatever a column says that one side has alone; a name that went from one column to another is two.
func TestColumnsOfOneSideAndEqualRows(t *testing.T) {
	l := newLab(t)
	old := l.part("SELECT * FROM (VALUES ('a', 'x1'), ('a', 'x2'), ('b', 'x3')) t(v, w)", 1, 2)
	now := l.part("SELECT * FROM (VALUES ('a', 7), ('a', 8), ('a', 9), ('b', 1)) t(w, fresh)", 1, 3)
	from := table(nil, []string{"v VARCHAR", "w VARCHAR"}, old)
	to := table(nil, []string{"w VARCHAR", "", "fresh INTEGER"}, now)
	want := `[{"op":"added","key":{},"columns":[],"after":{"fresh":9,"w":"a"}}]`
	if diff := cmp.Diff(want, text(t, l.run(diff.Input{From: from, To: to}).Rows)); diff != "" {
		t.Error(diff)
	}
	want = `[{"op":"removed","key":{},"columns":[],"before":{"fresh":9,"v":"a"}}]`
	if diff := cmp.Diff(want, text(t, l.run(diff.Input{From: to, To: from}).Rows)); diff != "" {
		t.Error(diff)
	}
	to.Parts = []api.Part{l.part("SELECT * FROM (VALUES ('c', 7)) t(w, fresh)", 1, 3)}
	rows := l.run(diff.Input{From: from, To: to}).Rows
	if last := text(t, rows[len(rows)-1]); last != `{"op":"removed","key":{},"columns":[],"before":{"w":"b","w_":"x3"}}` {
		t.Error(last)
	}
}

func asked(t *testing.T, path, sql string) string {
	t.Helper()
	conn, err := duck.Default().Open(t.Context(), duck.Session{Folders: []string{filepath.Dir(path)}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	s, err := ask.Check(sql)
	if err != nil {
		t.Fatal(err)
	}
	a, err := ask.Run(t.Context(), conn, s, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	var csv strings.Builder
	if err := ask.Write(&csv, a, "csv", 0); err != nil {
		t.Fatal(err)
	}
	return csv.String()
}

package diff

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/mirror/ask"
	"github.com/ai-data-analyst/broker/web/mirror/duck"
	"github.com/ai-data-analyst/broker/web/mirror/views"
)

// work is a comparison in SQL.
type work struct {
	views   []string
	key     []string
	columns []column
}

// column is one that both sides have, by the newer name.
type column struct {
	name string
	key  bool
	text bool // its type changed so that only the texts of values can be compared
}

// Views of the two sides.
const (
	before = `"diff_from"."t"`
	after  = `"diff_to"."t"`
)

// plan leaves out the parts that both sides have: their rows are in both, so they add nothing to a difference.
func plan(in Input) work {
	shared := map[string]int{}
	for _, p := range in.From.Parts {
		shared[p.SHA256]++
	}
	both := map[string]int{}
	for _, p := range in.To.Parts {
		if shared[p.SHA256] > both[p.SHA256] {
			both[p.SHA256]++
		}
	}
	from, to := side(in.From, "diff_from", both), side(in.To, "diff_to", both)
	w := work{}
	newer := map[int]api.Column{}
	for _, c := range in.To.Columns {
		newer[c.ID] = c
	}
	from.Columns = nil
	for _, c := range in.From.Columns { // both sides speak the newer names; what is gone is not compared
		is, ok := newer[c.ID]
		if !ok {
			continue
		}
		w.columns = append(w.columns, column{name: is.Name, text: c.Type != is.Type && !(number(c.Type) && number(is.Type))})
		c.Name = is.Name
		from.Columns = append(from.Columns, c)
	}
	if len(w.columns) == 0 {
		from.Columns = in.From.Columns
	}
	position := map[string]int{}
	for i, c := range in.To.Columns {
		position[c.Name] = i
	}
	slices.SortFunc(w.columns, func(a, b column) int { return position[a.name] - position[b.name] })
	w.key = keyOf(in.To, w.columns)
	for _, t := range []api.Table{from, to} {
		statements, _ := views.Statements(api.Manifest{Tables: []api.Table{t}}, in.Part, nil)
		w.views = append(w.views, statements...)
	}
	return w
}

// keyOf is the key where both sides have all of it, else empty.
func keyOf(t api.Table, columns []column) []string {
	for _, k := range t.PrimaryKey {
		i := slices.IndexFunc(columns, func(c column) bool { return c.name == k })
		if i < 0 {
			return nil
		}
		columns[i].key = true
	}
	return t.PrimaryKey
}

func number(typ string) bool {
	base, _, _ := strings.Cut(typ, "(")
	return slices.Contains([]string{"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "FLOAT", "DOUBLE", "DECIMAL"}, base) &&
		!strings.HasSuffix(typ, "]")
}

// side is a table as a view of the comparison, without the parts that the other side has too.
func side(t api.Table, namespace string, leave map[string]int) api.Table {
	t.Namespace, t.Table, t.Name, t.Description = namespace, "t", namespace+".t", ""
	t.Columns = append([]api.Column{}, t.Columns...)
	left := map[string]int{}
	var parts []api.Part
	for _, p := range t.Parts {
		if left[p.SHA256] < leave[p.SHA256] {
			left[p.SHA256]++
			continue
		}
		parts = append(parts, p)
	}
	t.Parts = parts
	return t
}

// value is a column of a side, comparable with that of the other.
func (c column) value(side string) string {
	name := side + duck.Quote(c.name)
	if c.text {
		return "CAST(" + name + " AS VARCHAR)"
	}
	return name
}

// sql selects op, then the key, then before and after of each column, with told also whether it changed.
func (w work) sql(told bool) string {
	if len(w.key) == 0 {
		return w.whole(told)
	}
	return w.keyed(told)
}

// keyed pairs rows by key. A key that is NULL is one like any other.
func (w work) keyed(told bool) string {
	var on, differ, columns, order, f, t []string
	for i, k := range w.key {
		c := column{name: k}
		for _, other := range w.columns {
			if other.name == k {
				c = other
			}
		}
		on = append(on, c.value("f.")+" IS NOT DISTINCT FROM "+c.value("t."))
		columns = append(columns, fmt.Sprintf("CASE WHEN t.%s THEN %s ELSE %s END AS %s", there, c.value("t."), c.value("f."), duck.Quote("key_"+k)))
		order = append(order, strconv.Itoa(i+2))
	}
	for _, c := range w.columns {
		f, t = append(f, duck.Quote(c.name)), append(t, duck.Quote(c.name))
		changed := c.value("f.") + " IS DISTINCT FROM " + c.value("t.")
		columns = append(columns, "f."+duck.Quote(c.name)+" AS "+duck.Quote("before_"+c.name), "t."+duck.Quote(c.name)+" AS "+duck.Quote("after_"+c.name))
		if told {
			columns = append(columns, "("+changed+") AS "+duck.Quote("changed_"+c.name))
		}
		if !c.key {
			differ = append(differ, changed)
		}
	}
	differ = append(differ, "f."+there+" IS NULL", "t."+there+" IS NULL")
	return fmt.Sprintf("SELECT CASE WHEN f.%[1]s IS NULL THEN 'added' WHEN t.%[1]s IS NULL THEN 'removed' ELSE 'changed' END AS op, %[2]s FROM (SELECT %[3]s, true AS %[1]s FROM %[4]s) f"+
		" FULL OUTER JOIN (SELECT %[5]s, true AS %[1]s FROM %[6]s) t ON %[7]s WHERE %[8]s ORDER BY 1, %[9]s",
		there, strings.Join(columns, ", "), strings.Join(f, ", "), before, strings.Join(t, ", "), after, strings.Join(on, " AND "), strings.Join(differ, " OR "), strings.Join(order, ", "))
}

// there marks that a side has the row: a name that no column has, for they are letters, digits and underscores or quoted.
const there = `"diff there"`

// whole compares rows as multisets: a row that is there twice more counts twice.
func (w work) whole(told bool) string {
	if len(w.columns) == 0 {
		return "SELECT op FROM (SELECT 'added' AS op FROM " + after + " UNION ALL SELECT 'removed' FROM " + before + ") ORDER BY 1"
	}
	var list, removed, added []string
	for i, c := range w.columns {
		n := "v" + strconv.Itoa(i)
		list = append(list, c.value("")+" AS "+n)
		from, to := " AS "+duck.Quote("before_"+c.name), " AS "+duck.Quote("after_"+c.name)
		removed, added = append(removed, n+from, "NULL"+to), append(added, "NULL"+from, n+to)
		if told {
			removed, added = append(removed, "true"), append(added, "true")
		}
	}
	minus := func(a, b string) string {
		return "(SELECT " + strings.Join(list, ", ") + " FROM " + a + " EXCEPT ALL SELECT " + strings.Join(list, ", ") + " FROM " + b + ")"
	}
	return fmt.Sprintf("SELECT 'added' AS op, %s FROM %s UNION ALL SELECT 'removed' AS op, %s FROM %s ORDER BY ALL",
		strings.Join(added, ", "), minus(after, before), strings.Join(removed, ", "), minus(before, after))
}

func counts(ctx context.Context, conn duck.Conn, w work, report *Report) (err error) {
	rows, err := conn.Query(ctx, "SELECT op, count(*) FROM (\n"+w.sql(false)+"\n) GROUP BY op", 0, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	into := map[string]*int64{"added": &report.Added, "changed": &report.Changed, "removed": &report.Removed}
	for {
		row, err := rows.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		n, err := strconv.ParseInt(*row[1], 10, 64)
		if err != nil {
			return fault.Wrap(fault.Bug, err, "count the differences")
		}
		*into[*row[0]] = n
	}
}

func (w work) rows(ctx context.Context, conn duck.Conn, in Input, report *Report) (err error) {
	more := in.Limit
	if more > 0 {
		more++
	}
	rows, err := conn.Query(ctx, w.sql(true), more, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	types := rows.Columns()
	for {
		row, err := rows.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if in.Limit > 0 && int64(len(report.Rows)) == in.Limit {
			report.Truncated = true
			return nil
		}
		report.Rows = append(report.Rows, w.row(row, types))
	}
}

func (w work) row(row []*string, types []api.TypedName) Row {
	out := Row{Op: *row[0], Key: map[string]any{}, Columns: []string{}}
	at := 1
	for _, k := range w.key {
		out.Key[k] = ask.Value(types[at].Type, row[at])
		at++
	}
	old, now := map[string]any{}, map[string]any{}
	for _, c := range w.columns {
		old[c.name], now[c.name] = ask.Value(types[at].Type, row[at]), ask.Value(types[at+1].Type, row[at+1])
		if out.Op == "changed" && *row[at+2] == "true" {
			out.Columns = append(out.Columns, c.name)
		}
		at += 3
	}
	if out.Op != "added" {
		out.Before = old
	}
	if out.Op != "removed" {
		out.After = now
	}
	return out
}

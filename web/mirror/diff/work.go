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

// column is one that both sides have, by the newer name; or one that a side has alone, which is told and not compared.
type column struct {
	name string
	only string // alias of the side that has it alone: "f." or "t."
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
	from.Columns, w.columns = paired(in.From.Columns, in.To.Columns)
	w.key = keyOf(in.To, w.columns)
	for _, t := range []api.Table{from, to} {
		statements, _ := views.Statements(api.Manifest{Tables: []api.Table{t}}, in.Part, nil)
		w.views = append(w.views, statements...)
	}
	return w
}

// paired returns the columns of the older side under the newer names, and what is compared or told: in the order of the newer
// side, then what is gone.
func paired(from, to []api.Column) (renamed []api.Column, columns []column) {
	older, newer, taken := map[int]api.Column{}, map[int]bool{}, map[string]bool{}
	for _, c := range from {
		older[c.ID] = c
	}
	for _, c := range to {
		newer[c.ID], taken[strings.ToLower(c.Name)] = true, true
		was, ok := older[c.ID]
		if !ok {
			columns = append(columns, column{name: c.Name, only: "t."})
			continue
		}
		columns = append(columns, column{name: c.Name, text: was.Type != c.Type && !(number(was.Type) && number(c.Type))})
		was.Name = c.Name
		renamed = append(renamed, was)
	}
	for _, c := range from {
		if newer[c.ID] {
			continue
		}
		for taken[strings.ToLower(c.Name)] { // another column has the name now
			c.Name += "_"
		}
		taken[strings.ToLower(c.Name)] = true
		columns = append(columns, column{name: c.Name, only: "f."})
		renamed = append(renamed, c)
	}
	return renamed, columns
}

// keyOf is the key where both sides have all of it, else empty.
func keyOf(t api.Table, columns []column) []string {
	for _, k := range t.PrimaryKey {
		i := slices.IndexFunc(columns, func(c column) bool { return c.name == k && c.only == "" })
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
		if c.only != "t." {
			f = append(f, duck.Quote(c.name))
		}
		if c.only != "f." {
			t = append(t, duck.Quote(c.name))
		}
		changed := "false"
		if c.only == "" {
			changed = c.value("f.") + " IS DISTINCT FROM " + c.value("t.")
		}
		columns = append(columns, c.told("f."+duck.Quote(c.name), "t."+duck.Quote(c.name), changed, told)...)
		if !c.key && c.only == "" {
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

// told is a column of the answer: before, after, and with told also whether it changed. Without, what a side never had is left out.
func (c column) told(before, after, changed string, told bool) []string {
	if c.only == "t." {
		before = "NULL"
	}
	if c.only == "f." {
		after = "NULL"
	}
	out := []string{before + " AS " + duck.Quote("before_"+c.name), after + " AS " + duck.Quote("after_"+c.name), "(" + changed + ") AS " + duck.Quote("changed_"+c.name)}
	switch {
	case told:
		return out
	case c.only == "t.":
		return out[1:2]
	case c.only == "f.":
		return out[:1]
	}
	return out[:2]
}

// whole compares rows as multisets: a row that is there twice more counts twice.
func (w work) whole(told bool) string {
	var removed, added []string
	for i, c := range w.columns {
		n := "v" + strconv.Itoa(i)
		removed, added = append(removed, c.told(n, "NULL", "true", told)...), append(added, c.told("NULL", n, "true", told)...)
	}
	if len(w.columns) == 0 {
		return "SELECT op FROM (SELECT 'added' AS op FROM " + after + " UNION ALL SELECT 'removed' FROM " + before + ") ORDER BY 1"
	}
	return fmt.Sprintf("SELECT 'added' AS op, %s FROM %s UNION ALL SELECT 'removed' AS op, %s FROM %s ORDER BY ALL",
		strings.Join(added, ", "), w.minus(after, before, "t."), strings.Join(removed, ", "), w.minus(before, after, "f."))
}

// minus are the rows of a that b has not, or less often, by the columns that both have; with the columns that a, whose alias is
// given, has alone. Of rows that are equal but for those, the last in their order are what is more.
func (w work) minus(a, b, alias string) string {
	var both, on, alone, none []string
	for i, c := range w.columns {
		n := "v" + strconv.Itoa(i)
		switch c.only {
		case "":
			both, on = append(both, c.value("")+" AS "+n), append(on, "x."+n+" IS NOT DISTINCT FROM y."+n)
		case alias:
			alone = append(alone, c.value("")+" AS "+n)
		default:
			none = append(none, "NULL AS "+n)
		}
	}
	if len(both) == 0 {
		return "(SELECT " + strings.Join(slices.Concat(alone, none), ", ") + " FROM " + a + ")"
	}
	if len(alone) == 0 {
		list := strings.Join(both, ", ")
		return "(SELECT " + strings.Join(append([]string{"*"}, none...), ", ") + " FROM (SELECT " + list + " FROM " + a + " EXCEPT ALL SELECT " + list + " FROM " + b + "))"
	}
	var names, order []string
	for _, text := range both {
		names = append(names, text[strings.LastIndexByte(text, ' ')+1:])
	}
	for _, text := range alone {
		order = append(order, text[strings.LastIndexByte(text, ' ')+1:])
	}
	numbered := func(side, order string, columns []string) string {
		return fmt.Sprintf("(SELECT *, row_number() OVER (PARTITION BY %s %s) AS n FROM (SELECT %s FROM %s))", strings.Join(names, ", "), order, strings.Join(columns, ", "), side)
	}
	return fmt.Sprintf("(SELECT %s FROM %s x ANTI JOIN %s y ON %s AND x.n = y.n)", strings.Join(append([]string{"x.* EXCLUDE (n)"}, none...), ", "),
		numbered(a, "ORDER BY "+strings.Join(order, ", "), slices.Concat(both, alone)), numbered(b, "", both), strings.Join(on, " AND "))
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
		if c.only != "t." {
			old[c.name] = ask.Value(types[at].Type, row[at])
		}
		if c.only != "f." {
			now[c.name] = ask.Value(types[at+1].Type, row[at+1])
		}
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

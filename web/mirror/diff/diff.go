// Package diff says what changed in a table between two held generations: rows by key, or whole rows where there is none,
// and columns by their field ids. It works offline and reads only the parts that are not in both.
//
// Imported by the analyst's program.
package diff

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/mirror/ask"
	"github.com/ai-data-analyst/broker/web/mirror/duck"
	"github.com/ai-data-analyst/broker/web/mirror/views"
)

// Input says what is compared. A generation without the table is one with an empty table of the other's columns.
type Input struct {
	From, To       api.Table
	FromGeneration int64
	ToGeneration   int64
	Part           func(sha256 string) string // path of a part
	Folder         string                     // that holds the parts
	Limit          int64                      // most rows of the report; 0 = all
	Parquet        string                     // absolute: write the rows there instead
	ParquetFolder  string                     // that SQL may write to
}

// Report is what changed (interface.md §9). Rows are ordered by op and key.
type Report struct {
	Table     string         `json:"table"`
	From      int64          `json:"from"`
	To        int64          `json:"to"`
	Key       []string       `json:"key"` // empty: whole rows are compared as multisets
	Added     int64          `json:"added"`
	Changed   int64          `json:"changed"`
	Removed   int64          `json:"removed"`
	Schema    []SchemaChange `json:"schema"`
	Rows      []Row          `json:"rows"`
	Truncated bool           `json:"truncated"`
}

// SchemaChange is a column that came, went, or has another name or type.
type SchemaChange struct {
	Op     string `json:"op"` // added | removed | renamed | type
	Column string `json:"column"`
	From   string `json:"from,omitempty"`
	To     string `json:"to,omitempty"`
}

// Row is one row that was added, changed or removed. Columns are those that changed.
type Row struct {
	Op      string         `json:"op"`
	Key     map[string]any `json:"key"`
	Columns []string       `json:"columns"`
	Before  map[string]any `json:"before,omitempty"`
	After   map[string]any `json:"after,omitempty"`
}

// Run compares.
func Run(ctx context.Context, engine duck.Engine, in Input) (report Report, err error) {
	report = Report{Table: in.To.Name, From: in.FromGeneration, To: in.ToGeneration, Key: []string{}, Schema: schema(in.From, in.To), Rows: []Row{}}
	p := plan(in)
	report.Key = append(report.Key, p.key...)
	session := duck.Session{Statements: p.views, Folders: []string{in.Folder}}
	if in.ParquetFolder != "" {
		session.Folders = append(session.Folders, in.ParquetFolder)
	}
	conn, err := engine.Open(ctx, session)
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if err := counts(ctx, conn, p, &report); err != nil {
		return report, err
	}
	if in.Parquet != "" {
		rows, err := conn.Run(ctx, "COPY ("+p.flat()+") TO "+duck.Literal(in.Parquet)+" (FORMAT parquet)")
		if err != nil {
			return report, err
		}
		_, err = rows.Next()
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return report, errors.Join(err, rows.Close())
	}
	return report, p.rows(ctx, conn, in, &report)
}

// work is the SQL of a comparison.
type work struct {
	views   []string
	key     []string
	columns []api.Column // in both, by the newer name
	sql     string       // op, then key or nothing, then before and after of each column
}

// Views of the two sides.
const (
	before = `"diff_from"."t"`
	after  = `"diff_to"."t"`
)

// plan leaves out the parts that both sides have: their rows are in both, so they add nothing to a difference.
func plan(in Input) work {
	shared := map[string]bool{}
	for _, p := range in.From.Parts {
		shared[p.SHA256] = true
	}
	both := map[string]bool{}
	for _, p := range in.To.Parts {
		both[p.SHA256] = shared[p.SHA256]
	}
	from, to := side(in.From, "diff_from", both), side(in.To, "diff_to", both)
	ids := map[int]bool{}
	for _, c := range in.From.Columns {
		ids[c.ID] = true
	}
	w := work{}
	names := map[string]bool{}
	for _, c := range in.To.Columns {
		if ids[c.ID] {
			w.columns = append(w.columns, c)
			names[c.Name] = true
		}
	}
	renamed := map[int]string{}
	for _, c := range w.columns {
		renamed[c.ID] = c.Name
	}
	for i, c := range from.Columns { // both sides speak the newer names
		if name, ok := renamed[c.ID]; ok {
			from.Columns[i].Name = name
		} else {
			from.Columns[i].Name = "gone_" + strconv.Itoa(c.ID)
		}
	}
	for _, k := range in.To.PrimaryKey {
		if !names[k] {
			w.key = nil
			break
		}
		w.key = append(w.key, k)
	}
	for _, t := range []api.Table{from, to} {
		statements, _ := views.Statements(api.Manifest{Tables: []api.Table{t}}, in.Part, nil)
		w.views = append(w.views, statements...)
	}
	w.sql = w.keyed()
	if len(w.key) == 0 {
		w.sql = w.whole()
	}
	return w
}

func side(t api.Table, namespace string, leave map[string]bool) api.Table {
	t.Namespace, t.Table, t.Name, t.Description = namespace, "t", namespace+".t", ""
	t.Columns = append([]api.Column{}, t.Columns...)
	var parts []api.Part
	for _, p := range t.Parts {
		if !leave[p.SHA256] {
			parts = append(parts, p)
		}
	}
	t.Parts = parts
	return t
}

// keyed pairs rows by key.
func (w work) keyed() string {
	var on, differ, columns, order []string
	isKey := map[string]bool{}
	for _, k := range w.key {
		q := duck.Quote(k)
		isKey[k] = true
		on = append(on, "f."+q+" = t."+q)
		columns = append(columns, fmt.Sprintf("coalesce(t.%s, f.%s) AS %s", q, q, duck.Quote("key_"+k)))
		order = append(order, duck.Quote("key_"+k))
	}
	for _, c := range w.columns {
		q := duck.Quote(c.Name)
		columns = append(columns, "f."+q+" AS "+duck.Quote("before_"+c.Name), "t."+q+" AS "+duck.Quote("after_"+c.Name))
		if !isKey[c.Name] {
			differ = append(differ, "f."+q+" IS DISTINCT FROM t."+q)
		}
	}
	if len(differ) == 0 {
		differ = []string{"false"}
	}
	return fmt.Sprintf("SELECT CASE WHEN f.there IS NULL THEN 'added' WHEN t.there IS NULL THEN 'removed' ELSE 'changed' END AS op, %s FROM (SELECT *, true AS there FROM %s) f FULL OUTER JOIN (SELECT *, true AS there FROM %s) t ON %s WHERE f.there IS NULL OR t.there IS NULL OR %s ORDER BY op, %s",
		strings.Join(columns, ", "), before, after, strings.Join(on, " AND "), strings.Join(differ, " OR "), strings.Join(order, ", "))
}

// whole compares rows as multisets: a row that is there twice more counts twice.
func (w work) whole() string {
	var names, removed, added []string
	for _, c := range w.columns {
		q := duck.Quote(c.Name)
		names = append(names, q)
		removed = append(removed, q+" AS "+duck.Quote("before_"+c.Name), "NULL AS "+duck.Quote("after_"+c.Name))
		added = append(added, "NULL AS "+duck.Quote("before_"+c.Name), q+" AS "+duck.Quote("after_"+c.Name))
	}
	list := strings.Join(names, ", ")
	return fmt.Sprintf("SELECT 'added' AS op, %s FROM (SELECT %s FROM %s EXCEPT ALL SELECT %s FROM %s) UNION ALL SELECT 'removed' AS op, %s FROM (SELECT %s FROM %s EXCEPT ALL SELECT %s FROM %s) ORDER BY ALL",
		strings.Join(added, ", "), list, after, list, before, strings.Join(removed, ", "), list, before, list, after)
}

func (w work) flat() string { return w.sql }

func counts(ctx context.Context, conn duck.Conn, w work, report *Report) error {
	rows, err := conn.Query(ctx, "SELECT op, count(*) FROM ("+w.sql+") GROUP BY op", 0, nil)
	if err != nil {
		return err
	}
	for {
		row, err := rows.Next()
		if errors.Is(err, io.EOF) {
			return rows.Close()
		}
		if err != nil {
			return errors.Join(err, rows.Close())
		}
		n, err := strconv.ParseInt(*row[1], 10, 64)
		if err != nil {
			return errors.Join(err, rows.Close())
		}
		switch *row[0] {
		case "added":
			report.Added = n
		case "changed":
			report.Changed = n
		case "removed":
			report.Removed = n
		}
	}
}

func (w work) rows(ctx context.Context, conn duck.Conn, in Input, report *Report) error {
	more := in.Limit
	if more > 0 {
		more++
	}
	rows, err := conn.Query(ctx, w.sql, more, nil)
	if err != nil {
		return err
	}
	types := rows.Columns()
	for {
		row, err := rows.Next()
		if errors.Is(err, io.EOF) {
			return rows.Close()
		}
		if err != nil {
			return errors.Join(err, rows.Close())
		}
		if in.Limit > 0 && int64(len(report.Rows)) == in.Limit {
			report.Truncated = true
			return rows.Close()
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
		was, is := row[at], row[at+1]
		old[c.Name], now[c.Name] = ask.Value(types[at].Type, was), ask.Value(types[at+1].Type, is)
		if out.Op == "changed" && (was == nil) != (is == nil) || was != nil && is != nil && *was != *is {
			out.Columns = append(out.Columns, c.Name)
		}
		at += 2
	}
	if out.Op != "added" {
		out.Before = old
	}
	if out.Op != "removed" {
		out.After = now
	}
	return out
}

// schema compares columns by field id.
func schema(from, to api.Table) []SchemaChange {
	changes := []SchemaChange{}
	old := map[int]api.Column{}
	for _, c := range from.Columns {
		old[c.ID] = c
	}
	for _, c := range to.Columns {
		was, ok := old[c.ID]
		delete(old, c.ID)
		if !ok {
			changes = append(changes, SchemaChange{Op: "added", Column: c.Name, To: c.Type})
			continue
		}
		if was.Name != c.Name {
			changes = append(changes, SchemaChange{Op: "renamed", Column: c.Name, From: was.Name, To: c.Name})
		}
		if was.Type != c.Type {
			changes = append(changes, SchemaChange{Op: "type", Column: c.Name, From: was.Type, To: c.Type})
		}
	}
	for _, c := range from.Columns {
		if _, gone := old[c.ID]; gone {
			changes = append(changes, SchemaChange{Op: "removed", Column: c.Name, From: c.Type})
		}
	}
	return changes
}

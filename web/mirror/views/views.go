package views

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ai-data-analyst/broker/web/api"
)

// ambiguous are names that may also be those of an open database: DuckDB refuses NAMESPACE.TABLE there, so that nothing
// we write may use it.
var ambiguous = map[string]string{"analytics": "analytics.analytics", "memory": "", "mine": "", "main": ""}

// kept are names of schemas that DuckDB keeps for itself: no view can be made there.
var kept = map[string]bool{"temp": true, "system": true, "pg_catalog": true, "information_schema": true}

// Statements returns the SQL that makes the views of m: <namespace>.<table>, and main.<table> where that name is one
// table's alone. part tells the absolute path of a part; tables names those that are wanted, nil = all. The notes say what
// has no view, or no short name.
//
// The statements can be run again over views that they made before, in a file or in memory.
func Statements(m api.Manifest, part func(sha256 string) string, tables []string) (statements, notes []string) {
	short, namespaces := map[string]int{}, []string{}
	var wanted []api.Table
	for _, t := range m.Tables {
		if tables != nil && !slices.Contains(tables, t.Name) {
			continue
		}
		if kept[t.Namespace] {
			notes = append(notes, t.Name+" has no view: DuckDB keeps the name "+t.Namespace+" for itself")
			continue
		}
		if column, typ := unknownType(t); column != "" {
			notes = append(notes, fmt.Sprintf("%s has no view: this program does not know the type %q of %s", t.Name, typ, column))
			continue
		}
		wanted = append(wanted, t)
		short[t.Table]++
		if !slices.Contains(namespaces, t.Namespace) {
			namespaces = append(namespaces, t.Namespace)
		}
	}
	for _, namespace := range namespaces {
		statements = append(statements, "CREATE SCHEMA IF NOT EXISTS "+identifier(namespace), "SET schema = "+literal(namespace))
		for _, t := range wanted {
			if t.Namespace == namespace {
				statements = append(statements, view(t, rows(t, part))...)
			}
		}
		if other := ambiguous[namespace]; other != "" {
			notes = append(notes, fmt.Sprintf("DuckDB wants %s.TABLE instead of %s.TABLE in this file, since the file has that name too", other, namespace))
		}
	}
	statements = append(statements, "SET schema = 'main'")
	for _, t := range wanted {
		_, inline := ambiguous[t.Namespace]
		switch {
		case t.Namespace == "main":
		case short[t.Table] > 1:
			notes = append(notes, fmt.Sprintf("%s has no short name: %d tables are called %s", t.Name, short[t.Table], t.Table))
		case inline:
			statements = append(statements, view(t, rows(t, part))...)
		default:
			statements = append(statements, view(t, "SELECT * FROM "+identifier(t.Namespace)+"."+identifier(t.Table))...)
		}
	}
	return statements, notes
}

// view makes one view in the present schema, with what its table and columns mean.
func view(t api.Table, body string) []string {
	name := identifier(t.Table)
	out := []string{"CREATE OR REPLACE VIEW " + name + " AS " + body}
	if t.Description != "" {
		out = append(out, "COMMENT ON VIEW "+name+" IS "+literal(t.Description))
	}
	for _, c := range t.Columns {
		if c.Description != "" {
			out = append(out, "COMMENT ON COLUMN "+name+"."+identifier(c.Name)+" IS "+literal(c.Description))
		}
	}
	return out
}

// rows selects a table's rows. Columns are found by field id, so a part from before a column was renamed or added is read
// rightly; names are never matched up by guess. A table without parts is empty, with its types.
func rows(t api.Table, part func(sha256 string) string) string {
	if len(t.Columns) == 0 {
		return "SELECT NULL AS nothing WHERE false"
	}
	fields := make([]string, len(t.Columns))
	if len(t.Parts) == 0 {
		for i, c := range t.Columns {
			fields[i] = "CAST(NULL AS " + c.Type + ") AS " + identifier(c.Name) // unknownType has seen the type
		}
		return "SELECT " + strings.Join(fields, ", ") + " WHERE false"
	}
	for i, c := range t.Columns {
		fields[i] = fmt.Sprintf("%d: {name: %s, type: %s, default_value: NULL}", c.ID, literal(c.Name), literal(c.Type))
	}
	paths := make([]string, len(t.Parts))
	for i, p := range t.Parts {
		paths[i] = literal(globless(part(p.SHA256)))
	}
	return "SELECT * FROM read_parquet([" + strings.Join(paths, ", ") + "], schema = MAP {" + strings.Join(fields, ", ") + "})"
}

// globless makes a path stand for itself alone: DuckDB reads *, ? and [ in it as a pattern.
func globless(path string) string {
	return strings.NewReplacer("[", "[[]", "*", "[*]", "?", "[?]").Replace(path)
}

// identifier is a name in SQL.
func identifier(name string) string { return quoted(name, `"`) }

// literal is a text in SQL.
func literal(text string) string { return quoted(text, "'") }

// quoted puts text between quotes (G15). A NUL would end a statement.
func quoted(text, quote string) string {
	return quote + strings.NewReplacer(quote, quote+quote, "\x00", "\uFFFD").Replace(text) + quote
}

// Script joins statements to a file that duckdb -init takes.
func Script(statements []string) string {
	if len(statements) == 0 {
		return ""
	}
	return strings.Join(statements, ";\n") + ";\n"
}

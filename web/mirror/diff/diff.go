// Package diff says what changed in a table between two held generations: rows by key, or whole rows where there is none,
// and columns by their field ids. It works offline and reads only the parts that are not in both.
//
// Imported by the analyst's program.
package diff

import (
	"context"
	"errors"

	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/mirror/duck"
)

// Input says what is compared. A generation without the table is one with an empty table of the other's columns.
type Input struct {
	From, To       api.Table
	FromGeneration int64
	ToGeneration   int64
	Part           func(sha256 string) string // path of a part
	Folder         string                     // that holds the parts
	Limit          int64                      // most rows of the report; 0 = all
	Parquet        string                     // absolute: write all rows there instead
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

// name is the table's; the newer one where it was renamed.
func (in Input) name() string {
	if in.To.Name != "" {
		return in.To.Name
	}
	return in.From.Name
}

// Run compares. The answer is the same for every order in which rows lie in their parts.
func Run(ctx context.Context, engine duck.Engine, in Input) (report Report, err error) {
	if in.To.Name == "" {
		in.To.Columns, in.To.PrimaryKey = in.From.Columns, in.From.PrimaryKey
	}
	if in.From.Name == "" {
		in.From.Columns = in.To.Columns
	}
	report = Report{Table: in.name(), From: in.FromGeneration, To: in.ToGeneration, Key: []string{}, Schema: schema(in.From, in.To), Rows: []Row{}}
	p := plan(in)
	report.Key = append(report.Key, p.key...)
	session := duck.Session{Statements: p.views, Folders: []string{in.Folder}, Save: in.Parquet}
	conn, err := engine.Open(ctx, session)
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if err := counts(ctx, conn, p, &report); err != nil {
		return report, err
	}
	if in.Parquet != "" {
		return report, conn.Save(ctx, p.sql(false), 0, nil)
	}
	return report, p.rows(ctx, conn, in, &report)
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

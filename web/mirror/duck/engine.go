package duck

import (
	"context"
	"strings"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
)

// Engine is a way to DuckDB.
type Engine interface {
	// Kind is linked, path or none.
	Kind() string
	// Version is DuckDB's, e.g. "v1.5.6".
	Version(ctx context.Context) (string, error)
	// Build makes a new database file of statements, closed and synced when it returns.
	Build(ctx context.Context, path string, statements []string) error
	// OwnTables names the tables (no views) in a database file.
	OwnTables(ctx context.Context, path string) ([]string, error)
	// Open begins a session.
	Open(ctx context.Context, s Session) (Conn, error)
}

// Session says what SQL works on. Either a Database is there, or Statements make the views in memory.
type Session struct {
	Database   string   // a file, opened read-only
	Statements []string // run before the session closes itself off
	Mine       string   // a person's own file, opened for writing, with Database attached as "lake"; made when missing
	Folders    []string // absolute: what SQL may read (and, with Mine, write) besides
	Threads    int      // 0 = DuckDB's own choice
	MemoryMB   int      // 0 = DuckDB's own choice
}

// Conn is a session. One statement at a time.
type Conn interface {
	// Query runs one relation: SELECT, WITH, FROM, VALUES, TABLE, DESCRIBE, SUMMARIZE, SHOW. limit is the most rows, 0 = all.
	Query(ctx context.Context, sql string, limit int64, params []Param) (Rows, error)
	// Run executes any statement and returns its rows, as people use a session of their own.
	Run(ctx context.Context, sql string) (Rows, error)
	Close() error
}

// Param is a named parameter, $name in SQL. Type is a DuckDB type; "" = VARCHAR.
type Param struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	Value string `json:"value"`
}

// Rows are a result under way.
type Rows interface {
	Columns() []api.TypedName
	// Next returns a row as DuckDB's text of each value, nil = NULL; io.EOF after the last.
	Next() ([]*string, error)
	Close() error
}

// Quote is an identifier in SQL.
func Quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// Literal is a text in SQL.
func Literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// settings close a session off: they come after the views were made, and cannot be taken back.
func (s Session) settings() []string {
	var folders []string
	for _, f := range s.Folders {
		folders = append(folders, Literal(strings.TrimSuffix(f, "/")+"/"))
	}
	set := []string{"SET autoinstall_known_extensions = false", "SET autoload_known_extensions = false", "SET allow_community_extensions = false"}
	if s.Threads > 0 {
		set = append(set, "SET threads = "+itoa(s.Threads))
	}
	if s.MemoryMB > 0 {
		set = append(set, "SET memory_limit = "+Literal(itoa(s.MemoryMB)+"MB"))
	}
	if len(folders) > 0 {
		set = append(set, "SET allowed_directories = ["+strings.Join(folders, ", ")+"]")
	}
	return append(set, "SET enable_external_access = false", "SET lock_configuration = true")
}

// opening is what a session runs first.
func (s Session) opening() []string {
	var all []string
	if s.Mine != "" && s.Database != "" {
		all = append(all, "ATTACH "+Literal(s.Database)+" AS lake (READ_ONLY)", "SET search_path = 'main,lake.main'")
	}
	return append(append(all, s.Statements...), s.settings()...)
}

// texts wraps a relation so that every value comes as text, in its order, whatever its columns are called. Nested values
// come as JSON.
func texts(sql string, columns []api.TypedName, limit int64) string {
	var names, casts []string
	for i, c := range columns {
		n := "c" + itoa(i)
		value := n
		if Nested(c.Type) {
			value = "to_json(" + n + ")"
		}
		names, casts = append(names, n), append(casts, value+"::VARCHAR AS "+n)
	}
	text := "SELECT " + strings.Join(casts, ", ") + " FROM (\n" + sql + "\n) AS t(" + strings.Join(names, ", ") + ")"
	if limit > 0 {
		text += " LIMIT " + itoa(limit)
	}
	return text
}

// Nested says whether values of a type are lists, structs, maps or unions, or JSON already.
func Nested(typ string) bool {
	return strings.HasSuffix(typ, "]") || strings.HasPrefix(typ, "STRUCT(") || strings.HasPrefix(typ, "MAP(") || strings.HasPrefix(typ, "UNION(") || typ == "JSON"
}

// none is the engine of a program that has none.
type none struct{}

func missing() error {
	return fault.New(fault.Config, "this analyst has no DuckDB inside, and there is no duckdb program on PATH").
		WithHelp("Install DuckDB (https://duckdb.org) so that \"duckdb\" runs, or the analyst with DuckDB inside; or ask the server: analyst query --remote")
}

func (none) Kind() string                                        { return "none" }
func (none) Version(context.Context) (string, error)             { return "", missing() }
func (none) Build(context.Context, string, []string) error       { return missing() }
func (none) OwnTables(context.Context, string) ([]string, error) { return nil, missing() }
func (none) Open(context.Context, Session) (Conn, error)         { return nil, missing() }

package duck

import (
	"context"
	"strings"

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
	Save       string   // absolute: the file that Conn.Save writes
	Threads    int      // 0 = DuckDB's own choice
	MemoryMB   int      // 0 = DuckDB's own choice
}

// Conn is a session. One statement at a time.
type Conn interface {
	// Describe says which columns a relation has, without running it: SELECT, WITH, FROM, VALUES, TABLE, DESCRIBE, SUMMARIZE,
	// SHOW. Anything else is refused, also more than one statement.
	Describe(ctx context.Context, sql string, params []Param) ([]api.TypedName, error)
	// Query runs one relation. limit is the most rows, 0 = all.
	Query(ctx context.Context, sql string, limit int64, params []Param) (Rows, error)
	// Save runs one relation and writes its rows as Parquet to the session's Save, which appears whole or not at all.
	// Integers beyond 64 bits are DECIMAL(38,0) there, not the DOUBLE that DuckDB would make of them.
	Save(ctx context.Context, sql string, limit int64, params []Param) error
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
	// Next returns a row as DuckDB's text of each value, nil = NULL; io.EOF after the last. Values of lists, structs, maps and
	// unions are JSON, their leaves as interface.md §9 wants them.
	Next() ([]*string, error)
	Close() error
}

// Quote is an identifier in SQL.
func Quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// Literal is a text in SQL.
func Literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// opening is what a session runs first: the databases, the views, then the settings that close it off and cannot be taken
// back. Everything is attached to an empty database in memory, so that sessions of one program do not share settings.
// Times are UTC in every session: the same statement over the same data says the same on every machine.
func (s Session) opening(scratch string) []string {
	all := []string{"SET TimeZone = 'UTC'"}
	switch {
	case s.Mine != "":
		all = append(all, "ATTACH "+Literal(s.Mine)+" AS mine")
		path := "mine.main"
		if s.Database != "" {
			all = append(all, "ATTACH "+Literal(s.Database)+" AS lake (READ_ONLY)")
			path += ",lake.main"
		}
		all = append(all, "USE mine", "SET search_path = "+Literal(path))
	case s.Database != "":
		all = append(all, "ATTACH "+Literal(s.Database)+" AS analytics (READ_ONLY)", "USE analytics")
	}
	all = append(all, s.Statements...)
	all = append(all, "SET autoinstall_known_extensions = false", "SET autoload_known_extensions = false", "SET allow_community_extensions = false",
		"SET allow_persistent_secrets = false", "SET temp_directory = "+Literal(scratch))
	if s.Threads > 0 {
		all = append(all, "SET threads = "+itoa(s.Threads))
	}
	if s.MemoryMB > 0 {
		all = append(all, "SET memory_limit = "+Literal(itoa(s.MemoryMB)+"MiB"))
	}
	if len(s.Folders) > 0 {
		all = append(all, "SET allowed_directories = ["+strings.Join(folders(s.Folders), ", ")+"]")
	}
	if s.Save != "" {
		all = append(all, "SET allowed_paths = ["+Literal(beside(s.Save))+"]")
	}
	return append(all, "SET enable_external_access = false", "SET lock_configuration = true")
}

// folders are the folders as DuckDB compares them with the paths of files: by their beginning, signs of patterns included
// as views write them.
func folders(list []string) []string {
	var all []string
	for _, f := range list {
		f = strings.TrimSuffix(f, "/") + "/"
		all = append(all, Literal(f))
		if escaped := strings.NewReplacer("[", "[[]", "*", "[*]", "?", "[?]").Replace(f); escaped != f {
			all = append(all, Literal(escaped))
		}
	}
	return all
}

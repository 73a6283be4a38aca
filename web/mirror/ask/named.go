package ask

import (
	"slices"
	"strings"

	"github.com/ai-data-analyst/broker/web/mirror/lex"
)

// reaching are functions and schemas that reach tables, or tell of them, without their names standing in the statement.
var reaching = []string{"query", "query_table", "read_parquet", "parquet_scan", "parquet_metadata", "parquet_schema", "parquet_file_metadata", "glob", "read_blob", "read_text",
	"information_schema", "pg_catalog", "sqlite_master", "show"}

// ours are qualifiers under which short names stand too.
var ours = []string{"main", "analytics", "lake", "memory"}

// Named says which of some tables, as "namespace.table", a statement names, with the namespace or without: maybe more than
// it reads, never less. sure is false when the statement can reach tables without naming them.
func Named(sql string, tables []string) (named []string, sure bool) {
	tokens, err := lex.Split(sql)
	if err != nil {
		return nil, false
	}
	sure = true
	full, short := map[string]bool{}, map[string]bool{}
	for i, t := range tokens {
		if t.Kind == lex.Text && i > 0 && (tokens[i-1].Is("from") || tokens[i-1].Is("join") || tokens[i-1].Sign(",")) && strings.ContainsAny(t.Text, "./") {
			sure = false // a file, perhaps
		}
		if t.Kind != lex.Word && t.Kind != lex.Name {
			continue
		}
		name := strings.ToLower(t.Text)
		if slices.Contains(reaching, name) || strings.HasPrefix(name, "duckdb_") || strings.HasPrefix(name, "pragma_") || strings.HasPrefix(name, "pg_") {
			sure = false
		}
		qualifier := ""
		if i > 1 && tokens[i-1].Sign(".") && tokens[i-2].Kind <= lex.Name {
			qualifier = strings.ToLower(tokens[i-2].Text)
			full[qualifier+"."+name] = true
		}
		if qualifier == "" || slices.Contains(ours, qualifier) {
			short[name] = true
		}
	}
	for _, table := range tables {
		name := strings.ToLower(table)
		_, last, _ := strings.Cut(name, ".")
		if full[name] || short[last] || short[name] {
			named = append(named, table)
		}
	}
	return named, sure
}

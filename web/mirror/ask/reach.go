package ask

import (
	"strings"

	"github.com/ai-data-analyst/broker/web/mirror/lex"
)

// Reaches names a function of a statement that reads files, settings or secrets, writes logs, waits, or runs SQL of its own; ""
// when there is none, or the statement cannot be taken apart. The session decides what such a function may see; this is for
// doors that offer none of them, like the server's.
func Reaches(sql string) string {
	tokens, err := lex.Split(sql)
	if err != nil {
		return ""
	}
	for i, t := range tokens {
		called := i+1 < len(tokens) && tokens[i+1].Sign("(")
		if (t.Kind == lex.Word || t.Kind == lex.Name) && called && outside(strings.ToLower(t.Text)) {
			return strings.ToLower(t.Text)
		}
	}
	return ""
}

func outside(function string) bool {
	switch function {
	case "glob", "query", "query_table", "getenv", "current_setting", "sleep_ms", "pg_sleep", "write_log", "which_secret",
		"duckdb_settings", "duckdb_secrets", "duckdb_logs", "duckdb_logs_parsed", "duckdb_temporary_files", "duckdb_databases", "duckdb_extensions", "duckdb_memory":
		return true
	}
	for _, prefix := range []string{"read_", "sniff_", "parquet_"} {
		if strings.HasPrefix(function, prefix) {
			return true
		}
	}
	return strings.HasSuffix(function, "_scan")
}

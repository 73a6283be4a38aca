//go:build cgo

package engine

import (
	"encoding/json"
	"fmt"
	"strings"

	duckdb "github.com/duckdb/duckdb-go-bindings"

	"github.com/ai-data-analyst/broker/plugins/service/duckdb/columns"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/sdk/service"
)

// offered are the functions that stand for a table in a statement: those that compute, or tell of this query's own
// catalog. Whatever reads files, memory or settings, writes logs or runs SQL of its own is not among them.
func offered(function string) bool {
	switch function {
	case "range", "generate_series", "unnest", "repeat", "repeat_row", "histogram", "histogram_values", "summary", "json_each", "json_tree",
		"duckdb_tables", "duckdb_views", "duckdb_columns", "duckdb_schemas", "duckdb_constraints", "duckdb_functions", "duckdb_types",
		"duckdb_keywords", "pragma_table_info", "pragma_show", "pragma_version", "pragma_collations", "icu_calendar_names",
		"pg_timezone_names", "test_all_types":
		return true
	}
	return false
}

// withheld are functions of values that wait, log or tell of the server.
func withheld(function string) bool {
	switch function {
	case "sleep_ms", "pg_sleep", "write_log", "current_setting":
		return true
	}
	return false
}

// hidden are tables of the catalog that tell of the server.
func hidden(table string) bool {
	switch table {
	case "duckdb_settings", "pg_settings", "duckdb_logs", "duckdb_secrets":
		return true
	}
	return false
}

const helpRead = "Ask with one SELECT, WITH, FROM, VALUES, DESCRIBE, SUMMARIZE, SHOW or EXPLAIN of one of these."

func refuse(format string, args ...any) error {
	return &fault.Fault{Code: fault.Config, Path: service.SQLPath, Scope: service.ScopeReadOnly, What: fmt.Sprintf(format, args...), Help: helpRead}
}

// prepare checks that sql is one read and compiles it. The caller destroys what it gets.
func (d *database) prepare(sql string) (*duckdb.PreparedStatement, error) {
	if strings.ContainsRune(sql, 0) { // DuckDB reads to the first NUL
		return nil, &fault.Fault{Code: fault.Config, Path: service.SQLPath, What: "the statement holds a NUL"}
	}
	if err := d.inspect(sql); err != nil {
		return nil, err
	}
	var extracted duckdb.ExtractedStatements
	count := duckdb.ExtractStatements(d.conn, sql, &extracted)
	defer duckdb.DestroyExtracted(&extracted)
	if count == 0 {
		return nil, messageFault(duckdb.ExtractStatementsError(extracted))
	}
	if count > 1 {
		return nil, refuse("only one statement is answered")
	}
	statement := &duckdb.PreparedStatement{}
	if duckdb.PrepareExtractedStatement(d.conn, extracted, 0, statement) == duckdb.StateError {
		defer duckdb.DestroyPrepare(statement)
		return nil, messageFault(duckdb.PrepareError(*statement))
	}
	if kind := duckdb.PreparedStatementType(*statement); kind != duckdb.StatementTypeSelect && kind != duckdb.StatementTypeExplain {
		defer duckdb.DestroyPrepare(statement)
		return nil, refuse("the statement is no read")
	}
	return statement, nil
}

// inspect wants sql to be one read, or the EXPLAIN of one, by DuckDB's own parse of it, and looks at every table and
// function that it names. Nothing of sql is executed.
func (d *database) inspect(sql string) error {
	for {
		tree, err := d.parse(sql)
		if err != nil {
			return err
		}
		if !tree.Error {
			return tree.check()
		}
		if tree.Type != "not implemented" { // that is what is no SELECT
			return &fault.Fault{Code: fault.Config, Path: service.SQLPath, What: "the statement cannot be read: " + tidy(tree.Message)}
		}
		explained, ok := cutExplain(sql)
		if !ok {
			return refuse("only reading statements are answered")
		}
		sql = explained
	}
}

// cutExplain returns what follows a leading EXPLAIN [ANALYZE]. Comments before or between are not looked through, which
// only refuses more.
func cutExplain(sql string) (string, bool) {
	rest, ok := cutWord(sql, "EXPLAIN")
	if !ok {
		return "", false
	}
	if analyzed, ok := cutWord(rest, "ANALYZE"); ok {
		return analyzed, true
	}
	return rest, true
}

func cutWord(sql, word string) (string, bool) {
	sql = strings.TrimLeft(sql, " \t\r\n")
	if len(sql) <= len(word) || !strings.EqualFold(sql[:len(word)], word) || !strings.ContainsRune(" \t\r\n(", rune(sql[len(word)])) {
		return "", false
	}
	return sql[len(word):], true
}

// parsed is what json_serialize_sql says of a text.
type parsed struct {
	Error      bool              `json:"error"`
	Type       string            `json:"error_type"`
	Message    string            `json:"error_message"`
	Statements []json.RawMessage `json:"statements"`
}

func (d *database) parse(sql string) (tree parsed, err error) {
	var statement duckdb.PreparedStatement
	state := duckdb.Prepare(d.conn, "SELECT json_serialize_sql(?::VARCHAR)", &statement)
	defer duckdb.DestroyPrepare(&statement)
	if state == duckdb.StateError || duckdb.BindVarchar(statement, 1, sql) == duckdb.StateError {
		return tree, messageFault(duckdb.PrepareError(statement))
	}
	var result duckdb.Result
	state = duckdb.ExecutePrepared(statement, &result)
	defer duckdb.DestroyResult(&result)
	if state == duckdb.StateError {
		return tree, executionFault(&result)
	}
	chunk := duckdb.FetchChunk(result)
	defer duckdb.DestroyDataChunk(&chunk)
	if chunk.Ptr == nil || duckdb.DataChunkGetSize(chunk) != 1 {
		return tree, fault.New(fault.Bug, "DuckDB says nothing of the statement")
	}
	text := columns.Text(duckdb.DataChunkGetVector(chunk, 0))
	if err := json.Unmarshal(text, &tree); err != nil {
		return tree, &fault.Fault{Code: fault.Config, Path: service.SQLPath, What: "the statement is nested too deeply", Err: err}
	}
	return tree, nil
}

// check wants one statement that names nothing but what is offered.
func (p parsed) check() error {
	switch len(p.Statements) {
	case 0:
		return &fault.Fault{Code: fault.Config, Path: service.SQLPath, What: "there is no statement"}
	case 1:
	default:
		return refuse("only one statement is answered")
	}
	var tree any
	if err := json.Unmarshal(p.Statements[0], &tree); err != nil {
		return fault.Wrap(fault.Bug, err, "read DuckDB's parse of the statement")
	}
	return walk(tree)
}

// walk looks at every node of a parse.
func walk(node any) error {
	switch node := node.(type) {
	case []any:
		for _, child := range node {
			if err := walk(child); err != nil {
				return err
			}
		}
	case map[string]any:
		if err := look(node); err != nil {
			return err
		}
		for _, child := range node {
			if err := walk(child); err != nil {
				return err
			}
		}
	}
	return nil
}

// look refuses a node that names what is not offered.
func look(node map[string]any) error {
	if table, ok := node["table_name"].(string); ok && hidden(strings.ToLower(table)) {
		return refuse("the table %s is not offered", table)
	}
	if function, ok := node["function"].(map[string]any); ok && node["type"] == "TABLE_FUNCTION" {
		if name, _ := function["function_name"].(string); !offered(strings.ToLower(name)) {
			return refuse("the table function %.60s is not offered", name)
		}
	}
	if name, ok := node["function_name"].(string); ok && withheld(strings.ToLower(name)) {
		return refuse("the function %.60s is not offered", name)
	}
	return nil
}

// tidy is the first paragraph of a message of DuckDB, as one line: what follows shows the statement or a stack.
func tidy(message string) string {
	message, _, _ = strings.Cut(strings.TrimSpace(message), "\n\n")
	return strings.Join(strings.Fields(message), " ")
}

// executionFault says why a result failed.
func executionFault(result *duckdb.Result) error { return messageFault(duckdb.ResultError(result)) }

// messageFault gives a message of DuckDB its class, by the kind of error that it begins with.
func messageFault(message string) error {
	kind, text, found := strings.Cut(message, " Error: ")
	if !found {
		kind, text = "", message
	}
	f := &fault.Fault{Code: fault.Data, What: tidy(text)}
	switch kind {
	case "Catalog":
		f.Code, f.Path, f.Scope = fault.Config, service.SQLPath, service.ScopeUnknown
	case "Parser", "Syntax", "Binder", "Permission", "Invalid Input", "Not implemented", "Parameter Not Resolved", "Missing Extension", "Dependency":
		f.Code, f.Path = fault.Config, service.SQLPath
	case "Out of Memory":
		f.What = "the query needs more memory than it may have"
		f.Help = "Ask for less: fewer columns, a narrower filter, an aggregate with fewer groups."
	case "INTERRUPT":
		f.Code = fault.Cancelled
	case "IO":
		f.Code = fault.Transient
	case "INTERNAL", "FATAL":
		f.Code = fault.Bug
	}
	if strings.Contains(message, "bad_alloc") {
		f.Code, f.What = fault.Data, "the query needs more memory than it may have"
	}
	return f
}

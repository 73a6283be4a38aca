package duck

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
)

func itoa[T int | int64](n T) string { return strconv.FormatInt(int64(n), 10) }

// wrongSQL gives an error of DuckDB a class: a statement that it refuses is data, one that was cut off is what cut it, and a
// database file that cannot be opened says what is the matter with it (Y6).
func wrongSQL(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	var known *fault.Fault
	if errors.As(err, &known) {
		return err
	}
	if ctx.Err() != nil {
		return fault.Wrap(fault.Transient, ctx.Err(), "run the statement")
	}
	text := strings.TrimPrefix(strings.TrimSpace(err.Error()), "Error: ")
	f := &fault.Fault{Code: fault.Data, What: text, Err: err}
	for _, known := range knownErrors {
		if strings.Contains(text, known.sign) {
			f.Code, f.Help = known.code, known.help
			break
		}
	}
	return f
}

const (
	helpRebuild = "The views are made anew by: analyst doctor --fix. Your own database is never touched."
	helpSandbox = "SQL may read your tables and nothing else."
)

// knownErrors are what DuckDB says, and what a person can do.
var knownErrors = []struct {
	sign string
	code fault.Code
	help string
}{
	{"Could not set lock on file", fault.Transient, "Close it there, or open it read-only."},
	{"being used by another process", fault.Transient, "Close it there, or open it read-only."},
	{"Conflicting lock", fault.Transient, "Close it there, or open it read-only."},
	{"with version number", fault.Data, "It was made by another DuckDB. " + helpRebuild},
	{"newer version of DuckDB", fault.Data, helpRebuild},
	{"not a valid DuckDB database", fault.Data, helpRebuild},
	{"Corrupt database file", fault.Data, helpRebuild},
	{"Could not read enough bytes", fault.Data, helpRebuild},
	{"database does not exist", fault.Data, helpRebuild},
	{"No files found that match the pattern", fault.Data, "A file of the copy is missing. Run: analyst pull --verify"},
	{"Permission Error", fault.Data, helpSandbox},
	{"disabled by configuration", fault.Data, helpSandbox},
	{"configuration has been locked", fault.Data, helpSandbox},
	{"Table with name", fault.Data, "Your tables: analyst ls"},
	{"Out of Memory", fault.Data, "Ask for less: filter, aggregate, or name fewer columns."},
}

// ownTables asks the database "kept" for the tables in it that are no views.
const ownTables = "SELECT schema_name || '.' || table_name FROM duckdb_tables() WHERE NOT internal AND NOT temporary AND database_name = 'kept' ORDER BY 1"

// attaching opens a database file to look into it.
func attaching(path string) string { return "ATTACH " + Literal(path) + " AS kept (READ_ONLY)" }

// building are the statements that make a database file. It is detached at the end, so that all of it is in the one file.
func building(path string, statements []string) []string {
	all := []string{"ATTACH " + Literal(path) + " AS analytics", "USE analytics", "BEGIN"}
	return append(append(all, statements...), "COMMIT", "CHECKPOINT analytics", "USE memory", "DETACH analytics")
}

// saving writes a relation to a file beside the wanted one and gives it the name once it is whole.
func saving(to, relation string, run func(copying string) error) error {
	if to == "" {
		return fault.New(fault.Bug, "the session has no file to save to")
	}
	temp := beside(to)
	if err := run("COPY (\n" + relation + "\n) TO " + Literal(temp) + " (FORMAT parquet, USE_TMP_FILE false)"); err != nil {
		return errors.Join(err, remove(temp))
	}
	err := syncFile(temp)
	if err == nil {
		err = fault.Wrap(fault.Config, os.Rename(temp, to), "write "+to)
	}
	if err != nil {
		return errors.Join(err, remove(temp))
	}
	return nil
}

// beside is where a file is written before it has its name.
func beside(path string) string {
	return filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".partial")
}

func remove(path string) error {
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return fault.Wrap(fault.Config, err, "remove what was not finished")
	}
	return nil
}

// syncFile makes a new file durable.
func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return fault.Wrap(fault.Config, err, "sync "+path)
	}
	return fault.Wrap(fault.Config, errors.Join(f.Sync(), f.Close()), "sync "+path)
}

// drain reads rows to their end.
func drain(rows Rows) (all [][]*string, err error) {
	defer func() { err = errors.Join(err, rows.Close()) }()
	for {
		row, err := rows.Next()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		all = append(all, row)
	}
}

func firsts(rows [][]*string) []string {
	var names []string
	for _, row := range rows {
		if len(row) > 0 && row[0] != nil {
			names = append(names, *row[0])
		}
	}
	return names
}

// typedNames reads the answer to describing.
func typedNames(rows [][]*string) []api.TypedName {
	columns := make([]api.TypedName, 0, len(rows))
	for _, row := range rows {
		if len(row) == 2 && row[0] != nil && row[1] != nil {
			columns = append(columns, api.TypedName{Name: *row[0], Type: *row[1]})
		}
	}
	return columns
}

package duck

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/ai-data-analyst/broker/sdk/fault"
)

func itoa[T int | int64](n T) string { return strconv.FormatInt(int64(n), 10) }

// textOf is a value of a driver as text: a text stays as it is, others are written plainly, for people.
func textOf(v any) *string {
	var text string
	switch v := v.(type) {
	case nil:
		return nil
	case string:
		text = v
	case []byte:
		text = string(v)
	case time.Time:
		text = v.Format("2006-01-02 15:04:05.999999")
	default:
		text = fmt.Sprint(v)
	}
	return &text
}

// wrongSQL gives an error of DuckDB a class: a statement that it refuses is data, one that was cut off is what cut it.
func wrongSQL(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return fault.Wrap(fault.Transient, ctx.Err(), "run the statement")
	}
	text := strings.TrimSpace(err.Error())
	f := &fault.Fault{Code: fault.Data, What: text, Err: err}
	switch {
	case strings.Contains(text, "Table with name"):
		f.Help = "Your tables: analyst ls"
	case strings.Contains(text, "Permission Error"), strings.Contains(text, "disabled by configuration"), strings.Contains(text, "configuration has been locked"):
		f.Help = "SQL may read your tables and nothing else."
	case strings.Contains(text, "Out of Memory"):
		f.Help = "Ask for less: filter, aggregate, or name fewer columns."
	}
	var known *fault.Fault
	if errors.As(err, &known) {
		return err
	}
	return f
}

// ownTables asks a database for the tables in it that are no views.
const ownTables = "SELECT schema_name || '.' || table_name AS name FROM duckdb_tables() WHERE NOT internal AND NOT temporary ORDER BY 1"

// syncFile makes a new database file durable.
func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return fault.Wrap(fault.Config, err, "sync the database of views")
	}
	return fault.Wrap(fault.Config, errors.Join(f.Sync(), f.Close()), "sync the database of views")
}

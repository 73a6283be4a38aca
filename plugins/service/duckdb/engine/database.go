//go:build cgo

package engine

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	duckdb "github.com/duckdb/duckdb-go-bindings"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/sdk/service"
)

func library() string { return duckdb.LibraryVersion() }

func available() error { return nil }

// database is one DuckDB in memory with one connection, for one query.
type database struct {
	handle duckdb.Database
	conn   duckdb.Connection
}

// openDatabase starts a DuckDB that loads nothing.
func (e *engine) openDatabase(memory int64, scratch string) (*database, error) {
	var config duckdb.Config
	if duckdb.CreateConfig(&config) == duckdb.StateError {
		return nil, fault.New(fault.Bug, "DuckDB makes no configuration")
	}
	defer duckdb.DestroyConfig(&config)
	settings := [][2]string{
		{"threads", strconv.Itoa(e.settings.Threads)},
		{"memory_limit", strconv.FormatInt(memory>>20, 10) + "MiB"},
		{"temp_directory", scratch},
		{"autoinstall_known_extensions", "false"},
		{"autoload_known_extensions", "false"},
		{"allow_community_extensions", "false"},
		{"allow_persistent_secrets", "false"},
	}
	if scratch != "" {
		settings = append(settings, [2]string{"max_temp_directory_size", strconv.Itoa(e.settings.ScratchMB) + "MiB"})
	}
	for _, s := range settings {
		if duckdb.SetConfig(config, s[0], s[1]) == duckdb.StateError {
			return nil, fault.Newf(fault.Bug, "DuckDB does not know the setting %s", s[0])
		}
	}
	d := &database{}
	var message string
	if duckdb.OpenExt("", &d.handle, config, &message) == duckdb.StateError {
		return nil, fault.Newf(fault.Transient, "DuckDB does not start: %s", message)
	}
	if duckdb.Connect(d.handle, &d.conn) == duckdb.StateError {
		duckdb.Close(&d.handle)
		return nil, fault.New(fault.Transient, "DuckDB takes no connection")
	}
	return d, nil
}

func (d *database) close() {
	duckdb.Disconnect(&d.conn)
	duckdb.Close(&d.handle)
}

// exec runs a statement of our own.
func (d *database) exec(sql string) error {
	var result duckdb.Result
	state := duckdb.Query(d.conn, sql, &result)
	defer duckdb.DestroyResult(&result)
	if state == duckdb.StateError {
		return executionFault(&result)
	}
	return nil
}

// furnish makes the views of the tables, then shuts every door: only the parts can be opened, and no setting changed.
func (d *database) furnish(tables []service.Table, parts map[string][]string) error {
	var all []string
	for _, t := range tables {
		all = append(all, parts[t.Namespace+"."+t.Name]...)
	}
	if err := d.exec("SET allowed_paths = [" + list(all) + "]"); err != nil {
		return err
	}
	for _, statement := range views(tables, parts) {
		if err := d.exec(statement); err != nil {
			return err
		}
	}
	for _, setting := range []string{"enable_external_access = false", "lock_configuration = true"} {
		if err := d.exec("SET " + setting); err != nil {
			return fault.Wrap(fault.Bug, err, "shut the engine")
		}
	}
	return nil
}

// limits of a query that ignores the interrupt.
const (
	interruptEvery = 20 * time.Millisecond
	giveUpAfter    = 10 * time.Second
)

// during calls f and interrupts what DuckDB does in it once ctx has ended, again and again: an interrupt that comes
// before a statement starts is forgotten by DuckDB. A function of DuckDB that never looks up holds its threads for ever;
// then the process ends, and the host starts another.
func (d *database) during(ctx context.Context, log service.Logger, f func() error) error {
	ended, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case <-ended:
			return
		case <-ctx.Done():
		}
		tick := time.NewTicker(interruptEvery)
		defer tick.Stop()
		for begun := time.Now(); ; {
			duckdb.Interrupt(d.conn)
			select {
			case <-ended:
				return
			case <-tick.C:
			}
			if time.Since(begun) > giveUpAfter {
				log.Warn("a query cannot be interrupted; the engine ends itself")
				os.Exit(1)
			}
		}
	}()
	defer func() {
		close(ended)
		<-watched // before the connection closes
	}()
	return f()
}

// list is SQL's list of texts.
func list(texts []string) string {
	quoted := make([]string, len(texts))
	for i, t := range texts {
		quoted[i] = literal(t)
	}
	return strings.Join(quoted, ", ")
}

func literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

func identifier(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// views are the statements that make each table the view <namespace>.<name>, and main.<name> where that is unique.
func views(tables []service.Table, parts map[string][]string) []string {
	var statements []string
	named := map[string]int{}
	made := map[string]bool{"main": true}
	for _, t := range tables {
		named[t.Name]++
	}
	for _, t := range tables {
		if !made[t.Namespace] {
			made[t.Namespace] = true
			statements = append(statements, "CREATE SCHEMA "+identifier(t.Namespace))
		}
		full := identifier(t.Namespace) + "." + identifier(t.Name)
		statements = append(statements, "CREATE VIEW "+full+" AS "+source(t, parts[t.Namespace+"."+t.Name]))
		if t.Namespace != "main" && named[t.Name] == 1 {
			statements = append(statements, "CREATE VIEW main."+identifier(t.Name)+" AS FROM "+full)
		}
	}
	return statements
}

// source reads a table's parts, columns by field id: renamed ones are found, later ones are NULL in older parts.
func source(t service.Table, parts []string) string {
	columns := make([]string, len(t.Columns))
	if len(parts) == 0 {
		for i, c := range t.Columns {
			columns[i] = "CAST(NULL AS " + c.Type + ") AS " + identifier(c.Name)
		}
		return "SELECT " + strings.Join(columns, ", ") + " WHERE false"
	}
	for i, c := range t.Columns {
		columns[i] = fmt.Sprintf("%d: {name: %s, type: %s, default_value: NULL}", c.ID, literal(c.Name), literal(c.Type))
	}
	return "SELECT * FROM read_parquet([" + list(parts) + "], schema = MAP {" + strings.Join(columns, ", ") + "})"
}

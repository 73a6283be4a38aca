//go:build cgo

package engine_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	duckdb "github.com/duckdb/duckdb-go-bindings"

	"github.com/ai-data-analyst/broker/plugins/service/duckdb/engine"
	"github.com/ai-data-analyst/broker/sdk/dial"
	"github.com/ai-data-analyst/broker/sdk/serve"
	"github.com/ai-data-analyst/broker/sdk/service"
	"github.com/ai-data-analyst/broker/sdk/service/servicetest"
)

// TestMain is the plugin itself when a host has started it.
func TestMain(m *testing.M) {
	if os.Getenv("BROKER_PLUGIN") != "" {
		serve.Service(engine.Plugin())
	}
	os.Exit(m.Run())
}

// write makes Parquet files with DuckDB, as the lake's writer does: with field ids.
func write(t *testing.T, statements ...string) {
	t.Helper()
	var db duckdb.Database
	var conn duckdb.Connection
	if duckdb.Open("", &db) == duckdb.StateError || duckdb.Connect(db, &conn) == duckdb.StateError {
		t.Fatal("DuckDB does not start")
	}
	defer duckdb.Close(&db)
	defer duckdb.Disconnect(&conn)
	for _, sql := range statements {
		var result duckdb.Result
		if duckdb.Query(conn, sql, &result) == duckdb.StateError {
			t.Fatalf("%s: %s", sql, duckdb.ResultError(&result))
		}
		duckdb.DestroyResult(&result)
	}
}

// orders is a table of two parts; the second was written after a column came and another was renamed.
func orders(t *testing.T) service.Table {
	t.Helper()
	dir := t.TempDir()
	first, second := filepath.Join(dir, "1.parquet"), filepath.Join(dir, "2.parquet")
	write(t,
		"COPY (SELECT range::BIGINT AS id, 'new' AS state FROM range(1000)) TO '"+first+"' (FORMAT parquet, FIELD_IDS {id: 1, state: 2})",
		"COPY (SELECT (1000 + range)::BIGINT AS id, 'paid' AS status, 1.50::DECIMAL(10,2) AS total FROM range(500)) TO '"+second+"' (FORMAT parquet, FIELD_IDS {id: 1, status: 2, total: 3})")
	return service.Table{Namespace: "shop", Name: "orders", Parts: []string{first, second}, Columns: []service.TableColumn{
		{ID: 1, Name: "id", Type: "BIGINT"}, {ID: 2, Name: "status", Type: "VARCHAR"}, {ID: 3, Name: "total", Type: "DECIMAL(10,2)"},
	}}
}

func built(context.Context) (service.Service, func() error, error) {
	s, err := engine.Plugin().Build()
	return s, nil, err
}

// far is the plugin in a process of its own.
func far(ctx context.Context) (service.Service, func() error, error) {
	path, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	client, err := dial.CommandOf(ctx, dial.KindService, path)
	if err != nil {
		return nil, nil, err
	}
	return client.Service(), client.Close, nil
}

func subject(t *testing.T, fresh func(context.Context) (service.Service, func() error, error)) servicetest.Subject {
	return servicetest.Subject{
		New: fresh, Settings: []byte(`{"memory_mb": 256, "threads": 1}`), Table: orders(t), Rows: 1500,
		Bad: []servicetest.Bad{{Settings: []byte(`{"memory_mb": 1}`), Path: "memory_mb"}, {Settings: []byte(`{"threads": 0}`), Path: "threads"}},
	}
}

func TestKeepsTheContract(t *testing.T)            { servicetest.Test(t, subject(t, built)) }
func TestKeepsTheContractOverTheWire(t *testing.T) { servicetest.Test(t, subject(t, far)) }

// session is an open engine in process.
func session(t *testing.T, settings string) service.Querier {
	t.Helper()
	q, end := open(t, settings, t.TempDir())
	t.Cleanup(end)
	return q
}

func open(t *testing.T, settings, dir string) (q service.Querier, end func()) {
	t.Helper()
	s, err := engine.Plugin().Build()
	if err != nil {
		t.Fatal(err)
	}
	opened, err := s.Open(t.Context(), service.Open{Settings: []byte(settings), WorkDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	return opened.(service.Querier), func() {
		if err := opened.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}
}

// ask returns the rows as text, NULL as Arrow writes it.
func ask(ctx context.Context, q service.Querier, request service.QueryRequest) (columns []service.Column, rows [][]string, err error) {
	result, err := q.Query(ctx, request)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, result.Close()) }()
	for result.Next(ctx) {
		record := result.Record()
		for i := range int(record.NumRows()) {
			row := make([]string, record.NumCols())
			for j, c := range record.Columns() {
				row[j] = c.ValueStr(i)
			}
			rows = append(rows, row)
		}
		record.Release()
	}
	return result.Columns(), rows, result.Err()
}

func one(t *testing.T, q service.Querier, request service.QueryRequest) string {
	t.Helper()
	_, rows, err := ask(t.Context(), q, request)
	if err != nil || len(rows) != 1 || len(rows[0]) != 1 {
		t.Fatalf("%s: %v %v", request.SQL, rows, err)
	}
	return rows[0][0]
}

func many(t *testing.T, parts int) service.Table {
	t.Helper()
	table := orders(t)
	dir := t.TempDir()
	table.Parts = table.Parts[:1]
	text, err := os.ReadFile(table.Parts[0])
	if err != nil {
		t.Fatal(err)
	}
	table.Parts = nil
	for i := range parts {
		path := filepath.Join(dir, fmt.Sprintf("%d.parquet", i))
		if err := os.WriteFile(path, text, 0o400); err != nil {
			t.Fatal(err)
		}
		table.Parts = append(table.Parts, path)
	}
	return table
}

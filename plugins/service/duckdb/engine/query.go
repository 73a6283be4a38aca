//go:build cgo

package engine

import (
	"context"
	"os"
	"path/filepath"
	"strconv"

	duckdb "github.com/duckdb/duckdb-go-bindings"

	"github.com/ai-data-analyst/broker/plugins/service/duckdb/columns"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/sdk/service"
)

// query answers one request with a DuckDB of its own.
func (e *engine) query(ctx context.Context, request service.QueryRequest, out *service.Result) (err error) {
	folder, err := os.MkdirTemp(e.folder, "q")
	if err != nil {
		return fault.Wrap(fault.Transient, err, "make the folder of a query")
	}
	defer func() {
		if clear := os.RemoveAll(folder); err == nil {
			err = fault.Wrap(fault.Transient, clear, "clear the folder of a query")
		}
	}()
	parts, err := link(folder, request.Tables)
	if err != nil {
		return err
	}
	memory, scratch := int64(e.settings.MemoryMB)<<20, ""
	if request.MemoryBytes > 0 {
		memory = min(memory, request.MemoryBytes)
	}
	if e.settings.ScratchMB > 0 {
		scratch = filepath.Join(folder, "scratch")
	}
	d, err := e.openDatabase(memory, scratch)
	if err != nil {
		return err
	}
	defer d.close()
	return d.during(ctx, e.log, func() error {
		if err := d.furnish(request.Tables, parts); err != nil {
			return fault.Wrap(fault.CodeOf(err), err, "open the tables")
		}
		statement, err := d.prepare(request.SQL)
		if err != nil {
			return err
		}
		defer duckdb.DestroyPrepare(statement)
		return d.run(*statement, out)
	})
}

// link gives each part a short name of its own in folder, <table>/<n>.parquet, and returns those names by table. Where
// links cannot be made the parts keep their own.
func link(folder string, tables []service.Table) (map[string][]string, error) {
	names := map[string][]string{}
	for _, t := range tables {
		table := t.Namespace + "." + t.Name
		dir := filepath.Join(folder, table)
		if err := os.Mkdir(dir, 0o700); err != nil {
			return nil, fault.Wrap(fault.Transient, err, "name the parts of a table")
		}
		for i, part := range t.Parts {
			name := filepath.Join(dir, strconv.Itoa(i+1)+".parquet")
			if !filepath.IsAbs(part) {
				return nil, fault.Newf(fault.Bug, "table %s: the path of a part is not absolute", table)
			}
			if err := os.Symlink(part, name); err != nil {
				name = part
			}
			names[table] = append(names[table], name)
		}
	}
	return names, nil
}

// run streams the result: what is not asked for is not computed.
func (d *database) run(statement duckdb.PreparedStatement, out *service.Result) error {
	var pending duckdb.PendingResult
	state := duckdb.PendingPreparedStreaming(statement, &pending)
	defer duckdb.DestroyPending(&pending)
	if state == duckdb.StateError {
		return messageFault(duckdb.PendingError(pending))
	}
	var result duckdb.Result
	state = duckdb.ExecutePending(pending, &result)
	defer duckdb.DestroyResult(&result)
	if state == duckdb.StateError {
		return executionFault(&result)
	}
	batches, err := columns.NewBatches(&result)
	if err != nil {
		return err
	}
	defer batches.Release()
	if err := out.Describe(batches.Columns()); err != nil {
		return err
	}
	for {
		chunk := duckdb.FetchChunk(result)
		if chunk.Ptr == nil {
			if message := duckdb.ResultError(&result); message != "" {
				return messageFault(message)
			}
			return batches.Flush(out)
		}
		err := batches.Add(chunk)
		duckdb.DestroyDataChunk(&chunk)
		if err == nil && batches.Full() {
			err = batches.Flush(out)
		}
		if err != nil {
			return err
		}
	}
}

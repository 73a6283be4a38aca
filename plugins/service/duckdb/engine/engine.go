// Package engine is the query engine: DuckDB behind the service contract.
//
// Each query has a DuckDB of its own, in memory, that holds views of exactly the tables that came with it. The statement
// is one read, checked on DuckDB's own parse; no file but the parts can be opened, nothing can be loaded, set or
// attached, and what outruns its memory or its time ends. A query sees nothing of another one.
package engine

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/sdk/service"
)

// Settings are the engine's, one `service "duckdb" { config { … } }` block. The host reads memory_mb, at_once and timeout
// too: they are what it asks of an engine.
type Settings struct {
	MemoryMB  int           `cfg:"memory_mb" doc:"Working memory of one query, in MiB." default:"1024" min:"64" max:"1048576"`
	AtOnce    int           `cfg:"at_once" doc:"Queries that run at the same time." default:"2" min:"1" max:"64"`
	Timeout   time.Duration `cfg:"timeout" doc:"Longest time of one query." default:"30s" min:"1s" max:"1h"`
	Threads   int           `cfg:"threads" doc:"Threads of one query." default:"2" min:"1" max:"256"`
	ScratchMB int           `cfg:"scratch_mb" doc:"Disk for what does not fit into a query's memory, in MiB; 0 = none." default:"0" min:"0" max:"1048576"`
}

// Plugin is the declaration of the service.
func Plugin() service.Author {
	return service.Plugin[Settings, *engine]{
		Name: "duckdb", Version: "1.0.0", Doc: "Answers queries near the data with DuckDB " + library() + ".",
		Open:  open,
		Close: func(e *engine) error { return os.RemoveAll(e.folder) },
		Check: check,
		Query: func(ctx context.Context, e *engine, q service.QueryRequest, out *service.Result) error {
			return e.query(ctx, q, out)
		},
	}
}

// engine is one opened session.
type engine struct {
	settings Settings
	folder   string // of its own, for the links to parts and for scratch files
	log      service.Logger
}

func open(_ context.Context, rt service.Runtime, s Settings) (*engine, error) {
	if err := available(); err != nil {
		return nil, err
	}
	if err := limitMemory(int64(s.AtOnce+1) * int64(s.MemoryMB) << 20); err != nil {
		return nil, fault.Wrap(fault.Config, err, "limit the memory of the process")
	}
	folder, err := os.MkdirTemp(rt.WorkDir, "duckdb-")
	if err != nil {
		return nil, fault.Wrap(fault.Config, err, "make the engine's folder")
	}
	return &engine{settings: s, folder: shorten(folder), log: rt.Log}, nil
}

// shorten makes the path relative where it lies below the working folder, which in service it does: then nothing of the
// server's folders shows in plans and messages.
func shorten(folder string) string {
	here, err := os.Getwd()
	if err != nil {
		return folder
	}
	relative, err := filepath.Rel(here, folder)
	if err != nil || relative == ".." || strings.HasPrefix(relative, ".."+string(filepath.Separator)) {
		return folder
	}
	return relative
}

// check runs the smallest query.
func check(ctx context.Context, e *engine) error {
	session, err := service.Plugin[struct{}, *engine]{
		Name: "check", Version: "1",
		Open: func(context.Context, service.Runtime, struct{}) (*engine, error) { return e, nil },
		Query: func(ctx context.Context, e *engine, q service.QueryRequest, out *service.Result) error {
			return e.query(ctx, q, out)
		},
	}.Build()
	if err != nil {
		return err
	}
	opened, err := session.Open(ctx, service.Open{})
	if err != nil {
		return err
	}
	rows, err := opened.(service.Querier).Query(ctx, service.QueryRequest{SQL: "SELECT 1"})
	if err != nil {
		return err
	}
	defer rows.Close() //nolint:errcheck // Err says what went wrong
	for rows.Next(ctx) {
		rows.Record().Release()
	}
	return rows.Err()
}

//go:build !cgo || lite

package duck

import (
	"context"
	"os/exec"
	"path/filepath"

	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Default is the engine of this program: a duckdb on PATH, where there is one.
func Default() Engine {
	if p, ok := onPath(); ok {
		return p
	}
	return none{}
}

// onPath finds the duckdb program. A name in the working folder does not count.
func onPath() (Engine, bool) {
	path, err := exec.LookPath("duckdb")
	if err != nil {
		return nil, false
	}
	if path, err = filepath.Abs(path); err != nil {
		return nil, false
	}
	return Program{Path: path}, true
}

// none is the engine of a program that has none.
type none struct{}

func missing() error {
	return fault.New(fault.Config, "this analyst has no DuckDB inside, and there is no duckdb program on PATH").
		WithHelp("Install DuckDB (https://duckdb.org) so that \"duckdb\" runs, or the analyst with DuckDB inside; or ask the server: analyst query --remote")
}

func (none) Kind() string                                        { return "none" }
func (none) Version(context.Context) (string, error)             { return "", missing() }
func (none) Build(context.Context, string, []string) error       { return missing() }
func (none) OwnTables(context.Context, string) ([]string, error) { return nil, missing() }
func (none) Open(context.Context, Session) (Conn, error)         { return nil, missing() }

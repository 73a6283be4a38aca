//go:build !cgo || lite

package duck_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/mirror/duck"
)

// Without DuckDB inside and without one on PATH, everything says how to get one.
func TestNone(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	engine := duck.Default()
	if engine.Kind() != "none" {
		t.Fatal(engine.Kind())
	}
	_, version := engine.Version(t.Context())
	_, own := engine.OwnTables(t.Context(), "x")
	_, open := engine.Open(t.Context(), duck.Session{})
	for _, err := range []error{version, own, open, engine.Build(t.Context(), "x", nil)} {
		if fault.CodeOf(err) != fault.Config || fault.HelpOf(err) == "" {
			t.Errorf("%v", err)
		}
	}
	for _, name := range []string{"duckdb", "duckdb.exe"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\necho 'v9.9.9 (Name) abc'\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if kind := duck.Default().Kind(); kind != "path" {
		t.Error(kind)
	}
	t.Chdir(dir)
	t.Setenv("PATH", ".")
	if kind := duck.Default().Kind(); kind != "none" {
		t.Errorf("a duckdb in the working folder was taken: %s", kind)
	}
}

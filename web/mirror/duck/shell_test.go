//go:build cgo && !lite

package duck_test

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/ai-data-analyst/broker/web/mirror/duck"
)

// shell builds the program that stands for DuckDB's command line, once.
var shell = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "duckdb-shell-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "duckdb.exe")
	out, err := exec.Command("go", "build", "-o", path, "./testdata/duckdb").CombinedOutput()
	if err != nil {
		return "", errors.New(string(out))
	}
	return path, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := shell(); err == nil {
		os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// both runs a test with DuckDB inside and beside.
func both(t *testing.T, test func(t *testing.T, engine duck.Engine)) {
	t.Helper()
	path, err := shell()
	if err != nil {
		t.Fatal(err)
	}
	for _, engine := range []duck.Engine{duck.Default(), duck.Program{Path: path}} {
		t.Run(engine.Kind(), func(t *testing.T) { test(t, engine) })
	}
}

func open(t *testing.T, engine duck.Engine, s duck.Session) duck.Conn {
	t.Helper()
	conn, err := engine.Open(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
	return conn
}

// texts are a result's rows, NULL as "∅".
func texts(rows duck.Rows, err error) ([][]string, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all [][]string
	for {
		row, err := rows.Next()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		line := make([]string, len(row))
		for i, v := range row {
			line[i] = "∅"
			if v != nil {
				line[i] = *v
			}
		}
		all = append(all, line)
	}
}

// built makes a database with a view over a Parquet file, in a folder with an awkward name.
func built(t *testing.T, engine duck.Engine) (dir, database string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "it's [a] %41 folder")
	for _, sub := range []string{"server", "user"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	part := filepath.Join(dir, "server", "part.parquet")
	maker := open(t, engine, duck.Session{Save: part})
	if err := maker.Save(t.Context(), "SELECT range AS id, 'n' || range AS name FROM range(5)", 0, nil); err != nil {
		t.Fatal(err)
	}
	database = filepath.Join(dir, "user", "analytics.duckdb")
	glob := strings.NewReplacer("[", "[[]").Replace(part)
	if err := engine.Build(t.Context(), database, []string{"CREATE SCHEMA shop", "CREATE VIEW shop.t AS SELECT * FROM read_parquet([" + duck.Literal(glob) + "])",
		"CREATE VIEW main.t AS SELECT * FROM shop.t", "COMMENT ON VIEW shop.t IS 'two\nlines; and ''quotes'' \\ and a back slash'"}); err != nil {
		t.Fatal(err)
	}
	return dir, database
}

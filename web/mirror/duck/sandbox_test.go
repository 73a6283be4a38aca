//go:build cgo && !lite

package duck_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/mirror/duck"
)

// G15: a session reads its folders and nothing beside them, by whichever way SQL knows to a file.
func TestG15_OnlyTheFoldersAreRead(t *testing.T) {
	both(t, func(t *testing.T, engine duck.Engine) {
		dir := t.TempDir()
		for name, text := range map[string]string{"ours/in.csv": "a\n1\n", "ours2/out.csv": "a\n42\n", "out.csv": "a\n42\n", "out.json": "{\"a\": 42}\n"} {
			if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		t.Setenv("SECRET", "42")
		conn := open(t, engine, duck.Session{Folders: []string{filepath.Join(dir, "ours")}})
		if got, err := texts(conn.Query(t.Context(), "SELECT a FROM read_csv("+duck.Literal(dir+"/ours/in.csv")+")", 0, nil)); err != nil || got[0][0] != "1" {
			t.Errorf("its own: %v, %v", got, err)
		}
		out := duck.Literal(dir + "/out.csv")
		for _, sql := range []string{
			"FROM " + out, "FROM read_csv(" + out + ")", "FROM read_text(" + out + ")", "FROM read_blob(" + out + ")", "FROM sniff_csv(" + out + ")", "FROM glob(" + duck.Literal(dir+"/*") + ")",
			"FROM read_csv(" + duck.Literal(dir+"/ours/../out.csv") + ")", "FROM read_csv(" + duck.Literal(dir+"/ours2/out.csv") + ")", "FROM read_csv(" + duck.Literal(dir+"/ours*/*.csv") + ")",
			"FROM read_csv([" + duck.Literal(dir+"/ours/in.csv") + ", " + out + "])", "FROM read_json(" + duck.Literal(dir+"/out.json") + ")", "FROM read_parquet(" + out + ")", "FROM parquet_metadata(" + out + ")",
			"FROM query('FROM read_csv(''" + dir + "/out.csv'')')", "FROM read_csv('http://127.0.0.1:1/x.csv')", "FROM read_csv('/dev/stdin')", "FROM read_text('/proc/self/environ')",
			"SELECT getenv('SECRET')", "FROM sqlite_scan(" + out + ", 'x')", "FROM read_csv('~/.profile')",
		} {
			got, err := texts(conn.Query(t.Context(), sql, 0, nil))
			if err == nil {
				t.Errorf("%s gave %v", sql, got)
			} else if fault.CodeOf(err) != fault.Data {
				t.Errorf("%s: %v", sql, err)
			}
		}
	})
}

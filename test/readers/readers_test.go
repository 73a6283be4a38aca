package readers_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/duckdb/duckdb-go/v2" // a reader
	"github.com/google/go-cmp/cmp"

	"github.com/ai-data-analyst/broker/test/binaries"
	"github.com/ai-data-analyst/broker/test/readers/rows"
	"github.com/ai-data-analyst/broker/test/readers/view"
)

const instance = `instance {
  name     = "Types"
  data_dir = "data"
}
plugins {
  dir   = "plugins.d"
  trust = "dev"
}
source "types" "t" {
  config {
    events  = %d
    evolved = %t
  }
}
`

const description = "```yaml\ntables:\n" + `
  - {id: everything, name: everything, folder: all, sync_strategy: incremental, partition_by: happened, partition_granularity: month, description: Every type}
  - {id: copy, name: copy, folder: all, sync_strategy: full_refresh, description: The newest events}
  - {id: visits, name: visits, folder: all, sync_strategy: partitioned, partition_by: happened_at, partition_granularity: month, description: Month by month}
  - {id: nothing, name: nothing, folder: all, sync_strategy: full_refresh, description: No rows}
` + "```\n"

// lake is an instance on disk with the all-types source.
type lake struct {
	t    *testing.T
	dir  string
	bin  string
	env  []string
	duck *sql.DB
}

// open makes the instance in a folder of its own, or in READERS_LAKE, where other readers look at it afterwards.
func open(t *testing.T) *lake {
	t.Helper()
	l := &lake{t: t, dir: os.Getenv("READERS_LAKE"), bin: t.TempDir()}
	if l.dir == "" {
		l.dir = t.TempDir()
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	if l.env, err = binaries.Build(root, l.bin); err != nil {
		t.Fatal(err)
	}
	plugin := exec.Command("go", "build", "-o", filepath.Join(l.dir, "plugins.d", "broker-connector-types"), "./test/readers/types")
	plugin.Dir, plugin.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := plugin.CombinedOutput(); err != nil {
		t.Fatalf("build the all-types source: %v\n%s", err, out)
	}
	if err := os.WriteFile(filepath.Join(l.dir, "data_description.md"), []byte(description), 0o600); err != nil {
		t.Fatal(err)
	}
	if l.duck, err = sql.Open("duckdb", ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.duck.Close() })
	return l
}

func (l *lake) broker(args ...string) string {
	l.t.Helper()
	cmd := exec.Command(filepath.Join(l.bin, "broker"), append(args, "--config", l.dir)...)
	cmd.Env = append(os.Environ(), l.env...)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		l.t.Fatalf("broker %s: %v\n%s%s", strings.Join(args, " "), err, out, errs.String())
	}
	return string(out)
}

func (l *lake) sync(events int64, evolved bool) {
	l.t.Helper()
	if err := os.WriteFile(filepath.Join(l.dir, "instance.hcl"), fmt.Appendf(nil, instance, events, evolved), 0o600); err != nil {
		l.t.Fatal(err)
	}
	l.broker("sync")
}

func (l *lake) tables() map[string]view.Table {
	l.t.Helper()
	var report struct{ Tables []view.Table }
	if err := json.Unmarshal([]byte(l.broker("tables", "--json", "--files")), &report); err != nil {
		l.t.Fatal(err)
	}
	tables := map[string]view.Table{}
	for _, one := range report.Tables {
		tables[one.Name] = one
	}
	return tables
}

// relation is a table as analysts see it: its files, columns by field id.
func (l *lake) relation(name string) string {
	l.t.Helper()
	from, err := l.tables()[name].Relation()
	if err != nil {
		l.t.Fatal(err)
	}
	return from
}

func (l *lake) texts(query string) [][]string {
	l.t.Helper()
	found, err := l.duck.Query(query)
	if err != nil {
		l.t.Fatalf("%v\n%s", err, query)
	}
	defer found.Close()
	columns, err := found.Columns()
	if err != nil {
		l.t.Fatal(err)
	}
	var all [][]string
	for found.Next() {
		row, places := make([]string, len(columns)), make([]any, len(columns))
		for i := range row {
			places[i] = &row[i]
		}
		if err := found.Scan(places...); err != nil {
			l.t.Fatal(err)
		}
		all = append(all, row)
	}
	if err := found.Err(); err != nil {
		l.t.Fatal(err)
	}
	return all
}

func (l *lake) same(what string, want, got [][]string) {
	l.t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		l.t.Errorf("%s (-source +DuckDB):\n%.3000s", what, diff)
	}
}

// G7: every type arrives as it left the source: first load, merge with deletes, rows that move to another partition, new
// columns in the middle of the table, and all of it again from the older generation.
func TestG7_DuckDBSeesTheSource(t *testing.T) {
	l := open(t)
	l.sync(300, false)
	plainQuery := rows.Query("(SELECT *, NULL::VARCHAR AS extra, NULL::STRUCT(n BIGINT)[] AS deep FROM " + l.relation("all.everything") + ")")
	l.same("first load", rows.Want(300, 300), l.texts(plainQuery))

	l.sync(450, true) // reads event 300 again, now with the new columns
	l.same("after the new columns", rows.Want(450, 299), l.texts(rows.Query(l.relation("all.everything"))))
	l.sync(600, true)
	l.same("after merges", rows.Want(600, 299), l.texts(rows.Query(l.relation("all.everything"))))
	l.same("the older files", rows.Want(300, 300), l.texts(plainQuery))

	var copies [][]string
	for e := int64(500); e <= 600; e++ {
		copies = append(copies, []string{fmt.Sprint(e * 7919 % rows.Keys), fmt.Sprint(e)})
	}
	got := l.texts("SELECT CAST(id AS VARCHAR), CAST(version AS VARCHAR) FROM " + l.relation("all.copy") + " ORDER BY version")
	l.same("full refresh", copies, got)
	l.same("replaced months", [][]string{{"299", "300", "299"}, {"100", "450", "399"}, {"201", "600", "600"}},
		l.texts("SELECT CAST(count(*) AS VARCHAR), CAST(seen AS VARCHAR), CAST(max(id) AS VARCHAR) FROM "+l.relation("all.visits")+" GROUP BY seen ORDER BY seen"))
	l.same("no rows", [][]string{{"0"}}, l.texts("SELECT CAST(count(*) AS VARCHAR) FROM "+l.relation("all.nothing")))
	if out := l.broker("lake", "verify", "--full"); !strings.Contains(out, " 0 findings") {
		t.Error(out)
	}
}

//go:build linux

// Package crash kills the real programs with SIGKILL while they sync a numbered source, and checks that what is
// published is always whole and in the end equal to the source. The same on every step of every file, and with more
// kills, is tested beside the lake itself.
package crash

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	_ "github.com/duckdb/duckdb-go/v2"

	"github.com/ai-data-analyst/broker/test/binaries"
)

const config = `instance {
  name     = "Crash"
  data_dir = "data"
}

plugins {
  dir   = "plugins.d"
  trust = "locked"
}

source "csv" "numbers" {
  config {
    path = "files"
  }
}
`

const description = "```yaml" + `
tables:
  - id: merged
    name: merged
    folder: n
    source: numbers
    primary_key: id
    sync_strategy: incremental
  - id: replaced
    name: replaced
    folder: n
    source: numbers
    sync_strategy: full_refresh
` + "```\n"

// instance is a configured broker with two files of numbered rows.
type instance struct {
	t    *testing.T
	bin  string
	dir  string
	rows int // in each file
	seen map[string]int
	rng  *rand.Rand
}

func newInstance(t *testing.T) *instance {
	t.Helper()
	root, err := filepath.Abs("../..")
	must(t, err)
	dir, err := os.MkdirTemp("/tmp", "k") // sockets need short paths
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	i := &instance{t: t, bin: t.TempDir(), dir: dir, seen: map[string]int{}, rng: rand.New(rand.NewPCG(3, 7))}
	env, err := binaries.Build(root, i.bin)
	must(t, err)
	for _, v := range env {
		name, value, _ := strings.Cut(v, "=")
		t.Setenv(name, value)
	}
	for _, folder := range []string{"plugins.d", "files"} {
		must(t, os.Mkdir(filepath.Join(dir, folder), 0o755))
	}
	plugin, err := os.ReadFile(filepath.Join(i.bin, "broker-connector-csv"))
	must(t, err)
	i.write("plugins.d/broker-connector-csv", plugin, 0o755)
	i.write("instance.hcl", []byte(config), 0o644)
	i.write("data_description.md", []byte(description), 0o644)
	if out, err := i.broker("plugins", "pin", "csv").CombinedOutput(); err != nil {
		t.Fatalf("pin: %v\n%s", err, out)
	}
	return i
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (i *instance) write(name string, content []byte, mode os.FileMode) {
	i.t.Helper()
	must(i.t, os.WriteFile(filepath.Join(i.dir, name), content, mode))
}

func (i *instance) broker(args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(i.bin, "broker"), append(args, "--config", filepath.Join(i.dir, "instance.hcl"))...)
	cmd.Dir = i.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd
}

// grow writes both files anew with more rows, complete and an hour old.
func (i *instance) grow() {
	i.t.Helper()
	i.rows += 50 + i.rng.IntN(200)
	var content bytes.Buffer
	content.WriteString("id,name\n")
	for n := range i.rows {
		fmt.Fprintf(&content, "%d,row %d\n", n, n)
	}
	old := time.Now().Add(-time.Hour).Add(time.Duration(i.rows) * time.Millisecond)
	for _, name := range []string{"merged", "replaced"} {
		temp, final := filepath.Join(i.dir, name+".new"), filepath.Join(i.dir, "files", name+".csv")
		must(i.t, os.WriteFile(temp, content.Bytes(), 0o644))
		must(i.t, os.Chtimes(temp, old, old))
		must(i.t, os.Rename(temp, final))
	}
}

// kill syncs and kills host or plugin after delay. It says whether the sync was faster.
func (i *instance) kill(delay time.Duration, plugin bool) (done bool) {
	i.t.Helper()
	var out bytes.Buffer
	cmd := i.broker("sync")
	cmd.Stdout, cmd.Stderr = &out, &out
	must(i.t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		if err != nil {
			i.t.Fatalf("sync: %v\n%s", err, out.String())
		}
		return true
	case <-time.After(delay):
	}
	if plugin {
		for _, pid := range i.plugins() {
			_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended by itself
		}
		<-ended // with or without success: the host lives and says so
		return false
	}
	must(i.t, cmd.Process.Kill())
	<-ended
	return false
}

// plugins lists the processes that run a copy of this instance's plugins.
func (i *instance) plugins() (pids []int) {
	links, err := filepath.Glob("/proc/[0-9]*/exe")
	must(i.t, err)
	for _, link := range links {
		target, err := os.Readlink(link)
		if err != nil || !strings.HasPrefix(target, i.dir) {
			continue // ended meanwhile, or somebody else's
		}
		pid, err := strconv.Atoi(strings.Split(link, "/")[2])
		must(i.t, err)
		pids = append(pids, pid)
	}
	return pids
}

type published struct {
	Tables []struct {
		Name  string
		Rows  int
		Files []string
	}
}

// inspect checks that every table is whole: rows 0 … n-1, each once, n never less than before and never more than the
// source has.
func (i *instance) inspect(db *sql.DB, complete bool) {
	i.t.Helper()
	var out, errs bytes.Buffer
	cmd := i.broker("tables", "--json", "--files")
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		i.t.Fatalf("tables: %v\n%s", err, errs.String())
	}
	var now published
	must(i.t, json.Unmarshal(out.Bytes(), &now))
	if complete && len(now.Tables) != 2 {
		i.t.Fatalf("%d tables", len(now.Tables))
	}
	for _, table := range now.Tables {
		var n, distinct, sum int
		query := fmt.Sprintf(`SELECT count(*), count(DISTINCT id), coalesce(sum(id), 0)::BIGINT FROM read_parquet(['%s'])`, strings.Join(table.Files, "','"))
		must(i.t, db.QueryRow(query).Scan(&n, &distinct, &sum))
		if n != distinct || sum != n*(n-1)/2 || n != table.Rows {
			i.t.Fatalf("%s: %d rows (it says %d), %d of them distinct, sum %d", table.Name, n, table.Rows, distinct, sum)
		}
		if n < i.seen[table.Name] || n > i.rows || complete && n != i.rows {
			i.t.Fatalf("%s: %d rows, there were %d, the source has %d", table.Name, n, i.seen[table.Name], i.rows)
		}
		i.seen[table.Name] = n
	}
}

// G2, G11: the broker or its plugin killed at any moment: no row lost, none repeated, nothing left running or lying about.
func TestG2_KilledBroker(t *testing.T) {
	kills := 40
	if testing.Short() {
		kills = 10
	}
	if more, err := strconv.Atoi(os.Getenv("KILLS")); err == nil {
		kills = more
	}
	db, err := sql.Open("duckdb", "")
	must(t, err)
	defer db.Close()
	i := newInstance(t)
	i.grow()
	began := time.Now()
	if out, err := i.broker("sync").CombinedOutput(); err != nil {
		t.Fatalf("sync: %v\n%s", err, out)
	}
	longest := time.Since(began)
	i.inspect(db, true)
	survived := 0
	for k := range kills {
		i.grow()
		if i.kill(time.Duration(i.rng.Int64N(int64(longest))), i.rng.IntN(3) == 0) {
			survived++
		}
		i.inspect(db, false)
		if k%10 == 9 || k == kills-1 {
			if out, err := i.broker("sync").CombinedOutput(); err != nil {
				t.Fatalf("sync after kills: %v\n%s", err, out)
			}
			i.inspect(db, true)
		}
	}
	t.Logf("%d kills, %d came too late, %d rows in the end", kills-survived, survived, i.rows)
	if survived > kills*3/4 {
		t.Errorf("%d of %d kills came too late to prove anything", survived, kills)
	}
	i.settled()
}

// settled checks what is left after the last run: no process, no draft, no temporary file, a lake that verifies.
func (i *instance) settled() {
	i.t.Helper()
	if out, err := i.broker("lake", "verify", "--full").CombinedOutput(); err != nil {
		i.t.Errorf("verify: %v\n%s", err, out)
	}
	if pids := i.plugins(); len(pids) > 0 {
		i.t.Errorf("plugins still run: %v", pids)
	}
	drafts, err := os.ReadDir(filepath.Join(i.dir, "data", "lake", "drafts"))
	if err != nil || len(drafts) > 0 {
		i.t.Errorf("drafts: %v, %v", drafts, err)
	}
	err = filepath.WalkDir(filepath.Join(i.dir, "data", "lake"), func(path string, d os.DirEntry, err error) error {
		if err == nil && strings.HasPrefix(d.Name(), ".tmp-") {
			i.t.Errorf("left behind: %s", path)
		}
		return err
	})
	must(i.t, err)
}

//go:build linux

package crash_test

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	_ "github.com/duckdb/duckdb-go/v2" // the reader

	"github.com/ai-data-analyst/broker/test/binaries"
)

// built is where TestMain put the programs, and the environment that they run with.
var (
	built    string
	builtEnv []string
)

func TestMain(m *testing.M) {
	code := 1
	dir, err := os.MkdirTemp("", "crash")
	if err == nil {
		err = build(dir)
	}
	if err == nil {
		code = m.Run()
	} else {
		fmt.Fprintln(os.Stderr, err)
	}
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

func build(dir string) (err error) {
	root, err := filepath.Abs("../..")
	if err != nil {
		return err
	}
	built = dir
	if builtEnv, err = binaries.Build(root, dir); err != nil {
		return err
	}
	numbers := exec.Command("go", "build", "-o", filepath.Join(dir, "broker-connector-numbers"), "./test/crash/numbers")
	numbers.Dir = root
	numbers.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := numbers.CombinedOutput(); err != nil {
		return fmt.Errorf("build the numbered source: %w\n%s", err, out)
	}
	return nil
}

// house is one instance on disk with the numbered source, and what is known of it.
type house struct {
	t        *testing.T
	dir      string // instance and source
	tmp      string // TMPDIR of its programs
	upstream int64
	seen     map[string]int64 // newest event that a reader has seen of each table
	db       *sql.DB
	output   string // of the last command that has ended
}

const instance = `instance {
  name     = "Numbers"
  data_dir = "data"
}
plugins {
  dir   = "plugins.d"
  trust = "dev"
}
server {
  listen = "127.0.0.1:0"
}
source "numbers" "n" {
  tables = [%s]
  config {
    upstream = "%[2]s/upstream"
    acked    = "%[2]s/acked"
    block    = "%[2]s/block"
    pause    = "2ms"
    step     = %[3]d
  }
}
`

const description = "```yaml\ntables:\n" + `
  - {id: orders, name: orders, folder: shop, sync_strategy: incremental, description: Orders}
  - {id: items, name: items, folder: shop, sync_strategy: incremental, description: Lines of orders}
  - {id: log, name: log, folder: shop, sync_strategy: incremental, description: Every event}
  - {id: sheet, name: sheet, folder: shop, sync_strategy: full_refresh, description: One edition}
` + "```\n"

func settle(t *testing.T, tables string, step int) *house {
	t.Helper()
	short, err := os.MkdirTemp("/tmp", "k") // sockets need short paths
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, dir: filepath.Join(short, "i"), tmp: filepath.Join(short, "t"), seen: map[string]int64{}}
	t.Cleanup(func() { h.end(); _ = os.RemoveAll(short) })
	program, err := os.ReadFile(filepath.Join(built, "broker-connector-numbers"))
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{h.tmp, filepath.Join(h.dir, "plugins.d")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{
		"instance.hcl": fmt.Sprintf(instance, tables, h.dir, step), "data_description.md": description,
		"plugins.d/broker-connector-numbers": string(program),
	} {
		if err := os.WriteFile(filepath.Join(h.dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if h.db, err = sql.Open("duckdb", ""); err != nil {
		t.Fatal(err)
	}
	h.db.SetMaxOpenConns(1)
	if _, err := h.db.Exec("SET threads = 1"); err != nil {
		t.Fatal(err)
	}
	return h
}

const all = `"orders", "items", "log", "sheet"`

func (h *house) end() {
	_ = h.db.Close()
	for _, pid := range h.plugins() {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

// happen lets events happen upstream. Readers of the source see the old number or the new one.
func (h *house) happen(events int64) {
	h.t.Helper()
	h.upstream += events
	path := filepath.Join(h.dir, "upstream")
	if err := os.WriteFile(path+".new", []byte(strconv.FormatInt(h.upstream, 10)), 0o644); err != nil {
		h.t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		h.t.Fatal(err)
	}
}

// command is broker on this instance.
func (h *house) command(args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(built, "broker"), append(args, "--config", h.dir)...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + h.tmp, "TMPDIR=" + h.tmp}, builtEnv...)
	return cmd
}

// run runs a command to its end and returns its exit code and stdout.
func (h *house) run(args ...string) (int, string) {
	h.t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := h.command(args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	code := exitCode(h.t, cmd.Run())
	h.output = stdout.String() + stderr.String()
	return code, stdout.String()
}

func exitCode(t *testing.T, err error) int {
	t.Helper()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if exit != nil {
		return exit.ExitCode()
	}
	return 0
}

// must runs a command that has to go well.
func (h *house) must(args ...string) string {
	h.t.Helper()
	code, out := h.run(args...)
	if code != 0 {
		h.t.Fatalf("broker %s exits with %d:\n%s", strings.Join(args, " "), code, h.output)
	}
	return out
}

// table is one published table, as "broker tables --json --files" says.
type table struct {
	Name  string
	Rows  int64
	Files []string
}

func (h *house) published() map[string]table {
	h.t.Helper()
	var report struct{ Tables []table }
	if err := json.Unmarshal([]byte(h.must("tables", "--json", "--files")), &report); err != nil {
		h.t.Fatal(err)
	}
	tables := map[string]table{}
	for _, one := range report.Tables {
		tables[one.Name] = one
	}
	return tables
}

type run struct {
	Table    string
	Status   string
	Attempts int
	EndedAt  *time.Time `json:"ended_at"`
	Error    *struct{ Code, Message string }
}

func (h *house) runs() []run {
	h.t.Helper()
	var report struct{ Runs []run }
	if err := json.Unmarshal([]byte(h.must("runs", "--json", "--limit", "1000")), &report); err != nil {
		h.t.Fatal(err)
	}
	return report.Runs
}

// plugins are the processes of this house's plugin.
func (h *house) plugins() []int {
	var pids []int
	entries, _ := os.ReadDir("/proc")
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		program, _ := os.Readlink("/proc/" + entry.Name() + "/exe")
		if strings.HasPrefix(program, h.dir+"/") {
			pids = append(pids, pid)
		}
	}
	return pids
}

// await waits until ok, and gives up after a minute.
func (h *house) await(what string, ok func() bool) {
	h.t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	late := time.After(time.Minute)
	for !ok() {
		select {
		case <-tick.C:
		case <-late:
			h.t.Fatalf("not within a minute: %s", what)
		}
	}
}

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// instance is a serving broker with the two tables of the noise connector.
type instance struct {
	bin, dir, url string
	server        *exec.Cmd
}

const config = `instance {
  name     = "bench"
  data_dir = "data"
}
server {
  limits {
    anonymous_per_minute = 0
    login_per_minute     = 0
    account_per_minute   = 0
  }
}
plugins {
  dir   = "plugins.d"
  trust = "dev"
}
access {
  admins = ["ada@example.com"]
}
source "noise" "noise" {
  config {
    rows = %d
    days = %d
    seed = %d
  }
}
`

const description = "# Bench\n\n```yaml\ntables:\n  - id: big\n    name: big\n    sync_strategy: full_refresh\n  - id: many\n    name: many\n    sync_strategy: partitioned\n    partition_by: day\n    partition_granularity: day\n```\n"

// serve makes the instance, syncs it once and serves it.
func serve(dir string, rows, days int64) (*instance, error) {
	bin, err := filepath.Abs("bin")
	if err != nil {
		return nil, err
	}
	i := &instance{bin: bin, dir: filepath.Join(dir, "instance")}
	if err := os.MkdirAll(filepath.Join(i.dir, "plugins.d"), 0o755); err != nil {
		return nil, err
	}
	build := exec.Command("go", "build", "-o", filepath.Join(i.dir, "plugins.d", "broker-connector-noise"), "./test/bench/noise")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the noise connector: %w\n%s", err, out)
	}
	for name, text := range map[string]string{"instance.hcl": fmt.Sprintf(config, rows, days, 1), "data_description.md": description} {
		if err := os.WriteFile(filepath.Join(i.dir, name), []byte(text), 0o644); err != nil {
			return nil, err
		}
	}
	if err := i.broker("sync"); err != nil {
		return nil, err
	}
	return i, i.start()
}

func (i *instance) broker(args ...string) error {
	cmd := exec.Command(filepath.Join(i.bin, "broker"), append(args, "--config", i.dir)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("broker %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}

func (i *instance) start() error {
	i.server = exec.Command(filepath.Join(i.bin, "broker"), "serve", "--config", i.dir, "--listen", "127.0.0.1:0")
	out, err := i.server.StdoutPipe()
	if err != nil {
		return err
	}
	if err := i.server.Start(); err != nil {
		return err
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if found := regexp.MustCompile(`http://\S+`).FindString(lines.Text()); found != "" {
			i.url = found
			return nil
		}
	}
	return fmt.Errorf("the server said no address")
}

func (i *instance) stop() {
	_ = i.server.Process.Signal(syscall.SIGTERM) //nolint:errcheck // Wait tells
	_ = i.server.Wait()                          //nolint:errcheck // the figures are there already
}

// requestsOf counts the requests of a pull with nothing new, by a proxy before the server.
func (i *instance) requestsOf(name string) (int64, error) {
	target, err := url.Parse(i.url)
	if err != nil {
		return 0, err
	}
	var asked atomic.Int64
	forward := httputil.NewSingleHostReverseProxy(target)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		r.Host = target.Host
		forward.ServeHTTP(w, r)
	}))
	defer proxy.Close()
	w, err := i.workspace(name, proxy.URL)
	if err != nil {
		return 0, err
	}
	if _, err := w.pull(); err != nil {
		return 0, err
	}
	before := asked.Load()
	_, err = w.pull()
	return asked.Load() - before, err
}

// token makes a token of a person.
func (i *instance) token(email string) (string, error) {
	out, err := exec.Command(filepath.Join(i.bin, "broker"), "tokens", "create", email, "--config", i.dir).Output()
	if err != nil {
		return "", fmt.Errorf("make a token: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

// workspace is a person's folder, signed in.
type workspace struct {
	dir string
	bin string
	env []string
}

func (i *instance) workspace(name, server string) (*workspace, error) {
	w := &workspace{dir: filepath.Join(filepath.Dir(i.dir), name), bin: i.bin}
	w.env = append(os.Environ(), "XDG_CONFIG_HOME="+filepath.Join(filepath.Dir(i.dir), name+".config"), "ANALYST_KEYCHAIN=off")
	token, err := i.token("ada@example.com")
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(w.dir, 0o755); err != nil {
		return nil, err
	}
	if _, err := w.run(token, "login", server, "--token-stdin"); err != nil {
		return nil, err
	}
	_, err = w.run("", "init", "--yes")
	return w, err
}

func (w *workspace) run(in string, args ...string) ([]byte, error) {
	cmd := exec.Command(filepath.Join(w.bin, "analyst"), args...)
	cmd.Dir, cmd.Env, cmd.Stdin = w.dir, w.env, strings.NewReader(in)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("analyst %s: %w\n%s%s", strings.Join(args, " "), err, out, errs.String())
	}
	return out, nil
}

// pull pulls and returns the seconds of the whole process.
func (w *workspace) pull() (float64, error) {
	begun := time.Now()
	out, err := w.run("", "pull", "--json")
	took := time.Since(begun).Seconds()
	if err != nil {
		return 0, err
	}
	var report struct{ Error any }
	if err := json.Unmarshal(out, &report); err != nil {
		return 0, fmt.Errorf("read the report of a pull: %w", err)
	}
	if report.Error != nil {
		return 0, fmt.Errorf("pull: %v", report.Error)
	}
	return took, nil
}

func sizeOf(folder string) int64 {
	total := int64(0)
	_ = filepath.WalkDir(folder, func(_ string, e fs.DirEntry, err error) error { //nolint:errcheck // what is not there has no size
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			total += info.Size()
		}
		return err
	})
	return total
}

func countOf(folder string) int {
	n := 0
	_ = filepath.WalkDir(folder, func(_ string, e fs.DirEntry, err error) error { //nolint:errcheck // what is not there has no files
		if err == nil && !e.IsDir() {
			n++
		}
		return err
	})
	return n
}

//go:build linux

// Package hostile_test runs every animal of the zoo beside a healthy plugin, in the smallest host there can be.
package hostile_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestMain builds the zoo and the host once; tests find them by the environment.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "zoo")
	if err == nil {
		err = build(dir)
	}
	if err == nil {
		err = look("zoo", "../../host/internal/supervisor", "../../sdk", "../../go.mod")
	}
	code := 1
	if err == nil {
		code = m.Run()
	} else {
		fmt.Fprintln(os.Stderr, err)
	}
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// look touches every source that build compiles, so that the result kept of an earlier test counts for these sources only.
func look(roots ...string) error {
	for _, root := range roots {
		err := filepath.WalkDir(root, func(path string, _ os.DirEntry, err error) error {
			if err == nil {
				_, err = os.Stat(path)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func build(dir string) error {
	for variable, source := range map[string]string{"ZOO": "./zoo", "TRIAL": "../../host/internal/supervisor/trial"} {
		path := filepath.Join(dir, strings.ToLower(variable))
		if out, err := exec.Command("go", "build", "-o", path, source).CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", source, err, out)
		}
		if err := os.Setenv(variable, path); err != nil {
			return err
		}
	}
	return nil
}

// house is a host's disk: a plugin folder, a state folder, a folder for sockets.
type house struct {
	t                   *testing.T
	plugins, state, run string
	limits              map[string]any
	plan                map[string]any
	options             map[string]any
}

// settle makes a house with the healthy plugin and those named.
func settle(t *testing.T, names ...string) *house {
	t.Helper()
	t.Parallel()
	root := t.TempDir()
	short, err := os.MkdirTemp("/tmp", "z")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(short) })
	h := &house{
		t: t, plugins: filepath.Join(root, "plugins.d"), state: filepath.Join(root, "state"), run: short,
		limits: map[string]any{
			"Start": 10 * time.Second, "Open": 10 * time.Second, "Health": 200 * time.Millisecond, "Answer": time.Second,
			"Stall": 30 * time.Second, "Drain": 500 * time.Millisecond, "Kill": 5 * time.Second, "Backoff": time.Millisecond,
		},
		plan: map[string]any{"Settings": map[string]any{}},
	}
	h.options = map[string]any{"Dir": h.plugins, "StateDir": h.state, "RunDir": h.run, "Trust": "dev", "Limits": h.limits}
	if err := os.Mkdir(h.plugins, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range append(names, "healthy") {
		h.drop(name)
	}
	return h
}

// drop puts an animal into the plugin folder.
func (h *house) drop(name string) string {
	h.t.Helper()
	path := filepath.Join(h.plugins, "broker-connector-"+name)
	script := "#!" + os.Getenv("ZOO") + "\n# " + name + "\n" // the name makes the hash its own
	if err := os.WriteFile(path, []byte(script), 0o755); err != nil {
		h.t.Fatal(err)
	}
	return path
}

type outcome struct {
	Rows     int64
	Messages int
	Names    []string
	Errors   []string
	Lend     string
	Help     string
	Code     string
	Exit     string
	Close    string
}

type plugin struct{ Name, Version, SHA256, Status, Reason string }

type report struct {
	Healthy outcome
	Tries   []outcome
	List    []plugin
	Doctor  struct {
		Plugin plugin
		Steps  []struct {
			Name string
			OK   bool
			Note string
		}
	}
	Log       string
	PeakBytes int64
	Processes []string
	Files     []string
}

// try runs the animal beside the healthy plugin in a host of its own. Whatever the animal does: the host ends by itself,
// the healthy plugin delivers every row, and nothing is left (G8, G11).
func (h *house) try(name string) report {
	h.t.Helper()
	before := census(h)
	host := h.host(name)
	var stdout, stderr bytes.Buffer
	host.Stdout, host.Stderr = &stdout, &stderr
	if err := host.Run(); err != nil {
		h.t.Fatalf("the host ended: %v\n%s", err, stderr.String())
	}
	var r report
	if err := json.Unmarshal(stdout.Bytes(), &r); err != nil {
		h.t.Fatal(err)
	}
	if crowd, _ := h.plan["Crowd"].(bool); !crowd {
		if r.Healthy.Rows != 20_000 || len(r.Healthy.Errors) != 1 || r.Healthy.Errors[0] != "" || r.Healthy.Exit != "" {
			h.t.Errorf("the healthy plugin: %d rows, errors %q, exit %q", r.Healthy.Rows, r.Healthy.Errors, r.Healthy.Exit)
		}
	}
	if len(r.Processes) > 0 {
		h.t.Errorf("processes left: %q", r.Processes)
	}
	for _, o := range r.Tries {
		if o.Close != "" {
			h.t.Errorf("close: %s", o.Close)
		}
	}
	for what := range census(h) {
		if !before[what] {
			h.t.Errorf("left behind: %s", what)
		}
	}
	return r
}

// host is a host of its own that carries out the plan.
func (h *house) host(name string) *exec.Cmd {
	h.t.Helper()
	h.plan["Name"], h.plan["Options"] = name, h.options
	input, err := json.Marshal(h.plan)
	if err != nil {
		h.t.Fatal(err)
	}
	host := exec.Command(os.Getenv("TRIAL"))
	host.Stdin = bytes.NewReader(input)
	host.Env = append(os.Environ(), "HOST_CANARY=canary-of-the-host")
	return host
}

// one is try of one run.
func (h *house) one(name string) (outcome, report) {
	h.t.Helper()
	r := h.try(name)
	if len(r.Tries) != 1 {
		h.t.Fatalf("%d tries", len(r.Tries))
	}
	return r.Tries[0], r
}

// census lists what could be left: processes of the zoo with this house's mark, private folders, sockets.
func census(h *house) map[string]bool {
	found := map[string]bool{}
	for _, pattern := range []string{filepath.Join(h.state, "run", "*"), filepath.Join(h.run, "*"), filepath.Join(h.state, "plugins", "*", ".copy-*")} {
		paths, _ := filepath.Glob(pattern)
		for _, path := range paths {
			found["file "+path] = true
		}
	}
	entries, _ := os.ReadDir("/proc")
	for _, entry := range entries {
		if _, err := strconv.Atoi(entry.Name()); err != nil {
			continue
		}
		environ, _ := os.ReadFile("/proc/" + entry.Name() + "/environ")
		cmdline, _ := os.ReadFile("/proc/" + entry.Name() + "/cmdline")
		if bytes.Contains(environ, []byte(h.state)) || bytes.Contains(cmdline, []byte(h.state)) {
			found["process "+entry.Name()+" "+string(cmdline)] = true
		}
	}
	return found
}

func contains(t *testing.T, what, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%s is %.1500q, want %q in it", what, text, part)
		}
	}
}

func without(t *testing.T, what, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if strings.Contains(text, part) {
			t.Errorf("%s holds %q: %.2000q", what, part, text)
		}
	}
}

// Package demo serves the demo instance for tests: the real programs, built once, on a free port of this machine, and
// workspaces of its people. For tests only.
package demo

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/test/binaries"
)

// Demo is a serving instance.
type Demo struct {
	Bin string // folder of the programs
	Dir string // the instance
	URL string // http://127.0.0.1:PORT
	env []string
}

// Workspace is a person's folder with everything pulled.
type Workspace struct {
	Dir   string
	Env   []string // of programs run there: the person's login, no keychain
	Token string
	bin   string
}

// Build builds the programs and makes the demo instance, without serving it.
func Build(t *testing.T) Demo {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	base, err := os.MkdirTemp("/tmp", "d") // sockets need short paths
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(base) })
	d := Demo{Bin: filepath.Join(base, "bin"), Dir: filepath.Join(base, "demo")}
	if d.env, err = binaries.Build(root, d.Bin); err != nil {
		t.Fatal(err)
	}
	if err := binaries.Link(root, d.Bin, "analyst", "broker-service-duckdb"); err != nil {
		t.Fatal(err)
	}
	d.Broker(t, "demo", "--dir", d.Dir, "--no-serve")
	return d
}

// Serve builds the instance and serves it until the test ends.
func Serve(t *testing.T) Demo {
	t.Helper()
	d := Build(t)
	d.Start(t)
	return d
}

// Start serves a built instance until the test ends.
func (d *Demo) Start(t *testing.T) {
	t.Helper()
	cmd := exec.Command(filepath.Join(d.Bin, "broker"), "serve", "--config", d.Dir, "--listen", "127.0.0.1:0")
	cmd.Env = append(os.Environ(), d.env...)
	log := &bytes.Buffer{}
	cmd.Stderr = log
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Errorf("stop the server: %v", err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("the server ended with %v\n%s", err, log)
		}
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if found := regexp.MustCompile(`http://\S+`).FindString(lines.Text()); found != "" {
			d.URL = found
			return
		}
	}
	t.Fatalf("the server said no address\n%s", log)
}

// Broker runs a command and returns what it prints.
func (d Demo) Broker(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command(filepath.Join(d.Bin, "broker"), args...)
	cmd.Env = append(os.Environ(), d.env...)
	return output(t, cmd)
}

// Workspace signs a person in, makes a workspace and pulls.
func (d Demo) Workspace(t *testing.T, email string) Workspace {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w := Workspace{Dir: filepath.Join(dir, "work"), bin: d.Bin, Env: append([]string{"PATH=" + d.Bin + ":" + os.Getenv("PATH"),
		"XDG_CONFIG_HOME=" + filepath.Join(dir, "config"), "HOME=" + dir, "ANALYST_KEYCHAIN=off"}, d.env...)}
	w.Token = strings.TrimSpace(d.Broker(t, "tokens", "create", email, "--config", d.Dir))
	cmd := w.Command("login", d.URL, "--token-stdin")
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(w.Token)
	output(t, cmd)
	cmd = w.Command("init", w.Dir, "--yes")
	cmd.Dir = dir
	output(t, cmd)
	w.Analyst(t, "pull")
	return w
}

// Command is analyst with these arguments, to be run in the workspace.
func (w Workspace) Command(args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(w.bin, "analyst"), args...)
	cmd.Dir, cmd.Env = w.Dir, w.Env
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

// Analyst runs analyst in the workspace and returns what it prints.
func (w Workspace) Analyst(t *testing.T, args ...string) string {
	t.Helper()
	return output(t, w.Command(args...))
}

func output(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", strings.Join(cmd.Args, " "), err, out, errs.Bytes())
	}
	return string(out)
}

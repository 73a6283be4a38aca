//go:build unix

package supervisor_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/host/internal/supervisor"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// TestMain builds two versions of a plain plugin; tests find them by the environment.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "plain")
	for _, version := range []string{"1.0.0", "2.0.0"} {
		if err != nil {
			break
		}
		path := filepath.Join(dir, version)
		out, buildErr := exec.Command("go", "build", "-ldflags", "-s -w -X main.version="+version, "-o", path, "./testdata/plain").CombinedOutput()
		if err = buildErr; err != nil {
			err = fmt.Errorf("build the plain plugin: %w\n%s", err, out)
		}
	}
	for _, source := range []string{"testdata/plain", "../../../sdk/serve", "../../../sdk/connector"} { // what a kept result depends on
		files, _ := filepath.Glob(filepath.Join(source, "*"))
		for _, file := range files {
			_, _ = os.Stat(file)
		}
	}
	code := 1
	if err == nil {
		err = os.Setenv("PLAIN", dir)
	}
	if err == nil {
		code = m.Run()
	} else {
		fmt.Fprintln(os.Stderr, err)
	}
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

type house struct {
	t          *testing.T
	dir, state string
	options    supervisor.Options
	log        *journal
}

// journal is a log that tests can look into while it is written.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(b)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

func settle(t *testing.T) *house {
	t.Helper()
	root := t.TempDir()
	h := &house{t: t, dir: filepath.Join(root, "plugins.d"), state: filepath.Join(root, "state"), log: &journal{}}
	if err := os.Mkdir(h.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	h.options = supervisor.Options{
		Dir: h.dir, StateDir: h.state, RunDir: "/tmp", Trust: supervisor.Locked, Log: slog.New(slog.NewTextHandler(h.log, nil)),
		Limits: supervisor.Limits{Backoff: time.Millisecond},
	}
	return h
}

// open opens the house anew, as the next start of a host does.
func (h *house) open() *supervisor.Supervisor {
	h.t.Helper()
	s, err := supervisor.New(h.options)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() {
		if err := s.Close(); err != nil {
			h.t.Error(err)
		}
		if left, _ := filepath.Glob(filepath.Join(h.state, "run", "r*")); len(left) > 0 {
			h.t.Errorf("left behind: %v", left)
		}
	})
	return s
}

// dropPlain puts a version of the plain plugin into the folder and returns its hash.
func (h *house) dropPlain(version string) string {
	h.t.Helper()
	text, err := os.ReadFile(filepath.Join(os.Getenv("PLAIN"), version))
	if err != nil {
		h.t.Fatal(err)
	}
	return h.drop("broker-connector-plain", text)
}

func (h *house) drop(file string, text []byte) string {
	h.t.Helper()
	path := filepath.Join(h.dir, file)
	_ = os.Remove(path)
	if err := os.WriteFile(path, text, 0o755); err != nil {
		h.t.Fatal(err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// dropTrap puts a script there that leaves a mark when it is executed.
func (h *house) dropTrap(file string) (mark string) {
	h.t.Helper()
	mark = filepath.Join(h.t.TempDir(), "executed")
	h.drop(file, []byte("#!/bin/sh\ntouch "+mark+"\n"))
	return mark
}

func (h *house) request() supervisor.Request {
	return supervisor.Request{
		Kind: "connector", Name: "plain", RunID: "run-1", Source: "shop",
		Settings: []byte(`{"token":"a good token"}`), Secrets: []string{"a good token"},
	}
}

func lend(t *testing.T, s *supervisor.Supervisor, request supervisor.Request) *supervisor.Loan {
	t.Helper()
	loan, err := s.Lend(context.Background(), request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := loan.Close(); err != nil {
			t.Error(err)
		}
	})
	return loan
}

// refused wants an error of this class that holds these words, in itself or in its advice.
func refused(t *testing.T, err error, code fault.Code, words ...string) {
	t.Helper()
	if err == nil {
		t.Error("no error")
		return
	}
	if fault.CodeOf(err) != code {
		t.Errorf("class %s of %v, want %s", fault.CodeOf(err), err, code)
	}
	text := err.Error() + "\n" + fault.HelpOf(err)
	for _, word := range words {
		if !strings.Contains(text, word) {
			t.Errorf("%q lacks %q", text, word)
		}
	}
}

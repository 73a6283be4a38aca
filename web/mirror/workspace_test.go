package mirror_test

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"testing"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/client/clienttest"
	"github.com/ai-data-analyst/broker/web/mirror"
)

func workspaceAt(t testing.TB, s *clienttest.Server, dir string) *mirror.Workspace {
	t.Helper()
	w, err := mirror.Create(dir, mirror.Config{Server: s.URL, Instance: s.Instance(), User: clienttest.User, Key: base64.StdEncoding.EncodeToString(s.Key())})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestFoldersThatAreNone(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("USERPROFILE", home)
	for _, dir := range []string{home, filepath.Dir(home), "/", "/etc", "/etc/data", "/usr/local/data", "/tmp", "/home"} {
		if err := mirror.Fit(dir, mirror.Config{}); fault.CodeOf(err) != fault.Config {
			t.Errorf("%s: %v", dir, err)
		}
	}
	for _, dir := range []string{filepath.Join(home, "data"), filepath.Join(home, "a/b"), filepath.Join(t.TempDir(), "x")} {
		if err := mirror.Fit(dir, mirror.Config{}); err != nil {
			t.Errorf("%s: %v", dir, err)
		}
	}
	file := filepath.Join(home, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := mirror.Fit(file, mirror.Config{}); fault.CodeOf(err) != fault.Config {
		t.Errorf("a file: %v", err)
	}
}

func TestCreateAndFind(t *testing.T) {
	dir := t.TempDir()
	c := mirror.Config{Server: "https://a.example", User: "u1", Email: "ada@example.com"}
	c.Instance.ID = "i1"
	w, err := mirror.Create(dir, c)
	if err != nil {
		t.Fatal(err)
	}
	if found, err := mirror.Find(filepath.Join(dir, "user", "duckdb")); err != nil || found.Dir != w.Dir {
		t.Errorf("%v %v", found, err)
	}
	if _, err := mirror.Find(t.TempDir()); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("%v", err)
	}
	c.Server = "https://b.example"
	if _, err := mirror.Create(dir, c); err != nil {
		t.Errorf("again: %v", err)
	}
	if got, err := w.Config(); err != nil || got != c {
		t.Errorf("%+v %v", got, err)
	}
	c.User = "u2"
	if _, err := mirror.Create(dir, c); fault.CodeOf(err) != fault.Config {
		t.Errorf("another person's: %v", err)
	}
	if _, _, err := w.Manifest(0); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("before a pull: %v", err)
	}
	if notes, err := w.Settle(t.Context(), nil); err != nil || notes != nil {
		t.Errorf("before a pull: %v", err)
	}
}

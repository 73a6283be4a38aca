package trust_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ai-data-analyst/broker/host/internal/supervisor/trust"
)

// program returns a head that this machine would run, as far as a head can tell.
func program(t *testing.T) []byte {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(self)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	head := make([]byte, 4096)
	if _, err := file.Read(head); err != nil {
		t.Fatal(err)
	}
	return head
}

func write(t *testing.T, path string, text []byte, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func only(t *testing.T, dir, file string) trust.Candidate {
	t.Helper()
	all, err := trust.Scan(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		if c.File == file {
			return c
		}
	}
	t.Fatalf("%s is not listed", file)
	return trust.Candidate{}
}

func TestNames(t *testing.T) {
	dir := folder(t)
	for _, tc := range []struct{ file, kind, name, unfit string }{
		{"broker-connector-csv", "connector", "csv", ""},
		{"broker-auth-email", "auth", "email", ""},
		{"broker-service-news_2", "service", "news_2", ""},
		{"broker", "", "", "its name is not"},
		{"analyst", "", "", "its name is not"},
		{"README.md", "", "", "its name is not"},
		{"broker-connector", "", "", "its name is not"},
		{"broker-tap-csv", "", "", "its name is not"},
		{"connector-csv", "", "", "its name is not"},
		{"broker-connector-", "connector", "", "does not match"},
		{"broker-connector-CSV", "connector", "", "does not match"},
		{"broker-connector-a b", "connector", "", "does not match"},
		{"broker-connector-csv~", "connector", "", "does not match"},
		{"broker-connector-" + strings.Repeat("x", 64), "connector", "", "does not match"},
		{"broker-connector-\x1b[31m", "connector", "", "does not match"},
	} {
		write(t, filepath.Join(dir, tc.file), program(t), 0o755)
		c := only(t, dir, tc.file)
		if c.Kind != tc.kind || c.Name != tc.name {
			t.Errorf("%q: kind %q name %q, want %q %q", tc.file, c.Kind, c.Name, tc.kind, tc.name)
		}
		if (c.Unfit == "") != (tc.unfit == "") || !strings.Contains(c.Unfit, tc.unfit) {
			t.Errorf("%q: unfit %q, want %q", tc.file, c.Unfit, tc.unfit)
		}
		if strings.Contains(c.Unfit, "\x1b") {
			t.Errorf("%q: the reason holds a control character", tc.file)
		}
	}
}

// P3: files and folders that others could change are refused, each with its reason.
func TestP3_OthersCouldChangeIt(t *testing.T) {
	plain := func(t *testing.T, path string) { write(t, path, program(t), 0o755) }
	chmod := func(mode os.FileMode) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			plain(t, path)
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, tc := range []struct {
		name  string
		make  func(t *testing.T, path string)
		unfit string
	}{
		{"plain", plain, ""},
		{"symlink", func(t *testing.T, path string) {
			if err := os.Symlink(os.Args[0], path); err != nil {
				t.Fatal(err)
			}
		}, "symbolic link"},
		{"dangling symlink", func(t *testing.T, path string) {
			if err := os.Symlink("nowhere", path); err != nil {
				t.Fatal(err)
			}
		}, "symbolic link"},
		{"hard link", func(t *testing.T, path string) {
			plain(t, path)
			if err := os.Link(path, path+"_twin"); err != nil {
				t.Fatal(err)
			}
		}, "2 hard links"},
		{"folder", func(t *testing.T, path string) {
			if err := os.Mkdir(path, 0o755); err != nil {
				t.Fatal(err)
			}
		}, "not a regular file"},
		{"setuid", chmod(0o755 | os.ModeSetuid), "setuid"},
		{"setgid", chmod(0o755 | os.ModeSetgid), "setgid"},
		{"group-writable", chmod(0o775), "written by others"},
		{"world-writable", chmod(0o757), "written by others"},
		{"private", chmod(0o700), ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := folder(t)
			tc.make(t, filepath.Join(dir, "broker-connector-x"))
			if got := only(t, dir, "broker-connector-x").Unfit; (got == "") != (tc.unfit == "") || !strings.Contains(got, tc.unfit) {
				t.Errorf("unfit %q, want %q", got, tc.unfit)
			}
		})
	}
	for _, mode := range []os.FileMode{0o775, 0o757, 0o777 | os.ModeSticky} {
		dir := folder(t)
		plain(t, filepath.Join(dir, "broker-connector-x"))
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		if got := only(t, dir, "broker-connector-x").Unfit; !strings.Contains(got, "its folder can be written by others") {
			t.Errorf("folder %v: unfit %q", mode, got)
		}
	}
}

func TestScanOfAMissingFolder(t *testing.T) {
	if _, err := trust.Scan(filepath.Join(t.TempDir(), "absent")); err == nil {
		t.Error("a missing folder is taken for an empty one")
	}
}

//go:build unix

package source_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/ai-data-analyst/broker/sdk/connector"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// TestRefusedFiles: links out of the root, folders, FIFOs and unreadable files are errors, and never block.
func TestRefusedFiles(t *testing.T) {
	outside, dir := t.TempDir(), t.TempDir()
	secret := write(t, outside, "secret.csv", "id\n1\n")
	write(t, dir, "inside.csv", "id\n1\n")
	for link, target := range map[string]string{"out.csv": secret, "in.csv": "inside.csv", "loop.csv": "loop.csv", "up.csv": "../../../../../../etc/passwd"} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "folder.csv"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe.csv"), 0o644); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		stream, message string
		code            fault.Code
	}{
		{"in", "", ""}, {"inside", "", ""},
		{"out", "out.csv is a link that leads out of", fault.Permission}, {"up", "up.csv is a link that leads out of", fault.Permission},
		{"folder", "folder.csv is a folder", fault.Config}, {"pipe", "pipe.csv is not a regular file", fault.Config}, {"loop", "loop.csv cannot be read", fault.Transient},
	}
	for _, test := range tests {
		got := read(t, config{"path": dir}, connector.Ask{Stream: test.stream})
		if fault.CodeOf(got.Err) != test.code || got.Err != nil && !strings.Contains(got.Err.Error(), test.message) {
			t.Errorf("%s: error %v, want %s %q", test.stream, got.Err, test.code, test.message)
		}
	}
	session, err := open(t, config{"path": dir}, noSleep)
	if err != nil {
		t.Fatal(err)
	}
	items, err := session.Check(context.Background())
	if err != nil || len(items) != 1 || items[0].Err == nil {
		t.Errorf("check: %+v, %v", items, err)
	}
}

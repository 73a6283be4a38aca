package web_test

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/ai-data-analyst/broker/web"
)

func TestDownloadsAndTheirInstaller(t *testing.T) {
	dir := t.TempDir()
	name := "analyst-" + runtime.GOOS + "-" + runtime.GOARCH
	program := []byte("#!/bin/sh\necho analyst here\n")
	for file, content := range map[string][]byte{name: program, "analyst-windows-arm64.exe": []byte("MZ"), "SHA256SUMS": []byte("old"), "secret.txt": []byte("no"), ".hidden": nil} {
		if err := os.WriteFile(filepath.Join(dir, file), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "analyst-dir"), 0o755); err != nil {
		t.Fatal(err)
	}
	s := serve(t, func(o *web.Options) { o.Downloads = os.DirFS(dir) })
	sum := sha256.Sum256(program)
	want := hex.EncodeToString(sum[:])
	_, sums := s.call(t, "GET", "/download/SHA256SUMS", "", "")
	if !strings.Contains(sums, want+"  "+name+"\n") || strings.Contains(sums, "secret") || strings.Count(sums, "\n") != 2 {
		t.Error(sums)
	}
	_, page := s.call(t, "GET", "/download/", "", "")
	if !strings.Contains(page, want) || !strings.Contains(page, s.url+"/download/install.sh | sh") {
		t.Error(page)
	}
	if answer, body := s.call(t, "GET", "/download/"+name, "", ""); answer.StatusCode != 200 || body != string(program) {
		t.Errorf("%d %q", answer.StatusCode, body)
	}
	for _, file := range []string{"secret.txt", ".hidden", "analyst-dir", "..%2fsecret.txt", "analyst-none", "analyst%00", "%2e%2e"} {
		if answer, _ := s.call(t, "GET", "/download/"+file, "", ""); answer.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d", file, answer.StatusCode)
		}
	}
	if answer, script := s.call(t, "GET", "/download/install.ps1", "", ""); answer.StatusCode != 200 || !strings.Contains(script, "$server = '"+s.url+"'") {
		t.Errorf("%d %s", answer.StatusCode, script)
	}
	installs(t, s, name, dir)
}

// installs runs the shell installer, then once more with a program that changes on the way.
func installs(t *testing.T, s *server, name, dir string) {
	for _, tool := range []string{"sh", "curl", "sha256sum", "awk"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatal(err)
			}
			t.Skip(err)
		}
	}
	_, script := s.call(t, "GET", "/download/install.sh", "", "")
	run := func(home, script string) (string, error) {
		command := exec.Command("sh")
		command.Stdin, command.Env = strings.NewReader(script), []string{"HOME=" + home, "PATH=" + os.Getenv("PATH")}
		out, err := command.CombinedOutput()
		return string(out), err
	}
	home := t.TempDir()
	out, err := run(home, script)
	if err != nil || !strings.Contains(out, "next: analyst login "+s.url) {
		t.Fatalf("%v\n%s", err, out)
	}
	if out, err := exec.Command(filepath.Join(home, ".local/bin/analyst")).CombinedOutput(); err != nil || string(out) != "analyst here\n" {
		t.Errorf("%v %s", err, out)
	}
	// The program that comes is not the one that was listed.
	home = t.TempDir()
	out, err = run(home, strings.Replace(script, `fetch "$server/download/$name" "$work/analyst"`, `echo changed > "$work/analyst"; true`, 1))
	if err == nil || !strings.Contains(out, "nothing was installed") {
		t.Errorf("%v\n%s", err, out)
	}
	if _, err := os.Stat(filepath.Join(home, ".local")); !os.IsNotExist(err) {
		t.Error("something was installed")
	}
}

func TestNothingToDownload(t *testing.T) {
	s := serve(t, nil)
	if answer, page := s.call(t, "GET", "/download/", "", ""); answer.StatusCode != 200 || !strings.Contains(page, "hands out no programs") {
		t.Errorf("%d %s", answer.StatusCode, page)
	}
	if answer, _ := s.call(t, "GET", "/download/analyst-linux-amd64", "", ""); answer.StatusCode != 404 {
		t.Errorf("%d", answer.StatusCode)
	}
}

package credential_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/analyst/credential"
)

func TestLoginsAreKeptPerServer(t *testing.T) {
	store := credential.Store{Path: filepath.Join(t.TempDir(), "analyst", "credentials.json")}
	if _, err := store.Find(""); fault.CodeOf(err) != fault.Auth {
		t.Fatalf("without a login: %v", err)
	}
	for _, url := range []string{"https://one.example", "https://two.example"} {
		if err := store.Save(credential.Login{URL: url, Email: "ada@example.com", Expires: time.Unix(2e9, 0)}, "brk_"+url); err != nil {
			t.Fatal(err)
		}
	}
	last, err := store.Find("")
	if err != nil || last.URL != "https://two.example" {
		t.Fatalf("last: %+v, %v", last, err)
	}
	one, err := store.Find("https://one.example")
	if err != nil {
		t.Fatal(err)
	}
	if token, err := store.Secret(one); err != nil || token != "brk_https://one.example" {
		t.Errorf("token %q, %v", token, err)
	}
	if err := store.Remove("https://two.example"); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Find("https://two.example"); fault.CodeOf(err) != fault.Auth {
		t.Errorf("after logout: %v", err)
	}
	if _, err := store.Find("https://one.example"); err != nil {
		t.Errorf("the other login is gone too: %v", err)
	}
}

func TestY9_FileOpenToOthersIsClosedAndSaid(t *testing.T) {
	path := filepath.Join(t.TempDir(), "credentials.json")
	var said string
	store := credential.Store{Path: path, Warn: func(text string) { said = text }}
	if err := store.Save(credential.Login{URL: "https://one.example"}, "brk_secret"); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Find(""); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 || !strings.Contains(said, "0644") || strings.Contains(said, "brk_secret") {
		t.Errorf("mode %v, said %q", info.Mode(), said)
	}
}

func TestDamagedFileIsNotAnEmptyOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "credentials.json")
	if err := os.WriteFile(path, []byte(`{"last": "htt`), 0o600); err != nil {
		t.Fatal(err)
	}
	store := credential.Store{Path: path}
	if _, err := store.Find(""); fault.CodeOf(err) != fault.Config {
		t.Errorf("Find: %v", err)
	}
	if err := store.Save(credential.Login{URL: "https://one.example"}, "x"); fault.CodeOf(err) != fault.Config {
		t.Errorf("Save over a damaged file: %v", err)
	}
}

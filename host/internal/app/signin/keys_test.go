package signin_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/host/internal/access/visit"
	"github.com/ai-data-analyst/broker/host/internal/app/signin"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

func TestCookieKeys(t *testing.T) {
	dir, at := t.TempDir(), time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	now := func() time.Time { return at }
	path := filepath.Join(dir, "keys", "cookies.json")
	log := slog.New(slog.DiscardHandler)
	keys, err := signin.OpenCookieKeys(dir, now, log)
	if err != nil {
		t.Fatal(err)
	}
	first := keys.Pairs()
	if len(first) != 1 || len(first[0].Hash) != 64 || len(first[0].Block) != 32 {
		t.Fatalf("%d pairs", len(first))
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	again, err := signin.OpenCookieKeys(dir, now, log)
	if err != nil || !bytes.Equal(again.Pairs()[0].Hash, first[0].Hash) {
		t.Errorf("opened again: %v", err)
	}
	// Another process rotates: what serves takes it, and the old pair is read on for the life of a cookie.
	rotate := func() {
		t.Helper()
		if err := signin.RotateKeys(dir, now); err != nil {
			t.Fatal(err)
		}
		mark := at.Add(time.Duration(len(keys.Pairs())) * time.Hour) // file systems may keep coarse times
		if err := os.Chtimes(path, mark, mark); err != nil {
			t.Fatal(err)
		}
	}
	at = at.Add(24 * time.Hour)
	rotate()
	if two := keys.Pairs(); len(two) != 2 || !bytes.Equal(two[1].Hash, first[0].Hash) || bytes.Equal(two[0].Hash, first[0].Hash) {
		t.Errorf("%d pairs after a rotation", len(two))
	}
	at = at.Add(visit.Life - time.Second)
	rotate()
	if n := len(keys.Pairs()); n != 3 {
		t.Errorf("%d pairs while cookies of the first live", n)
	}
	at = at.Add(2 * time.Second)
	rotate()
	if n := len(keys.Pairs()); n != 3 {
		t.Errorf("%d pairs; the first ceased to sign a cookie's life ago", n)
	}
	// G18: keys that others may read, or that are none, stop the start; those before hold while serving.
	before := keys.Pairs()
	for name, spoil := range map[string]func() error{
		"open to others": func() error { return os.Chmod(path, 0o644) },
		"garbage":        func() error { return os.WriteFile(path, []byte("{"), 0o600) },
		"none":           func() error { return os.WriteFile(path, []byte("[]"), 0o600) },
		"short":          func() error { return os.WriteFile(path, []byte(`[{"hash":"AA==","block":"AA=="}]`), 0o600) },
	} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		if _, err := signin.OpenCookieKeys(dir, now, log); fault.CodeOf(err) != fault.Config {
			t.Errorf("%s: %v", name, err)
		}
		if held := keys.Pairs(); len(held) != len(before) || !bytes.Equal(held[0].Hash, before[0].Hash) {
			t.Errorf("%s: the keys before do not hold", name)
		}
		if err := os.Chmod(path, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

package session_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/web/analyst/session"
)

// clock is a book whose time a test moves.
type clock struct {
	session.Book
	at time.Time
}

func open(t *testing.T) *clock {
	c := &clock{at: time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC)}
	c.Book = session.Book{Dir: t.TempDir(), Now: func() time.Time { return c.at }}
	return c
}

func put(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func collect(t *testing.T, c *clock, want session.Collected) {
	t.Helper()
	got, err := c.Collect()
	if err != nil || got != want {
		t.Fatalf("collected %+v, %v; want %+v", got, err, want)
	}
}

func TestTranscriptsAreCopiedAsTheyGrow(t *testing.T) {
	c := open(t)
	path := put(t, filepath.Join(t.TempDir(), "a.jsonl"), "{\"n\":1}\n{\"n\":")
	check(t, c.Begin("s1", path))
	collect(t, c, session.Collected{New: 1})
	copied := filepath.Join(c.Dir, "user", "sessions", "s1.jsonl")
	if text, err := os.ReadFile(copied); err != nil || string(text) != "{\"n\":1}\n" {
		t.Fatalf("%q, %v", text, err) // a line half written is not copied
	}
	put(t, path, "{\"n\":1}\n{\"n\":2}\n")
	collect(t, c, session.Collected{Grown: 1}) // its end was never told
	collect(t, c, session.Collected{})
	put(t, path, "{\"other\":1}\n")
	collect(t, c, session.Collected{New: 1})
	if text, err := os.ReadFile(copied); err != nil || string(text) != "{\"n\":1}\n{\"n\":2}\n" {
		t.Fatalf("the earlier copy became %q, %v", text, err)
	}
	check(t, os.Remove(path))
	collect(t, c, session.Collected{Missing: 1})
}

func TestASessionTouchedByPrivateTimeIsNeverCopied(t *testing.T) {
	c := open(t)
	dir := t.TempDir()
	before, across, inside, after := put(t, filepath.Join(dir, "1.jsonl"), "1\n"), put(t, filepath.Join(dir, "2.jsonl"), "2\n"),
		put(t, filepath.Join(dir, "3.jsonl"), "3\n"), put(t, filepath.Join(dir, "4.jsonl"), "4\n")
	step := func() { c.at = c.at.Add(time.Minute) }
	check(t, c.Begin("before", before))
	step()
	check(t, c.End("before", before))
	step()
	check(t, c.Begin("across", across))
	step()
	check(t, c.SetPrivate(true))
	check(t, c.SetPrivate(true))
	if on, err := c.Private(); !on || err != nil {
		t.Fatal(on, err)
	}
	step()
	check(t, c.Begin("inside", inside))
	step()
	check(t, c.SetPrivate(false))
	step()
	check(t, c.Begin("after", after))
	step()
	collect(t, c, session.Collected{New: 2, Private: 2})
	for name, want := range map[string]bool{"before": true, "across": false, "inside": false, "after": true} {
		if _, err := os.Stat(filepath.Join(c.Dir, "user", "sessions", name+".jsonl")); (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNamesFromOutsideAreRefused(t *testing.T) {
	c := open(t)
	for _, name := range []string{"", "../x", "a/b", "a\x00", string(make([]byte, 300))} {
		if c.Begin(name, "/x.jsonl") == nil {
			t.Errorf("%q was taken", name)
		}
	}
	check(t, c.Begin("s", "/etc/passwd"))
	if _, err := c.Collect(); err == nil {
		t.Error("/etc/passwd counts as a transcript")
	}
	target := put(t, filepath.Join(t.TempDir(), "t.jsonl"), "x\n")
	link := filepath.Join(t.TempDir(), "l.jsonl")
	check(t, os.Symlink(target, link))
	check(t, c.Begin("s", link))
	if _, err := c.Collect(); err == nil {
		t.Error("a symlink counts as a transcript")
	}
}

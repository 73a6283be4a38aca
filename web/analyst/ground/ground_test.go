package ground_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/analyst/credential"
	"github.com/ai-data-analyst/broker/web/analyst/ground"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/mirror"
	"github.com/ai-data-analyst/broker/web/terminal"
)

const server = "https://data.example.com"

// place is a person's machine: a folder for logins, and variables.
type place struct {
	*ground.Ground
	vars map[string]string
	errs *bytes.Buffer
}

func somewhere(t *testing.T, dir string) place {
	t.Helper()
	p := place{vars: map[string]string{"XDG_CONFIG_HOME": t.TempDir(), "ANALYST_KEYCHAIN": "off"}, errs: &bytes.Buffer{}}
	p.Ground = &ground.Ground{Dir: dir, In: strings.NewReader(""), Out: &bytes.Buffer{}, Err: p.errs, Now: time.Now, Version: "test",
		Getenv: func(name string) string { return p.vars[name] }}
	return p
}

func key() ed25519.PublicKey {
	public, _ := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)).Public().(ed25519.PublicKey)
	return public
}

func workspace(t *testing.T, pinned string) *mirror.Workspace {
	t.Helper()
	w, err := mirror.Create(filepath.Join(t.TempDir(), "ws"), mirror.Config{Server: server, Instance: api.Instance{ID: "i", Name: "I"}, Key: pinned, User: "u", Email: "ada@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestWorkspaceIsFoundFromWithin(t *testing.T) {
	w := workspace(t, base64.StdEncoding.EncodeToString(key()))
	for _, dir := range []string{w.Dir, filepath.Join(w.Dir, "user", "scripts")} {
		if found, err := somewhere(t, dir).Workspace(); err != nil || found.Dir != w.Dir {
			t.Errorf("%s: %v, %v", dir, found, err)
		}
	}
	outside := t.TempDir()
	_, err := somewhere(t, outside).Workspace()
	if fault.CodeOf(err) != fault.Config || !strings.Contains(err.Error(), outside) || !strings.Contains(fault.HelpOf(err), "analyst init") {
		t.Errorf("%v: %s", err, fault.HelpOf(err))
	}
}

// Nothing pulled is a decision that is due, not a mistake: exit 3.
func TestNothingIsHeldYet(t *testing.T) {
	w := workspace(t, base64.StdEncoding.EncodeToString(key()))
	p := somewhere(t, w.Dir)
	_, _, held := p.Held()
	_, _, _, table := p.HeldTable("orders")
	_, _, generation := ground.Generation(w, 3)
	for name, err := range map[string]error{"held": held, "table": table, "generation": generation} {
		if fault.CodeOf(err) != fault.StateExpired || !strings.Contains(fault.HelpOf(err), "analyst pull") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The way to the server: the token of the login, or the one of the variable; what is missing is said.
func TestServer(t *testing.T) {
	pinned := base64.StdEncoding.EncodeToString(key())
	w := workspace(t, pinned)
	p := somewhere(t, w.Dir)
	if _, _, err := p.Server(w); fault.CodeOf(err) != fault.Auth || !strings.Contains(fault.HelpOf(err), "analyst login") {
		t.Errorf("without a login: %v", err)
	}
	p.vars["ANALYST_TOKEN"] = "brk_" + strings.Repeat("a", 43)
	if _, l, err := p.Server(w); err != nil || l.Email != "" {
		t.Errorf("with a variable: %+v, %v", l, err)
	}
	delete(p.vars, "ANALYST_TOKEN")
	logins, err := p.Logins()
	if err != nil {
		t.Fatal(err)
	}
	if err := logins.Save(credential.Login{URL: server, Key: pinned, Email: "ada@example.com"}, "brk_"+strings.Repeat("b", 43)); err != nil {
		t.Fatal(err)
	}
	if _, l, err := p.Server(w); err != nil || l.Email != "ada@example.com" {
		t.Errorf("with a login: %+v, %v", l, err)
	}
	p.vars["ANALYST_TOKEN"] = "x"
	broken := workspace(t, "no key")
	q := somewhere(t, broken.Dir)
	q.vars["ANALYST_TOKEN"] = "brk_" + strings.Repeat("a", 43)
	if _, _, err := q.Server(broken); fault.CodeOf(err) != fault.Config || !strings.Contains(fault.HelpOf(err), server) {
		t.Errorf("a broken key: %v", err)
	}
}

func TestTablesThatAreNotThere(t *testing.T) {
	m := api.Manifest{Tables: []api.Table{{Name: "a.orders", Table: "orders"}, {Name: "b.orders", Table: "orders"}, {Name: "a.people", Table: "people"}}}
	for name, want := range map[string]string{
		"orders": "a.orders, b.orders", "peopl": "Did you mean a.people", "PEOPLE": "Did you mean a.people", "x.people": "Did you mean a.people", "salaries": "analyst ls",
	} {
		err := ground.NoTable(m, name)
		if fault.CodeOf(err) != fault.NotFound || !strings.Contains(fault.HelpOf(err), want) {
			t.Errorf("%s: %v: %s", name, err, fault.HelpOf(err))
		}
	}
}

// G5: every byte of every file is compared with what was published.
func TestG5_WholeFindsEveryFlip(t *testing.T) {
	w := workspace(t, base64.StdEncoding.EncodeToString(key()))
	bytes := []byte("these bytes were published")
	sum := sha256.Sum256(bytes)
	name := hex.EncodeToString(sum[:])
	path := w.PartPath(name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	tables := []api.Table{{Name: "a.one", Parts: []api.Part{{SHA256: name}}}, {Name: "a.two", Parts: []api.Part{{SHA256: name}}}}
	look := func() (int, error) { return ground.Whole(t.Context(), w, 7, tables) }
	wrong := func(when string) {
		t.Helper()
		_, err := look()
		if terminal.StableCode(err) != "hash_mismatch" || fault.CodeOf(err) != fault.Data || !strings.Contains(err.Error(), "a.one") || !strings.Contains(err.Error(), "generation 7") {
			t.Fatalf("%s: %v", when, err)
		}
	}
	wrong("missing")
	for i := range len(bytes) * 8 {
		bytes[i/8] ^= 1 << (i % 8)
		if err := os.WriteFile(path, bytes, 0o644); err != nil {
			t.Fatal(err)
		}
		wrong(fmt.Sprint("bit ", i))
		bytes[i/8] ^= 1 << (i % 8)
	}
	if err := os.WriteFile(path, bytes[:len(bytes)-1], 0o644); err != nil {
		t.Fatal(err)
	}
	wrong("cut")
	if err := os.WriteFile(path, bytes, 0o644); err != nil {
		t.Fatal(err)
	}
	if n, err := look(); err != nil || n != 1 {
		t.Errorf("%d files, %v", n, err)
	}
}

// Scripts get the stable code where there is one, else the class; the sentence is the one that people get.
func TestFailures(t *testing.T) {
	if ground.FailureOf(nil) != nil {
		t.Error("nil is a failure")
	}
	for want, err := range map[string]error{
		"hash_mismatch": &fault.Fault{Code: fault.Data, What: "w", Help: "h", Err: &mirror.Error{Code: "hash_mismatch"}},
		"data":          fault.New(fault.Data, "w").WithHelp("h"),
	} {
		if f := ground.FailureOf(fmt.Errorf("pull: %w", err)); f.Code != want || f.Help != "h" || !strings.Contains(f.Message, "w") {
			t.Errorf("%s: %+v", want, f)
		}
	}
	if f := ground.FailureOf(errors.New("odd")); f.Message != "odd" || f.Code == "" {
		t.Errorf("%+v", f)
	}
}

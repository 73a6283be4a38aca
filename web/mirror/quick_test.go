package mirror_test

import (
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/client/clienttest"
	"github.com/ai-data-analyst/broker/web/mirror"
)

// A pull that brings nothing says the same whether it looks at its note or goes the long way.
func TestShortAndLongWayAgree(t *testing.T) {
	s := clienttest.New(t)
	same := s.Blob(content(1, 5000), 5)
	s.Publish([]api.Doc{s.Doc("docs/a.md", "one")}, clienttest.Table("shop.orders", 1, same, s.Blob(content(2, 300), 7)), clienttest.Table("crm.people", 1, same), clienttest.Table("hr.empty", 1))
	w, from := workspace(t, s), source(t, s)
	pull(t, w, from)
	short := pull(t, w, from)
	if err := os.Remove(filepath.Join(w.Dir, ".analyst/glance")); err != nil {
		t.Fatalf("there is no note: %v", err)
	}
	long := pull(t, w, from)
	if diff := cmp.Diff(long, short, cmpopts.IgnoreFields(mirror.PullReport{}, "Seconds")); diff != "" {
		t.Errorf("(-long +short):\n%s", diff)
	}
	if short.Reused != (mirror.Amount{Parts: 2, Bytes: 5300}) || short.From != 1 || statuses(short) != "crm.people=unchanged hr.empty=unchanged shop.orders=unchanged" {
		t.Errorf("%+v", short)
	}
	if _, err := os.Stat(filepath.Join(w.Dir, ".analyst/glance")); err != nil {
		t.Errorf("the long way left no note: %v", err)
	}
}

// G5: whatever of the copy is gone or touched is found by the next pull, though the server has nothing new.
func TestG5_NothingNewFindsWhatWasTouched(t *testing.T) {
	s := clienttest.New(t)
	body := content(1, 5000)
	part, doc := s.Blob(body, 5), s.Doc("docs/a.md", "one")
	s.Publish([]api.Doc{doc}, clienttest.Table("shop.orders", 1, part, s.Blob(content(2, 300), 7)))
	w, from := workspace(t, s), source(t, s)
	bad := slices.Clone(body)
	bad[4999] ^= 1
	path := w.PartPath(part.SHA256)
	open := func() error { return os.Chmod(path, 0o644) }
	for name, touch := range map[string]func() error{
		"removed":          func() error { return os.Remove(path) },
		"other bytes":      func() error { return errors.Join(open(), os.WriteFile(path, bad, 0o644)) },
		"shorter":          func() error { return errors.Join(open(), os.Truncate(path, 4999)) },
		"longer":           func() error { return errors.Join(open(), os.WriteFile(path, append(slices.Clone(body), 0), 0o644)) },
		"another file":     func() error { return errors.Join(os.Remove(path), os.WriteFile(path, bad, 0o444)) },
		"a folder":         func() error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o755)) },
		"a link":           func() error { return errors.Join(os.Remove(path), os.Symlink(os.DevNull, path)) },
		"document":         func() error { return os.Remove(filepath.Join(w.Dir, ".analyst/docs", doc.SHA256[:2], doc.SHA256)) },
		"all parts":        func() error { return os.RemoveAll(filepath.Join(w.Dir, "server/parts")) },
		"database":         func() error { return os.Remove(w.Database()) },
		"manifest removed": func() error { return os.RemoveAll(filepath.Join(w.Dir, ".analyst/generations")) },
		"note cut":         func() error { return os.Truncate(filepath.Join(w.Dir, ".analyst/glance"), 100) },
		"note empty":       func() error { return os.Truncate(filepath.Join(w.Dir, ".analyst/glance"), 0) },
	} {
		t.Run(name, func(t *testing.T) {
			pull(t, w, from)
			if err := touch(); err != nil {
				t.Fatal(err)
			}
			if name == "a folder" { // nothing of ours makes one, and nothing of a person's is removed: it is said
				if _, err := w.Pull(t.Context(), from, options()); err == nil {
					t.Error("a folder in a part's place is taken for it")
				}
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
			}
			pull(t, w, from)
			whole(t, w, 1)
		})
	}
}

// A note speaks of one state: another key, another place or another generation in use is none of its business.
func TestY3_NoteIsOfItsStateAlone(t *testing.T) {
	s := clienttest.New(t)
	s.Publish(nil, clienttest.Table("shop.orders", 1, s.Blob(content(1, 500), 5)))
	w, from := workspace(t, s), source(t, s)
	pull(t, w, from)
	config, err := w.Config()
	if err != nil {
		t.Fatal(err)
	}
	pinned := config.Key
	config.Key = base64.StdEncoding.EncodeToString(make([]byte, 32))
	if err := w.SetConfig(config); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Pull(t.Context(), from, options()); codeOf(err) != "key_changed" && codeOf(err) != "signature" {
		t.Errorf("another pinned key: %v", err)
	}
	config.Key = pinned
	if err := w.SetConfig(config); err != nil {
		t.Fatal(err)
	}
	s.Publish(nil, clienttest.Table("shop.orders", 2, s.Blob(content(2, 600), 5)))
	if report := pull(t, w, from); report.Generation != 2 || report.Downloaded.Bytes != 600 {
		t.Errorf("%+v", report)
	}
	pull(t, w, from, func(o *mirror.PullOptions) { o.Generation = 1 })
	whole(t, w, 1)
	if report := pull(t, w, from); report.Generation != 2 || report.From != 1 {
		t.Errorf("%+v", report)
	}
	whole(t, w, 2)
}

// A manifest that is here and cannot be believed is asked for anew, though the server says that nothing changed.
func TestDamagedManifestIsFetchedThoughNothingIsNew(t *testing.T) {
	s := clienttest.New(t)
	s.Publish(nil, clienttest.Table("shop.orders", 1, s.Blob(content(1, 500), 5)))
	w, from := workspace(t, s), source(t, s)
	pull(t, w, from)
	files, err := filepath.Glob(filepath.Join(w.Dir, ".analyst/generations/1-*.json"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	if err := errors.Join(os.Chmod(files[0], 0o644), os.Truncate(files[0], 20)); err != nil {
		t.Fatal(err)
	}
	if report := pull(t, w, from); len(report.Notes) != 1 || report.Downloaded.Parts != 0 {
		t.Errorf("%+v", report)
	}
	whole(t, w, 1)
}

// A copy that moved to where nobody may write can be asked: it is whole, and the views are left to memory. Damage is found
// there too (G5).
func TestMovedToWhereNobodyMayWrite(t *testing.T) {
	dir := t.TempDir()
	if err := mount(dir); err != nil {
		t.Skipf("no file system of its own can be made here: %v", err)
	}
	t.Cleanup(func() { unmount(dir) })
	s := clienttest.New(t)
	part := s.Blob(content(1, 500), 5)
	s.Publish(nil, clienttest.Table("shop.orders", 1, part))
	w := workspaceAt(t, s, filepath.Join(dir, "w"))
	pull(t, w, source(t, s), func(o *mirror.PullOptions) { o.Free = func(string) (int64, error) { return 1 << 40, nil } })
	if !w.Ready(builder{}) {
		t.Error("not ready after a pull")
	}
	to := filepath.Join(dir, "moved")
	if err := os.Rename(w.Dir, to); err != nil {
		t.Fatal(err)
	}
	if err := freeze(dir); err != nil {
		t.Skipf("it cannot be closed: %v", err)
	}
	moved, err := mirror.Find(to)
	if err != nil {
		t.Fatal(err)
	}
	if notes, err := moved.Settle(t.Context(), builder{}); err != nil || len(notes) != 1 || moved.Ready(builder{}) {
		t.Errorf("%q, %v, ready %v", notes, err, moved.Ready(builder{}))
	}
	if m, _, err := moved.Manifest(0); err != nil || m.Generation != 1 {
		t.Errorf("%v", err)
	}
	if _, err := moved.Pull(t.Context(), source(t, s), options()); !mirror.Unwritable(err) || moved.Writable() {
		t.Errorf("a pull where nobody may write: %v", err)
	}
}

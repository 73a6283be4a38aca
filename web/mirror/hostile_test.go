package mirror_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/client/clienttest"
	"github.com/ai-data-analyst/broker/web/mirror"
)

// Y3: an older generation, another past, another key, another person: refused, and what was here stays.
func TestY3_RollbackAndForgery(t *testing.T) {
	s := clienttest.New(t)
	part := s.Blob(content(1, 100), 1)
	first := s.Publish(nil, clienttest.Table("shop.orders", 1, part))
	w, from := workspace(t, s), source(t, s)
	pull(t, w, from)
	s.Publish(nil, clienttest.Table("shop.orders", 2, part))
	pull(t, w, from)
	refuse := func(name, code string, change ...func(*mirror.PullOptions)) {
		t.Helper()
		report, err := w.Pull(t.Context(), from, options(change...))
		if codeOf(err) != code || fault.CodeOf(err) != fault.Data || report.Error == nil || report.Error.Code != code {
			t.Errorf("%s: %v [%s], want %s", name, err, codeOf(err), code)
		}
		whole(t, w, 2)
	}
	s.Rewind(1)
	refuse("rollback", "rollback")
	pull(t, w, from, func(o *mirror.PullOptions) { o.AllowRollback = true })
	whole(t, w, 1)
	s.Rewind(2)
	pull(t, w, from)
	s.Rewind(1)
	refuse("the mark stays", "rollback")
	s.Rewind(2)
	s.Change(func(m *api.Manifest) { m.User = "user-2" })
	refuse("another person", "signature")
	s.Change(func(m *api.Manifest) { m.User, m.Instance.ID = clienttest.User, "other" })
	refuse("another instance", "signature")
	s.Change(func(m *api.Manifest) { m.Instance.ID, m.Root = "instance-1", strings.Repeat("b", 64) })
	refuse("another past", "rollback")
	s.Publish(nil, clienttest.Table("shop.orders", 3, part))
	s.Change(func(m *api.Manifest) { fork := strings.Repeat("c", 64); m.Prev = &fork })
	refuse("a fork", "rollback")
	s.Nasty(func(rw http.ResponseWriter, r *http.Request) bool {
		signed := s.Signed(first)
		rw.Header().Set(api.SignatureHeader, signed.Signature)
		rw.Header().Set("Content-Type", "application/json")
		rw.Write(bytes.Replace(signed.Body, []byte("shop"), []byte("shoq"), 1))
		return true
	})
	refuse("changed on the way", "signature")
}

func TestY3_Keys(t *testing.T) {
	s := clienttest.New(t)
	part := s.Blob(content(1, 100), 1)
	s.Publish(nil, clienttest.Table("shop.orders", 1, part))
	w, from := workspace(t, s), source(t, s)
	pull(t, w, from)
	s.NewKey()
	s.Publish(nil, clienttest.Table("shop.orders", 2, part))
	pull(t, w, from) // the new key is signed by the pinned one
	whole(t, w, 2)
	s.Seen()
	pull(t, w, from)
	if seen := s.Seen(); len(seen) != 1 {
		t.Errorf("asked %v", seen)
	}
	s.NewKey()
	s.ForgetKeys()
	s.Publish(nil, clienttest.Table("shop.orders", 3, part))
	_, err := w.Pull(t.Context(), from, options())
	if codeOf(err) != "key_changed" || !strings.Contains(fault.HelpOf(err), "analyst login --repin") {
		t.Errorf("%v", err)
	}
	whole(t, w, 2)
	config, err := w.Config()
	if err != nil {
		t.Fatal(err)
	}
	config.Key = base64.StdEncoding.EncodeToString(s.Key()) // --repin
	if err := w.SetConfig(config); err != nil {
		t.Fatal(err)
	}
	pull(t, w, source(t, s))
	whole(t, w, 3)
}

// Y1: names are refused before anything is written.
func TestY1_Names(t *testing.T) {
	for _, name := range []string{"../../.ssh/authorized_keys", "/etc/passwd", `C:\x.y`, "con.orders", "shop.nul", "Shop.orders", "shop.orders ", "a.b/../../c", "shop.ord\x00ers", ""} {
		t.Run(name, func(t *testing.T) {
			s := clienttest.New(t)
			s.Publish(nil, clienttest.Table(name, 1, s.Blob(content(1, 100), 1)))
			refusedUnwritten(t, s)
		})
	}
	for _, path := range []string{"docs/../../.ssh/x", "/docs/x", "docs/con.md", `docs\x`, "docs/.hidden", "tables/x", "docs/a b", "docs/x.", "manifest.json"} {
		t.Run(path, func(t *testing.T) {
			s := clienttest.New(t)
			s.Publish([]api.Doc{s.Doc(path, "x")})
			refusedUnwritten(t, s)
		})
	}
	for _, pair := range [][2]string{{"docs/A.md", "docs/a.md"}, {"docs/a", "docs/a/b.md"}, {"docs/B", "docs/b/c.md"}} {
		t.Run(pair[0], func(t *testing.T) {
			s := clienttest.New(t)
			s.Publish([]api.Doc{s.Doc(pair[0], "x"), s.Doc(pair[1], "y")})
			refusedUnwritten(t, s)
		})
	}
}

func refusedUnwritten(t *testing.T, s *clienttest.Server) {
	t.Helper()
	w := workspace(t, s)
	before := listing(t, w.Dir)
	_, err := w.Pull(t.Context(), source(t, s), options())
	if fault.CodeOf(err) != fault.Data {
		t.Errorf("%v", err)
	}
	after := strings.Split(listing(t, w.Dir), "\n")
	for _, line := range after {
		if !strings.Contains(before, line) && !strings.Contains(line, ".analyst") {
			t.Errorf("written: %s", line)
		}
	}
}

// Y2: what does not fit is tried three times, then the old generation stays and the file is named.
func TestY2_DamagedOnTheWay(t *testing.T) {
	for name, test := range map[string]struct {
		answer func(w http.ResponseWriter, body []byte)
		code   string
		class  fault.Code
	}{
		"wrong bytes": {func(w http.ResponseWriter, body []byte) { body[len(body)/2] ^= 1; w.Write(body) }, "hash_mismatch", fault.Data},
		"short":       {func(w http.ResponseWriter, body []byte) { w.Write(body[:len(body)-1]) }, "short_body", fault.Data},
		"html": {func(w http.ResponseWriter, _ []byte) {
			w.Header().Set("Content-Type", "text/html")
			w.Write([]byte("<html>"))
		}, "not_broker", fault.Transient},
		"gone":       {func(w http.ResponseWriter, _ []byte) { clienttest.Refuse(w, 404, api.CodeNotFound) }, api.CodeNotFound, fault.NotFound},
		"signed out": {func(w http.ResponseWriter, _ []byte) { clienttest.Refuse(w, 401, api.CodeAuth) }, "token_expired", fault.Auth},
	} {
		t.Run(name, func(t *testing.T) {
			s := clienttest.New(t)
			good := s.Blob(content(1, 100_000), 1)
			s.Publish(nil, clienttest.Table("shop.orders", 1, good))
			w, from := workspace(t, s), source(t, s)
			pull(t, w, from)
			body := content(2, 100_000)
			bad := s.Blob(body, 1)
			s.Publish(nil, clienttest.Table("crm.fine", 2, good), clienttest.Table("shop.orders", 2, bad))
			s.Nasty(func(w http.ResponseWriter, r *http.Request) bool {
				if !strings.HasSuffix(r.URL.Path, bad.SHA256) {
					return false
				}
				w.Header().Set("Content-Type", "application/octet-stream")
				test.answer(w, slices.Clone(body))
				return true
			})
			s.Seen()
			report, err := w.Pull(t.Context(), from, options())
			if codeOf(err) != test.code || fault.CodeOf(err) != test.class || !strings.Contains(err.Error(), "shop.orders") {
				t.Errorf("%v [%s]", err, codeOf(err))
			}
			if n := len(s.Seen()) - 1; test.class != fault.Auth && test.class != fault.NotFound && n != 3 {
				t.Errorf("%d tries", n)
			}
			if got := statuses(report); got != "crm.fine=new shop.orders=failed" {
				t.Errorf("%s", got)
			}
			whole(t, w, 1)
			s.Nasty(nil)
			pull(t, w, from)
			whole(t, w, 2)
		})
	}
}

// A connection that breaks again and again still ends in a whole part, each byte fetched once.
func TestResumesByRange(t *testing.T) {
	s := clienttest.New(t)
	body := content(1, 30<<20)
	part := s.Blob(body, 1)
	s.Publish(nil, clienttest.Table("shop.orders", 1, part))
	var sent atomic.Int64
	s.Nasty(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, "/parts/") {
			return false
		}
		from := 0
		if text := r.Header.Get("Range"); text != "" {
			fmt.Sscanf(text, "bytes=%d-", &from)
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(body)-1, len(body)))
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Content-Length", fmt.Sprint(len(body)-from))
		if from > 0 {
			w.WriteHeader(http.StatusPartialContent)
		}
		n, _ := w.Write(body[from:min(len(body), from+6<<20)])
		sent.Add(int64(n))
		return true
	})
	w := workspace(t, s)
	pull(t, w, source(t, s), func(o *mirror.PullOptions) { o.Jobs = 1 })
	whole(t, w, 1)
	if n := int(sent.Load()); n > len(body)+len(body)/2 {
		t.Errorf("%d bytes were sent for %d", n, len(body))
	}
}

// Y7: what is no longer granted goes, with a note; a person's own tables stay.
func TestY7_RevokedTables(t *testing.T) {
	s := clienttest.New(t)
	a, b := s.Blob(content(1, 100), 1), s.Blob(content(2, 100), 1)
	s.Publish([]api.Doc{s.Doc("docs/datasets/hr.md", "secret")}, clienttest.Table("hr.salaries", 1, a), clienttest.Table("shop.orders", 1, b))
	w, from := workspace(t, s), source(t, s)
	pull(t, w, from)
	own := filepath.Join(w.Dir, "server/docs/mine.md")
	for path, text := range map[string]string{w.Mine(): "my tables", own: "my notes"} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s.Change(func(m *api.Manifest) { m.Tables, m.Docs = m.Tables[1:], nil })
	report := pull(t, w, from, func(o *mirror.PullOptions) { o.Keep = 1 })
	if got := statuses(report); got != "hr.salaries=removed shop.orders=unchanged" || len(report.Notes) != 1 || !strings.Contains(report.Notes[0], "hr.salaries") {
		t.Errorf("%s %q", got, report.Notes)
	}
	whole(t, w, 1)
	for path, there := range map[string]bool{w.PartPath(a.SHA256): false, w.PartPath(b.SHA256): true, w.Mine(): true, own: true, filepath.Join(w.Dir, "server/docs/datasets"): false} {
		if _, err := os.Stat(path); (err == nil) != there {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// Y6: a database that somebody changed is kept; ours is replaced.
func TestY6_OwnTablesInOurDatabase(t *testing.T) {
	for name, test := range map[string]struct {
		builder mirror.Builder
		wal     bool
		kept    int
	}{
		"own tables":   {inspector{builder{own: func(string) ([]string, error) { return []string{"mine"}, nil }}}, false, 1},
		"none":         {inspector{builder{own: func(string) ([]string, error) { return nil, nil }}}, false, 0},
		"none but log": {inspector{builder{own: func(string) ([]string, error) { return nil, nil }}}, true, 1},
		"corrupt":      {inspector{builder{own: func(string) ([]string, error) { return nil, errors.New("not a database") }}}, false, 1},
		"cannot look":  {builder{}, false, 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := clienttest.New(t)
			s.Publish(nil, clienttest.Table("shop.orders", 1, s.Blob(content(1, 100), 1)))
			w, from := workspace(t, s), source(t, s)
			pull(t, w, from)
			if err := os.WriteFile(w.Database(), []byte("changed"), 0o644); err != nil {
				t.Fatal(err)
			}
			if test.wal {
				if err := os.WriteFile(w.Database()+".wal", []byte("log"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			s.Publish(nil, clienttest.Table("shop.orders", 2, s.Blob(content(2, 100), 1)))
			report := pull(t, w, from, func(o *mirror.PullOptions) { o.Builder = test.builder })
			whole(t, w, 2)
			kept, err := filepath.Glob(filepath.Join(w.Dir, "user/duckdb/analytics.kept-*.duckdb"))
			if err != nil || len(kept) != test.kept || len(report.Notes) != test.kept {
				t.Fatalf("kept %v %v, notes %q", kept, err, report.Notes)
			}
			if _, err := os.Stat(w.Database() + ".wal"); err == nil {
				t.Error("a log of the old database lies beside the new one")
			}
			if test.kept > 0 {
				if text, err := os.ReadFile(kept[0]); string(text) != "changed" || err != nil {
					t.Errorf("%q %v", text, err)
				}
			}
		})
	}
}

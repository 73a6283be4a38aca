package mirror_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/client"
	"github.com/ai-data-analyst/broker/web/client/clienttest"
	"github.com/ai-data-analyst/broker/web/mirror"
)

// builder writes the statements instead of a database.
type builder struct {
	err error
	own func(path string) ([]string, error)
}

func (b builder) Build(_ context.Context, path string, statements []string) error {
	if b.err != nil {
		return b.err
	}
	return os.WriteFile(path, []byte(strings.Join(statements, "\n")), 0o644)
}

// inspector is a builder that can look into databases.
type inspector struct{ builder }

func (b inspector) OwnTables(_ context.Context, path string) ([]string, error) { return b.own(path) }

// source is a client that does not wait between tries.
func source(t testing.TB, s *clienttest.Server, change ...func(*client.Options)) *client.Client {
	t.Helper()
	o := client.Options{URL: s.URL, Token: clienttest.Token, Pause: atOnce}
	for _, f := range change {
		f(&o)
	}
	c, err := client.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func atOnce(ctx context.Context, _ time.Duration) error { return ctx.Err() }

func workspace(t testing.TB, s *clienttest.Server) *mirror.Workspace {
	t.Helper()
	w, err := mirror.Create(filepath.Join(t.TempDir(), "w"), mirror.Config{Server: s.URL, Instance: s.Instance(), User: clienttest.User,
		Key: base64.StdEncoding.EncodeToString(s.Key())})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func options(change ...func(*mirror.PullOptions)) mirror.PullOptions {
	o := mirror.PullOptions{Builder: builder{}, Pause: atOnce}
	for _, f := range change {
		f(&o)
	}
	return o
}

func pull(t testing.TB, w *mirror.Workspace, from mirror.Source, change ...func(*mirror.PullOptions)) mirror.PullReport {
	t.Helper()
	report, err := w.Pull(t.Context(), from, options(change...))
	if err != nil {
		t.Fatalf("pull: %v", err)
	}
	return report
}

func codeOf(err error) string {
	var s interface{ Stable() string }
	if errors.As(err, &s) {
		return s.Stable()
	}
	return ""
}

// content is n bytes that differ for each seed.
func content(seed uint64, n int) []byte {
	random := rand.New(rand.NewPCG(seed, 1))
	out := make([]byte, n)
	for i := range out {
		out[i] = byte(random.Uint32())
	}
	return out
}

// whole fails unless the workspace is exactly generation n: manifest, parts byte for byte, folders, documents, views.
func whole(t *testing.T, w *mirror.Workspace, n int64) {
	t.Helper()
	m, body, err := w.Manifest(0)
	if err != nil || m.Generation != n {
		t.Fatalf("generation %d, %v; want %d", m.Generation, err, n)
	}
	if shown, err := os.ReadFile(filepath.Join(w.Dir, "server/manifest.json")); err != nil || !bytes.Equal(shown, body) {
		t.Errorf("server/manifest.json is another one: %v", err)
	}
	database, err := os.ReadFile(w.Database())
	if err != nil {
		t.Fatal(err)
	}
	tables := map[string]bool{}
	for _, table := range m.Tables {
		tables[table.Name] = true
		if !bytes.Contains(database, []byte(`"`+table.Table+`"`)) {
			t.Errorf("no view of %s", table.Name)
		}
		files, err := os.ReadDir(filepath.Join(w.Dir, "server/tables", table.Name))
		if err != nil || len(files) != len(table.Parts) {
			t.Errorf("%s: %d files for %d parts, %v", table.Name, len(files), len(table.Parts), err)
		}
		for i, part := range table.Parts {
			shown, err := os.ReadFile(filepath.Join(w.Dir, "server/tables", table.Name, fmt.Sprintf("%d.parquet", i+1)))
			if err != nil || int64(len(shown)) != part.Size || sumOf(shown) != part.SHA256 {
				t.Errorf("%s part %d: %d bytes, %v", table.Name, i, len(shown), err)
			}
			if !bytes.Contains(database, []byte(w.PartPath(part.SHA256))) {
				t.Errorf("the view of %s does not use part %d", table.Name, i)
			}
		}
	}
	shown, err := os.ReadDir(filepath.Join(w.Dir, "server/tables"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range shown {
		if !tables[e.Name()] {
			t.Errorf("server/tables/%s is left over", e.Name())
		}
	}
	for _, d := range m.Docs {
		if text, err := os.ReadFile(filepath.Join(w.Dir, "server", d.Path)); err != nil || sumOf(text) != d.SHA256 {
			t.Errorf("%s: %v", d.Path, err)
		}
	}
}

func statuses(r mirror.PullReport) string {
	var out []string
	for _, t := range r.Tables {
		out = append(out, t.Name+"="+t.Status)
	}
	return strings.Join(out, " ")
}

func TestPullTakesWhatChanged(t *testing.T) {
	s := clienttest.New(t)
	same, old := s.Blob(content(1, 5000), 5), s.Blob(content(2, 300_000), 7)
	s.Publish([]api.Doc{s.Doc("docs/a.md", "one"), s.Doc("docs/x/b.md", "two")}, clienttest.Table("shop.orders", 1, same, old), clienttest.Table("crm.people", 1, same))
	w, from := workspace(t, s), source(t, s)
	report := pull(t, w, from)
	if got := statuses(report); got != "crm.people=new shop.orders=new" || report.Downloaded.Parts != 2 || report.Downloaded.Bytes != 305_000 || report.From != 0 {
		t.Errorf("%s %+v", got, report)
	}
	whole(t, w, 1)
	s.Publish([]api.Doc{s.Doc("docs/a.md", "three")}, clienttest.Table("shop.orders", 2, same, s.Blob(content(3, 100), 1)), clienttest.Table("crm.people", 1, same), clienttest.Table("hr.empty", 2))
	report = pull(t, w, from)
	if got := statuses(report); got != "crm.people=unchanged hr.empty=new shop.orders=updated" || report.Downloaded != (mirror.Amount{Parts: 1, Bytes: 100}) || report.Reused.Parts != 1 || report.From != 1 {
		t.Errorf("%s %+v", got, report)
	}
	whole(t, w, 2)
	if _, err := os.Stat(filepath.Join(w.Dir, "server/docs/x")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the dropped document's folder is left over: %v", err)
	}
	held, err := w.Generations()
	if err != nil || !slices.Equal(held, []int64{2, 1}) {
		t.Errorf("held %v %v", held, err)
	}
	if m, _, err := w.Manifest(1); err != nil || m.Generation != 1 {
		t.Errorf("%v", err)
	}
	if _, _, err := w.Manifest(7); fault.CodeOf(err) != fault.StateExpired {
		t.Errorf("%v", err)
	}
}

// No news: one request, nothing written but the time.
func TestNoChangeIsCheap(t *testing.T) {
	s := clienttest.New(t)
	var parts []api.Part
	for i := range 1000 {
		parts = append(parts, s.Blob(content(uint64(i), 64), 1))
	}
	s.Publish(nil, clienttest.Table("shop.orders", 1, parts...))
	w, from := workspace(t, s), source(t, s)
	pull(t, w, from)
	s.Seen()
	before, err := os.Stat(w.Database())
	if err != nil {
		t.Fatal(err)
	}
	report := pull(t, w, from)
	if seen := s.Seen(); len(seen) != 1 || report.Downloaded.Parts != 0 || report.Reused.Parts != 1000 || statuses(report) != "shop.orders=unchanged" {
		t.Errorf("asked %v, %+v", seen, report)
	}
	t.Logf("no change of 1000 parts: %.1f ms", report.Seconds*1000)
	if after, err := os.Stat(w.Database()); err != nil || !os.SameFile(before, after) {
		t.Errorf("the database was made again: %v", err)
	}
	if at, err := w.PulledAt(); err != nil || time.Since(at) > time.Hour {
		t.Errorf("pulled at %v %v", at, err)
	}
}

func TestDryRunChangesNothing(t *testing.T) {
	s := clienttest.New(t)
	s.Publish(nil, clienttest.Table("shop.orders", 1, s.Blob(content(1, 5000), 5)))
	w := workspace(t, s)
	before := listing(t, w.Dir)
	report := pull(t, w, source(t, s), func(o *mirror.PullOptions) { o.DryRun = true })
	if !report.DryRun || report.Downloaded.Bytes != 5000 || statuses(report) != "shop.orders=new" {
		t.Errorf("%+v", report)
	}
	if after := listing(t, w.Dir); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
}

func listing(t *testing.T, dir string) string {
	t.Helper()
	var out strings.Builder
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		fmt.Fprintln(&out, path, info.Mode(), info.Size())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestPullOfSomeTables(t *testing.T) {
	s := clienttest.New(t)
	a, b := s.Blob(content(1, 100), 1), s.Blob(content(2, 100), 1)
	s.Publish(nil, clienttest.Table("shop.orders", 1, a), clienttest.Table("crm.people", 1, b), clienttest.Table("crm.visits", 1, b))
	w, from := workspace(t, s), source(t, s)
	only := func(names ...string) func(*mirror.PullOptions) {
		return func(o *mirror.PullOptions) { o.Tables = names }
	}
	if got := statuses(pull(t, w, from, only("orders"))); got != "shop.orders=new" {
		t.Errorf("%s", got)
	}
	whole(t, w, 1)
	if m, _, err := w.Manifest(0); err != nil || len(m.Tables) != 1 {
		t.Errorf("%d tables %v", len(m.Tables), err)
	}
	_, err := w.Pull(t.Context(), from, options(only("nobody")))
	if fault.CodeOf(err) != fault.NotFound {
		t.Errorf("%v", err)
	}
	if got := statuses(pull(t, w, from, only("crm.people"))); got != "crm.people=new shop.orders=unchanged" {
		t.Errorf("%s", got)
	}
	s.Publish(nil, clienttest.Table("shop.orders", 2, b), clienttest.Table("crm.people", 1, b), clienttest.Table("crm.visits", 2, a))
	_, err = w.Pull(t.Context(), from, options(only("crm.visits")))
	if fault.CodeOf(err) != fault.Config || !strings.Contains(err.Error(), "shop.orders") {
		t.Errorf("%v", err)
	}
	whole(t, w, 1)
	if got := statuses(pull(t, w, from, only("crm.visits", "shop.orders"))); got != "crm.people=unchanged crm.visits=new shop.orders=updated" {
		t.Errorf("%s", got)
	}
	whole(t, w, 2)
	pull(t, w, from)
	s.Publish(nil, clienttest.Table("shop.orders", 2, b), clienttest.Table("crm.people", 3, a), clienttest.Table("crm.visits", 2, a), clienttest.Table("hr.new", 3, a))
	if got := statuses(pull(t, w, from, only("people"))); got != "crm.people=updated crm.visits=unchanged shop.orders=unchanged" {
		t.Errorf("%s", got)
	}
	whole(t, w, 3)
}

func TestOlderGenerations(t *testing.T) {
	s := clienttest.New(t)
	for i := range 4 {
		s.Publish(nil, clienttest.Table("shop.orders", int64(i+1), s.Blob(content(uint64(i), 100), 1)))
	}
	w, from := workspace(t, s), source(t, s)
	pull(t, w, from)
	older := func(n int64) func(*mirror.PullOptions) { return func(o *mirror.PullOptions) { o.Generation = n } }
	pull(t, w, from, older(2))
	whole(t, w, 2)
	s.Expire(3)
	_, err := w.Pull(t.Context(), from, options(older(1)))
	if fault.CodeOf(err) != fault.StateExpired {
		t.Errorf("%v", err)
	}
	pull(t, w, from)
	whole(t, w, 4)
	report := pull(t, w, from, older(2)) // the server has let it go, the copy is here
	whole(t, w, 2)
	if len(report.Notes) != 1 || report.Downloaded.Parts != 0 {
		t.Errorf("%+v", report)
	}
	pull(t, w, from, func(o *mirror.PullOptions) { o.Keep = 1 })
	whole(t, w, 4)
	if held, err := w.Generations(); err != nil || !slices.Equal(held, []int64{4}) {
		t.Errorf("held %v %v", held, err)
	}
	parts, manifests := 0, 0
	err = filepath.WalkDir(w.Dir, func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".parquet") && strings.Contains(path, "parts") {
			parts++
		}
		if strings.Contains(path, "generations"+string(filepath.Separator)) {
			manifests++
		}
		return err
	})
	if err != nil || parts != 1 || manifests != 1 {
		t.Errorf("%d parts, %d manifests, %v", parts, manifests, err)
	}
}

func TestABuilderThatFailsChangesNothing(t *testing.T) {
	s := clienttest.New(t)
	s.Publish(nil, clienttest.Table("shop.orders", 1, s.Blob(content(1, 100), 1)))
	w, from := workspace(t, s), source(t, s)
	pull(t, w, from)
	s.Publish(nil, clienttest.Table("shop.orders", 2, s.Blob(content(2, 100), 1)))
	if _, err := w.Pull(t.Context(), from, options(func(o *mirror.PullOptions) { o.Builder = builder{err: io.ErrClosedPipe} })); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("%v", err)
	}
	whole(t, w, 1)
	pull(t, w, from)
	whole(t, w, 2)
}

func TestWithoutAnEngine(t *testing.T) {
	s := clienttest.New(t)
	part := s.Blob(content(1, 100), 1)
	s.Publish(nil, clienttest.Table("shop.orders", 1, part))
	w, from := workspace(t, s), source(t, s)
	pull(t, w, from, func(o *mirror.PullOptions) { o.Builder = nil })
	script, err := os.ReadFile(w.Script())
	if err != nil || !strings.Contains(string(script), w.PartPath(part.SHA256)) {
		t.Errorf("%v\n%s", err, script)
	}
	if _, err := os.Stat(w.Database()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a database without an engine: %v", err)
	}
	pull(t, w, from) // now with one
	whole(t, w, 1)
}

func TestProgressIsTold(t *testing.T) {
	s := clienttest.New(t)
	s.Publish(nil, clienttest.Table("shop.orders", 1, s.Blob(content(1, 3<<20), 1), s.Blob(content(2, 100), 1)))
	var phases []string
	var last mirror.Progress
	pull(t, workspace(t, s), source(t, s), func(o *mirror.PullOptions) {
		o.Progress = func(p mirror.Progress) {
			if p.Bytes > p.TotalBytes || p.Parts > p.TotalParts {
				t.Errorf("%+v", p)
			}
			if len(phases) == 0 || phases[len(phases)-1] != p.Phase {
				phases = append(phases, p.Phase)
			}
			last = p
		}
	})
	if fmt.Sprint(phases) != "[manifest parts views done]" || last.Bytes != 3<<20+100 || last.Parts != 2 {
		t.Errorf("%v %+v", phases, last)
	}
}

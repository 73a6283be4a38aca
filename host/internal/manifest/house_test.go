package manifest_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/host/internal/manifest"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// fakeLake is a lake in memory: every publication is a generation.
type fakeLake struct {
	mu     sync.Mutex
	oldest int64
	heads  []manifest.Head
	tables map[manifest.Head]manifest.Table
	files  map[[32]byte][]byte
	reads  int // of tables
	looks  int // for the oldest generation
}

func newLake() *fakeLake {
	return &fakeLake{oldest: 1, tables: map[manifest.Head]manifest.Table{}, files: map[[32]byte][]byte{}}
}

// publish makes a generation in which each named table has exactly the given parts.
func (l *fakeLake) publish(tables map[sdk.TableName][]string) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	seq := l.newest() + 1
	var names []sdk.TableName
	for name := range tables {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		h := manifest.Head{Table: name, Seq: seq, Snapshot: seq*100 + int64(len(l.heads)), Published: start.Add(time.Duration(seq) * time.Minute)}
		t := manifest.Table{Head: h, ID: "id-of-" + string(name), Source: "demo", Strategy: "full_refresh", Description: "All of " + string(name), Key: []string{"id"},
			Location: "file:///lake/" + string(name), Columns: []manifest.Column{
				{ID: 1, Name: "id", Type: sdk.Type{ID: sdk.Int64}, Required: true, Doc: "Number of the row"},
				{ID: 2, Name: "mail", Type: sdk.Type{ID: sdk.String}, PII: true},
			}}
		for _, content := range tables[name] {
			sum := sha256.Sum256([]byte(content))
			l.files[sum] = []byte(content)
			t.Parts = append(t.Parts, manifest.Part{SHA256: sum, Size: int64(len(content)), Rows: int64(len(content)) % 7})
		}
		l.heads, l.tables[h] = append(l.heads, h), t
	}
	return seq
}

func (l *fakeLake) newest() int64 {
	if len(l.heads) == 0 {
		return 0
	}
	return l.heads[len(l.heads)-1].Seq
}

func (l *fakeLake) Newest(context.Context) (int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.newest(), nil
}

func (l *fakeLake) Oldest(context.Context) (int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.looks++
	return l.oldest, nil
}

func (l *fakeLake) expire(oldest int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.oldest = oldest
}

func (l *fakeLake) Heads(_ context.Context, generation int64) ([]manifest.Head, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	last := map[sdk.TableName]manifest.Head{}
	for _, h := range l.heads {
		if h.Seq <= generation {
			last[h.Table] = h
		}
	}
	var found []manifest.Head
	for _, h := range last {
		found = append(found, h)
	}
	return found, nil
}

func (l *fakeLake) History(_ context.Context, after, upTo int64) ([]manifest.Head, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []manifest.Head
	for _, h := range l.heads {
		if h.Seq > after && h.Seq <= upTo {
			found = append(found, h)
		}
	}
	return found, nil
}

func (l *fakeLake) Table(_ context.Context, head manifest.Head) (manifest.Table, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reads++
	for _, h := range l.heads {
		if h.Table == head.Table && h.Seq > head.Seq && h.Seq <= l.oldest { // replaced before the oldest generation
			return manifest.Table{}, fault.New(fault.NotFound, "expired")
		}
	}
	return l.tables[head], nil
}

type opened struct{ *bytes.Reader }

func (opened) Close() error { return nil }

func (l *fakeLake) OpenPart(_ context.Context, _ sdk.TableName, part manifest.Part) (io.ReadSeekCloser, int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	content, ok := l.files[part.SHA256]
	if !ok {
		return nil, 0, fault.New(fault.NotFound, "gone")
	}
	return opened{bytes.NewReader(content)}, int64(len(content)), nil
}

// grants is access: the tables that each person may read.
type grants struct {
	mu sync.Mutex
	by map[string][]sdk.TableName
}

func (g *grants) Visible(_ context.Context, who sdk.Caller) (func(sdk.TableName) bool, string, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	mine := slices.Clone(g.by[who.User.ID])
	slices.Sort(mine)
	return func(name sdk.TableName) bool { return slices.Contains(mine, name) }, fmt.Sprint(mine), nil
}

func (g *grants) set(user string, tables ...sdk.TableName) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.by[user] = tables
}

// notes is a library whose one document lists what is seen.
type notes struct {
	mu   sync.Mutex
	text string
}

func (n *notes) Edition(context.Context, int64) (manifest.Edition, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return edition{n.text}, nil
}

func (n *notes) write(text string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.text = text
}

type edition struct{ text string }

func (e edition) Rev() string { return e.text }

func (e edition) Describe(t manifest.Table) manifest.Words {
	w := manifest.Words{Description: e.text + t.Description, Columns: map[string]manifest.Remark{}, Relations: []api.Relation{{Column: "id", Table: "shop.orders", RefColumn: "id"}}}
	for _, c := range t.Columns {
		w.Columns[c.Name] = manifest.Remark{Description: c.Doc}
	}
	return w
}

func (e edition) Datasets() []manifest.Dataset {
	return []manifest.Dataset{
		{Name: "shop", Label: "Shop", Description: "Everything of the shop", Requires: []string{"staff"}, Has: func(n sdk.TableName) bool { return n.Namespace() == "shop" }},
		{Name: "staff", Label: "Staff", Description: "Who works here", Has: func(n sdk.TableName) bool { return n.Namespace() == "hr" }},
	}
}

func (e edition) Write(shelf manifest.Shelf, _ func(sdk.TableName) bool) ([]manifest.Document, error) {
	var b strings.Builder
	fmt.Fprintln(&b, e.text)
	for _, t := range shelf.Tables {
		fmt.Fprintf(&b, "%s changed in %d, %d relations\n", t.Name, t.Table.Generation, len(t.Relations))
	}
	return []manifest.Document{{Path: "docs/overview.md", Body: []byte(b.String())}, {Path: "docs/a.md", Body: []byte("always the same")},
		{Path: "docs/con.md"}, {Path: "docs/../x"}, {Path: "docs/a.md", Body: []byte("always the same")}}, nil
}

const (
	orders   = sdk.TableName("shop.orders")
	items    = sdk.TableName("shop.items")
	salaries = sdk.TableName("hr.salaries")
)

// house is manifests over fakes: ada sees everything, bob the shop, eve nothing.
type house struct {
	*manifest.Manifests
	lake   *fakeLake
	grants *grants
	notes  *notes
	keys   *manifest.Keys
	now    time.Time
}

func newHouse(t testing.TB) *house {
	t.Helper()
	h := &house{lake: newLake(), grants: &grants{by: map[string][]sdk.TableName{"ada": {orders, items, salaries}, "bob": {orders, items}}}, notes: &notes{}, now: start}
	var err error
	if h.keys, err = manifest.OpenKeys(filepath.Join(t.TempDir(), "keys"), func() time.Time { return start }); err != nil {
		t.Fatal(err)
	}
	h.open()
	return h
}

// open is a new process over the same lake.
func (h *house) open() {
	h.Manifests = manifest.New(manifest.Options{Lake: h.lake, Access: h.grants, Library: h.notes, Keys: h.keys, Instance: "instance-1",
		Name: func() string { return "Acme" }, Now: func() time.Time { return h.now }})
}

func caller(id string) sdk.Caller {
	return sdk.Caller{User: sdk.User{ID: id, Role: sdk.Standard}, Scopes: []sdk.Scope{sdk.ScopeRead}}
}

func (h *house) document(t testing.TB, user string, generation int64) (api.Manifest, api.Signed) {
	t.Helper()
	signed, err := h.Document(context.Background(), caller(user), generation)
	if err != nil {
		t.Fatalf("manifest of %s, generation %d: %v", user, generation, err)
	}
	if err := api.Verify(h.public(t), signed.Signature, signed.Body); err != nil {
		t.Fatalf("manifest of %s: %v", user, err)
	}
	m, err := api.DecodeManifest(signed.Body)
	if err != nil {
		t.Fatalf("manifest of %s: %v\n%s", user, err, signed.Body)
	}
	return m, signed
}

func (h *house) public(t testing.TB) ed25519.PublicKey {
	t.Helper()
	keys, err := h.Keys(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	key, err := keys.Keys[0].Public()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// content reads what a hash stands for; "" and the class of the error where it is not given.
func (h *house) content(user, hash string) (string, fault.Code) {
	c, err := h.Content(context.Background(), caller(user), hash)
	if err != nil {
		return "", fault.CodeOf(err)
	}
	file, err := c.Open(context.Background())
	if err != nil {
		return "", fault.CodeOf(err)
	}
	defer file.Close()
	body, err := io.ReadAll(file)
	if err != nil || int64(len(body)) != c.Size {
		return "", fault.Bug
	}
	return string(body), ""
}

func hashOf(content string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(content))) }

func names(m api.Manifest) string {
	var all []string
	for _, t := range m.Tables {
		all = append(all, t.Name)
	}
	return strings.Join(all, " ")
}

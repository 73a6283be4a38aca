package share_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// G1, G5: while a publisher publishes as fast as it can, every manifest is whole and every part of it is what its hash
// says. TORN_READS asks for more reads than the ordinary run makes.
func TestG1_NoTornReads(t *testing.T) {
	wanted := int64(100_000)
	if underRace {
		wanted = 10_000
	}
	if n, err := strconv.ParseInt(os.Getenv("TORN_READS"), 10, 64); err == nil {
		wanted = n
	}
	h := newHouse(t)
	h.grants["bob"] = []sdk.TableName{orders, items, "shop.log"}
	for i := range 40 {
		h.check(h.publish(fmt.Sprint("log", i), int64(i), "append", "shop.log"))
	}
	h.check(h.publish("first", 0, "replace", orders, items))
	var reads atomic.Int64
	var failed atomic.Bool
	var group sync.WaitGroup
	for range 2 {
		group.Go(func() {
			for reads.Load() < wanted && !failed.Load() {
				n, err := h.pull()
				if err != nil {
					failed.Store(true)
					t.Error(err)
				}
				reads.Add(n)
			}
		})
	}
	published := 0
	for i := int64(1); reads.Load() < wanted && !failed.Load(); i++ {
		if err := h.publish(fmt.Sprint("pair", i), i, "replace", orders, items); err != nil {
			failed.Store(true)
			t.Error(err)
		}
		published++
	}
	group.Wait()
	t.Logf("%d parts read while %d generations were published", reads.Load(), published)
}

// pull reads a manifest and every part of it, and returns how many parts it has.
func (h *house) pull() (int64, error) {
	m, _ := h.document("bob", 0)
	n, generation := int64(0), map[string]int64{}
	for _, table := range m.Tables {
		generation[table.Name] = table.Generation
		for _, p := range table.Parts {
			if _, err := h.read("bob", p.SHA256, p.Size); err != nil {
				return n, fmt.Errorf("generation %d: %s: %w", m.Generation, table.Name, err)
			}
			n++
		}
	}
	if generation[string(orders)] != generation[string(items)] {
		return n, fmt.Errorf("generation %d is torn: orders of %d, items of %d", m.Generation, generation[string(orders)], generation[string(items)])
	}
	return n, nil
}

// The chain holds over a real lake, in another process too; what expired is told from what never was.
func TestChainAndExpiry(t *testing.T) {
	h := newHouse(t)
	for i := range int64(6) {
		h.check(h.publish(fmt.Sprint("run", i), i, "replace", orders, items))
		h.pass(30 * time.Hour)
	}
	roots := map[int64]string{}
	for n := int64(1); n <= 6; n++ {
		m, _ := h.document("bob", n)
		if n > 1 && (m.Prev == nil || *m.Prev != roots[n-1]) {
			t.Errorf("generation %d does not follow the one before", n)
		}
		roots[n] = m.Root
	}
	first, _ := h.document("bob", 1)
	old := first.Tables[0].Parts[0]
	h.pass(28 * 24 * time.Hour)
	if _, err := h.lake.Expire(context.Background()); err != nil {
		t.Fatal(err)
	}
	h.pass(2 * time.Minute)
	oldest, current, err := h.Span(context.Background())
	if err != nil || oldest <= 1 || current != 6 {
		t.Fatalf("span %d to %d, %v", oldest, current, err)
	}
	_, err = h.Document(context.Background(), caller("bob"), 1)
	if fault.CodeOf(err) != fault.StateExpired {
		t.Errorf("the first generation: %v", err)
	}
	if _, err := h.read("bob", old.SHA256, old.Size); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("a part of the first generation: %v", err)
	}
	h.open()
	for n := oldest; n <= current; n++ {
		m, _ := h.document("bob", n)
		if m.Root != roots[n] || (m.Prev == nil) != (n == oldest) {
			t.Errorf("generation %d in another process: root %s, prev %v", n, m.Root, m.Prev)
		}
		for _, p := range m.Tables[0].Parts {
			if _, err := h.read("bob", p.SHA256, p.Size); err != nil {
				t.Errorf("generation %d: %v", n, err)
			}
		}
	}
}

// G12: nothing of a hidden table in any byte that a person gets, through configuration, lake and documents together.
func TestG12_Canary(t *testing.T) {
	h := newHouse(t)
	h.write("instance.hcl", instance+`
dataset "shop" {
  label  = "Shop"
  tables = ["shop.*"]
}
dataset "people" {
  label       = "People"
  description = "CANARY of a dataset"
  tables      = ["hr.*", "shop.items"]
}
`)
	h.write("data_description.md", "# Data\n\nCANARY of the prose\n\n```yaml\ntables:\n"+
		"  - {id: orders, name: orders, folder: shop, sync_strategy: full_refresh, description: Orders, foreign_keys: [{column: id, references: items.id}, {column: name, references: salaries.id, description: CANARY of a relation}]}\n"+
		"  - {id: items, name: items, folder: shop, sync_strategy: full_refresh, description: Items, columns: {name: {description: Its name, pii: true}}}\n"+
		"  - {id: salaries, name: salaries, folder: hr, sync_strategy: full_refresh, description: CANARY of a table, columns: {name: {description: CANARY of a column}}}\n```\n")
	h.write("datasets/shop.md", "How to read orders")
	h.write("datasets/people.md", "CANARY of the notes")
	h.write("metrics/finance/revenue.yml", "name: revenue\ntable: orders\nsql: SELECT 1\n")
	h.write("metrics/finance/pay.yml", "name: pay\ntable: hr.salaries\nsql: SELECT 'CANARY'\n")
	h.reload()
	for i, name := range []sdk.TableName{orders, items, salaries} {
		h.check(h.publish("run"+name.Table(), int64(i), "replace", name))
	}
	ada, bob := h.everything("ada"), h.everything("bob")
	for path, body := range bob {
		for _, word := range []string{"canary", "salaries", "hr."} {
			if strings.Contains(strings.ToLower(path+body), word) {
				t.Errorf("bob reads %q in %s:\n%s", word, path, body)
			}
		}
	}
	for _, path := range []string{"docs/datasets/shop.md", "docs/datasets/people.md", "docs/metrics/finance/revenue.yml", "docs/metrics/metrics.yml", "docs/tables/shop.orders.md", "docs/schema.yml"} {
		if bob[path] == "" {
			t.Errorf("bob has no %s", path)
		}
	}
	if !strings.Contains(bob["docs/tables/shop.orders.md"], "shop.orders.id = shop.items.id") || !strings.Contains(bob["manifest"], `"pii":true`) {
		t.Error("what is said of visible tables is lost")
	}
	for _, want := range []string{"docs/metrics/finance/pay.yml", "docs/tables/hr.salaries.md"} {
		if ada[want] == "" {
			t.Errorf("ada has no %s", want)
		}
	}
	if !strings.Contains(ada["docs/data_description.md"], "CANARY of the prose") || !strings.Contains(ada["docs/datasets/people.md"], "CANARY of the notes") {
		t.Error("ada, who sees everything, lacks the operator's words")
	}
}

// everything is every byte that a person can get: by path, the manifest, catalog and tables under names of their own.
func (h *house) everything(user string) map[string]string {
	h.t.Helper()
	m, signed := h.document(user, 0)
	all := map[string]string{"manifest": string(signed.Body)}
	for _, d := range m.Docs {
		body, err := h.read(user, d.SHA256, d.Size)
		h.check(err)
		all[d.Path] = string(body)
	}
	catalog, err := h.Catalog(context.Background(), caller(user))
	h.check(err)
	all["catalog"] = fmt.Sprintf("%+v", catalog)
	for _, table := range catalog.Tables {
		detail, err := h.Table(context.Background(), caller(user), sdk.TableName(table.Name))
		h.check(err)
		all["table "+table.Name] = fmt.Sprintf("%+v", detail)
	}
	changes, err := h.Changes(context.Background(), caller(user), 0)
	h.check(err)
	all["changes"] = fmt.Sprintf("%+v", changes)
	return all
}

// Words change the ETag at the next generation or reload; a dataset that is switched off takes its documents along.
func TestReload(t *testing.T) {
	h := newHouse(t)
	h.check(h.publish("run", 1, "replace", orders, items))
	h.write("instance.hcl", instance+"dataset \"shop\" {\n  label  = \"Shop\"\n  tables = [\"shop.*\"]\n}\n")
	h.write("datasets/shop.md", "How to read orders")
	before, first := h.document("bob", 0)
	h.reload()
	with, second := h.document("bob", 0)
	h.write("instance.hcl", instance)
	h.reload()
	without, third := h.document("bob", 0)
	if first.ETag == second.ETag || first.ETag != third.ETag {
		t.Errorf("ETags %s, %s, %s", first.ETag, second.ETag, third.ETag)
	}
	if before.Generation != with.Generation || with.Root != without.Root || before.DocsRev == with.DocsRev {
		t.Error("a reload changed more than documents")
	}
	if len(with.Docs) != len(without.Docs)+2 {
		t.Errorf("%d documents with the dataset, %d without", len(with.Docs), len(without.Docs))
	}
}

// I9: what cannot be read is not taken for absent: what was written before stays.
func TestUnreadableWordsStay(t *testing.T) {
	h := newHouse(t)
	h.write("data_description.md", "# Data\n\nThe operator's words\n")
	h.check(h.publish("run", 1, "replace", orders))
	if docs := h.everything("ada"); !strings.Contains(docs["docs/data_description.md"], "The operator's words") {
		t.Fatal("the words are not there to begin with")
	}
	path := filepath.Join(h.dir, "data_description.md")
	h.check(os.Remove(path))
	h.check(os.Mkdir(path, 0o755)) // unreadable for root, too
	h.check(h.publish("run2", 2, "replace", orders))
	if docs := h.everything("ada"); !strings.Contains(docs["docs/data_description.md"], "The operator's words") {
		t.Error("the words went with the file that cannot be read")
	}
}

// No link beside the configuration leads out of its folder.
func TestLinksAreNotFollowed(t *testing.T) {
	h := newHouse(t)
	outside := filepath.Join(t.TempDir(), "secret")
	h.check(os.WriteFile(outside, []byte("CANARY"), 0o600))
	h.check(os.MkdirAll(filepath.Join(h.dir, "metrics", "finance"), 0o755))
	h.check(os.Symlink(outside, filepath.Join(h.dir, "data_description.md")))
	h.check(os.Symlink(outside, filepath.Join(h.dir, "metrics", "finance", "x.yml")))
	h.check(os.Symlink(filepath.Dir(outside), filepath.Join(h.dir, "metrics", "other")))
	h.check(h.publish("run", 1, "replace", orders))
	for path, body := range h.everything("ada") {
		if strings.Contains(body, "CANARY") {
			t.Errorf("%s shows what lies outside", path)
		}
	}
}

// The same bytes in two tables are found in both: a lake makes such parts where tables are filled alike.
func TestTwinParts(t *testing.T) {
	h := newHouse(t)
	h.check(h.publish("run", 1, "replace", salaries, orders))
	m, _ := h.document("ada", 0)
	if m.Tables[0].Parts[0] != m.Tables[1].Parts[0] {
		t.Fatal("the parts are no twins")
	}
	for _, user := range []string{"ada", "bob"} {
		if _, err := h.read(user, m.Tables[0].Parts[0].SHA256, m.Tables[0].Parts[0].Size); err != nil {
			t.Errorf("%s: %v", user, err)
		}
	}
}

// Instance and tables keep their ids.
func TestIDsStay(t *testing.T) {
	h := newHouse(t)
	h.check(h.publish("run", 1, "replace", orders))
	first, _ := h.document("ada", 0)
	h.open()
	h.check(h.publish("run2", 2, "replace", orders))
	second, _ := h.document("ada", 0)
	if first.Instance.ID == "" || first.Instance != second.Instance || first.Instance != h.Instance() || second.Instance.Name != "Acme" {
		t.Errorf("instances %+v and %+v", first.Instance, second.Instance)
	}
	if first.Tables[0].ID == "" || first.Tables[0].ID != second.Tables[0].ID || first.Tables[0].SchemaHash != second.Tables[0].SchemaHash {
		t.Errorf("tables %+v and %+v", first.Tables[0], second.Tables[0])
	}
	if got := fmt.Sprint(second.Tables[0].Columns); !strings.Contains(got, "Number of the row") {
		t.Errorf("columns %s", got)
	}
}

// G6: a part that is cut or gone on the host's disk is an error, never fewer bytes and never absence.
func TestG6_PartsDamagedOnDisk(t *testing.T) {
	h := newHouse(t)
	h.check(h.publish("run", 1, "replace", orders))
	h.check(h.publish("run2", 2, "replace", items))
	m, _ := h.document("bob", 0)
	for i, spoil := range []func(path string) error{os.Remove, func(path string) error {
		if err := os.Chmod(path, 0o600); err != nil {
			return err
		}
		return os.Truncate(path, 10)
	}} {
		p := m.Tables[i].Parts[0]
		found, err := filepath.Glob(filepath.Join(h.dir, "data", "lake", "*", "*", "data", p.SHA256+".parquet"))
		h.check(err)
		if len(found) != 1 {
			t.Fatalf("part %s lies at %v", p.SHA256, found)
		}
		h.check(spoil(found[0]))
		if _, err := h.read("bob", p.SHA256, p.Size); fault.CodeOf(err) != fault.Data {
			t.Errorf("damaged part: %v", err)
		}
	}
}

func TestEmptyLake(t *testing.T) {
	h := newHouse(t)
	m, _ := h.document("bob", 0)
	if m.Generation != 0 || len(m.Tables) != 0 {
		t.Errorf("manifest %+v", m)
	}
	paths := []string{}
	for _, d := range m.Docs {
		if _, err := h.read("bob", d.SHA256, d.Size); err != nil {
			t.Errorf("%s: %v", d.Path, err)
		}
		paths = append(paths, d.Path)
	}
	if !slices.Contains(paths, "docs/data_description.md") {
		t.Errorf("documents %v", paths)
	}
}

// BenchmarkNoChange is a person's manifest of an unchanged lake, state database and disk included.
func BenchmarkNoChange(b *testing.B) {
	h := newHouse(b)
	h.check(h.publish("run", 1, "replace", orders, items))
	for b.Loop() {
		_, err := h.Document(context.Background(), caller("bob"), 0)
		h.check(err)
	}
}

package manifest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
)

var update = flag.Bool("update", false, "write the golden files anew")

// The manifest byte for byte, as analysts' programs of all versions read it.
func TestGoldenManifest(t *testing.T) {
	h := newHouse(t)
	h.notes.write("Note. ")
	h.lake.publish(map[sdk.TableName][]string{orders: {"part one", "part two"}, salaries: {"secret"}})
	h.lake.publish(map[sdk.TableName][]string{items: {}})
	_, signed := h.document(t, "bob", 0)
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, signed.Body, "", " "); err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "manifest.json")
	if *update {
		if err := os.WriteFile(golden, pretty.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), pretty.String()); diff != "" {
		t.Errorf("manifest (-want +got):\n%s", diff)
	}
	h.open()
	if _, again := h.document(t, "bob", 0); !bytes.Equal(again.Body, signed.Body) || again.ETag != signed.ETag {
		t.Error("another process writes another manifest of the same generation")
	}
}

// G12: each sees their own tables only, and nothing else of the others.
func TestG12_ManifestIsCutToTheGrant(t *testing.T) {
	h := newHouse(t)
	h.lake.publish(map[sdk.TableName][]string{orders: {"o"}, items: {"i"}, salaries: {"s"}})
	for user, want := range map[string]string{"ada": "hr.salaries shop.items shop.orders", "bob": "shop.items shop.orders", "eve": ""} {
		m, signed := h.document(t, user, 0)
		if names(m) != want || m.User != user {
			t.Errorf("%s sees %q as %s, want %q", user, names(m), m.User, want)
		}
		if user != "ada" && strings.Contains(string(signed.Body), "salaries") {
			t.Errorf("%s reads the name of a hidden table", user)
		}
	}
	ada, _ := h.document(t, "ada", 0)
	bob, _ := h.document(t, "bob", 0)
	if ada.Root != bob.Root || ada.Root == "" {
		t.Errorf("roots differ: %s and %s", ada.Root, bob.Root)
	}
}

// The ETag is the person's own; documents and grants change it, never generation and root.
func TestETag(t *testing.T) {
	h := newHouse(t)
	h.grants.set("carl", orders, items)
	h.lake.publish(map[sdk.TableName][]string{orders: {"o"}, items: {"i"}})
	first, bob := h.document(t, "bob", 0)
	if _, again := h.document(t, "bob", 0); again.ETag != bob.ETag {
		t.Error("the ETag changes by itself")
	}
	if _, carl := h.document(t, "carl", 0); carl.ETag == bob.ETag {
		t.Error("two people have one ETag")
	}
	seen := map[string]string{bob.ETag: "first"}
	for _, change := range []struct {
		name string
		do   func()
	}{
		{"documents", func() { h.notes.write("new words ") }},
		{"grant", func() { h.grants.set("bob", orders) }},
		{"key", func() {
			if _, err := h.keys.Rotate(); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		change.do()
		m, signed := h.document(t, "bob", 0)
		if before, taken := seen[signed.ETag]; taken {
			t.Errorf("after a change of %s the ETag is that of %s", change.name, before)
		}
		seen[signed.ETag] = change.name
		if m.Generation != first.Generation || m.Root != first.Root {
			t.Errorf("a change of %s changed generation or root", change.name)
		}
	}
}

// G5: generations are a chain: prev is the root of the one before, for as long as that is kept.
func TestG5_ChainOfGenerations(t *testing.T) {
	h := newHouse(t)
	for i := range 12 {
		h.lake.publish(map[sdk.TableName][]string{orders: {fmt.Sprint("part ", i)}})
	}
	roots := map[int64]string{}
	for n := int64(12); n >= 1; n-- {
		m, _ := h.document(t, "bob", n)
		if m.Generation != n || m.Oldest != 1 {
			t.Errorf("asked for %d, got %d with oldest %d", n, m.Generation, m.Oldest)
		}
		roots[n] = m.Root
		if (m.Prev == nil) != (n == 1) {
			t.Errorf("generation %d: prev %v", n, m.Prev)
		}
		if next, ok := roots[n+1]; ok {
			if after, _ := h.document(t, "ada", n+1); *after.Prev != m.Root || next == m.Root {
				t.Errorf("generation %d does not follow %d", n+1, n)
			}
		}
	}
	h.lake.expire(5)
	h.now = h.now.Add(2 * time.Minute)
	if m, _ := h.document(t, "bob", 5); m.Prev != nil || m.Root != roots[5] || m.Oldest != 5 {
		t.Errorf("the oldest kept generation: prev %v, oldest %d", m.Prev, m.Oldest)
	}
	h.open()
	if m, _ := h.document(t, "bob", 6); m.Root != roots[6] || *m.Prev != roots[5] {
		t.Error("roots are others in another process")
	}
}

func TestGenerationsThatCannotBeHad(t *testing.T) {
	h := newHouse(t)
	if m, _ := h.document(t, "bob", 0); m.Generation != 0 || len(m.Tables) != 0 || m.Prev != nil || m.Oldest != 0 {
		t.Errorf("an empty lake: %+v", m)
	}
	for range 4 {
		h.lake.publish(map[sdk.TableName][]string{orders: {"o"}})
	}
	h.lake.expire(3)
	h.now = h.now.Add(2 * time.Minute)
	for n, want := range map[int64]fault.Code{5: fault.NotFound, -1: fault.NotFound, 2: fault.StateExpired, 1: fault.StateExpired, 3: "", 4: ""} {
		if _, err := h.Document(context.Background(), caller("bob"), n); fault.CodeOf(err) != want {
			t.Errorf("generation %d: %v, want %q", n, err, want)
		}
	}
	// It expires between two looks at the span.
	h.lake.expire(4)
	h.open()
	if oldest, current, err := h.Span(context.Background()); oldest != 4 || current != 4 || err != nil {
		t.Errorf("span %d to %d, %v", oldest, current, err)
	}
}

// A generation that expires while somebody asks for it has expired, whatever was known a moment before.
func TestExpiryBetweenLooks(t *testing.T) {
	h := newHouse(t)
	for i := range 4 {
		h.lake.publish(map[sdk.TableName][]string{orders: {fmt.Sprint(i)}})
	}
	h.document(t, "bob", 4)
	h.lake.expire(4)
	if _, err := h.Document(context.Background(), caller("bob"), 1); fault.CodeOf(err) != fault.StateExpired {
		t.Errorf("got %v", err)
	}
}

// What was asked before costs the lake nothing.
func TestNoChangeReadsNothing(t *testing.T) {
	h := newHouse(t)
	tables := map[sdk.TableName][]string{}
	var mine []sdk.TableName
	for i := range 50 {
		name := sdk.TableName(fmt.Sprintf("shop.t%02d", i))
		tables[name], mine = []string{fmt.Sprint("part ", i)}, append(mine, name)
	}
	h.lake.publish(tables)
	for i := range 50 {
		h.grants.set(fmt.Sprint("analyst", i), mine...)
	}
	var group sync.WaitGroup
	for i := range 50 {
		for range 4 {
			group.Go(func() { h.document(t, fmt.Sprint("analyst", i), 0) })
		}
	}
	group.Wait()
	if h.lake.reads != 50 || h.lake.looks != 1 {
		t.Errorf("50 tables were read %d times, the oldest generation was looked for %d times", h.lake.reads, h.lake.looks)
	}
	h.lake.publish(map[sdk.TableName][]string{mine[7]: {"new"}})
	h.document(t, "analyst3", 0)
	if h.lake.reads != 51 {
		t.Errorf("one table changed, and %d were read", h.lake.reads-50)
	}
}

// G5: one flipped bit anywhere, or another person's signature, is found.
func TestG5_BitFlips(t *testing.T) {
	h := newHouse(t)
	h.lake.publish(map[sdk.TableName][]string{orders: {"o", "p", "q"}, items: {"i"}})
	_, signed := h.document(t, "bob", 0)
	_, other := h.document(t, "ada", 0)
	key := h.public(t)
	if api.Verify(key, other.Signature, signed.Body) == nil {
		t.Error("another person's signature fits")
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 1_000 {
		body := bytes.Clone(signed.Body)
		at := r.IntN(len(body) * 8)
		body[at/8] ^= 1 << (at % 8)
		if api.Verify(key, signed.Signature, body) == nil {
			t.Fatalf("bit %d was flipped unseen", at)
		}
	}
}

// A table whose name no laptop can keep is left out; the others are not lost with it.
func TestY1_NamesThatAreDevices(t *testing.T) {
	h := newHouse(t)
	h.grants.set("bob", orders, "con.orders", "shop.aux")
	h.lake.publish(map[sdk.TableName][]string{orders: {"o"}, "con.orders": {"c"}, "shop.aux": {"a"}})
	if m, _ := h.document(t, "bob", 0); names(m) != "shop.orders" {
		t.Errorf("tables %q", names(m))
	}
}

func TestCatalog(t *testing.T) {
	h := newHouse(t)
	h.lake.publish(map[sdk.TableName][]string{orders: {"o"}, salaries: {"s"}})
	h.lake.publish(map[sdk.TableName][]string{items: {"i"}})
	ctx := context.Background()
	for user, want := range map[string]string{"ada": "[hr.salaries shop.items shop.orders] [staff shop]", "bob": "[shop.items shop.orders] []", "eve": "[] -"} {
		c, err := h.Catalog(ctx, caller(user))
		if err != nil {
			t.Fatal(err)
		}
		got := []string{}
		for _, table := range c.Tables {
			got = append(got, table.Name)
		}
		sets := "-"
		for _, d := range c.Datasets {
			if d.Name == "shop" {
				sets = fmt.Sprint(d.Requires)
			}
		}
		sets = strings.Replace(sets, "[staff]", "[staff shop]", 1)
		if line := fmt.Sprint(got, " ", sets); line != want || c.Total != len(got) || c.Generation != 2 {
			t.Errorf("%s: %s, want %s", user, line, want)
		}
	}
	detail, err := h.Table(ctx, caller("bob"), items)
	if err != nil || len(detail.Fields) != 2 || len(detail.Relations) != 1 || detail.Location != "" {
		t.Errorf("detail %+v, %v", detail, err)
	}
	admin := caller("ada")
	admin.User.Role, admin.Scopes = sdk.Admin, []sdk.Scope{sdk.ScopeRead, sdk.ScopeAdmin}
	if detail, err := h.Table(ctx, admin, items); err != nil || detail.Location == "" {
		t.Errorf("an admin's detail: %+v, %v", detail, err)
	}
	var texts []string
	for _, name := range []sdk.TableName{salaries, "shop.none", "no name"} {
		_, err := h.Table(ctx, caller("bob"), name)
		if fault.CodeOf(err) != fault.NotFound {
			t.Errorf("%s: %v", name, err)
		}
		texts = append(texts, err.Error())
	}
	if texts[0] != texts[1] || texts[1] != texts[2] {
		t.Errorf("denied and absent differ: %q", texts)
	}
}

func TestChanges(t *testing.T) {
	h := newHouse(t)
	h.lake.publish(map[sdk.TableName][]string{orders: {"o"}, salaries: {"s"}})
	h.lake.publish(map[sdk.TableName][]string{salaries: {"t"}})
	h.lake.publish(map[sdk.TableName][]string{items: {"i"}, orders: {"o2"}})
	got, err := h.Changes(context.Background(), caller("bob"), 0)
	if err != nil {
		t.Fatal(err)
	}
	want := api.Changes{Generation: 3, Since: 0, Complete: true, Generations: []api.Change{
		{Generation: 3, PublishedAt: "2026-03-01T12:03:00Z", Tables: []string{"shop.items", "shop.orders"}},
		{Generation: 1, PublishedAt: "2026-03-01T12:01:00Z", Tables: []string{"shop.orders"}}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	h.lake.expire(3)
	h.now = h.now.Add(2 * time.Minute)
	if got, err := h.Changes(context.Background(), caller("bob"), 1); err != nil || got.Complete || len(got.Generations) != 1 {
		t.Errorf("after expiry: %+v, %v", got, err)
	}
	if got, err := h.Changes(context.Background(), caller("bob"), 3); err != nil || !got.Complete || len(got.Generations) != 0 {
		t.Errorf("since the newest: %+v, %v", got, err)
	}
}

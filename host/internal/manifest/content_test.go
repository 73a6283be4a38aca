package manifest_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// G12: a hash is given to whoever may read a table that lists it, now, in any kept generation; to all others it is absent.
func TestG12_ContentByPresentGrant(t *testing.T) {
	h := newHouse(t)
	h.lake.publish(map[sdk.TableName][]string{orders: {"old orders"}, salaries: {"pay"}})
	h.lake.publish(map[sdk.TableName][]string{orders: {"new orders"}})
	for _, c := range []struct {
		user, content string
		want          fault.Code
	}{
		{"bob", "new orders", ""}, {"bob", "old orders", ""}, {"bob", "pay", fault.NotFound}, {"ada", "pay", ""},
		{"eve", "new orders", fault.NotFound}, {"bob", "never published", fault.NotFound},
	} {
		if got, code := h.content(c.user, hashOf(c.content)); code != c.want || c.want == "" && got != c.content {
			t.Errorf("%s asks for %q: %q, %q", c.user, c.content, got, code)
		}
	}
	h.grants.set("bob", items)
	if _, code := h.content("bob", hashOf("new orders")); code != fault.NotFound {
		t.Errorf("after the grant went: %q", code)
	}
	_, denied := h.Content(context.Background(), caller("bob"), hashOf("new orders"))
	_, absent := h.Content(context.Background(), caller("bob"), hashOf("nothing"))
	if denied.Error() != absent.Error() {
		t.Errorf("denied %q, absent %q", denied, absent)
	}
}

func TestA1_HashesThatAreNone(t *testing.T) {
	h := newHouse(t)
	h.lake.publish(map[sdk.TableName][]string{orders: {"o"}})
	good := hashOf("o")
	for _, hash := range []string{"", "..", "../../etc/passwd", good + "/", good[:63], strings.ToUpper(good), good + "\x00", "%2e%2e", strings.Repeat("g", 64), strings.Repeat("a", 8192)} {
		if _, code := h.content("ada", hash); code != fault.NotFound {
			t.Errorf("%.80q: %q", hash, code)
		}
	}
}

// Two tables may hold the same bytes; each opens them for its own readers, for as long as it lists them.
func TestSameBytesInTwoTables(t *testing.T) {
	h := newHouse(t)
	h.lake.publish(map[sdk.TableName][]string{salaries: {"empty"}, orders: {"empty"}})
	for _, user := range []string{"ada", "bob"} {
		if _, code := h.content(user, hashOf("empty")); code != "" {
			t.Errorf("%s: %q", user, code)
		}
	}
	h.lake.publish(map[sdk.TableName][]string{orders: {"filled"}})
	h.lake.publish(map[sdk.TableName][]string{orders: {"filled more"}})
	h.content("bob", hashOf("filled")) // the index learns of it
	h.lake.expire(3)
	h.now = h.now.Add(2 * time.Minute)
	for _, c := range []struct {
		user, content string
		want          fault.Code
	}{{"bob", "empty", fault.NotFound}, {"ada", "empty", ""}, {"bob", "filled", fault.NotFound}, {"bob", "filled more", ""}} {
		if _, code := h.content(c.user, hashOf(c.content)); code != c.want {
			t.Errorf("%s asks for %q: %q, want %q", c.user, c.content, code, c.want)
		}
	}
}

// What left a table and came back is kept again.
func TestPartsThatComeBack(t *testing.T) {
	h := newHouse(t)
	for _, content := range []string{"a", "b", "a", "c"} {
		h.lake.publish(map[sdk.TableName][]string{orders: {content}})
		h.content("bob", hashOf(content))
	}
	h.lake.expire(3)
	h.now = h.now.Add(2 * time.Minute)
	for content, want := range map[string]fault.Code{"a": "", "b": fault.NotFound, "c": ""} {
		if _, code := h.content("bob", hashOf(content)); code != want {
			t.Errorf("%s: %q, want %q", content, code, want)
		}
	}
	h.open() // and found backwards as well
	for content, want := range map[string]fault.Code{"a": "", "b": fault.NotFound, "c": ""} {
		if _, code := h.content("bob", hashOf(content)); code != want {
			t.Errorf("in another process, %s: %q, want %q", content, code, want)
		}
	}
}

// G6: a published part that is missing or short is an error of its own, never absent and never short bytes.
func TestG6_UnreadableParts(t *testing.T) {
	h := newHouse(t)
	h.lake.publish(map[sdk.TableName][]string{orders: {"whole", "cut", "lost"}})
	h.lake.files[sha256.Sum256([]byte("cut"))] = []byte("cu")
	delete(h.lake.files, sha256.Sum256([]byte("lost")))
	for content, want := range map[string]fault.Code{"whole": "", "cut": fault.Data, "lost": fault.Data} {
		if _, code := h.content("bob", hashOf(content)); code != want {
			t.Errorf("%s: %q, want %q", content, code, want)
		}
	}
	h.lake.publish(map[sdk.TableName][]string{orders: {"whole"}})
	h.content("bob", hashOf("not there")) // the index learns of the new generation
	h.lake.expire(2)
	h.now = h.now.Add(2 * time.Minute)
	if _, code := h.content("bob", hashOf("lost")); code != fault.NotFound {
		t.Errorf("expired and gone: %q", code)
	}
}

// Documents go by hash like parts, to people with the same grant only, and a pull under way outlives publications and a
// new process.
func TestDocumentsAreContent(t *testing.T) {
	h := newHouse(t)
	h.lake.publish(map[sdk.TableName][]string{orders: {"o"}, salaries: {"s"}})
	m, _ := h.document(t, "ada", 0)
	for _, d := range m.Docs {
		body, code := h.content("ada", d.SHA256)
		if code != "" || int64(len(body)) != d.Size || hashOf(body) != d.SHA256 {
			t.Errorf("%s: %q", d.Path, code)
		}
	}
	overview := m.Docs[1]
	if _, code := h.content("bob", overview.SHA256); code != fault.NotFound {
		t.Errorf("bob reads ada's document: %q", code)
	}
	for i := range 3 {
		h.lake.publish(map[sdk.TableName][]string{orders: {fmt.Sprint(i)}})
	}
	h.open()
	if body, code := h.content("ada", overview.SHA256); code != "" || hashOf(body) != overview.SHA256 {
		t.Errorf("after three publications and a restart: %q", code)
	}
	h.grants.set("ada", orders)
	if _, code := h.content("ada", overview.SHA256); code != fault.NotFound {
		t.Errorf("after the grant went: %q", code)
	}
}

// G1: whatever is published meanwhile, a manifest's parts are all there and are what their hashes say.
func TestG1_ReadersBesideAPublisher(t *testing.T) {
	h := newHouse(t)
	h.lake.publish(map[sdk.TableName][]string{orders: {"start"}, items: {"start"}})
	const publications, readers = 300, 6
	done := make(chan struct{})
	var group sync.WaitGroup
	for range readers {
		group.Go(func() {
			for {
				m, _ := h.document(t, "bob", 0)
				if m.Tables[0].Generation != m.Tables[1].Generation {
					t.Errorf("torn: %s is of %d, %s of %d", m.Tables[0].Name, m.Tables[0].Generation, m.Tables[1].Name, m.Tables[1].Generation)
				}
				for _, table := range m.Tables {
					for _, p := range table.Parts {
						if body, code := h.content("bob", p.SHA256); code != "" || hashOf(body) != p.SHA256 {
							t.Errorf("generation %d: %s: %q", m.Generation, table.Name, code)
						}
					}
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	for i := range publications {
		var o, n []string
		for j := range 10 {
			o, n = append(o, fmt.Sprint("o", i, j)), append(n, fmt.Sprint("i", i/2, j))
		}
		h.lake.publish(map[sdk.TableName][]string{orders: o, items: n})
	}
	close(done)
	group.Wait()
}

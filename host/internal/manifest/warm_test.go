package manifest_test

import (
	"context"
	"testing"

	"github.com/ai-data-analyst/broker/sdk"
)

// Warm reads what is new for those who asked lately, gives nobody more than before, and an answer afterwards is the one
// that would have come without it.
func TestWarmChangesNoAnswer(t *testing.T) {
	h := newHouse(t)
	if err := h.Warm(context.Background()); err != nil {
		t.Fatalf("nothing was published: %v", err)
	}
	h.lake.publish(map[sdk.TableName][]string{"shop.orders": {"a"}, "hr.salaries": {"b"}})
	h.grants.set("bob", "shop.orders")
	h.document(t, "bob", 0)
	h.lake.publish(map[sdk.TableName][]string{"shop.orders": {"a", "c"}})
	if err := h.Warm(context.Background()); err != nil {
		t.Fatal(err)
	}
	reads := h.lake.reads
	warm, _ := h.document(t, "bob", 0)
	if h.lake.reads != reads {
		t.Error("a warm answer reads the lake")
	}
	h.open()
	cold, _ := h.document(t, "bob", 0)
	if len(warm.Tables) != 1 || warm.Generation != 2 || len(warm.Tables[0].Parts) != 2 || warm.Root != cold.Root || warm.DocsRev != cold.DocsRev {
		t.Errorf("warm %+v\ncold %+v", warm, cold)
	}
}

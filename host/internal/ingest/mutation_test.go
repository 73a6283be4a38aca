package ingest_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/ai-data-analyst/broker/host/internal/ingest"
	"github.com/ai-data-analyst/broker/sdk/connector"
)

// I9, at random: a good delivery with a few messages lost, doubled, swapped or miscounted is published only when what
// arrived before its end is exactly what it says to have sent, from a begin to an end.
func TestMutatedDeliveries(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	published := 0
	for i := range 3000 {
		good := []any{schema("orders"), begin("orders"), rows{stream: "orders", n: 3}, mark(1, 3, "a", false), rows{stream: "orders", n: 4}, mark(2, 7, "b", true),
			complete("orders", 7), connector.StreamDone{Stream: "orders", Rows: 7, Complete: true}, done(7, "c")}
		script := good
		for range random.IntN(3) {
			script = mutate(random, script)
		}
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, script)
			result := w.runner().Run(t.Context(), replaceSet())
			if result.Status != ingest.Published {
				if w.seq != 0 || result.Err == nil {
					t.Fatalf("case %d: %s with %d publications: %v", i, result.Status, w.seq, script)
				}
				return
			}
			published++
			if n, ok := sound(script); !ok || w.rows["shop.orders"] != n || w.seq != 1 {
				t.Fatalf("case %d: published %d rows of %v", i, w.rows["shop.orders"], script)
			}
		})
	}
	if published < 1000 || published > 2000 {
		t.Errorf("%d of 3000 were published: the mutations do not test what they should", published)
	}
}

// sound says, in the plainest way, whether a script may be published, and with how many rows.
func sound(script []any) (n int64, ok bool) {
	begins, ends := 0, 0
	for _, step := range script {
		switch m := step.(type) {
		case rows:
			if begins != 1 || ends != 0 {
				return n, false
			}
			n += int64(m.n)
		case connector.Boundary:
			if m.Complete {
				ends++
			} else {
				begins++
			}
		case connector.Done:
			return n, begins == 1 && ends == 1 && int64(m.Rows["orders"]) == n
		}
	}
	return n, false
}

func mutate(random *rand.Rand, script []any) []any {
	script = slices.Clone(script)
	if len(script) < 2 {
		return script
	}
	at := random.IntN(len(script) - 1)
	switch random.IntN(4) {
	case 0:
		return slices.Delete(script, at, at+1)
	case 1:
		return slices.Insert(script, at, script[at])
	case 2:
		script[at], script[at+1] = script[at+1], script[at]
	default:
		if r, ok := script[at].(rows); ok {
			r.n = max(0, r.n+random.IntN(3)-1)
			script[at] = r
		}
	}
	return script
}

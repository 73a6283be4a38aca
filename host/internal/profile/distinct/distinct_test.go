package distinct_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/ai-data-analyst/broker/host/internal/profile/distinct"
)

func text(int) string { return "x" }

// Counts are exact up to 1,000 and within 2 % beyond, however the stream is cut, stored and merged.
func TestCounterAgainstASet(t *testing.T) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 1))
		values := []int{1, 50, 51, 700, 1000, 1001, 5000, 60_000}[seed%8]
		seen, whole, cut := map[uint64]bool{}, distinct.NewCounter(), distinct.NewCounter()
		hashes := make([]uint64, values)
		for i := range hashes {
			hashes[i] = r.Uint64()
		}
		for range 1 + r.IntN(6) {
			part := distinct.NewCounter()
			for range 1 + r.IntN(3) {
				batch := make([]uint64, r.IntN(20_000))
				for i := range batch {
					batch[i] = hashes[r.IntN(values)]
					seen[batch[i]] = true
				}
				whole.Add(batch, text)
				part.Add(batch, text)
			}
			cut.Merge(distinct.RestoreCounter(part.Store()))
		}
		a, exact := whole.Distinct()
		b, cutExact := cut.Distinct()
		if a != b || exact != cutExact || exact != (len(seen) <= distinct.MostExact) {
			t.Errorf("seed %d: %d (%t) whole, %d (%t) cut, of %d", seed, a, exact, b, cutExact, len(seen))
		}
		if off := math.Abs(float64(a)-float64(len(seen))) / float64(len(seen)); exact && off > 0 || off > 0.02 {
			t.Errorf("seed %d: %d of %d", seed, a, len(seen))
		}
		if whole.Unique() != cut.Unique() {
			t.Errorf("seed %d: unique %t whole, %t cut", seed, whole.Unique(), cut.Unique())
		}
	}
}

// A column of different values is unique, and one of which a share comes twice is not.
func TestUnique(t *testing.T) {
	for _, n := range []int{1, 40, 1000, 1001, 300_000} {
		c := distinct.NewCounter()
		r := rand.New(rand.NewPCG(uint64(n), 1))
		hashes := make([]uint64, n)
		for i := range hashes {
			hashes[i] = r.Uint64()
		}
		c.Add(hashes, text)
		if !c.Unique() {
			t.Errorf("%d different values are not unique", n)
		}
		c.Add(hashes[:1+n/20], text)
		if c.Unique() {
			t.Errorf("%d values are unique, though a twentieth came twice", n)
		}
	}
}

// Repeats are exact while the set is, and never seen where there are none.
func TestSet(t *testing.T) {
	for _, n := range []int{10, 1000, 50_000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			r := rand.New(rand.NewPCG(uint64(n), 2))
			a, b := &distinct.Set{Most: 2000}, &distinct.Set{Most: 2000}
			var hashes []uint64
			for range n {
				hashes = append(hashes, r.Uint64())
			}
			a.Add(hashes[:n/2])
			b.Add(hashes[n/2:])
			a.Merge(distinct.Restore(2000, b.Store()))
			if a.Repeats() != 0 || a.Exact() != (n <= 2000) || a.Exact() && a.Count() != int64(n) {
				t.Errorf("%d repeats, %d of %d", a.Repeats(), a.Count(), n)
			}
			a.Add(hashes[:n/5])
			want := float64(n / 5)
			if off := math.Abs(float64(a.Repeats()) - want); a.Exact() && off > 0 || off > want/3 {
				t.Errorf("%d repeats, want %v", a.Repeats(), want)
			}
		})
	}
}

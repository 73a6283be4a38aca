package rank_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ai-data-analyst/broker/host/internal/profile/rank"
)

var shapes = map[string]func(r *rand.Rand, i, n int) int64{
	"rising":   func(_ *rand.Rand, i, _ int) int64 { return int64(i) },
	"falling":  func(_ *rand.Rand, i, n int) int64 { return int64(n - i) },
	"random":   func(r *rand.Rand, _, _ int) int64 { return r.Int64() - r.Int64() },
	"steep":    func(r *rand.Rand, _, _ int) int64 { return int64(math.Exp(r.NormFloat64() * 9)) },
	"few":      func(r *rand.Rand, _, _ int) int64 { return r.Int64N(3) },
	"periodic": func(_ *rand.Rand, i, _ int) int64 { return int64(i % 1024) },
	"two ends": func(_ *rand.Rand, i, _ int) int64 { return int64(i%2) * math.MaxInt64 },
	"growing":  func(_ *rand.Rand, i, n int) int64 { return int64(i) * int64(i) % int64(n) },
}

// Ranks are within 1 %, in one part or many.
func TestQuantilesAreWithinOnePercentOfRank(t *testing.T) {
	for name, shape := range shapes {
		for _, parts := range []int{1, 7} {
			const n = 400_000
			r := rand.New(rand.NewPCG(uint64(parts), 9))
			values := make([]int64, n)
			for i := range values {
				values[i] = shape(r, i, n)
			}
			whole := &rank.Sketch{}
			for p := range parts {
				piece := values[p*n/parts : (p+1)*n/parts]
				s := &rank.Sketch{Seed: uint64(p)}
				for len(piece) > 0 {
					k := min(len(piece), 1+r.IntN(9000))
					batch := piece[:k]
					s.Add(k, func(i int) int64 { return batch[i] })
					piece = piece[k:]
				}
				whole.Merge(&rank.Sketch{Levels: s.Levels, N: s.N, Seed: s.Seed}) // as it comes from the disk
			}
			if whole.N != n || whole.Size() > 1<<20 {
				t.Errorf("%s: %d values in %d bytes", name, whole.N, whole.Size())
			}
			slices.Sort(values)
			shares := []float64{0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1}
			found, _ := whole.Quantiles(shares...)
			for i, q := range found {
				low, _ := slices.BinarySearch(values, q.Low)
				high, _ := slices.BinarySearchFunc(values, q.High, func(v, at int64) int {
					if v <= at {
						return -1
					}
					return 1
				})
				if share := shares[i]; share < float64(low)/n-0.01 || share > float64(high)/n+0.01 {
					t.Errorf("%s in %d parts: %v has ranks %v to %v", name, parts, share, float64(low)/n, float64(high)/n)
				}
			}
		}
	}
}

// Up to rank.Exact values nothing is estimated.
func TestFewValuesAreExact(t *testing.T) {
	for _, n := range []int{1, 2, 500, rank.Exact} {
		s := &rank.Sketch{}
		s.Add(n, func(i int) int64 { return int64(n - i) })
		q, ok := s.Quantiles(0, 0.5, 1)
		if !ok || q[0].Low != 1 || q[2].Low != int64(n) || float64(q[1].Low)+q[1].Fraction*float64(q[1].High-q[1].Low) != float64(n+1)/2 {
			t.Errorf("%d values: %+v", n, q)
		}
	}
	if _, ok := (&rank.Sketch{}).Quantiles(0.5); ok {
		t.Error("an empty sketch has a median")
	}
}

// Package rank estimates quantiles of a stream of whole numbers in bounded memory, mergeably: a sampler that keeps one
// value of each block before a pile of compactors in the manner of KLL (Karnin, Lang, Liberty, "Optimal quantile
// approximation in streams", 2016). Only host/internal/profile imports it.
//
// The error of a rank has a standard deviation of about 0.25 % for a million values, less for more parts; up to Exact
// values nothing is estimated. The same values in the same order give the same sketch.
package rank

import (
	"math"
	"slices"
)

// Sizes of a sketch. Width bounds the items of a level, perLevel how many values are looked at before the sampler takes
// only half as many.
const (
	Width    = 1024
	Exact    = Width - 1
	perLevel = 16 << 10
)

// Sketch is a sample of a stream of which every item stands for 2^level values. The zero value is an empty stream; Seed
// makes two sketches independent. Fields are exported for the disk.
type Sketch struct {
	Levels [][]int64
	N      int64 // values of the stream
	Seed   uint64

	sorted []int // items of each level that are in order, from the first on

	entry int // level at which values enter
	taken int // of them, at this level
	skip  int // values before the next that is taken
	rest  int // values of the block after the one taken last
}

// Add adds n values, of which at is the one at a place; not all are asked for.
func (s *Sketch) Add(n int, at func(i int) int64) {
	s.N += int64(n)
	for i := 0; ; i++ {
		if s.skip >= n-i {
			s.skip -= n - i
			return
		}
		i += s.skip
		s.push(at(i))
		s.skip = 0
		s.choose()
	}
}

func (s *Sketch) push(value int64) {
	s.grow(s.entry)
	s.Levels[s.entry] = append(s.Levels[s.entry], value)
	s.taken++
	s.settle()
}

// settle keeps the sizes after values have come in.
func (s *Sketch) settle() {
	if len(s.Levels[s.entry]) >= Width {
		s.compact(s.entry)
	}
	if s.taken < perLevel {
		return
	}
	s.compact(s.entry)
	s.entry, s.taken = s.entry+1, 0
	s.grow(s.entry)
}

// choose draws the value of the next block.
func (s *Sketch) choose() {
	block := 1 << s.entry
	at := int(s.random() & uint64(block-1))
	s.skip, s.rest = s.rest+at, block-1-at
}

// random is SplitMix64 (Steele, Lea, Flood, 2014).
func (s *Sketch) random() uint64 {
	s.Seed += 0x9e3779b97f4a7c15
	z := s.Seed
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

func (s *Sketch) grow(level int) {
	for len(s.Levels) <= level {
		s.Levels = append(s.Levels, nil)
	}
	for len(s.sorted) < len(s.Levels) {
		s.sorted = append(s.sorted, 0)
	}
}

// compact lets every second item of a level stand for two. An odd one stays.
func (s *Sketch) compact(level int) {
	s.sort(level)
	items := s.Levels[level]
	if len(items) < 2 {
		return
	}
	coin := s.random()
	even := items
	var kept []int64
	if len(items)%2 == 1 { // the least or the greatest stays, by chance
		if coin&2 == 0 {
			even, kept = items[1:], items[:1]
		} else {
			even, kept = items[:len(items)-1], items[len(items)-1:]
		}
	}
	s.grow(level + 1)
	up := even[:0:0]
	for i := int(coin & 1); i < len(even); i += 2 {
		up = append(up, even[i])
	}
	s.sort(level + 1)
	s.Levels[level+1] = merged(s.Levels[level+1], up)
	s.sorted[level+1] = len(s.Levels[level+1])
	s.Levels[level] = append(items[:0], kept...)
	s.sorted[level] = len(kept)
	if len(s.Levels[level+1]) >= Width {
		s.compact(level + 1)
	}
}

// sort puts a level in order. What came in since it last was is sorted alone and merged.
func (s *Sketch) sort(level int) {
	items, done := s.Levels[level], s.sorted[level]
	if done == len(items) {
		return
	}
	sortItems(items[done:])
	if done > 0 {
		items = merged(items[:done:done], items[done:])
	}
	s.Levels[level], s.sorted[level] = items, len(items)
}

// merged merges two runs in order, into a's memory where that is enough.
func merged(a, b []int64) []int64 {
	if len(a) == 0 {
		return append(a, b...)
	}
	i, j := len(a)-1, len(b)-1
	out := slices.Grow(a, len(b))[:len(a)+len(b)]
	for at := len(out) - 1; j >= 0; at-- {
		if i >= 0 && out[i] > b[j] {
			out[at], i = out[i], i-1
		} else {
			out[at], j = b[j], j-1
		}
	}
	return out
}

// Merge adds another stream. No more values can be added to s afterwards.
func (s *Sketch) Merge(o *Sketch) {
	s.N += o.N
	s.Seed ^= o.Seed
	for level, items := range o.Levels {
		s.grow(level)
		s.Levels[level] = append(s.Levels[level], items...)
	}
	for level := 0; level < len(s.Levels); level++ {
		if len(s.Levels[level]) >= Width {
			s.compact(level)
		}
	}
}

// Size is about how many bytes the sketch holds.
func (s *Sketch) Size() int64 {
	n := int64(0)
	for _, items := range s.Levels {
		n += int64(cap(items)) * 8
	}
	return n
}

// Quantile is a place between two values: Low + Fraction × (High − Low).
type Quantile struct {
	Low, High int64
	Fraction  float64
}

// Quantiles returns the continuous quantiles at the given shares in 0..1, as SQL's percentile_cont has them. false = the
// stream is empty.
func (s *Sketch) Quantiles(shares ...float64) ([]Quantile, bool) {
	type item struct{ value, weight int64 }
	var items []item
	total := int64(0)
	for level, values := range s.Levels {
		for _, v := range values {
			items = append(items, item{v, 1 << level})
			total += 1 << level
		}
	}
	if len(items) == 0 {
		return nil, false
	}
	slices.SortFunc(items, func(a, b item) int {
		switch {
		case a.value < b.value:
			return -1
		case a.value > b.value:
			return 1
		default:
			return 0
		}
	})
	at := func(place int64) int64 {
		for _, i := range items {
			if place < i.weight {
				return i.value
			}
			place -= i.weight
		}
		return items[len(items)-1].value
	}
	out := make([]Quantile, len(shares))
	for i, share := range shares {
		whole, fraction := math.Modf(share * float64(total-1))
		out[i] = Quantile{Low: at(int64(whole)), High: at(int64(whole) + 1), Fraction: fraction}
	}
	return out, true
}

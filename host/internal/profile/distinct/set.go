// Package distinct counts different values by their 64-bit hashes in bounded memory, mergeably. Only host/internal/profile
// imports it.
package distinct

import "slices"

// Set counts the different hashes of a stream and how often each came: exactly up to Most different ones, and beyond for a
// sample of them, the hashes whose lowest Level bits are zero (Gibbons, "Distinct sampling", 2001). Which hashes are in the
// sample does not depend on their order. Hashes must be well mixed.
type Set struct {
	Most  int
	Level uint

	whole *LogLog // told all hashes when some are about to go; may be nil

	hashes []uint64 // open addressing; 0 = free
	counts []uint32
	n      int
}

// Add adds hashes.
func (s *Set) Add(hashes []uint64) {
	mask := uint64(1)<<s.Level - 1
	for _, h := range hashes {
		if h&mask == 0 {
			s.insert(h, 1)
			mask = uint64(1)<<s.Level - 1
		}
	}
}

// insert counts a hash of the sample.
func (s *Set) insert(h uint64, count uint32) {
	h = orOne(h)
	if s.n*2 >= len(s.hashes) {
		s.resize(max(64, len(s.hashes)*2))
	}
	i := s.find(h)
	if s.hashes[i] == h {
		s.counts[i] = plus(s.counts[i], count)
		return
	}
	s.hashes[i], s.counts[i] = h, count
	if s.n++; s.n > s.Most {
		s.thin()
	}
}

// orOne keeps 0 free to say that a slot is: another hash of the sample takes its place.
func orOne(h uint64) uint64 {
	if h == 0 {
		return 1 << 63
	}
	return h
}

func plus(a, b uint32) uint32 {
	if sum := a + b; sum >= a {
		return sum
	}
	return 1<<32 - 1
}

func (s *Set) find(h uint64) int {
	mask := len(s.hashes) - 1
	i := int(h>>24) & mask
	for s.hashes[i] != 0 && s.hashes[i] != h {
		i = (i + 1) & mask
	}
	return i
}

func (s *Set) resize(slots int) {
	hashes, counts := s.hashes, s.counts
	s.hashes, s.counts = make([]uint64, slots), make([]uint32, slots)
	for i, h := range hashes {
		if h != 0 {
			at := s.find(h)
			s.hashes[at], s.counts[at] = h, counts[i]
		}
	}
}

// tell hands over every hash, as long as all are there.
func (s *Set) tell() {
	if s.Level == 0 && s.whole != nil {
		s.whole.Add(s.Store().Hashes)
	}
}

// thin halves the sample until it fits.
func (s *Set) thin() {
	s.tell()
	for s.n > s.Most {
		s.Level++
		mask := uint64(1)<<s.Level - 1
		s.n = 0
		for i, h := range s.hashes {
			if h&mask != 0 {
				s.hashes[i], s.counts[i] = 0, 0
			} else if h != 0 {
				s.n++
			}
		}
		s.resize(len(s.hashes)) // the gaps would hide what lies behind them
	}
}

// Merge adds another stream of the same Most.
func (s *Set) Merge(o *Set) {
	s.raise(o.Level)
	for i, h := range o.hashes {
		if h != 0 && h&(uint64(1)<<s.Level-1) == 0 {
			s.insert(h, o.counts[i])
		}
	}
}

func (s *Set) raise(level uint) {
	if s.Level >= level {
		return
	}
	s.tell()
	kept := Set{Most: s.Most, Level: level, whole: s.whole}
	for i, h := range s.hashes {
		if h != 0 && h&(uint64(1)<<level-1) == 0 {
			kept.insert(h, s.counts[i])
		}
	}
	*s = kept
}

// Exact says whether every hash is in the sample.
func (s *Set) Exact() bool { return s.Level == 0 }

// Count is how many different hashes came: the number itself, or an estimate.
func (s *Set) Count() int64 { return int64(s.n) << s.Level }

// Repeats is how many hashes came again: the number itself, or an estimate that is 0 whenever none of the sample did.
func (s *Set) Repeats() int64 {
	again := int64(0)
	for i, h := range s.hashes {
		if h != 0 {
			again += int64(s.counts[i]) - 1
		}
	}
	return again << s.Level
}

// Size is about how many bytes the set holds.
func (s *Set) Size() int64 { return int64(len(s.hashes)) * 12 }

// Stored is a Set as it lies on disk.
type Stored struct {
	Level  uint
	Hashes []uint64 // in order
	Counts []uint32 // empty = 1 each
}

// Store returns the set as it lies on disk: the same stream makes the same bytes.
func (s *Set) Store() Stored {
	out := Stored{Level: s.Level, Hashes: make([]uint64, 0, s.n)}
	for _, h := range s.hashes {
		if h != 0 {
			out.Hashes = append(out.Hashes, h)
		}
	}
	slices.Sort(out.Hashes)
	for _, h := range out.Hashes {
		if s.counts[s.find(h)] > 1 {
			out.Counts = make([]uint32, len(out.Hashes))
			break
		}
	}
	for i := range out.Counts {
		out.Counts[i] = s.counts[s.find(out.Hashes[i])]
	}
	return out
}

// Restore is the set that was stored.
func Restore(most int, in Stored) *Set {
	s := &Set{Most: most, Level: min(in.Level, 63)}
	for i, h := range in.Hashes {
		count := uint32(1)
		if i < len(in.Counts) {
			count = in.Counts[i]
		}
		s.insert(h, count)
	}
	return s
}

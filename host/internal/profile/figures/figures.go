// Package figures counts numbers: moments, extremes, quantiles, histogram, mergeably. Only host/internal/profile imports
// it.
package figures

import (
	"math"

	"github.com/apache/arrow/go/v17/arrow/decimal128"

	"github.com/ai-data-analyst/broker/host/internal/profile/grid"
	"github.com/ai-data-analyst/broker/host/internal/profile/rank"
)

// Numbers are the figures of a numeric column. Whole numbers and short decimals are counted as int64 without their point,
// exactly; the others as float64. Fields are exported for the disk.
type Numbers struct {
	N         int64 // Finite values
	Zeros     int64
	Negatives int64
	Outside   int64 // NaN and infinite
	Moments   Moments
	Rank      rank.Sketch

	Low, High int64
	Ints      grid.Ints

	FloatLow, FloatHigh float64
	Floats              grid.Floats
	WideLow, WideHigh   Wide // the extremes of long decimals
}

// Wide is a decimal of up to 38 digits without its point.
type Wide struct {
	High int64
	Low  uint64
}

func wideOf(n decimal128.Num) Wide { return Wide{n.HighBits(), n.LowBits()} }

func (w Wide) less(o Wide) bool { return w.High < o.High || w.High == o.High && w.Low < o.Low }

// Moments are count, mean and sum of the squared differences from it. The mean is Base + Mean: large whole numbers that are
// close to each other keep all their digits.
type Moments struct {
	N        float64
	Base     int64
	Mean, M2 float64
}

// join adds another part (Chan, Golub, LeVeque, 1979).
func (m *Moments) join(o Moments) {
	if o.N == 0 {
		return
	}
	if m.N == 0 {
		*m = o
		return
	}
	n := m.N + o.N
	d := o.Mean - m.Mean + apart(m.Base, o.Base)
	m.Mean += d * o.N / n
	m.M2 += o.M2 + d*d*m.N*o.N/n
	m.N = n
}

// apart is to − from, exactly where that fits.
func apart(from, to int64) float64 {
	if d := to - from; (d < 0) == (to < from) {
		return float64(d)
	}
	return float64(to) - float64(from)
}

// AddInts counts whole numbers.
func (n *Numbers) AddInts(values []int64) {
	if len(values) == 0 {
		return
	}
	low, high := values[0], values[0]
	for _, v := range values {
		low, high = min(low, v), max(high, v)
	}
	n.signs(values, low, high)
	n.Moments.join(momentsOf(values, low, high))
	n.Ints.Add(values, low, high)
	n.Rank.Add(len(values), func(i int) int64 { return values[i] })
	if n.N == 0 {
		n.Low, n.High = low, high
	}
	n.Low, n.High = min(n.Low, low), max(n.High, high)
	n.N += int64(len(values))
}

// signs counts zeros and negatives, mostly without looking.
func (n *Numbers) signs(values []int64, low, high int64) {
	switch {
	case low > 0:
	case high < 0:
		n.Negatives += int64(len(values))
	case low == 0 && high == 0:
		n.Zeros += int64(len(values))
	default:
		zeros, negatives := int64(0), int64(0)
		for _, v := range values {
			if v == 0 {
				zeros++
			}
			negatives += int64(uint64(v) >> 63)
		}
		n.Zeros, n.Negatives = n.Zeros+zeros, n.Negatives+negatives
	}
}

// momentsOf works on differences from the first value, which are small where the values are large and close.
func momentsOf(values []int64, low, high int64) Moments {
	first := values[0]
	if high-low < 0 { // the differences do not fit: neither do they matter
		floats := make([]float64, len(values))
		for i, v := range values {
			floats[i] = float64(v)
		}
		return momentsOfFloats(floats)
	}
	var s0, s1, q0, q1 float64
	rest := values
	for ; len(rest) >= 2; rest = rest[2:] {
		a, b := float64(rest[0]-first), float64(rest[1]-first)
		s0, s1, q0, q1 = s0+a, s1+b, q0+a*a, q1+b*b
	}
	for _, v := range rest {
		a := float64(v - first)
		s0, q0 = s0+a, q0+a*a
	}
	return momentsFrom(len(values), first, 0, s0+s1, q0+q1)
}

func momentsOfFloats(values []float64) Moments {
	first := values[0]
	var s0, s1, q0, q1 float64
	rest := values
	for ; len(rest) >= 2; rest = rest[2:] {
		a, b := rest[0]-first, rest[1]-first
		s0, s1, q0, q1 = s0+a, s1+b, q0+a*a, q1+b*b
	}
	for _, v := range rest {
		a := v - first
		s0, q0 = s0+a, q0+a*a
	}
	return momentsFrom(len(values), 0, first, s0+s1, q0+q1)
}

// momentsFrom takes the sums of differences from a value near all others, and of their squares.
func momentsFrom(count int, base int64, from, sum, squares float64) Moments {
	n := float64(count)
	return Moments{N: n, Base: base, Mean: from + sum/n, M2: max(0, squares-sum*sum/n)}
}

// AddFloats counts numbers; those that are not finite have been left out.
func (n *Numbers) AddFloats(values []float64) {
	if len(values) == 0 {
		return
	}
	low, high := values[0], values[0]
	for _, v := range values {
		if v < low {
			low = v
		}
		if v > high {
			high = v
		}
	}
	if low <= 0 {
		for _, v := range values {
			if v == 0 {
				n.Zeros++
			} else if v < 0 {
				n.Negatives++
			}
		}
	}
	n.Moments.join(momentsOfFloats(values))
	n.Floats.Add(values, low, high)
	n.Rank.Add(len(values), func(i int) int64 { return order(values[i]) })
	if n.N == 0 {
		n.FloatLow, n.FloatHigh = low, high
	}
	n.FloatLow, n.FloatHigh = min(n.FloatLow, low), max(n.FloatHigh, high)
	n.N += int64(len(values))
}

// order maps numbers to whole ones that have the same order, −0 to that of 0.
func order(v float64) int64 {
	b := int64(math.Float64bits(v + 0))
	return b ^ int64(uint64(b>>63)>>1)
}

// unorder is the number of an item of Rank.
func unorder(k int64) float64 { return math.Float64frombits(uint64(k ^ int64(uint64(k>>63)>>1))) }

// Finite returns the values that are, and counts the others. spare is used when there are others.
func (n *Numbers) Finite(values, spare []float64) []float64 {
	sum := 0.0
	for _, v := range values {
		sum += v - v // 0, or NaN for what is not finite
	}
	if sum == 0 {
		return values
	}
	spare = spare[:0]
	for _, v := range values {
		if v-v == 0 {
			spare = append(spare, v)
		}
	}
	n.Outside += int64(len(values) - len(spare))
	return spare
}

// Extremes notes those of long decimals.
func (n *Numbers) Extremes(values []decimal128.Num) {
	for i, num := range values {
		v := wideOf(num)
		if n.N == 0 && i == 0 {
			n.WideLow, n.WideHigh = v, v
		}
		if v.less(n.WideLow) {
			n.WideLow = v
		}
		if n.WideHigh.less(v) {
			n.WideHigh = v
		}
	}
}

// Merge adds another part.
func (n *Numbers) Merge(o *Numbers) {
	if o.N > 0 {
		if n.N == 0 {
			n.Low, n.High, n.FloatLow, n.FloatHigh, n.WideLow, n.WideHigh = o.Low, o.High, o.FloatLow, o.FloatHigh, o.WideLow, o.WideHigh
		}
		n.Low, n.High = min(n.Low, o.Low), max(n.High, o.High)
		n.FloatLow, n.FloatHigh = min(n.FloatLow, o.FloatLow), max(n.FloatHigh, o.FloatHigh)
		if o.WideLow.less(n.WideLow) {
			n.WideLow = o.WideLow
		}
		if n.WideHigh.less(o.WideHigh) {
			n.WideHigh = o.WideHigh
		}
	}
	n.N, n.Zeros, n.Negatives, n.Outside = n.N+o.N, n.Zeros+o.Zeros, n.Negatives+o.Negatives, n.Outside+o.Outside
	n.Moments.join(o.Moments)
	n.Rank.Merge(&o.Rank)
	n.Ints.Merge(&o.Ints)
	n.Floats.Merge(&o.Floats)
}

// Size is about how many bytes the figures hold.
func (n *Numbers) Size() int64 {
	return 256 + n.Rank.Size() + 8*int64(cap(n.Ints.Bins)+cap(n.Floats.Bins))
}

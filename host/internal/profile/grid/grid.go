// Package grid counts values in bars of equal width on a grid that all parts of a table share, so that counts of two parts
// add up exactly: widths are powers of two, and bars are joined in pairs when there are too many. Only
// host/internal/profile imports it.
package grid

import "math"

// Most is how many bars a grid holds, and shown how many Bars are made of them.
const (
	Most  = 512
	shown = 15
)

// Ints counts whole numbers in bars of width 2^Shift; bar i holds the values from (Base+i) << Shift. The zero value is
// empty. Fields are exported for the disk.
type Ints struct {
	Shift uint
	Base  int64
	Bins  []int64
}

// Add counts values, all between low and high.
func (g *Ints) Add(values []int64, low, high int64) {
	if len(values) == 0 {
		return
	}
	g.cover(low, high)
	bins, shift, base := g.Bins, g.Shift, g.Base
	for _, v := range values {
		bins[(v>>shift)-base]++
	}
}

// cover makes room for the values from low to high.
func (g *Ints) cover(low, high int64) {
	if len(g.Bins) == 0 {
		for spread(low>>g.Shift, high>>g.Shift) >= Most {
			g.Shift++
		}
		g.Base, g.Bins = low>>g.Shift, make([]int64, 1, 16)
	}
	first, last := g.Base, g.Base+int64(len(g.Bins))-1
	shift := uint(0)
	for spread(min(first, low>>g.Shift)>>shift, max(last, high>>g.Shift)>>shift) >= Most {
		shift++
	}
	g.fold(shift)
	low, high = low>>g.Shift, high>>g.Shift
	g.Base, g.Bins = extend(g.Base, g.Bins, low, high)
}

// spread is last − first, which may be more than an int64 holds.
func spread(first, last int64) uint64 { return uint64(last) - uint64(first) }

// fold makes bars 2^shift times as wide.
func (g *Ints) fold(shift uint) {
	g.Base, g.Bins = folded(g.Base, g.Bins, shift)
	g.Shift += shift
}

func folded(base int64, bins []int64, shift uint) (int64, []int64) {
	if shift == 0 || len(bins) == 0 {
		return base, bins
	}
	first, last := base>>shift, (base+int64(len(bins))-1)>>shift
	out := make([]int64, last-first+1)
	for i, n := range bins {
		out[(base+int64(i))>>shift-first] += n
	}
	return first, out
}

// extend makes bins reach from first to last, at least.
func extend(base int64, bins []int64, first, last int64) (int64, []int64) {
	if len(bins) == 0 {
		return first, make([]int64, last-first+1)
	}
	if first < base {
		bins = append(make([]int64, base-first), bins...)
		base = first
	}
	if more := last - base + 1 - int64(len(bins)); more > 0 {
		bins = append(bins, make([]int64, more)...)
	}
	return base, bins
}

// Merge adds the counts of another grid.
func (g *Ints) Merge(o *Ints) {
	if len(o.Bins) == 0 {
		return
	}
	other := *o
	if g.Shift < other.Shift && len(g.Bins) > 0 {
		g.fold(other.Shift - g.Shift)
	} else if len(g.Bins) == 0 {
		g.Shift = other.Shift
	}
	other.fold(g.Shift - other.Shift)
	last := other.Base + int64(len(other.Bins)) - 1
	shift := uint(0)
	if len(g.Bins) > 0 {
		for spread(min(g.Base, other.Base)>>shift, max(g.Base+int64(len(g.Bins))-1, last)>>shift) >= Most {
			shift++
		}
	}
	g.fold(shift)
	other.fold(shift)
	g.Base, g.Bins = extend(g.Base, g.Bins, other.Base, other.Base+int64(len(other.Bins))-1)
	for i, n := range other.Bins {
		g.Bins[other.Base-g.Base+int64(i)] += n
	}
}

// Bars are the counts in at most 15 bars; Edges are counted in units of 2^Shift.
type Bars struct {
	Edges  []int64
	Counts []int64
}

// Bars joins the bars into few.
func (g *Ints) Bars() Bars { return joined(g.Base, g.Bins) }

func joined(base int64, bins []int64) Bars {
	for len(bins) > 0 && bins[0] == 0 {
		base, bins = base+1, bins[1:]
	}
	for len(bins) > 0 && bins[len(bins)-1] == 0 {
		bins = bins[:len(bins)-1]
	}
	if len(bins) == 0 {
		return Bars{Edges: []int64{}, Counts: []int64{}}
	}
	width := (len(bins) + shown - 1) / shown
	out := Bars{Edges: []int64{base}}
	for at := 0; at < len(bins); at += width {
		n := int64(0)
		for _, count := range bins[at:min(at+width, len(bins))] {
			n += count
		}
		out.Counts, out.Edges = append(out.Counts, n), append(out.Edges, base+int64(at+width))
	}
	return out
}

// Floats counts finite numbers in bars of width 2^Exp; bar i holds the values from (Base+i) × 2^Exp. The zero value is
// empty.
type Floats struct {
	Exp  int
	Base int64
	Bins []int64
}

// smallest is the exponent of the narrowest bar: its inverse must be a finite number.
const smallest = -1022

// Add counts finite values, all between low and high.
func (g *Floats) Add(values []float64, low, high float64) {
	if len(values) == 0 {
		return
	}
	g.cover(low, high)
	bins, scale, base := g.Bins, math.Ldexp(1, -g.Exp), g.Base
	for _, v := range values {
		bins[int64(math.Floor(v*scale))-base]++
	}
}

// widthFor is the exponent of the narrowest bars that count values from low to high: not more bars than fit, and no bar
// so narrow that its edges are not different numbers.
func widthFor(low, high float64) int {
	_, exp := math.Frexp(max(math.Abs(low), math.Abs(high)))
	exp = max(exp-53, smallest)
	for math.Floor(math.Ldexp(high, -exp))-math.Floor(math.Ldexp(low, -exp)) >= Most {
		exp++
	}
	return exp
}

func (g *Floats) cover(low, high float64) {
	exp := widthFor(low, high)
	if len(g.Bins) == 0 {
		g.Exp = exp
	} else if exp > g.Exp {
		g.fold(exp - g.Exp)
	}
	for {
		first, last := g.place(low), g.place(high)
		if len(g.Bins) > 0 {
			first, last = min(first, g.Base), max(last, g.Base+int64(len(g.Bins))-1)
		}
		if spread(first, last) < Most {
			g.Base, g.Bins = extend(g.Base, g.Bins, first, last)
			return
		}
		g.fold(1)
	}
}

func (g *Floats) place(v float64) int64 { return int64(math.Floor(math.Ldexp(v, -g.Exp))) }

func (g *Floats) fold(steps int) {
	g.Base, g.Bins = folded(g.Base, g.Bins, uint(min(steps, 63)))
	g.Exp += steps
}

// Merge adds the counts of another grid.
func (g *Floats) Merge(o *Floats) {
	if len(o.Bins) == 0 {
		return
	}
	if len(g.Bins) == 0 {
		g.Exp, g.Base, g.Bins = o.Exp, o.Base, append([]int64{}, o.Bins...)
		return
	}
	other := *o
	if g.Exp < other.Exp {
		g.fold(other.Exp - g.Exp)
	}
	other.fold(g.Exp - other.Exp)
	for spread(min(g.Base, other.Base), max(g.Base+int64(len(g.Bins)), other.Base+int64(len(other.Bins)))-1) >= Most {
		g.fold(1)
		other.fold(1)
	}
	g.Base, g.Bins = extend(g.Base, g.Bins, other.Base, other.Base+int64(len(other.Bins))-1)
	for i, n := range other.Bins {
		g.Bins[other.Base-g.Base+int64(i)] += n
	}
}

// Bars joins the bars into few; edges are counted in units of 2^Exp.
func (g *Floats) Bars() Bars { return joined(g.Base, g.Bins) }

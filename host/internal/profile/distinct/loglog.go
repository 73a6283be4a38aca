package distinct

import (
	"math"
	"math/bits"
)

// LogLog counts different hashes by HyperLogLog with 2^15 registers: a standard error of 0.57 %, by Ertl's estimator ("New
// cardinality estimation algorithms for HyperLogLog sketches", 2017), which has no bias at small counts. nil or empty =
// nothing was counted.
type LogLog []uint8

const (
	precision = 15
	registers = 1 << precision
	ranks     = 64 - precision // a register is 0..ranks+1
)

// Add adds hashes.
func (l *LogLog) Add(hashes []uint64) {
	if len(*l) != registers {
		*l = make(LogLog, registers)
	}
	r := (*[registers]uint8)(*l)
	for _, h := range hashes {
		at := h >> (64 - precision)
		rank := uint8(bits.LeadingZeros64(h<<precision|1<<(precision-1))) + 1
		if rank > r[at] {
			r[at] = rank
		}
	}
}

// Merge adds another stream.
func (l *LogLog) Merge(o LogLog) {
	if len(o) != registers {
		return
	}
	if len(*l) != registers {
		*l = make(LogLog, registers)
	}
	for i, rank := range o {
		(*l)[i] = max((*l)[i], rank)
	}
}

// Count is the estimate.
func (l LogLog) Count() int64 {
	if len(l) != registers {
		return 0
	}
	var of [ranks + 2]float64
	for _, rank := range l {
		of[min(rank, ranks+1)]++
	}
	z := registers * tau(1-of[ranks+1]/registers)
	for k := ranks; k >= 1; k-- {
		z = (z + of[k]) / 2
	}
	z += registers * sigma(of[0]/registers)
	return int64(math.Round(registers * registers / (2 * math.Ln2 * z)))
}

func sigma(x float64) float64 {
	if x == 1 {
		return math.Inf(1)
	}
	for y, z := 1.0, x; ; {
		x *= x
		before := z
		z += x * y
		y += y
		if z == before {
			return z
		}
	}
}

func tau(x float64) float64 {
	if x == 0 || x == 1 {
		return 0
	}
	for y, z := 1.0, 1-x; ; {
		x = math.Sqrt(x)
		before := z
		y /= 2
		z -= (1 - x) * (1 - x) * y
		if z == before {
			return z / 3
		}
	}
}

package figures

import (
	"math"
	"math/big"
	"slices"
	"strconv"

	"github.com/apache/arrow/go/v17/arrow/decimal128"

	"github.com/ai-data-analyst/broker/host/internal/profile/rank"
	"github.com/ai-data-analyst/broker/web/api"
)

// Form says what the numbers of a column are.
type Form struct {
	Float bool  // counted by AddFloats
	Wide  bool  // decimals of more digits than an int64 holds
	Scale int32 // digits behind the point of a decimal
}

// Describe writes the figures for people and programs.
func (n *Numbers) Describe(k Form) *api.ProfileNumbers {
	out := &api.ProfileNumbers{Zeros: n.Zeros, Negatives: n.Negatives, Histogram: &api.ProfileBars{Edges: []any{}, Counts: []int64{}, Outside: n.Outside}}
	if n.N == 0 {
		return out
	}
	scale := math.Pow10(int(k.Scale))
	if k.Float {
		scale = 1 // the point is in its place already
	}
	out.Mean = finite((float64(n.Moments.Base) + n.Moments.Mean) / scale)
	if n.N > 1 {
		out.StdDev = finite(math.Sqrt(n.Moments.M2/(float64(n.N)-1)) / scale)
	}
	switch {
	case k.Wide:
		out.Min, out.Max = wideNumber(n.WideLow, k.Scale), wideNumber(n.WideHigh, k.Scale)
	case k.Float:
		out.Min, out.Max = n.FloatLow, n.FloatHigh
	default:
		out.Min, out.Max = number(big.NewInt(n.Low), k.Scale), number(big.NewInt(n.High), k.Scale)
	}
	if q, ok := n.Rank.Quantiles(0.05, 0.25, 0.5, 0.75, 0.95); ok {
		out.P5, out.P25, out.Median, out.P75, out.P95 = n.between(q[0], k), n.between(q[1], k), n.between(q[2], k), n.between(q[3], k), n.between(q[4], k)
	}
	out.Histogram.Edges, out.Histogram.Counts = n.bars(k)
	return out
}

func finite(v float64) any {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return v
}

// Bounds of what every reader of JSON takes for a number without loss.
const (
	maxSafe   = 1 << 53
	maxDigits = 15
)

// number is a whole number or decimal for JSON: text where a float64 would not do.
func number(v *big.Int, scale int32) any {
	if scale == 0 {
		if v.IsInt64() && v.Int64() <= maxSafe && v.Int64() >= -maxSafe {
			return v.Int64()
		}
		return v.String()
	}
	digits := new(big.Int).Abs(v).String()
	if missing := int(scale) + 1 - len(digits); missing > 0 {
		digits = string(slices.Repeat([]byte{'0'}, missing)) + digits
	}
	text := digits[:len(digits)-int(scale)] + "." + digits[len(digits)-int(scale):]
	if v.Sign() < 0 {
		text = "-" + text
	}
	if new(big.Int).Abs(v).Cmp(big.NewInt(1e15)) < 0 {
		if f, err := strconv.ParseFloat(text, 64); err == nil {
			return f
		}
	}
	return text
}

func wideNumber(w Wide, scale int32) any {
	return number(decimal128.New(w.High, w.Low).BigInt(), scale)
}

// about is an estimate of a long decimal for JSON.
func about(v float64, k Form) any {
	if k.Wide && math.Abs(v) >= 1e15 {
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return finite(v)
}

// between is a quantile.
func (n *Numbers) between(q rank.Quantile, k Form) any {
	if k.Float {
		low, high := unorder(q.Low), unorder(q.High)
		if q.Fraction == 0 || low == high {
			return about(low, k)
		}
		return about(low*(1-q.Fraction)+high*q.Fraction, k)
	}
	low, high := big.NewInt(q.Low), big.NewInt(q.High)
	if q.Fraction == 0 || q.Low == q.High {
		return number(low, k.Scale)
	}
	distance, _ := new(big.Float).SetInt(high.Sub(high, low)).Float64()
	if max(math.Abs(float64(q.Low)), math.Abs(float64(q.High))) >= 1e15 { // no fraction would be seen
		step, _ := big.NewFloat(distance * q.Fraction).Int(nil)
		return number(low.Add(low, step), k.Scale)
	}
	return (float64(q.Low) + distance*q.Fraction) / math.Pow10(int(k.Scale))
}

// bars are the edges and counts of the histogram.
func (n *Numbers) bars(k Form) ([]any, []int64) {
	if k.Float {
		return n.floatBars(k)
	}
	if n.Low == n.High {
		one := big.NewInt(1)
		for range k.Scale {
			one.Mul(one, big.NewInt(10))
		}
		low := big.NewInt(n.Low)
		return []any{number(low, k.Scale), number(one.Add(low, one), k.Scale)}, []int64{n.N}
	}
	bars := n.Ints.Bars()
	edges := make([]any, len(bars.Edges))
	for i, at := range bars.Edges {
		edges[i] = number(new(big.Int).Lsh(big.NewInt(at), n.Ints.Shift), k.Scale)
	}
	return edges, bars.Counts
}

func (n *Numbers) floatBars(k Form) ([]any, []int64) {
	low, high := n.FloatLow, n.FloatHigh
	if low == high {
		first, last := low, low+1
		switch {
		case last-low == 1:
		case low < 0:
			last = math.Nextafter(low, math.Inf(1))
		default: // the last bar is closed, so that it may end here
			first, last = math.Nextafter(low, math.Inf(-1)), low
		}
		return []any{about(first, k), about(last, k)}, []int64{n.N}
	}
	bars := n.Floats.Bars()
	edges := make([]any, len(bars.Edges))
	for i, at := range bars.Edges {
		edge := math.Ldexp(float64(at), n.Floats.Exp)
		edges[i] = about(min(max(edge, -math.MaxFloat64), math.MaxFloat64), k)
	}
	return edges, bars.Counts
}

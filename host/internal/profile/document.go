package profile

import (
	"cmp"
	"math"
	"math/big"
	"slices"
	"strconv"

	"github.com/apache/arrow/go/v17/arrow/decimal128"

	"github.com/ai-data-analyst/broker/host/internal/profile/distinct"
	"github.com/ai-data-analyst/broker/host/internal/profile/rank"
	"github.com/ai-data-analyst/broker/web/api"
)

// mostShown is how many of the most frequent values are shown.
const mostShown = 10

// describe writes a column. Of one that is masked, nothing tells a value.
func (c *column) describe(of Column, isKey bool) api.ProfileColumn {
	out := api.ProfileColumn{Name: of.Name, Type: of.Type.String(), Category: c.kind.Category, PII: of.PII, Masked: of.PII, IsKey: isKey,
		Nulls: &c.nulls, CompletenessPct: percent(c.rows-c.nulls, c.rows)}
	count, exact := c.distinct()
	out.Distinct, out.DistinctExact = &count, &exact
	if of.PII || c.rows == c.nulls {
		return out
	}
	switch c.kind.Category {
	case numeric:
		out.Numeric = c.numbers.describe(c.kind)
	case text:
		out.String = &api.ProfileLengths{Min: c.lengths.Min, Max: c.lengths.Max, Avg: float64(c.lengths.Sum) / float64(c.lengths.N)}
	case boolean:
		out.Boolean = &api.ProfileBooleans{True: c.trues, False: c.rows - c.nulls - c.trues}
	case dates, timestamp:
		out.Date = c.span.describe(c.kind)
		out.Date.Histogram = c.span.calendar(c.kind)
	}
	for _, v := range c.top() {
		if len(out.Top) < mostShown {
			out.Top = append(out.Top, api.ProfileTop{Value: v.Text, Count: v.Count})
		}
	}
	for _, v := range c.first() {
		out.Samples = append(out.Samples, v.Text)
	}
	return out
}

func percent(part, whole int64) *float64 {
	if whole == 0 {
		return nil
	}
	p := 100 * float64(part) / float64(whole)
	return &p
}

func (c *column) distinct() (int64, bool) {
	if c.values == nil {
		return int64(len(c.truths())), true
	}
	return c.values.Distinct()
}

// truths are the values of a boolean column.
func (c *column) truths() []distinct.Value {
	var out []distinct.Value
	for _, v := range []distinct.Value{{Text: "true", Count: c.trues}, {Text: "false", Count: c.rows - c.nulls - c.trues}} {
		if v.Count > 0 {
			out = append(out, v)
		}
	}
	return out
}

// top are all values with their counts, the most frequent first; nil when there are too many.
func (c *column) top() []distinct.Value {
	values := c.truths()
	if c.values != nil {
		if !c.values.Few {
			return nil
		}
		values = slices.Clone(c.values.Top)
	}
	slices.SortStableFunc(values, func(a, b distinct.Value) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Text, b.Text))
	})
	return values
}

func (c *column) first() []distinct.Value {
	if c.values == nil {
		return c.truths()
	}
	return c.values.First
}

func (n *numbers) describe(k kind) *api.ProfileNumbers {
	out := &api.ProfileNumbers{Zeros: n.Zeros, Negatives: n.Negatives, Histogram: &api.ProfileBars{Edges: []any{}, Counts: []int64{}, Outside: n.Outside}}
	if n.N == 0 {
		return out
	}
	scale := math.Pow10(int(k.Scale))
	if k.Float {
		scale = 1 // the point is in its place already
	}
	out.Mean = finite(n.Moments.Mean / scale)
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

func wideNumber(w wide, scale int32) any {
	return number(decimal128.New(w.High, w.Low).BigInt(), scale)
}

// about is an estimate of a long decimal for JSON.
func about(v float64, k kind) any {
	if k.Wide && math.Abs(v) >= 1e15 {
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return finite(v)
}

// between is a quantile.
func (n *numbers) between(q rank.Quantile, k kind) any {
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
func (n *numbers) bars(k kind) ([]any, []int64) {
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

func (n *numbers) floatBars(k kind) ([]any, []int64) {
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

func (p *span) describe(k kind) *api.ProfileSpan {
	write, days := k.writer()
	return &api.ProfileSpan{Earliest: write(p.Low), Latest: write(p.High), SpanDays: days(p.High) - days(p.Low)}
}

// writer writes a moment, and says in which day since 1970 it lies.
func (k kind) writer() (write func(int64) string, day func(int64) int64) {
	if k.Category == dates {
		return date, func(days int64) int64 { return days }
	}
	return func(micros int64) string { return moment(micros, k.Zoned) }, func(micros int64) int64 {
		day := micros / dayMicros
		if micros%dayMicros < 0 {
			day--
		}
		return day
	}
}

func (p *span) calendar(k kind) *api.ProfileCalendar {
	shown := p.Calendar.Span()
	out := &api.ProfileCalendar{Unit: shown.Unit, Buckets: make([]api.ProfileBucket, len(shown.Buckets))}
	for i, b := range shown.Buckets {
		out.Buckets[i] = api.ProfileBucket{Start: date(b.Start), Count: b.Count}
		if shown.Hours {
			out.Buckets[i].Start = moment(b.Start*(dayMicros/24), k.Zoned)
		}
	}
	return out
}

package profile

import (
	"cmp"
	"slices"

	"github.com/ai-data-analyst/broker/host/internal/profile/distinct"
	"github.com/ai-data-analyst/broker/host/internal/profile/figures"
	"github.com/ai-data-analyst/broker/host/internal/profile/values"
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
		out.Numeric = c.numbers.Describe(figures.Form{Float: c.kind.Float, Wide: c.kind.Wide, Scale: c.kind.Scale})
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
	cells := c.truths()
	if c.values != nil {
		if !c.values.Few {
			return nil
		}
		cells = slices.Clone(c.values.Top)
	}
	slices.SortStableFunc(cells, func(a, b distinct.Value) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Text, b.Text))
	})
	return cells
}

func (c *column) first() []distinct.Value {
	if c.values == nil {
		return c.truths()
	}
	return c.values.First
}

func (p *span) describe(k kind) *api.ProfileSpan {
	write, days := k.writer()
	return &api.ProfileSpan{Earliest: write(p.Low), Latest: write(p.High), SpanDays: days(p.High) - days(p.Low)}
}

// writer writes a moment, and says in which day since 1970 it lies.
func (k kind) writer() (write func(int64) string, day func(int64) int64) {
	if k.Category == dates {
		return values.Date, func(days int64) int64 { return days }
	}
	return func(micros int64) string { return values.Moment(micros, k.Zoned) }, func(micros int64) int64 {
		day := micros / values.DayMicros
		if micros%values.DayMicros < 0 {
			day--
		}
		return day
	}
}

func (p *span) calendar(k kind) *api.ProfileCalendar {
	shown := p.Calendar.Span()
	out := &api.ProfileCalendar{Unit: shown.Unit, Buckets: make([]api.ProfileBucket, len(shown.Buckets))}
	for i, b := range shown.Buckets {
		out.Buckets[i] = api.ProfileBucket{Start: values.Date(b.Start), Count: b.Count}
		if shown.Hours {
			out.Buckets[i].Start = values.Moment(b.Start*(values.DayMicros/24), k.Zoned)
		}
	}
	return out
}

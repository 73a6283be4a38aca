package profile_test

import (
	"math"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/web/api"
)

// one profiles a column of the given cells, each in a part of its own, and all in one.
func one(t *testing.T, kind sdk.Type, cells ...any) []api.ProfileColumn {
	t.Helper()
	columns := []sdk.Column{{Name: "v", Type: kind}}
	apart, together := newTable(t, columns), newTable(t, columns)
	apart.watched, together.watched = true, true
	all := array.NewRecordBuilder(memory.DefaultAllocator, apart.schema)
	for _, cell := range cells {
		b := array.NewRecordBuilder(memory.DefaultAllocator, apart.schema)
		appendCell(b.Field(0), cell)
		appendCell(all.Field(0), cell)
		apart.add(b.NewRecord())
	}
	together.add(all.NewRecord())
	out := []api.ProfileColumn{apart.profile().Columns[0], together.profile().Columns[0]}
	for _, c := range out {
		total := int64(0)
		if c.Numeric != nil {
			for _, n := range c.Numeric.Histogram.Counts {
				total += n
			}
			total += c.Numeric.Histogram.Outside
		} else {
			for _, b := range c.Date.Histogram.Buckets {
				total += b.Count
			}
		}
		if total != int64(len(cells)) {
			t.Errorf("%v: the histogram has %d: %s", cells, total, asJSON(t, c))
		}
	}
	return out
}

// The ends of every type are counted like other values, and come out as JSON that says them exactly.
func TestExtremes(t *testing.T) {
	whole := sdk.Type{ID: sdk.Int64}
	for _, c := range one(t, whole, int64(math.MinInt64), int64(math.MaxInt64), int64(0)) {
		if c.Numeric.Min != "-9223372036854775808" || c.Numeric.Max != "9223372036854775807" || c.Numeric.Median != int64(0) || len(c.Numeric.Histogram.Counts) < 2 {
			t.Errorf("%s", asJSON(t, c))
		}
	}
	for _, c := range one(t, whole, int64(math.MaxInt64), int64(math.MaxInt64)) {
		if h := c.Numeric.Histogram; h.Edges[1] != "9223372036854775808" || c.Numeric.P95 != "9223372036854775807" {
			t.Errorf("%s", asJSON(t, c))
		}
	}
	one(t, whole, int64(math.MaxInt64), int64(math.MaxInt64-1))
	one(t, whole, int64(math.MinInt64), int64(math.MinInt64+600))
	for _, c := range one(t, whole, int64(1<<53), int64(1<<53)+1) {
		if c.Numeric.Min != int64(1<<53) || c.Numeric.Max != "9007199254740993" {
			t.Errorf("%s", asJSON(t, c))
		}
	}
	real := sdk.Type{ID: sdk.Float64}
	for _, cells := range [][]any{{-math.MaxFloat64, math.MaxFloat64}, {math.MaxFloat64}, {-math.MaxFloat64}, {5e-324, -5e-324}, {5e-324}, {0.0, math.Copysign(0, -1)},
		{1e308, 1e-308, 1.0}, {1e16, 1e16 + 2}, {math.NaN()}, {math.Inf(1), math.Inf(-1), 3.5}, {math.NaN(), 1.0, 2.0}, {1.0, math.Nextafter(1, 2)}, {-1.0, 1e300}} {
		one(t, real, cells...)
	}
	for _, c := range one(t, real, 0.0, math.Copysign(0, -1)) {
		if *c.Distinct != 1 || c.Numeric.Zeros != 2 {
			t.Errorf("%s", asJSON(t, c))
		}
	}
	for _, c := range one(t, real, math.NaN(), math.NaN()) {
		if c.Numeric.Min != nil || c.Numeric.Histogram.Outside != 2 || *c.Distinct != 1 {
			t.Errorf("%s", asJSON(t, c))
		}
	}
	day := sdk.Type{ID: sdk.Date}
	for _, c := range one(t, day, arrow.Date32(math.MinInt32), arrow.Date32(math.MaxInt32), arrow.Date32(0)) {
		if c.Date.SpanDays != math.MaxUint32 {
			t.Errorf("%s", asJSON(t, c))
		}
	}
	one(t, day, arrow.Date32(-719_468), arrow.Date32(19_000))
	moment := sdk.Type{ID: sdk.Timestamp, Zone: "UTC"}
	one(t, moment, arrow.Timestamp(math.MinInt64), arrow.Timestamp(math.MaxInt64))
	one(t, moment, arrow.Timestamp(-1), arrow.Timestamp(1))
}

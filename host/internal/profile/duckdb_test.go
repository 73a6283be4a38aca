package profile_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/ai-data-analyst/broker/web/api"
)

// Every figure against an independent reader of the same parts.
func TestFiguresAreThoseOfDuckDB(t *testing.T) {
	for _, c := range []struct {
		name               string
		parts, rows, nulls int
	}{{"empty", 0, 0, 0}, {"an empty part", 1, 0, 0}, {"one row", 1, 1, 0}, {"all NULL", 1, 40, 10}, {"few", 1, 7, 2}, {"some", 3, 300, 1}, {"no NULL", 2, 400, 0}, {"many", 5, 9_000, 3}} {
		t.Run(c.name, func(t *testing.T) {
			o := newTable(t, every)
			r := rand.New(rand.NewPCG(uint64(c.parts), uint64(c.rows)))
			for range c.parts {
				half := c.rows / 2
				o.add(o.rows(r, half, c.nulls), o.rows(r, c.rows-half, c.nulls))
			}
			p := o.profile()
			if p.Incomplete || p.Rows != int64(c.parts*c.rows) || len(p.Columns) != len(every) || len(p.Sample) != min(5, int(p.Rows)) {
				t.Fatalf("profile of %d rows: %+v", c.parts*c.rows, p)
			}
			if c.parts == 0 {
				return
			}
			d := o.duck()
			for _, column := range p.Columns {
				compare(t, d, column, p.Rows)
			}
		})
	}
}

func compare(t *testing.T, d duck, c api.ProfileColumn, rows int64) {
	t.Helper()
	near := func(what string, got any, want, tolerance float64) {
		t.Helper()
		have, ok := api.ProfileFloat(got)
		if !ok && math.IsNaN(want) {
			return
		}
		if !ok || math.Abs(have-want) > tolerance*math.Max(1, math.Abs(want)) {
			t.Errorf("%s: %s is %v, DuckDB says %v", c.Name, what, got, want)
		}
	}
	same := func(what string, got int64, expression string, args ...any) {
		t.Helper()
		if want := d.float(expression, args...); float64(got) != want {
			t.Errorf("%s: %s is %d, DuckDB says %v", c.Name, what, got, want)
		}
	}
	same("nulls", *c.Nulls, "count(*) - count(%s)", c.Name)
	distinct := d.float("count(DISTINCT %s)", c.Name)
	if *c.DistinctExact != (distinct <= 1000) {
		t.Errorf("%s: exact %t with %v distinct", c.Name, *c.DistinctExact, distinct)
	}
	tolerance := 0.02
	if distinct <= 1000 {
		tolerance = 0
	}
	near("distinct", float64(*c.Distinct), distinct, tolerance)
	for _, top := range c.Top {
		if c.Category == "string" {
			same("count of "+top.Value, top.Count, "count(*) FILTER (%s = '%s')", c.Name, top.Value)
		}
	}
	if present := rows - *c.Nulls; present == 0 {
		if c.Numeric != nil || c.String != nil || c.Date != nil || c.Boolean != nil || c.Top != nil || c.Samples != nil {
			t.Errorf("%s: figures of nothing: %+v", c.Name, c)
		}
		return
	}
	switch c.Category {
	case "numeric":
		compareNumbers(t, d, c, near, same)
	case "string":
		same("min_length", c.String.Min, "min(length(%s))", c.Name)
		same("max_length", c.String.Max, "max(length(%s))", c.Name)
		near("avg_length", c.String.Avg, d.float("avg(length(%s))", c.Name), 1e-12)
	case "boolean":
		same("true", c.Boolean.True, "count(*) FILTER (%s)", c.Name)
		same("false", c.Boolean.False, "count(*) FILTER (NOT %s)", c.Name)
	case "date", "timestamp":
		compareDates(t, d, c, same)
	}
}

func compareNumbers(t *testing.T, d duck, c api.ProfileColumn, near func(string, any, float64, float64), same func(string, int64, string, ...any)) {
	t.Helper()
	n := c.Numeric
	finite := fmt.Sprintf("isfinite(CAST(%s AS DOUBLE))", c.Name)
	present := d.float("count(*) FILTER (%s)", finite)
	same("zeros", n.Zeros, "count(*) FILTER (%s = 0)", c.Name)
	same("negatives", n.Negatives, "count(*) FILTER (%s AND %s < 0)", finite, c.Name)
	same("outside", n.Histogram.Outside, "count(*) FILTER (NOT %s)", finite)
	if present == 0 {
		return
	}
	near("min", n.Min, d.float("min(%s) FILTER (%s)", c.Name, finite), 1e-15)
	near("max", n.Max, d.float("max(%s) FILTER (%s)", c.Name, finite), 1e-15)
	near("mean", n.Mean, d.float("favg(CAST(%s AS DOUBLE)) FILTER (%s)", c.Name, finite), 1e-12)
	stddev := d.float("stddev_samp(CAST(%s AS DOUBLE)) FILTER (%s)", c.Name, finite)
	if c.Name != "huge" { // as DOUBLE, DuckDB's values are rounded to multiples of 1024
		near("stddev", n.StdDev, stddev, 1e-9)
	}
	for q, got := range map[float64]any{0.05: n.P5, 0.25: n.P25, 0.5: n.Median, 0.75: n.P75, 0.95: n.P95} {
		if present <= 1000 {
			near(fmt.Sprint("quantile ", q), got, d.float("quantile_cont(CAST(%s AS DOUBLE), %v) FILTER (%s)", c.Name, q, finite), 1e-12)
			continue
		}
		below := d.float("count(*) FILTER (%s AND CAST(%s AS DOUBLE) < %v)", finite, c.Name, got) / present
		upTo := d.float("count(*) FILTER (%s AND CAST(%s AS DOUBLE) <= %v)", finite, c.Name, got) / present
		if q < below-0.01 || q > upTo+0.01 {
			t.Errorf("%s: quantile %v is %v, of rank %v to %v", c.Name, q, got, below, upTo)
		}
	}
	compareBars(t, d, c, int64(present))
}

func compareBars(t *testing.T, d duck, c api.ProfileColumn, present int64) {
	t.Helper()
	h := c.Numeric.Histogram
	if len(h.Edges) != len(h.Counts)+1 || len(h.Counts) > 15 {
		t.Fatalf("%s: %d edges, %d counts", c.Name, len(h.Edges), len(h.Counts))
	}
	kind := "DECIMAL(38,3)"
	if c.Type == "float64" {
		kind = "DOUBLE"
	}
	total := int64(0)
	for i, count := range h.Counts {
		end := "<"
		if i == len(h.Counts)-1 {
			end = "<="
		}
		want := d.float("count(*) FILTER (isfinite(CAST(%[1]s AS DOUBLE)) AND CAST(%[1]s AS %[2]s) >= CAST('%[3]v' AS %[2]s) AND CAST(%[1]s AS %[2]s) %[4]s CAST('%[5]v' AS %[2]s))", c.Name, kind, h.Edges[i], end, h.Edges[i+1])
		slack := 0.0
		if c.Name == "long" { // counted as float64
			slack = 1
		}
		if math.Abs(float64(count)-want) > slack {
			t.Errorf("%s: bar %v..%v has %d, DuckDB says %v", c.Name, h.Edges[i], h.Edges[i+1], count, want)
		}
		low, _ := api.ProfileFloat(h.Edges[i])
		if high, _ := api.ProfileFloat(h.Edges[i+1]); low >= high && c.Name != "huge" {
			t.Errorf("%s: edge %v is not below %v", c.Name, h.Edges[i], h.Edges[i+1])
		}
		total += count
	}
	if total != present {
		t.Errorf("%s: the bars have %d values of %d", c.Name, total, present)
	}
}

func compareDates(t *testing.T, d duck, c api.ProfileColumn, same func(string, int64, string, ...any)) {
	t.Helper()
	form := map[string]string{"date": "strftime(%s(%s), '%%Y-%%m-%%d')", "timestamp": "strftime(%s(%s), '%%Y-%%m-%%dT%%H:%%M:%%S')"}[c.Category]
	cut := func(s string) string {
		s, _, _ = strings.Cut(strings.TrimSuffix(s, "Z"), ".")
		return s
	}
	if want := d.text(form, "min", c.Name); c.Name != "old" && cut(c.Date.Earliest) != want {
		t.Errorf("%s: earliest %s, DuckDB says %s", c.Name, c.Date.Earliest, want)
	}
	if want := d.text(form, "max", c.Name); c.Name != "old" && cut(c.Date.Latest) != want {
		t.Errorf("%s: latest %s, DuckDB says %s", c.Name, c.Date.Latest, want)
	}
	same("span", c.Date.SpanDays, "datediff('day', CAST(min(%s) AS DATE), CAST(max(%[1]s) AS DATE))", c.Name)
	total := int64(0)
	for _, b := range c.Date.Histogram.Buckets {
		same(c.Date.Histogram.Unit+" "+b.Start, b.Count, "count(*) FILTER (date_trunc('%s', %s) = CAST('%s' AS TIMESTAMP))", c.Date.Histogram.Unit, c.Name, strings.TrimSuffix(b.Start, "Z"))
		total += b.Count
	}
	same("sum of the buckets", total, "count(%s)", c.Name)
}

// However the rows are cut into batches and parts, the profile is the same.
func TestPartsAddUpToTheWhole(t *testing.T) {
	for seed := range uint64(12) {
		r := rand.New(rand.NewPCG(seed, 5))
		rows := []int{900, 30_000}[seed%2]
		whole := newTable(t, every, "whole")
		all := whole.rows(r, rows, int(seed%3))
		whole.add(all)
		cut := newTable(t, every, "whole")
		for at := 0; at < rows; {
			var batches []arrow.Record
			for range 1 + r.IntN(3) {
				end := min(rows, at+1+r.IntN(rows/4))
				batches = append(batches, all.NewSlice(int64(at), int64(end)))
				at = end
			}
			cut.add(batches...)
		}
		a, b := whole.profile(), cut.profile()
		a.Bytes, b.Bytes = 0, 0
		for i := range a.Columns {
			if x, y := a.Columns[i].Numeric, b.Columns[i].Numeric; x != nil {
				alike(t, a.Columns[i].Name, x, y, rows > 1000)
			}
		}
		for i := range a.Columns {
			if x, y := asJSON(t, a.Columns[i]), asJSON(t, b.Columns[i]); x != y {
				t.Errorf("seed %d: whole and cut differ:\n%s\n%s", seed, x, y)
			}
		}
		a.Columns, b.Columns = nil, nil
		if x, y := asJSON(t, a), asJSON(t, b); x != y {
			t.Errorf("seed %d: whole and cut differ:\n%s\n%s", seed, x, y)
		}
	}
}

// alike compares what rounding and, for many rows, estimates may move, and makes it equal.
func alike(t *testing.T, name string, x, y *api.ProfileNumbers, estimated bool) {
	t.Helper()
	for _, pair := range [][2]*any{{&x.Mean, &y.Mean}, {&x.StdDev, &y.StdDev}} {
		a, _ := api.ProfileFloat(*pair[0])
		b, _ := api.ProfileFloat(*pair[1])
		if math.Abs(a-b) > 1e-9*math.Abs(a) {
			t.Errorf("%s: %v and %v", name, a, b)
		}
		*pair[1] = *pair[0]
	}
	if estimated {
		y.P5, y.P25, y.Median, y.P75, y.P95 = x.P5, x.P25, x.Median, x.P75, x.P95
	}
}

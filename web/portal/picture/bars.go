package picture

import (
	"fmt"
	"html/template"
	"math"
	"strings"

	"github.com/ai-data-analyst/broker/web/api"
)

// Shape is a histogram: bars of equal width over a line. what and the limits are said, e.g. "Distribution of price from
// 4.99 to 38.4 k".
func Shape(counts []int64, label string) template.HTML {
	const width, height = 120.0, 28.0
	c := drawing("shape", width, height, label)
	if len(counts) > 0 {
		pitch, top := width/float64(len(counts)), most(counts)
		gap := min(1, pitch/4)
		for i, n := range counts {
			tall := float64(max(n, 0)) / top * (height - 1)
			if n > 0 {
				tall = max(tall, 0.75) // what is there is seen
			}
			c.rect("d", float64(i)*pitch, height-1-tall, pitch-gap, tall)
		}
	}
	c.rect("n", 0, height-1, width, 1)
	return c.done()
}

// Bars is what each day brought, new rows strong and changed ones faint, as wide as its place.
func Bars(days []api.StateDay) template.HTML {
	const pitch, gap, height = 33.0, 3.0, 60.0
	var sums []int64
	for _, day := range days {
		sums = append(sums, max(day.Added, 0)+max(day.Updated, 0))
	}
	c := drawing("full shape", max(float64(len(days))*pitch, pitch), height, volume(sums))
	top := most(sums)
	for i, day := range days {
		added, updated := float64(max(day.Added, 0))/top*(height-1), float64(max(day.Updated, 0))/top*(height-1)
		c.rect("d", float64(i)*pitch, height-1-added, pitch-gap, added)
		c.rect("d2", float64(i)*pitch, height-1-added-updated, pitch-gap, updated)
	}
	c.rect("n", 0, height-1, max(float64(len(days))*pitch, pitch), 1)
	return c.done()
}

func volume(sums []int64) string {
	if len(sums) == 0 {
		return "No days yet"
	}
	var total int64
	for _, n := range sums {
		total += n
	}
	return fmt.Sprintf("New and changed rows of each of %d days: %s in all, at most %s on a day", len(sums), grouped(total), grouped(int64(most(sums))*min(total, 1)))
}

// Pair is new rows, strong, and changed ones, faint, beside the largest sum of all rows of a list; the numbers stand beside
// it. limit ≤ 0 draws nothing.
func Pair(added, updated, limit int64) template.HTML {
	const width, height = 168.0, 10.0
	c := drawing("pair", width, height, "")
	if limit > 0 {
		strong := width * min(float64(max(added, 0))/float64(limit), 1)
		if added > 0 {
			strong = max(strong, 1)
		}
		c.rect("d", 0, 0, strong, height)
		faint := width * min(float64(max(updated, 0))/float64(limit), 1)
		c.rect("d2", strong+min(strong, 1), 0, min(faint, width-strong-min(strong, 1)), height)
	}
	return c.done()
}

// Fill is a share of 0 to 1 of a track.
func Fill(share float64) template.HTML {
	if math.IsNaN(share) {
		share = 0
	}
	share = max(min(share, 1), 0)
	c := &canvas{}
	fmt.Fprint(c, `<svg class="fill" width="56" height="8" viewBox="0 0 100 8" preserveAspectRatio="none"`)
	c.said(fmt.Sprintf("%s %% filled", coordinate(share*100)))
	c.rect("z", 0, 0, 100, 8)
	width := share * 100
	if share > 0 {
		width = max(width, 1)
	}
	c.rect("d", 0, 0, width, 8)
	return c.done()
}

// Share is the most frequent values as parts of all rows: the first strong, the others faint, what is left grey, NULL dashed.
func Share(top []api.ProfileTop, rows, nulls int64) template.HTML {
	const width, height = 120.0, 10.0
	var parts []string
	counted := max(nulls, 0)
	for _, value := range top {
		counted += max(value.Count, 0)
	}
	whole := float64(max(rows, counted, 1))
	for i, value := range top {
		if i < 5 {
			parts = append(parts, fmt.Sprintf("%s %s %%", value.Value, coordinate(math.Round(float64(value.Count)/whole*1000)/10)))
		}
	}
	if nulls > 0 {
		parts = append(parts, fmt.Sprintf("empty %s %%", coordinate(math.Round(float64(nulls)/whole*1000)/10)))
	}
	if len(parts) == 0 {
		parts = []string{"no values"}
	}
	c, x := drawing("share", width, height, "Share of values: "+strings.Join(parts, ", ")), 0.0
	part := func(class string, n float64) {
		wide := n / whole * width
		c.rect(class, x, 0, max(wide-min(wide/3, 1), 0), height)
		x += wide
	}
	for i, value := range top {
		class := "d2"
		if i == 0 {
			class = "d"
		}
		part(class, float64(max(value.Count, 0)))
	}
	part("z", whole-float64(counted))
	if nulls > 0 {
		wide := float64(nulls) / whole * width
		c.rect("no", x+0.5, 0.5, max(wide-1, 0.5), height-1)
	}
	return c.done()
}

// Spark is a line of values over time, scaled to its own range; label says what it is. Values that are not known, NaN, leave
// a gap.
func Spark(values []float64, label string) template.HTML {
	const width, height = 120.0, 24.0
	c := drawing("spark", width, height, label)
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range values {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			low, high = min(low, v), max(high, v)
		}
	}
	var path strings.Builder
	command, step := "M", width/float64(max(len(values)-1, 1))
	for i, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			command = "M"
			continue
		}
		y := height / 2
		if high > low {
			y = 1 + (high-v)/(high-low)*(height-2)
		}
		path.WriteString(command + coordinate(float64(i)*step) + " " + coordinate(y))
		command = "L"
	}
	if path.Len() > 0 {
		fmt.Fprintf(c, `<path class="ln" d="%s"/>`, path.String())
	}
	return c.done()
}

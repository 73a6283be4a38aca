package picture

import (
	"html/template"
	"time"
)

// Span is the stretch of time that a line of a picture shows.
type Span struct{ From, To time.Time }

// at is where a moment is, 0 to 1.
func (s Span) at(t time.Time) float64 {
	whole := s.To.Sub(s.From)
	if whole <= 0 {
		return 0
	}
	return max(min(float64(t.Sub(s.From))/float64(whole), 1), 0)
}

// steps are the distances that marks of time may have.
var steps = []time.Duration{time.Second, 5 * time.Second, 15 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 3 * time.Hour,
	6 * time.Hour, 12 * time.Hour, 24 * time.Hour, 7 * 24 * time.Hour, 30 * 24 * time.Hour, 90 * 24 * time.Hour, 365 * 24 * time.Hour}

// marks are at most eight round moments of a span, and how they are written.
func (s Span) marks() (at []time.Time, layout string) {
	step := 10 * steps[len(steps)-1]
	for i := len(steps) - 1; i >= 0; i-- {
		if s.To.Sub(s.From)/steps[i] <= 7 {
			step = steps[i]
		}
	}
	for t := s.From.UTC().Truncate(step); !t.After(s.To) && len(at) < 9; t = t.Add(step) {
		if !t.Before(s.From) {
			at = append(at, t)
		}
	}
	switch {
	case step < time.Minute:
		return at, "15:04:05"
	case step < 24*time.Hour:
		return at, "15:04"
	case step <= 24*time.Hour:
		return at, "Mon"
	default:
		return at, "2 Jan"
	}
}

// Axis is the times along a span, for the head of a column of Gantt. It is hidden: the times stand in the rows.
func Axis(span Span) template.HTML {
	c := stretched("full axis", 16, "")
	at, layout := span.marks()
	for _, t := range at {
		c.text("", coordinate(span.at(t)*100)+"%", 11, t.Format(layout))
	}
	return c.done()
}

// Piece is a stretch of a bar. Class is d (strong), d2 (faint), a (under way), w (held), x (failed) or n.
type Piece struct {
	From, To time.Time
	Class    string
}

var pieces = map[string]bool{"d": true, "d2": true, "a": true, "a live": true, "w": true, "x": true, "n": true}

// Gantt is one row of a time line with a line at now, where that is within the span. label says the row in words; "" = its
// numbers stand beside it.
func Gantt(span Span, row []Piece, now time.Time, label string) template.HTML {
	const height = 24.0
	c := stretched("full time", height, label)
	at, _ := span.marks()
	for _, t := range at {
		c.tick("z", span.at(t), 1, 0, height)
	}
	for _, piece := range row {
		class := piece.Class
		if !pieces[class] {
			class = "d"
		}
		from := span.at(piece.From)
		c.share(class, from, max(span.at(piece.To)-from, 0.004), 6, 12)
	}
	if !now.Before(span.From) && !now.After(span.To) {
		c.tick("k", span.at(now), 1, 0, height)
	}
	return c.done()
}

// Tick is something that was published; Weight 0 to 1 says how tall it is, Mine whether it moved one of the reader's tables.
type Tick struct {
	At     time.Time
	Mine   bool
	Weight float64
}

// Ruler is what was published between two moments. It is hidden: its caption says the same.
func Ruler(span Span, ticks []Tick) template.HTML {
	const height = 31.0
	c := stretched("full time", height, "")
	at, layout := span.marks()
	for _, t := range at {
		c.tick("z", span.at(t), 1, 0, height-1)
		if where := span.at(t); where < 0.95 {
			word := t.Format(layout)
			if layout == "15:04" && word == "00:00" {
				word = t.Format("Mon")
			}
			c.text("", coordinate(where*100+0.6)+"%", 10, word)
		}
	}
	for _, tick := range ticks {
		class, tall := "d2", 5.0
		if tick.Mine {
			class, tall = "d", 7+11*max(min(tick.Weight, 1), 0)
		}
		c.tick(class, min(span.at(tick.At), 0.998), 2, height-1-tall, tall)
	}
	c.share("k", 0, 1, height-1, 1)
	c.tick("k", 0, 3, 0, height)
	c.WriteString(`<svg x="100%" overflow="visible"><rect class="a" x="-3" y="0" width="3" height="31"/></svg>`)
	return c.done()
}

package runs

import (
	"fmt"
	"strconv"
	"time"

	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/portal/page"
)

// line is the time line of a run: a lane for each table, all on one scale. Geometry is in percent of the width; colour comes
// from the classes.
type line struct {
	Ticks []tick
	Lanes []lane
	Live  bool
	Now   string // where now is; "" = the run has ended
}

type tick struct{ X, Label string }

// lane is one table of a run.
type lane struct {
	api.RunTable
	Word   string
	Bars   []bar
	Took   string
	Rate   string // rows a second
	Result string
	Said   string // the lane in one sentence
}

type bar struct{ Class, X, W string }

// lastLabel is the percent of the width after which a label would stand outside.
const lastLabel = 90

// scale maps times to percent.
type scale struct {
	from  time.Time
	whole time.Duration
}

func (s scale) percent(t time.Time) float64 {
	return min(max(100*float64(t.Sub(s.from))/float64(s.whole), 0), 100)
}

func (s scale) x(t time.Time) string { return shown(s.percent(t)) }

// bar is from a to b, wide enough to be seen.
func (s scale) bar(class string, a, b time.Time) bar {
	const least = 0.6
	x := min(s.percent(a), 100-least)
	return bar{class, shown(x), shown(max(s.percent(b)-x, least))}
}

func shown(percent float64) string { return strconv.FormatFloat(percent, 'f', 2, 64) + "%" }

// lineOf draws a run. Tables that wait for a slot are not in the journal before they begin; from then on the time from the
// begin of the run counts as waiting.
func lineOf(run api.Run, now time.Time) line {
	from, to := parse(run.StartedAt), parse(run.EndedAt)
	l := line{Live: to.IsZero()}
	if l.Live {
		to = now
	}
	s := scale{from, max(to.Sub(from), 100*time.Millisecond)}
	if l.Live {
		s.whole += s.whole / 8 // room for what comes
		l.Now = s.x(now)
	}
	step := stepOf(s.whole)
	first := s.from
	if step >= time.Minute {
		first = first.Truncate(step)
	}
	for at := first; !at.After(s.from.Add(s.whole)); at = at.Add(step) {
		if !at.Before(s.from) {
			t := tick{X: s.x(at)}
			if s.percent(at) < lastLabel {
				t.Label = label(at, s.from, step)
			}
			l.Ticks = append(l.Ticks, t)
		}
	}
	for _, t := range run.Tables {
		l.Lanes = append(l.Lanes, laneOf(t, s, now))
	}
	return l
}

// stepOf is the time between ticks: at most six of them.
func stepOf(whole time.Duration) time.Duration {
	for _, step := range []time.Duration{100 * time.Millisecond, 500 * time.Millisecond, time.Second, 5 * time.Second, 15 * time.Second, 30 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 6 * time.Hour} {
		if whole/step < 6 {
			return step
		}
	}
	return (whole / 6).Round(time.Hour) + time.Hour
}

// label is the time of day; of short runs how long they had gone.
func label(at, from time.Time, step time.Duration) string {
	switch {
	case step < time.Second:
		return fmt.Sprintf("%.1f s", at.Sub(from).Seconds())
	case step < time.Minute:
		return fmt.Sprintf("%d s", int(at.Sub(from).Seconds()))
	}
	return at.UTC().Format("15:04")
}

func laneOf(t api.RunTable, s scale, now time.Time) lane {
	l := lane{RunTable: t, Word: wordOf(t.Status), Took: took(t.StartedAt, t.EndedAt, now)}
	began, ended := parse(t.StartedAt), parse(t.EndedAt)
	if began.Sub(s.from) >= s.whole/50 {
		l.Bars = append(l.Bars, s.bar("z", s.from, began))
	}
	switch {
	case ended.IsZero():
		l.Bars = append(l.Bars, s.bar("a live", began, now))
	case t.Status == "failed" || t.Status == "partial":
		l.Bars = append(l.Bars, s.bar("x", began, ended))
	case t.Status == "held":
		l.Bars = append(l.Bars, s.bar("ho", began, ended))
	case t.Status == "published":
		l.Bars = append(l.Bars, s.bar("d", began, ended))
	default:
		l.Bars = append(l.Bars, s.bar("d2", began, ended))
	}
	if seconds := max(ended.Sub(began), 0).Seconds(); seconds >= 0.1 && t.Added+t.Updated > 0 {
		l.Rate = page.Grouped(int64(float64(t.Added+t.Updated)/seconds+0.5)) + "/s"
	}
	if ended.IsZero() {
		if seconds := now.Sub(began).Seconds(); seconds >= 1 && t.Rows > 0 {
			l.Rate = page.Grouped(int64(float64(t.Rows)/seconds+0.5)) + "/s"
		}
	}
	l.Result = resultOf(t)
	l.Said = fmt.Sprintf("%s: %s after %s", nameOf(t), t.Status, l.Took)
	return l
}

// nameOf is the table, or the source that failed before its tables were known.
func nameOf(t api.RunTable) string {
	if t.Name == "" {
		return "source " + t.Source
	}
	return t.Name
}

func resultOf(t api.RunTable) string {
	switch t.Status {
	case "published":
		return "generation " + page.Grouped(t.Generation)
	case "unchanged":
		return "no change"
	case "partial":
		return "a part is published, the rest comes"
	case "cancelled":
		return "stopped; nothing is lost"
	case "running":
		if t.Attempts > 1 {
			return fmt.Sprintf("attempt %d", t.Attempts)
		}
		return "reading"
	}
	return ""
}

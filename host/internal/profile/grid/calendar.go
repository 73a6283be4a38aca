package grid

import (
	"slices"
	"time"
)

// Unit is a stretch of the calendar, UTC. Each starts where one of the unit before it does.
type Unit int

// The units. From Year on, each is ten times as long as the one before.
const (
	Hour Unit = iota
	Day
	Month
	Year
	Decade
	Century
	Millennium
	last = Millennium + 3 // a date of 32 bits may be millions of years away
)

// MostUnits is how many units a calendar holds.
const MostUnits = 1024

// Calendar counts moments by the shortest unit of which MostUnits are enough. The zero value is empty and counts hours;
// one of dates begins with Unit Day. Fields are exported for the disk.
type Calendar struct {
	Unit Unit
	Base int64
	Bins []int64
}

const (
	hourMicros = int64(time.Hour / time.Microsecond)
	dayMicros  = 24 * hourMicros
)

// AddDays counts dates as days since 1970, all between low and high.
func (c *Calendar) AddDays(days []int64, low, high int64) { c.add(days, low, high, 1, Day) }

// AddMicros counts moments as microseconds since 1970, all between low and high.
func (c *Calendar) AddMicros(micros []int64, low, high int64) {
	if len(micros) == 0 {
		return
	}
	c.cover(Hour, floor(low, hourMicros), floor(high, hourMicros))
	if c.Unit == Hour {
		c.add(micros, low, high, hourMicros, Hour)
		return
	}
	c.add(micros, low, high, dayMicros, Day)
}

func floor(v, by int64) int64 {
	q := v / by
	if v%by < 0 {
		q--
	}
	return q
}

// mostScratch is the longest stretch whose days are counted one by one before they are added up.
const mostScratch = 1 << 15

// add counts values that are by times as fine as unit.
func (c *Calendar) add(values []int64, low, high, by int64, unit Unit) {
	if len(values) == 0 {
		return
	}
	first, end := floor(low, by), floor(high, by)
	c.cover(unit, first, end)
	if spread(first, end) >= mostScratch {
		for _, v := range values {
			c.Bins[c.Unit.from(unit, floor(v, by))-c.Base]++
		}
		return
	}
	scratch := make([]int32, end-first+1)
	low = first * by
	switch by { // constants, so that nothing is divided
	case hourMicros:
		for _, v := range values {
			scratch[uint64(v-low)/uint64(hourMicros)]++
		}
	case dayMicros:
		for _, v := range values {
			scratch[uint64(v-low)/uint64(dayMicros)]++
		}
	default:
		for _, v := range values {
			scratch[v-low]++
		}
	}
	for i, n := range scratch {
		if n > 0 {
			c.Bins[c.Unit.from(unit, first+int64(i))-c.Base] += int64(n)
		}
	}
}

// cover makes room for the stretch from first to end, in units that are not longer than c's.
func (c *Calendar) cover(unit Unit, first, end int64) {
	if len(c.Bins) == 0 {
		c.Unit = max(c.Unit, unit)
	}
	for {
		low, high := c.Unit.from(unit, first), c.Unit.from(unit, end)
		if len(c.Bins) > 0 {
			low, high = min(low, c.Base), max(high, c.Base+int64(len(c.Bins))-1)
		}
		if spread(low, high) < MostUnits {
			c.Base, c.Bins = extend(c.Base, c.Bins, low, high)
			return
		}
		c.lengthen()
	}
}

// lengthen counts by the next unit.
func (c *Calendar) lengthen() {
	next := c.Unit + 1
	if len(c.Bins) > 0 {
		first, end := next.from(c.Unit, c.Base), next.from(c.Unit, c.Base+int64(len(c.Bins))-1)
		bins := make([]int64, end-first+1)
		for i, n := range c.Bins {
			if n > 0 {
				bins[next.from(c.Unit, c.Base+int64(i))-first] += n
			}
		}
		c.Base, c.Bins = first, bins
	}
	c.Unit = next
}

// Merge adds the counts of another calendar.
func (c *Calendar) Merge(o *Calendar) {
	if len(o.Bins) == 0 {
		return
	}
	other := *o
	for len(c.Bins) > 0 && c.Unit < other.Unit {
		c.lengthen()
	}
	if len(c.Bins) == 0 {
		c.Unit = other.Unit
	}
	for other.Unit < c.Unit {
		other.lengthen()
	}
	c.cover(c.Unit, other.Base, other.Base+int64(len(other.Bins))-1)
	for other.Unit < c.Unit {
		other.lengthen()
	}
	for i, n := range other.Bins {
		c.Bins[other.Base-c.Base+int64(i)] += n
	}
}

// from is the unit in which a shorter one, or one as long, lies.
func (u Unit) from(shorter Unit, at int64) int64 {
	for shorter < u {
		switch shorter {
		case Hour:
			at = floor(at, 24)
		case Day:
			at = monthOf(at)
		case Month:
			at = floor(at, 12)
		default:
			at = floor(at, 10)
		}
		shorter++
	}
	return at
}

// monthOf counts months since year 0 of a day since 1970 (H. Hinnant, "chrono-compatible low-level date algorithms").
func monthOf(day int64) int64 {
	day += 719468
	era := floor(day, 146097)
	doe := day - era*146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	mp := (5*(doe-(365*yoe+yoe/4-yoe/100)) + 2) / 153
	return (yoe+era*400)*12 + mp + 2 // March is month 2
}

// Bucket is a stretch and how many moments lie in it. Start counts hours or days since 1970, by Span.Hours.
type Bucket struct{ Start, Count int64 }

// Span is a calendar as shown: every unit from the first to the last that has something.
type Span struct {
	Unit    string
	Hours   bool
	Buckets []Bucket
}

// shownUnits is the most of one unit that is shown before the next is taken.
const shownUnits = 62

// Span shows the calendar by a unit of which about a screen is needed.
func (c *Calendar) Span() Span {
	shown := Calendar{Unit: c.Unit, Base: c.Base, Bins: slices.Clone(c.Bins)}
	shown.trim()
	quarters := false
	for len(shown.Bins) > shownUnits && shown.Unit < last {
		if shown.Unit == Month && len(shown.Bins) <= 3*shownUnits {
			quarters = true
			break
		}
		shown.lengthen()
		shown.trim()
	}
	out := Span{Unit: unitNames[shown.Unit], Hours: shown.Unit == Hour}
	by := int64(1)
	if quarters {
		out.Unit, by = "quarter", 3
		shown.byQuarter()
	}
	for i, n := range shown.Bins {
		out.Buckets = append(out.Buckets, Bucket{shown.Unit.start((shown.Base + int64(i)) * by), n})
	}
	return out
}

func (c *Calendar) byQuarter() {
	first := floor(c.Base, 3)
	bins := make([]int64, floor(c.Base+int64(len(c.Bins))-1, 3)-first+1)
	for i, n := range c.Bins {
		bins[floor(c.Base+int64(i), 3)-first] += n
	}
	c.Base, c.Bins = first, bins
}

func (c *Calendar) trim() {
	for len(c.Bins) > 0 && c.Bins[0] == 0 {
		c.Base, c.Bins = c.Base+1, c.Bins[1:]
	}
	for len(c.Bins) > 0 && c.Bins[len(c.Bins)-1] == 0 {
		c.Bins = c.Bins[:len(c.Bins)-1]
	}
}

var unitNames = [...]string{"hour", "day", "month", "year", "decade", "century", "millennium", "10000 years", "100000 years", "1000000 years"}

// start is the first hour or day of a unit, since 1970.
func (u Unit) start(at int64) int64 {
	if u <= Day {
		return at
	}
	for u > Year {
		at *= 10
		u--
	}
	if u == Year {
		at *= 12
	}
	return firstDay(at)
}

// firstDay is the first day of a month since year 0, in days since 1970.
func firstDay(month int64) int64 {
	year := floor(month-2, 12) // years begin with March here
	mp := month - 2 - year*12
	era := floor(year, 400)
	yoe := year - era*400
	doe := yoe*365 + yoe/4 - yoe/100 + (153*mp+2)/5
	return era*146097 + doe - 719468
}

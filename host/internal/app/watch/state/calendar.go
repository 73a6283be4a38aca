package state

import (
	"slices"
	"time"
)

// Plan is a schedule: Next is the first instant after t, zero when there is none.
type Plan interface {
	Next(t time.Time) time.Time
}

// Calendar remembers the instants of a plan: thousands of tables of one source ask for the same few. It is not safe for
// concurrent use. A nil Calendar is never due.
type Calendar struct {
	plan Plan
	gaps []gap // sorted, disjoint
}

// gap is a time without instants: Next of every t in [from, to) is to.
type gap struct{ from, to time.Time }

// mostGaps bounds what a calendar remembers.
const mostGaps = 4096

// NewCalendar returns the calendar of a plan.
func NewCalendar(plan Plan) *Calendar { return &Calendar{plan: plan} }

// Next returns the first instant after t; zero when there is none.
func (c *Calendar) Next(t time.Time) time.Time {
	if c == nil {
		return time.Time{}
	}
	at, _ := slices.BinarySearchFunc(c.gaps, t, func(g gap, t time.Time) int {
		if g.to.After(t) {
			return 1
		}
		return -1
	})
	if at < len(c.gaps) && !c.gaps[at].from.After(t) {
		return c.gaps[at].to
	}
	next := c.plan.Next(t)
	switch {
	case next.IsZero():
	case at < len(c.gaps) && c.gaps[at].to.Equal(next):
		c.gaps[at].from = t
	case len(c.gaps) >= mostGaps:
		c.gaps = append(c.gaps[:0:0], gap{t, next})
	default:
		c.gaps = slices.Insert(c.gaps, at, gap{t, next})
	}
	return next
}

// Bounds of the grace that a due run has to begin and to end.
const (
	leastGrace = 5 * time.Minute
	mostGrace  = time.Hour
)

// Grace is how long after a due instant a table that was not asked is not yet stale: a tenth of the time to the instant
// after it, at least five minutes and at most an hour. Within it a run may still wait for a slot and for its source.
func (c *Calendar) Grace(due time.Time) time.Duration {
	after := c.Next(due)
	if after.IsZero() {
		return mostGrace
	}
	return min(max(after.Sub(due)/10, leastGrace), mostGrace)
}

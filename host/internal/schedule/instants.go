package schedule

import (
	"time"

	"github.com/robfig/cron/v3"
)

// Next returns the first instant after t, in UTC; zero for the zero Plan.
//
// The fields are wall-clock time in the plan's zone. Of a wall time that a clock change repeats only the first is an
// instant; one that a clock change leaves out is due at the first valid minute after it (G17). The parser's library
// would run the one twice and the other never.
func (p Plan) Next(t time.Time) time.Time {
	if p.every > 0 {
		return t.UTC().Truncate(p.every).Add(p.every)
	}
	if p.zone == nil {
		return time.Time{}
	}
	wall := naive(t.In(p.zone))
	for until := wall.Add(search); ; {
		wall = nextWall(p.spec, wall, until)
		if wall.IsZero() {
			return time.Time{}
		}
		if due := instant(wall, p.zone); due.After(t) {
			return due
		}
	}
}

// naive returns the wall time of t as if it were UTC.
func naive(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
}

// instant returns when the wall clock of zone first shows the naive time, or, when it never does, the first full
// minute after. It walks the periods of constant offset from before any of them could show it.
func instant(wall time.Time, zone *time.Location) time.Time {
	for at := wall.Add(-26 * time.Hour).In(zone); ; {
		_, offset := at.Zone()
		start, end := at.ZoneBounds()
		due := wall.Add(-time.Duration(offset) * time.Second)
		if !start.IsZero() && due.Before(start) { // the clock jumped over it
			return fullMinute(start, offset)
		}
		if end.IsZero() || due.Before(end) {
			return due
		}
		at = end
	}
}

// fullMinute rounds up to where the wall clock shows a full minute.
func fullMinute(t time.Time, offset int) time.Time {
	t = t.UTC()
	if seconds := (t.Unix() + int64(offset)) % 60; seconds != 0 {
		t = t.Add(time.Duration(60-seconds) * time.Second)
	}
	return t
}

// nextWall returns the first minute after wall, and not after until, that the fields hold; zero if there is none.
func nextWall(s cron.SpecSchedule, wall, until time.Time) time.Time {
	wall = wall.Truncate(time.Minute).Add(time.Minute)
	for !wall.After(until) {
		switch {
		case s.Month&(1<<uint(wall.Month())) == 0:
			wall = time.Date(wall.Year(), wall.Month()+1, 1, 0, 0, 0, 0, time.UTC)
		case !dayHolds(s, wall):
			wall = time.Date(wall.Year(), wall.Month(), wall.Day()+1, 0, 0, 0, 0, time.UTC)
		case s.Hour&(1<<uint(wall.Hour())) == 0:
			wall = wall.Truncate(time.Hour).Add(time.Hour)
		case s.Minute&(1<<uint(wall.Minute())) == 0:
			wall = wall.Add(time.Minute)
		default:
			return wall
		}
	}
	return time.Time{}
}

// dayHolds follows cron: when both day fields are restricted, either one is enough.
func dayHolds(s cron.SpecSchedule, wall time.Time) bool {
	month := s.Dom&(1<<uint(wall.Day())) != 0
	week := s.Dow&(1<<uint(wall.Weekday())) != 0
	if s.Dom&star != 0 || s.Dow&star != 0 {
		return month && week
	}
	return month || week
}

// fires says whether the fields hold a minute within the horizon of a fixed day: the answer must not hang on today.
func fires(s cron.SpecSchedule) bool {
	from := time.Date(2025, time.January, 1, 0, 0, 0, 0, time.UTC)
	return !nextWall(s, from, from.Add(horizon)).IsZero()
}

package schedule_test

import (
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/host/internal/schedule"
)

// G17: a decade in every zone, asked for one after the other and from odd moments, shows no wall time twice and leaves
// no day out but the one that two zones did not have.
func TestG17_DecadeOfInstants(t *testing.T) {
	from, to := time.Date(2010, 6, 1, 0, 0, 0, 0, time.UTC), time.Date(2020, 6, 1, 0, 0, 0, 0, time.UTC)
	for _, zone := range zones {
		plan, err := schedule.Parse("30 1-3 * * *", zone)
		if err != nil {
			t.Fatal(err)
		}
		location, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		shown := int64(0) // wall time of the newest instant, in minutes
		days := map[int64]int{}
		at := from
		for {
			next := plan.Next(at)
			if odd := plan.Next(at.Add(next.Sub(at) / 3)); !odd.Equal(next) {
				t.Fatalf("%s: from within the pause before %v comes %v", zone, next, odd)
			}
			if at = next; !at.Before(to) {
				break
			}
			_, offset := at.In(location).Zone()
			wall := (at.Unix() + int64(offset)) / 60
			if wall <= shown {
				t.Errorf("%s: the clock shows a time again at %v", zone, at)
			}
			shown = wall
			days[wall/(24*60)]++
		}
		short := 0
		for day := from.AddDate(0, 0, 1); day.Before(to.AddDate(0, 0, -1)); day = day.AddDate(0, 0, 1) {
			name, most := day.Format("2006-01-02"), 3
			if name == "2011-12-31" { // what was due on the day before comes at its midnight
				most = 4
			}
			switch n := days[day.Unix()/(24*60*60)]; {
			case n < 1 && name != "2011-12-30", n > most:
				t.Errorf("%s: %d instants on %s", zone, n, name)
			case n < 3:
				short++
			}
		}
		if short > 22 {
			t.Errorf("%s: %d days have fewer than three instants", zone, short)
		}
	}
}

package schedule_test

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/host/internal/schedule"
)

var zones = []string{"UTC", "Europe/Prague", "Europe/Dublin", "Europe/London", "Africa/Casablanca", "Africa/Cairo", "America/New_York", "America/Sao_Paulo",
	"America/Santiago", "America/St_Johns", "America/Havana", "America/Caracas", "Asia/Kathmandu", "Asia/Gaza", "Asia/Tehran", "Australia/Lord_Howe",
	"Antarctica/Troll", "Pacific/Apia", "Pacific/Chatham", "Pacific/Fakaofo"}

var exprs = []string{"30 2 * * *", "0 0 * * *", "15 */2 * * *", "45 1,2,3 * * 0,6", "*/45 0-4 * 3,4,9-12 *"}

// G17: over 20 zones and more than two years, with the days that clocks change and the two days that zones left out
// (Apia and Fakaofo at the end of 2011), every instant is run once and none is missed. The expectation is counted
// minute by minute from the zone database, in another way than the room does it.
func TestG17_YearsInTwentyZones(t *testing.T) {
	from, to := time.Date(2010, 6, 1, 0, 0, 0, 0, time.UTC), time.Date(2012, 12, 1, 0, 0, 0, 0, time.UTC)
	inWorld(t, from.Format(time.RFC3339), func(t *testing.T, w *world) {
		w.lasts = time.Millisecond
		var entries []schedule.Entry
		for i, zone := range zones {
			entries = append(entries, entry(t, zone, exprs[i%len(exprs)], zone))
		}
		stop := w.up(entries...)
		time.Sleep(to.Sub(from) - time.Second)
		stop()
		total := 0
		for i, zone := range zones {
			want := counted(t, exprs[i%len(exprs)], zone, from, to)
			total += len(want)
			compare(t, zone+" "+exprs[i%len(exprs)], want, w.record.ticks[zone])
		}
		if len(w.fired) != total || total < 20*700 {
			t.Errorf("fired %d times, want %d", len(w.fired), total)
		}
	})
}

func compare(t *testing.T, name string, want map[time.Time]bool, got map[time.Time]string) {
	t.Helper()
	for instant, reason := range got {
		if reason != "the schedule begins here" && (reason != "" || !want[instant]) {
			t.Errorf("%s: %v is on record (%q) and not expected so", name, instant, reason)
		}
	}
	for instant := range want {
		if _, there := got[instant]; !there {
			t.Errorf("%s: %v was missed in silence", name, instant)
		}
	}
}

// counted walks every minute of a zone and notes when the wall clock first shows, or jumps over, one that the fields
// hold.
func counted(t *testing.T, expr, zone string, from, to time.Time) map[time.Time]bool {
	t.Helper()
	location, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	holds := fieldsOf(t, expr)
	due := map[time.Time]bool{}
	wallOf := func(at time.Time) int64 { _, offset := at.In(location).Zone(); return at.Unix()/60 + int64(offset)/60 }
	shown := wallOf(from)
	for at := from.Add(time.Minute); at.Before(to); at = at.Add(time.Minute) {
		for wall := wallOf(at); shown < wall; {
			shown++
			if holds(time.Unix(shown*60, 0).UTC()) {
				due[at] = true
			}
		}
	}
	return due
}

// fieldsOf reads the small part of cron that this test uses: *, lists, ranges and steps. Of its day fields at most one
// is restricted.
func fieldsOf(t *testing.T, expr string) func(time.Time) bool {
	var sets [5]uint64
	for i, field := range strings.Fields(expr) {
		for _, item := range strings.Split(field, ",") {
			item, step, _ := strings.Cut(item, "/")
			low, high := 0, 59
			if item != "*" {
				a, b, isRange := strings.Cut(item, "-")
				low = number(t, a)
				if high = low; isRange {
					high = number(t, b)
				}
			}
			by := 1
			if step != "" {
				by = number(t, step)
			}
			for n := low; n <= high; n += by {
				sets[i] |= 1 << n
			}
		}
	}
	return func(w time.Time) bool {
		values := [5]int{w.Minute(), w.Hour(), w.Day(), int(w.Month()), int(w.Weekday())}
		hits := 0
		for i, v := range values {
			hits += bits.OnesCount64(sets[i] & (1 << v))
		}
		return hits == len(values)
	}
}

func number(t *testing.T, s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(fmt.Errorf("in a test's expression: %w", err))
	}
	return n
}

// G17: stops and clock changes at awkward moments still leave every instant on record once, run or with a reason.
func TestG17_StopsAnywhere(t *testing.T) {
	inWorld(t, "2026-03-27T00:00:00Z", func(t *testing.T, w *world) {
		from := w.Now().UTC().Round(0)
		e := entry(t, "crm", "*/45 0-4 * 3,4,9-12 *", "Europe/Prague")
		for i := range 400 {
			stop := w.up(e)
			time.Sleep(time.Duration(i*7919%5400) * time.Second)
			stop()
			time.Sleep(time.Duration(i*104729%9000) * time.Second)
		}
		stop := w.up(e)
		time.Sleep(time.Hour)
		stop()
		want := counted(t, "*/45 0-4 * 3,4,9-12 *", "Europe/Prague", from, w.Now())
		got := w.record.ticks["crm"]
		ran := 0
		for instant := range want {
			if _, there := got[instant]; !there {
				t.Errorf("%v was missed in silence", instant)
			}
			if got[instant] == "" {
				ran++
			}
		}
		if len(got) != len(want)+1 || len(w.fired) != ran || ran < len(want)/3 {
			t.Errorf("%d on record, %d expected, %d ran, %d fired", len(got), len(want), ran, len(w.fired))
		}
	})
}

package state_test

import (
	"strings"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/host/internal/app/watch/state"
	"github.com/ai-data-analyst/broker/host/internal/schedule"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/web/api"
)

func at(t *testing.T, text string) time.Time {
	t.Helper()
	moment, err := time.Parse("2006-01-02 15:04", text)
	if err != nil {
		t.Fatal(err)
	}
	return moment
}

func calendar(t *testing.T, expr, zone string) *state.Calendar {
	t.Helper()
	plan, err := schedule.Parse(expr, zone)
	if err != nil {
		t.Fatal(err)
	}
	return state.NewCalendar(plan)
}

// ran is a run that began at the time and took two minutes.
func ran(t *testing.T, status, began string, change func(*state.Outcome)) state.Outcome {
	o := state.Outcome{Sync: "sync-" + began, Run: "run-" + began, Status: status, Started: at(t, began)}
	o.Ended = o.Started.Add(2 * time.Minute)
	if status == "failed" || status == "partial" {
		o.Message, o.Help = "the source said no", "ask it"
	}
	if change != nil {
		change(&o)
	}
	return o
}

func past(outcomes ...state.Outcome) *state.Past {
	p := &state.Past{}
	for _, o := range outcomes {
		p.Add(o)
	}
	return p
}

func head(t *testing.T, published string, rows int64) state.Head {
	return state.Head{Generation: 7, Run: "run-" + published, Published: at(t, published).Add(2 * time.Minute), Rows: rows}
}

// Every word, and the moments at which one turns into another. The schedule is daily at 6:00 UTC where nothing else is said:
// its grace is an hour.
func TestStates(t *testing.T) {
	daily := func() *state.Calendar { return calendar(t, "0 6 * * *", "") }
	published := past(ran(t, "published", "2026-11-24 06:00", nil))
	for _, c := range []struct {
		name  string
		now   string
		facts state.Facts
		word  string
		since string // "" = not asked
		says  string // part of message and help
	}{
		{"published today", "2026-11-24 12:00", state.Facts{Calendar: daily(), Head: head(t, "2026-11-24 06:00", 5), Past: published}, "fresh", "2026-11-24T06:02:00Z", ""},
		{"no schedule is never late", "2027-11-24 12:00", state.Facts{Head: head(t, "2026-11-24 06:00", 5), Past: published}, "fresh", "2026-11-24T06:02:00Z", ""},
		{"published, journal lost", "2026-11-24 12:00", state.Facts{Calendar: daily(), Head: head(t, "2026-11-24 06:00", 5)}, "fresh", "2026-11-24T06:02:00Z", ""},
		{"due, within grace", "2026-11-25 07:00", state.Facts{Calendar: daily(), Head: head(t, "2026-11-24 06:00", 5), Past: published}, "fresh", "", ""},
		{"due, grace over", "2026-11-25 07:01", state.Facts{Calendar: daily(), Head: head(t, "2026-11-24 06:00", 5), Past: published}, "stale", "2026-11-25T07:00:00Z", "due at 25 Nov 06:00 UTC"},
		{"stale, journal lost", "2026-12-24 12:00", state.Facts{Calendar: daily(), Head: head(t, "2026-11-24 06:00", 5)}, "stale", "", "did not come"},
		{"short schedules have five minutes", "2026-11-24 06:06", state.Facts{Calendar: calendar(t, "@every 1m", ""), Head: head(t, "2026-11-24 06:00", 5), Past: published}, "fresh", "", ""},
		{"and no more", "2026-11-24 06:07", state.Facts{Calendar: calendar(t, "@every 1m", ""), Head: head(t, "2026-11-24 06:00", 5), Past: published}, "stale", "", ""},
		{"unchanged", "2026-11-25 06:30", state.Facts{Calendar: daily(), Head: head(t, "2026-11-24 06:00", 5),
			Past: past(ran(t, "published", "2026-11-24 06:00", nil), ran(t, "unchanged", "2026-11-25 06:00", nil))}, "unchanged", "2026-11-25T06:02:00Z", ""},
		{"unchanged twice, since the first", "2026-11-26 06:30", state.Facts{Calendar: daily(), Head: head(t, "2026-11-24 06:00", 5),
			Past: past(ran(t, "unchanged", "2026-11-25 06:00", nil), ran(t, "unchanged", "2026-11-26 06:00", nil))}, "unchanged", "2026-11-25T06:02:00Z", ""},
		{"unchanged long ago", "2026-11-28 06:30", state.Facts{Calendar: daily(), Head: head(t, "2026-11-24 06:00", 5), Past: past(ran(t, "unchanged", "2026-11-25 06:00", nil))}, "stale", "", ""},
		{"running", "2026-11-25 06:01", state.Facts{Calendar: daily(), Head: head(t, "2026-11-24 06:00", 5), Past: published,
			Running: &state.Outcome{Sync: "s", Started: at(t, "2026-11-25 06:00")}}, "syncing", "2026-11-25T06:00:00Z", ""},
		{"running after a failure", "2026-11-25 06:01", state.Facts{Past: past(ran(t, "failed", "2026-11-24 06:00", nil)),
			Running: &state.Outcome{Started: at(t, "2026-11-25 06:00")}}, "syncing", "", ""},
		{"held", "2026-11-25 06:30", state.Facts{Calendar: daily(), Head: head(t, "2026-11-24 06:00", 100), Past: past(ran(t, "held", "2026-11-25 06:00", nil)),
			Held: &state.Held{Run: "run-2026-11-25 06:00", Reason: "it shrinks", Rows: 40, Since: at(t, "2026-11-25 06:02")}}, "held", "2026-11-25T06:02:00Z", "it shrinks"},
		{"held and long over", "2027-01-25 06:30", state.Facts{Calendar: daily(), Head: head(t, "2026-11-24 06:00", 100),
			Held: &state.Held{Reason: "it shrinks", Since: at(t, "2026-11-25 06:02")}}, "held", "", "accept"},
		{"accepted", "2026-11-25 07:30", state.Facts{Calendar: daily(), Head: head(t, "2026-11-25 06:00", 40),
			Past: past(ran(t, "failed", "2026-11-24 06:00", nil), ran(t, "held", "2026-11-25 06:00", nil))}, "fresh", "", ""},
		{"discarded: what was before holds", "2026-11-25 06:30", state.Facts{Calendar: daily(), Head: head(t, "2026-11-23 06:00", 100),
			Past: past(ran(t, "failed", "2026-11-24 06:00", nil), ran(t, "held", "2026-11-25 06:00", nil))}, "failed", "2026-11-24T06:02:00Z", ""},
		{"failed", "2026-11-25 06:30", state.Facts{Calendar: daily(), Head: head(t, "2026-11-24 06:00", 5), Past: past(ran(t, "published", "2026-11-24 06:00", nil), ran(t, "failed", "2026-11-25 06:00", nil))},
			"failed", "2026-11-25T06:02:00Z", "the source said no"},
		{"failed for days, since the first", "2026-11-28 06:30", state.Facts{Calendar: daily(), Head: head(t, "2026-11-24 06:00", 5),
			Past: past(ran(t, "failed", "2026-11-25 06:00", nil), ran(t, "failed", "2026-11-26 06:00", nil))}, "failed", "2026-11-25T06:02:00Z", "ask it"},
		{"failed and never published", "2026-11-25 06:30", state.Facts{Past: past(ran(t, "failed", "2026-11-25 06:00", nil))}, "failed", "", ""},
		{"cancelled counts for nothing", "2026-11-25 06:30", state.Facts{Calendar: daily(), Head: head(t, "2026-11-24 06:00", 5),
			Past: past(ran(t, "published", "2026-11-24 06:00", nil), ran(t, "cancelled", "2026-11-25 06:00", nil))}, "fresh", "", ""},
		{"source refused", "2026-11-25 06:30", state.Facts{Calendar: daily(), Head: head(t, "2026-11-24 06:00", 5), Past: published,
			Refused: &state.Outcome{Status: "failed", Started: at(t, "2026-11-25 06:00"), Ended: at(t, "2026-11-25 06:00"), Message: "the token is refused"}}, "failed", "", "token is refused"},
		{"source refused, then answered", "2026-11-25 06:30", state.Facts{Calendar: daily(), Head: head(t, "2026-11-24 06:00", 5), Past: published,
			Refused: &state.Outcome{Status: "failed", Started: at(t, "2026-11-23 06:00"), Message: "the token is refused"}}, "fresh", "", ""},
		{"partial", "2026-11-25 06:30", state.Facts{Calendar: daily(), Head: head(t, "2026-11-25 06:00", 5), Past: past(ran(t, "partial", "2026-11-25 06:00", nil))}, "partial", "2026-11-25T06:02:00Z", "the source said no"},
		{"partial, then whole", "2026-11-26 06:30", state.Facts{Calendar: daily(), Head: head(t, "2026-11-26 06:00", 5),
			Past: past(ran(t, "partial", "2026-11-25 06:00", nil), ran(t, "published", "2026-11-26 06:00", nil))}, "fresh", "", ""},
		{"partial twice", "2026-11-26 06:30", state.Facts{Head: head(t, "2026-11-26 06:00", 5),
			Past: past(ran(t, "partial", "2026-11-25 06:00", nil), ran(t, "partial", "2026-11-26 06:00", nil))}, "partial", "2026-11-25T06:02:00Z", ""},
		{"unreadable", "2026-11-24 12:00", state.Facts{Calendar: daily(), Head: head(t, "2026-11-24 06:00", 5), Past: published, Unreadable: "part 3f9a does not match"}, "unreadable", "", "3f9a"},
		{"unreadable outweighs a run", "2026-11-24 12:00", state.Facts{Unreadable: "x", Running: &state.Outcome{}, Held: &state.Held{}}, "unreadable", "", ""},
		{"empty", "2026-11-24 12:00", state.Facts{Calendar: daily(), Head: head(t, "2026-11-24 06:00", 0), Past: published}, "empty", "2026-11-24T06:02:00Z", ""},
		{"empty and unchanged", "2026-11-25 06:30", state.Facts{Calendar: daily(), Head: head(t, "2026-11-24 06:00", 0), Past: past(ran(t, "unchanged", "2026-11-25 06:00", nil))}, "empty", "", ""},
		{"never", "2026-11-24 12:00", state.Facts{Name: "shop.new", Calendar: daily()}, "never", "", "nothing was published"},
		{"never, without schedule", "2026-11-24 12:00", state.Facts{Name: "shop.new"}, "never", "", "broker sync shop.new"},
		{"skipped", "2026-11-25 07:30", state.Facts{Calendar: daily(), Head: head(t, "2026-11-24 06:00", 5), Past: published,
			Tick: state.Tick{Instant: at(t, "2026-11-25 06:00"), Skipped: "missed while stopped"}}, "skipped", "2026-11-25T06:00:00Z", "missed while stopped"},
		{"skipped until the next one is late", "2026-11-26 07:00", state.Facts{Calendar: daily(), Head: head(t, "2026-11-24 06:00", 5), Past: published,
			Tick: state.Tick{Instant: at(t, "2026-11-25 06:00"), Skipped: "missed while stopped"}}, "skipped", "", ""},
		{"skipped twice", "2026-11-26 07:01", state.Facts{Calendar: daily(), Head: head(t, "2026-11-24 06:00", 5), Past: published,
			Tick: state.Tick{Instant: at(t, "2026-11-26 06:00"), Skipped: "missed while stopped"}}, "stale", "2026-11-26T07:00:00Z", "missed while stopped"},
		{"left out while the run went on that answered it", "2026-11-24 06:01", state.Facts{Calendar: calendar(t, "@every 5m", ""), Head: head(t, "2026-11-24 06:00", 5), Past: published,
			Tick: state.Tick{Instant: at(t, "2026-11-24 05:55"), Skipped: "the previous run is still going"}}, "fresh", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := state.Of(c.facts, at(t, c.now))
			if got.State != c.word || c.since != "" && got.Since != c.since {
				t.Errorf("state %q since %q, want %q since %q", got.State, got.Since, c.word, c.since)
			}
			if !strings.Contains(got.Message+" "+got.Help, c.says) {
				t.Errorf("says %q and %q, want %q", got.Message, got.Help, c.says)
			}
		})
	}
}

// A schedule of wall time: the hour that a clock change leaves out or repeats neither makes a table stale nor hides that it is.
func TestStatesAcrossClockChanges(t *testing.T) {
	for _, c := range []struct{ name, asked, now, word, next string }{
		{"spring: 2:30 does not exist, it is due at 3:00 summer time", "2026-03-28 01:30", "2026-03-29 01:59", "fresh", "2026-03-30T00:30:00Z"},
		{"spring: and is late an hour after that", "2026-03-28 01:30", "2026-03-29 02:01", "stale", "2026-03-30T00:30:00Z"},
		{"spring: before the change", "2026-03-28 01:30", "2026-03-29 00:59", "fresh", "2026-03-29T01:00:00Z"},
		{"autumn: 2:30 comes twice, the first is meant", "2026-10-24 00:30", "2026-10-25 00:29", "fresh", "2026-10-25T00:30:00Z"},
		{"autumn: the second is no instant", "2026-10-25 00:30", "2026-10-25 02:45", "fresh", "2026-10-26T01:30:00Z"},
		{"autumn: late after the first", "2026-10-24 00:30", "2026-10-25 01:31", "stale", "2026-10-26T01:30:00Z"},
	} {
		t.Run(c.name, func(t *testing.T) {
			facts := state.Facts{Calendar: calendar(t, "30 2 * * *", "Europe/Prague"), Head: head(t, c.asked, 5), Past: past(ran(t, "published", c.asked, nil))}
			got := state.Of(facts, at(t, c.now))
			if got.State != c.word || got.NextAt != c.next {
				t.Errorf("%s, next at %s; want %s, %s", got.State, got.NextAt, c.word, c.next)
			}
		})
	}
}

func TestDays(t *testing.T) {
	counts := func(o *state.Outcome) { o.Added, o.Updated, o.Deleted = 5, 2, 1 }
	overMidnight := ran(t, "published", "2026-11-20 23:59", counts)
	p := past(ran(t, "published", "2026-10-01 06:00", counts), // older than what is shown
		ran(t, "published", "2026-11-18 06:00", counts), ran(t, "failed", "2026-11-18 18:00", counts), overMidnight,
		ran(t, "unchanged", "2026-11-22 06:00", nil), ran(t, "held", "2026-11-23 06:00", counts), ran(t, "partial", "2026-11-24 06:00", counts), ran(t, "published", "2026-11-24 08:00", counts))
	got := state.Of(state.Facts{Calendar: calendar(t, "0 6 * * *", ""), Head: head(t, "2026-11-24 08:00", 5), Past: p,
		Running: &state.Outcome{Started: at(t, "2026-11-25 06:00")}}, at(t, "2026-11-25 06:01")).Days
	if len(got) != state.Days || got[0].Date != "2026-10-27" || got[len(got)-1].Date != "2026-11-25" {
		t.Fatalf("%d days, %s to %s", len(got), got[0].Date, got[len(got)-1].Date)
	}
	want := map[string]api.StateDay{
		"2026-11-17": {State: "skipped"}, // due, and nothing is on record
		"2026-11-18": {State: "failed", Added: 5, Updated: 2, Deleted: 1, Runs: 2},
		"2026-11-20": {State: "skipped"},
		"2026-11-21": {State: "fresh", Added: 5, Updated: 2, Deleted: 1, Runs: 1},
		"2026-11-22": {State: "unchanged", Runs: 1},
		"2026-11-23": {State: "held", Runs: 1},
		"2026-11-24": {State: "partial", Added: 10, Updated: 4, Deleted: 2, Runs: 2},
		"2026-11-25": {State: "syncing"},
	}
	for _, d := range got {
		if w, asked := want[d.Date]; asked {
			if w.Date = d.Date; d != w {
				t.Errorf("got  %+v\nwant %+v", d, w)
			}
		}
	}
}

func TestDaysBeforeATableWasThereAreEmpty(t *testing.T) {
	got := state.Of(state.Facts{Calendar: calendar(t, "@hourly", ""), Head: head(t, "2026-11-24 08:00", 5), Past: past(ran(t, "published", "2026-11-24 08:00", nil))}, at(t, "2026-11-24 08:30")).Days
	for _, d := range got[:len(got)-1] {
		if d.State != "" || d.Runs != 0 {
			t.Errorf("%+v", d)
		}
	}
	if got := state.Of(state.Facts{Calendar: calendar(t, "@hourly", "")}, at(t, "2026-11-24 08:30")).Days; got[10].State != "" {
		t.Errorf("a table that never ran: %+v", got[10])
	}
}

// counting counts how often a plan is asked.
type counting struct {
	plan  schedule.Plan
	asked int
}

func (c *counting) Next(t time.Time) time.Time { c.asked++; return c.plan.Next(t) }

func TestCalendarAnswersAsItsPlan(t *testing.T) {
	plan, err := schedule.Parse("*/15 2,14 * * 1-5", "America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	asks := &counting{plan: plan}
	c := state.NewCalendar(asks)
	begin := at(t, "2026-03-01 00:00")
	for i := range 20_000 { // out of order, over the spring clock change
		moment := begin.Add(time.Duration(i*7919%20_000) * 97 * time.Second)
		if got, want := c.Next(moment), plan.Next(moment); !got.Equal(want) {
			t.Fatalf("after %s: %s, want %s", moment, got, want)
		}
	}
	before := asks.asked
	for i := range 20_000 {
		c.Next(begin.Add(time.Duration(i) * 97 * time.Second))
	}
	if asks.asked-before > 500 {
		t.Errorf("the plan was asked %d times again", asks.asked-before)
	}
	if next := (*state.Calendar)(nil).Next(begin); !next.IsZero() {
		t.Errorf("no schedule is due at %s", next)
	}
}

func TestTook(t *testing.T) {
	p := &state.Past{}
	if p.Took() != 0 {
		t.Error("a table without runs took some time")
	}
	for i := range 25 {
		o := ran(t, "published", "2026-11-24 06:00", nil)
		o.Ended = o.Started.Add(time.Duration(i) * time.Second)
		p.Add(o)
	}
	if got := p.Took(); got != 19500*time.Millisecond { // of 15 to 24
		t.Errorf("took %s", got)
	}
}

func TestG12_MaskTakesNamesOut(t *testing.T) {
	m := state.NewMask()
	m.Know("shop.orders", "keep.orders", "orders")
	m.Know("hr.salaries", "people.pay_slips", "pay_slips")
	m.Know("hr.orders", "people.orders", "orders")
	sees := func(table sdk.TableName) bool { return table == "shop.orders" }
	for _, c := range []struct{ text, want string }{
		{"", ""},
		{"the source refused the token", "the source refused the token"},
		{"sync shop.orders failed", "sync shop.orders failed"},
		{"read hr.salaries: no", "read another table: no"},
		{"read \"hr\".\"salaries\"", "read \"hr\".\"another table\""},
		{"salaries, pay_slips and PAY_SLIPS", "another table, another table and another table"},
		{"people.pay_slips.amount is text", "another table.amount is text"},
		{"hr.orders before shop.orders", "another table before shop.orders"},
		{"stream orders ended", "stream orders ended"},
		{"Hr.SALARIES", "another table"},
		{"x.hr.salaries", "x.another table"},
		{"<b>hr.salaries</b>", "<b>another table</b>"},
	} {
		if got := m.Text(c.text, sees); got != c.want {
			t.Errorf("%q: %q, want %q", c.text, got, c.want)
		}
	}
	message, help := m.Told("read shop.orders with hr.salaries", "see row 7 of salaries", []sdk.TableName{"shop.orders", "hr.salaries"}, sees)
	if strings.Contains(message+help, "salaries") || strings.Contains(message, "read") || help == "" {
		t.Errorf("told %q and %q", message, help)
	}
	if message, _ := m.Told("read hr.salaries", "", []sdk.TableName{"shop.orders", "hr.salaries"}, func(sdk.TableName) bool { return true }); message != "read hr.salaries" {
		t.Errorf("who sees all is told %q", message)
	}
}

// Package state says how a table is, of what is known of it: one word, since when, why, and thirty days. It computes
// only; watch, which belongs to the room app as this does, brings the facts.
//
// What outweighs what: bytes that cannot be read, a run under way, a version that waits for a decision, a failure, a part
// only, never published, a due run that did not come, one that was left out; a table of which none is true is fresh,
// unchanged or empty.
package state

import (
	"fmt"
	"time"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/web/api"
)

// Facts is what is known of one table. Zero fields are not so.
type Facts struct {
	Name       sdk.TableName
	Source     string
	Schedule   string    // in words
	Calendar   *Calendar // nil = no schedule
	Head       Head
	Past       *Past
	Refused    *Outcome // newest failure of the source before any of its tables was known
	Running    *Outcome // the run under way; Sync, Run and Started are set
	Held       *Held
	Tick       Tick   // newest due time on record
	Unreadable string // what is wrong with its bytes
}

// Head is the version that readers have; Generation 0 = none.
type Head struct {
	Generation int64
	Run        string
	Published  time.Time
	Rows       int64
}

// Held is a version that waits for a person.
type Held struct {
	Run    string // id in the journal
	Sync   string
	Reason string
	Rows   int64
	Since  time.Time
	Set    []sdk.TableName
}

// Tick is a due time and why it was left out; Skipped "" = it was run.
type Tick struct {
	Instant time.Time
	Skipped string
}

// Table is how a table is. Set are the tables that Message may be about, HeldSet those that are held together; nil = this
// one only.
type Table struct {
	api.TableState
	Set, HeldSet []sdk.TableName
}

// Of says how a table is at a moment.
func Of(f Facts, now time.Time) Table {
	t := Table{TableState: api.TableState{Name: string(f.Name), Source: f.Source, Schedule: f.Schedule, NextAt: Stamp(f.Calendar.Next(now))}}
	if f.Past != nil {
		t.CheckedAt = Stamp(f.Past.checked)
	}
	if t.CheckedAt == "" && f.Head.Generation > 0 {
		t.CheckedAt = Stamp(f.Head.Published)
	}
	if f.Held != nil {
		t.HeldSet = f.Held.Set
		t.Held = &api.Held{Reason: f.Held.Reason, Rows: f.Held.Rows, Before: f.Head.Rows, At: Stamp(f.Held.Since)}
	}
	for _, judge := range []func(Facts, time.Time, *Table) bool{unreadable, syncing, held, failed, never, late, healthy} {
		if judge(f, now, &t) {
			break
		}
	}
	t.Days = daysOf(f, now)
	return t
}

// say gives the table its word.
func (t *Table) say(word string, since time.Time, sync string) bool {
	t.State, t.Since, t.Run = word, Stamp(since), sync
	return true
}

func unreadable(f Facts, _ time.Time, t *Table) bool {
	if f.Unreadable == "" {
		return false
	}
	t.Message, t.Help = f.Unreadable, `Run "broker lake verify --full"; the next sync that reads everything replaces the table.`
	return t.say(api.StateUnreadable, time.Time{}, "")
}

func syncing(f Facts, _ time.Time, t *Table) bool {
	return f.Running != nil && t.say(api.StateSyncing, f.Running.Started, f.Running.Sync)
}

func held(f Facts, _ time.Time, t *Table) bool {
	if f.Held == nil {
		return false
	}
	t.Message, t.Set = f.Held.Reason, f.Held.Set
	t.Help = fmt.Sprintf(`An admin decides here, or with "broker lake accept %s" or "broker lake discard %s".`, f.Name, f.Name)
	return t.say(api.StateHeld, f.Held.Since, f.Held.Sync)
}

// newest is the outcome that counts, and the end of the first of its kind in a row. A held version that a person accepted
// counts as published when that was; one that was discarded does not count.
func (f Facts) newest() (Outcome, time.Time) {
	var last Outcome
	var since time.Time
	if f.Past != nil {
		last, since = f.Past.last, f.Past.since
		if h := f.Past.held; h.Ended.After(last.Ended) && h.Run == f.Head.Run {
			h.Status = "published"
			last, since = h, f.Head.Published
		}
	}
	if r := f.Refused; r != nil && r.Started.After(last.Started) && r.Started.After(f.asked()) {
		last, since = *r, r.Ended
	}
	return last, since
}

// asked is when the newest run began that the source answered; a version that the journal does not know counts as one.
func (f Facts) asked() time.Time {
	if f.Past != nil && !f.Past.asked.IsZero() {
		return f.Past.asked
	}
	return f.Head.Published
}

func failed(f Facts, _ time.Time, t *Table) bool {
	last, since := f.newest()
	if last.Status != api.StateFailed && last.Status != api.StatePartial {
		return false
	}
	t.Message, t.Help, t.Set = last.Message, last.Help, last.Set
	return t.say(last.Status, since, last.Sync)
}

func never(f Facts, _ time.Time, t *Table) bool {
	if f.Head.Generation > 0 {
		return false
	}
	t.Message = "Registered; nothing was published yet."
	if t.NextAt == "" {
		t.Help = fmt.Sprintf(`It has no schedule: run "broker sync %s".`, f.Name)
	}
	return t.say(api.StateNever, time.Time{}, "")
}

// late finds the due instants that nothing answered: stale once one is passed by more than its grace, skipped while the
// record says why the only one so far was left out.
func late(f Facts, now time.Time, t *Table) bool {
	due := f.Calendar.Next(f.asked())
	if due.IsZero() || due.After(now) {
		return false
	}
	left := f.Tick.Skipped != "" && !f.Tick.Instant.Before(due)
	missed := due
	if left {
		missed = f.Calendar.Next(due)
	}
	if !missed.IsZero() && missed.Add(f.Calendar.Grace(missed)).Before(now) {
		t.Message = fmt.Sprintf("A run was due at %s and did not come.", spoken(missed))
		if left {
			t.Message = fmt.Sprintf("Runs were due since %s; the last one was left out: %s.", spoken(due), f.Tick.Skipped)
		}
		t.Help = fmt.Sprintf(`See that "broker serve" runs and its log is quiet, or run "broker sync %s".`, f.Name)
		return t.say(api.StateStale, missed.Add(f.Calendar.Grace(missed)), "")
	}
	if !left {
		return false
	}
	t.Message = fmt.Sprintf("The run of %s was left out: %s. Nothing is lost.", spoken(f.Tick.Instant), f.Tick.Skipped)
	return t.say(api.StateSkipped, f.Tick.Instant, "")
}

func healthy(f Facts, _ time.Time, t *Table) bool {
	last, since := f.newest()
	if since.IsZero() || last.Status == "published" {
		since = f.Head.Published
	}
	switch {
	case f.Head.Rows == 0:
		return t.say(api.StateEmpty, f.Head.Published, last.Sync)
	case last.Status == "unchanged":
		return t.say(api.StateUnchanged, since, last.Sync)
	}
	return t.say(api.StateFresh, since, last.Sync)
}

// daysOf are the last thirty days in UTC, oldest first. A day on which a run was due and none ended has the word skipped.
func daysOf(f Facts, now time.Time) []api.StateDay {
	days := make([]api.StateDay, Days)
	today := dayNumber(now)
	first := f.asked()
	if f.Past != nil && (first.IsZero() || f.Past.first.Before(first)) {
		first = f.Past.first
	}
	for i := range days {
		number := today - Days + 1 + int64(i)
		start := time.Unix(number*int64(day/time.Second), 0).UTC()
		d := f.Past.on(number)
		days[i] = api.StateDay{Date: start.Format(time.DateOnly), State: d.word, Added: d.added, Updated: d.updated, Deleted: d.deleted, Runs: d.runs}
		switch {
		case number == today && f.Running != nil:
			days[i].State = api.StateSyncing
		case d.word == "" && !first.IsZero():
			from := start.Add(-1)
			if from.Before(first) {
				from = first
			}
			if due := f.Calendar.Next(from); !due.IsZero() && due.Before(start.Add(day)) && due.Add(f.Calendar.Grace(due)).Before(now) {
				days[i].State = api.StateSkipped
			}
		}
	}
	return days
}

// Stamp is a time as JSON shows it; "" for the zero time.
func Stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func spoken(t time.Time) string { return t.UTC().Format("2 Jan 15:04 UTC") }

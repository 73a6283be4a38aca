package schedule

import (
	"context"
	"fmt"
	"hash/fnv"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"
)

// Ticks is the lasting record of due times. The state database keeps it.
type Ticks interface {
	// Record notes what becomes of a due time: skipped is the reason it is not run, "" when it is. It returns false
	// when that instant of entry is already on record.
	Record(ctx context.Context, entry string, instant time.Time, skipped string, now time.Time) (bool, error)
	// Last returns the newest instant of entry on record that is not after the given time; zero when there is none.
	Last(ctx context.Context, entry string, notAfter time.Time) (time.Time, error)
}

// Entry is something that comes due by a plan.
type Entry struct {
	Name   string        // unique; the key of its ticks
	Plan   Plan          //
	Jitter time.Duration // > 0: it starts later by a fixed part of this, the same for every instant
}

// Scheduler fires entries when they are due. Its fields are set before Run and not changed afterwards.
type Scheduler struct {
	Entries []Entry
	Ticks   Ticks
	// Fire does what is due. It is called in a goroutine of its own, never twice at once for one entry, and its ctx ends
	// with Run's.
	Fire func(ctx context.Context, entry string, instant time.Time)
	Now  func() time.Time // wall clock; nil = time.Now
	Log  *slog.Logger     // nil = slog.Default
}

// Longest sleep: a wall clock that was set is noticed within it.
const lookAgain = time.Minute

// Most skipped instants of one entry that are written down one by one after a long stop; older ones share one note.
const noteSingly = 200

// Run fires entries until ctx ends, then waits for those still going. Each instant is run once or recorded with the
// reason it was not (G17). An entry without a record begins now. After a stop the newest missed instant is made up for
// and the others are recorded as missed, so many missed ones never cause a storm.
//
// A record that cannot be written stops nothing: the instant stays due and is tried again.
func (s *Scheduler) Run(ctx context.Context) error {
	l := &loop{ticks: s.Ticks, do: s.Fire, now: s.Now, log: s.Log, going: map[string]time.Time{}}
	if l.now == nil {
		l.now = time.Now
	}
	if l.log == nil {
		l.log = slog.Default()
	}
	entries, err := begin(s.Entries)
	if err != nil {
		return err
	}
	defer l.fires.Wait()
	var seen, next time.Time // the clock when last looked at; nothing is to be done before next
	for {
		now := l.now()
		if now.Before(seen) { // the clock was set back
			for _, e := range entries {
				e.placed = false
			}
			next = now
		}
		if seen = now; !now.Before(next) {
			next = l.lookAll(ctx, entries, now)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(max(min(next.Sub(now), lookAgain), time.Millisecond)):
		}
	}
}

// lookAll looks at every entry and returns when one of them is next to be looked at, within a day.
func (l *loop) lookAll(ctx context.Context, entries []*pending, now time.Time) time.Time {
	next := now.Add(24 * time.Hour)
	for _, e := range entries {
		if at := l.look(ctx, e, now); !at.IsZero() && at.Before(next) {
			next = at
		}
	}
	return next
}

// loop is one Run in progress. going is shared with the goroutines that fire.
type loop struct {
	ticks Ticks
	do    func(ctx context.Context, entry string, instant time.Time)
	now   func() time.Time
	log   *slog.Logger
	fires sync.WaitGroup
	mu    sync.Mutex
	going map[string]time.Time // since when entries are firing
}

// pending is an entry and how far its instants are dealt with.
type pending struct {
	Entry
	delay  time.Duration
	begun  bool      // it has a record
	placed bool      // due is set
	due    time.Time // the first instant that is not on record; zero = none
	missed string    // why instants that are passed by now were not run
}

func begin(entries []Entry) ([]*pending, error) {
	names := map[string]bool{}
	var all []*pending
	for _, e := range entries {
		if e.Name == "" || names[e.Name] {
			return nil, fmt.Errorf("schedule: the name %q is empty or stands twice", e.Name)
		}
		names[e.Name] = true
		all = append(all, &pending{Entry: e, delay: delay(e), missed: "missed while stopped"})
	}
	return all, nil
}

// delay spreads entries of one plan over the jitter, each always by the same.
func delay(e Entry) time.Duration {
	if e.Jitter <= 0 {
		return 0
	}
	h := fnv.New64a()
	h.Write([]byte(e.Name))
	return time.Duration(h.Sum64() % uint64(e.Jitter))
}

// look deals with the instants of e that are due and returns when to look again; zero = never.
func (l *loop) look(ctx context.Context, e *pending, clock time.Time) time.Time {
	now := clock.Add(-e.delay)
	err := l.place(ctx, e, now)
	if err == nil && !e.due.IsZero() && !e.due.After(now) {
		err = l.meet(ctx, e, now)
	}
	if err != nil {
		if ctx.Err() == nil {
			l.log.ErrorContext(ctx, "schedule: cannot read or write the record of due times; trying again", "entry", e.Name, "error", err)
		}
		if e.begun {
			e.missed = "missed: the record of due times could not be kept"
		}
		return clock.Add(lookAgain)
	}
	e.missed = "missed: the machine slept or its clock was set"
	if e.due.IsZero() {
		return time.Time{}
	}
	return e.due.Add(e.delay)
}

// place finds where to go on: after the newest record, and again after the clock was set back. Instants that come a
// second time are found on record and do not run again.
func (l *loop) place(ctx context.Context, e *pending, now time.Time) error {
	if e.placed {
		return nil
	}
	last, err := l.ticks.Last(ctx, e.Name, now)
	if err != nil {
		return err
	}
	if last.IsZero() {
		note := "the schedule begins here"
		if e.begun {
			note = "the clock was set back to here"
		}
		last = now
		if _, err := l.ticks.Record(ctx, e.Name, now, note, l.now()); err != nil {
			return err
		}
	}
	e.begun, e.placed, e.due = true, true, e.Plan.Next(last)
	return nil
}

// meet runs the newest due instant and records the older ones as missed.
func (l *loop) meet(ctx context.Context, e *pending, now time.Time) error {
	oldest, single, left := passed(e.Plan, e.due, now)
	if left {
		note := fmt.Sprintf("%s, as were all due times from here until %s", e.missed, single[0].Format(time.RFC3339))
		if _, err := l.ticks.Record(ctx, e.Name, oldest, note, l.now()); err != nil {
			return err
		}
		e.due = single[0]
	}
	newest := single[len(single)-1]
	for _, instant := range single[:len(single)-1] {
		if _, err := l.ticks.Record(ctx, e.Name, instant, e.missed, l.now()); err != nil {
			return err
		}
		e.due = e.Plan.Next(instant)
	}
	return l.start(ctx, e, newest)
}

// passed returns the newest instants from due to now, at most noteSingly and one; left says that older ones are not
// among them. It does not walk through years of minutes.
func passed(p Plan, due, now time.Time) (oldest time.Time, single []time.Time, left bool) {
	oldest = due
	for back := time.Hour; back < now.Sub(due); back *= 2 {
		if enough := upTo(p, p.Next(now.Add(-back)), now); len(enough) > noteSingly {
			return oldest, enough[len(enough)-noteSingly-1:], true
		}
	}
	single = upTo(p, due, now)
	if len(single) > noteSingly+1 {
		return oldest, single[len(single)-noteSingly-1:], true
	}
	return oldest, single, false
}

func upTo(p Plan, due, now time.Time) []time.Time {
	var all []time.Time
	for ; !due.IsZero() && !due.After(now); due = p.Next(due) {
		all = append(all, due)
	}
	return all
}

// start records the instant and fires it, unless the one before is still going.
func (l *loop) start(ctx context.Context, e *pending, instant time.Time) error {
	l.mu.Lock()
	since, busy := l.going[e.Name]
	l.mu.Unlock()
	reason := ""
	if busy {
		reason = "the previous run is still going since " + since.UTC().Format(time.RFC3339)
	}
	fresh, err := l.ticks.Record(ctx, e.Name, instant, reason, l.now())
	if err != nil {
		return err
	}
	e.due = e.Plan.Next(instant)
	if busy || !fresh {
		return nil
	}
	l.mu.Lock()
	l.going[e.Name] = l.now()
	l.mu.Unlock()
	l.fires.Go(func() { l.fire(ctx, e.Name, instant) })
	return nil
}

// fire does what is due; a panic in it ends this one only.
func (l *loop) fire(ctx context.Context, name string, instant time.Time) {
	defer func() {
		if p := recover(); p != nil {
			l.log.ErrorContext(ctx, "schedule: a run panicked", "entry", name, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		}
		l.mu.Lock()
		delete(l.going, name)
		l.mu.Unlock()
	}()
	l.do(ctx, name, instant)
}

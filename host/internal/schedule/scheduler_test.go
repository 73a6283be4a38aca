package schedule_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/ai-data-analyst/broker/host/internal/schedule"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// record is the lasting record, in memory, with errors on demand.
type record struct {
	mu    sync.Mutex
	ticks map[string]map[time.Time]string
	fail  func() error
}

func newRecord() *record { return &record{ticks: map[string]map[time.Time]string{}} }

func (r *record) Record(ctx context.Context, entry string, instant time.Time, skipped string, _ time.Time) (bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fail != nil {
		if err := r.fail(); err != nil {
			return false, err
		}
	}
	if r.ticks[entry] == nil {
		r.ticks[entry] = map[time.Time]string{}
	}
	if _, there := r.ticks[entry][instant.UTC()]; there {
		return false, nil
	}
	r.ticks[entry][instant.UTC()] = skipped
	return true, nil
}

func (r *record) Last(_ context.Context, entry string, notAfter time.Time) (time.Time, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var last time.Time
	for instant := range r.ticks[entry] {
		if !instant.After(notAfter) && instant.After(last) {
			last = instant
		}
	}
	return last, nil
}

// lines lists the ticks of an entry in order: time and reason, without the first note.
func (r *record) lines(entry string) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var lines []string
	for _, instant := range slices.SortedFunc(maps.Keys(r.ticks[entry]), time.Time.Compare) {
		if reason := r.ticks[entry][instant]; reason != "the schedule begins here" {
			lines = append(lines, strings.TrimSpace(instant.Format("01-02 15:04")+" "+reason))
		}
	}
	return lines
}

// world is a clock that may be set, and what was fired.
type world struct {
	t      *testing.T
	record *record
	mu     sync.Mutex
	shift  time.Duration
	fired  []string
	lasts  time.Duration // how long a run takes
	most   int           // fired at one moment, over all
	now    int
}

func (w *world) Now() time.Time { w.mu.Lock(); defer w.mu.Unlock(); return time.Now().Add(w.shift) }

func (w *world) set(to time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.shift = time.Until(to)
}

func (w *world) fire(ctx context.Context, entry string, instant time.Time) {
	w.mu.Lock()
	w.fired = append(w.fired, entry+" "+instant.Format("01-02 15:04"))
	w.now++
	w.most = max(w.most, w.now)
	w.mu.Unlock()
	select {
	case <-ctx.Done():
	case <-time.After(w.lasts):
	}
	w.mu.Lock()
	w.now--
	w.mu.Unlock()
}

// up runs a scheduler until the returned function stops it.
func (w *world) up(entries ...schedule.Entry) (stop func()) {
	ctx, cancel := context.WithCancel(w.t.Context())
	done := make(chan error)
	s := &schedule.Scheduler{Entries: entries, Ticks: w.record, Fire: w.fire, Now: w.Now, Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	go func() { done <- s.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			w.t.Error(err)
		}
	}
}

func entry(t *testing.T, name, expr, zone string) schedule.Entry {
	t.Helper()
	plan, err := schedule.Parse(expr, zone)
	if err != nil {
		t.Fatal(err)
	}
	return schedule.Entry{Name: name, Plan: plan}
}

// inWorld runs a test in a bubble whose clock shows from.
func inWorld(t *testing.T, from string, test func(t *testing.T, w *world)) {
	at, err := time.Parse(time.RFC3339, from)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, record: newRecord(), lasts: time.Second}
		w.set(at)
		test(t, w)
	})
}

func lines(t *testing.T, got []string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRunsWhenDue(t *testing.T) {
	inWorld(t, "2026-05-01T05:59:10Z", func(t *testing.T, w *world) {
		stop := w.up(entry(t, "crm", "0 6,14 * * *", ""), entry(t, "shop", "@every 8h", ""))
		time.Sleep(24 * time.Hour)
		stop()
		lines(t, w.record.lines("crm"), "05-01 06:00", "05-01 14:00")
		lines(t, w.record.lines("shop"), "05-01 08:00", "05-01 16:00", "05-02 00:00")
		lines(t, w.fired, "crm 05-01 06:00", "shop 05-01 08:00", "crm 05-01 14:00", "shop 05-01 16:00", "shop 05-02 00:00")
	})
}

func TestLongRunSkipsWithTheReason(t *testing.T) {
	inWorld(t, "2026-05-01T00:00:30Z", func(t *testing.T, w *world) {
		w.lasts = 25 * time.Minute
		stop := w.up(entry(t, "crm", "*/10 * * * *", ""))
		time.Sleep(45 * time.Minute)
		stop()
		lines(t, w.record.lines("crm"), "05-01 00:10", "05-01 00:20 the previous run is still going since 2026-05-01T00:10:00Z",
			"05-01 00:30 the previous run is still going since 2026-05-01T00:10:00Z", "05-01 00:40")
	})
}

func TestOneCatchUpAfterDowntime(t *testing.T) {
	inWorld(t, "2026-05-01T00:30:00Z", func(t *testing.T, w *world) {
		hourly := entry(t, "crm", "0 * * * *", "")
		stop := w.up(hourly)
		time.Sleep(time.Hour)
		stop()
		time.Sleep(4 * time.Hour)
		stop = w.up(hourly)
		time.Sleep(time.Hour)
		stop()
		lines(t, w.record.lines("crm"), "05-01 01:00", "05-01 02:00 missed while stopped", "05-01 03:00 missed while stopped",
			"05-01 04:00 missed while stopped", "05-01 05:00", "05-01 06:00")
	})
}

func TestStopBeforeTheFirstInstantIsNotSilent(t *testing.T) {
	inWorld(t, "2026-05-01T00:30:00Z", func(t *testing.T, w *world) {
		daily := entry(t, "crm", "0 6 * * *", "")
		w.up(daily)()
		time.Sleep(48 * time.Hour)
		stop := w.up(daily)
		synctest.Wait()
		stop()
		lines(t, w.record.lines("crm"), "05-01 06:00 missed while stopped", "05-02 06:00")
	})
}

func TestLongDowntimeIsNotAStorm(t *testing.T) {
	inWorld(t, "2026-05-01T00:00:30Z", func(t *testing.T, w *world) {
		minutely := entry(t, "crm", "* * * * *", "")
		w.up(minutely)()
		time.Sleep(3 * 365 * 24 * time.Hour)
		stop := w.up(minutely)
		synctest.Wait()
		stop()
		got := w.record.lines("crm")
		lines(t, w.fired, "crm 04-30 00:00")
		if len(got) != 202 || got[0] != "05-01 00:01 missed while stopped, as were all due times from here until 2029-04-29T20:40:00Z" {
			t.Errorf("%d ticks, the first %q", len(got), got[0])
		}
	})
}

func TestClockIsSet(t *testing.T) {
	for _, c := range []struct {
		name   string
		by     time.Duration
		within []string // lines of the record that must be there
		fired  int
	}{
		{"an hour ahead", time.Hour, []string{"05-01 01:00 missed: the machine slept or its clock was set", "05-01 01:30"}, 6},
		{"an hour back", -time.Hour, []string{"05-01 00:30", "05-01 01:00", "05-01 01:30"}, 4},
		{"ten years back", -87648 * time.Hour, []string{"05-01 00:46 the clock was set back to here", "05-01 01:00"}, 5},
		{"ten years ahead", 87648 * time.Hour, []string{"05-01 01:00 missed: the machine slept or its clock was set, as were all due times from here until 2036-04-25T20:30:00Z"}, 6},
	} {
		t.Run(c.name, func(t *testing.T) {
			inWorld(t, "2026-05-01T00:15:00Z", func(t *testing.T, w *world) {
				stop := w.up(entry(t, "crm", "*/30 * * * *", ""))
				time.Sleep(30*time.Minute + 10*time.Second)
				w.set(w.Now().Add(c.by))
				time.Sleep(2*time.Hour + time.Minute)
				stop()
				got := w.record.lines("crm")
				for _, want := range c.within {
					if !slices.Contains(got, want) {
						t.Errorf("no %q in %d ticks: %.600s", want, len(got), strings.Join(got, "; "))
					}
				}
				if len(w.fired) != c.fired {
					t.Errorf("fired %d times, want %d: %v", len(w.fired), c.fired, w.fired)
				}
				if len(got) > 250 {
					t.Errorf("%d ticks were written down", len(got))
				}
			})
		})
	}
}

// The clock goes wrong for a while and is mended: nothing runs twice, nothing starves.
func TestClockErrorIsMended(t *testing.T) {
	inWorld(t, "2026-05-01T00:15:00Z", func(t *testing.T, w *world) {
		stop := w.up(entry(t, "crm", "*/30 * * * *", ""))
		time.Sleep(30*time.Minute + 10*time.Second)
		w.set(w.Now().Add(87648 * time.Hour))
		time.Sleep(time.Hour)
		w.set(w.Now().Add(-87648 * time.Hour))
		time.Sleep(time.Hour)
		stop()
		seen := map[string]bool{}
		for instant, reason := range w.record.ticks["crm"] {
			if reason == "" {
				seen[instant.Format(time.RFC3339)] = true
			}
		}
		for _, want := range []string{"2026-05-01T00:30:00Z", "2036-04-30T01:00:00Z", "2026-05-01T02:00:00Z", "2026-05-01T02:30:00Z"} {
			if !seen[want] {
				t.Errorf("%s was not run: %v", want, slices.Sorted(maps.Keys(seen)))
			}
		}
	})
}

func TestUnwritableRecordDelaysButLosesNothing(t *testing.T) {
	inWorld(t, "2026-05-01T00:15:00Z", func(t *testing.T, w *world) {
		down := true
		w.record.fail = func() error {
			if down && w.Now().Hour() == 1 {
				return errors.New("disk full")
			}
			return nil
		}
		stop := w.up(entry(t, "crm", "*/30 * * * *", ""))
		time.Sleep(3 * time.Hour)
		stop()
		lines(t, w.record.lines("crm"), "05-01 00:30", "05-01 01:00 missed: the record of due times could not be kept",
			"05-01 01:30 missed: the record of due times could not be kept", "05-01 02:00", "05-01 02:30", "05-01 03:00")
	})
}

func TestPanicEndsOneRunOnly(t *testing.T) {
	inWorld(t, "2026-05-01T00:15:00Z", func(t *testing.T, w *world) {
		calls := 0
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Hour)
		defer cancel()
		s := &schedule.Scheduler{Entries: []schedule.Entry{entry(t, "crm", "0 * * * *", "")}, Ticks: w.record, Now: w.Now, Log: slog.New(slog.DiscardHandler),
			Fire: func(context.Context, string, time.Time) { calls++; panic("boom") }}
		if err := s.Run(ctx); err != nil || calls != 2 {
			t.Errorf("%d calls, %v", calls, err)
		}
	})
}

func TestRunAwaitsWhatItFired(t *testing.T) {
	inWorld(t, "2026-05-01T00:59:30Z", func(t *testing.T, w *world) {
		ended := false
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		s := &schedule.Scheduler{Entries: []schedule.Entry{entry(t, "crm", "0 * * * *", "")}, Ticks: w.record, Now: w.Now, Log: slog.New(slog.DiscardHandler),
			Fire: func(ctx context.Context, _ string, _ time.Time) { <-ctx.Done(); time.Sleep(time.Second); ended = true }}
		if err := s.Run(ctx); err != nil || !ended {
			t.Errorf("Run came back before its run ended: %v, %v", ended, err)
		}
	})
}

func TestJitterSpreadsButKeepsTheInstant(t *testing.T) {
	inWorld(t, "2026-05-01T00:30:00Z", func(t *testing.T, w *world) {
		var entries []schedule.Entry
		for i := range 40 {
			e := entry(t, fmt.Sprintf("s%d", i), "0 * * * *", "")
			e.Jitter = 10 * time.Minute
			entries = append(entries, e)
		}
		stop := w.up(entries...)
		time.Sleep(45 * time.Minute)
		stop()
		if len(w.fired) != 40 || w.most > 3 {
			t.Errorf("%d fired, %d at once", len(w.fired), w.most)
		}
		lines(t, w.record.lines("s7"), "05-01 01:00")
	})
}

func TestNamesMustBeUnique(t *testing.T) {
	for _, names := range [][]string{{"a", "a"}, {""}} {
		var entries []schedule.Entry
		for _, name := range names {
			entries = append(entries, entry(t, name, "@daily", ""))
		}
		s := &schedule.Scheduler{Entries: entries, Ticks: newRecord()}
		if err := s.Run(t.Context()); err == nil {
			t.Errorf("names %q were taken", names)
		}
	}
}

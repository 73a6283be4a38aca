package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ai-data-analyst/broker/host/internal/ingest"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Decision 14: the class of a failure decides on further attempts.
func TestAttemptsByClass(t *testing.T) {
	limited := &fault.Fault{Code: fault.RateLimited, What: "too often", RetryAfter: 3 * time.Minute}
	negative := &fault.Fault{Code: fault.RateLimited, What: "too often", RetryAfter: -time.Hour}
	huge := &fault.Fault{Code: fault.RateLimited, What: "too often", RetryAfter: 24 * time.Hour}
	for _, c := range []struct {
		name     string
		err      error
		attempts int
		took     time.Duration
	}{
		{"transient", fault.New(fault.Transient, "network"), 5, 15 * time.Second},
		{"bug", fault.New(fault.Bug, "crash"), 5, 15 * time.Second},
		{"no class", errors.New("something"), 5, 15 * time.Second},
		{"rate limited", limited, 5, 12 * time.Minute},
		{"rate limited, negative", negative, 5, 15 * time.Second},
		{"rate limited for a day", huge, 1, 0},
		{"config", fault.New(fault.Config, "no"), 1, 0},
		{"auth", fault.New(fault.Auth, "no"), 1, 0},
		{"permission", fault.New(fault.Permission, "no"), 1, 0},
		{"not found", fault.New(fault.NotFound, "no"), 1, 0},
		{"data", fault.New(fault.Data, "no"), 1, 0},
		{"cancelled by the plugin", fault.New(fault.Cancelled, "no"), 1, 0},
		{"expired", fault.New(fault.StateExpired, "no"), 1, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				w := newWorld(t, []any{schema("orders"), begin("orders"), fmt.Errorf("read: %w", c.err)})
				result := w.runner().Run(t.Context(), replaceSet())
				if result.Attempts != c.attempts || len(w.asked) != c.attempts || time.Since(start) != c.took || w.asked[len(w.asked)-1].Attempt != c.attempts {
					t.Errorf("%d attempts in %v, want %d in %v", result.Attempts, time.Since(start), c.attempts, c.took)
				}
				if !errors.Is(result.Err, c.err) {
					t.Errorf("error = %v", result.Err)
				}
			})
		})
	}
}

func TestJitterShortensThePauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		w := newWorld(t, []any{fault.New(fault.Transient, "network")})
		r := w.runner()
		r.Rand = func() float64 { return 0 }
		r.Run(t.Context(), replaceSet())
		if took := time.Since(start); took != 7500*time.Millisecond {
			t.Errorf("took %v, want half of 15 s", took)
		}
	})
}

func TestNextAttemptSucceeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, []any{schema("orders"), begin("orders"), rows{stream: "orders", n: 9}, connector.Issue{Code: "odd", Count: 1}, fault.New(fault.Transient, "network")}, whole(2))
		result := w.runner().Run(t.Context(), replaceSet())
		if result.Status != ingest.Published || result.Attempts != 2 || w.rows["shop.orders"] != 2 || result.Tables[0].Read != 2 || len(result.Issues) != 0 {
			t.Errorf("%+v, %d rows", result, w.rows["shop.orders"])
		}
		if !strings.Contains(strings.Join(w.log, "\n"), "attempt 2 because read shop: network (transient)\ndraft 2 ") {
			t.Errorf("log: %v", w.log)
		}
	})
}

// G2: rows published on the way are neither lost nor repeated by the attempt after.
func TestNextAttemptGoesOnFromTheLastPublication(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t,
			[]any{schema("orders"), rows{stream: "orders", n: 2}, pause(301 * time.Second), mark(1, 2, "at two", true), rows{stream: "orders", n: 5}, fault.New(fault.Transient, "network")},
			[]any{schema("orders"), rows{stream: "orders", n: 3}, done(3, "at five")})
		r := w.runner()
		r.Stall = time.Hour
		result := r.Run(t.Context(), mergeSet())
		if string(w.asked[1].Asks[0].State.Data) != "at two" || string(w.cursor.Data) != "at five" {
			t.Errorf("the second attempt asked from %s; the cursor is %s", w.asked[1].Asks[0].State.Data, w.cursor.Data)
		}
		if result.Status != ingest.Published || result.Generation != 2 || result.Tables[0].Added != 5 || w.rows["shop.orders"] != 5 {
			t.Errorf("%+v, %d rows", result, w.rows["shop.orders"])
		}
	})
}

// A run that fails after a publication on the way says both.
func TestFailureAfterAPublicationKeepsItsFigures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, []any{schema("orders"), rows{stream: "orders", n: 2}, pause(301 * time.Second), mark(1, 2, "a", true), fault.New(fault.Data, "bad row")})
		r := w.runner()
		r.Stall = time.Hour
		result := r.Run(t.Context(), mergeSet())
		if result.Status != ingest.Failed || result.Generation != 1 || result.Tables[0].Status != ingest.Failed || result.Tables[0].Added != 2 || fault.CodeOf(result.Err) != fault.Data {
			t.Errorf("%+v", result)
		}
	})
}

func TestExpiredStateRestartsInFullWhereAllowed(t *testing.T) {
	expired := fault.New(fault.StateExpired, "the position is too old")
	w := newWorld(t, []any{expired}, []any{schema("orders"), begin("orders"), rows{stream: "orders", n: 4}, complete("orders", 4), done(4, "new")})
	w.cursor = state("old")
	set := mergeSet()
	set.FullAllowed = true
	result := w.runner().Run(t.Context(), set)
	if result.Status != ingest.Published || w.asked[1].Asks[0].Mode != sdk.FullRefresh || !strings.Contains(strings.Join(w.log, "\n"), "draft 2 of shop.orders by replace") {
		t.Errorf("%+v, %v", result, w.log)
	}

	w = newWorld(t, []any{expired})
	result = w.runner().Run(t.Context(), mergeSet())
	if result.Attempts != 1 || fault.HelpOf(result.Err) != `Read everything again with "broker sync shop.orders --full".` {
		t.Errorf("%d attempts, help %q", result.Attempts, fault.HelpOf(result.Err))
	}

	w = newWorld(t, []any{expired})
	result = w.runner().Run(t.Context(), set)
	if result.Attempts != 2 || result.Status != ingest.Failed {
		t.Errorf("a state that stays expired: %+v", result)
	}
}

// P16: a silent stream fails the run, once, and the cursor stays.
func TestP16_SilentStreamFailsTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		w := newWorld(t, []any{schema("orders"), rows{stream: "orders", n: 1}, pause(time.Hour)})
		result := w.runner().Run(t.Context(), mergeSet())
		if took := time.Since(start); took != 5*time.Minute || result.Attempts != 1 || fault.CodeOf(result.Err) != fault.Transient || !w.cursor.IsZero() {
			t.Errorf("%d attempts in %v: %v", result.Attempts, took, result.Err)
		}
	})
}

func TestQuietTimeIsGranted(t *testing.T) {
	for _, c := range []struct {
		quiet, silent time.Duration
		fails         bool
	}{
		{20 * time.Minute, 19 * time.Minute, false},
		{20 * time.Minute, 21 * time.Minute, true},
		{time.Second, 4 * time.Minute, false}, // never shorter than without a word
		{100 * time.Hour, 61 * time.Minute, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, []any{schema("orders"), connector.Status{QuietFor: c.quiet}, pause(c.silent), rows{stream: "orders", n: 1}, done(1, "a")})
			if result := w.runner().Run(t.Context(), mergeSet()); (result.Err != nil) != c.fails {
				t.Errorf("quiet for %v, silent for %v: %v", c.quiet, c.silent, result.Err)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) { // the word is for one wait only
		w := newWorld(t, []any{connector.Status{QuietFor: time.Hour}, schema("orders"), pause(6 * time.Minute), done(0, "a")})
		if result := w.runner().Run(t.Context(), mergeSet()); result.Err == nil {
			t.Error("the quiet time went on after the next message")
		}
	})
}

// P17: a run that trickles for ever ends at its deadline.
func TestP17_RunDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		script := []any{schema("orders")}
		for range 200 {
			script = append(script, rows{stream: "orders", n: 1}, pause(time.Minute))
		}
		w := newWorld(t, append(script, done(200, "a")))
		r := w.runner()
		r.MaxRun = time.Hour
		start := time.Now()
		result := r.Run(t.Context(), mergeSet())
		if took := time.Since(start); took != time.Hour || result.Status != ingest.Failed || !strings.Contains(result.Err.Error(), "longer than 1h0m0s") || result.Attempts != 1 {
			t.Errorf("%v after %v", result.Err, took)
		}
	})
}

// A plugin that cannot even start is given up within half a minute.
func TestBrokenPluginIsGivenUpSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		w := newWorld(t)
		w.sessions = func(int) error {
			time.Sleep(10 * time.Second)
			return fault.New(fault.Transient, "no handshake within 10 s")
		}
		result := w.runner().Run(t.Context(), mergeSet())
		if took := time.Since(start); took > 30*time.Second || result.Attempts != 2 {
			t.Errorf("%d attempts in %v", result.Attempts, took)
		}
	})
}

// The patience counts from when attempts began to bring nothing, not from the start of a long run.
func TestOutageAfterALongReadIsRetried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := fault.New(fault.Transient, "network")
		w := newWorld(t, []any{schema("orders"), rows{stream: "orders", n: 1}, pause(2 * time.Minute), down}, []any{down}, []any{down}, []any{schema("orders"), rows{stream: "orders", n: 2}, done(2, "a")})
		if result := w.runner().Run(t.Context(), mergeSet()); result.Err != nil || result.Attempts != 4 {
			t.Errorf("%d attempts: %v", result.Attempts, result.Err)
		}
	})
}

func TestExitSentenceIsPartOfTheError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, []any{schema("orders"), fault.New(fault.Transient, "the connection broke")})
		w.exit = "the plugin was killed by signal 9"
		result := w.runner().Run(t.Context(), mergeSet())
		if result.Err == nil || !strings.Contains(result.Err.Error(), "the connection broke") || !strings.Contains(result.Err.Error(), w.exit) {
			t.Errorf("error = %v", result.Err)
		}
	})
	w := newWorld(t, whole(1))
	w.exit = "the plugin did not stop when asked"
	if result := w.runner().Run(t.Context(), replaceSet()); result.Err != nil {
		t.Errorf("a good run failed on how its plugin ended: %v", result.Err)
	}
}

// I8: a panic anywhere in a run fails the run, cleans up after it, and nothing else.
func TestPanicIsAFailedRun(t *testing.T) {
	for _, where := range []string{"lend", "read", "publish"} {
		t.Run(where, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, whole(1))
				switch where {
				case "lend":
					w.sessions = func(int) error { panic("boom") }
				case "read":
					w.scripts = [][]any{{schema("orders"), begin("orders"), func(context.Context) error { panic("boom") }}}
				case "publish":
					w.publish = func(int, bool) (ingest.Publication, error) { panic("boom") }
				}
				result := w.runner().Run(t.Context(), replaceSet())
				if result.Status != ingest.Failed || fault.CodeOf(result.Err) != fault.Bug || !strings.Contains(result.Err.Error(), "panicked: boom") || fault.HelpOf(result.Err) == "" {
					t.Errorf("%+v", result)
				}
				all := strings.Join(w.log, "\n")
				if strings.Count(all, "discard") != result.Attempts || where != "lend" && strings.Count(all, "release") != result.Attempts {
					t.Errorf("after %d attempts: %s", result.Attempts, all)
				}
			})
		})
	}
}

func TestFailedPublicationIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, whole(2))
		tries := 0
		w.publish = func(int, bool) (ingest.Publication, error) {
			if tries++; tries == 1 {
				return ingest.Publication{}, fault.New(fault.Transient, "the table changed meanwhile")
			}
			return ingest.Publication{}, nil
		}
		result := w.runner().Run(t.Context(), replaceSet())
		if result.Status != ingest.Published || result.Attempts != 2 || result.Tables[0].Added != 2 {
			t.Errorf("%+v", result)
		}
	})
}

// A publication on the way whose draft cannot go on is published all the same, and the next attempt starts behind it.
func TestDraftThatCannotGoOnKeepsItsPublication(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, []any{schema("orders"), rows{stream: "orders", n: 2}, pause(301 * time.Second), mark(1, 2, "a", true)},
			[]any{schema("orders"), rows{stream: "orders", n: 1}, done(1, "b")})
		w.publish = func(_ int, final bool) (ingest.Publication, error) {
			if final {
				return ingest.Publication{}, nil
			}
			return ingest.Publication{Seq: 7, Status: ingest.Published, Tables: []ingest.Counts{{Name: "shop.orders", Status: ingest.Published, Rows: 2, Added: 2}}},
				fault.New(fault.Transient, "the disk is full")
		}
		r := w.runner()
		r.Stall = time.Hour
		result := r.Run(t.Context(), mergeSet())
		if result.Status != ingest.Published || result.Tables[0].Added != 3 || result.Attempts != 2 {
			t.Errorf("%+v", result)
		}
	})
}

func TestCancelledWhileWaitingForTheNextAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, []any{&fault.Fault{Code: fault.RateLimited, What: "slow down", RetryAfter: 10 * time.Minute}})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		result := w.runner().Run(ctx, mergeSet())
		if time.Since(start) != time.Minute || result.Status != ingest.Cancelled || len(w.results) != 1 {
			t.Errorf("%+v after %v", result, time.Since(start))
		}
	})
}

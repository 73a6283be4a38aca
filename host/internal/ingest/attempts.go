package ingest

import (
	"context"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// How often and how long a run tries again.
const (
	mostAttempts = 5
	firstPause   = time.Second
	longestPause = 5 * time.Minute
	longestAsked = 15 * time.Minute // a source that wants a longer rest fails the run: the next tick comes back
	patience     = 20 * time.Second // of attempts that deliver nothing at all: a plugin that is broken stays so
)

// attempts tries until one attempt goes well or its failure does not deserve another (decision 14). result gathers
// what the attempts publish.
func (r *Runner) attempts(ctx context.Context, result *Result) error {
	set := result.Set
	var last error
	var barren time.Time // since when attempts deliver nothing
	for n := 1; ; n++ {
		result.Attempts = n
		if err := r.Journal.Attempt(ctx, result.Run, n, last); err != nil {
			return fmt.Errorf("note attempt %d: %w", n, err)
		}
		began := r.now()
		a := &attempt{runner: r, number: n, set: set.asWritten(), result: result}
		err := a.run(ctx)
		if err == nil || ctx.Err() != nil {
			return err
		}
		if fault.CodeOf(err) == fault.StateExpired && !set.Full && set.FullAllowed && n < mostAttempts {
			set.Full, last = true, err
			continue
		}
		pause, again := r.pause(n, err)
		switch {
		case !a.quiet || fault.CodeOf(err) == fault.RateLimited:
			barren = time.Time{}
		case barren.IsZero():
			barren = began
		}
		if !barren.IsZero() && r.now().Sub(barren)+pause > patience {
			again = false
		}
		if !again || a.final {
			return advised(err, result.Set)
		}
		a.tell("waiting", fmt.Sprintf("attempt %d failed: %s", n, err))
		r.log().WarnContext(ctx, "ingest: an attempt failed", "run", result.Run, "table", set.Root(), "attempt", n, "again_in", pause, "error", err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
		last = err
	}
}

// pause says how long to wait before the attempt after the n-th, and whether there is to be one.
func (r *Runner) pause(n int, err error) (time.Duration, bool) {
	if n >= mostAttempts {
		return 0, false
	}
	pause := min(firstPause<<(n-1), longestPause)
	pause = pause/2 + time.Duration(r.random()*float64(pause/2))
	asked := time.Duration(0)
	if f, ok := fault.As(err); ok {
		asked = f.RetryAfter
	}
	switch fault.CodeOf(err) {
	case fault.Transient, fault.Bug, fault.RateLimited:
		return max(pause, asked), asked <= longestAsked
	default:
		return 0, false
	}
}

// advised says what to do about a failure that a person has to decide on.
func advised(err error, set Set) error {
	f, ok := fault.As(err)
	if !ok || f.Code != fault.StateExpired || f.Help != "" {
		return err
	}
	advice := f.WithHelp(fmt.Sprintf("Read everything again with \"broker sync %s --full\".", set.Root()))
	advice.Err = err
	return advice
}

// attempt is one try of a run. It never tries again by itself.
type attempt struct {
	runner *Runner
	number int
	set    Set // as written
	result *Result

	quiet    bool // nothing was delivered
	final    bool // whatever the class of its failure, no further attempt
	progress Progress
}

// run is the whole way of one attempt: draft, cursor, session, rows, publication. What it opens it closes, in reverse.
func (a *attempt) run(ctx context.Context) (err error) {
	defer func() {
		if p := recover(); p != nil {
			a.runner.log().ErrorContext(ctx, "ingest: a run panicked", "run", a.result.Run, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = fault.Newf(fault.Bug, "the run of %s panicked: %v", a.set.Root(), p).WithHelp("This is a defect of broker; the log has the details.")
		}
	}()
	a.quiet, a.result.Issues = true, nil
	a.progress = Progress{Run: a.result.Run, Source: a.set.Source, Table: a.set.Root(), Attempt: a.number}
	a.tell("starting", "")
	info := RunInfo{ID: a.result.Run, Holder: a.runner.Holder, Attempt: a.number, Started: a.result.Started}
	draft, err := a.runner.Lake.Draft(ctx, info, a.set)
	if err != nil {
		return fmt.Errorf("open a draft of %s: %w", a.set.Root(), err)
	}
	defer func() { err = a.put(err, draft.Discard(), "discard the draft of") }()
	cursor, err := a.runner.Lake.Cursor(ctx, a.set.Root())
	if err != nil {
		return fmt.Errorf("find where %s resumes: %w", a.set.Root(), err)
	}
	session, release, err := a.runner.Source.Session(ctx, a.set.Source, a.result.Run)
	if err != nil {
		return fmt.Errorf("start the source %s: %w", a.set.Source, err)
	}
	defer func() { err = explained(err, release()) }()
	messages, err := session.Read(ctx, a.request(cursor))
	if err != nil {
		return fmt.Errorf("read %s: %w", a.set.Source, err)
	}
	defer func() { err = a.put(err, messages.Close(), "end the read of") }()
	return a.fill(ctx, draft, messages)
}

// put keeps the first error. What goes wrong after a publication no longer fails the run.
func (a *attempt) put(err, closing error, doing string) error {
	if closing != nil {
		a.runner.log().Warn("ingest: cannot "+doing+" "+string(a.set.Root()), "run", a.result.Run, "error", closing)
	}
	return err
}

// explained adds how the plugin's process ended to an error that came of it.
func explained(err error, exit string) error {
	f, ok := fault.As(err)
	if !ok || exit == "" || strings.Contains(f.What, exit) || f.Code != fault.Transient && f.Code != fault.Bug {
		return err
	}
	why := *f
	why.What, why.Err = f.What+"; "+exit, err
	return &why
}

// request asks for the streams of the set. The state goes along in every mode (decision 10).
func (a *attempt) request(cursor sdk.Cursor) connector.Request {
	request := connector.Request{Limits: a.set.Limits, Attempt: a.number}
	for i, t := range a.set.Tables {
		ask := connector.Ask{Stream: t.Stream, Mode: t.Mode, Columns: t.Columns, Filters: t.Filters, Lookback: t.Lookback}
		if i == 0 {
			ask.State = cursor
		}
		if cursor.IsZero() || t.Mode == sdk.FullRefresh {
			ask.HistoryFrom = t.HistoryFrom
		}
		request.Asks = append(request.Asks, ask)
	}
	return request
}

func (a *attempt) tell(phase, note string) {
	if phase != "" {
		a.progress.Phase = phase
	}
	a.progress.Note = note
	a.runner.tell(a.progress)
}

package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"

	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Runner runs table sets. Its fields are set before use and not changed afterwards; it is then safe for concurrent use.
type Runner struct {
	Lake    Lake
	Source  Source
	Journal Journal

	Holder   string           // who runs, for the message that another run gets
	Stall    time.Duration    // longest wait for a message; 0 = 5 min. A connector's QuietFor extends it
	MaxRun   time.Duration    // longest run, all attempts together; 0 = no limit
	NewID    func() string    // nil = UUIDs that rise with time
	Now      func() time.Time // nil = time.Now
	Rand     func() float64   // jitter, from [0,1); nil = math/rand
	Log      *slog.Logger     // nil = slog.Default
	Progress func(Progress)   // called by the run itself: it must not block; nil = nobody watches
}

// Run syncs one table set, with the attempts that the failures deserve, and says how it ended. The journal knows of it
// from before its first step. Published tables change only by publications (I1); a failure or a panic is a failed run
// and nothing else (I8).
func (r *Runner) Run(ctx context.Context, set Set) Result {
	result := Result{Run: r.newID(), Set: set, Started: r.now()}
	if err := set.check(); err != nil {
		return r.ended(result, err)
	}
	for _, t := range set.Tables {
		result.Tables = append(result.Tables, TableResult{Name: t.Name, Status: Failed})
	}
	if err := r.Journal.Begin(ctx, RunInfo{ID: result.Run, Holder: r.Holder, Attempt: 1, Started: result.Started}, set); err != nil {
		return r.ended(result, fmt.Errorf("note the start of the run of %s: %w", set.Root(), err))
	}
	limited, cancel := r.limited(ctx)
	defer cancel()
	err := r.attempts(limited, &result)
	if err != nil && ctx.Err() == nil && errors.Is(context.Cause(limited), errTooLong) {
		err = fault.Newf(fault.Transient, "the run of %s took longer than %s", set.Root(), r.MaxRun).WithHelp("Raise max_run, or read less at once.")
	}
	if err != nil && ctx.Err() != nil {
		err = &fault.Fault{Code: fault.Cancelled, What: fmt.Sprintf("the run of %s was cancelled", set.Root()), Err: err}
	}
	result = r.ended(result, err)
	r.close(ctx, result)
	return result
}

// close writes the end into the journal even when ctx has ended. What cannot be written is settled at the next start.
func (r *Runner) close(ctx context.Context, result Result) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	if err := r.Journal.Finish(ctx, result); err != nil {
		r.log().ErrorContext(ctx, "ingest: the end of a run is not in the journal", "run", result.Run, "status", result.Status, "error", err)
	}
}

var errTooLong = errors.New("the run took too long")

func (r *Runner) limited(ctx context.Context) (context.Context, context.CancelFunc) {
	if r.MaxRun <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, r.MaxRun, errTooLong)
}

// ended fills in how a run ended: err, or what its last publication says.
func (r *Runner) ended(result Result, err error) Result {
	result.Finished = r.now()
	result.Err = err
	switch {
	case fault.CodeOf(err) == fault.Cancelled:
		result.Status = Cancelled
	case err != nil:
		result.Status = Failed
	case result.Status == "":
		result.Status = Unchanged
	}
	for i := range result.Tables {
		t := &result.Tables[i]
		t.Seconds = result.Finished.Sub(result.Started).Seconds()
		switch {
		case err != nil:
			t.Status, t.Err = Failed, err
		case t.Status == Failed: // no publication names it
			t.Status = Unchanged
		}
	}
	return result
}

// Settle closes the journal entries that an earlier process left open: what generations hold of a run decides whether
// it published (decision 5). It returns how many those were.
func (r *Runner) Settle(ctx context.Context) (int, error) {
	open, err := r.Journal.Open(ctx)
	if err != nil {
		return 0, fmt.Errorf("find runs without an end: %w", err)
	}
	for i, run := range open {
		publication, err := r.Lake.Settled(ctx, run.ID)
		if err != nil {
			return i, fmt.Errorf("find out what run %s published: %w", run.ID, err)
		}
		if err := r.Journal.Finish(ctx, r.settled(run, publication)); err != nil {
			return i, fmt.Errorf("settle run %s: %w", run.ID, err)
		}
	}
	return len(open), nil
}

func (r *Runner) settled(run OpenRun, publication Publication) Result {
	result := Result{Run: run.ID, Set: Set{Source: run.Source}, Attempts: run.Attempts, Started: run.Started}
	for _, name := range run.Tables {
		result.Set.Tables = append(result.Set.Tables, Table{Name: name})
		result.Tables = append(result.Tables, TableResult{Name: name, Status: Unchanged})
	}
	if publication.Seq == 0 {
		return r.ended(result, fault.New(fault.Transient, "broker ended before the run did; nothing of it was published").
			WithHelp("The next run continues where the last publication ended."))
	}
	result.add(publication)
	return r.ended(result, nil)
}

// add takes a publication into the result: figures of changes add up over the publications of a run.
func (result *Result) add(p Publication) {
	if result.Status != Published || p.Status == Held {
		result.Status = p.Status
	}
	if p.Seq > 0 {
		result.Status, result.Generation = Published, p.Seq
	}
	result.Held = p.Reason
	for i := range result.Tables {
		t := &result.Tables[i]
		for _, c := range p.Tables {
			if c.Name != t.Name {
				continue
			}
			if t.Status != Published || c.Status == Held {
				t.Status = c.Status
			}
			t.Rows, t.Bytes = c.Rows, c.Bytes
			t.Added, t.Updated, t.Deleted, t.Rejected = t.Added+c.Added, t.Updated+c.Updated, t.Deleted+c.Deleted, t.Rejected+c.Rejected
		}
	}
}

func (r *Runner) newID() string {
	if r.NewID != nil {
		return r.NewID()
	}
	return uuid.Must(uuid.NewV7()).String()
}

func (r *Runner) now() time.Time {
	if r.Now != nil {
		return r.Now()
	}
	return time.Now()
}

func (r *Runner) random() float64 {
	if r.Rand != nil {
		return r.Rand()
	}
	return rand.Float64()
}

func (r *Runner) log() *slog.Logger {
	if r.Log != nil {
		return r.Log
	}
	return slog.Default()
}

func (r *Runner) tell(p Progress) {
	if r.Progress != nil {
		r.Progress(p)
	}
}

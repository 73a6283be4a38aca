// Package query runs a person's SQL near the data: it asks which tables the person may have, waits for a free slot, hands
// statement and tables to an engine, and gives the rows back as values or as Arrow.
//
// It parses no SQL and opens no file; what an engine may see is what is passed to it: the caller's tables and nothing else
// (G12). Everything has a limit (G16). host/internal/app imports it.
package query

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/sdk/service"
	"github.com/ai-data-analyst/broker/web/api"
)

// Tables says what a caller has of a generation, 0 = the current one: the caller's tables with the files of their parts.
// Tables whose name does not stand in the statement may be left out, where to have them at hand costs much or they cannot
// be read. fault.NotFound beyond the current generation, fault.StateExpired for one that is gone.
type Tables interface {
	Tables(ctx context.Context, who sdk.Caller, generation int64, sql string) (Snapshot, error)
}

// Snapshot is one generation as a caller may have it.
type Snapshot struct {
	Generation int64
	Tables     []service.Table
	Release    func() // gives back what keeps the parts; nil = nothing to give back
}

// Engine runs statements. fault.NotFound when none is installed.
type Engine interface {
	Query(ctx context.Context, request service.QueryRequest) (service.Rows, error)
	// Process tells the process that answers from the one after it; 0 = none lives.
	Process() int
}

// Options are what a Room works with. Zero limits mean the defaults.
type Options struct {
	Tables Tables
	Engine Engine

	AtOnce  int           // statements that run at the same time, default 2
	Waiting int           // callers that wait for a slot, one of each person, default 16
	Time    time.Duration // of one statement, default 30 s; waiting for a slot has as much
	Rows    int64         // of one answer unless asked otherwise, default 10,000
	MaxRows int64         // that may be asked for, default 1,000,000
	Memory  int64         // working memory of one statement, bytes, default 1 GiB
}

// Room answers queries.
type Room struct {
	options Options
	slots   *slots
	blame   *blame
	again   chan struct{} // holds one token: who has it asks a second time
}

// New opens the room.
func New(o Options) *Room {
	if o.AtOnce <= 0 {
		o.AtOnce = 2
	}
	if o.Waiting <= 0 {
		o.Waiting = 16
	}
	if o.Time <= 0 {
		o.Time = service.DefaultTimeout
	}
	if o.Rows <= 0 {
		o.Rows = service.DefaultLimit
	}
	if o.MaxRows <= 0 {
		o.MaxRows = 1_000_000
	}
	if o.Memory <= 0 {
		o.Memory = 1 << 30
	}
	r := &Room{options: o, slots: newSlots(o.AtOnce, o.Waiting), again: make(chan struct{}, 1)}
	r.blame = &blame{process: func() int { return o.Engine.Process() }, time: o.Time}
	r.again <- struct{}{}
	return r
}

// Run runs one reading statement over the caller's tables. The faults are those of service.Querier; moreover
// fault.RateLimited with RetryAfter when too many wait already, or when a statement of the person ended the engine lately,
// and those of Tables. A statement that falls with an engine that ended for another's is run once more, unseen: it only
// reads, and nothing of its result has gone out. The caller closes the Rows.
func (r *Room) Run(ctx context.Context, who sdk.Caller, q api.Query) (*Rows, error) {
	if err := r.check(&q); err != nil {
		return nil, err
	}
	if err := r.blame.refused(who.User.ID); err != nil {
		return nil, err
	}
	free, err := r.slots.take(ctx, who.User.ID, r.options.Time)
	if err != nil {
		return nil, err
	}
	rows, err := r.begin(ctx, who, q, free)
	if err != nil {
		free()
		return nil, err
	}
	return rows, nil
}

func (r *Room) begin(ctx context.Context, who sdk.Caller, q api.Query, free func()) (*Rows, error) {
	snapshot, err := r.options.Tables.Tables(ctx, who, q.Generation, q.SQL)
	if err != nil {
		return nil, fmt.Errorf("find the tables of the query: %w", err)
	}
	release := func() {
		if snapshot.Release != nil {
			snapshot.Release()
		}
		free()
	}
	call := &call{room: r, person: who.User.ID, request: service.QueryRequest{
		SQL: q.SQL, Tables: snapshot.Tables, Limit: q.Limit, MemoryBytes: r.options.Memory, Timeout: r.options.Time,
	}}
	rows, err := call.begin(ctx)
	if err != nil {
		if snapshot.Release != nil {
			snapshot.Release()
		}
		return nil, err
	}
	return newRows(ctx, rows, call, snapshot.Generation, release), nil
}

func (r *Room) check(q *api.Query) error {
	wrong := func(path, what string) error { return &fault.Fault{Code: fault.Config, Path: path, What: what} }
	switch {
	case q.SQL == "":
		return wrong(service.SQLPath, "there is no statement")
	case len(q.SQL) > service.MaxSQLBytes:
		return wrong(service.SQLPath, fmt.Sprintf("the statement is longer than %d KiB", service.MaxSQLBytes>>10))
	case q.Limit < 0 || q.Limit > r.options.MaxRows:
		return wrong("limit", fmt.Sprintf("limit is a number of rows up to %d", r.options.MaxRows))
	case q.Generation < 0:
		return wrong("generation", fmt.Sprintf("%d is no generation", q.Generation))
	}
	if q.Limit == 0 {
		q.Limit = r.options.Rows
	}
	return nil
}

// ErrMixed is returned by Rows when Next and Arrow are both used.
var ErrMixed = errors.New("a result is read as values or as Arrow, not both")

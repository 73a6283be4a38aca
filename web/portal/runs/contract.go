// Package runs is the pages of what comes into the lake: the runs, one of them, what waits for a decision, and what is done
// with the data. It decides nothing about grants: everything that it is given is already narrowed to the reader.
package runs

import (
	"context"
	"time"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/web/api"
)

// Watch says how tables and runs are, and does what admins ask.
type Watch interface {
	States(ctx context.Context, who sdk.Caller) (api.States, error)
	History(ctx context.Context, who sdk.Caller, table sdk.TableName, limit int) (api.History, error)
	Runs(ctx context.Context, who sdk.Caller, filter api.RunFilter) (api.Runs, error)
	// Run is fault.NotFound for one without a table that the caller may see.
	Run(ctx context.Context, who sdk.Caller, id string) (api.Run, error)
	// Sync begins a run and returns at once; fault.Permission for who is no admin, fault.Config for an unknown selection.
	Sync(ctx context.Context, who sdk.Caller, selected []string) (run string, err error)
	// Decide publishes or gives up what is held of a table; fault.NotFound when nothing is.
	Decide(ctx context.Context, who sdk.Caller, table sdk.TableName, accept bool) error
}

// Activity says what was done with the data.
type Activity interface {
	Activity(ctx context.Context, who sdk.Caller, days int) (api.Activity, error)
}

// Needs are what the pages need of the host; Activity nil = it is not counted here, which its page says.
type Needs struct {
	Watch    Watch
	Activity Activity
	Now      func() time.Time
}

// Package mine is the pages of a person's own affairs: what comes to the machines, where somebody is signed in, tokens and
// keys, how a machine is set up. It decides nothing about grants.
package mine

import (
	"context"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/web/api"
)

// Choices are what a person takes of what is granted.
type Choices interface {
	Subscriptions(ctx context.Context, who sdk.Caller) (api.Subscriptions, error)
	// Subscribe keeps a choice; fault.Config with Path "mode" or "tables" for a wrong one.
	Subscribe(ctx context.Context, who sdk.Caller, wanted api.Subscriptions) error
	Datasets(ctx context.Context, who sdk.Caller) (api.DatasetChoices, error)
	// Take takes a dataset with what it requires, or leaves it with what requires it; fault.NotFound for none.
	Take(ctx context.Context, who sdk.Caller, dataset string, take bool) error
}

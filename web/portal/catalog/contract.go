// Package catalog is the pages of what there is: the catalog, one table, the definitions of metrics, and llms.txt. It decides
// nothing about grants: everything that it is given is already narrowed to the reader.
package catalog

import (
	"context"
	"time"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/api/tools"
	"github.com/ai-data-analyst/broker/web/v1"
)

// Finder finds tables and definitions among those that a caller may see.
type Finder interface {
	Find(ctx context.Context, who sdk.Caller, filter api.CatalogFilter) (api.Catalog, error)
	Definitions(ctx context.Context, who sdk.Caller) ([]tools.Metric, error)
}

// Tables describes tables. fault.NotFound for one that is denied or absent alike.
type Tables interface {
	Granted(ctx context.Context, who sdk.Caller, generation int64) (api.Signed, error)
	Table(ctx context.Context, who sdk.Caller, name sdk.TableName) (api.TableDetail, error)
	Instance() api.Instance
}

// Watch says how tables are and were.
type Watch interface {
	States(ctx context.Context, who sdk.Caller) (api.States, error)
	History(ctx context.Context, who sdk.Caller, table sdk.TableName, limit int) (api.History, error)
}

// Use says how much a table is used.
type Use interface {
	TableUse(ctx context.Context, who sdk.Caller, table sdk.TableName) (api.TableUse, error)
}

// Choices are what people take to their machines.
type Choices interface {
	Subscriptions(ctx context.Context, who sdk.Caller) (api.Subscriptions, error)
	Subscribe(ctx context.Context, who sdk.Caller, wanted api.Subscriptions) error
}

// Doors are those of the API that pages show too.
type Doors interface {
	Profile(ctx context.Context, who sdk.Caller, name sdk.TableName) (api.Profile, error)
	Sample(ctx context.Context, who sdk.Caller, name sdk.TableName, rows int64) (api.Sample, error)
}

// Space is how a namespace is shown; the order of a list of them is the order on the page.
type Space struct{ Name, Label string }

// Needs are what the pages need of the host. Watch, Use, Choices, Doors and Queries nil = what they say is left out.
type Needs struct {
	Finder    Finder
	Tables    Tables
	Watch     Watch
	Use       Use
	Choices   Choices
	Doors     Doors
	Queries   v1.Queries
	Spaces    func() []Space // those that the configuration names; nil = none
	PublicURL string
	Now       func() time.Time
}

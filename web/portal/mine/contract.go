// Package mine is the pages of a person's own affairs: what comes to the machines, where somebody is signed in, tokens and
// keys, how a machine is set up. It decides nothing about grants.
package mine

import (
	"context"
	"time"

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

// Tokens are what a person's programs come with.
type Tokens interface {
	Tokens(ctx context.Context, who sdk.Caller) ([]sdk.Token, error)
	IssueToken(ctx context.Context, who sdk.Caller, label string, days int, scopes []sdk.Scope) (sdk.Token, sdk.Secret, error)
	RevokeToken(ctx context.Context, who sdk.Caller, id string) error // fault.NotFound for another's
}

// Visits are the browsers in which a person is signed in.
type Visits interface {
	Sessions(ctx context.Context, who sdk.Caller) ([]sdk.PortalSession, error)
	End(ctx context.Context, who sdk.Caller, id string) error // fault.NotFound for another's
}

// Machines lists the programs that pulled with the caller's tokens, latest first.
type Machines interface {
	Machines(ctx context.Context, who sdk.Caller) (api.Machines, error)
}

// Catalog says what a person may read.
type Catalog interface {
	Catalog(ctx context.Context, who sdk.Caller) (api.Catalog, error)
}

// Keys lists the SSH keys by which a person may come in through the rsync door.
type Keys interface {
	KeysOf(ctx context.Context, who sdk.Caller) ([]Key, error)
}

// Key is one SSH key.
type Key struct {
	Name        string // by which it comes in
	Fingerprint string
	Comment     string
	Created     time.Time
}

// Needs are what the pages need. Machines and Keys may be nil: they say nothing of them then.
type Needs struct {
	Choices   Choices
	Tokens    Tokens
	Visits    Visits
	Machines  Machines
	Keys      Keys
	Catalog   Catalog
	Programs  func() []string // names below /download/; nil = none is handed out
	PublicURL string
	Now       func() time.Time
}

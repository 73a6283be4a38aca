// Package home is the first page: for who has not pulled yet, how to begin; for who has, what changed since and what cannot
// be trusted. It also has the pages of services that are not installed.
//
// It decides nothing about grants: everything that it is given is already narrowed to the reader.
package home

import (
	"context"
	"embed"
	"net/http"
	"time"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/portal/page"
	"github.com/ai-data-analyst/broker/web/v1"
)

// Manifests says what a caller may have of the lake.
type Manifests interface {
	Catalog(ctx context.Context, who sdk.Caller) (api.Catalog, error)
	Changes(ctx context.Context, who sdk.Caller, since int64) (api.Changes, error)
}

// States says how the caller's tables are, and what was published of one.
type States interface {
	States(ctx context.Context, who sdk.Caller) (api.States, error)
	History(ctx context.Context, who sdk.Caller, table sdk.TableName, limit int) (api.History, error)
}

// Machines lists the programs that pulled with the caller's tokens, latest first.
type Machines interface {
	Machines(ctx context.Context, who sdk.Caller) (api.Machines, error)
}

// Tokens lists what the caller's programs are signed in with.
type Tokens interface {
	Tokens(ctx context.Context, who sdk.Caller) ([]sdk.Token, error)
}

// Needs are what the page needs of the host. States nil = it tells no states; Machines nil = it watches for none.
type Needs struct {
	Manifests Manifests
	Tokens    Tokens
	States    States
	Machines  Machines
	Pages     *page.Host
	PublicURL string
	Now       func() time.Time
}

//go:embed templates/*.html
var files embed.FS

// doors are the pages with their templates.
type doors struct {
	Needs
	set *page.Set
}

// Routes are the first page and those of services that are not installed.
func Routes(needs Needs) []page.Route {
	d := doors{needs, page.Parse(page.Below(files, "templates"))}
	return []page.Route{
		{Method: http.MethodGet, Path: "/", Permission: v1.ForUser, Handler: d.home},
		{Method: http.MethodGet, Path: "/home/steps", Permission: v1.ForUser, Handler: d.steps},
		{Method: http.MethodGet, Path: "/memory", Permission: v1.ForUser, Handler: d.memory},
	}
}

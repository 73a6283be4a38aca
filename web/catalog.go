package web

import (
	"context"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/portal/catalog"
	"github.com/ai-data-analyst/broker/web/v1"
)

// Space is how a namespace is called.
type Space = catalog.Space

// catalog is what the pages of what there is need.
func (s *Server) catalog(host v1.Host) catalog.Needs {
	o := s.options.Portal
	needs := catalog.Needs{Finder: host.Finder, Tables: host.Manifests, Doors: doors{s}, Queries: host.Queries, Spaces: o.Spaces,
		PublicURL: s.options.PublicURL, Now: s.options.Now}
	if o.Use != nil {
		needs.Use = o.Use
	}
	if o.Choices != nil {
		needs.Choices = o.Choices
	}
	if o.Runs.Watch != nil {
		needs.Watch = o.Runs.Watch
	}
	return needs
}

// doors are those of the API, which is set up after the pages.
type doors struct{ server *Server }

// Profile implements catalog.Doors, as does Sample.
func (d doors) Profile(ctx context.Context, who sdk.Caller, name sdk.TableName) (api.Profile, error) {
	return d.server.api.Profile(ctx, who, name)
}

func (d doors) Sample(ctx context.Context, who sdk.Caller, name sdk.TableName, rows int64) (api.Sample, error) {
	return d.server.api.Sample(ctx, who, name, rows)
}

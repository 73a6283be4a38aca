package web

import (
	"context"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/portal/catalog"
	"github.com/ai-data-analyst/broker/web/v1"
)

// catalog is what the pages of what there is need; the host has filled in who counts use and how namespaces are called.
func (s *Server) catalog(host v1.Host) catalog.Needs {
	o := s.options.Portal
	needs := o.Catalog
	needs.Finder, needs.Tables, needs.Doors, needs.Queries = host.Finder, host.Manifests, doors{s}, host.Queries
	needs.PublicURL, needs.Now = s.options.PublicURL, s.options.Now
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

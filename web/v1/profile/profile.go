// Package profile puts together what the API and the pages show of a table's columns: the same figures everywhere.
package profile

import (
	"context"
	"net/http"
	"slices"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/api/tools"
	"github.com/ai-data-analyst/broker/web/problem"
)

// Profiles says what the columns of tables hold.
type Profiles interface {
	// Profile is that of a table as the caller may see it, without the metrics that name it; fault.NotFound for one that is
	// denied or absent alike.
	Profile(ctx context.Context, who sdk.Caller, name sdk.TableName) (api.Profile, error)
}

// Of is the profile of a table as the caller may see it, with those of the caller's metrics that name it. profiles may be
// nil.
func Of(ctx context.Context, profiles Profiles, metricsOf func(context.Context, sdk.Caller) ([]tools.Metric, error), who sdk.Caller, name sdk.TableName) (api.Profile, error) {
	if profiles == nil {
		return api.Profile{}, problem.New(http.StatusServiceUnavailable, api.CodeUnavailable, "this server keeps no profiles")
	}
	found, err := profiles.Profile(ctx, who, name)
	if err != nil {
		return api.Profile{}, err
	}
	metrics, err := metricsOf(ctx, who)
	if err != nil {
		return api.Profile{}, err
	}
	found.Metrics = []api.ProfileMetric{}
	for _, m := range metrics {
		if slices.Contains(m.Tables, string(name)) || slices.Contains(m.Tables, name.Table()) {
			found.Metrics = append(found.Metrics, api.ProfileMetric{Name: m.Name, File: m.File})
		}
	}
	return found, nil
}

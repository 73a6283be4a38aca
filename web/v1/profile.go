package v1

import (
	"context"
	"net/http"
	"slices"

	"github.com/gofiber/fiber/v2"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/problem"
	"github.com/ai-data-analyst/broker/web/v1/mcp"
)

// profile says what the columns of a table hold.
func (a *API) profile(c *fiber.Ctx) error {
	found, err := a.Profile(c.UserContext(), caller(c), sdk.TableName(c.Params("name")))
	if err != nil {
		return err
	}
	return c.JSON(found)
}

// Profile is the profile of a table as the caller may see it, for pages too: the same figures everywhere.
func (a *API) Profile(ctx context.Context, who sdk.Caller, name sdk.TableName) (api.Profile, error) {
	if a.host.Profiles == nil {
		return api.Profile{}, problem.New(http.StatusServiceUnavailable, api.CodeUnavailable, "this server keeps no profiles")
	}
	found, err := a.host.Profiles.Profile(ctx, who, name)
	if err != nil {
		return api.Profile{}, err
	}
	metrics, err := mcp.Metrics(ctx, a.host.Manifests, who)
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

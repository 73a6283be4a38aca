package v1

import (
	"context"
	"math"
	"net/http"

	"github.com/gofiber/fiber/v2"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/api/tools"
	"github.com/ai-data-analyst/broker/web/problem"
	"github.com/ai-data-analyst/broker/web/v1/input"
	"github.com/ai-data-analyst/broker/web/v1/mcp"
	"github.com/ai-data-analyst/broker/web/v1/profile"
	"github.com/ai-data-analyst/broker/web/v1/sample"
)

// catalog lists what the caller may see, or of that what is looked for.
func (a *API) catalog(c *fiber.Ctx) error {
	filter, err := input.Catalog(c, 0)
	if err != nil {
		return err
	}
	catalog, err := a.find(c.UserContext(), caller(c), filter)
	if err != nil {
		return err
	}
	return c.JSON(catalog)
}

// find asks the finder. A host without one has whole catalogs only.
func (a *API) find(ctx context.Context, who sdk.Caller, filter api.CatalogFilter) (api.Catalog, error) {
	if a.host.Finder != nil {
		return a.host.Finder.Find(ctx, who, filter)
	}
	whole := filter
	whole.Page, whole.PerPage = 0, 0
	if filter.Page > 0 || whole != (api.CatalogFilter{}) {
		return api.Catalog{}, problem.New(http.StatusServiceUnavailable, api.CodeUnavailable, "this server lists its catalog as a whole only")
	}
	catalog, err := a.host.Manifests.Catalog(ctx, who)
	catalog.Found = catalog.Total
	return catalog, err
}

// tableDetail describes one table.
func (a *API) tableDetail(c *fiber.Ctx) error {
	detail, err := a.host.Manifests.Table(c.UserContext(), caller(c), sdk.TableName(c.Params("name")))
	if err != nil {
		return err
	}
	return c.JSON(detail)
}

// changes lists what was published.
func (a *API) changes(c *fiber.Ctx) error {
	since, err := input.Number(c, "since", 0, 0, math.MaxInt64)
	if err != nil {
		return err
	}
	changes, err := a.host.Manifests.Changes(c.UserContext(), caller(c), since)
	if err != nil {
		return err
	}
	return c.JSON(changes)
}

// profile says what the columns of a table hold.
func (a *API) profile(c *fiber.Ctx) error {
	found, err := a.Profile(c.UserContext(), caller(c), sdk.TableName(c.Params("name")))
	if err != nil {
		return err
	}
	return c.JSON(found)
}

// Profile is the profile of a table as the caller may see it, for pages too.
func (a *API) Profile(ctx context.Context, who sdk.Caller, name sdk.TableName) (api.Profile, error) {
	return profile.Of(ctx, a.host.Profiles, a.metrics, who, name)
}

// sample shows a few rows.
func (a *API) sample(c *fiber.Ctx) error {
	rows, err := input.Number(c, "rows", 10, 1, 100)
	if err != nil {
		return err
	}
	found, err := a.Sample(c.UserContext(), caller(c), sdk.TableName(c.Params("name")), rows)
	if err != nil {
		return err
	}
	return c.JSON(found)
}

// Sample is a few rows of a table as the caller may see them, for pages too.
func (a *API) Sample(ctx context.Context, who sdk.Caller, name sdk.TableName, rows int64) (api.Sample, error) {
	table, err := a.host.Manifests.Table(ctx, who, name)
	if err != nil {
		return api.Sample{}, err
	}
	return sample.Of(table, rows, func(q api.Query) (sample.Rows, error) { return a.run(ctx, who, q) })
}

// metrics are the definitions that a caller may see.
func (a *API) metrics(ctx context.Context, who sdk.Caller) ([]tools.Metric, error) {
	if a.host.Finder != nil {
		return a.host.Finder.Definitions(ctx, who)
	}
	return mcp.Metrics(ctx, a.host.Manifests, who)
}

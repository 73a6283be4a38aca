package v1

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/problem"
	"github.com/ai-data-analyst/broker/web/v1/input"
	"github.com/ai-data-analyst/broker/web/v1/profile"
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
	return profile.Of(ctx, a.host.Profiles, a.host.Manifests, who, name)
}

// sample shows a few rows.
func (a *API) sample(c *fiber.Ctx) error {
	rows, err := input.Number(c, "rows", 10, 1, 100)
	if err != nil {
		return err
	}
	sample, err := a.sampleOf(c.UserContext(), caller(c), sdk.TableName(c.Params("name")), rows)
	if err != nil {
		return err
	}
	return c.JSON(sample)
}

// sampleOf asks the engine for rows as text. Values of columns marked pii are never asked for.
func (a *API) sampleOf(ctx context.Context, who sdk.Caller, name sdk.TableName, rows int64) (api.Sample, error) {
	table, err := a.host.Manifests.Table(ctx, who, name)
	if err != nil {
		return api.Sample{}, err
	}
	sample := api.Sample{Table: table.Name, Generation: table.Generation, Rows: [][]*string{}, Masked: []string{}}
	var wanted []string
	for _, field := range table.Fields {
		sample.Columns = append(sample.Columns, api.TypedName{Name: field.Name, Type: field.Type})
		if field.PII {
			sample.Masked = append(sample.Masked, field.Name)
			wanted = append(wanted, "NULL AS "+quoted(field.Name))
			continue
		}
		wanted = append(wanted, "CAST("+quoted(field.Name)+" AS VARCHAR) AS "+quoted(field.Name))
	}
	if len(wanted) == 0 {
		return sample, nil
	}
	sql := fmt.Sprintf("SELECT %s FROM %s.%s LIMIT %d", strings.Join(wanted, ", "), quoted(name.Namespace()), quoted(name.Table()), rows)
	result, err := a.run(ctx, who, api.Query{SQL: sql, Format: "json", Limit: rows})
	if err != nil {
		return api.Sample{}, err
	}
	defer result.Close()
	for {
		batch, err := result.Next()
		for _, row := range batch {
			sample.Rows = append(sample.Rows, texts(row))
		}
		if errors.Is(err, io.EOF) {
			return sample, nil
		}
		if err != nil {
			return api.Sample{}, fmt.Errorf("sample %s: %w", name, err)
		}
	}
}

// quoted is an identifier of SQL.
func quoted(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func texts(row []any) []*string {
	out := make([]*string, len(row))
	for i, value := range row {
		if value == nil {
			continue
		}
		text, ok := value.(string)
		if !ok {
			text = fmt.Sprint(value)
		}
		out[i] = &text
	}
	return out
}

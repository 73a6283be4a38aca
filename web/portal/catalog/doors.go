package catalog

import (
	"context"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/api/tools"
	"github.com/ai-data-analyst/broker/web/v1"
	"github.com/ai-data-analyst/broker/web/v1/openapi"
)

// API are the API's doors to definitions.
func API(finder Finder) []v1.Route {
	d := doors{finder}
	return []v1.Route{
		{Method: "GET", Path: "/metrics-definitions", Permission: v1.ForUser, Scope: sdk.ScopeRead, Handler: d.list, Doc: openapi.Operation{
			ID: "definitions", Summary: "The definitions of metrics of which the caller may see every table", Answer: api.Definitions{}}},
		{Method: "GET", Path: "/metrics-definitions/:name", Permission: v1.ForUser, Scope: sdk.ScopeRead, Handler: d.one, Doc: openapi.Operation{
			ID: "definition", Summary: "One definition: what it means, its SQL, its tables",
			Parameters: []openapi.Parameter{openapi.Path("name", "of the metric, or of its file")}, Answer: tools.Metric{}, Also: []int{404}}},
	}
}

type doors struct{ finder Finder }

func (d doors) list(c *fiber.Ctx) error {
	found, err := d.finder.Definitions(c.UserContext(), v1.CallerOf(c))
	if err != nil {
		return err
	}
	out := api.Definitions{Definitions: make([]api.DefinitionHead, 0, len(found))}
	for _, m := range sorted(found) {
		out.Definitions = append(out.Definitions, api.DefinitionHead{Name: m.Name, DisplayName: m.Label, Category: m.Category, Unit: m.Unit,
			Description: m.Description, Tables: m.Tables, Synonyms: m.Synonyms, File: m.File})
	}
	return c.JSON(out)
}

func (d doors) one(c *fiber.Ctx) error {
	found, err := definition(c.UserContext(), d.finder, v1.CallerOf(c), c.Params("name"))
	if err != nil {
		return err
	}
	return c.JSON(found)
}

// definition is one that the caller may see; fault.NotFound for one that is absent or hidden alike.
func definition(ctx context.Context, finder Finder, who sdk.Caller, name string) (tools.Metric, error) {
	all, err := finder.Definitions(ctx, who)
	if err != nil {
		return tools.Metric{}, err
	}
	at := slices.IndexFunc(all, func(m tools.Metric) bool { return m.Named(name) })
	if at < 0 {
		return tools.Metric{}, fault.New(fault.NotFound, "there is no such definition").WithHelp("See /definitions for those that you may read.")
	}
	return all[at], nil
}

// sorted are definitions by category, then by what they are called.
func sorted(all []tools.Metric) []tools.Metric {
	all = slices.Clone(all)
	slices.SortStableFunc(all, func(a, b tools.Metric) int {
		if c := strings.Compare(a.Category, b.Category); c != 0 {
			return c
		}
		return strings.Compare(a.Label, b.Label)
	})
	return all
}

// naming are the definitions that name a table.
func naming(all []tools.Metric, table sdk.TableName) []tools.Metric {
	var out []tools.Metric
	for _, m := range all {
		if slices.Contains(m.Tables, string(table)) || slices.Contains(m.Tables, table.Table()) {
			out = append(out, m)
		}
	}
	return out
}

// Package activity has the doors to what is really used: of the instance, of a table, by the caller's machines.
package activity

import (
	"context"

	"github.com/gofiber/fiber/v2"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/v1"
	"github.com/ai-data-analyst/broker/web/v1/input"
	"github.com/ai-data-analyst/broker/web/v1/openapi"
)

// Use says what was used, narrowed to what a caller may see.
type Use interface {
	Activity(ctx context.Context, who sdk.Caller, days int) (api.Activity, error)
	TableUse(ctx context.Context, who sdk.Caller, table sdk.TableName) (api.TableUse, error)
	Machines(ctx context.Context, who sdk.Caller) (api.Machines, error)
}

// Doors are the addresses below /api/v1.
func Doors(use Use) []v1.Route {
	d := doors{use}
	return []v1.Route{
		{Method: "GET", Path: "/activity", Permission: v1.ForUser, Scope: sdk.ScopeRead, Handler: d.activity, Doc: openapi.Operation{
			ID: "activity", Summary: "What was used in the last days, of the tables that the caller may see",
			Parameters: []openapi.Parameter{openapi.Query("days", "integer", "1 to 366; default 30")}, Answer: api.Activity{}, Also: []int{400}}},
		{Method: "GET", Path: "/tables/:name/use", Permission: v1.ForTable, Scope: sdk.ScopeRead, Handler: d.table, Doc: openapi.Operation{
			ID: "tableUse", Summary: "How much a table was used in the last 30 days, and what was asked together with it",
			Parameters: []openapi.Parameter{openapi.Path("name", "published name of a table, e.g. shop.orders")}, Answer: api.TableUse{}, Also: []int{404}}},
		{Method: "GET", Path: "/me/machines", Permission: v1.ForUser, Handler: d.machines, Doc: openapi.Operation{
			ID: "machines", Summary: "The programs that pulled with the caller's tokens, the latest first", Answer: api.Machines{}}},
	}
}

type doors struct{ use Use }

func (d doors) activity(c *fiber.Ctx) error {
	days, err := input.Number(c, "days", 30, 1, 366)
	if err != nil {
		return err
	}
	found, err := d.use.Activity(c.UserContext(), v1.CallerOf(c), int(days))
	if err != nil {
		return err
	}
	return c.JSON(found)
}

func (d doors) table(c *fiber.Ctx) error {
	found, err := d.use.TableUse(c.UserContext(), v1.CallerOf(c), sdk.TableName(c.Params("name")))
	if err != nil {
		return err
	}
	return c.JSON(found)
}

func (d doors) machines(c *fiber.Ctx) error {
	found, err := d.use.Machines(c.UserContext(), v1.CallerOf(c))
	if err != nil {
		return err
	}
	return c.JSON(found)
}

package mine

import (
	"net/http"

	"github.com/gofiber/fiber/v2"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/v1"
	"github.com/ai-data-analyst/broker/web/v1/input"
	"github.com/ai-data-analyst/broker/web/v1/openapi"
)

// mostChosen is how many bytes a choice may have: 5,000 names of 127 bytes fit.
const mostChosen = 1 << 20

// Doors are the API's doors to choices.
func Doors(choices Choices) []v1.Route {
	d := doors{choices}
	return []v1.Route{
		{Method: "GET", Path: "/me/subscriptions", Permission: v1.ForUser, Scope: sdk.ScopeRead, Handler: d.subscriptions, Doc: openapi.Operation{
			ID: "subscriptions", Summary: "Which granted tables come to the caller's machines", Answer: api.Subscriptions{}}},
		{Method: "PUT", Path: "/me/subscriptions", Permission: v1.ForUser, Scope: sdk.ScopeRead, Body: mostChosen, Handler: d.subscribe, Doc: openapi.Operation{
			ID: "subscribe", Summary: "Chooses which granted tables come to the caller's machines; the manifest is narrowed to them, queries are not",
			Body: api.Subscriptions{}, Answer: api.Subscriptions{}, Also: []int{400}}},
		{Method: "GET", Path: "/me/datasets", Permission: v1.ForUser, Scope: sdk.ScopeRead, Handler: d.datasets, Doc: openapi.Operation{
			ID: "datasets", Summary: "The datasets with a granted table, and whether the caller takes them", Answer: api.DatasetChoices{}}},
		{Method: "PUT", Path: "/me/datasets/:name", Permission: v1.ForUser, Scope: sdk.ScopeRead, Handler: d.take(true), Doc: openapi.Operation{
			ID: "takeDataset", Summary: "Takes a dataset with all that it requires", Parameters: []openapi.Parameter{openapi.Path("name", "of the dataset")},
			Answer: api.DatasetChoices{}, Also: []int{404}}},
		{Method: "DELETE", Path: "/me/datasets/:name", Permission: v1.ForUser, Scope: sdk.ScopeRead, Handler: d.take(false), Doc: openapi.Operation{
			ID: "leaveDataset", Summary: "Leaves a dataset with all that requires it", Parameters: []openapi.Parameter{openapi.Path("name", "of the dataset")},
			Answer: api.DatasetChoices{}, Also: []int{404}}},
	}
}

type doors struct{ choices Choices }

func (d doors) subscriptions(c *fiber.Ctx) error {
	found, err := d.choices.Subscriptions(c.UserContext(), v1.CallerOf(c))
	if err != nil {
		return err
	}
	return c.JSON(found)
}

func (d doors) subscribe(c *fiber.Ctx) error {
	var wanted api.Subscriptions
	if err := input.JSON(c, &wanted); err != nil {
		return err
	}
	if err := d.choices.Subscribe(c.UserContext(), v1.CallerOf(c), wanted); err != nil {
		return err
	}
	return d.subscriptions(c)
}

func (d doors) datasets(c *fiber.Ctx) error {
	found, err := d.choices.Datasets(c.UserContext(), v1.CallerOf(c))
	if err != nil {
		return err
	}
	return c.Status(http.StatusOK).JSON(found)
}

func (d doors) take(take bool) fiber.Handler {
	return func(c *fiber.Ctx) error {
		if err := d.choices.Take(c.UserContext(), v1.CallerOf(c), c.Params("name"), take); err != nil {
			return err
		}
		return d.datasets(c)
	}
}

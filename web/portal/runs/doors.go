package runs

import (
	"net/http"

	"github.com/gofiber/fiber/v2"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/v1"
	"github.com/ai-data-analyst/broker/web/v1/input"
	"github.com/ai-data-analyst/broker/web/v1/openapi"
)

// askBody is how many bytes the body of a sync may have: some thousand names.
const askBody = 256 << 10

// Doors are the API's doors to states, runs and histories, and to what admins do about them.
func Doors(needs Needs) []v1.Route {
	d := doors{needs.Watch}
	name := openapi.Path("name", "published name of a table, e.g. shop.orders")
	return []v1.Route{
		{Method: "GET", Path: "/states", Permission: v1.ForUser, Scope: sdk.ScopeRead, Handler: d.states, Doc: openapi.Operation{
			ID: "states", Summary: "How the caller's tables are: one word, since when, why, and the last thirty days",
			Parameters: []openapi.Parameter{openapi.Query("days", "integer", "how many of the last days to tell, 0 to 30; default 30"),
				openapi.Query("table", "string", "this table only")},
			Answer: api.States{}, Also: []int{400}}},
		{Method: "GET", Path: "/runs", Permission: v1.ForUser, Scope: sdk.ScopeRead, Handler: d.runs, Doc: openapi.Operation{
			ID: "runs", Summary: "The newest runs, with those of their tables that the caller may see",
			Parameters: []openapi.Parameter{openapi.Query("source", "string", "of this source only"), openapi.Query("table", "string", "with this table only"),
				openapi.Query("status", "string", "running, published, unchanged, held, failed or cancelled"),
				openapi.Query("before", "string", "id of a run: older ones only"), openapi.Query("limit", "integer", "1 to 200; default 50")},
			Answer: api.Runs{}, Also: []int{400}}},
		{Method: "GET", Path: "/runs/:run", Permission: v1.ForUser, Scope: sdk.ScopeRead, Handler: d.run, Doc: openapi.Operation{
			ID: "run", Summary: "One run", Parameters: []openapi.Parameter{openapi.Path("run", "id of a run")}, Answer: api.Run{}, Also: []int{404}}},
		{Method: "GET", Path: "/tables/:name/history", Permission: v1.ForTable, Scope: sdk.ScopeRead, Handler: d.history, Doc: openapi.Operation{
			ID: "history", Summary: "The versions of a table, newest first",
			Parameters: []openapi.Parameter{name, openapi.Query("limit", "integer", "1 to 200; default 30")}, Answer: api.History{}, Also: []int{400, 404}}},
		{Method: "POST", Path: "/admin/sync", Permission: v1.ForAdmin, Scope: sdk.ScopeAdmin, Body: askBody, Handler: d.sync, Doc: openapi.Operation{
			ID: "sync", Summary: "Begins a run, as broker sync does, and answers at once", Body: api.SyncAsk{}, Answer: api.SyncBegun{},
			Status: http.StatusAccepted, Also: []int{400, 403, 413, 415, 503}}},
		{Method: "POST", Path: "/admin/tables/:name/accept", Permission: v1.ForAdmin, Scope: sdk.ScopeAdmin, Handler: d.decide(true), Doc: openapi.Operation{
			ID: "acceptHeld", Summary: "Publishes what is held of a table", Parameters: []openapi.Parameter{name}, Answer: api.TableState{}, Also: []int{400, 403, 404}}},
		{Method: "POST", Path: "/admin/tables/:name/discard", Permission: v1.ForAdmin, Scope: sdk.ScopeAdmin, Handler: d.decide(false), Doc: openapi.Operation{
			ID: "discardHeld", Summary: "Gives up what is held of a table", Parameters: []openapi.Parameter{name}, Answer: api.TableState{}, Also: []int{400, 403, 404}}},
	}
}

type doors struct{ watch Watch }

func (d doors) states(c *fiber.Ctx) error {
	days, err := input.Number(c, "days", 30, 0, 30)
	if err != nil {
		return err
	}
	states, err := d.watch.States(c.UserContext(), v1.CallerOf(c))
	if err != nil {
		return err
	}
	table := c.Query("table")
	if table == "" && days == 30 {
		return c.JSON(states)
	}
	wanted := []api.TableState{}
	for _, s := range states.Tables {
		if table == "" || s.Name == table {
			s.Days = s.Days[max(0, len(s.Days)-int(days)):]
			wanted = append(wanted, s)
		}
	}
	states.Tables = wanted
	return c.JSON(states)
}

func (d doors) runs(c *fiber.Ctx) error {
	limit, err := input.Number(c, "limit", 50, 1, 200)
	if err != nil {
		return err
	}
	found, err := d.watch.Runs(c.UserContext(), v1.CallerOf(c), filterOf(c, int(limit)))
	if err != nil {
		return err
	}
	return c.JSON(found)
}

// filterOf is what a request's query asks of runs.
func filterOf(c *fiber.Ctx, limit int) api.RunFilter {
	return api.RunFilter{Source: c.Query("source"), Table: c.Query("table"), Status: c.Query("status"), Before: c.Query("before"), Limit: limit}
}

func (d doors) run(c *fiber.Ctx) error {
	found, err := d.watch.Run(c.UserContext(), v1.CallerOf(c), c.Params("run"))
	if err != nil {
		return err
	}
	return c.JSON(found)
}

func (d doors) history(c *fiber.Ctx) error {
	limit, err := input.Number(c, "limit", 30, 1, 200)
	if err != nil {
		return err
	}
	found, err := d.watch.History(c.UserContext(), v1.CallerOf(c), sdk.TableName(c.Params("name")), int(limit))
	if err != nil {
		return err
	}
	return c.JSON(found)
}

func (d doors) sync(c *fiber.Ctx) error {
	var ask api.SyncAsk
	if err := input.JSON(c, &ask); err != nil {
		return err
	}
	run, err := d.watch.Sync(c.UserContext(), v1.CallerOf(c), ask.Select)
	if err != nil {
		return err
	}
	return c.Status(http.StatusAccepted).JSON(api.SyncBegun{Run: run})
}

// decide answers with how the table is afterwards.
func (d doors) decide(accept bool) fiber.Handler {
	return func(c *fiber.Ctx) error {
		name := sdk.TableName(c.Params("name"))
		if err := d.watch.Decide(c.UserContext(), v1.CallerOf(c), name, accept); err != nil {
			return err
		}
		states, err := d.watch.States(c.UserContext(), v1.CallerOf(c))
		if err != nil {
			return err
		}
		for _, s := range states.Tables {
			if s.Name == string(name) {
				return c.JSON(s)
			}
		}
		return c.JSON(api.TableState{Name: string(name), State: api.StateNever, Days: []api.StateDay{}})
	}
}

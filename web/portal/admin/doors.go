package admin

import (
	"context"
	"net/http"

	"github.com/gofiber/fiber/v2"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/v1"
	"github.com/ai-data-analyst/broker/web/v1/input"
	"github.com/ai-data-analyst/broker/web/v1/openapi"
)

// mostRegistered is how many bytes a registration may have.
const mostRegistered = 256 << 10

// Doors are the API's doors to all of it.
func Doors(h Host) []v1.Route {
	source := openapi.Path("name", "of the source")
	stream := openapi.Path("stream", "of the source")
	rows := openapi.Query("rows", "integer", "how many, 1 to 100; default 10")
	look := func(path, id, summary string, answer any, handler fiber.Handler, p ...openapi.Parameter) v1.Route {
		return v1.Route{Method: "GET", Path: "/admin" + path, Permission: v1.ForAdmin, Scope: sdk.ScopeAdmin, Handler: handler,
			Doc: openapi.Operation{ID: id, Summary: summary, Parameters: p, Answer: answer}}
	}
	discover := look("/sources/:name/streams", "discover", "What a source offers, and what of it is registered", api.Discovery{}, h.discover, source)
	preview := look("/sources/:name/streams/:stream", "preview", "The first rows of a stream, as text; nothing is kept", api.Sample{}, h.preview, source, stream, rows)
	discover.Doc.Also, preview.Doc.Also = []int{404, 503}, []int{400, 404, 503}
	return []v1.Route{
		look("/health", "health", "How the instance is", api.Health{}, answer(h.Instance.Health)),
		look("/plugins", "plugins", "Every entry of the plugin folder", api.Plugins{}, answer(h.Plugins.Plugins)),
		look("/sources", "sources", "The configured sources", api.Sources{}, answer(h.Instance.Sources)),
		look("/storage", "storage", "What the tables take on disk", api.Storage{}, answer(h.Instance.Storage)),
		look("/people", "people", "Everybody whom the instance knows, and the groups", api.Directory{}, answer(h.People.Directory)),
		look("/access", "access", "Which pattern of each group opens which table", api.Matrix{}, answer(h.People.Matrix)),
		look("/audit", "audit", "Who did what, newest first", api.Audit{}, h.auditDoor, openapi.Query("who", "string", "user id or address"),
			openapi.Query("action", "string", "whole, or the part before its dot"), openapi.Query("days", "integer", "how far back; 0 = all"),
			openapi.Query("before", "integer", "only records before this one"), openapi.Query("check", "integer", "1 = read the whole chain and say whether it is sound")),
		discover, preview,
		{Method: "POST", Path: "/admin/tables", Permission: v1.ForAdmin, Scope: sdk.ScopeAdmin, Body: mostRegistered, Handler: h.register, Doc: openapi.Operation{
			ID: "register", Summary: "Writes definitions of tables into data_description.md; version is that of the discovery",
			Body: api.Registration{}, Answer: api.Registered{}, Status: http.StatusCreated, Also: []int{400, 404, 409, 503}}},
	}
}

// answer is a handler that returns what a function knows.
func answer[T any](know func(context.Context) (T, error)) fiber.Handler {
	return func(c *fiber.Ctx) error {
		found, err := know(c.UserContext())
		if err != nil {
			return err
		}
		return c.JSON(found)
	}
}

func (h Host) discover(c *fiber.Ctx) error {
	found, err := h.Registry.Discover(c.UserContext(), c.Params("name"))
	if err != nil {
		return err
	}
	return c.JSON(found)
}

func (h Host) preview(c *fiber.Ctx) error {
	rows, err := input.Number(c, "rows", 10, 1, 100)
	if err != nil {
		return err
	}
	found, err := h.Registry.Preview(c.UserContext(), c.Params("name"), c.Params("stream"), int(rows))
	if err != nil {
		return err
	}
	return c.JSON(found)
}

func (h Host) register(c *fiber.Ctx) error {
	var wanted api.Registration
	if err := input.JSON(c, &wanted); err != nil {
		return err
	}
	version, err := h.Registry.Register(c.UserContext(), v1.CallerOf(c), wanted)
	if err != nil {
		return err
	}
	return c.Status(http.StatusCreated).JSON(api.Registered{Version: version})
}

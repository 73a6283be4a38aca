// Package mcp is the server's door for assistants: the tools of web/api/tools over streamable HTTP, stateless, answered
// from what the caller may see.
package mcp

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/adaptor"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/api/tools"
)

// Manifests says what the caller may see (see v1.Manifests).
type Manifests interface {
	Document(ctx context.Context, who sdk.Caller, generation int64) (api.Signed, error)
	Content(ctx context.Context, who sdk.Caller, sha256 string) (api.Content, error)
	Catalog(ctx context.Context, who sdk.Caller) (api.Catalog, error)
	Table(ctx context.Context, who sdk.Caller, name sdk.TableName) (api.TableDetail, error)
	Changes(ctx context.Context, who sdk.Caller, since int64) (api.Changes, error)
}

// Access decides (see v1.Access).
type Access interface {
	Authorize(ctx context.Context, who sdk.Caller, action sdk.Action, table sdk.TableName) error
}

// Host is what the tools are answered from.
type Host struct {
	Manifests Manifests
	Access    Access
	Sample    func(ctx context.Context, who sdk.Caller, table sdk.TableName, rows int64) (api.Sample, error)
	Query     func(ctx context.Context, who sdk.Caller, q api.Query) (api.Result, error)
	Metrics   func(ctx context.Context, who sdk.Caller) ([]tools.Metric, error)
	Profile   func(ctx context.Context, who sdk.Caller, table sdk.TableName) (api.Profile, error)
	Log       *slog.Logger
	Now       func() time.Time
	Version   string
	BodyLimit int64 // bytes of a request
}

// Handler answers one request of a caller.
type Handler func(c *fiber.Ctx, who sdk.Caller) error

// callTime bounds a request: longer than a tool may take.
const callTime = 40 * time.Second

type callKey struct{}

// call is who asks; base lives as long as the server, since the context of a request is used again for the next.
type call struct {
	base context.Context
	who  sdk.Caller
}

func whoCalls(ctx context.Context) sdk.Caller {
	c, _ := ctx.Value(callKey{}).(call) // New puts it there
	return c.who
}

// New returns the door: one MCP server for all callers; who calls stands in the context of the call.
func New(host Host) Handler {
	server := tools.NewServer(host.Version, backend{host})
	inner := mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return server }, &mcp.StreamableHTTPOptions{
		Stateless: true, JSONResponse: true, DisableLocalhostProtection: true, // the Host rule stands before every door
		MaxRequestBodyBytes: host.BodyLimit, PropagateRequestCancellation: true,
	})
	adapted := adaptor.HTTPHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked, _ := r.Context().Value(callKey{}).(call)
		ctx, cancel := context.WithTimeout(context.WithValue(asked.base, callKey{}, asked), callTime)
		defer cancel()
		inner.ServeHTTP(w, r.WithContext(ctx))
	}))
	return func(c *fiber.Ctx, who sdk.Caller) error {
		c.Locals(callKey{}, call{c.UserContext(), who})
		return adapted(c)
	}
}

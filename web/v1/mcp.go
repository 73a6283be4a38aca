package v1

import (
	"context"
	"errors"
	"io"
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/problem"
	"github.com/ai-data-analyst/broker/web/v1/mcp"
	"github.com/ai-data-analyst/broker/web/v1/result"
)

// tools is the door for assistants. A page of another site must not use it through a person's browser.
func (a *API) tools(c *fiber.Ctx) error {
	if from := c.Get(fiber.HeaderOrigin); from != "" && !a.ownOrigin(c, from) {
		return problem.New(fiber.StatusForbidden, api.CodePermission, "this door does not answer pages of other sites")
	}
	return a.mcp(c, caller(c))
}

func (a *API) ownOrigin(c *fiber.Ctx, from string) bool {
	u, err := url.Parse(from)
	return err == nil && (strings.EqualFold(from, a.host.PublicURL) || u.Scheme == "http" && strings.EqualFold(u.Host, string(c.Request().Host())))
}

// newMCP introduces the tools to what the API itself asks.
func (a *API) newMCP() mcp.Handler {
	return mcp.New(mcp.Host{
		Manifests: a.host.Manifests, Access: a.host.Access, Sample: a.Sample, Query: a.collect, Metrics: a.metrics, Profile: a.Profile,
		Log: a.host.Log, Now: a.host.Now, Version: a.host.Version, BodyLimit: queryBody,
	})
}

// maxCollected bounds the text of one collected answer, in bytes: more than any tool hands out.
const maxCollected = 4 << 20

// collect runs a query for an answer that is one document; what is beyond the bound is cut off, and said.
func (a *API) collect(ctx context.Context, who sdk.Caller, q api.Query) (api.Result, error) {
	if err := checkQuery(q); err != nil {
		return api.Result{}, err
	}
	rows, err := a.run(ctx, who, q)
	if err != nil {
		return api.Result{}, err
	}
	defer rows.Close()
	out := api.Result{Columns: append([]api.TypedName{}, rows.Columns()...), Rows: [][]any{}, Generation: rows.Generation()}
	for size := 0; ; {
		batch, err := rows.Next()
		for _, row := range batch {
			if size += weight(row); size > maxCollected && len(out.Rows) > 0 {
				out.Truncated = true
				return out, nil
			}
			out.Rows = append(out.Rows, row)
		}
		if errors.Is(err, io.EOF) {
			out.Truncated = rows.Truncated()
			return out, nil
		}
		if err != nil {
			return api.Result{}, result.Problem(err)
		}
	}
}

// weight is about how many bytes a row has.
func weight(row []any) int {
	n := 0
	for _, value := range row {
		n += 16
		if text, ok := value.(string); ok {
			n += len(text)
		}
	}
	return n
}

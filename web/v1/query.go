package v1

import (
	"context"
	"fmt"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/problem"
	"github.com/ai-data-analyst/broker/web/v1/input"
	"github.com/ai-data-analyst/broker/web/v1/result"
)

// Limits of a query.
const (
	maxSQL  = 100_000    // bytes
	maxRows = 10_000_000 // that a caller may ask for
)

// query runs a statement and streams its rows. What fails before the first row is a problem document; what fails later
// breaks the connection off, so that a cut answer never looks whole.
func (a *API) query(c *fiber.Ctx) error {
	var q api.Query
	if err := input.JSON(c, &q); err != nil {
		return err
	}
	if q.Format == "" {
		q.Format = "json"
	}
	if err := checkQuery(q); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(c.UserContext())
	rows, err := a.run(ctx, caller(c), q)
	if err != nil {
		cancel()
		return err
	}
	stream, err := result.Begin(rows, q.Format, cancel)
	if err != nil {
		return result.Problem(err)
	}
	c.Set(fiber.HeaderContentType, stream.Media())
	c.Set("Broker-Generation", strconv.FormatInt(rows.Generation(), 10))
	c.Response().SetBodyStream(stream, -1)
	return nil
}

func checkQuery(q api.Query) error {
	switch {
	case q.SQL == "" || len(q.SQL) > maxSQL:
		return problem.Bad("sql", fmt.Sprintf("sql must have 1 to %d bytes", maxSQL))
	case q.Format != "json" && q.Format != "csv" && q.Format != "arrow":
		return problem.Bad("format", "format must be arrow, csv or json")
	case q.Limit < 0 || q.Limit > maxRows:
		return problem.Bad("limit", fmt.Sprintf("limit must be a whole number from 0 to %d", maxRows))
	case q.Generation < 0:
		return problem.Bad("generation", "generation must not be negative")
	}
	return nil
}

// run asks the engine.
func (a *API) run(ctx context.Context, who sdk.Caller, q api.Query) (Rows, error) {
	if a.host.Queries == nil {
		return nil, result.NoEngine()
	}
	rows, err := a.host.Queries.Run(ctx, who, q)
	if err != nil {
		return nil, result.Problem(err)
	}
	if a.host.Uses != nil {
		a.host.Uses.Asked(who, q.SQL)
	}
	return rows, nil
}

package result

import (
	"context"
	"errors"
	"net/http"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/problem"
)

// NoEngine says that nobody answers queries here.
func NoEngine() error {
	return &problem.Error{Problem: api.Problem{Status: http.StatusServiceUnavailable, Code: api.CodeUnavailable, Detail: "no query engine is installed on this server",
		Help: `Ask an administrator for the plugin broker-service-duckdb and a block service "duckdb" {}; queries on the laptop need nothing.`}}
}

// Problem tells the errors of an engine apart.
func Problem(err error) error {
	f, ok := fault.As(err)
	switch {
	case errors.Is(err, context.DeadlineExceeded), ok && (f.Scope == "timeout" || f.Path == "timeout"):
		return problem.New(http.StatusGatewayTimeout, api.CodeTimeout, "the query took too long")
	case !ok:
		return err
	case f.Code == fault.NotFound && f.Scope == "engine":
		return NoEngine()
	case f.Code == fault.Config && f.Path != "sql":
		return err
	case f.Code == fault.Config || f.Code == fault.Data:
		e := problem.Bad("sql", f.What)
		e.Help, e.Code = f.Help, api.CodeQuery
		switch f.Scope {
		case "read_only":
			e.Code = api.CodeReadOnly
		case "not_found": // a table that is not there, for this caller
			e.Code = api.CodeNotFound
		}
		return e
	default:
		return err
	}
}

//go:build !cgo

package engine

import (
	"context"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/sdk/service"
)

func library() string { return "(not linked)" }

func available() error {
	return fault.New(fault.Config, "this build of the engine has no DuckDB").WithHelp("Build it with CGO_ENABLED=1 and a C++ compiler.")
}

func (e *engine) query(context.Context, service.QueryRequest, *service.Result) error {
	return available()
}

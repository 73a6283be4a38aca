package serve

import (
	"context"
	"fmt"

	"github.com/ai-data-analyst/broker/sdk/connector"
	"github.com/ai-data-analyst/broker/sdk/connector/connectortest"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// conformance runs the suite on this connector and lists its checks.
func conformance(ctx context.Context, c *call) error {
	settings, err := c.settings()
	if err != nil {
		return err
	}
	report := connectortest.Run(ctx, connectortest.Subject{
		New: func(context.Context) (connector.Connector, func() error, error) {
			built, err := c.author.Build()
			return built, nil, err
		},
		Settings: settings,
	})
	if _, err := fmt.Fprint(c.out, report); err != nil {
		return err
	}
	if failed := len(report.Failed()); failed > 0 {
		return fault.Newf(fault.Bug, "%d of %d checks failed", failed, len(report.Checks))
	}
	return nil
}

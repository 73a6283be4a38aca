package main

import (
	"context"
	"testing"

	"github.com/ai-data-analyst/broker/sdk/connector"
	"github.com/ai-data-analyst/broker/sdk/connector/connectortest"
)

// TestContract holds the connector to everything the host expects of it.
func TestContract(t *testing.T) {
	connectortest.Test(t, connectortest.Subject{
		New: func(context.Context) (connector.Connector, func() error, error) {
			c, err := hello().Build()
			return c, nil, err
		},
		Settings: []byte(`{}`),
		Bad:      []connectortest.Bad{{Settings: []byte(`{"days": 0}`), Path: "days"}},
	})
}

package dial_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector"
	"github.com/ai-data-analyst/broker/sdk/connector/connectortest"
	"github.com/ai-data-analyst/broker/sdk/dial"
)

// A connector keeps its contract whichever way its batches take: beside gRPC, or over it where no channel was handed down.
func TestContractByBothWays(t *testing.T) {
	for way, start := range map[string]func(context.Context) (*dial.Client, error){
		"channel": func(ctx context.Context) (*dial.Client, error) {
			return dial.Command(ctx, filepath.Join(plugins, "numbers"))
		},
		"gRPC alone": func(ctx context.Context) (*dial.Client, error) {
			process, _ := launch("numbers")
			return dial.Connect(ctx, dial.Options{Kind: dial.KindConnector, Launch: process, SocketDir: socketDir(t)})
		},
	} {
		t.Run(way, func(t *testing.T) {
			connectortest.Test(t, connectortest.Subject{
				New: func(ctx context.Context) (connector.Connector, func() error, error) {
					client, err := start(ctx)
					if err != nil {
						return nil, nil, err
					}
					return client.Connector(), client.Close, nil
				},
				Settings: []byte(`{"rows":50000}`), // 400 KB: large enough for the channel
			})
		})
	}
}

// Both ways bring the same rows.
func TestRowsByBothWays(t *testing.T) {
	process, _ := launch("numbers")
	alone, err := dial.Connect(t.Context(), dial.Options{Kind: dial.KindConnector, Launch: process, SocketDir: socketDir(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer alone.Close()
	for way, client := range map[string]*dial.Client{"channel": numbers(t), "gRPC alone": alone} {
		session := open(t, client.Connector(), `{"rows":300000}`)
		for range 2 {
			got, err := readAll(t, session, connector.Request{Asks: []connector.Ask{{Stream: "numbers", Mode: sdk.FullRefresh}}, Attempt: 1})
			if err != nil || len(got.Values) != 300_000 || got.Done.Rows["numbers"] != 300_000 {
				t.Fatalf("%s: %d rows, %v", way, len(got.Values), err)
			}
			for i, v := range got.Values {
				if v != int64(i) {
					t.Fatalf("%s: row %d is %d", way, i, v)
				}
			}
		}
	}
}

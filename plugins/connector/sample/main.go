// Command broker-connector-sample is the connector of the demo shop: nine tables made on the fly, the same for the same
// settings.
package main

import (
	"context"
	"fmt"
	"time"

	"github.com/ai-data-analyst/broker/plugins/connector/sample/shop"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector"
	"github.com/ai-data-analyst/broker/sdk/serve"
)

type settings struct {
	Size string    `cfg:"size" doc:"How much: xs (1 MB as CSV), s (15), m (150) or l (1,500)." default:"xs" oneof:"xs,s,m,l"`
	Seed int64     `cfg:"seed" doc:"The same seed gives the same rows." default:"42" min:"0"`
	End  time.Time `cfg:"end" doc:"First day after the last row." default:"2026-03-01"`
}

func main() {
	serve.Connector(plugin())
}

func plugin() connector.Author {
	return connector.Plugin[settings, *shop.Shop]{
		Name: "sample", Version: "0.1.0", Doc: "Nine tables of a made-up shop, for demos and tests.",
		Open: open, Discover: discover,
	}
}

func open(_ context.Context, _ connector.Runtime, s settings) (*shop.Shop, error) {
	size, err := shop.FindSize(s.Size)
	if err != nil {
		return nil, err
	}
	return shop.New(size, uint64(s.Seed), s.End)
}

func discover(_ context.Context, s *shop.Shop) ([]connector.Stream[*shop.Shop], error) {
	var streams []connector.Stream[*shop.Shop]
	for _, table := range s.Tables() {
		columns, err := sdk.ColumnsOf(table.Schema())
		if err != nil {
			return nil, fmt.Errorf("columns of %s: %w", table.Name(), err)
		}
		streams = append(streams, connector.Dynamic(table.Name(), columns, reader(table), connector.Key(table.Key()), connector.Doc(table.Doc())))
	}
	return streams, nil
}

func reader(table shop.Table) func(context.Context, *shop.Shop, connector.Query, *connector.Records) error {
	return func(ctx context.Context, _ *shop.Shop, q connector.Query, records *connector.Records) error {
		rows := connector.DefaultBatchRows
		if q.MaxRows > 0 {
			rows = q.MaxRows
		}
		for batch, err := range table.Batches(ctx, rows) {
			if err != nil {
				return err
			}
			err = records.AppendRecord(ctx, batch)
			batch.Release()
			if err != nil {
				return err
			}
		}
		return nil
	}
}

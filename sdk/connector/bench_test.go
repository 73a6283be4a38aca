package connector_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector"
)

// BenchmarkAppend measures what a row costs from the author's call to the consumer's message, by way of appending.
func BenchmarkAppend(b *testing.B) {
	page := make([]order, 1000)
	for i := range page {
		page[i] = order{ID: int64(i), Status: fmt.Sprint("status ", i%7), Updated: at(1)}
	}
	batch := record(0, 1000, "status")
	defer batch.Release()
	var n int // rows of one run
	row := map[string]any{"id": int64(1), "text": "status"}
	for name, stream := range map[string]connector.Stream[*shop]{
		"struct": connector.Table("rows", func(ctx context.Context, _ *shop, _ connector.Query, rows *connector.Rows[order]) error {
			for i := 0; i < n; i += len(page) {
				if err := rows.Append(ctx, page...); err != nil {
					return err
				}
			}
			return nil
		}),
		"map": connector.Dynamic("rows", numbers, func(ctx context.Context, _ *shop, _ connector.Query, rows *connector.Records) error {
			for range n {
				if err := rows.AppendMap(ctx, row); err != nil {
					return err
				}
			}
			return nil
		}),
		"record": connector.Dynamic("rows", numbers, func(ctx context.Context, _ *shop, _ connector.Query, rows *connector.Records) error {
			for i := 0; i < n; i += 1000 {
				if err := rows.AppendRecord(ctx, batch); err != nil {
					return err
				}
			}
			return nil
		}),
	} {
		b.Run(name, func(b *testing.B) {
			n = b.N
			c, err := plugin(stream).Build()
			if err != nil {
				b.Fatal(err)
			}
			s, err := c.Open(b.Context(), connector.Open{})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close(context.Background())
			b.ReportAllocs()
			messages, err := s.Read(b.Context(), ask("rows", sdk.FullRefresh, sdk.Cursor{}))
			if err != nil {
				b.Fatal(err)
			}
			defer messages.Close()
			for messages.Next(b.Context()) {
				release(messages.Message())
			}
			if err := messages.Err(); err != nil {
				b.Fatal(err)
			}
		})
	}
}

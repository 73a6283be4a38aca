// Command broker-connector-noise is a source of rows that do not compress, for measuring what carries bytes: a big table,
// and one of many small partitions.
package main

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/ai-data-analyst/broker/sdk/connector"
	"github.com/ai-data-analyst/broker/sdk/serve"
)

type settings struct {
	Rows int64 `cfg:"rows" doc:"Rows of the big table." default:"100000" min:"0"`
	Days int64 `cfg:"days" doc:"Partitions of the table of many." default:"10" min:"0"`
	Each int64 `cfg:"each" doc:"Rows of a partition." default:"800" min:"1"`
	Seed int64 `cfg:"seed" doc:"Another seed, other bytes." default:"1"`
}

// noise is a row of about 264 bytes.
type noise struct {
	ID   int64     `col:"id,key"`
	Day  time.Time `col:"day" type:"date"`
	Blob []byte    `col:"blob"`
}

func main() {
	serve.Connector(connector.Plugin[settings, settings]{
		Name: "noise", Version: "1.0.0", Doc: "Rows that do not compress.",
		Open: func(_ context.Context, _ connector.Runtime, s settings) (settings, error) { return s, nil },
		Streams: []connector.Stream[settings]{
			connector.Table("big", func(ctx context.Context, s settings, _ connector.Query, rows *connector.Rows[noise]) error {
				return emit(ctx, s, rows, s.Rows, func(id int64) int64 { return id % 1000 })
			}),
			connector.Table("many", func(ctx context.Context, s settings, _ connector.Query, rows *connector.Rows[noise]) error {
				return emit(ctx, s, rows, s.Days*s.Each, func(id int64) int64 { return id / s.Each })
			}),
		},
	})
}

func emit(ctx context.Context, s settings, rows *connector.Rows[noise], n int64, day func(int64) int64) error {
	source := rand.NewChaCha8([32]byte{byte(s.Seed), byte(s.Seed >> 8)})
	first := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	for id := range n {
		blob := make([]byte, 256)
		if _, err := source.Read(blob); err != nil {
			return err
		}
		if err := rows.Append(ctx, noise{ID: id, Day: first.AddDate(0, 0, int(day(id))), Blob: blob}); err != nil {
			return err
		}
	}
	return nil
}

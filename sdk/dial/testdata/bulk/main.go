// Command bulk sends the same batch over and over, to measure the way and not the source.
package main

import (
	"context"

	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector"
	"github.com/ai-data-analyst/broker/sdk/serve"
)

type settings struct {
	Batches int `cfg:"batches" default:"100"`
	Rows    int `cfg:"rows" default:"65536"`
}

func main() {
	serve.Connector(connector.Plugin[settings, settings]{
		Name: "bulk", Version: "1.0.0",
		Open:    func(_ context.Context, _ connector.Runtime, s settings) (settings, error) { return s, nil },
		Streams: []connector.Stream[settings]{connector.Dynamic("bulk", columns(), read)},
	})
}

func read(ctx context.Context, s settings, _ connector.Query, rows *connector.Records) error {
	schema, err := sdk.ArrowSchema(columns())
	if err != nil {
		return err
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	for c := range schema.NumFields() {
		for i := range s.Rows {
			b.Field(c).(*array.Int64Builder).Append(int64(c * i))
		}
	}
	record := b.NewRecord()
	defer record.Release()
	for range s.Batches {
		if err := rows.AppendRecord(ctx, record); err != nil {
			return err
		}
	}
	return nil
}

func columns() []sdk.Column {
	var out []sdk.Column
	for _, name := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
		out = append(out, sdk.Column{Name: name, Type: sdk.Type{ID: sdk.Int64}, NotNull: true})
	}
	return out
}

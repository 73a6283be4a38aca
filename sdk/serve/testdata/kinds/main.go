// Command kinds is a connector whose one stream has a column of every kind, and deletes.
package main

import (
	"context"
	"math"
	"strings"

	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector"
	"github.com/ai-data-analyst/broker/sdk/serve"
)

const rows = `[
 {"id":1,"ok":true,"f":1.5,"d":"12.30","s":"<ž & \"q\">","b":"AP8=","day":"9999-12-31","t":"23:59:59.5","at":"2026-02-28T01:02:03.000004Z","local":"2026-02-28T01:02:03",
  "l":["a",null],"st":{"x":1,"y":null},"m":[{"key":"k","value":2}]},
 {"id":2}
]`

func main() {
	serve.Connector(connector.Plugin[struct{}, struct{}]{
		Name: "kinds", Version: "1.0.0",
		Open:    func(context.Context, connector.Runtime, struct{}) (struct{}, error) { return struct{}{}, nil },
		Streams: []connector.Stream[struct{}]{connector.Dynamic("kinds", columns(), read, connector.Key("id"))},
	})
}

func columns() []sdk.Column {
	plain := func(name string, id sdk.TypeID) sdk.Column { return sdk.Column{Name: name, Type: sdk.Type{ID: id}} }
	nest := func(name string, id sdk.TypeID, children ...sdk.Column) sdk.Column {
		return sdk.Column{Name: name, Type: sdk.Type{ID: id, Children: children}}
	}
	key := plain("key", sdk.String)
	key.NotNull = true
	id := plain("id", sdk.Uint64)
	id.NotNull = true
	return []sdk.Column{
		id, plain("ok", sdk.Bool), plain("f", sdk.Float64), {Name: "d", Type: sdk.Type{ID: sdk.Decimal, Precision: 10, Scale: 2}},
		plain("s", sdk.String), plain("b", sdk.Binary), plain("day", sdk.Date), plain("t", sdk.Time),
		{Name: "at", Type: sdk.Type{ID: sdk.Timestamp, Zone: "UTC"}}, plain("local", sdk.Timestamp),
		nest("l", sdk.List, plain("item", sdk.String)), nest("st", sdk.Struct, plain("x", sdk.Int8), plain("y", sdk.Float32)),
		nest("m", sdk.Map, key, plain("value", sdk.Int32)),
	}
}

func read(ctx context.Context, _ struct{}, _ connector.Query, out *connector.Records) error {
	schema, err := sdk.ArrowSchema(columns())
	if err != nil {
		return err
	}
	record, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema, strings.NewReader(rows))
	if err != nil {
		return err
	}
	defer record.Release()
	if err := out.AppendRecord(ctx, record); err != nil {
		return err
	}
	for i, f := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		if err := out.AppendMap(ctx, map[string]any{"id": 3 + i, "f": f}); err != nil {
			return err
		}
	}
	return out.DeleteMap(ctx, map[string]any{"id": 9})
}

// Command answering is a service plugin for tests: its SQL says how it behaves.
package main

import (
	"context"
	"errors"
	"os"
	"strings"
	"time"

	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/serve"
	"github.com/ai-data-analyst/broker/sdk/service"
)

type settings struct {
	Token sdk.Secret `cfg:"token" doc:"A secret." required:"true"`
}

func main() {
	serve.Service(service.Plugin[settings, settings]{
		Name: "answering", Version: "1.0.0", Doc: "Answers as it is told.",
		Open:  func(_ context.Context, _ service.Runtime, s settings) (settings, error) { return s, nil },
		Query: query,
	})
}

func query(ctx context.Context, s settings, q service.QueryRequest, out *service.Result) error {
	columns := []service.Column{{Name: "n", Type: sdk.Type{ID: sdk.Int64}, EngineType: "BIGINT"}}
	schema, err := sdk.ArrowSchema([]sdk.Column{{Name: "n", Type: columns[0].Type}})
	if err != nil {
		return err
	}
	if err := out.Describe(columns); err != nil {
		return err
	}
	switch q.SQL {
	case "fail":
		return errors.New("it failed with " + string(s.Token))
	case "die":
		os.Exit(3)
	case "deaf": // to its context, for good
		time.Sleep(time.Hour)
	}
	builder := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer builder.Release()
	builder.Field(0).(*array.Int64Builder).Append(42)
	record := builder.NewRecord()
	defer record.Release()
	for {
		if err := out.Append(record); err != nil || !strings.HasPrefix(q.SQL, "endless") {
			return err
		}
	}
}

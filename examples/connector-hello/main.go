// Command broker-connector-hello is the smallest connector: one stream of greetings, its settings, one call in main.
package main

import (
	"context"
	"fmt"
	"time"

	"github.com/ai-data-analyst/broker/sdk/connector"
	"github.com/ai-data-analyst/broker/sdk/serve"
)

// settings is the config block of the source. Every field has a default, so "config {}" is enough.
type settings struct {
	Name string `cfg:"name" doc:"Whom to greet." default:"world"`
	Days int    `cfg:"days" doc:"How many days of greetings there are." default:"7" min:"1" max:"3650"`
}

// greeting is one row. The key says which row is which, the cursor which rows are new.
type greeting struct {
	ID   int64     `col:"id,key" doc:"Number of the greeting, from 1."`
	Text string    `col:"text" doc:"The greeting itself."`
	Sent time.Time `col:"sent_at,cursor" doc:"When it was sent."`
}

func main() { serve.Connector(hello()) }

func hello() connector.Author {
	return connector.Plugin[settings, settings]{
		Name: "hello", Version: "0.1.0", Doc: "Greetings, one a day.",
		Open:    func(_ context.Context, _ connector.Runtime, s settings) (settings, error) { return s, nil },
		Streams: []connector.Stream[settings]{connector.Table("greetings", readGreetings, connector.Sorted())},
	}
}

// readGreetings sends what is new since q.Since, which a first or a full read has not set.
func readGreetings(ctx context.Context, s settings, q connector.Query, rows *connector.Rows[greeting]) error {
	first := time.Date(2026, time.January, 1, 9, 0, 0, 0, time.UTC)
	since := q.Since.Time(first)
	for day := range s.Days {
		sent := first.AddDate(0, 0, day)
		if sent.Before(since) {
			continue
		}
		row := greeting{ID: int64(day) + 1, Text: fmt.Sprintf("Hello, %s, on day %d!", s.Name, day+1), Sent: sent}
		if err := rows.Append(ctx, row); err != nil {
			return err
		}
	}
	return nil
}

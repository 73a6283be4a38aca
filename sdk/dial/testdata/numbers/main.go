// Command numbers is a well-behaved connector for the tests of sdk/dial and sdk/serve.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/ai-data-analyst/broker/sdk/connector"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/sdk/serve"
)

type settings struct {
	Rows  int64  `cfg:"rows" doc:"How many numbers." default:"100"`
	Token string `cfg:"token" doc:"What must stay unseen." secret:"true"`
	Fail  string `cfg:"fail" doc:"Class of the failure at the end."`
	Hang  bool   `cfg:"hang" doc:"Never end."`
}

type number struct {
	N    int64  `col:"n,key"`
	Text string `col:"text"`
}

func main() {
	serve.Connector(connector.Plugin[settings, settings]{
		Name: "numbers", Version: "1.2.3", Doc: "Counts.",
		Open: func(_ context.Context, _ connector.Runtime, s settings) (settings, error) {
			fmt.Println("a session opens")
			fmt.Fprintln(os.Stderr, `{"@message":1,"@level":{}}`)
			return s, nil
		},
		Streams: []connector.Stream[settings]{connector.Table("numbers", read)},
	})
}

func read(ctx context.Context, s settings, _ connector.Query, rows *connector.Rows[number]) error {
	for n := range s.Rows {
		if err := rows.Append(ctx, number{N: n, Text: fmt.Sprint("number ", n)}); err != nil {
			return err
		}
	}
	if s.Hang {
		<-ctx.Done()
		return ctx.Err()
	}
	if s.Fail != "" {
		return &fault.Fault{Code: fault.Code(s.Fail), What: "the source said no to " + s.Token, Help: "Come back later.", RetryAfter: 3 * time.Second}
	}
	return nil
}

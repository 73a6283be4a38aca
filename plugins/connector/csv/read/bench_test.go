package read_test

import (
	"bytes"
	"context"
	"syscall"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/ai-data-analyst/broker/plugins/connector/csv/internal/gen"
	"github.com/ai-data-analyst/broker/plugins/connector/csv/read"
	"github.com/ai-data-analyst/broker/plugins/connector/csv/scan"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector"
)

// counting counts rows and forgets them.
type counting struct{ rows int64 }

func (c *counting) Schema(context.Context, []sdk.Column, []string) error { return nil }
func (c *counting) AppendRecord(_ context.Context, batch arrow.Record) error {
	c.rows += batch.NumRows()
	return nil
}
func (c *counting) Issue(context.Context, connector.Issue) error   { return nil }
func (c *counting) Progress(context.Context, uint64, uint64) error { return nil }

var comma = scan.Dialect{Delimiter: ',', Quote: '"'}

const benchRows = 200_000

// BenchmarkOrders reads the table orders: the first time, which settles types, and again.
func BenchmarkOrders(b *testing.B) {
	var text bytes.Buffer
	if err := gen.Orders(&text, benchRows); err != nil {
		b.Fatal(err)
	}
	options := read.Options{Name: "orders.csv", Size: int64(text.Len()), Dialect: comma, Header: true, Ragged: read.Fail}
	run := func(b *testing.B, options read.Options) read.Result {
		var sink counting
		result, err := read.File(context.Background(), bytes.NewReader(text.Bytes()), options, &sink)
		if err != nil || sink.rows != benchRows {
			b.Fatalf("%d rows, %v", sink.rows, err)
		}
		return result
	}
	pins := map[string]string{}
	for _, c := range run(b, options).Columns {
		pins[c.Name] = c.Type.String()
	}
	for name, pins := range map[string]map[string]string{"first": nil, "pinned": pins} {
		options.Pins = pins
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(text.Len()))
			start := used()
			for b.Loop() {
				run(b, options)
			}
			report(b, start)
		})
	}
}

// BenchmarkScan only splits the text into cells.
func BenchmarkScan(b *testing.B) {
	var text bytes.Buffer
	if err := gen.Orders(&text, benchRows); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(text.Len()))
	start := used()
	for b.Loop() {
		reader := scan.NewReader(bytes.NewReader(text.Bytes()), comma)
		for {
			if _, err := reader.Next(0); err != nil {
				break
			}
		}
	}
	report(b, start)
}

// used returns the CPU time of this process, which other programs on the machine disturb less than the clock.
func used() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func report(b *testing.B, start time.Duration) {
	b.ReportMetric(float64(used()-start)/float64(b.N)/benchRows, "cpu-ns/row")
}

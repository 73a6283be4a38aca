package dial_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector"
	"github.com/ai-data-analyst/broker/sdk/dial"
)

// rounds of transport and memcpy, in turns: what else the machine does hits both, and the medians leave its bursts out.
const rounds = 9

// BenchmarkTransport moves batches from a plugin process to this one, which decodes and checks them and reads every
// cache line, and compares the CPU time of both processes with that of copying the same bytes once: x-memcpy is the
// ratio of the medians of all rounds, low and high are the smallest and largest ratio of one round. The goal is at most
// 14 by the channel.
func BenchmarkTransport(b *testing.B) {
	for _, way := range []struct {
		name  string
		start func(testing.TB) *dial.Client
	}{{"channel", withChannel}, {"grpc", overGRPC}} {
		for _, rows := range []int{8_192, 65_536, 200_000} {
			b.Run(fmt.Sprintf("way=%s/batch=%.1fMiB", way.name, float64(rows*64)/(1<<20)), func(b *testing.B) {
				const total = 2 << 30
				moved := int64(0)
				var ours, copying, ratios []float64
				for range rounds * b.N {
					copied := memcpy()
					n, cpu := transport(b, way.start(b), rows, total/(rows*64))
					moved += n
					ours, copying = append(ours, float64(cpu)/float64(n)), append(copying, copied)
					ratios = append(ratios, ours[len(ours)-1]/copied)
				}
				b.SetBytes(moved / int64(b.N))
				b.ReportMetric(median(ours), "cpu-s/GB")
				b.ReportMetric(median(copying), "memcpy-s/GB")
				b.ReportMetric(median(ours)/median(copying), "x-memcpy")
				b.ReportMetric(slices.Min(ratios), "low")
				b.ReportMetric(slices.Max(ratios), "high")
			})
		}
	}
}

func median(values []float64) float64 { return slices.Sorted(slices.Values(values))[len(values)/2] }

func withChannel(b testing.TB) *dial.Client {
	client, err := dial.Command(context.Background(), filepath.Join(plugins, "bulk"))
	if err != nil {
		b.Fatal(err)
	}
	return client
}

func overGRPC(b testing.TB) *dial.Client {
	process, _ := launch("bulk")
	client, err := dial.Connect(context.Background(), dial.Options{Kind: dial.KindConnector, Launch: process, SocketDir: socketDir(b)})
	if err != nil {
		b.Fatal(err)
	}
	return client
}

// transport reads everything from the plugin and ends it. cpu is that of this process since then and all that the
// plugin has used, its start included.
func transport(b *testing.B, client *dial.Client, rows, batches int) (moved int64, cpu time.Duration) {
	before := cpuTime(syscall.RUSAGE_SELF) + cpuTime(syscall.RUSAGE_CHILDREN)
	session, err := client.Connector().Open(context.Background(), connector.Open{Settings: fmt.Appendf(nil, `{"rows":%d,"batches":%d}`, rows, batches)})
	if err != nil {
		b.Fatal(err)
	}
	messages, err := session.Read(context.Background(), connector.Request{Asks: []connector.Ask{{Stream: "bulk", Mode: sdk.FullRefresh}}, Attempt: 1})
	if err != nil {
		b.Fatal(err)
	}
	for messages.Next(context.Background()) {
		if batch, ok := messages.Message().(connector.Batch); ok {
			moved += touch(batch.Record)
			batch.Record.Release()
		}
	}
	if messages.Err() != nil {
		b.Fatal(messages.Err())
	}
	if err := messages.Close(); err != nil {
		b.Fatal(err)
	}
	if err := client.Close(); err != nil {
		b.Fatal(err)
	}
	return moved, cpuTime(syscall.RUSAGE_SELF) + cpuTime(syscall.RUSAGE_CHILDREN) - before
}

var touched byte // keeps the reads from being optimised away

func touch(record arrow.Record) (bytes int64) {
	for _, c := range record.Columns() {
		for _, buffer := range c.Data().Buffers() {
			if buffer == nil {
				continue
			}
			all := buffer.Bytes()
			bytes += int64(len(all))
			for i := 0; i < len(all); i += 64 {
				touched += all[i]
			}
		}
	}
	return bytes
}

// memcpy returns the CPU nanoseconds that copying one byte takes, in blocks of 16 MiB into a 64 MiB destination.
func memcpy() float64 {
	source, target := make([]byte, 16<<20), make([]byte, 64<<20)
	for i := range source {
		source[i] = byte(i)
	}
	copy(target[48<<20:], source) // touch both once
	const copies = 256
	before := cpuTime(syscall.RUSAGE_SELF)
	for i := range copies {
		copy(target[i%4<<24:], source)
	}
	return float64(cpuTime(syscall.RUSAGE_SELF)-before) / float64(copies*len(source))
}

func cpuTime(who int) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(who, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

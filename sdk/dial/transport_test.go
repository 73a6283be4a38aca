package dial_test

import (
	"context"
	"fmt"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector"
	"github.com/ai-data-analyst/broker/sdk/dial"
)

// BenchmarkTransport moves batches from a plugin process to this one, which reads every cache line, and compares the
// CPU time of both processes with that of copying the same bytes once: x-memcpy. The goal is at most 14.
func BenchmarkTransport(b *testing.B) {
	for _, rows := range []int{8_192, 65_536, 200_000} {
		b.Run(fmt.Sprintf("batch=%.1fMiB", float64(rows*64)/(1<<20)), func(b *testing.B) {
			total := int64(1 << 30)
			batches := int(total / int64(rows*64))
			var moved int64
			var spent time.Duration
			for range b.N {
				n, cpu := transport(b, rows, batches)
				moved, spent = moved+n, spent+cpu
			}
			perByte := float64(spent) / float64(moved)
			b.SetBytes(moved / int64(b.N))
			b.ReportMetric(perByte, "cpu-s/GB")
			b.ReportMetric(perByte/memcpy(), "x-memcpy")
		})
	}
}

func transport(b *testing.B, rows, batches int) (moved int64, cpu time.Duration) {
	before := cpuTime(syscall.RUSAGE_SELF) + cpuTime(syscall.RUSAGE_CHILDREN)
	client, err := dial.Command(context.Background(), filepath.Join(plugins, "bulk"))
	if err != nil {
		b.Fatal(err)
	}
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
	const rounds = 256
	before := cpuTime(syscall.RUSAGE_SELF)
	for i := range rounds {
		copy(target[i%4<<24:], source)
	}
	return float64(cpuTime(syscall.RUSAGE_SELF)-before) / float64(rounds*len(source))
}

func cpuTime(who int) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(who, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

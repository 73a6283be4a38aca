//go:build unix

package channel_test

import (
	"bytes"
	"context"
	"hash/crc32"
	"os"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/ai-data-analyst/broker/sdk/internal/wire/channel"
	"github.com/ai-data-analyst/broker/sdk/internal/wire/frame"
)

var ways = map[string]func() (*channel.Receiver, *os.File, error){"pipe": channel.Pair, "socket": channel.SocketPair}

// both opens both ends of a channel in this process.
func both(t *testing.T, pair func() (*channel.Receiver, *os.File, error)) (*channel.Receiver, *channel.Sender) {
	t.Helper()
	host, file, err := pair()
	if err != nil {
		t.Fatal(err)
	}
	plugin, err := channel.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		plugin.Close()
		if err := host.Close(); err != nil {
			t.Error(err)
		}
	})
	return host, plugin
}

// body is a batch of a column of rows numbers, and its bytes.
func body(t *testing.T, allocator memory.Allocator, first, rows int) (*frame.Pieces, []byte) {
	t.Helper()
	schema := arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int64}}, nil)
	b := array.NewRecordBuilder(allocator, schema)
	defer b.Release()
	for i := range rows {
		b.Field(0).(*array.Int64Builder).Append(int64(first + i))
	}
	record := b.NewRecord()
	defer record.Release()
	pieces, err := (&frame.Encoder{}).Encode(record)
	if err != nil {
		t.Fatal(err)
	}
	return pieces, bytes.Join(pieces.Parts(), nil)
}

func TestBodiesArriveAsSent(t *testing.T) {
	for name, pair := range ways {
		t.Run(name, func(t *testing.T) {
			allocator := memory.NewCheckedAllocator(memory.NewGoAllocator())
			defer allocator.AssertSize(t, 0)
			host, plugin := both(t, pair)
			intake := host.Take(t.Context())
			outlet := plugin.Take(t.Context(), intake.Number())
			var want [][]byte
			failed := make(chan error, 1)
			var sent []*frame.Pieces
			for i := range 20 {
				pieces, text := body(t, allocator, i, 10_000*(1+i%7)*(1+i%7))
				sent, want = append(sent, pieces), append(want, text)
			}
			go func() {
				for i, pieces := range sent {
					if err := outlet.Send(uint64(i+1), pieces); err != nil {
						failed <- err
						return
					}
				}
				failed <- nil
			}()
			pool := &frame.Pool{}
			for i, text := range want {
				got, sum, err := intake.Body(uint64(i+1), uint64(len(text)), pool)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(got.Bytes(), text) || sum != crc32.Checksum(text, crc32.MakeTable(crc32.Castagnoli)) {
					t.Errorf("body %d of %d bytes differs", i, len(text))
				}
				got.Release()
			}
			if err := <-failed; err != nil {
				t.Fatal(err)
			}
			outlet.End(true)
			if err := intake.Empty(); err != nil {
				t.Error(err)
			}
			if err := intake.End(true); err != nil {
				t.Error(err)
			}
			if again := host.Take(context.Background()); again.Number() != 2 {
				t.Errorf("a channel left empty is given as number %d", again.Number())
			}
		})
	}
}

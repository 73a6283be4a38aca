//go:build unix

package wire_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"golang.org/x/sys/unix"
	"google.golang.org/grpc"

	"github.com/ai-data-analyst/broker/sdk/connector"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/sdk/internal/pb"
	"github.com/ai-data-analyst/broker/sdk/internal/wire"
)

// beside opens a channel and returns the host's end, and the plugin's as a process inherits it.
func beside(t testing.TB) (*wire.Channel, *os.File) {
	t.Helper()
	host, plugin, err := wire.NewChannel()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := host.Close(); err != nil {
			t.Error(err)
		}
	})
	return host, plugin
}

// nearBeside is near with a channel beside gRPC.
func nearBeside(t *testing.T, c connector.Connector) *wire.Client {
	t.Helper()
	host, plugin := beside(t)
	inherited, err := unix.Dup(int(plugin.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	if err := plugin.Close(); err != nil {
		t.Fatal(err)
	}
	t.Setenv(wire.ChannelEnv, strconv.Itoa(inherited))
	server := wire.NewServer(c)
	if err := server.UseChannel(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Shutdown(context.Background()) })
	client := wire.NewClient(network(t, wire.ServerOptions(), server.Register, wire.DialOptions()...))
	client.Channel = host
	return client
}

// big is a read of batches of so many rows each.
func big(allocator memory.Allocator, sizes ...int) *script {
	s := &script{messages: []connector.Message{connector.Schema{Stream: "orders", Epoch: 1, Columns: columns()}}}
	sum := 0
	for _, n := range sizes {
		s.messages = append(s.messages, connector.Batch{Stream: "orders", Epoch: 1, Op: connector.Append, Record: rows(allocator, sum, n)})
		sum += n
	}
	s.messages = append(s.messages, connector.Done{Rows: map[string]uint64{"orders": uint64(sum)}})
	return s
}

// Rows arrive the same by either way, in one read and in the next, and every buffer goes back.
func TestBatchesBesideGRPC(t *testing.T) {
	for name, connect := range map[string]func(*testing.T, connector.Connector) *wire.Client{
		"channel": nearBeside, "gRPC alone": func(t *testing.T, c connector.Connector) *wire.Client { return near(t, c) },
	} {
		t.Run(name, func(t *testing.T) {
			allocator := memory.NewCheckedAllocator(memory.NewGoAllocator())
			t.Cleanup(func() { allocator.AssertSize(t, 0) }) // when both ends have ended
			sizes := []int{10, 100_000, 1, 50_000, 200_000, 300}
			f := &fake{read: func(context.Context, connector.Request) (connector.Messages, error) {
				return big(allocator, sizes...), nil
			}}
			s := session(t, connect(t, f), "{}")
			for range 3 {
				got, err := collect(t, s, ask("orders"))
				if err != nil {
					t.Fatal(err)
				}
				first := 0
				for i, n := range sizes {
					want := rows(memory.DefaultAllocator, first, n)
					if !array.RecordEqual(want, got[i+1].(connector.Batch).Record) {
						t.Errorf("batch %d of %d rows differs", i, n)
					}
					want.Release()
					first += n
				}
				release(got)
			}
		})
	}
}

// While one read has the channel another is served over gRPC.
func TestSecondReadFallsBack(t *testing.T) {
	f := &fake{read: func(context.Context, connector.Request) (connector.Messages, error) {
		return big(memory.DefaultAllocator, 100_000, 100_000), nil
	}}
	s := session(t, nearBeside(t, f), "{}")
	open, err := s.Read(t.Context(), ask("orders"))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if !open.Next(t.Context()) {
			t.Fatal(open.Err())
		}
	}
	got, err := collect(t, s, ask("orders"))
	if err != nil {
		t.Fatal(err)
	}
	release(got)
	for open.Next(t.Context()) {
		if b, ok := open.Message().(connector.Batch); ok {
			b.Record.Release()
		}
	}
	if open.Err() != nil || open.Close() != nil {
		t.Errorf("the first read: %v", open.Err())
	}
}

// A host that stops reading holds the plugin up and no more: its end ends the read, and the next one goes over gRPC.
func TestReadGivenUp(t *testing.T) {
	f := &fake{read: func(context.Context, connector.Request) (connector.Messages, error) {
		return big(memory.DefaultAllocator, 400_000, 400_000), nil
	}}
	s := session(t, nearBeside(t, f), "{}")
	for range 2 {
		open, err := s.Read(t.Context(), ask("orders"))
		if err != nil {
			t.Fatal(err)
		}
		if !open.Next(t.Context()) { // the schema; the batches stay where they are
			t.Fatal(open.Err())
		}
		if err := open.Close(); err != nil {
			t.Error(err)
		}
	}
	got, err := collect(t, s, ask("orders"))
	if err != nil {
		t.Fatal(err)
	}
	release(got)
}

// announced is a batch whose body is said to come on the channel.
func announced(seq, bytes uint64, change func(*pb.Batch)) *pb.FromPlugin {
	return batchMessage(seq, func(b *pb.Batch) {
		b.Crc32C, b.Ipc, b.ChannelBytes = checksum(b.Ipc), nil, bytes
		if change != nil {
			change(b)
		}
	})
}

func checksum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

func channelHead(seq uint64, read, length uint32) []byte {
	b := binary.LittleEndian.AppendUint64(nil, seq)
	return binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(b, read), length)
}

func TestViolationsOnTheChannel(t *testing.T) {
	record := rows(memory.DefaultAllocator, 0, 5)
	defer record.Release()
	body := message(record)
	n := uint64(len(body))
	flipped := bytes.Clone(body)
	flipped[len(flipped)-9] ^= 1
	frame := func(seq uint64, read uint32, body []byte) []byte {
		return append(channelHead(seq, read, uint32(len(body))), body...)
	}
	schema := schemaMessage(1, 1)
	for _, c := range []struct {
		name     string
		messages []*pb.FromPlugin
		bytes    []byte
		close    bool
		want     string
		code     fault.Code
	}{
		{"good", []*pb.FromPlugin{schema, announced(2, n, nil), announced(4, n, nil), doneMessage(5, 10)}, append(frame(2, 1, body), frame(4, 1, body)...), false, "", ""},
		{"both ways in turns", []*pb.FromPlugin{schema, batchMessage(2, nil), announced(4, n, nil), batchMessage(5, nil), doneMessage(6, 15)}, frame(4, 1, body), false, "", ""},
		{"bits flipped", []*pb.FromPlugin{schema, announced(2, n, nil)}, frame(2, 1, flipped), false, "checksum", fault.Bug},
		{"garbage with a true checksum", []*pb.FromPlugin{schema, announced(2, 64, func(b *pb.Batch) { b.Crc32C = checksum(make([]byte, 64)) })}, frame(2, 1, make([]byte, 64)), false, "not a record-batch message", fault.Bug},
		{"both ways at once", []*pb.FromPlugin{schema, announced(2, n, func(b *pb.Batch) { b.Ipc = body })}, frame(2, 1, body), false, "on the channel and with it too", fault.Bug},
		{"longer than said", []*pb.FromPlugin{schema, announced(2, n-8, nil)}, frame(2, 1, body), false, "announced are", fault.Bug},
		{"over the limit", []*pb.FromPlugin{schema, announced(2, 1<<40, nil)}, frame(2, 1, body), false, "the limit is 67108864", fault.Bug},
		{"of another message", []*pb.FromPlugin{schema, announced(2, n, nil)}, frame(7, 1, body), false, "holds " + fmt.Sprint(n) + " bytes of message 7", fault.Bug},
		{"of another read", []*pb.FromPlugin{schema, announced(2, n, nil)}, frame(2, 8, body), false, "of read 8", fault.Bug},
		{"bytes without message", []*pb.FromPlugin{schema, doneMessage(2, 0)}, frame(2, 1, body), false, "no message has announced", fault.Bug},
		{"one byte too many", []*pb.FromPlugin{schema, announced(2, n, nil), doneMessage(3, 5)}, append(frame(2, 1, body), 0), false, "no message has announced", fault.Bug},
		{"message without bytes", []*pb.FromPlugin{schema, announced(2, n, nil)}, nil, true, "closed its channel before the end", fault.Transient},
		{"closed in the middle", []*pb.FromPlugin{schema, announced(2, n, nil)}, frame(2, 1, body)[:n/2], true, "closed its channel before the end", fault.Transient},
		{"more rows announced", []*pb.FromPlugin{schema, announced(2, n, func(b *pb.Batch) { b.Rows = 6 })}, frame(2, 1, body), false, "holds 5 rows, announced 6", fault.Bug},
	} {
		t.Run(c.name, func(t *testing.T) {
			host, plugin := beside(t)
			defer plugin.Close()
			if _, err := plugin.Write(c.bytes); err != nil { // fits: nobody reads yet
				t.Fatal(err)
			}
			if c.close {
				_ = plugin.Close()
			}
			client := (&evil{messages: c.messages}).client(t)
			client.Channel = host
			got, err := collect(t, session(t, client, "{}"), ask("orders"))
			release(got)
			if (err == nil) != (c.want == "") || err != nil && (!strings.Contains(err.Error(), c.want) || fault.CodeOf(err) != c.code) {
				t.Errorf("error %v, want %q of class %s", err, c.want, c.code)
			}
		})
	}
}

// A plugin that announces a body on a channel that it was not given.
func TestChannelNotOffered(t *testing.T) {
	got, err := collect(t, session(t, (&evil{messages: []*pb.FromPlugin{schemaMessage(1, 1), announced(2, 500, nil)}}).client(t), "{}"), ask("orders"))
	release(got)
	if fault.CodeOf(err) != fault.Bug || !strings.Contains(err.Error(), "which this read does not have") {
		t.Errorf("error %v", err)
	}
}

// A plugin that announces a body, sends nothing and stays: whoever reads can still end it.
func TestSilentChannelCanBeLeft(t *testing.T) {
	host, plugin := beside(t)
	defer plugin.Close()
	client := (&evil{messages: []*pb.FromPlugin{schemaMessage(1, 1), announced(2, 500, nil)}}).client(t)
	client.Channel = host
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	messages, err := session(t, client, "{}").Read(ctx, ask("orders"))
	if err != nil {
		t.Fatal(err)
	}
	if !messages.Next(ctx) {
		t.Fatal(messages.Err())
	}
	ended := make(chan bool)
	go func() { ended <- messages.Next(ctx) }()
	cancel()
	if <-ended || fault.CodeOf(messages.Err()) != fault.Cancelled {
		t.Errorf("error %v", messages.Err())
	}
	if err := messages.Close(); err != nil {
		t.Error(err)
	}
}

// starts keeps what a plugin is asked for.
type starts struct {
	evil
	seen []*pb.Start
}

func (s *starts) Read(stream grpc.BidiStreamingServer[pb.ToPlugin, pb.FromPlugin]) error {
	m, err := stream.Recv()
	if err != nil {
		return err
	}
	s.seen = append(s.seen, m.GetStart())
	for _, m := range []*pb.FromPlugin{schemaMessage(1, 1), doneMessage(2, 0)} {
		if err := stream.Send(m); err != nil {
			return err
		}
	}
	return nil
}

// An older plugin, which ignores the offer, is read over gRPC; every read that has the channel has a number of its own.
func TestOfferIsIgnoredByOlderPlugins(t *testing.T) {
	s := &starts{}
	client := wire.NewClient(network(t, nil, func(server *grpc.Server) {
		pb.RegisterPluginServer(server, s)
		pb.RegisterConnectorServer(server, s)
	}, wire.DialOptions()...))
	host, plugin := beside(t)
	defer plugin.Close()
	client.Channel = host
	opened := session(t, client, "{}")
	for range 2 {
		if _, err := collect(t, opened, ask("orders")); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.seen) != 2 || s.seen[0].GetChannel() != 1 || s.seen[1].GetChannel() != 2 {
		t.Errorf("offers %v", s.seen)
	}
}

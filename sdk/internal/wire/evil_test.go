package wire_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/sdk/internal/pb"
	"github.com/ai-data-analyst/broker/sdk/internal/wire"
)

// evil is a plugin that knows protobuf but not the rules, written as in a language without SDK.
type evil struct {
	pb.UnimplementedPluginServer
	pb.UnimplementedConnectorServer
	describe *pb.DescribeReply
	err      error
	streams  []*pb.Stream
	messages []*pb.FromPlugin
	late     []*pb.FromPlugin // once the host has ended its side
	raw      any              // sent instead, for a codec of its own
}

func (e *evil) Describe(context.Context, *pb.DescribeRequest) (*pb.DescribeReply, error) {
	if e.describe == nil {
		return &pb.DescribeReply{Kind: "connector", Name: "evil"}, e.err
	}
	return e.describe, e.err
}

func (e *evil) Open(context.Context, *pb.OpenRequest) (*pb.OpenReply, error) {
	return &pb.OpenReply{Session: "s"}, nil
}

func (e *evil) Discover(context.Context, *pb.DiscoverRequest) (*pb.DiscoverReply, error) {
	return &pb.DiscoverReply{Streams: e.streams}, e.err
}

func (e *evil) Read(stream grpc.BidiStreamingServer[pb.ToPlugin, pb.FromPlugin]) error {
	if _, err := stream.Recv(); err != nil {
		return err
	}
	if e.raw != nil {
		return stream.SendMsg(e.raw)
	}
	for _, m := range e.messages {
		if err := stream.Send(m); err != nil {
			return err
		}
	}
	if e.late != nil {
		if _, err := stream.Recv(); err == nil {
			return errors.New("the host did not end its side")
		}
		for _, m := range e.late {
			if err := stream.Send(m); err != nil {
				return err
			}
		}
	}
	return e.err
}

func (e *evil) client(t testing.TB, options ...grpc.ServerOption) *wire.Client {
	return wire.NewClient(network(t, options, func(s *grpc.Server) {
		pb.RegisterPluginServer(s, e)
		pb.RegisterConnectorServer(s, e)
	}, wire.DialOptions()...))
}

func pbColumns(cs []sdk.Column) []*pb.Column {
	var out []*pb.Column
	for _, c := range cs {
		out = append(out, &pb.Column{Name: c.Name, NotNull: c.NotNull, Type: &pb.Type{Id: string(c.Type.ID)}})
	}
	return out
}

// message returns the record-batch message of record.
func message(record arrow.Record) []byte {
	var b bytes.Buffer
	w := ipc.NewWriter(&b, ipc.WithSchema(record.Schema()))
	if err := w.Write(record); err != nil {
		panic(err)
	}
	stream := b.Bytes()
	return stream[8+int(uint32(stream[4])|uint32(stream[5])<<8):]
}

func schemaMessage(seq uint64, epoch uint32) *pb.FromPlugin {
	return &pb.FromPlugin{Seq: seq, Message: &pb.FromPlugin_Schema{Schema: &pb.Schema{
		Stream: "orders", Epoch: epoch, Columns: pbColumns(columns()), Key: &pb.Columns{Names: []string{"id"}},
	}}}
}

func batchMessage(seq uint64, change func(*pb.Batch)) *pb.FromPlugin {
	record := rows(memory.DefaultAllocator, 0, 5)
	defer record.Release()
	b := &pb.Batch{Stream: "orders", Epoch: 1, Op: pb.Op_OP_APPEND, Rows: 5, Ipc: message(record)}
	if change != nil {
		change(b)
	}
	if b.Crc32C == 0 {
		b.Crc32C = crc32.Checksum(b.Ipc, crc32.MakeTable(crc32.Castagnoli))
	}
	return &pb.FromPlugin{Seq: seq, Message: &pb.FromPlugin_Batch{Batch: b}}
}

func doneMessage(seq, rows uint64) *pb.FromPlugin {
	return &pb.FromPlugin{Seq: seq, Message: &pb.FromPlugin_TaskDone{TaskDone: &pb.TaskDone{Rows: map[string]uint64{"orders": rows}}}}
}

func checkpointMessage(seq, id, rows uint64, state []byte) *pb.FromPlugin {
	return &pb.FromPlugin{Seq: seq, Message: &pb.FromPlugin_Checkpoint{Checkpoint: &pb.Checkpoint{
		Id: id, Rows: map[string]uint64{"orders": rows}, State: &pb.State{Version: 1, Data: state},
	}}}
}

func boundaryMessage(seq uint64, complete bool, rows uint64) *pb.FromPlugin {
	return &pb.FromPlugin{Seq: seq, Message: &pb.FromPlugin_Boundary{Boundary: &pb.Boundary{Stream: "orders", Complete: complete, Rows: rows}}}
}

func TestViolationsOfTheProtocol(t *testing.T) {
	large := make([]byte, sdk.MaxCursorBytes+1)
	schema, batch := schemaMessage(1, 1), batchMessage(2, nil)
	cases := []struct {
		name     string
		messages []*pb.FromPlugin
		want     string // "" = a good read
		code     fault.Code
	}{
		{"good", []*pb.FromPlugin{schema, batch, doneMessage(3, 5)}, "", ""},
		{"numbers may skip", []*pb.FromPlugin{schema, batchMessage(7, nil), doneMessage(9, 5)}, "", ""},
		{"number repeated", []*pb.FromPlugin{schema, batchMessage(1, nil)}, "message 1 came after message 1", fault.Bug},
		{"number going down", []*pb.FromPlugin{schemaMessage(5, 1), batchMessage(4, nil)}, "message 4 came after message 5", fault.Bug},
		{"number missing", []*pb.FromPlugin{schemaMessage(0, 1)}, "message 0", fault.Bug},
		{"batch without schema", []*pb.FromPlugin{batchMessage(1, nil)}, "epoch 1 without its schema", fault.Bug},
		{"batch of another epoch", []*pb.FromPlugin{schema, batchMessage(2, func(b *pb.Batch) { b.Epoch = 2 })}, "epoch 2 without its schema", fault.Bug},
		{"epoch repeated", []*pb.FromPlugin{schema, schemaMessage(2, 1)}, "epoch 1 after epoch 1", fault.Bug},
		{"epoch grows", []*pb.FromPlugin{schema, batch, schemaMessage(3, 2), batchMessage(4, func(b *pb.Batch) { b.Epoch = 2 }), doneMessage(5, 10)}, "", ""},
		{"stream not asked for", []*pb.FromPlugin{schema, batchMessage(2, func(b *pb.Batch) { b.Stream = "users" })}, `"users", which was not asked for`, fault.Bug},
		{"operation missing", []*pb.FromPlugin{schema, batchMessage(2, func(b *pb.Batch) { b.Op = 0 })}, "operation 0", fault.Bug},
		{"operation unknown", []*pb.FromPlugin{schema, batchMessage(2, func(b *pb.Batch) { b.Op = 4 })}, "operation 4", fault.Bug},
		{"more rows announced", []*pb.FromPlugin{schema, batchMessage(2, func(b *pb.Batch) { b.Rows = 6 })}, "holds 5 rows, announced 6", fault.Bug},
		{"checksum", []*pb.FromPlugin{schema, batchMessage(2, func(b *pb.Batch) { b.Crc32C = 1 })}, "checksum 00000001 announced", fault.Bug},
		{"garbage for a batch", []*pb.FromPlugin{schema, batchMessage(2, func(b *pb.Batch) { b.Ipc = []byte("PAR1 this is no message") })}, "no continuation mark", fault.Bug},
		{"no bytes for a batch", []*pb.FromPlugin{schema, batchMessage(2, func(b *pb.Batch) { b.Ipc = nil })}, "truncated at byte 0", fault.Bug},
		{"ends without done", []*pb.FromPlugin{schema, batch}, "without saying that it is complete", fault.Transient},
		{"ends at once", nil, "without saying that it is complete", fault.Transient},
		{"done counts more", []*pb.FromPlugin{schema, batch, doneMessage(3, 6)}, "its end counts 6 rows, 5 arrived", fault.Transient},
		{"done counts less", []*pb.FromPlugin{schema, batch, doneMessage(3, 4)}, "its end counts 4 rows, 5 arrived", fault.Transient},
		{"done with a large state", []*pb.FromPlugin{{Seq: 1, Message: &pb.FromPlugin_TaskDone{TaskDone: &pb.TaskDone{State: &pb.State{Data: large}}}}}, "state of 1048577 bytes", fault.Bug},
		{"checkpoint with a large state", []*pb.FromPlugin{checkpointMessage(1, 1, 0, large)}, "state of 1048577 bytes", fault.Bug},
		{"checkpoint repeated", []*pb.FromPlugin{checkpointMessage(1, 1, 0, nil), checkpointMessage(2, 1, 0, nil)}, "checkpoint 1 came after checkpoint 1", fault.Bug},
		{"checkpoint counts more", []*pb.FromPlugin{schema, batch, checkpointMessage(3, 1, 9, nil)}, "its checkpoint counts 9 rows, 5 arrived", fault.Transient},
		{"boundary good", []*pb.FromPlugin{schema, boundaryMessage(2, false, 0), batchMessage(3, nil), boundaryMessage(4, true, 5), doneMessage(5, 5)}, "", ""},
		{"boundary without beginning", []*pb.FromPlugin{boundaryMessage(1, true, 0)}, "does not follow its beginning", fault.Bug},
		{"boundary begun twice", []*pb.FromPlugin{boundaryMessage(1, false, 0), boundaryMessage(2, false, 0)}, "does not follow", fault.Bug},
		{"boundary counts more", []*pb.FromPlugin{boundaryMessage(1, false, 0), boundaryMessage(2, true, 1)}, "counts 1 rows, 0 arrived", fault.Transient},
		{"boundary left open", []*pb.FromPlugin{boundaryMessage(1, false, 0), doneMessage(2, 0)}, "boundary was never completed", fault.Transient},
		{"rows after the stream's end", []*pb.FromPlugin{schema, {Seq: 2, Message: &pb.FromPlugin_StreamDone{StreamDone: &pb.StreamDone{Stream: "orders"}}}, batchMessage(3, nil)}, "without its schema", fault.Bug},
		{"stream's end counts more", []*pb.FromPlugin{{Seq: 1, Message: &pb.FromPlugin_StreamDone{StreamDone: &pb.StreamDone{Stream: "orders", Rows: 3}}}}, "counts 3 rows, 0 arrived", fault.Transient},
		{"key that is no column", []*pb.FromPlugin{{Seq: 1, Message: &pb.FromPlugin_Schema{Schema: &pb.Schema{Stream: "orders", Epoch: 1, Columns: pbColumns(columns()), Key: &pb.Columns{Names: []string{"nope"}}}}}}, "not every name is a column", fault.Bug},
		{"column of an unknown type", []*pb.FromPlugin{{Seq: 1, Message: &pb.FromPlugin_Schema{Schema: &pb.Schema{Stream: "orders", Epoch: 1, Columns: []*pb.Column{{Name: "a", Type: &pb.Type{Id: "run_end"}}}}}}}, `type "run_end" is not supported`, fault.Bug},
		{"schema without columns", []*pb.FromPlugin{{Seq: 1, Message: &pb.FromPlugin_Schema{Schema: &pb.Schema{Stream: "orders", Epoch: 1}}}}, "0 columns", fault.Bug},
		{"nothing", []*pb.FromPlugin{{Seq: 1}}, "of a kind that this version does not know", fault.Bug},
		{"error of an unknown class", []*pb.FromPlugin{{Seq: 1, Message: &pb.FromPlugin_Error{Error: &pb.Error{Class: 99, Message: "x"}}}}, "x", fault.Bug},
		{"error without words", []*pb.FromPlugin{{Seq: 1, Message: &pb.FromPlugin_Error{Error: &pb.Error{Class: pb.Class_CLASS_AUTH}}}}, "without saying why", fault.Auth},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			e := &evil{messages: c.messages}
			if c.want == "" {
				e.late = []*pb.FromPlugin{}
			}
			got, err := collect(t, session(t, e.client(t), "{}"), ask("orders"))
			release(got)
			expectFault(t, err, c.want, c.code)
		})
	}
}

func expectFault(t *testing.T, err error, want string, code fault.Code) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Fatal(err)
	case want == "":
	case err == nil:
		t.Fatalf("passed, want %q", want)
	case !strings.Contains(err.Error(), want) || fault.CodeOf(err) != code:
		t.Errorf("error %.300q, want %q of class %s", err.Error(), want, code)
	}
}

func TestMessageAfterDoneIsReported(t *testing.T) {
	e := &evil{messages: []*pb.FromPlugin{doneMessage(1, 0)}, late: []*pb.FromPlugin{schemaMessage(2, 1)}}
	_, err := collect(t, session(t, e.client(t), "{}"), ask("orders"))
	expectFault(t, err, "another message after it had said that it is done", fault.Bug)
}

func TestPreviewNeverCheckpoints(t *testing.T) {
	e := &evil{messages: []*pb.FromPlugin{checkpointMessage(1, 1, 0, nil)}}
	r := ask("orders")
	r.MaxRows = 10
	_, err := collect(t, session(t, e.client(t), "{}"), r)
	expectFault(t, err, "a checkpoint in a preview", fault.Bug)
}

// Deletes hold the key columns in schema order, then the cursor field, whatever order the key is declared in.
func TestDeletesHaveKeyAndCursor(t *testing.T) {
	schema, err := sdk.ArrowSchema([]sdk.Column{columns()[0], columns()[1], columns()[2]})
	if err != nil {
		t.Fatal(err)
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	b.Field(0).(*array.Int64Builder).Append(1)
	b.Field(1).(*array.StringBuilder).Append("x")
	b.Field(2).(*array.Int64Builder).Append(9)
	whole := b.NewRecord()
	defer whole.Release()
	gone := func(fields ...int) func(*pb.Batch) {
		var fs []arrow.Field
		var cs []arrow.Array
		for _, f := range fields {
			fs, cs = append(fs, schema.Field(f)), append(cs, whole.Column(f))
		}
		record := array.NewRecord(arrow.NewSchema(fs, nil), cs, 1)
		defer record.Release()
		ipc := message(record)
		return func(b *pb.Batch) { b.Op, b.Rows, b.Ipc = pb.Op_OP_DELETE_KEYS, 1, ipc }
	}
	described := &pb.Stream{Name: "orders", Columns: pbColumns(columns()), Key: []string{"name", "id"}, CursorField: "at"}
	noCursor := &pb.Stream{Name: "orders", Columns: pbColumns(columns()), Key: []string{"id"}}
	for _, c := range []struct {
		name   string
		stream *pb.Stream
		key    *pb.Columns
		batch  func(*pb.Batch)
		want   string
	}{
		{"key as discovered, cursor", described, nil, gone(0, 1, 2), ""},
		{"key as read", described, &pb.Columns{Names: []string{"name"}}, gone(1, 2), ""},
		{"key holds the cursor", described, &pb.Columns{Names: []string{"at", "id"}}, gone(0, 2), ""},
		{"no cursor", noCursor, nil, gone(0), ""},
		{"whole rows", noCursor, nil, gone(0, 1, 2), "does not match its schema"},
		{"no key at all", noCursor, &pb.Columns{}, gone(0), "deletes without a usable key"},
	} {
		t.Run(c.name, func(t *testing.T) {
			first := schemaMessage(1, 1)
			first.GetSchema().Key = c.key
			e := &evil{streams: []*pb.Stream{c.stream}, late: []*pb.FromPlugin{}, messages: []*pb.FromPlugin{first, batchMessage(2, c.batch), doneMessage(3, 1)}}
			got, err := collect(t, session(t, e.client(t), "{}"), ask("orders"))
			release(got)
			expectFault(t, err, c.want, fault.Bug)
		})
	}
}

// endless sends a message of a size without having its bytes.
type endless struct{ encoding.CodecV2 }

type hugeMessage struct{ blocks int }

func (c endless) Marshal(v any) (mem.BufferSlice, error) {
	huge, ok := v.(hugeMessage)
	if !ok {
		return c.CodecV2.Marshal(v)
	}
	block := make(mem.SliceBuffer, 1<<20)
	data := make(mem.BufferSlice, huge.blocks)
	for i := range data {
		data[i] = block
	}
	return data, nil
}

func TestP14_MessageOf1500MB(t *testing.T) {
	e := &evil{raw: hugeMessage{blocks: 1500}}
	client := e.client(t, grpc.ForceServerCodecV2(endless{encoding.GetCodecV2(proto.Name)}), grpc.MaxSendMsgSize(1<<31-1))
	_, err := collect(t, session(t, client, "{}"), ask("orders"))
	expectFault(t, err, "larger than max (1572864000 vs. 33554432)", fault.Bug)
}

func TestP13_DescribeThatMakesNoSense(t *testing.T) {
	many := make([]*pb.Stream, 10_000)
	for i := range many {
		many[i] = &pb.Stream{Name: fmt.Sprint("s", i)}
	}
	for _, c := range []struct {
		name  string
		reply *pb.DescribeReply
		want  string
	}{
		{"empty", &pb.DescribeReply{}, `name ""`},
		{"name", &pb.DescribeReply{Kind: "connector", Name: "../etc"}, `name "../etc"`},
		{"10,000 tables", &pb.DescribeReply{Kind: "connector", Name: "x", Streams: many}, "10000 streams, the limit is 4096"},
		{"stream twice", &pb.DescribeReply{Kind: "connector", Name: "x", Streams: []*pb.Stream{{Name: "a"}, {Name: "a"}}}, `"a" stands twice`},
		{"stream's name", &pb.DescribeReply{Kind: "connector", Name: "x", Streams: []*pb.Stream{{Name: "A"}}}, `"A" does not match`},
		{"setting twice", &pb.DescribeReply{Kind: "connector", Name: "x", Settings: []*pb.Field{{Name: "a"}, {Name: "a"}}}, `setting "a"`},
		{"schema", &pb.DescribeReply{Kind: "connector", Name: "x", Streams: []*pb.Stream{{Name: "a", Columns: []*pb.Column{{Name: "c"}}}}}, `type "" is not supported`},
		{"key", &pb.DescribeReply{Kind: "connector", Name: "x", Streams: []*pb.Stream{{Name: "a", Columns: pbColumns(columns()), Key: []string{"z"}}}}, `key column "z"`},
		{"deep type", &pb.DescribeReply{Kind: "connector", Name: "x", Streams: []*pb.Stream{{Name: "a", Columns: []*pb.Column{deep(500)}}}}, "nested deeper"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := (&evil{describe: c.reply}).client(t).Describe(context.Background())
			expectFault(t, err, c.want, fault.Bug)
		})
	}
}

func deep(n int) *pb.Column {
	c := &pb.Column{Name: "c", Type: &pb.Type{Id: "int64"}}
	for range n {
		c = &pb.Column{Name: "c", Type: &pb.Type{Id: "list", Children: []*pb.Column{c}}}
	}
	return c
}

func TestP24_StatusTextIsCutAndEscaped(t *testing.T) {
	html := "<html>\x1b[31m" + strings.Repeat("<p>no</p>\r\n", 100_000)
	for code, want := range map[codes.Code]fault.Code{
		codes.Internal: fault.Bug, codes.Unknown: fault.Bug, codes.PermissionDenied: fault.Permission, codes.Unavailable: fault.Transient,
		codes.InvalidArgument: fault.Config, codes.DataLoss: fault.Data, codes.Canceled: fault.Cancelled, codes.Unimplemented: fault.Bug,
	} {
		e := &evil{}
		client := e.client(t)
		s := session(t, client, "{}")
		e.err = status.Error(code, html)
		_, err := s.Discover(context.Background(), nil)
		if fault.CodeOf(err) != want || len(err.Error()) > 1200 || strings.ContainsAny(err.Error(), "\x1b\r\n") || !strings.Contains(err.Error(), "<html>") {
			t.Errorf("%s: class %s, %d bytes: %.100q", code, fault.CodeOf(err), len(err.Error()), err.Error())
		}
	}
}

// A client without our codec reads what our server sends: the bytes are ordinary protobuf.
func TestAnyProtobufClientCanReadAPlugin(t *testing.T) {
	record := rows(memory.DefaultAllocator, 0, 5000)
	defer record.Release()
	record.Retain()
	server := wire.NewServer(playing(&script{messages: []connector.Message{
		connector.Schema{Stream: "orders", Epoch: 1, Columns: columns()}, batch(record), connector.Done{Rows: map[string]uint64{"orders": 5000}},
	}}))
	conn := network(t, wire.ServerOptions(), server.Register)
	reply, err := pb.NewPluginClient(conn).Open(context.Background(), &pb.OpenRequest{Settings: []byte("{}")})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	stream, err := pb.NewConnectorClient(conn).Read(ctx)
	if err != nil {
		t.Fatal(err)
	}
	start := &pb.Start{Session: reply.GetSession(), Asks: []*pb.Ask{{Stream: "orders", Mode: "full_refresh"}}}
	if err := stream.Send(&pb.ToPlugin{Message: &pb.ToPlugin_Start{Start: start}}); err != nil {
		t.Fatal(err)
	}
	var got *pb.Batch
	for seq := uint64(1); ; seq++ {
		m, err := stream.Recv()
		if err != nil {
			t.Fatal(err)
		}
		if m.GetSeq() != seq {
			t.Errorf("message %d has the number %d", seq, m.GetSeq())
		}
		if m.GetBatch() != nil {
			got = m.GetBatch()
		}
		if m.GetTaskDone() != nil {
			break
		}
	}
	if got.GetStream() != "orders" || got.GetEpoch() != 1 || got.GetOp() != pb.Op_OP_APPEND || got.GetRows() != 5000 || !bytes.Equal(got.GetIpc(), message(record)) ||
		got.GetCrc32C() != crc32.Checksum(got.GetIpc(), crc32.MakeTable(crc32.Castagnoli)) {
		t.Errorf("batch %s %d %s %d rows, %d bytes", got.GetStream(), got.GetEpoch(), got.GetOp(), got.GetRows(), len(got.GetIpc()))
	}
}

package services_test

import (
	"bytes"
	"context"
	"hash/crc32"
	"net"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/sdk/internal/pb"
	"github.com/ai-data-analyst/broker/sdk/internal/wire"
	"github.com/ai-data-analyst/broker/sdk/internal/wire/services"
	"github.com/ai-data-analyst/broker/sdk/service"
)

// evil is a plugin that answers whatever it likes.
type evil struct {
	pb.UnimplementedPluginServer
	pb.UnimplementedQuerierServer
	replies []*pb.QueryReply
	hang    bool
}

func (e *evil) Describe(context.Context, *pb.DescribeRequest) (*pb.DescribeReply, error) {
	return &pb.DescribeReply{Kind: "service", Name: "evil", Version: "1", Abilities: []string{"query", "\x1b[31m"}}, nil
}

func (e *evil) Open(context.Context, *pb.OpenRequest) (*pb.OpenReply, error) {
	return &pb.OpenReply{Session: "1"}, nil
}

func (e *evil) Query(_ *pb.QueryRequest, stream grpc.ServerStreamingServer[pb.QueryReply]) error {
	for _, r := range e.replies {
		if err := stream.Send(r); err != nil {
			return err
		}
	}
	if e.hang {
		<-stream.Context().Done()
	}
	return nil
}

// querier is the host's end of the plugin.
func querier(t *testing.T, e *evil) service.Querier {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	pb.RegisterPluginServer(server, e)
	pb.RegisterQuerierServer(server, e)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	conn, err := grpc.NewClient(listener.Addr().String(), append(wire.DialOptions(), grpc.WithTransportCredentials(insecure.NewCredentials()))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	session, err := services.NewClient(wire.NewClient(conn), conn).Open(t.Context(), service.Open{Settings: []byte("{}")})
	if err != nil {
		t.Fatal(err)
	}
	return session.(service.Querier)
}

// message is one record-batch message of n integers.
func message(t *testing.T, n int) []byte {
	t.Helper()
	schema := arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int64, Nullable: true}}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	for i := range n {
		b.Field(0).(*array.Int64Builder).Append(int64(i))
	}
	record := b.NewRecord()
	defer record.Release()
	var head, whole bytes.Buffer
	w := ipc.NewWriter(&head, ipc.WithSchema(schema))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	w = ipc.NewWriter(&whole, ipc.WithSchema(schema))
	if err := w.Write(record); err != nil {
		t.Fatal(err)
	}
	return whole.Bytes()[head.Len()-8:] // the end mark is 8 bytes
}

func columns(types ...string) *pb.QueryReply {
	said := &pb.ResultColumns{}
	for _, id := range types {
		said.Columns = append(said.Columns, &pb.ResultColumn{Name: "n", Type: &pb.Type{Id: id}, EngineType: "BIGINT"})
	}
	return &pb.QueryReply{Message: &pb.QueryReply_Columns{Columns: said}}
}

func batch(rows uint32, ipc []byte) *pb.QueryReply {
	sum := crc32.Checksum(ipc, crc32.MakeTable(crc32.Castagnoli))
	return &pb.QueryReply{Message: &pb.QueryReply_Batch{Batch: &pb.ResultBatch{Rows: rows, Crc32C: sum, Ipc: ipc}}}
}

func done(rows uint64) *pb.QueryReply {
	return &pb.QueryReply{Message: &pb.QueryReply_Done{Done: &pb.ResultDone{Rows: rows}}}
}

func ask(t *testing.T, e *evil) (rows int64, err error) {
	t.Helper()
	result, err := querier(t, e).Query(t.Context(), service.QueryRequest{SQL: "x", Limit: 10})
	if err != nil {
		return 0, err
	}
	defer result.Close()
	for result.Next(t.Context()) {
		record := result.Record()
		rows += record.NumRows()
		record.Release()
	}
	return rows, result.Err()
}

// G8, I9: a result is whole or an error, whatever the plugin sends.
func TestG8_HostileResults(t *testing.T) {
	good := message(t, 3)
	damaged := batch(3, good)
	damaged.GetBatch().Crc32C++
	flipped := append([]byte{}, good...)
	for i := 8; i < 40; i++ {
		flipped[i] ^= 0xff
	}
	for name, c := range map[string]struct {
		replies []*pb.QueryReply
		code    fault.Code
	}{
		"nothing at all":          {nil, fault.Transient},
		"no columns":              {[]*pb.QueryReply{batch(3, good)}, fault.Bug},
		"an empty message":        {[]*pb.QueryReply{{}}, fault.Bug},
		"no column":               {[]*pb.QueryReply{columns(), done(0)}, fault.Bug},
		"a type that is none":     {[]*pb.QueryReply{columns("pointer"), done(0)}, fault.Bug},
		"an end that is missing":  {[]*pb.QueryReply{columns("int64"), batch(3, good)}, fault.Transient},
		"fewer rows than it says": {[]*pb.QueryReply{columns("int64"), batch(3, good), done(4)}, fault.Transient},
		"more rows than asked":    {[]*pb.QueryReply{columns("int64"), batch(3, good), batch(3, good), batch(3, good), batch(3, good), done(12)}, fault.Bug},
		"a wrong number of rows":  {[]*pb.QueryReply{columns("int64"), batch(2, good), done(2)}, fault.Bug},
		"a batch without rows":    {[]*pb.QueryReply{columns("int64"), batch(0, nil)}, fault.Bug},
		"garbage":                 {[]*pb.QueryReply{columns("int64"), batch(3, bytes.Repeat([]byte{0xa5}, 500))}, fault.Bug},
		"a flipped header":        {[]*pb.QueryReply{columns("int64"), batch(3, flipped)}, fault.Bug},
		"half of it":              {[]*pb.QueryReply{columns("int64"), batch(3, good[:len(good)/2])}, fault.Bug},
		"another type":            {[]*pb.QueryReply{columns("string"), batch(3, good)}, fault.Bug},
		"another width":           {[]*pb.QueryReply{columns("int64", "int64"), batch(3, good)}, fault.Bug},
		"damage on the way":       {[]*pb.QueryReply{columns("int64"), damaged}, fault.Transient},
		"columns twice":           {[]*pb.QueryReply{columns("int64"), columns("int64")}, fault.Bug},
	} {
		if rows, err := ask(t, &evil{replies: c.replies}); fault.CodeOf(err) != c.code {
			t.Errorf("%s: %d rows, %v, want %s", name, rows, err, c.code)
		}
	}
	if rows, err := ask(t, &evil{replies: []*pb.QueryReply{columns("int64"), batch(3, good), done(3)}}); err != nil || rows != 3 {
		t.Errorf("a good one: %d rows, %v", rows, err)
	}
}

// Names that repeat and hold anything are the statement's own; control characters are not passed on.
func TestNamesOfColumns(t *testing.T) {
	said := columns("int64", "int64")
	said.GetColumns().Columns[1].Name = "Two \x1b[31mwords"
	result, err := querier(t, &evil{replies: []*pb.QueryReply{said, done(0)}}).Query(t.Context(), service.QueryRequest{SQL: "x"})
	if err != nil {
		t.Fatal(err)
	}
	defer result.Close()
	if c := result.Columns(); c[0].Name != "n" || c[1].Name != `Two \x1b[31mwords` {
		t.Errorf("%q", c)
	}
}

func TestASilentPluginIsNotWaitedForLongerThanTheQuery(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	result, err := querier(t, &evil{replies: []*pb.QueryReply{columns("int64")}, hang: true}).Query(ctx, service.QueryRequest{SQL: "x", Timeout: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	defer result.Close()
	cancel()
	if result.Next(t.Context()) || fault.CodeOf(result.Err()) != fault.Cancelled {
		t.Errorf("cancelled: %v", result.Err())
	}
	short, end := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer end()
	_, err = querier(t, &evil{hang: true}).Query(short, service.QueryRequest{SQL: "x", Timeout: time.Hour})
	if f, ok := fault.As(err); !ok || f.Code != fault.Transient || f.Path != service.TimeoutPath {
		t.Errorf("out of time: %v", err)
	}
}

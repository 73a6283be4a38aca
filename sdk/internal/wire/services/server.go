// Package services holds both gRPC ends of the service contract: what services have in common with connectors is wire's,
// their abilities are served and called here.
//
// Its Go types stop here, as wire's do, and its client trusts nothing either. Only sdk/serve and sdk/dial import it.
package services

import (
	"bytes"
	"context"
	"hash/crc32"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"google.golang.org/grpc"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/sdk/internal/pb"
	"github.com/ai-data-analyst/broker/sdk/internal/wire"
	"github.com/ai-data-analyst/broker/sdk/internal/wire/words"
	"github.com/ai-data-analyst/broker/sdk/service"
)

// Server is the plugin's end of a service.
type Server struct {
	pb.UnimplementedQuerierServer
	plugin *wire.Server
}

// NewServer returns the plugin's end over the author's service.
func NewServer(s service.Service) *Server {
	return &Server{plugin: wire.NewServer(common{s})}
}

// Register adds the services to a gRPC server made with wire.ServerOptions.
func (s *Server) Register(server *grpc.Server) {
	pb.RegisterPluginServer(server, s.plugin)
	pb.RegisterQuerierServer(server, s)
}

// Shutdown closes what is still open. Nothing may be served any more.
func (s *Server) Shutdown(ctx context.Context) { s.plugin.Shutdown(ctx) }

// common shows a service as what wire serves for every kind of plugin. The connector's own calls are not registered.
type common struct{ service.Service }

// Open implements connector.Connector.
func (c common) Open(ctx context.Context, open connector.Open) (connector.Session, error) {
	session, err := c.Service.Open(ctx, service.Open{Settings: open.Settings, WorkDir: open.WorkDir})
	if err != nil {
		return nil, err
	}
	return commonSession{session}, nil
}

type commonSession struct{ service.Session }

func (commonSession) Discover(context.Context, []string) ([]sdk.Stream, error) {
	return nil, fault.New(fault.Bug, "a service has no streams")
}

func (commonSession) Read(context.Context, connector.Request) (connector.Messages, error) {
	return nil, fault.New(fault.Bug, "a service has no streams")
}

// Query implements pb.QuerierServer. Whatever goes wrong, the host is told by a typed Error as the last message.
func (s *Server) Query(r *pb.QueryRequest, stream grpc.ServerStreamingServer[pb.QueryReply]) error {
	session, hidden, err := s.plugin.Lookup(r.GetSession())
	if err != nil {
		return err
	}
	err = s.plugin.Work(func() error {
		common, ok := session.(commonSession)
		if !ok {
			return fault.New(fault.Bug, "the session is no service's")
		}
		querier, ok := common.Session.(service.Querier)
		if !ok {
			return fault.New(fault.Config, "the service cannot be queried")
		}
		return deliver(querier, requestFromPB(r), stream)
	})
	if err == nil {
		return nil
	}
	if stream.Send(&pb.QueryReply{Message: &pb.QueryReply_Error{Error: words.ErrorToPB(err, hidden)}}) != nil {
		return words.StatusOf(err, hidden)
	}
	return nil
}

func requestFromPB(r *pb.QueryRequest) service.QueryRequest {
	out := service.QueryRequest{SQL: r.GetSql(), Limit: int64(min(r.GetLimit(), 1<<62)), MemoryBytes: int64(min(r.GetMemoryBytes(), 1<<62)),
		Timeout: time.Duration(min(r.GetTimeoutMs(), uint64(maxTimeout.Milliseconds()))) * time.Millisecond}
	for _, t := range r.GetTables() {
		table := service.Table{Namespace: t.GetNamespace(), Name: t.GetName(), Parts: t.GetParts()}
		for _, c := range t.GetColumns() {
			table.Columns = append(table.Columns, service.TableColumn{ID: int(c.GetId()), Name: c.GetName(), Type: c.GetType()})
		}
		out.Tables = append(out.Tables, table)
	}
	return out
}

// maxTimeout bounds what may be asked for.
const maxTimeout = 24 * time.Hour

// deliver sends one result: columns, batches, the end.
func deliver(querier service.Querier, request service.QueryRequest, stream grpc.ServerStreamingServer[pb.QueryReply]) error {
	ctx := stream.Context()
	rows, err := querier.Query(ctx, request)
	if err != nil {
		return err
	}
	defer rows.Close() //nolint:errcheck // what went wrong is Err's to say
	columns := &pb.ResultColumns{}
	for _, c := range rows.Columns() {
		columns.Columns = append(columns.Columns, &pb.ResultColumn{Name: c.Name, Type: wire.TypeToPB(c.Type), EngineType: c.EngineType})
	}
	if err := stream.Send(&pb.QueryReply{Message: &pb.QueryReply_Columns{Columns: columns}}); err != nil {
		return gone(err)
	}
	out := &outgoing{stream: stream, crc: crc32.MakeTable(crc32.Castagnoli)}
	for rows.Next(ctx) {
		record := rows.Record()
		err := out.batch(record)
		record.Release()
		if err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	done := &pb.ResultDone{Rows: out.rows, Truncated: rows.Truncated()}
	return gone(stream.Send(&pb.QueryReply{Message: &pb.QueryReply_Done{Done: done}}))
}

// gone names a failure to send: the host is gone, or does not want more.
func gone(err error) error { return fault.Wrap(fault.Cancelled, err, "send to the host") }

// outgoing encodes and sends batches.
type outgoing struct {
	stream grpc.ServerStreamingServer[pb.QueryReply]
	crc    *crc32.Table
	rows   uint64
	buffer bytes.Buffer
}

// batch sends a record, in halves while it is larger than a message may be.
func (o *outgoing) batch(record arrow.Record) error {
	n := record.NumRows()
	if n == 0 {
		return nil
	}
	o.buffer.Reset()
	if err := encode(&o.buffer, record); err != nil {
		return err
	}
	if size := o.buffer.Len(); size > service.MaxBatchBytes {
		if n < 2 {
			return fault.Newf(fault.Data, "one row of the result has %d MiB, the limit is %d MiB", size>>20, service.MaxBatchBytes>>20).
				WithHelp("Select fewer or shorter columns.")
		}
		for _, part := range [][2]int64{{0, n / 2}, {n / 2, n}} {
			half := record.NewSlice(part[0], part[1])
			err := o.batch(half)
			half.Release()
			if err != nil {
				return err
			}
		}
		return nil
	}
	o.rows += uint64(n)
	ipc := o.buffer.Bytes()
	batch := &pb.ResultBatch{Rows: uint32(n), Crc32C: crc32.Checksum(ipc, o.crc), Ipc: ipc} // Send has serialized it when it returns
	return gone(o.stream.Send(&pb.QueryReply{Message: &pb.QueryReply_Batch{Batch: batch}}))
}

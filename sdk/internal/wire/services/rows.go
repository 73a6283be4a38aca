package services

import (
	"context"
	"errors"
	"hash/crc32"
	"io"
	"unsafe"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"google.golang.org/grpc"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/sdk/internal/guard"
	"github.com/ai-data-analyst/broker/sdk/internal/pb"
	"github.com/ai-data-analyst/broker/sdk/internal/wire/words"
	"github.com/ai-data-analyst/broker/sdk/service"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// rows is one result in progress, seen from the host. It counts for itself: a result that merely ends is not complete.
type rows struct {
	ctx    context.Context
	cancel context.CancelFunc
	stream grpc.ServerStreamingClient[pb.QueryReply]
	hidden words.Secrets
	limit  uint64

	columns   []service.Column
	schema    *arrow.Schema
	guard     *guard.Reader
	count     uint64
	current   arrow.Record // found, not taken
	truncated bool
	done      bool
	err       error
}

var _ service.Rows = (*rows)(nil)

func violation(format string, args ...any) error {
	return fault.Newf(fault.Bug, "the plugin broke the protocol: "+format, args...)
}

// open receives the columns.
func (r *rows) open() error {
	reply, err := r.receive()
	if err != nil {
		return err
	}
	if reply.GetColumns() == nil {
		return violation("a result that does not begin with its columns")
	}
	if r.columns, r.guard, err = columnsFromPB(reply.GetColumns()); err != nil {
		return err
	}
	named := make([]sdk.Column, len(r.columns))
	for i, c := range r.columns {
		named[i] = sdk.Column{Name: c.Name, Type: c.Type}
	}
	r.schema, err = sdk.ArrowSchema(named)
	return fault.Wrap(fault.Bug, err, "read the columns of the result")
}

func (r *rows) receive() (*pb.QueryReply, error) {
	reply, err := r.stream.Recv()
	if errors.Is(err, io.EOF) {
		return nil, fault.New(fault.Transient, "the plugin ended the result without saying that it is complete")
	}
	if err != nil {
		return nil, err
	}
	if reply.GetError() != nil {
		return nil, words.ErrorFromPB(reply.GetError(), r.hidden)
	}
	return reply, nil
}

// explain turns what ended a query into a fault.
func (r *rows) explain(err error) error {
	// gRPC's clock may be a moment ahead of the context's.
	if errors.Is(r.ctx.Err(), context.DeadlineExceeded) || status.Code(err) == codes.DeadlineExceeded {
		return &fault.Fault{Code: fault.Transient, Path: service.TimeoutPath, What: "timeout: the query did not end in its time", Err: err}
	}
	if _, ok := fault.As(err); ok {
		return err
	}
	return words.FaultOf(r.ctx, err, "query", r.hidden)
}

// Columns implements service.Rows.
func (r *rows) Columns() []service.Column { return r.columns }

// Next implements service.Rows.
func (r *rows) Next(ctx context.Context) bool {
	r.drop()
	if r.err != nil || r.done {
		return false
	}
	stop := context.AfterFunc(ctx, r.cancel)
	defer stop()
	if err := r.step(); err != nil {
		r.err = r.explain(err)
		r.cancel()
		return false
	}
	return !r.done
}

// step receives one message: rows, or the end.
func (r *rows) step() error {
	reply, err := r.receive()
	if err != nil {
		return err
	}
	if done := reply.GetDone(); done != nil {
		if done.GetRows() != r.count {
			return fault.Newf(fault.Transient, "the result is incomplete: its end counts %d rows, %d arrived", done.GetRows(), r.count)
		}
		r.truncated, r.done = done.GetTruncated(), true
		return nil
	}
	batch := reply.GetBatch()
	if batch == nil || batch.GetRows() == 0 {
		return violation("a message without rows within a result")
	}
	if r.count += uint64(batch.GetRows()); r.count > r.limit {
		return violation("more rows than were asked for")
	}
	if crc32.Checksum(batch.GetIpc(), crc32.MakeTable(crc32.Castagnoli)) != batch.GetCrc32C() {
		return fault.New(fault.Transient, "rows were damaged on their way")
	}
	record, err := r.guard.Record(memory.NewBufferBytes(aligned(batch.GetIpc())), int(batch.GetRows()))
	if err != nil {
		return err
	}
	defer record.Release()
	r.current = array.NewRecord(r.schema, record.Columns(), record.NumRows())
	return nil
}

// aligned returns b, or a copy of it that begins at a multiple of 8 as the guard wants.
func aligned(b []byte) []byte {
	if len(b) == 0 || uintptr(unsafe.Pointer(&b[0]))%8 == 0 {
		return b
	}
	words := make([]uint64, (len(b)+7)/8)
	target := unsafe.Slice((*byte)(unsafe.Pointer(&words[0])), len(words)*8)[:len(b)]
	copy(target, b)
	return target
}

func (r *rows) drop() {
	if r.current != nil {
		r.current.Release()
		r.current = nil
	}
}

// Record implements service.Rows.
func (r *rows) Record() arrow.Record {
	record := r.current
	r.current = nil
	return record
}

// Err implements service.Rows.
func (r *rows) Err() error { return r.err }

// Truncated implements service.Rows.
func (r *rows) Truncated() bool { return r.truncated }

// Close implements service.Rows.
func (r *rows) Close() error {
	r.cancel()
	r.drop()
	return nil
}

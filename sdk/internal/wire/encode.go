package wire

import (
	"encoding/binary"
	"hash/crc32"
	"sync/atomic"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"google.golang.org/grpc/mem"

	"github.com/ai-data-analyst/broker/sdk/fault"
)

// pieces is an encapsulated record-batch message that still lies in the record's own buffers. Small buffers are copied
// together; large ones are lent to gRPC, and the record is released when the last of them has been sent.
type pieces struct {
	slices mem.BufferSlice
	size   int
	small  []byte // not yet in slices
	record arrow.Record
	lent   atomic.Int64
}

// Write implements io.Writer for Arrow's encoder, whose buffers stay valid as long as the record.
func (p *pieces) Write(b []byte) (int, error) {
	p.size += len(b)
	if mem.IsBelowBufferPoolingThreshold(len(b)) {
		p.small = append(p.small, b...)
		return len(b), nil
	}
	p.flush()
	p.lent.Add(1)
	lent := b
	p.slices = append(p.slices, mem.NewBuffer(&lent, p))
	return len(b), nil
}

func (p *pieces) flush() {
	if len(p.small) > 0 {
		p.slices = append(p.slices, mem.SliceBuffer(p.small))
		p.small = nil
	}
}

// Get implements mem.BufferPool; pieces only take back.
func (p *pieces) Get(length int) *[]byte {
	b := make([]byte, length)
	return &b
}

// Put implements mem.BufferPool: gRPC is done with one lent buffer.
func (p *pieces) Put(*[]byte) {
	if p.lent.Add(-1) == 0 {
		p.record.Release()
	}
}

// seal ends the writing. The writer's own share of the record is one lent buffer that returns here.
func (p *pieces) seal() {
	p.flush()
	p.Put(nil)
}

// drop gives everything back that was not handed to gRPC.
func (p *pieces) drop() { p.slices.Free() }

func (p *pieces) checksum(table *crc32.Table) uint32 {
	var sum uint32
	for _, s := range p.slices {
		sum = crc32.Update(sum, table, s.ReadOnlyData())
	}
	return sum
}

// encoder turns the records of one stream into pieces.
type encoder struct {
	schema *arrow.Schema
	writer *ipc.Writer
	begun  bool // the writer has written its schema, which does not travel
	out    *pieces
}

// encode returns the message of record, retaining it until gRPC has sent it.
func (e *encoder) encode(record arrow.Record) (*pieces, error) {
	if e.schema != record.Schema() {
		e.schema = record.Schema()
		// Go memory on purpose: buffers that the writer makes itself live as long as somebody refers to them.
		e.writer = ipc.NewWriterWithPayloadWriter(e, ipc.WithSchema(e.schema), ipc.WithAllocator(memory.NewGoAllocator()))
		e.begun = false
	}
	record.Retain()
	e.out = &pieces{record: record}
	e.out.lent.Store(1)
	out := e.out
	err := e.writer.Write(record)
	out.seal()
	if err != nil {
		out.drop()
		return nil, fault.Wrap(fault.Bug, err, "encode a batch")
	}
	return out, nil
}

// Start implements ipc.PayloadWriter.
func (e *encoder) Start() error { return nil }

// Close implements ipc.PayloadWriter.
func (e *encoder) Close() error { return nil }

// WritePayload implements ipc.PayloadWriter.
func (e *encoder) WritePayload(p ipc.Payload) error {
	if !e.begun {
		e.begun = true
		return nil
	}
	meta := p.Meta()
	defer meta.Release()
	padded := (meta.Len() + 7) &^ 7
	head := make([]byte, 8+padded)
	binary.LittleEndian.PutUint32(head, 0xffffffff)
	binary.LittleEndian.PutUint32(head[4:], uint32(padded))
	copy(head[8:], meta.Bytes())
	e.out.size += len(head)
	e.out.small = append(e.out.small, head...)
	return p.SerializeBody(e.out)
}

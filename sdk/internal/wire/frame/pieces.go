package frame

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

// Pieces is an encapsulated record-batch message that still lies in the record's own buffers. Small buffers are copied
// together; large ones are lent to gRPC, and the record is released when the last of them has been sent.
type Pieces struct {
	slices mem.BufferSlice
	size   int
	small  []byte // not yet in slices
	record arrow.Record
	lent   atomic.Int64
}

// lendFrom is the size from which it is cheaper to lend a buffer than to copy it.
const lendFrom = 16 << 10

// Write implements io.Writer for Arrow's encoder, whose buffers stay valid as long as the record.
func (p *Pieces) Write(b []byte) (int, error) {
	p.size += len(b)
	if len(b) < lendFrom {
		p.small = append(p.small, b...)
		return len(b), nil
	}
	p.flush()
	p.lent.Add(1)
	lent := b
	p.slices = append(p.slices, mem.NewBuffer(&lent, p))
	return len(b), nil
}

func (p *Pieces) flush() {
	if len(p.small) > 0 {
		p.slices = append(p.slices, mem.SliceBuffer(p.small))
		p.small = nil
	}
}

// Get implements mem.BufferPool; Pieces only take back.
func (p *Pieces) Get(length int) *[]byte {
	b := make([]byte, length)
	return &b
}

// Put implements mem.BufferPool: gRPC is done with one lent buffer.
func (p *Pieces) Put(*[]byte) {
	if p.lent.Add(-1) == 0 {
		p.record.Release()
	}
}

// seal ends the writing. The writer's own share of the record is one lent buffer that returns here.
func (p *Pieces) seal() {
	p.flush()
	p.Put(nil)
}

// Size returns the bytes of the message.
func (p *Pieces) Size() int { return p.size }

// Parts returns the bytes of the message in pieces, which stay as they are until Drop.
func (p *Pieces) Parts() [][]byte {
	parts := make([][]byte, len(p.slices))
	for i, s := range p.slices {
		parts[i] = s.ReadOnlyData()
	}
	return parts
}

// Drop gives everything back that was not handed to gRPC.
func (p *Pieces) Drop() { p.slices.Free() }

func (p *Pieces) checksum(table *crc32.Table) uint32 {
	var sum uint32
	for _, s := range p.slices {
		sum = crc32.Update(sum, table, s.ReadOnlyData())
	}
	return sum
}

// Encoder turns the records of one stream into Pieces.
type Encoder struct {
	schema *arrow.Schema
	writer *ipc.Writer
	begun  bool // the writer has written its schema, which does not travel
	out    *Pieces
}

// Encode returns the message of record, retaining it until gRPC has sent it.
func (e *Encoder) Encode(record arrow.Record) (*Pieces, error) {
	if e.schema != record.Schema() {
		e.schema = record.Schema()
		// Go memory on purpose: buffers that the writer makes itself live as long as somebody refers to them.
		e.writer = ipc.NewWriterWithPayloadWriter(e, ipc.WithSchema(e.schema), ipc.WithAllocator(memory.NewGoAllocator()))
		e.begun = false
	}
	record.Retain()
	e.out = &Pieces{record: record}
	e.out.lent.Store(1)
	out := e.out
	err := e.writer.Write(record)
	out.seal()
	if err != nil {
		out.Drop()
		return nil, fault.Wrap(fault.Bug, err, "encode a batch")
	}
	return out, nil
}

// Start implements ipc.PayloadWriter.
func (e *Encoder) Start() error { return nil }

// Close implements ipc.PayloadWriter.
func (e *Encoder) Close() error { return nil }

// WritePayload implements ipc.PayloadWriter.
func (e *Encoder) WritePayload(p ipc.Payload) error {
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

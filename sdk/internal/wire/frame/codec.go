// Package frame writes and reads the one message that carries rows without protobuf's copies, as ordinary protobuf.
//
// It knows bytes, buffers and who frees them; whether a batch is any good is for guard and the ledger to say.
package frame

import (
	"encoding/binary"
	"hash/crc32"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/ai-data-analyst/broker/sdk/internal/pb"
)

// Codec is protobuf, but for the two messages that carry rows: they are written and read without protobuf's copies.
// The bytes are ordinary protobuf all the same, so any client of any language can be at the other end.
type Codec struct {
	encoding.CodecV2
	crc *crc32.Table
}

// NewCodec returns the codec of both ends.
func NewCodec() Codec {
	return Codec{CodecV2: encoding.GetCodecV2(proto.Name), crc: crc32.MakeTable(crc32.Castagnoli)}
}

// Numbers of the fields that the codec writes and reads itself.
const (
	fieldSeq, fieldBatch                                                                           = 1, 3                // FromPlugin
	fieldStream, fieldEpoch, fieldOp, fieldRows, fieldCRC, fieldIPC, fieldChannel protowire.Number = 1, 2, 3, 4, 5, 6, 7 // Batch
)

// Out is a FromPlugin with a batch on its way out.
type Out struct {
	Seq    uint64
	Stream string
	Epoch  uint32
	Op     pb.Op
	Rows   uint32
	IPC    *Pieces
	Beside bool // IPC is announced only: the caller sends it on the channel
}

// Marshal implements encoding.CodecV2.
func (c Codec) Marshal(v any) (mem.BufferSlice, error) {
	out, ok := v.(*Out)
	if !ok {
		return c.CodecV2.Marshal(v)
	}
	head := protowire.AppendTag(nil, fieldStream, protowire.BytesType)
	head = protowire.AppendString(head, out.Stream)
	head = appendVarint(head, fieldEpoch, uint64(out.Epoch))
	head = appendVarint(head, fieldOp, uint64(out.Op))
	head = appendVarint(head, fieldRows, uint64(out.Rows))
	head = protowire.AppendTag(head, fieldCRC, protowire.Fixed32Type)
	head = protowire.AppendFixed32(head, out.IPC.checksum(c.crc))
	if out.Beside {
		return mem.BufferSlice{mem.SliceBuffer(startOf(out.Seq, appendVarint(head, fieldChannel, uint64(out.IPC.size)), 0))}, nil
	}
	head = protowire.AppendTag(head, fieldIPC, protowire.BytesType)
	head = protowire.AppendVarint(head, uint64(out.IPC.size))
	return append(mem.BufferSlice{mem.SliceBuffer(startOf(out.Seq, head, out.IPC.size))}, out.IPC.slices...), nil
}

// startOf is the start of a message with this batch, of which more bytes follow.
func startOf(seq uint64, batch []byte, more int) []byte {
	outer := protowire.AppendTag(appendVarint(nil, fieldSeq, seq), fieldBatch, protowire.BytesType)
	return append(protowire.AppendVarint(outer, uint64(len(batch)+more)), batch...)
}

func appendVarint(b []byte, field protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), v)
}

// In is a FromPlugin on its way in. The rows of a batch lie in IPC, not in Message.
type In struct {
	Pool    *Pool
	Message pb.FromPlugin
	IPC     *memory.Buffer // the caller's to release; nil if the message is no batch, or its rows come on the channel
	CRC     uint32         // CRC-32C of IPC, taken while it was copied and in the cache
}

// Unmarshal implements encoding.CodecV2.
func (c Codec) Unmarshal(data mem.BufferSlice, v any) error {
	in, ok := v.(*In)
	if !ok {
		return c.CodecV2.Unmarshal(data, v)
	}
	if head, start, ok := readHead(data); ok {
		in.Message.Seq = head.seq
		in.Message.Message = &pb.FromPlugin_Batch{Batch: &head.batch}
		in.IPC, in.CRC = in.Pool.receive(data, start, c.crc)
		return nil
	}
	if err := c.CodecV2.Unmarshal(data, &in.Message); err != nil {
		return err
	}
	if batch := in.Message.GetBatch(); batch != nil && (batch.GetChannelBytes() == 0 || len(batch.GetIpc()) > 0) { // written in another order of fields
		in.IPC, in.CRC = in.Pool.receive(mem.BufferSlice{mem.SliceBuffer(batch.Ipc)}, 0, c.crc)
		batch.Ipc = nil
	}
	return nil
}

// batchHead is what stands before the rows.
type batchHead struct {
	seq   uint64
	batch pb.Batch
}

// maxHead is how much of a message is looked at for its head: a stream's name has 63 bytes at most.
const maxHead = 512

// readHead reads the usual form of a batch, each field once in rising order and the rows last, and returns where the
// rows start. Anything else is left to protobuf.
func readHead(data mem.BufferSlice) (head *batchHead, start int, ok bool) {
	head = &batchHead{}
	var first [maxHead]byte
	n := 0
	for _, b := range data {
		if n += copy(first[n:], b.ReadOnlyData()); n == maxHead {
			break
		}
	}
	r := headReader{rest: first[:n], ok: true}
	head.seq = r.varint(fieldSeq)
	size := r.length(fieldBatch)
	if !r.ok || size != data.Len()-(n-len(r.rest)) {
		return head, 0, false
	}
	head.batch.Stream = r.text(fieldStream)
	head.batch.Epoch = uint32(r.varint(fieldEpoch))
	head.batch.Op = pb.Op(r.varint(fieldOp))
	head.batch.Rows = uint32(r.varint(fieldRows))
	head.batch.Crc32C = r.fixed32(fieldCRC)
	size = r.length(fieldIPC)
	start = n - len(r.rest)
	return head, start, r.ok && size == data.Len()-start
}

// headReader reads fields that must come in order; the first that does not ends it.
type headReader struct {
	rest []byte
	ok   bool
}

func (r *headReader) next(field protowire.Number, kind protowire.Type) {
	number, t, n := protowire.ConsumeTag(r.rest)
	if n < 0 || number != field || t != kind {
		r.ok, r.rest = false, nil
		return
	}
	r.rest = r.rest[n:]
}

func (r *headReader) take(n int) {
	if n < 0 {
		r.ok, r.rest = false, nil
		return
	}
	r.rest = r.rest[n:]
}

func (r *headReader) varint(field protowire.Number) uint64 {
	r.next(field, protowire.VarintType)
	v, n := protowire.ConsumeVarint(r.rest)
	r.take(n)
	return v
}

func (r *headReader) length(field protowire.Number) int {
	r.next(field, protowire.BytesType)
	v, n := protowire.ConsumeVarint(r.rest)
	r.take(n)
	return int(min(v, 1<<40))
}

func (r *headReader) text(field protowire.Number) string {
	r.next(field, protowire.BytesType)
	v, n := protowire.ConsumeString(r.rest)
	if r.take(n); !utf8.ValidString(v) {
		r.ok = false // protobuf says it better
	}
	return v
}

func (r *headReader) fixed32(field protowire.Number) uint32 {
	r.next(field, protowire.Fixed32Type)
	if len(r.rest) < 4 {
		r.ok, r.rest = false, nil
		return 0
	}
	v := binary.LittleEndian.Uint32(r.rest)
	r.take(4)
	return v
}

// receive copies data, without its first skip bytes, into a pooled buffer that returns to the pool when the last
// record on it is released, and sums it up on the way.
func (p *Pool) receive(data mem.BufferSlice, skip int, table *crc32.Table) (*memory.Buffer, uint32) {
	sum := uint32(0)
	buffer, _ := p.Fill(0, data.Len()-skip, func(target []byte) error { // copying cannot fail
		for _, b := range data {
			piece := b.ReadOnlyData()
			if skip >= len(piece) {
				skip -= len(piece)
				continue
			}
			sum = crc32.Update(sum, table, piece[skip:])
			target = target[copy(target, piece[skip:]):]
			skip = 0
		}
		return nil
	})
	return buffer, sum
}

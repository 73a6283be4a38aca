package services

import (
	"bytes"
	"encoding/binary"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/ipc"

	"github.com/ai-data-analyst/broker/sdk/fault"
)

// encode appends record to out as one encapsulated record-batch message, without its schema.
func encode(out *bytes.Buffer, record arrow.Record) (err error) {
	defer func() {
		if p := recover(); p != nil { // Arrow's encoder panics on records that contradict themselves
			err = fault.Newf(fault.Bug, "the rows cannot be encoded: %v", p)
		}
	}()
	w := ipc.NewWriterWithPayloadWriter(&messages{out: out}, ipc.WithSchema(record.Schema()))
	if err := w.Write(record); err != nil {
		return fault.Wrap(fault.Bug, err, "encode the rows")
	}
	return nil
}

// messages is Arrow's payload writer that leaves the first message, the schema, out.
type messages struct {
	out  *bytes.Buffer
	seen int
}

// Start implements ipc.PayloadWriter.
func (m *messages) Start() error { return nil }

// Close implements ipc.PayloadWriter.
func (m *messages) Close() error { return nil }

// WritePayload implements ipc.PayloadWriter: continuation mark, length, flatbuffer padded to 8 bytes, body.
func (m *messages) WritePayload(p ipc.Payload) error {
	if m.seen++; m.seen == 1 {
		return nil
	}
	meta := p.Meta()
	defer meta.Release()
	padded := (meta.Len() + 7) &^ 7
	head := binary.LittleEndian.AppendUint32(nil, 0xffffffff)
	m.out.Write(binary.LittleEndian.AppendUint32(head, uint32(padded)))
	m.out.Write(meta.Bytes())
	m.out.Write(make([]byte, padded-meta.Len()))
	return p.SerializeBody(m.out)
}

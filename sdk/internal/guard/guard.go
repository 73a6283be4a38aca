// Package guard turns one Arrow IPC record-batch message of a plugin into a record, and nothing else into anything.
//
// A message is checked against the declared columns and the caps before Arrow code sees a byte of it: framing, the
// flatbuffer, node and buffer counts, ranges, bitmaps, offsets, text, decimals. What passes can be read in every value
// without panic or surprise. The record's buffers are slices of the message: nothing is copied. Only the host's end of
// the wire imports it.
package guard

import (
	"fmt"
	"unsafe"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Limits cap one message.
type Limits struct {
	Bytes      int // of the whole message
	Rows       int
	FieldBytes int // of one string or binary value
}

// DefaultLimits are what the host allows.
var DefaultLimits = Limits{Bytes: 64 << 20, Rows: 4 << 20, FieldBytes: 8 << 20}

// Reader reads messages of one stream and epoch.
type Reader struct {
	schema *arrow.Schema
	limits Limits
}

// New returns a Reader for batches of the given columns. Types outside the closed list are refused here.
func New(columns []sdk.Column, limits Limits) (*Reader, error) {
	if err := sdk.ValidateColumns(columns); err != nil {
		return nil, fault.Wrap(fault.Bug, err, "check the declared columns")
	}
	schema, err := sdk.ArrowSchema(columns)
	if err != nil {
		return nil, fault.Wrap(fault.Bug, err, "check the declared columns")
	}
	return &Reader{schema: schema, limits: limits}, nil
}

// Schema returns the Arrow schema of the records.
func (r *Reader) Schema() *arrow.Schema { return r.schema }

// Record checks message and returns the record that lies in it. The record holds its own reference to message, whose
// first byte must be 8-byte aligned. Faults are of class bug where the message breaks the protocol and of class data
// where a value breaks its type; they name column and row.
func (r *Reader) Record(message *memory.Buffer, rows int) (record arrow.Record, err error) {
	w := &walk{limits: r.limits}
	defer w.release()
	defer func() {
		if p := recover(); p != nil {
			record, err = nil, fault.Newf(fault.Bug, "the batch cannot be read: %.200v", p)
		}
	}()
	if err := w.open(message, r.limits); err != nil {
		return nil, fault.Newf(fault.Bug, "the batch is not a record-batch message: %v", err)
	}
	if w.meta.rows != int64(rows) || rows > r.limits.Rows {
		return nil, fault.Newf(fault.Bug, "the batch holds %d rows, announced %d, limit %d", w.meta.rows, rows, r.limits.Rows)
	}
	columns := make([]arrow.Array, r.schema.NumFields())
	defer func() {
		for _, c := range columns {
			if c != nil {
				c.Release()
			}
		}
	}()
	for i, field := range r.schema.Fields() {
		built, flaw := w.array(field, int64(rows), nil)
		if flaw != nil {
			return nil, flaw.fault()
		}
		columns[i] = array.MakeFromData(built)
	}
	if err := w.finished(); err != nil {
		return nil, fault.Newf(fault.Bug, "the batch does not match its schema: %v", err)
	}
	return array.NewRecord(r.schema, columns, int64(rows)), nil
}

func (w *walk) open(message *memory.Buffer, limits Limits) error {
	bytes := message.Bytes()
	if len(bytes) > limits.Bytes {
		return fmt.Errorf("%d bytes, limit %d", len(bytes), limits.Bytes)
	}
	if len(bytes) > 0 && uintptr(unsafe.Pointer(&bytes[0]))%8 != 0 {
		return fmt.Errorf("the receiving buffer is not aligned")
	}
	meta, body, err := frame(bytes)
	if err != nil {
		return err
	}
	if w.meta, err = readMeta(meta, len(body)); err != nil {
		return err
	}
	w.body = memory.SliceBuffer(message, len(bytes)-len(body), len(body))
	w.buffers = append(w.buffers, w.body)
	return nil
}

// flaw is what is wrong, and where.
type flaw struct {
	code   fault.Code
	column string // dotted path
	row    int64  // -1: the column as a whole
	what   string
}

func broken(format string, args ...any) *flaw {
	return &flaw{code: fault.Bug, row: -1, what: fmt.Sprintf(format, args...)}
}

func badValue(row int, format string, args ...any) *flaw {
	return &flaw{code: fault.Data, row: int64(row), what: fmt.Sprintf(format, args...)}
}

// under names the column that the flaw's column is a child of.
func (f *flaw) under(name string) *flaw {
	if f.column == "" {
		f.column = name
	} else {
		f.column = name + "." + f.column
	}
	return f
}

func (f *flaw) fault() error {
	if f.row < 0 {
		return fault.Newf(f.code, "column %.80q: %s", f.column, f.what)
	}
	return fault.Newf(f.code, "column %.80q, row %d: %s", f.column, f.row+1, f.what)
}

package guard

import (
	"encoding/binary"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/bitutil"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// walk goes through the columns in the order in which their nodes and buffers lie in the message.
type walk struct {
	meta   batchMeta
	body   *memory.Buffer
	end    int64 // of the last buffer taken: buffers lie in order and do not overlap
	limits Limits

	buffers []*memory.Buffer // own references, given back at the end
	built   []*array.Data
}

func (w *walk) release() {
	for _, d := range w.built {
		d.Release()
	}
	for _, b := range w.buffers {
		b.Release()
	}
}

// anyLength lets a list's child be as long as it says.
const anyLength = -1

// array reads the next column of the given field. parent is the validity of the struct around it, nil if all valid.
func (w *walk) array(field arrow.Field, want int64, parent []byte) (*array.Data, *flaw) {
	data, f := w.typed(field, want, parent)
	if f != nil {
		return nil, f.under(field.Name)
	}
	return data, nil
}

func (w *walk) typed(field arrow.Field, want int64, parent []byte) (*array.Data, *flaw) {
	n, declared, f := w.node(want)
	if f != nil {
		return nil, f
	}
	validity, nulls, f := w.validity(n, declared)
	if f != nil {
		return nil, f
	}
	if !field.Nullable && nulls > 0 {
		if row := firstNull(bytesOf(validity), parent, n); row >= 0 {
			return nil, badValue(row, "is NULL, but the column is declared NOT NULL")
		}
	}
	v := column{walk: w, length: n, nulls: nulls, validity: validity}
	switch t := field.Type.(type) {
	case *arrow.StringType:
		return v.text(t, true)
	case *arrow.BinaryType:
		return v.text(t, false)
	case *arrow.ListType:
		return v.list(t, t.ElemField())
	case *arrow.MapType:
		return v.list(t, t.ElemField())
	case *arrow.StructType:
		return v.structure(t)
	case arrow.FixedWidthDataType:
		return v.fixed(t)
	}
	return nil, broken("type %s is not supported", field.Type)
}

// node takes the next {length, nulls}.
func (w *walk) node(want int64) (length int, nulls int64, f *flaw) {
	if len(w.meta.nodes) < 16 {
		return 0, 0, broken("the batch has fewer columns than its schema")
	}
	n := int64(binary.LittleEndian.Uint64(w.meta.nodes))
	nulls = int64(binary.LittleEndian.Uint64(w.meta.nodes[8:]))
	w.meta.nodes = w.meta.nodes[16:]
	if n < 0 || nulls < 0 || nulls > n || want != anyLength && n != want {
		return 0, 0, broken("%d values with %d nulls, want %d values", n, nulls, want)
	}
	if n > 8*int64(w.body.Len()) {
		return 0, 0, broken("%d values in a body of %d bytes", n, w.body.Len())
	}
	return int(n), nulls, nil
}

// buffer takes the next {offset, length}; it must hold at least need bytes.
func (w *walk) buffer(need int) (*memory.Buffer, *flaw) {
	if len(w.meta.buffers) < 16 {
		return nil, broken("the batch has fewer buffers than its schema needs")
	}
	offset := int64(binary.LittleEndian.Uint64(w.meta.buffers))
	length := int64(binary.LittleEndian.Uint64(w.meta.buffers[8:]))
	w.meta.buffers = w.meta.buffers[16:]
	size := int64(w.body.Len())
	if offset < 0 || length < 0 || offset > size || length > size-offset {
		return nil, broken("buffer [%d,+%d) lies outside the body of %d bytes", offset, length, size)
	}
	if length < int64(need) {
		return nil, broken("a buffer has %d bytes, its values need %d", length, need)
	}
	if length == 0 {
		return nil, nil
	}
	if offset%8 != 0 || offset < w.end {
		return nil, broken("buffer [%d,+%d) is not aligned or overlaps another", offset, length)
	}
	w.end = offset + length
	b := memory.SliceBuffer(w.body, int(offset), int(length))
	w.buffers = append(w.buffers, b)
	return b, nil
}

// validity takes the validity bitmap; nil when every value is valid. The declared number of nulls must be true.
func (w *walk) validity(n int, declared int64) (*memory.Buffer, int, *flaw) {
	b, f := w.buffer(0)
	if f != nil {
		return nil, 0, f
	}
	if b == nil {
		if declared != 0 {
			return nil, 0, broken("%d nulls without a validity bitmap", declared)
		}
		return nil, 0, nil
	}
	if b.Len() < bytesForBits(n) {
		return nil, 0, broken("the validity bitmap has %d bytes for %d values", b.Len(), n)
	}
	nulls := n - bitutil.CountSetBits(b.Bytes(), 0, n)
	if int64(nulls) != declared {
		return nil, 0, broken("%d nulls declared, %d found", declared, nulls)
	}
	if nulls == 0 {
		return nil, 0, nil
	}
	return b, nulls, nil
}

func (w *walk) finished() error {
	if len(w.meta.nodes) != 0 || len(w.meta.buffers) != 0 {
		return fmt.Errorf("%d nodes and %d buffers too many", len(w.meta.nodes)/16, len(w.meta.buffers)/16)
	}
	return nil
}

// column is one array about to be built.
type column struct {
	*walk
	length   int
	nulls    int
	validity *memory.Buffer
}

func (c column) build(t arrow.DataType, buffers []*memory.Buffer, children []arrow.ArrayData) *array.Data {
	d := array.NewData(t, c.length, buffers, children, c.nulls, 0)
	c.built = append(c.built, d)
	return d
}

func (c column) fixed(t arrow.FixedWidthDataType) (*array.Data, *flaw) {
	values, f := c.buffer(bytesForBits(c.length * t.BitWidth()))
	if f != nil {
		return nil, f
	}
	switch t := t.(type) {
	case *arrow.Decimal128Type:
		f = checkDecimals(values, c, t.Precision)
	case *arrow.Time64Type:
		f = checkTimes(values, c)
	}
	return c.build(t, []*memory.Buffer{c.validity, values}, nil), f
}

func (c column) text(t arrow.DataType, utf8 bool) (*array.Data, *flaw) {
	offsets, f := c.offsets()
	if f != nil {
		return nil, f
	}
	values, f := c.buffer(0)
	if f != nil {
		return nil, f
	}
	if f = checkOffsets(offsetsOf(offsets, c.length), lenOf(values), c.limits.FieldBytes); f == nil && utf8 {
		f = checkText(offsetsOf(offsets, c.length), bytesOf(values), bytesOf(c.validity))
	}
	return c.build(t, []*memory.Buffer{c.validity, offsets, values}, nil), f
}

func (c column) offsets() (*memory.Buffer, *flaw) {
	need := 0
	if c.length > 0 {
		need = 4 * (c.length + 1)
	}
	return c.buffer(need)
}

// list reads lists and maps: a map is a list of its entries.
func (c column) list(t arrow.DataType, element arrow.Field) (*array.Data, *flaw) {
	buffer, f := c.offsets()
	if f != nil {
		return nil, f
	}
	offsets := offsetsOf(buffer, c.length)
	child, f := c.array(element, anyLength, nil)
	if f != nil {
		if f.row >= 0 {
			f.row = rowOf(offsets, f.row)
		}
		return nil, f
	}
	f = checkOffsets(offsets, child.Len(), 1<<31-1)
	return c.build(t, []*memory.Buffer{c.validity, buffer}, []arrow.ArrayData{child}), f
}

func (c column) structure(t *arrow.StructType) (*array.Data, *flaw) {
	children := make([]arrow.ArrayData, t.NumFields())
	for i, field := range t.Fields() {
		child, f := c.array(field, int64(c.length), bytesOf(c.validity))
		if f != nil {
			return nil, f
		}
		children[i] = child
	}
	return c.build(t, []*memory.Buffer{c.validity}, children), nil
}

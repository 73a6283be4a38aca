package draft

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/zeebo/xxh3"

	"github.com/ai-data-analyst/broker/host/internal/lake/merge"
	"github.com/ai-data-analyst/broker/host/internal/parquet"
)

// digest tells contents apart: schema and rows in order, however the batches were cut (decision 2). Each column has
// three running 128-bit hashes — where NULLs are, lengths, values — so that batches are hashed as whole buffers, at
// memory speed; SHA-256 closes them into one. A source that wants its change to be overlooked could as well not send it,
// so the running hashes need not withstand it.
type digest struct {
	columns []*stream
	deletes *stream
}

// stream is one node of the type tree.
type stream struct {
	rows                  uint64
	nulls, sizes, content *xxh3.Hasher
	scratch               []byte
	children              []*stream
}

// startDigest begins the digest, or goes on with more columns in it.
func (d *Draft) startDigest(first bool) {
	if d.digest == nil {
		if !first || d.spec.Mode != "replace" {
			return
		}
		d.digest = &digest{deletes: newStream(parquet.Column{})}
	}
	for i := len(d.digest.columns); i < len(d.columns); i++ {
		s := newStream(d.columns[i])
		s.rows = uint64(d.order)
		d.digest.columns = append(d.digest.columns, s)
	}
}

func newStream(c parquet.Column) *stream {
	s := &stream{nulls: xxh3.New(), sizes: xxh3.New(), content: xxh3.New()}
	for _, child := range c.Children {
		s.children = append(s.children, newStream(child))
	}
	return s
}

func (g *digest) add(rows arrow.Record) {
	for i, s := range g.columns {
		s.add(rows.Column(i), 0, int(rows.NumRows()))
	}
}

// deleted notes deletes by key and where among the rows they came.
func (g *digest) deleted(rows arrow.Record, order int64) {
	s := g.deletes
	for i := range int(rows.NumRows()) {
		s.scratch = binary.LittleEndian.AppendUint64(s.scratch[:0], uint64(order))
		for _, c := range rows.Columns() {
			rank := merge.Rank(c, i)
			s.scratch = append(binary.LittleEndian.AppendUint32(s.scratch, uint32(len(rank))), rank...)
		}
		s.content.Write(s.scratch)
	}
}

// add hashes rows [from, to) of values: the NULLs' row numbers, and what stands between them.
func (s *stream) add(values arrow.Array, from, to int) {
	if values.NullN() == 0 {
		s.present(values, from, to)
		s.rows += uint64(to - from)
		return
	}
	start := from
	for i := from; i < to; i++ {
		if values.IsValid(i) {
			continue
		}
		s.present(values, start, i)
		start = i + 1
		s.number(s.nulls, s.rows+uint64(i-from))
	}
	s.present(values, start, to)
	s.rows += uint64(to - from)
}

func (s *stream) number(h *xxh3.Hasher, n uint64) {
	s.scratch = binary.LittleEndian.AppendUint64(s.scratch[:0], n)
	h.Write(s.scratch)
}

// present hashes rows [from, to) of values, none of which is NULL.
func (s *stream) present(values arrow.Array, from, to int) {
	if from >= to {
		return
	}
	switch values := values.(type) {
	case *array.Struct:
		for f, child := range s.children {
			child.add(values.Field(f), from, to)
		}
	case *array.Map:
		start, end := s.lengths(values.Data(), from, to)
		s.children[0].add(values.Keys(), start, end)
		s.children[1].add(values.Items(), start, end)
	case *array.List:
		start, end := s.lengths(values.Data(), from, to)
		s.children[0].add(values.ListValues(), start, end)
	case *array.String, *array.Binary:
		start, end := s.lengths(values.Data(), from, to)
		if start < end {
			s.content.Write(values.Data().Buffers()[2].Bytes()[start:end])
		}
	case *array.Boolean:
		s.scratch = s.scratch[:0]
		for i := from; i < to; i++ {
			bit := byte(0)
			if values.Value(i) {
				bit = 1
			}
			s.scratch = append(s.scratch, bit)
		}
		s.content.Write(s.scratch)
	default:
		data := values.Data()
		width := data.DataType().(arrow.FixedWidthDataType).BitWidth() / 8
		offset := data.Offset()
		s.content.Write(data.Buffers()[1].Bytes()[(offset+from)*width : (offset+to)*width])
	}
}

// lengths hashes the lengths of rows [from, to) and returns where their values lie.
func (s *stream) lengths(data arrow.ArrayData, from, to int) (start, end int) {
	ends := arrow.Int32Traits.CastFromBytes(data.Buffers()[1].Bytes())[data.Offset():]
	s.scratch = s.scratch[:0]
	for i := from; i < to; i++ {
		s.scratch = binary.LittleEndian.AppendUint32(s.scratch, uint32(ends[i+1]-ends[i]))
	}
	s.sizes.Write(s.scratch)
	return int(ends[from]), int(ends[to])
}

func (s *stream) sum(b []byte) []byte {
	b = binary.LittleEndian.AppendUint64(b, s.rows)
	for _, h := range []*xxh3.Hasher{s.nulls, s.sizes, s.content} {
		sum := h.Sum128().Bytes()
		b = append(b, sum[:]...)
	}
	for _, child := range s.children {
		b = child.sum(b)
	}
	return b
}

// text closes the digest over what decides which rows stay, and the columns.
func (g *digest) text(d *Draft) string {
	var b strings.Builder
	fmt.Fprintf(&b, "1 key=%q cursor=%q", d.key, d.spec.CursorField)
	if p := d.spec.Partition; p != nil {
		fmt.Fprintf(&b, " partition=%q %q", p.Column, p.Granularity)
	}
	describe(&b, d.columns)
	sum := []byte(b.String())
	for _, s := range append(g.columns, g.deletes) {
		sum = s.sum(sum)
	}
	hash := sha256.Sum256(sum)
	return hex.EncodeToString(hash[:])
}

func describe(b *strings.Builder, columns []parquet.Column) {
	for _, c := range columns {
		fmt.Fprintf(b, "(%d %q %s %v", c.ID, c.Name, c.Type, c.Required)
		describe(b, c.Children)
		b.WriteByte(')')
	}
}

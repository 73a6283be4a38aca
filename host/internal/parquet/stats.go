package parquet

import (
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"

	"github.com/ai-data-analyst/broker/host/internal/parquet/bound"
)

// figures gathers the statistics of all leaves from published batches as they pass.
type figures struct {
	columns []Column
	leaves  []*leaf // in Parquet's order
	next    int     // leaf that the walk meets next
}

// leaf gathers one leaf column. Bounds are kept in the smallest form that decides them.
type leaf struct {
	id                  int
	bounded             bool
	values, nulls, nans int64

	some         bool // a value with an order was seen
	low, high    int64
	lowF, highF  float64
	lowD, highD  decimal128.Num
	lowB, highB  []byte // text and binary, clipped
	kind         arrow.Type
	encodedBytes int64
}

func newFigures(columns []Column) *figures {
	f := &figures{columns: columns}
	leaves(columns, false, func(c Column, repeated bool) {
		f.leaves = append(f.leaves, &leaf{id: c.ID, bounded: !repeated})
	})
	return f
}

// add takes the figures of a published batch.
func (f *figures) add(batch arrow.Record) {
	f.next = 0
	for i, c := range f.columns {
		f.walk(c, batch.Column(i), []span{{0, int(batch.NumRows())}}, 0)
	}
}

// span is a range of rows.
type span struct{ from, to int }

// walk adds the spans of values, and absent NULLs that stand for NULLs of the parents, to the leaves below c.
func (f *figures) walk(c Column, values arrow.Array, spans []span, absent int64) {
	if !isNested(c) {
		l := f.leaves[f.next]
		f.next++
		l.nulls += absent
		l.values += absent
		for _, s := range spans {
			l.add(values, s.from, s.to)
		}
		return
	}
	switch values := values.(type) {
	case *array.Struct:
		here := valid(values, spans)
		absent += length(spans) - length(here)
		for i, child := range c.Children {
			f.walk(child, values.Field(i), here, absent)
		}
	case *array.Map:
		inner := elements(values, valid(values, spans))
		f.walk(c.Children[0], values.Keys(), inner, 0)
		f.walk(c.Children[1], values.Items(), inner, 0)
	case *array.List:
		f.walk(c.Children[0], values.ListValues(), elements(values, valid(values, spans)), 0)
	}
}

func length(spans []span) (n int64) {
	for _, s := range spans {
		n += int64(s.to - s.from)
	}
	return n
}

// valid returns the parts of spans that are not NULL.
func valid(values arrow.Array, spans []span) []span {
	if values.NullN() == 0 {
		return spans
	}
	var out []span
	for _, s := range spans {
		for i := s.from; i < s.to; i++ {
			if values.IsNull(i) {
				continue
			}
			if n := len(out); n > 0 && out[n-1].to == i {
				out[n-1].to++
			} else {
				out = append(out, span{i, i + 1})
			}
		}
	}
	return out
}

// elements returns the ranges of the children that belong to the lists in spans.
func elements(values array.ListLike, spans []span) []span {
	out := make([]span, 0, len(spans))
	for _, s := range spans {
		if from, to := bounds(values, s.from, s.to); from < to {
			out = append(out, span{from, to})
		}
	}
	return out
}

func (l *leaf) add(values arrow.Array, from, to int) {
	l.values += int64(to - from)
	l.kind = values.DataType().ID()
	spans := []span{{from, to}}
	if values.NullN() > 0 {
		spans = valid(values, spans)
		l.nulls += int64(to-from) - length(spans)
	}
	for _, s := range spans {
		l.bound(values, s.from, s.to)
	}
}

// bound takes values[from:to), none of which is NULL.
func (l *leaf) bound(values arrow.Array, from, to int) {
	if from >= to {
		return
	}
	switch values := values.(type) {
	case *array.Float64:
		l.floats(values.Float64Values()[from:to])
	case *array.Int64:
		l.ints(extremes(values.Int64Values()[from:to]))
	case *array.Time64:
		l.ints(extremes(values.Time64Values()[from:to]))
	case *array.Timestamp:
		l.ints(extremes(values.TimestampValues()[from:to]))
	case *array.Date32:
		l.ints(extremes(values.Date32Values()[from:to]))
	case *array.Boolean:
		for i := from; i < to; i++ {
			v := int64(0)
			if values.Value(i) {
				v = 1
			}
			l.ints(v, v)
		}
	case *array.Decimal128:
		for _, v := range values.Values()[from:to] {
			l.decimal(v)
		}
	case *array.String:
		for i := from; i < to; i++ {
			l.bytes(values.Value(i))
		}
	case *array.Binary:
		for i := from; i < to; i++ {
			l.bytes(values.ValueString(i))
		}
	}
}

func extremes[T arrow.Date32 | arrow.Time64 | arrow.Timestamp | int64](values []T) (low, high int64) {
	smallest, largest := values[0], values[0]
	for _, v := range values {
		smallest, largest = min(smallest, v), max(largest, v)
	}
	return int64(smallest), int64(largest)
}

func (l *leaf) ints(low, high int64) {
	if !l.some {
		l.some, l.low, l.high = true, low, high
		return
	}
	l.low, l.high = min(l.low, low), max(l.high, high)
}

func (l *leaf) floats(values []float64) {
	for _, v := range values {
		switch {
		case v != v:
			l.nans++
		case !l.some:
			l.some, l.lowF, l.highF = true, v, v
		case v < l.lowF:
			l.lowF = v
		case v > l.highF:
			l.highF = v
		}
	}
}

func (l *leaf) decimal(v decimal128.Num) {
	if !l.some {
		l.some, l.lowD, l.highD = true, v, v
		return
	}
	if v.Less(l.lowD) {
		l.lowD = v
	}
	if v.Greater(l.highD) {
		l.highD = v
	}
}

// bytes compares clipped values: clipping keeps the order, and bounds are cut shorter still.
func (l *leaf) bytes(v string) {
	if !l.bounded {
		return
	}
	v = v[:min(len(v), bound.ClipBytes)]
	if !l.some {
		l.some, l.lowB, l.highB = true, []byte(v), []byte(v)
		return
	}
	if v < string(l.lowB) {
		l.lowB = append(l.lowB[:0], v...)
	}
	if v > string(l.highB) {
		l.highB = append(l.highB[:0], v...)
	}
}

// stats returns the finished figures, bounds in Iceberg's single-value serialization.
func (f *figures) stats() []Stats {
	out := make([]Stats, len(f.leaves))
	for i, l := range f.leaves {
		out[i] = Stats{ID: l.id, Values: l.values, Nulls: l.nulls, NaNs: l.nans, Bytes: l.encodedBytes}
		if l.some && l.bounded {
			out[i].Lower, out[i].Upper = l.serialized()
		}
	}
	slices.SortFunc(out, func(a, b Stats) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

func (l *leaf) serialized() (lower, upper []byte) {
	switch l.kind {
	case arrow.BOOL:
		return []byte{byte(l.low)}, []byte{byte(l.high)}
	case arrow.DATE32:
		return binary.LittleEndian.AppendUint32(nil, uint32(l.low)), binary.LittleEndian.AppendUint32(nil, uint32(l.high))
	case arrow.FLOAT64:
		return bound.Lowest(l.lowF), bound.Highest(l.highF)
	case arrow.DECIMAL128:
		return bound.Decimal(l.lowD), bound.Decimal(l.highD)
	case arrow.STRING:
		return bound.CutText(l.lowB), bound.RaiseText(l.highB)
	case arrow.BINARY:
		return bound.CutBytes(l.lowB), bound.RaiseBytes(l.highB)
	}
	return binary.LittleEndian.AppendUint64(nil, uint64(l.low)), binary.LittleEndian.AppendUint64(nil, uint64(l.high))
}

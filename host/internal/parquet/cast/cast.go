// Package cast converts the values of a column to a type that somebody asked for, exactly or not at all: nothing is
// rounded, cut, guessed or made NULL. A value that the type does not hold is reported by its row (G7, D13).
//
// It knows single columns; tables, ids and policies are its callers'. Only host/internal/parquet imports it.
package cast

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/bitutil"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/ai-data-analyst/broker/sdk"
)

// Bad is a value that the asked type does not hold.
type Bad struct {
	Row    int
	Reason string
}

// Cast converts columns of one type to another. It does not change; safe for concurrent use.
type Cast struct {
	from, to arrow.DataType
	check    check // values stay as they are
	make     build // values are made anew
}

type (
	// check finds the values that are not what they are to be.
	check func(in arrow.Array) []Bad
	// build returns the buffers of the new values, without that of NULLs, which stay where they are.
	build func(in arrow.Array) ([]*memory.Buffer, []Bad, error)
)

// newCast returns the Cast from type from, as it arrives, to the type asked, which is published as published. An error says
// that there is no such conversion.
func newCast(from, asked, published sdk.Type) (*Cast, error) {
	arriving, err := from.Arrow()
	if err != nil {
		return nil, err
	}
	published.Logical = ""
	to, err := published.Arrow()
	if err != nil {
		return nil, err
	}
	c := &Cast{from: arriving, to: to}
	switch asked.ID {
	case sdk.String:
		c.check, c.make = toString(from, asked.Logical)
	case sdk.Binary:
		c.check = when(from.ID == sdk.String, nothing)
	case sdk.Bool:
		c.make = parsing(from, packed)
	case sdk.Int8, sdk.Int16, sdk.Int32, sdk.Int64, sdk.Uint8, sdk.Uint16, sdk.Uint32:
		c.make = toWhole(from, asked.ID)
	case sdk.Uint64:
		c.make = toDecimal(from, unsignedNumber())
	case sdk.Decimal:
		c.make = toDecimal(from, number(asked.Precision, asked.Scale))
	case sdk.Float32, sdk.Float64:
		c.make = toFloat(from)
	case sdk.Date:
		c.make = toDate(from)
	case sdk.Time:
		c.make = parsing(from, fixed(parseTime))
	case sdk.Timestamp:
		c.check, c.make = toTimestamp(from, asked.Zone)
	}
	if c.check == nil && c.make == nil {
		return nil, fmt.Errorf("%s cannot be converted to %s", from, Word(asked))
	}
	return c, nil
}

// Word is a type as people ask for it: json and uuid are texts with a tag.
func Word(t sdk.Type) string {
	if t.Logical != "" {
		return t.Logical
	}
	return t.String()
}

// Apply returns in as the asked type. The row of a Bad holds something that must not be published. The caller releases
// the array; in stays the caller's. An error says that in is not what it was made for.
func (c *Cast) Apply(in arrow.Array) (arrow.Array, []Bad, error) {
	if !arrow.TypeEqual(in.DataType(), c.from) {
		return nil, nil, fmt.Errorf("values of type %s where %s was declared", in.DataType(), c.from)
	}
	if c.make == nil {
		data := array.NewData(c.to, in.Len(), in.Data().Buffers(), nil, in.NullN(), in.Data().Offset())
		defer data.Release()
		return array.MakeFromData(data), c.check(in), nil
	}
	values, bad, err := c.make(in)
	if err != nil {
		return nil, nil, err
	}
	data := array.NewData(c.to, in.Len(), append([]*memory.Buffer{validity(in)}, values...), nil, in.NullN(), 0)
	defer data.Release()
	return array.MakeFromData(data), bad, nil
}

// validity returns which values of in are there, counted from its first; nil = all.
func validity(in arrow.Array) *memory.Buffer {
	if in.NullN() == 0 {
		return nil
	}
	bits := make([]byte, bitutil.BytesForBits(int64(in.Len())))
	bitutil.CopyBitmap(in.NullBitmapBytes(), in.Data().Offset(), in.Len(), bits, 0)
	return memory.NewBufferBytes(bits)
}

// gaps are the NULLs of an array.
type gaps struct {
	bits   []byte // nil = none
	offset int
}

func gapsOf(in arrow.Array) gaps {
	if in.NullN() == 0 {
		return gaps{}
	}
	return gaps{in.NullBitmapBytes(), in.Data().Offset()}
}

func (g gaps) at(i int) bool { return g.bits != nil && !bitutil.BitIsSet(g.bits, g.offset+i) }

// each converts values one by one; NULLs are left out. one says why a value does not fit, "" if it does.
func each[I, O any](in arrow.Array, values []I, one func(I) (O, string)) ([]O, []Bad) {
	out, none := make([]O, len(values)), gapsOf(in)
	var bad []Bad
	for i, v := range values {
		if none.at(i) {
			continue
		}
		o, reason := one(v)
		if reason != "" {
			bad = append(bad, Bad{i, reason})
		}
		out[i] = o
	}
	return out, bad
}

// eachText is each for texts.
func eachText[O any](in *array.String, one func(string) (O, string)) ([]O, []Bad) {
	out, none := make([]O, in.Len()), gapsOf(in)
	var bad []Bad
	for i := range out {
		if none.at(i) {
			continue
		}
		o, reason := one(in.Value(i))
		if reason != "" {
			bad = append(bad, Bad{i, reason})
		}
		out[i] = o
	}
	return out, bad
}

// values wraps finished values of fixed width as a build returns them.
func values[O arrow.FixedWidthType](out []O, bad []Bad) ([]*memory.Buffer, []Bad, error) {
	return []*memory.Buffer{memory.NewBufferBytes(arrow.GetBytes(out))}, bad, nil
}

// parsing returns read for texts; nil for other types.
func parsing(from sdk.Type, read func(in *array.String) ([]*memory.Buffer, []Bad, error)) build {
	if from.ID != sdk.String {
		return nil
	}
	return func(in arrow.Array) ([]*memory.Buffer, []Bad, error) { return read(in.(*array.String)) }
}

// fixed reads texts one by one into values of fixed width.
func fixed[O arrow.FixedWidthType](one func(string) (O, string)) func(in *array.String) ([]*memory.Buffer, []Bad, error) {
	return func(in *array.String) ([]*memory.Buffer, []Bad, error) { return values(eachText(in, one)) }
}

// packed reads texts into the bits of booleans.
func packed(in *array.String) ([]*memory.Buffer, []Bad, error) {
	truths, bad := eachText(in, parseBool)
	bits := make([]byte, bitutil.BytesForBits(int64(len(truths))))
	for i, truth := range truths {
		if truth {
			bitutil.SetBit(bits, i)
		}
	}
	return []*memory.Buffer{memory.NewBufferBytes(bits)}, bad, nil
}

// when returns c where the condition holds.
func when(holds bool, c check) check {
	if holds {
		return c
	}
	return nil
}

func nothing(arrow.Array) []Bad { return nil }

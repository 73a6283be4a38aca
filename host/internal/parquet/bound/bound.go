// Package bound writes lower and upper bounds of columns as Iceberg stores them (single-value serialization of its
// specification), cut to a length that keeps them bounds. Only host/internal/parquet imports it.
package bound

import (
	"bytes"
	"encoding/binary"
	"math"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow/decimal128"
)

// Bounds of text are cut to so many code points, of binary to so many bytes.
const (
	runes = 16
	size  = 16
)

// ClipBytes of a value decide its bounds, and whether they were cut.
const ClipBytes = runes*utf8.UTFMax + 1

// Lowest is v as a lower bound. −0 and +0 are equal but not the same to a reader that compares bits: zero is −0 here.
func Lowest(v float64) []byte {
	if v == 0 {
		v = math.Copysign(0, -1)
	}
	return binary.LittleEndian.AppendUint64(nil, math.Float64bits(v))
}

// Highest is v as an upper bound: zero is +0.
func Highest(v float64) []byte {
	if v == 0 {
		v = 0
	}
	return binary.LittleEndian.AppendUint64(nil, math.Float64bits(v))
}

// Decimal returns v big-endian in as few bytes as hold it.
func Decimal(v decimal128.Num) []byte {
	out := binary.BigEndian.AppendUint64(nil, uint64(v.HighBits()))
	out = binary.BigEndian.AppendUint64(out, v.LowBits())
	for len(out) > 1 && (out[0] == 0 && out[1] < 0x80 || out[0] == 0xff && out[1] >= 0x80) {
		out = out[1:]
	}
	return out
}

// CutText returns the first code points of text as a lower bound.
func CutText(text []byte) []byte {
	end := 0
	for range runes {
		if end >= len(text) {
			break
		}
		_, size := utf8.DecodeRune(text[end:])
		end += size
	}
	return bytes.Clone(text[:end])
}

// RaiseText returns a short text that is not below any text that starts as this one; nil if there is none.
func RaiseText(text []byte) []byte {
	short := CutText(text)
	if len(short) == len(text) {
		return short
	}
	for len(short) > 0 {
		r, size := utf8.DecodeLastRune(short)
		short = short[:len(short)-size]
		switch r {
		case utf8.MaxRune:
			continue
		case 0xD7FF: // the surrogates that follow are no characters
			return utf8.AppendRune(short, 0xE000)
		}
		return utf8.AppendRune(short, r+1)
	}
	return nil
}

// CutBytes returns the first bytes of value as a lower bound.
func CutBytes(value []byte) []byte { return bytes.Clone(value[:min(len(value), size)]) }

// RaiseBytes returns a short value that is not below any that starts as this one; nil if there is none.
func RaiseBytes(value []byte) []byte {
	if len(value) <= size {
		return bytes.Clone(value)
	}
	short := bytes.Clone(value[:size])
	for i := len(short) - 1; i >= 0; i-- {
		if short[i] < 0xff {
			short[i]++
			return short[:i+1]
		}
	}
	return nil
}

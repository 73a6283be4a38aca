package cast

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/ai-data-analyst/broker/sdk"
)

// toString makes texts of everything; nested values become JSON. A tag asks that the text be what the tag says: json or
// uuid.
func toString(from sdk.Type, tag string) (check, build) {
	nested := from.ID == sdk.List || from.ID == sdk.Struct || from.ID == sdk.Map
	switch {
	case tag == "json" && from.ID == sdk.String:
		return isJSON, nil
	case tag == "uuid" && from.ID == sdk.String:
		return nil, uuids
	case tag != "" && !(tag == "json" && nested):
		return nil, nil
	case from.ID == sdk.String:
		return nothing, nil
	case from.ID == sdk.Binary:
		return isText, nil
	}
	return nil, func(in arrow.Array) ([]*memory.Buffer, []Bad, error) { return written(in) }
}

// isText finds bytes that are no text.
func isText(in arrow.Array) (bad []Bad) {
	raw, none := in.(*array.Binary), gapsOf(in)
	for i := range raw.Len() {
		if !none.at(i) && !utf8.Valid(raw.Value(i)) {
			bad = append(bad, Bad{i, "bytes are not UTF-8 text"})
		}
	}
	return bad
}

// isJSON finds texts that are not JSON.
func isJSON(in arrow.Array) (bad []Bad) {
	texts, none := in.(*array.String), gapsOf(in)
	all := texts.ValueBytes()
	for i := range texts.Len() {
		from, to := texts.ValueOffset(i)-texts.ValueOffset(0), texts.ValueOffset(i+1)-texts.ValueOffset(0)
		if !none.at(i) && !json.Valid(all[from:to]) {
			bad = append(bad, Bad{i, "not JSON"})
		}
	}
	return bad
}

// uuids writes UUIDs in lower case, so that equal ones are equal.
func uuids(in arrow.Array) ([]*memory.Buffer, []Bad, error) {
	texts := in.(*array.String)
	return write(in, func(dst []byte, i int) ([]byte, string) {
		v := texts.Value(i)
		if len(v) != 36 {
			return dst, "not a UUID"
		}
		for at := range 36 {
			c := v[at]
			if at == 8 || at == 13 || at == 18 || at == 23 {
				if c != '-' {
					return dst, "not a UUID"
				}
			} else if c >= 'A' && c <= 'F' {
				c += 'a' - 'A'
			} else if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
				return dst, "not a UUID"
			}
			dst = append(dst, c)
		}
		return dst, ""
	})
}

// writer appends the text of a value that is not NULL.
type writer func(dst []byte, i int) ([]byte, string)

// written writes every value of in.
func written(in arrow.Array) ([]*memory.Buffer, []Bad, error) {
	one, _ := writerOf(in)
	if one == nil {
		return nil, nil, errors.New("there is no text of " + in.DataType().String())
	}
	return write(in, one)
}

func write(in arrow.Array, one writer) ([]*memory.Buffer, []Bad, error) {
	ends, none := make([]int32, in.Len()+1), gapsOf(in)
	var text []byte
	var bad []Bad
	for i := range in.Len() {
		if !none.at(i) {
			longer, reason := one(text, i)
			if reason != "" {
				bad = append(bad, Bad{i, reason})
			} else {
				text = longer
			}
			if len(text) > math.MaxInt32 {
				return nil, nil, errors.New("the texts of one batch have more than 2 GiB; send smaller batches")
			}
		}
		ends[i+1] = int32(len(text))
	}
	return []*memory.Buffer{memory.NewBufferBytes(arrow.GetBytes(ends)), memory.NewBufferBytes(text)}, bad, nil
}

// writerOf returns how values of in are written, and whether JSON has them in quotes. It is asked once a column.
func writerOf(in arrow.Array) (one writer, quoted bool) {
	switch in := in.(type) {
	case *array.Boolean:
		return func(dst []byte, i int) ([]byte, string) { return strconv.AppendBool(dst, in.Value(i)), "" }, false
	case *array.Float32:
		return func(dst []byte, i int) ([]byte, string) { return appendFloat(dst, float64(in.Value(i)), 32), "" }, false
	case *array.Float64:
		return func(dst []byte, i int) ([]byte, string) { return appendFloat(dst, in.Value(i), 64), "" }, false
	case *array.Decimal128:
		scale := int(in.DataType().(*arrow.Decimal128Type).Scale)
		return func(dst []byte, i int) ([]byte, string) { return appendDecimal(dst, in.Value(i), scale), "" }, false
	case *array.Date32:
		return func(dst []byte, i int) ([]byte, string) { return appendDate(dst, in.Value(i)) }, true
	case *array.Time64:
		return func(dst []byte, i int) ([]byte, string) { return appendTime(dst, in.Value(i)) }, true
	case *array.Timestamp:
		stamp := appendStamp(in.DataType().(*arrow.TimestampType).TimeZone)
		return func(dst []byte, i int) ([]byte, string) { return stamp(dst, in.Value(i)) }, true
	case *array.List, *array.Struct, *array.Map:
		return nestedWriter(in), false
	}
	signed, unsigned := wide(in)
	if unsigned != nil {
		return func(dst []byte, i int) ([]byte, string) { return strconv.AppendUint(dst, unsigned[i], 10), "" }, false
	}
	if signed == nil && in.Len() > 0 {
		return nil, false
	}
	return func(dst []byte, i int) ([]byte, string) { return strconv.AppendInt(dst, signed[i], 10), "" }, false
}

func appendFloat(dst []byte, v float64, bits int) []byte {
	switch {
	case math.IsNaN(v):
		return append(dst, "NaN"...)
	case math.IsInf(v, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(v, -1):
		return append(dst, "-Infinity"...)
	}
	return strconv.AppendFloat(dst, v, 'g', -1, bits)
}

func appendDecimal(dst []byte, v decimal128.Num, scale int) []byte {
	if v.Sign() < 0 {
		dst, v = append(dst, '-'), v.Negate()
	}
	var digits []byte
	if long, ok := short(v); ok {
		digits = strconv.AppendInt(nil, long, 10)
	} else {
		digits = v.BigInt().Append(nil, 10)
	}
	for range scale + 1 - len(digits) {
		digits = append([]byte{'0'}, digits...)
	}
	dst = append(dst, digits[:len(digits)-scale]...)
	if scale > 0 {
		dst = append(append(dst, '.'), digits[len(digits)-scale:]...)
	}
	return dst
}

// nestedWriter writes JSON of lists, structs and maps.
func nestedWriter(in arrow.Array) writer {
	switch in := in.(type) {
	case *array.List:
		item := jsonWriter(in.ListValues())
		return func(dst []byte, i int) ([]byte, string) {
			from, to := in.ValueOffsets(i)
			return sequence(dst, '[', ']', int(from), int(to), item)
		}
	case *array.Map:
		return mapWriter(in)
	}
	row := in.(*array.Struct)
	fields := row.DataType().(*arrow.StructType).Fields()
	members := make([]writer, len(fields))
	for f := range fields {
		member := jsonWriter(row.Field(f))
		members[f] = func(dst []byte, i int) ([]byte, string) {
			return member(append(appendQuoted(dst, fields[f].Name), ':'), i)
		}
	}
	return func(dst []byte, i int) ([]byte, string) {
		return sequence(dst, '{', '}', 0, len(members), func(dst []byte, f int) ([]byte, string) { return members[f](dst, i) })
	}
}

// mapWriter writes a map as an object. Readers keep one of two equal keys, so such a map does not fit.
func mapWriter(in *array.Map) writer {
	keys, item := in.Keys().(*array.String), jsonWriter(in.Items()) // sdk.Type.Validate lets no other keys through
	return func(dst []byte, i int) ([]byte, string) {
		from, to := in.ValueOffsets(i)
		seen := make(map[string]bool, to-from)
		for at := from; at < to; at++ {
			if seen[keys.Value(int(at))] {
				return dst, "a map has a key twice"
			}
			seen[keys.Value(int(at))] = true
		}
		return sequence(dst, '{', '}', int(from), int(to), func(dst []byte, at int) ([]byte, string) {
			return item(append(appendQuoted(dst, keys.Value(at)), ':'), at)
		})
	}
}

func sequence(dst []byte, open, end byte, from, to int, item writer) ([]byte, string) {
	dst = append(dst, open)
	for at := from; at < to; at++ {
		if at > from {
			dst = append(dst, ',')
		}
		longer, reason := item(dst, at)
		if reason != "" {
			return dst, reason
		}
		dst = longer
	}
	return append(dst, end), ""
}

// jsonWriter writes a value inside of a nested one, NULL too. Bytes are in base64; what JSON has no number for is text.
func jsonWriter(in arrow.Array) writer {
	var one writer
	quoted := false
	switch in := in.(type) {
	case *array.String:
		one = func(dst []byte, i int) ([]byte, string) { return appendQuoted(dst, in.Value(i)), "" }
	case *array.Binary:
		one = func(dst []byte, i int) ([]byte, string) {
			return append(base64.StdEncoding.AppendEncode(append(dst, '"'), in.Value(i)), '"'), ""
		}
	default:
		one, quoted = writerOf(in)
	}
	none := gapsOf(in)
	return func(dst []byte, i int) ([]byte, string) {
		if none.at(i) {
			return append(dst, "null"...), ""
		}
		longer, reason := one(dst, i)
		if reason != "" || !quoted && !endless(longer[len(longer)-1]) {
			return longer, reason
		}
		text := string(longer[len(dst):])
		return append(append(append(dst, '"'), text...), '"'), ""
	}
}

// endless says whether a value that ends so is one that JSON has no number for: NaN, Infinity, -Infinity.
func endless(last byte) bool { return last == 'N' || last == 'y' }

// appendQuoted writes a JSON string. What is not UTF-8 stays so, and is found as such.
func appendQuoted(dst []byte, text string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < ' ':
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}

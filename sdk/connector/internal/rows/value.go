package rows

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"

	"github.com/ai-data-analyst/broker/sdk"
)

// putAny appends a value of any Go type to a column of type t, or says why it does not fit. Nothing is rounded and
// nothing wraps around.
func putAny(b array.Builder, t sdk.Type, v any, note func(string)) (int, error) {
	v, err := plain(v)
	if err != nil {
		return 0, err
	}
	if v == nil {
		b.AppendNull()
		return 4, nil
	}
	switch to := b.(type) {
	case *array.StringBuilder:
		return putAnyText(to, t, v, note)
	case *array.BooleanBuilder:
		if yes, ok := v.(bool); ok {
			to.Append(yes)
			return 1, nil
		}
	case *array.BinaryBuilder:
		switch v := v.(type) {
		case []byte:
			return putBytes(to, v)
		case string:
			return putBytes(to, []byte(v))
		}
	case *array.Decimal128Builder:
		return putAnyDecimal(to, t, v)
	case *array.TimestampBuilder, *array.Date32Builder, *array.Time64Builder:
		return putAnyTime(to.(array.Builder), t, v)
	case *array.ListBuilder:
		return putAnyList(to, t, v, note)
	case *array.StructBuilder:
		return putAnyStruct(to, t, v, note)
	case *array.MapBuilder:
		return putAnyMap(to, t, v, note)
	case *array.Float64Builder:
		f, err := floatOf(v, 64)
		to.Append(f)
		return 8, err
	case *array.Float32Builder:
		f, err := floatOf(v, 32)
		to.Append(float32(f))
		return 4, err
	default:
		return putAnyInt(b, v)
	}
	return 0, misfit(v, t)
}

func misfit(v any, t sdk.Type) error { return fmt.Errorf("a %s does not fit %s", kindName(v), t) }

func kindName(v any) string {
	switch v.(type) {
	case json.Number, int64, uint64, float64:
		return "number"
	case string:
		return "text"
	case map[string]any:
		return "object"
	case []any:
		return "list"
	}
	return fmt.Sprintf("%T", v)
}

// plain makes of any value one of: nil, bool, int64, uint64, float64, string, json.Number, []byte, time.Time,
// time.Duration, decimal128.Num, []any, map[string]any; others stay as they are.
func plain(v any) (any, error) {
	switch x := v.(type) {
	case nil, bool, int64, uint64, float64, string, json.Number, []byte, time.Time, time.Duration, decimal128.Num, []any, map[string]any:
		return v, nil
	case int:
		return int64(x), nil
	case json.RawMessage:
		if len(x) == 0 {
			return nil, nil
		}
		return ParseJSON(x)
	case sdk.Secret:
		return nil, errors.New("a secret cannot be a value")
	case float32:
		return json.Number(strconv.FormatFloat(float64(x), 'g', -1, 32)), nil
	case *big.Int:
		return json.Number(x.String()), nil
	case interface{ MarshalText() ([]byte, error) }:
		if r := reflect.ValueOf(v); r.Kind() == reflect.Pointer && r.IsNil() {
			return nil, nil
		}
		text, err := x.MarshalText()
		return string(text), err
	}
	return plainReflect(reflect.ValueOf(v))
}

func plainReflect(r reflect.Value) (any, error) {
	switch k := r.Kind(); {
	case k == reflect.Pointer || k == reflect.Interface:
		if r.IsNil() {
			return nil, nil
		}
		return plain(r.Elem().Interface())
	case k == reflect.Bool:
		return r.Bool(), nil
	case k == reflect.String:
		return r.String(), nil
	case k >= reflect.Int && k <= reflect.Int64:
		return r.Int(), nil
	case k >= reflect.Uint && k <= reflect.Uint64:
		return r.Uint(), nil
	case k == reflect.Float32 || k == reflect.Float64:
		return plain(r.Float())
	case k == reflect.Slice && r.Type().Elem().Kind() == reflect.Uint8:
		return r.Bytes(), nil
	case k == reflect.Slice:
		if r.IsNil() {
			return nil, nil
		}
		list := make([]any, r.Len())
		for i := range list {
			list[i] = r.Index(i).Interface()
		}
		return list, nil
	case k == reflect.Map && r.Type().Key().Kind() == reflect.String:
		if r.IsNil() {
			return nil, nil
		}
		object := make(map[string]any, r.Len())
		for entries := r.MapRange(); entries.Next(); {
			object[entries.Key().String()] = entries.Value().Interface()
		}
		return object, nil
	}
	return r.Interface(), nil
}

func putAnyText(to *array.StringBuilder, t sdk.Type, v any, note func(string)) (int, error) {
	if t.Logical == "json" {
		if s, ok := v.(string); ok && json.Valid([]byte(s)) {
			return putString(to, s, note)
		}
		text, err := json.Marshal(v)
		if err != nil {
			return 0, err
		}
		return putString(to, string(text), note)
	}
	switch v := v.(type) {
	case string:
		return putString(to, v, note)
	case []byte:
		return putString(to, string(v), note)
	}
	return 0, misfit(v, t)
}

func putAnyInt(b array.Builder, v any) (int, error) {
	i, u, negative, err := integerOf(v)
	if err != nil {
		return 0, err
	}
	fits := func(low int64, high uint64) bool { return negative && i >= low || !negative && u <= high }
	ok := false
	switch to := b.(type) {
	case *array.Int64Builder:
		if ok = fits(math.MinInt64, math.MaxInt64); ok {
			to.Append(i)
		}
	case *array.Int32Builder:
		if ok = fits(math.MinInt32, math.MaxInt32); ok {
			to.Append(int32(i))
		}
	case *array.Int16Builder:
		if ok = fits(math.MinInt16, math.MaxInt16); ok {
			to.Append(int16(i))
		}
	case *array.Int8Builder:
		if ok = fits(math.MinInt8, math.MaxInt8); ok {
			to.Append(int8(i))
		}
	case *array.Uint64Builder:
		if ok = fits(0, math.MaxUint64); ok {
			to.Append(u)
		}
	case *array.Uint32Builder:
		if ok = fits(0, math.MaxUint32); ok {
			to.Append(uint32(u))
		}
	case *array.Uint16Builder:
		if ok = fits(0, math.MaxUint16); ok {
			to.Append(uint16(u))
		}
	case *array.Uint8Builder:
		if ok = fits(0, math.MaxUint8); ok {
			to.Append(uint8(u))
		}
	}
	if !ok {
		return 0, fmt.Errorf("the number is out of range for %s", b.Type())
	}
	return 8, nil
}

// integerOf reads a whole number: i holds it when it fits int64, u when it is not negative.
func integerOf(v any) (i int64, u uint64, negative bool, err error) {
	switch v := v.(type) {
	case int64:
		return v, uint64(v), v < 0, nil
	case uint64:
		return int64(v), v, false, nil
	case float64:
		if v != math.Trunc(v) || math.Abs(v) > 1<<53 {
			return 0, 0, false, errors.New("the number is not whole, or larger than a float can hold exactly")
		}
		return int64(v), uint64(int64(v)), v < 0, nil
	case json.Number:
		if u, err := strconv.ParseUint(string(v), 10, 64); err == nil {
			return int64(u), u, false, nil
		}
		if i, err := strconv.ParseInt(string(v), 10, 64); err == nil {
			return i, uint64(i), i < 0, nil
		}
		n, err := parseDecimal(string(v), 38, 0)
		if err != nil || !n.BigInt().IsInt64() {
			return 0, 0, false, fmt.Errorf("%.40s is not a whole number in range", v)
		}
		i := n.BigInt().Int64()
		return i, uint64(i), i < 0, nil
	}
	return 0, 0, false, fmt.Errorf("a %s is not a whole number", kindName(v))
}

func floatOf(v any, bits int) (float64, error) {
	switch v := v.(type) {
	case float64:
		if bits == 32 && !math.IsInf(v, 0) && math.Abs(v) > math.MaxFloat32 {
			return 0, errors.New("the number is out of range for float32")
		}
		return v, nil
	case int64:
		return float64(v), exact(int64(float64(v)) == v)
	case uint64:
		return float64(v), exact(v <= 1<<53)
	case json.Number:
		f, err := strconv.ParseFloat(string(v), bits)
		if err != nil {
			return 0, fmt.Errorf("%.40s does not fit a float", v)
		}
		return f, nil
	}
	return 0, fmt.Errorf("a %s is not a number", kindName(v))
}

func exact(ok bool) error {
	if !ok {
		return errors.New("the number is larger than a float can hold exactly")
	}
	return nil
}

func putAnyDecimal(to *array.Decimal128Builder, t sdk.Type, v any) (int, error) {
	switch v := v.(type) {
	case string:
		return putDecimal(to, v, t)
	case json.Number:
		return putDecimal(to, string(v), t)
	case int64:
		return putDecimal(to, strconv.FormatInt(v, 10), t)
	case uint64:
		return putDecimal(to, strconv.FormatUint(v, 10), t)
	case float64:
		return putDecimal(to, strconv.FormatFloat(v, 'f', -1, 64), t)
	case decimal128.Num:
		if !v.FitsInPrecision(t.Precision) {
			return 0, fmt.Errorf("the number does not fit %s", t)
		}
		to.Append(v)
		return 16, nil
	}
	return 0, misfit(v, t)
}

func putDecimal(to *array.Decimal128Builder, text string, t sdk.Type) (int, error) {
	n, err := parseDecimal(text, t.Precision, t.Scale)
	if err == nil {
		to.Append(n)
	}
	return 16, err
}

// parseDecimal reads a decimal number exactly; digits that the scale cannot hold are an error unless they are zero.
func parseDecimal(text string, precision, scale int32) (decimal128.Num, error) {
	fail := func() (decimal128.Num, error) {
		return decimal128.Num{}, fmt.Errorf("%.40q does not fit decimal(%d,%d)", text, precision, scale)
	}
	mantissa, exponent := text, 0
	if at := strings.IndexAny(text, "eE"); at >= 0 {
		e, err := strconv.Atoi(text[at+1:])
		if err != nil || e < -1000 || e > 1000 {
			return fail()
		}
		mantissa, exponent = text[:at], e
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimLeft(whole, "+-") + fraction
	if digits == "" || len(mantissa) > 1000 || len(whole)-len(strings.TrimLeft(whole, "+-")) > 1 {
		return fail()
	}
	shift := int(scale) + exponent - len(fraction)
	for ; shift < 0 && strings.HasSuffix(digits, "0"); shift++ {
		digits = digits[:len(digits)-1]
	}
	n, ok := new(big.Int).SetString("0"+digits, 10)
	if !ok || strings.ContainsAny(digits, "+-_") {
		return fail()
	}
	if n.Sign() != 0 {
		if shift < 0 {
			return fail()
		}
		n.Mul(n, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(shift)), nil))
	}
	if len(n.String()) > int(precision) {
		return fail()
	}
	if strings.HasPrefix(whole, "-") {
		n.Neg(n)
	}
	return decimal128.FromBigInt(n), nil
}

func putAnyTime(b array.Builder, t sdk.Type, v any) (int, error) {
	switch v := v.(type) {
	case time.Time:
		return putTime(b, v)
	case time.Duration:
		if to, ok := b.(*array.Time64Builder); ok {
			return putDuration(to, v)
		}
	case string:
		layouts := []string{time.RFC3339Nano}
		switch {
		case t.ID == sdk.Date:
			layouts = []string{time.DateOnly}
		case t.ID == sdk.Time:
			layouts = []string{"15:04:05.999999999", "15:04"}
		case t.Zone == "":
			layouts = []string{"2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999"}
		}
		for _, layout := range layouts {
			if parsed, err := time.Parse(layout, v); err == nil {
				return putTime(b, parsed)
			}
		}
		return 0, fmt.Errorf("%.40q is not a %s as in %q", v, t, layouts[0])
	}
	return 0, misfit(v, t)
}

func putAnyList(to *array.ListBuilder, t sdk.Type, v any, note func(string)) (int, error) {
	items, ok := v.([]any)
	if !ok {
		return 0, misfit(v, t)
	}
	to.Append(true)
	size := 4
	for _, item := range items {
		at := to.ValueBuilder().Len()
		n, err := putAny(to.ValueBuilder(), t.Children[0].Type, item, note)
		if size += n; err != nil {
			level(to.ValueBuilder(), at+1)
			return size, err
		}
	}
	return size, nil
}

func putAnyStruct(to *array.StructBuilder, t sdk.Type, v any, note func(string)) (int, error) {
	object, ok := v.(map[string]any)
	if !ok {
		return 0, misfit(v, t)
	}
	to.Append(true)
	size := 1
	for i, child := range t.Children {
		n, err := putAny(to.FieldBuilder(i), child.Type, object[child.Name], note)
		if size += n; err != nil {
			for ; i < len(t.Children); i++ {
				level(to.FieldBuilder(i), to.Len())
			}
			return size, fmt.Errorf("%s: %w", child.Name, err)
		}
	}
	return size, nil
}

func putAnyMap(to *array.MapBuilder, t sdk.Type, v any, note func(string)) (int, error) {
	object, ok := v.(map[string]any)
	if !ok {
		return 0, misfit(v, t)
	}
	names := make([]string, 0, len(object))
	for name := range object {
		names = append(names, name)
	}
	slices.Sort(names)
	to.Append(true)
	size := 4
	for _, name := range names {
		n, err := putString(to.KeyBuilder().(*array.StringBuilder), name, note)
		if err == nil {
			var more int
			more, err = putAny(to.ItemBuilder(), t.Children[1].Type, object[name], note)
			n += more
		}
		if size += n; err != nil {
			level(to.ItemBuilder(), to.KeyBuilder().Len())
			return size, err
		}
	}
	return size, nil
}

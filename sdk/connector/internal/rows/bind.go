package rows

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/ai-data-analyst/broker/sdk"
)

// put appends one value to the builder it is bound to and returns its size in bytes. After an error the builder may
// or may not have got a row; whoever called it levels it.
type put func(v reflect.Value) (int, error)

// binder makes the put of a builder. note counts something that people should know of the column.
type binder func(b array.Builder, note func(code string)) put

var plainKinds = map[reflect.Kind]made{
	reflect.Bool:    {t: sdk.Type{ID: sdk.Bool}, bind: bindBool},
	reflect.Int:     {t: sdk.Type{ID: sdk.Int64}, bind: bindInt[int64, *array.Int64Builder](8)},
	reflect.Int64:   {t: sdk.Type{ID: sdk.Int64}, bind: bindInt[int64, *array.Int64Builder](8)},
	reflect.Int32:   {t: sdk.Type{ID: sdk.Int32}, bind: bindInt[int32, *array.Int32Builder](4)},
	reflect.Int16:   {t: sdk.Type{ID: sdk.Int16}, bind: bindInt[int16, *array.Int16Builder](2)},
	reflect.Int8:    {t: sdk.Type{ID: sdk.Int8}, bind: bindInt[int8, *array.Int8Builder](1)},
	reflect.Uint:    {t: sdk.Type{ID: sdk.Uint64}, bind: bindUint[uint64, *array.Uint64Builder](8)},
	reflect.Uint64:  {t: sdk.Type{ID: sdk.Uint64}, bind: bindUint[uint64, *array.Uint64Builder](8)},
	reflect.Uint32:  {t: sdk.Type{ID: sdk.Uint32}, bind: bindUint[uint32, *array.Uint32Builder](4)},
	reflect.Uint16:  {t: sdk.Type{ID: sdk.Uint16}, bind: bindUint[uint16, *array.Uint16Builder](2)},
	reflect.Uint8:   {t: sdk.Type{ID: sdk.Uint8}, bind: bindUint[uint8, *array.Uint8Builder](1)},
	reflect.Float64: {t: sdk.Type{ID: sdk.Float64}, bind: bindFloat[float64, *array.Float64Builder](8)},
	reflect.Float32: {t: sdk.Type{ID: sdk.Float32}, bind: bindFloat[float32, *array.Float32Builder](4)},
}

type appends[T any] interface {
	array.Builder
	Append(T)
}

func bindInt[T int8 | int16 | int32 | int64, B appends[T]](size int) binder {
	return func(b array.Builder, _ func(string)) put {
		to := b.(B)
		return func(v reflect.Value) (int, error) { to.Append(T(v.Int())); return size, nil }
	}
}

func bindUint[T uint8 | uint16 | uint32 | uint64, B appends[T]](size int) binder {
	return func(b array.Builder, _ func(string)) put {
		to := b.(B)
		return func(v reflect.Value) (int, error) { to.Append(T(v.Uint())); return size, nil }
	}
}

func bindFloat[T float32 | float64, B appends[T]](size int) binder {
	return func(b array.Builder, _ func(string)) put {
		to := b.(B)
		return func(v reflect.Value) (int, error) { to.Append(T(v.Float())); return size, nil }
	}
}

func bindBool(b array.Builder, _ func(string)) put {
	to := b.(*array.BooleanBuilder)
	return func(v reflect.Value) (int, error) { to.Append(v.Bool()); return 1, nil }
}

// pointerBinder makes nil NULL. A pointer to a zero time is that time, not NULL.
func pointerBinder(inner binder, isTime bool) binder {
	return func(b array.Builder, note func(string)) put {
		to := inner(b, note)
		return func(v reflect.Value) (int, error) {
			if v.IsNil() {
				b.AppendNull()
				return 1, nil
			}
			if isTime {
				return putTime(b, timeOfValue(v.Elem()))
			}
			return to(v.Elem())
		}
	}
}

func bindString(b array.Builder, note func(string)) put {
	to := b.(*array.StringBuilder)
	return func(v reflect.Value) (int, error) { return putString(to, v.String(), note) }
}

// putString appends text; what is not UTF-8 in it becomes U+FFFD, counted.
func putString(to *array.StringBuilder, s string, note func(string)) (int, error) {
	if len(s) > maxField {
		return 0, tooLarge(len(s))
	}
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
		note(InvalidUTF8)
	}
	to.Append(s)
	return len(s) + 4, nil
}

func putBytes(to *array.BinaryBuilder, p []byte) (int, error) {
	if len(p) > maxField {
		return 0, tooLarge(len(p))
	}
	to.Append(p)
	return len(p) + 4, nil
}

func bindBytes(b array.Builder, _ func(string)) put {
	to := b.(*array.BinaryBuilder)
	return func(v reflect.Value) (int, error) {
		if v.IsNil() {
			to.AppendNull()
			return 4, nil
		}
		return putBytes(to, v.Bytes())
	}
}

func bindText(b array.Builder, note func(string)) put {
	to := b.(*array.StringBuilder)
	return func(v reflect.Value) (int, error) {
		if nilable(v.Kind()) && v.IsNil() {
			to.AppendNull()
			return 4, nil
		}
		text, err := v.Interface().(encoding.TextMarshaler).MarshalText()
		if err != nil {
			return 0, err
		}
		return putString(to, string(text), note)
	}
}

// timeOfValue reads a time, without boxing it where it can be pointed at.
func timeOfValue(v reflect.Value) time.Time {
	if v.CanAddr() {
		return *v.Addr().Interface().(*time.Time)
	}
	return v.Interface().(time.Time)
}

func bindTimestamp(wall bool) binder {
	return func(b array.Builder, _ func(string)) put {
		to := b.(*array.TimestampBuilder)
		return func(v reflect.Value) (int, error) {
			t := timeOfValue(v)
			if t.IsZero() {
				to.AppendNull()
				return 8, nil
			}
			return putTimestamp(to, t, wall)
		}
	}
}

// putTimestamp appends an instant or, with wall, what the clock on the wall shows.
func putTimestamp(to *array.TimestampBuilder, t time.Time, wall bool) (int, error) {
	if wall {
		t = time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
	}
	if y := t.Year(); y < -290_000 || y > 294_000 {
		return 0, fmt.Errorf("year %d is out of range", y)
	}
	to.Append(arrow.Timestamp(t.UnixMicro()))
	return 8, nil
}

func bindDate(b array.Builder, _ func(string)) put {
	to := b.(*array.Date32Builder)
	return func(v reflect.Value) (int, error) {
		t := timeOfValue(v)
		if t.IsZero() {
			to.AppendNull()
			return 4, nil
		}
		return putDate(to, t)
	}
}

// putDate appends the day that t shows in its own zone.
func putDate(to *array.Date32Builder, t time.Time) (int, error) {
	days := math.Floor(float64(time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC).Unix()) / 86_400)
	if days < math.MinInt32 || days > math.MaxInt32 {
		return 0, fmt.Errorf("year %d is out of range", t.Year())
	}
	to.Append(arrow.Date32(days))
	return 4, nil
}

func bindTimeOfDay(b array.Builder, _ func(string)) put {
	to := b.(*array.Time64Builder)
	return func(v reflect.Value) (int, error) {
		t := timeOfValue(v)
		if t.IsZero() {
			to.AppendNull()
			return 8, nil
		}
		return putTime(to, t)
	}
}

func bindDuration(b array.Builder, _ func(string)) put {
	to := b.(*array.Time64Builder)
	return func(v reflect.Value) (int, error) { return putDuration(to, time.Duration(v.Int())) }
}

func putDuration(to *array.Time64Builder, d time.Duration) (int, error) {
	if d < 0 || d >= 24*time.Hour {
		return 0, fmt.Errorf("%s is no time of day", d)
	}
	to.Append(arrow.Time64(d.Microseconds()))
	return 8, nil
}

// putTime appends t to a builder of timestamps, dates or times of day.
func putTime(b array.Builder, t time.Time) (int, error) {
	switch to := b.(type) {
	case *array.TimestampBuilder:
		return putTimestamp(to, t, to.Type().(*arrow.TimestampType).TimeZone == "")
	case *array.Date32Builder:
		return putDate(to, t)
	case *array.Time64Builder:
		day := time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute + time.Duration(t.Second())*time.Second
		return putDuration(to, day+time.Duration(t.Nanosecond()))
	}
	return 0, fmt.Errorf("a time does not fit %s", b.Type())
}

func bindDecimal(want sdk.Type) binder {
	return func(b array.Builder, _ func(string)) put {
		to := b.(*array.Decimal128Builder)
		return func(v reflect.Value) (int, error) {
			if nilable(v.Kind()) && v.IsNil() {
				to.AppendNull()
				return 16, nil
			}
			text, err := numberText(v)
			if err != nil {
				return 0, err
			}
			return putDecimal(to, text, want)
		}
	}
}

func numberText(v reflect.Value) (string, error) {
	if m, ok := v.Interface().(encoding.TextMarshaler); ok {
		text, err := m.MarshalText()
		return string(text), err
	}
	switch k := v.Kind(); {
	case k >= reflect.Int && k <= reflect.Int64:
		return strconv.FormatInt(v.Int(), 10), nil
	case k >= reflect.Uint && k <= reflect.Uint64:
		return strconv.FormatUint(v.Uint(), 10), nil
	case k == reflect.Float32:
		return strconv.FormatFloat(v.Float(), 'f', -1, 32), nil
	case k == reflect.Float64:
		return strconv.FormatFloat(v.Float(), 'f', -1, 64), nil
	}
	return v.String(), nil
}

func bindRawJSON(b array.Builder, note func(string)) put {
	to := b.(*array.StringBuilder)
	return func(v reflect.Value) (int, error) {
		if v.Len() == 0 {
			to.AppendNull()
			return 4, nil
		}
		return putJSON(to, v.Bytes(), note)
	}
}

func bindJSONText(b array.Builder, note func(string)) put {
	to := b.(*array.StringBuilder)
	return func(v reflect.Value) (int, error) { return putJSON(to, []byte(v.String()), note) }
}

func bindJSONValue(b array.Builder, note func(string)) put {
	to := b.(*array.StringBuilder)
	return func(v reflect.Value) (int, error) {
		if nilable(v.Kind()) && v.IsNil() {
			to.AppendNull()
			return 4, nil
		}
		text, err := json.Marshal(v.Interface())
		if err != nil {
			return 0, err
		}
		return putString(to, string(text), note)
	}
}

func putJSON(to *array.StringBuilder, text []byte, note func(string)) (int, error) {
	if len(text) > maxField {
		return 0, tooLarge(len(text))
	}
	if !json.Valid(text) {
		return 0, errors.New("is not JSON")
	}
	return putString(to, string(text), note)
}

func bindList(item binder) binder {
	return func(b array.Builder, note func(string)) put {
		list := b.(*array.ListBuilder)
		to := item(list.ValueBuilder(), note)
		return func(v reflect.Value) (int, error) {
			if v.IsNil() {
				list.AppendNull()
				return 4, nil
			}
			list.Append(true)
			size := 4
			for i := range v.Len() {
				at := list.ValueBuilder().Len()
				n, err := to(v.Index(i))
				if size += n; err != nil {
					level(list.ValueBuilder(), at+1)
					return size, err
				}
			}
			return size, nil
		}
	}
}

func bindMap(value binder) binder {
	return func(b array.Builder, note func(string)) put {
		m := b.(*array.MapBuilder)
		keys, to := m.KeyBuilder().(*array.StringBuilder), value(m.ItemBuilder(), note)
		return func(v reflect.Value) (int, error) {
			if v.IsNil() {
				m.AppendNull()
				return 4, nil
			}
			m.Append(true)
			size := 4
			names := v.MapKeys()
			slices.SortFunc(names, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
			for _, name := range names {
				n, err := putString(keys, name.String(), note)
				if err == nil {
					var more int
					more, err = to(v.MapIndex(name))
					n += more
				}
				if size += n; err != nil {
					level(m.ItemBuilder(), keys.Len())
					return size, err
				}
			}
			return size, nil
		}
	}
}

func bindStruct(fields []structField) binder {
	return func(b array.Builder, note func(string)) put {
		s := b.(*array.StructBuilder)
		puts := make([]put, len(fields))
		for i, f := range fields {
			puts[i] = f.bind(s.FieldBuilder(i), note)
		}
		return func(v reflect.Value) (int, error) {
			s.Append(true)
			size := 1
			for i, f := range fields {
				n, err := puts[i](v.Field(f.index[0]))
				if size += n; err != nil {
					for child := i; child < len(fields); child++ {
						level(s.FieldBuilder(child), s.Len())
					}
					return size, err
				}
			}
			return size, nil
		}
	}
}

// level gives b the row that a failed put may not have appended.
func level(b array.Builder, rows int) {
	for b.Len() < rows {
		b.AppendEmptyValue()
	}
}

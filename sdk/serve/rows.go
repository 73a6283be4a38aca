package serve

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"math"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// appendRow appends row i of record as one JSON object, columns in their order.
func appendRow(line []byte, record arrow.Record, i int) ([]byte, error) {
	line = append(line, '{')
	for c := range int(record.NumCols()) {
		if c > 0 {
			line = append(line, ',')
		}
		var err error
		if line, err = appendJSON(line, record.ColumnName(c)); err != nil {
			return nil, err
		}
		line = append(line, ':')
		if line, err = appendJSON(line, valueOf(record.Column(c), i)); err != nil {
			return nil, err
		}
	}
	return append(line, '}'), nil
}

func appendJSON(line []byte, value any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		return nil, err
	}
	return append(line, bytes.TrimRight(b.Bytes(), "\n")...), nil
}

// valueOf returns value i of a column as JSON has it: decimals and times as text, binary as base64.
func valueOf(column arrow.Array, i int) any {
	if column.IsNull(i) {
		return nil
	}
	switch a := column.(type) {
	case *array.Boolean:
		return a.Value(i)
	case *array.String:
		return a.Value(i)
	case *array.Binary:
		return base64.StdEncoding.EncodeToString(a.Value(i))
	case *array.Float32:
		return number(float64(a.Value(i)), a.Value(i))
	case *array.Float64:
		return number(a.Value(i), a.Value(i))
	case *array.Date32:
		return a.Value(i).ToTime().UTC().Format(time.DateOnly)
	case *array.Time64:
		return a.Value(i).ToTime(arrow.Microsecond).UTC().Format("15:04:05.999999")
	case *array.Timestamp:
		return timestamp(a, i)
	case *array.Decimal128:
		return a.Value(i).ToString(a.DataType().(*arrow.Decimal128Type).Scale)
	case *array.Map:
		return mapOf(a, i)
	case *array.List:
		return listOf(a, i)
	case *array.Struct:
		return structOf(a, i)
	}
	return json.RawMessage(column.ValueStr(i)) // what is left are integers
}

// number gives floats that JSON does not know as text.
func number(wide float64, value any) any {
	switch {
	case math.IsNaN(wide):
		return "NaN"
	case math.IsInf(wide, 1):
		return "Infinity"
	case math.IsInf(wide, -1):
		return "-Infinity"
	}
	return value
}

func timestamp(a *array.Timestamp, i int) string {
	t := time.UnixMicro(int64(a.Value(i))).UTC()
	if a.DataType().(*arrow.TimestampType).TimeZone == "" {
		return t.Format("2006-01-02T15:04:05.999999")
	}
	return t.Format("2006-01-02T15:04:05.999999Z07:00")
}

func listOf(a *array.List, i int) any {
	from, to := a.ValueOffsets(i)
	values := make([]any, 0, to-from)
	for j := from; j < to; j++ {
		values = append(values, valueOf(a.ListValues(), int(j)))
	}
	return values
}

func mapOf(a *array.Map, i int) any {
	from, to := a.ValueOffsets(i)
	object := make(map[string]any, to-from)
	for j := from; j < to; j++ {
		if key, ok := valueOf(a.Keys(), int(j)).(string); ok {
			object[key] = valueOf(a.Items(), int(j))
		}
	}
	return object
}

func structOf(a *array.Struct, i int) any {
	t := a.DataType().(*arrow.StructType)
	object := make(map[string]any, a.NumField())
	for f := range a.NumField() {
		object[t.Field(f).Name] = valueOf(a.Field(f), i)
	}
	return object
}

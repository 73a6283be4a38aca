package read

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/ai-data-analyst/broker/plugins/connector/csv/infer"
	"github.com/ai-data-analyst/broker/plugins/connector/csv/scan"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// filter keeps the rows in which a column compares with one of some values as wanted. NULL never does.
type filter struct {
	at     int
	kind   infer.Kind
	wanted func(order int) bool
	values []value
	quote  byte
}

// value is a cell as filters compare it.
type value struct {
	text   []byte
	high   int64 // of decimals; also integers, days, microseconds, 0 and 1
	low    uint64
	number float64
}

var operators = map[string]func(order int) bool{
	"eq": func(o int) bool { return o == 0 }, "ne": func(o int) bool { return o != 0 },
	"gt": func(o int) bool { return o > 0 }, "ge": func(o int) bool { return o >= 0 },
	"lt": func(o int) bool { return o < 0 }, "le": func(o int) bool { return o <= 0 },
}

// filters makes the filters that were asked for, once the types are settled.
func (r *reading) filters() ([]filter, error) {
	var filters []filter
	for _, asked := range r.Filters {
		f := filter{wanted: operators[asked.Operator], quote: r.Dialect.Quote}
		if f.at = slices.IndexFunc(r.columns, func(c sdk.Column) bool { return c.Name == asked.Column }); f.at < 0 {
			return nil, fault.Newf(fault.Config, "a filter names the column %.60q, which %s does not have", asked.Column, r.Name)
		}
		if f.wanted == nil {
			return nil, fault.Newf(fault.Config, "a filter has the unknown operator %.20q", asked.Operator)
		}
		f.kind = r.kinds[f.at]
		for _, text := range asked.Values {
			v, ok := f.parse(append([]byte(text), make([]byte, scan.Padding)...), 0, len(text))
			if !ok {
				return nil, fault.Newf(fault.Config, "a filter compares the column %s, of type %s, with %s", asked.Column, f.kind, shown(text))
			}
			f.values = append(f.values, v)
		}
		filters = append(filters, f)
	}
	return filters, nil
}

// keeps says whether a row of block stays. A value that does not fit its type stays, to be found later.
func (f filter) keeps(block *scan.Block, row int) bool {
	cell := block.Row(row)[f.at]
	if cell.Null() {
		return false
	}
	v, ok := f.parse(block.Text, cell.Start(), cell.End())
	if cell.Escaped() && ok {
		v.text = block.Value(cell, f.quote)
	}
	return !ok || slices.ContainsFunc(f.values, func(w value) bool { return f.wanted(f.compare(v, w)) })
}

func (f filter) parse(t []byte, s, e int) (v value, ok bool) {
	switch f.kind {
	case infer.Text:
		v.text, ok = t[s:e], true
	case infer.Bool:
		var set bool
		if set, ok = infer.ParseBool(t, s, e); set {
			v.high = 1
		}
	case infer.Integer:
		v.high, ok = infer.ParseInteger(t, s, e)
	case infer.Decimal:
		v.high, v.low, ok = infer.ParseDecimal(t, s, e)
	case infer.Float:
		v.number, ok = infer.ParseFloat(t, s, e)
	case infer.Date:
		var days int32
		days, ok = infer.ParseDate(t, s, e)
		v.high = int64(days)
	default:
		v.high, _, ok = infer.ParseTimestamp(t, s, e)
	}
	return v, ok
}

func (f filter) compare(a, b value) int {
	if f.kind == infer.Text {
		return bytes.Compare(a.text, b.text)
	}
	return cmp.Or(cmp.Compare(a.high, b.high), cmp.Compare(a.low, b.low), cmp.Compare(a.number, b.number))
}

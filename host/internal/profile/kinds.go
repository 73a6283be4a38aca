package profile

import (
	"github.com/apache/arrow/go/v17/arrow"

	"github.com/ai-data-analyst/broker/sdk"
)

// Categories of columns, as the document names them.
const (
	numeric   = "numeric"
	text      = "string"
	boolean   = "boolean"
	dates     = "date"
	timestamp = "timestamp"
	other     = "other"
)

// kind is how a column is counted.
type kind struct {
	Category string
	Float    bool  // of a numeric one: floating point, or a decimal of more digits than an int64 holds
	Wide     bool  // such a decimal
	Scale    int32 // digits behind the point of a decimal
	Zoned    bool  // of a timestamp
}

// narrow is how many digits every int64 holds.
const narrow = 18

// kindOf is how a published column is counted.
func kindOf(t sdk.Type) kind {
	switch t.ID {
	case sdk.Int8, sdk.Int16, sdk.Int32, sdk.Int64, sdk.Uint8, sdk.Uint16, sdk.Uint32:
		return kind{Category: numeric}
	case sdk.Uint64:
		return kind{Category: numeric, Float: true, Wide: true}
	case sdk.Float32, sdk.Float64:
		return kind{Category: numeric, Float: true}
	case sdk.Decimal:
		return decimal(t.Precision, t.Scale)
	case sdk.String:
		return kind{Category: text}
	case sdk.Bool:
		return kind{Category: boolean}
	case sdk.Date:
		return kind{Category: dates}
	case sdk.Timestamp:
		return kind{Category: timestamp, Zoned: t.Zone != ""}
	default:
		return kind{Category: other}
	}
}

func decimal(precision, scale int32) kind {
	wide := precision > narrow
	return kind{Category: numeric, Float: wide, Wide: wide, Scale: scale}
}

// kindOfArrow is how a column of a batch in published form is counted.
func kindOfArrow(t arrow.DataType) kind {
	switch t := t.(type) {
	case *arrow.Int64Type:
		return kind{Category: numeric}
	case *arrow.Float64Type:
		return kind{Category: numeric, Float: true}
	case *arrow.Decimal128Type:
		return decimal(t.Precision, t.Scale)
	case *arrow.StringType:
		return kind{Category: text}
	case *arrow.BooleanType:
		return kind{Category: boolean}
	case *arrow.Date32Type:
		return kind{Category: dates}
	case *arrow.TimestampType:
		return kind{Category: timestamp, Zoned: t.TimeZone != ""}
	default:
		return kind{Category: other}
	}
}

package parquet

import (
	"fmt"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	arrow17 "github.com/apache/arrow/go/v17/arrow"
	array17 "github.com/apache/arrow/go/v17/arrow/array"
	memory17 "github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/ai-data-analyst/broker/sdk"
)

// The encoder inside speaks Arrow v18, everybody else v17. Batches cross by adopting each other's buffers: the layouts
// are the same, nothing is copied, and the giver must be kept retained while the taker reads.

const fieldID = "PARQUET:field_id"

// schema18 is Schema for the encoder, with field ids.
func schema18(columns []Column) (*arrow.Schema, error) {
	fields := make([]arrow.Field, len(columns))
	for i, c := range columns {
		f, err := field18(c)
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", c.Name, err)
		}
		fields[i] = f
	}
	return arrow.NewSchema(fields, nil), nil
}

func field18(c Column) (arrow.Field, error) {
	field := arrow.Field{Name: c.Name, Nullable: !c.Required, Metadata: arrow.NewMetadata([]string{fieldID}, []string{strconv.Itoa(c.ID)})}
	children := make([]arrow.Field, len(c.Children))
	for i, child := range c.Children {
		f, err := field18(child)
		if err != nil {
			return field, err
		}
		children[i] = f
	}
	switch {
	case c.Type.ID == sdk.List && len(children) == 1:
		field.Type = arrow.ListOfField(children[0])
	case c.Type.ID == sdk.Struct && len(children) > 0:
		field.Type = arrow.StructOf(children...)
	case c.Type.ID == sdk.Map && len(children) == 2:
		field.Type = arrow.MapOfFields(children[0], children[1])
	case c.Type.ID == sdk.Decimal:
		field.Type = &arrow.Decimal128Type{Precision: c.Type.Precision, Scale: c.Type.Scale}
	case c.Type.ID == sdk.Timestamp:
		field.Type = &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: c.Type.Zone}
	default:
		plain, ok := plain18[c.Type.ID]
		if !ok {
			return field, fmt.Errorf("type %s is not a published type", c.Type)
		}
		field.Type = plain
	}
	return field, nil
}

var plain18 = map[sdk.TypeID]arrow.DataType{
	sdk.Bool: arrow.FixedWidthTypes.Boolean, sdk.Int64: arrow.PrimitiveTypes.Int64, sdk.Float64: arrow.PrimitiveTypes.Float64,
	sdk.String: arrow.BinaryTypes.String, sdk.Binary: arrow.BinaryTypes.Binary,
	sdk.Date: arrow.FixedWidthTypes.Date32, sdk.Time: arrow.FixedWidthTypes.Time64us,
}

// adopt18 lends a published v17 batch to the encoder.
func adopt18(schema *arrow.Schema, batch arrow17.Record) arrow.RecordBatch {
	columns := make([]arrow.Array, batch.NumCols())
	for i, f := range schema.Fields() {
		data := data18(f.Type, batch.Column(i).Data())
		columns[i] = array.MakeFromData(data)
		data.Release()
	}
	record := array.NewRecordBatch(schema, columns, batch.NumRows())
	for _, c := range columns {
		c.Release()
	}
	return record
}

func data18(t arrow.DataType, from arrow17.ArrayData) *array.Data {
	buffers := make([]*memory.Buffer, len(from.Buffers()))
	for i, b := range from.Buffers() {
		if b != nil {
			buffers[i] = memory.NewBufferBytes(b.Bytes())
		}
	}
	var children []arrow.ArrayData
	if nested, ok := t.(arrow.NestedType); ok {
		for i, f := range nested.Fields() {
			child := data18(f.Type, from.Children()[i])
			defer child.Release()
			children = append(children, child)
		}
	}
	return array.NewData(t, from.Len(), buffers, children, from.NullN(), from.Offset())
}

// adopt17 lends an array of the decoder to the v17 world. t is the published v17 type.
func adopt17(t arrow17.DataType, from arrow.ArrayData) arrow17.ArrayData {
	buffers := make([]*memory17.Buffer, len(from.Buffers()))
	for i, b := range from.Buffers() {
		if b != nil {
			buffers[i] = memory17.NewBufferBytes(b.Bytes())
		}
	}
	var children []arrow17.ArrayData
	if nested, ok := t.(arrow17.NestedType); ok {
		for i, f := range nested.Fields() {
			child := adopt17(f.Type, from.Children()[i])
			defer child.Release()
			children = append(children, child)
		}
	}
	return array17.NewData(t, from.Len(), buffers, children, from.NullN(), from.Offset())
}

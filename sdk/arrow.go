package sdk

import (
	"fmt"
	"sort"

	"github.com/apache/arrow/go/v17/arrow"
)

// ArrowSchema returns the Arrow schema that batches of these columns have. Field metadata carries "broker.logical"
// where a column has a tag.
func ArrowSchema(columns []Column) (*arrow.Schema, error) {
	fields := make([]arrow.Field, len(columns))
	for i, c := range columns {
		field, err := arrowField(c)
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", c.Name, err)
		}
		fields[i] = field
	}
	return arrow.NewSchema(fields, nil), nil
}

func arrowField(c Column) (arrow.Field, error) {
	t, err := c.Type.Arrow()
	field := arrow.Field{Name: c.Name, Type: t, Nullable: !c.NotNull}
	if c.Type.Logical != "" {
		field.Metadata = arrow.NewMetadata([]string{"broker.logical"}, []string{c.Type.Logical})
	}
	return field, err
}

var plainArrow = map[TypeID]arrow.DataType{
	Bool: arrow.FixedWidthTypes.Boolean,
	Int8: arrow.PrimitiveTypes.Int8, Int16: arrow.PrimitiveTypes.Int16, Int32: arrow.PrimitiveTypes.Int32, Int64: arrow.PrimitiveTypes.Int64,
	Uint8: arrow.PrimitiveTypes.Uint8, Uint16: arrow.PrimitiveTypes.Uint16, Uint32: arrow.PrimitiveTypes.Uint32, Uint64: arrow.PrimitiveTypes.Uint64,
	Float32: arrow.PrimitiveTypes.Float32, Float64: arrow.PrimitiveTypes.Float64,
	String: arrow.BinaryTypes.String, Binary: arrow.BinaryTypes.Binary,
	Date: arrow.FixedWidthTypes.Date32, Time: arrow.FixedWidthTypes.Time64us,
}

// Arrow returns the Arrow v17 type of t.
func (t Type) Arrow() (arrow.DataType, error) {
	if err := t.Validate(); err != nil {
		return nil, err
	}
	if plain, ok := plainArrow[t.ID]; ok {
		return plain, nil
	}
	switch t.ID {
	case Decimal:
		return &arrow.Decimal128Type{Precision: t.Precision, Scale: t.Scale}, nil
	case Timestamp:
		return &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: t.Zone}, nil
	}
	children := make([]arrow.Field, len(t.Children))
	for i, c := range t.Children {
		field, err := arrowField(c)
		if err != nil {
			return nil, err
		}
		children[i] = field
	}
	switch t.ID {
	case List:
		children[0].Name = "item"
		return arrow.ListOfField(children[0]), nil
	case Struct:
		return arrow.StructOf(children...), nil
	default: // Map: Validate lets nothing else through
		m := arrow.MapOf(children[0].Type, children[1].Type)
		m.SetItemNullable(children[1].Nullable)
		return m, nil
	}
}

// ColumnsOf is the inverse of ArrowSchema. Types outside the closed list are an error naming the column.
func ColumnsOf(schema *arrow.Schema) ([]Column, error) {
	columns := make([]Column, schema.NumFields())
	for i, f := range schema.Fields() {
		c, err := columnOf(f)
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", f.Name, err)
		}
		columns[i] = c
	}
	return columns, nil
}

func columnOf(f arrow.Field) (Column, error) {
	t, err := typeOf(f.Type)
	if tag, ok := f.Metadata.GetValue("broker.logical"); ok {
		t.Logical = tag
	}
	if err == nil {
		err = t.Validate()
	}
	return Column{Name: f.Name, Type: t, NotNull: !f.Nullable}, err
}

func typeOf(t arrow.DataType) (Type, error) {
	for _, id := range plainIDs() {
		if arrow.TypeEqual(plainArrow[id], t) {
			return Type{ID: id}, nil
		}
	}
	switch t := t.(type) {
	case *arrow.Decimal128Type:
		return Type{ID: Decimal, Precision: t.Precision, Scale: t.Scale}, nil
	case *arrow.TimestampType:
		if t.Unit == arrow.Microsecond {
			return Type{ID: Timestamp, Zone: t.TimeZone}, nil
		}
	case *arrow.ListType:
		return nested(List, t.ElemField())
	case *arrow.StructType:
		return nested(Struct, t.Fields()...)
	case *arrow.MapType:
		return nested(Map, t.KeyField(), t.ItemField())
	}
	return Type{}, fmt.Errorf("arrow type %s is not in the closed list", t)
}

func plainIDs() []TypeID {
	ids := make([]TypeID, 0, len(plainArrow))
	for id := range plainArrow {
		ids = append(ids, id)
	}
	sort.Slice(ids, func(i, j int) bool { return ids[i] < ids[j] })
	return ids
}

func nested(id TypeID, fields ...arrow.Field) (Type, error) {
	t := Type{ID: id}
	for _, f := range fields {
		c, err := columnOf(f)
		if err != nil {
			return Type{}, err
		}
		t.Children = append(t.Children, c)
	}
	return t, t.Validate()
}

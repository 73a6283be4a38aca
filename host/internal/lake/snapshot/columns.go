// Package snapshot turns what a draft made into Iceberg's terms and back: columns into schemas, parts into data files,
// a change into manifests and a snapshot.
//
// It builds snapshots itself, entry by entry, because their time has to come from the lake's clock and never run
// backwards, whatever the machine's does (O6). It decides nothing and commits nothing. Only host/internal/lake and its
// sub-folders import it.
package snapshot

import (
	"fmt"
	"strings"

	"github.com/apache/iceberg-go"

	"github.com/ai-data-analyst/broker/host/internal/parquet"
	"github.com/ai-data-analyst/broker/sdk"
)

// Schema turns columns into an Iceberg schema with the same field ids. A key becomes the schema's identifier when
// Iceberg allows it: columns that are required and no floating-point numbers.
func Schema(columns []parquet.Column, key []string) (*iceberg.Schema, error) {
	fields, err := fields(columns)
	if err != nil {
		return nil, err
	}
	return iceberg.NewSchemaWithIdentifiers(0, identifiers(columns, key), fields...), nil
}

func identifiers(columns []parquet.Column, key []string) []int {
	ids := []int{}
	for _, k := range key {
		for _, c := range columns {
			if c.Name == k && c.Required && c.Type.ID != sdk.Float64 && len(c.Children) == 0 {
				ids = append(ids, c.ID)
			}
		}
	}
	if len(ids) != len(key) {
		return []int{}
	}
	return ids
}

func fields(columns []parquet.Column) ([]iceberg.NestedField, error) {
	out := make([]iceberg.NestedField, len(columns))
	for i, c := range columns {
		t, err := icebergType(c)
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", c.Name, err)
		}
		out[i] = iceberg.NestedField{ID: c.ID, Name: c.Name, Type: t, Required: c.Required, Doc: tagged(c.Doc, c.Type.Logical)}
	}
	return out, nil
}

var plain = map[sdk.TypeID]iceberg.Type{
	sdk.Bool: iceberg.PrimitiveTypes.Bool, sdk.Int64: iceberg.PrimitiveTypes.Int64, sdk.Float64: iceberg.PrimitiveTypes.Float64,
	sdk.String: iceberg.PrimitiveTypes.String, sdk.Binary: iceberg.PrimitiveTypes.Binary,
	sdk.Date: iceberg.PrimitiveTypes.Date, sdk.Time: iceberg.PrimitiveTypes.Time,
}

func icebergType(c parquet.Column) (iceberg.Type, error) {
	if t, ok := plain[c.Type.ID]; ok {
		return t, nil
	}
	switch c.Type.ID {
	case sdk.Decimal:
		return iceberg.DecimalTypeOf(int(c.Type.Precision), int(c.Type.Scale)), nil
	case sdk.Timestamp:
		if c.Type.Zone == "" {
			return iceberg.PrimitiveTypes.Timestamp, nil
		}
		return iceberg.PrimitiveTypes.TimestampTz, nil
	}
	children, err := fields(c.Children)
	if err != nil {
		return nil, err
	}
	switch {
	case c.Type.ID == sdk.Struct && len(children) > 0:
		return &iceberg.StructType{FieldList: children}, nil
	case c.Type.ID == sdk.List && len(children) == 1:
		return &iceberg.ListType{ElementID: children[0].ID, Element: children[0].Type, ElementRequired: children[0].Required}, nil
	case c.Type.ID == sdk.Map && len(children) == 2:
		return &iceberg.MapType{KeyID: children[0].ID, KeyType: children[0].Type,
			ValueID: children[1].ID, ValueType: children[1].Type, ValueRequired: children[1].Required}, nil
	}
	return nil, fmt.Errorf("type %s is not one that is published", c.Type)
}

// Columns is the inverse of Schema.
func Columns(schema *iceberg.Schema) ([]parquet.Column, error) { return columns(schema.Fields()) }

func columns(fields []iceberg.NestedField) ([]parquet.Column, error) {
	out := make([]parquet.Column, len(fields))
	for i, f := range fields {
		t, children, err := published(f.Type)
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", f.Name, err)
		}
		doc, tag := untagged(f.Doc)
		t.Logical = tag
		out[i] = parquet.Column{ID: f.ID, Name: f.Name, Type: t, Required: f.Required, Doc: doc, Children: children}
	}
	return out, nil
}

func published(t iceberg.Type) (sdk.Type, []parquet.Column, error) {
	for id, p := range plain {
		if p.Equals(t) {
			return sdk.Type{ID: id}, nil, nil
		}
	}
	var nested []iceberg.NestedField
	var id sdk.TypeID
	switch t := t.(type) {
	case iceberg.DecimalType:
		return sdk.Type{ID: sdk.Decimal, Precision: int32(t.Precision()), Scale: int32(t.Scale())}, nil, nil
	case iceberg.TimestampType:
		return sdk.Type{ID: sdk.Timestamp}, nil, nil
	case iceberg.TimestampTzType:
		return sdk.Type{ID: sdk.Timestamp, Zone: "UTC"}, nil, nil
	case *iceberg.StructType:
		id, nested = sdk.Struct, t.FieldList
	case *iceberg.ListType:
		id, nested = sdk.List, []iceberg.NestedField{t.ElementField()}
	case *iceberg.MapType:
		id, nested = sdk.Map, []iceberg.NestedField{t.KeyField(), t.ValueField()}
	default:
		return sdk.Type{}, nil, fmt.Errorf("type %s was not written by broker", t)
	}
	children, err := columns(nested)
	return sdk.Type{ID: id}, children, err
}

var tags = []string{"json", "uuid", "url", "markdown", "html"}

// tagged puts a logical tag behind a field's doc, where other readers see it too.
func tagged(doc, tag string) string {
	if tag == "" {
		return doc
	}
	return strings.TrimSpace(doc + " [" + tag + "]")
}

func untagged(doc string) (plain, tag string) {
	for _, t := range tags {
		if rest, ok := strings.CutSuffix(doc, "["+t+"]"); ok {
			return strings.TrimRight(rest, " "), t
		}
	}
	return doc, ""
}

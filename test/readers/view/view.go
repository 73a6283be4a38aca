// Package view makes what an analyst's DuckDB is given: a table's files with its columns by field id, so that renamed and
// later columns are found. For the tests of readers only.
package view

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// Table is a table as "broker tables --json --files" names it.
type Table struct {
	Name     string   `json:"name"`
	Rows     int64    `json:"rows"`
	Files    []string `json:"files"`
	Location string   `json:"location"`
	Metadata string   `json:"metadata_location"`
}

// Column is one column of an Iceberg schema.
type Column struct {
	ID   int             `json:"id"`
	Name string          `json:"name"`
	Type json.RawMessage `json:"type"`
}

// Columns reads the table's current schema from its metadata.
func (t Table) Columns() ([]Column, error) {
	text, err := os.ReadFile(strings.TrimPrefix(t.Metadata, "file://"))
	if err != nil {
		return nil, err
	}
	var metadata struct {
		Current int `json:"current-schema-id"`
		Schemas []struct {
			ID     int      `json:"schema-id"`
			Fields []Column `json:"fields"`
		} `json:"schemas"`
	}
	if err := json.Unmarshal(text, &metadata); err != nil {
		return nil, err
	}
	for _, schema := range metadata.Schemas {
		if schema.ID == metadata.Current {
			return schema.Fields, nil
		}
	}
	return nil, fmt.Errorf("%s: schema %d is not there", t.Metadata, metadata.Current)
}

// Relation is the table as something to select from in DuckDB.
func (t Table) Relation() (string, error) {
	columns, err := t.Columns()
	if err != nil {
		return "", err
	}
	entries := make([]string, len(columns))
	for i, c := range columns {
		duck, err := duckType(c.Type)
		if err != nil {
			return "", fmt.Errorf("column %s: %w", c.Name, err)
		}
		entries[i] = fmt.Sprintf("%d: {name: '%s', type: '%s', default_value: NULL}", c.ID, c.Name, duck)
	}
	return fmt.Sprintf("read_parquet(['%s'], schema = MAP {%s})", strings.Join(t.Files, "','"), strings.Join(entries, ", ")), nil
}

// plain are the types without children. Iceberg writes decimals as DuckDB does.
var plain = map[string]string{
	"boolean": "BOOLEAN", "int": "INTEGER", "long": "BIGINT", "float": "FLOAT", "double": "DOUBLE", "string": "VARCHAR", "binary": "BLOB",
	"date": "DATE", "time": "TIME", "timestamp": "TIMESTAMP", "timestamptz": "TIMESTAMP WITH TIME ZONE",
}

func duckType(text json.RawMessage) (string, error) {
	var name string
	if json.Unmarshal(text, &name) == nil {
		if strings.HasPrefix(name, "decimal(") {
			return strings.ToUpper(name), nil
		}
		duck, ok := plain[name]
		if !ok {
			return "", fmt.Errorf("no type %s", name)
		}
		return duck, nil
	}
	var nested struct {
		Type                string
		Element, Key, Value json.RawMessage
		Fields              []Column
	}
	if err := json.Unmarshal(text, &nested); err != nil {
		return "", err
	}
	switch nested.Type {
	case "list":
		element, err := duckType(nested.Element)
		return element + "[]", err
	case "map":
		key, err := duckType(nested.Key)
		if err != nil {
			return "", err
		}
		value, err := duckType(nested.Value)
		return "MAP(" + key + ", " + value + ")", err
	}
	fields := make([]string, len(nested.Fields))
	for i, f := range nested.Fields {
		duck, err := duckType(f.Type)
		if err != nil {
			return "", err
		}
		fields[i] = fmt.Sprintf("%q %s", f.Name, duck)
	}
	return "STRUCT(" + strings.Join(fields, ", ") + ")", nil
}

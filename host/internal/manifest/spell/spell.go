// Package spell writes types as DuckDB and as sources name them. Only host/internal/manifest imports it.
package spell

import (
	_ "embed" // keywords
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/ai-data-analyst/broker/sdk"
)

// plain are DuckDB's names of types without children, as its DESCRIBE prints them.
var plain = map[sdk.TypeID]string{
	sdk.Bool: "BOOLEAN", sdk.Int8: "TINYINT", sdk.Int16: "SMALLINT", sdk.Int32: "INTEGER", sdk.Int64: "BIGINT",
	sdk.Uint8: "UTINYINT", sdk.Uint16: "USMALLINT", sdk.Uint32: "UINTEGER", sdk.Uint64: "UBIGINT", sdk.Float32: "FLOAT", sdk.Float64: "DOUBLE",
	sdk.String: "VARCHAR", sdk.Binary: "BLOB", sdk.Date: "DATE", sdk.Time: "TIME",
}

// keywords are DuckDB's, one a line in order: SELECT DISTINCT keyword_name FROM duckdb_keywords() ORDER BY 1.
//
//go:embed keywords.txt
var keywords string

var bareName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// Type writes a type as DuckDB's DESCRIBE does.
func Type(t sdk.Type) (string, error) {
	if name, ok := plain[t.ID]; ok {
		return name, nil
	}
	switch {
	case t.ID == sdk.Decimal:
		return fmt.Sprintf("DECIMAL(%d,%d)", t.Precision, t.Scale), nil
	case t.ID == sdk.Timestamp && t.Zone == "":
		return "TIMESTAMP", nil
	case t.ID == sdk.Timestamp:
		return "TIMESTAMP WITH TIME ZONE", nil
	}
	children := make([]string, len(t.Children))
	for i, child := range t.Children {
		text, err := Type(child.Type)
		if err != nil {
			return "", fmt.Errorf("%s: %w", child.Name, err)
		}
		children[i] = text
	}
	switch {
	case t.ID == sdk.List && len(children) == 1:
		return children[0] + "[]", nil
	case t.ID == sdk.Map && len(children) == 2:
		return "MAP(" + strings.Join(children, ", ") + ")", nil
	case t.ID == sdk.Struct && len(children) > 0:
		for i, child := range t.Children {
			children[i] = fieldName(child.Name) + " " + children[i]
		}
		return "STRUCT(" + strings.Join(children, ", ") + ")", nil
	}
	return "", fmt.Errorf("type %s is not one that is published", t)
}

// fieldName is the name of a struct's field, quoted where DuckDB quotes it.
func fieldName(name string) string {
	_, keyword := slices.BinarySearch(strings.Split(strings.TrimSpace(keywords), "\n"), strings.ToLower(name))
	if bareName.MatchString(name) && !keyword {
		return name
	}
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

// Source names a published type as the source's side has it: tags included.
func Source(t sdk.Type) string {
	if t.Logical != "" {
		return t.Logical
	}
	return t.String()
}

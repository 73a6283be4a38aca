package sdk

import "fmt"

// TypeID is one of the closed list of types that travel on the wire (protocol 1).
type TypeID string

// The closed list. Timestamps and times count microseconds; a Timestamp's Zone is "" (no zone) or "UTC".
const (
	Bool      TypeID = "bool"
	Int8      TypeID = "int8"
	Int16     TypeID = "int16"
	Int32     TypeID = "int32"
	Int64     TypeID = "int64"
	Uint8     TypeID = "uint8"
	Uint16    TypeID = "uint16"
	Uint32    TypeID = "uint32"
	Uint64    TypeID = "uint64"
	Float32   TypeID = "float32"
	Float64   TypeID = "float64"
	Decimal   TypeID = "decimal" // decimal128: Precision 1..38, 0 <= Scale <= Precision
	String    TypeID = "string"  // UTF-8
	Binary    TypeID = "binary"
	Date      TypeID = "date"      // days since 1970-01-01, int32
	Time      TypeID = "time"      // microseconds since midnight, int64
	Timestamp TypeID = "timestamp" // microseconds since 1970-01-01, int64
	List      TypeID = "list"      // Children: 1, the element
	Struct    TypeID = "struct"    // Children: the fields
	Map       TypeID = "map"       // Children: 2, key (string, not null) and value
)

// MaxTypeDepth is how deep lists, structs and maps may nest.
const MaxTypeDepth = 16

// Type is the type of a column.
type Type struct {
	ID        TypeID
	Precision int32    // Decimal only
	Scale     int32    // Decimal only
	Zone      string   // Timestamp only: "" or "UTC"
	Logical   string   // tag on String or Binary: "", "json", "uuid", "url", "markdown", "html"
	Children  []Column // List, Struct, Map
}

// Column is one column of a stream or table, or one child of a nested type.
type Column struct {
	Name    string
	Type    Type
	NotNull bool
	Doc     string
	PII     bool              // values are personal: never shown in profiles or samples
	Meta    map[string]string // free notes, e.g. "original" (the source's name), "source_type"
}

var logicalTags = map[string]bool{"": true, "json": true, "uuid": true, "url": true, "markdown": true, "html": true}

// Validate checks t against the closed list, with depth and parameters.
func (t Type) Validate() error { return t.validate(0) }

func (t Type) validate(depth int) error {
	if depth > MaxTypeDepth {
		return fmt.Errorf("type is nested deeper than %d", MaxTypeDepth)
	}
	if !logicalTags[t.Logical] || t.Logical != "" && t.ID != String && t.ID != Binary {
		return fmt.Errorf("type %s cannot have the tag %q", t.ID, t.Logical)
	}
	want := 0
	switch t.ID {
	case Bool, Int8, Int16, Int32, Int64, Uint8, Uint16, Uint32, Uint64, Float32, Float64, String, Binary, Date, Time:
	case Decimal:
		if t.Precision < 1 || t.Precision > 38 || t.Scale < 0 || t.Scale > t.Precision {
			return fmt.Errorf("decimal(%d,%d): precision is 1..38, scale 0..precision", t.Precision, t.Scale)
		}
	case Timestamp:
		if t.Zone != "" && t.Zone != "UTC" {
			return fmt.Errorf("timestamp zone %q: only UTC or none", t.Zone)
		}
	case List:
		want = 1
	case Map:
		want = 2
	case Struct:
		want = len(t.Children)
		if want == 0 {
			return fmt.Errorf("a struct needs at least one field")
		}
	default:
		return fmt.Errorf("type %q is not supported", t.ID)
	}
	if len(t.Children) != want {
		return fmt.Errorf("type %s has %d children, want %d", t.ID, len(t.Children), want)
	}
	if t.ID == Map && t.Children[0].Type.ID != String {
		return fmt.Errorf("a map's key is a string, not %s", t.Children[0].Type.ID)
	}
	for _, child := range t.Children {
		if err := child.Type.validate(depth + 1); err != nil {
			return fmt.Errorf("%s: %w", child.Name, err)
		}
	}
	return nil
}

// Equal says whether two types are the same type, children included. Docs, notes and logical tags do not count, nor do
// the names of a list's element and a map's key and value; a map's key is never NULL, said or not.
func (t Type) Equal(o Type) bool {
	if t.ID != o.ID || t.Precision != o.Precision || t.Scale != o.Scale || t.Zone != o.Zone || len(t.Children) != len(o.Children) {
		return false
	}
	for i := range t.Children {
		a, b := t.Children[i], o.Children[i]
		mapKey := t.ID == Map && i == 0
		if a.NotNull != b.NotNull && !mapKey || t.ID == Struct && a.Name != b.Name || !a.Type.Equal(b.Type) {
			return false
		}
	}
	return true
}

// String returns the type as people write it, e.g. "decimal(18,4)", "timestamp(UTC)", "list<string>".
func (t Type) String() string {
	switch t.ID {
	case Decimal:
		return fmt.Sprintf("decimal(%d,%d)", t.Precision, t.Scale)
	case Timestamp:
		if t.Zone != "" {
			return "timestamp(" + t.Zone + ")"
		}
	case List:
		if len(t.Children) == 1 {
			return "list<" + t.Children[0].Type.String() + ">"
		}
	case Map:
		if len(t.Children) == 2 {
			return "map<string," + t.Children[1].Type.String() + ">"
		}
	case Struct:
		s := "struct<"
		for i, c := range t.Children {
			if i > 0 {
				s += ","
			}
			s += c.Name + ":" + c.Type.String()
		}
		return s + ">"
	}
	return string(t.ID)
}

// MaxColumns is how many columns a stream may have (as the limit of the record-batch guard).
const MaxColumns = 4096

// ValidateColumns checks names (grammar, unique) and types of a stream's columns.
func ValidateColumns(columns []Column) error {
	if len(columns) == 0 || len(columns) > MaxColumns {
		return fmt.Errorf("%d columns: want 1..%d", len(columns), MaxColumns)
	}
	seen := make(map[string]bool, len(columns))
	for i, c := range columns {
		if !ValidName(c.Name) {
			return fmt.Errorf("column %d: name %.80q does not match %s", i+1, c.Name, NamePattern)
		}
		if seen[c.Name] {
			return fmt.Errorf("column %q stands twice", c.Name)
		}
		seen[c.Name] = true
		if err := c.Type.Validate(); err != nil {
			return fmt.Errorf("column %q: %w", c.Name, err)
		}
	}
	return nil
}

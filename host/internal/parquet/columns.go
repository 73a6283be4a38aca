package parquet

import (
	"fmt"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/ai-data-analyst/broker/sdk"
)

// Conflict says that a source's columns cannot be published into a table as it is (I5): nothing is cast in silence.
type Conflict struct {
	Differences []Difference
}

// Difference is one column whose type is not the published one.
type Difference struct {
	Column    string
	Published string // type in the table
	Source    string // type that arrives
}

// Error lists the differences, one a line after the first sentence.
func (c *Conflict) Error() string {
	lines := make([]string, len(c.Differences))
	for i, d := range c.Differences {
		lines[i] = fmt.Sprintf("  %s: published as %s, now %s", d.Column, d.Published, d.Source)
	}
	return fmt.Sprintf("%d column(s) changed their type:\n%s", len(lines), strings.Join(lines, "\n"))
}

// Assign gives source columns their published form: base's columns first, in base's order and with base's ids, then new
// ones, nullable if base is not empty. Columns that the source no longer has stay. lastID is the highest id ever used; it
// and the columns come back as they are to be from now on. changed says that they differ from base in more than docs.
// A changed type is a *Conflict.
func Assign(source []sdk.Column, base []Column, lastID int) (columns []Column, last int, changed bool, err error) {
	if err := sdk.ValidateColumns(source); err != nil {
		return nil, lastID, false, err
	}
	ids := &counter{last: lastID}
	arriving := make(map[string]sdk.Column, len(source))
	for _, s := range source {
		arriving[s.Name] = s
	}
	conflict := &Conflict{}
	for _, b := range base {
		s, ok := arriving[b.Name]
		delete(arriving, b.Name)
		kept := b
		if kept.Required && (!ok || !s.NotNull) {
			kept.Required, changed = false, true
		}
		if ok {
			kept.Doc = orElse(s.Doc, b.Doc)
			if p := publishedType(s.Type); !sameType(p, b) {
				conflict.Differences = append(conflict.Differences, Difference{b.Name, typeText(b), p.String()})
			}
		}
		columns = append(columns, kept)
	}
	if len(conflict.Differences) > 0 {
		return nil, lastID, false, conflict
	}
	for _, s := range source {
		if _, isNew := arriving[s.Name]; !isNew {
			continue
		}
		c := ids.column(s.Name, s.Type, s.NotNull && len(base) == 0)
		c.Doc = s.Doc
		columns, changed = append(columns, c), true
	}
	return columns, ids.last, changed, nil
}

func orElse(s, otherwise string) string {
	if s != "" {
		return s
	}
	return otherwise
}

// counter hands out field ids depth first, a map's key and value before their own children: the order in which Iceberg
// numbers a new table.
type counter struct{ last int }

func (n *counter) next() int { n.last++; return n.last }

func (n *counter) column(name string, t sdk.Type, required bool) Column {
	c := Column{ID: n.next(), Name: name, Required: required}
	n.fill(&c, t)
	return c
}

func (n *counter) fill(c *Column, t sdk.Type) {
	c.Type = publishedType(t)
	children := c.Type.Children
	c.Type.Children = nil
	switch t.ID {
	case sdk.Struct:
		for _, child := range children {
			c.Children = append(c.Children, n.column(child.Name, child.Type, false))
		}
	case sdk.List, sdk.Map:
		for i, child := range children {
			c.Children = append(c.Children, Column{ID: n.next(), Name: child.Name, Required: t.ID == sdk.Map && i == 0})
		}
		for i, child := range children {
			n.fill(&c.Children[i], child.Type)
		}
	}
}

// publishedType maps a wire type to the type it is published as (lake.md §4). Children of nested types are always
// nullable, so that a later NULL there is no change of type.
func publishedType(t sdk.Type) sdk.Type {
	switch t.ID {
	case sdk.Int8, sdk.Int16, sdk.Int32, sdk.Int64, sdk.Uint8, sdk.Uint16, sdk.Uint32:
		return sdk.Type{ID: sdk.Int64}
	case sdk.Uint64:
		return sdk.Type{ID: sdk.Decimal, Precision: 20}
	case sdk.Float32, sdk.Float64:
		return sdk.Type{ID: sdk.Float64}
	case sdk.List, sdk.Struct, sdk.Map:
		children := make([]sdk.Column, len(t.Children))
		for i, child := range t.Children {
			children[i] = sdk.Column{Name: childName(t.ID, i, child.Name), Type: publishedType(child.Type), NotNull: t.ID == sdk.Map && i == 0}
		}
		t.Children = children
	}
	return t
}

func childName(parent sdk.TypeID, i int, name string) string {
	switch {
	case parent == sdk.List:
		return "element"
	case parent == sdk.Map && i == 0:
		return "key"
	case parent == sdk.Map:
		return "value"
	}
	return name
}

// sameType says whether published type t is the type of column c, children included.
func sameType(t sdk.Type, c Column) bool { return t.Equal(fullType(c)) }

// fullType returns the type of c with its children put back.
func fullType(c Column) sdk.Type {
	t := c.Type
	t.Children = nil
	for _, child := range c.Children {
		t.Children = append(t.Children, sdk.Column{Name: child.Name, Type: fullType(child), NotNull: child.Required})
	}
	return t
}

func typeText(c Column) string { return fullType(c).String() }

// Schema returns the Arrow v17 schema of batches in published form: what Conform makes and Read returns.
func Schema(columns []Column) (*arrow.Schema, error) {
	fields := make([]arrow.Field, len(columns))
	for i, c := range columns {
		t, err := arrowType(c)
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", c.Name, err)
		}
		fields[i] = arrow.Field{Name: c.Name, Type: t, Nullable: !c.Required}
	}
	return arrow.NewSchema(fields, nil), nil
}

func arrowType(c Column) (arrow.DataType, error) {
	children := make([]arrow.Field, len(c.Children))
	for i, child := range c.Children {
		t, err := arrowType(child)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", child.Name, err)
		}
		children[i] = arrow.Field{Name: child.Name, Type: t, Nullable: !child.Required}
	}
	switch {
	case c.Type.ID == sdk.List && len(children) == 1:
		return arrow.ListOfField(children[0]), nil
	case c.Type.ID == sdk.Struct && len(children) > 0:
		return arrow.StructOf(children...), nil
	case c.Type.ID == sdk.Map && len(children) == 2:
		m := arrow.MapOf(children[0].Type, children[1].Type)
		m.SetItemNullable(children[1].Nullable)
		return m, nil
	}
	t := c.Type
	t.Logical = ""
	return t.Arrow()
}

// leaves calls visit for every leaf below columns, in the order of Parquet's columns; repeated says that the leaf is
// inside a list or map.
func leaves(columns []Column, repeated bool, visit func(c Column, repeated bool)) {
	for _, c := range columns {
		if len(c.Children) == 0 {
			visit(c, repeated)
			continue
		}
		leaves(c.Children, repeated || c.Type.ID != sdk.Struct, visit)
	}
}

package catalog

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/ai-data-analyst/broker/sdk"
)

// asked takes note of the type that a definition asks for a column. One that no value of the column can have is a problem
// at its own line; without known columns that is found when rows arrive.
func (b *builder) asked(column string, known *sdk.Column, note Column) {
	t, err := parseType(note.Type)
	if err == nil && known != nil && b.r.in.Castable != nil {
		err = b.r.in.Castable(known.Type, t)
	}
	if err != nil {
		b.failed = true
		b.r.add(Problem{
			File: b.d.File, Line: note.Line, Source: b.s.Name, Stream: b.stream.Name, Table: b.t.Name,
			Summary: fmt.Sprintf("table %s: column %s: %v", b.t.Name, column, err), Help: "ask for another type, or take the type away: the column then has the source's",
		})
		return
	}
	b.t.Types[column], b.t.TypesAt[column] = t, fmt.Sprintf("%s:%d", b.d.File, note.Line)
}

var decimalGrammar = regexp.MustCompile(`^decimal\( *(\d{1,2}) *, *(\d{1,2}) *\)$`)

// parseType reads a type as data_description.md writes it: names of sdk's types, decimal(p,s), timestamp(UTC), json, uuid.
func parseType(text string) (sdk.Type, error) {
	t := sdk.Type{ID: sdk.TypeID(strings.TrimSpace(text))}
	switch parts := decimalGrammar.FindStringSubmatch(text); {
	case parts != nil:
		precision, _ := strconv.Atoi(parts[1]) // two digits
		scale, _ := strconv.Atoi(parts[2])
		t = sdk.Type{ID: sdk.Decimal, Precision: int32(precision), Scale: int32(scale)}
	case text == "timestamp(UTC)":
		t = sdk.Type{ID: sdk.Timestamp, Zone: "UTC"}
	case text == "json" || text == "uuid":
		t = sdk.Type{ID: sdk.String, Logical: text}
	case t.ID == sdk.List || t.ID == sdk.Struct || t.ID == sdk.Map:
		return t, fmt.Errorf("%s cannot be asked for", t.ID)
	}
	return t, t.Validate()
}

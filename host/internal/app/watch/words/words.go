// Package words tells in words what changed in the columns of a table. It computes only; watch brings the versions. It is
// part of the room app.
package words

import (
	"fmt"
	"slices"

	"github.com/ai-data-analyst/broker/host/internal/lake"
	"github.com/ai-data-analyst/broker/host/internal/manifest"
	"github.com/ai-data-analyst/broker/host/internal/parquet"
	"github.com/ai-data-analyst/broker/sdk"
)

// Changes are the differences of the columns of two versions: a column is the same when its id is, whatever its name.
func Changes(before, now lake.Version) []string {
	changes := columns("column ", before.Columns, now.Columns)
	if !slices.Equal(before.Key, now.Key) && len(before.Key)+len(now.Key) > 0 {
		changes = append(changes, fmt.Sprintf("primary key %s, was %s", listed(now.Key), listed(before.Key)))
	}
	return changes
}

func columns(prefix string, before, now []parquet.Column) []string {
	var changes []string
	old := map[int]parquet.Column{}
	for _, c := range before {
		old[c.ID] = c
	}
	kept := map[int]bool{}
	for _, c := range now {
		was, known := old[c.ID]
		kept[c.ID] = true
		name := prefix + c.Name
		switch {
		case !known:
			changes = append(changes, fmt.Sprintf("%s %s added", name, spelled(c)))
			continue
		case was.Name != c.Name:
			changes = append(changes, fmt.Sprintf("%s renamed, was %s", name, was.Name))
		}
		if from, to := spelled(was), spelled(c); from != to {
			changes = append(changes, fmt.Sprintf("%s %s, was %s", name, to, from))
		}
		if was.Required != c.Required {
			word := "may be empty now"
			if c.Required {
				word = "is never empty now"
			}
			changes = append(changes, fmt.Sprintf("%s %s", name, word))
		}
	}
	for _, c := range before {
		if !kept[c.ID] {
			changes = append(changes, fmt.Sprintf("%s%s removed", prefix, c.Name))
		}
	}
	return changes
}

// spelled is the type of a column as the catalog writes it.
func spelled(c parquet.Column) string {
	t := typeOf(c)
	text, err := manifest.Spell(t)
	if err != nil { // a type that is not published has no other name
		return t.String()
	}
	return text
}

func typeOf(c parquet.Column) sdk.Type {
	t := c.Type
	t.Children = nil
	for _, child := range c.Children {
		t.Children = append(t.Children, sdk.Column{Name: child.Name, Type: typeOf(child), NotNull: child.Required})
	}
	return t
}

func listed(key []string) string {
	if len(key) == 0 {
		return "none"
	}
	text := key[0]
	for _, column := range key[1:] {
		text += ", " + column
	}
	return text
}

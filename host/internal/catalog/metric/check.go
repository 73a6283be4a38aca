package metric

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Flaw is something about a definition that keeps it from being shown, or, as a warning, from being of use.
type Flaw struct {
	Line    int // from 1; 0 = the file as a whole
	Summary string
	Help    string
	Warning bool
}

// Named is what a file defines and of which tables.
type Named struct {
	Name   string
	Line   int
	Tables []string
}

var atLine = regexp.MustCompile(`line (\d+)`)

// Check looks at the file metrics/<category>/<name>.yml as Read does, and at every field of its definitions.
func Check(category, name, content string) ([]Named, []Flaw) {
	if _, err := Read(category, name, content); err != nil {
		flaw := Flaw{Summary: "the metric cannot be shown: " + strings.TrimPrefix(err.Error(), "yaml: "), Help: "A metric is one map, or a list of maps, of text."}
		if at := atLine.FindStringSubmatch(err.Error()); at != nil {
			flaw.Line, _ = strconv.Atoi(at[1]) //nolint:errcheck // digits; more than fit are no line
		}
		return nil, []Flaw{flaw}
	}
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(content), &doc); err != nil { // Read has read it
		return nil, []Flaw{{Summary: err.Error()}}
	}
	items := []*yaml.Node{doc.Content[0]}
	if items[0].Kind == yaml.SequenceNode {
		items = items[0].Content
	}
	var found []Named
	var flaws []Flaw
	for _, item := range items {
		one, wrong := checkOne(item, name)
		found, flaws = append(found, one), append(flaws, wrong...)
	}
	return found, flaws
}

// checkOne looks at one definition.
func checkOne(item *yaml.Node, file string) (Named, []Flaw) {
	one := Named{Name: file, Line: item.Line}
	var flaws []Flaw
	has := map[string]bool{}
	for i := 0; i+1 < len(item.Content); i += 2 {
		key, value := item.Content[i], item.Content[i+1]
		if has[key.Value] {
			flaws = append(flaws, Flaw{Line: key.Line, Summary: fmt.Sprintf("the field %.60q stands twice", key.Value), Help: "Take one of them away."})
		}
		has[key.Value] = true
		if !slices.Contains(fields, key.Value) {
			flaws = append(flaws, Flaw{Line: key.Line, Summary: fmt.Sprintf("the field %.60q is not known and is left out", key.Value), Warning: true,
				Help: "Known fields: " + strings.Join(fields, ", ") + "."})
			continue
		}
		said := slices.DeleteFunc(scalars(value), func(text string) bool { return strings.TrimSpace(text) == "" })
		if len(said) == 0 {
			flaws = append(flaws, Flaw{Line: key.Line, Summary: key.Value + " is empty", Help: "Fill it, or take the field away."})
			has[key.Value] = false
			continue
		}
		switch key.Value {
		case "name":
			one.Name = said[0]
		case "table", "tables":
			one.Tables = append(one.Tables, said...)
		}
	}
	return one, append(flaws, lacking(item.Line, has)...)
}

// lacking are the fields without which a definition is of no use (reference §11).
func lacking(line int, has map[string]bool) []Flaw {
	var flaws []Flaw
	for _, field := range []string{"name", "description"} {
		if !has[field] {
			flaws = append(flaws, Flaw{Line: line, Summary: "the definition has no " + field, Help: "Add the field " + field + "."})
		}
	}
	if !has["table"] && !has["tables"] {
		flaws = append(flaws, Flaw{Line: line, Summary: "the definition names no table", Help: "Add table or tables: the definition is shown to who may read all of them."})
	}
	for field := range has {
		if has[field] && (field == "expression" || strings.HasPrefix(field, "sql")) {
			return flaws
		}
	}
	return append(flaws, Flaw{Line: line, Summary: "the definition has neither sql nor expression", Help: "Add sql: one statement that gives the number."})
}

package assistant

import (
	"go.yaml.in/yaml/v3"

	"github.com/ai-data-analyst/broker/web/api/tools"
)

// metric is a definition file: a map, or a list with one map (reference §11).
type metric struct {
	Name        string   `yaml:"name"`
	DisplayName string   `yaml:"display_name"`
	Description string   `yaml:"description"`
	Unit        string   `yaml:"unit"`
	Table       string   `yaml:"table"`
	Tables      []string `yaml:"tables"`
	Expression  string   `yaml:"expression"`
	SQL         string   `yaml:"sql"`
}

// UnmarshalYAML takes both forms.
func (m *metric) UnmarshalYAML(node *yaml.Node) error {
	type plain metric
	if node.Kind == yaml.SequenceNode && len(node.Content) == 1 {
		node = node.Content[0]
	}
	return node.Decode((*plain)(m))
}

// tool is the definition as the tool answers it; file names it where it does not name itself.
func (m metric) tool(file string) tools.Metric {
	t := tools.Metric{Name: m.Name, Label: m.DisplayName, Description: m.Description, SQL: m.SQL, Unit: m.Unit, Tables: m.Tables}
	if t.Name == "" {
		t.Name = file
	}
	if t.Label == "" {
		t.Label = t.Name
	}
	if t.SQL == "" {
		t.SQL = m.Expression
	}
	if m.Table != "" {
		t.Tables = append([]string{m.Table}, t.Tables...)
	}
	if t.Tables == nil {
		t.Tables = []string{}
	}
	return t
}

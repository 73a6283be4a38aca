package tools

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Metric is the answer of metric: one agreed definition. Lists and texts that a definition does not have are empty.
type Metric struct {
	Name        string            `json:"name"`
	Label       string            `json:"label"`
	Category    string            `json:"category"`
	Description string            `json:"description"`
	Type        string            `json:"type,omitempty"`
	Unit        string            `json:"unit"`
	Grain       string            `json:"grain"`
	TimeColumn  string            `json:"time_column"`
	Tables      []string          `json:"tables"`
	Expression  string            `json:"expression"`
	SQL         string            `json:"sql"`
	Variants    map[string]string `json:"variants,omitempty"` // further statements by their field, e.g. sql_by_company
	Dimensions  []string          `json:"dimensions"`
	Notes       []string          `json:"notes"`
	Synonyms    []string          `json:"synonyms"`
	Validation  string            `json:"validation,omitempty"` // how and with what result the definition was checked
	Guide       string            `json:"cost_allocation_guide,omitempty"`
	File        string            `json:"file"` // <category>/<name>.yml below docs/metrics
}

// Named says whether a metric is meant by name: its own, or that of its file with or without the folder.
func (m Metric) Named(name string) bool {
	file := strings.TrimSuffix(m.File, ".yml")
	return name == m.Name || name == file || strings.HasSuffix(file, "/"+name)
}

// Metrics reads a document docs/metrics/<category>/<name>.yml, file being what comes after docs/metrics/: one definition
// or a list of them. The index of all, metrics.yml, has none.
func Metrics(file string, document []byte) ([]Metric, error) {
	category, name, ok := strings.Cut(strings.TrimSuffix(file, ".yml"), "/")
	if !ok || strings.Contains(name, "/") || !strings.HasSuffix(file, ".yml") {
		return nil, nil
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(document, &doc); err != nil {
		return nil, fmt.Errorf("metric %s: %w", file, err)
	}
	items := doc.Content
	if len(items) == 1 && items[0].Kind == yaml.SequenceNode {
		items = items[0].Content
	}
	var metrics []Metric
	for _, item := range items {
		if item.Kind != yaml.MappingNode {
			return nil, fmt.Errorf("metric %s: %w", file, errors.New("a definition is a map"))
		}
		m := definition(item)
		m.File, m.Name, m.Category = file, cmp.Or(m.Name, name), cmp.Or(m.Category, category)
		m.Label = cmp.Or(m.Label, m.Name)
		metrics = append(metrics, m)
	}
	return metrics, nil
}

// definition reads the fields of one map; what a field holds in another shape than expected is taken as the texts in it.
func definition(item *yaml.Node) Metric {
	m := Metric{Tables: []string{}, Dimensions: []string{}, Notes: []string{}, Synonyms: []string{}}
	lists := map[string]*[]string{"table": &m.Tables, "tables": &m.Tables, "dimensions": &m.Dimensions, "notes": &m.Notes, "synonyms": &m.Synonyms}
	lines := map[string]*string{"name": &m.Name, "display_name": &m.Label, "category": &m.Category, "description": &m.Description, "type": &m.Type, "unit": &m.Unit,
		"grain": &m.Grain, "validation": &m.Validation, "cost_allocation_guide": &m.Guide, "time_column": &m.TimeColumn, "expression": &m.Expression, "sql": &m.SQL}
	for i := 0; i+1 < len(item.Content); i += 2 {
		field, found := item.Content[i].Value, texts(item.Content[i+1])
		switch {
		case lists[field] != nil:
			for _, text := range found {
				if !slices.Contains(*lists[field], text) {
					*lists[field] = append(*lists[field], text)
				}
			}
		case lines[field] != nil:
			*lines[field] = strings.TrimSpace(strings.Join(found, "\n"))
		case strings.HasPrefix(field, "sql_"):
			if m.Variants == nil {
				m.Variants = map[string]string{}
			}
			m.Variants[field] = strings.TrimSpace(strings.Join(found, "\n"))
		}
	}
	return m
}

// texts are the scalars of a value in order; those of a map with their names.
func texts(node *yaml.Node) []string {
	if node.Kind == yaml.ScalarNode {
		if node.Tag == "!!null" {
			return nil
		}
		return []string{node.Value}
	}
	var found []string
	for i, child := range node.Content {
		if node.Kind == yaml.MappingNode {
			if i%2 == 1 {
				found = append(found, node.Content[i-1].Value+": "+strings.Join(texts(child), ", "))
			}
			continue
		}
		found = append(found, strings.Join(texts(child), ", "))
	}
	return found
}

// Package metric reads the files in which people define metrics. Only host/internal/catalog imports it.
package metric

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/ai-data-analyst/broker/host/internal/catalog/text"
)

// fields are the fields of a metric, in the order in which they are shown (reference §11). Others are left out.
var fields = []string{"name", "display_name", "category", "type", "unit", "grain", "time_column", "table", "tables", "expression", "description",
	"dimensions", "notes", "synonyms", "validation", "sql", "sql_by_company", "sql_by_technology", "sql_by_action", "sql_customer_vs_internal",
	"sql_singletenant_allocation", "sql_multitenant_allocation", "cost_allocation_guide"}

// Limits of one metric.
const (
	maxText  = 64 << 10 // bytes of one scalar
	maxLine  = 2_000    // of one line in the index
	maxNodes = 5_000
)

var fileName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$`)

// File is a file of definitions, cleaned.
type File struct {
	Path   string // <category>/<name>.yml
	Body   []byte
	Tables []string // as written
	Heads  []Head
}

// Head is what the index says of a metric.
type Head struct {
	Name        string `yaml:"name"`
	DisplayName string `yaml:"display_name,omitempty"`
	Category    string `yaml:"category"`
	Description string `yaml:"description,omitempty"`
	File        string `yaml:"file"`
}

// Read reads the definitions of metrics/<category>/<name>.yml: one map, or a list of maps.
func Read(category, name, content string) (File, error) {
	m := File{Path: category + "/" + name + ".yml"}
	if !fileName.MatchString(category) || !fileName.MatchString(name) {
		return m, errors.New("its folder or name has characters that some systems do not allow")
	}
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(content), &doc); err != nil {
		return m, err
	}
	if len(doc.Content) != 1 {
		return m, errors.New("there is nothing in it")
	}
	items := []*yaml.Node{doc.Content[0]}
	if items[0].Kind == yaml.SequenceNode {
		items = items[0].Content
	}
	if len(items) == 0 {
		return m, errors.New("there is nothing in it")
	}
	left := maxNodes
	for _, item := range items {
		if item.Kind != yaml.MappingNode {
			return m, errors.New("it is no map")
		}
		if err := tidy(item, &left); err != nil {
			return m, err
		}
		m.take(item, category, name)
	}
	out := &yaml.Node{Kind: yaml.SequenceNode, Content: items}
	var b bytes.Buffer
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	if err := errors.Join(encoder.Encode(out), encoder.Close()); err != nil {
		return m, err
	}
	m.Body = b.Bytes()
	return m, nil
}

// tidy cleans every text below a node. Aliases are refused: they may unfold to anything.
func tidy(n *yaml.Node, left *int) error {
	if *left--; *left < 0 {
		return fmt.Errorf("it has more than %d values", maxNodes)
	}
	if n.Kind == yaml.AliasNode || n.Anchor != "" {
		return errors.New("it has anchors or aliases")
	}
	if strings.HasPrefix(n.Tag, "!") && !strings.HasPrefix(n.Tag, "!!") {
		n.Tag = ""
	}
	n.HeadComment, n.LineComment, n.FootComment = "", "", ""
	if n.Kind == yaml.ScalarNode {
		n.Value = text.Clean(n.Value, maxText)
	}
	for _, child := range n.Content {
		if err := tidy(child, left); err != nil {
			return err
		}
	}
	return nil
}

// take orders the fields of one definition, leaves unknown ones out, and notes tables and heading.
func (m *File) take(item *yaml.Node, category, name string) {
	values := map[string]*yaml.Node{}
	for i := 0; i+1 < len(item.Content); i += 2 {
		values[item.Content[i].Value] = item.Content[i+1]
	}
	item.Content = nil
	for _, field := range fields {
		value, ok := values[field]
		if !ok {
			continue
		}
		item.Content = append(item.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: field}, value)
		if field == "table" || field == "tables" {
			m.Tables = append(m.Tables, scalars(value)...)
		}
	}
	line := func(field string) string {
		if n := values[field]; n != nil && n.Kind == yaml.ScalarNode {
			return text.Line(n.Value, maxLine)
		}
		return ""
	}
	m.Heads = append(m.Heads, Head{Name: cmp.Or(line("name"), name), DisplayName: line("display_name"), Category: cmp.Or(line("category"), category),
		Description: line("description"), File: m.Path})
}

// scalars are the texts of a value, which is one or a list; names may stand in one text with commas between.
func scalars(n *yaml.Node) []string {
	if n.Kind == yaml.ScalarNode {
		var names []string
		for name := range strings.SplitSeq(n.Value, ",") {
			names = append(names, strings.TrimSpace(name))
		}
		return names
	}
	var names []string
	for _, child := range n.Content {
		names = append(names, scalars(child)...)
	}
	return names
}

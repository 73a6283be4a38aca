package tables

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/ai-data-analyst/broker/config/internal/diag"
)

const nameRule = "names match ^[a-z][a-z0-9_]{0,62}$"

var nameGrammar = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)

// place says where a block's lines lie in its file.
type place struct {
	file   string
	offset int // lines before the block's first
}

func (p *place) at(n *yaml.Node) diag.Pos {
	return diag.Pos{File: p.file, Line: p.offset + n.Line, Column: n.Column}
}

// fields reads one mapping.
type fields struct {
	r     *reader
	p     *place
	n     *yaml.Node
	what  string // "table orders", for messages
	keys  map[string]*yaml.Node
	value map[string]*yaml.Node
	fails int
}

func (f *fields) fail(n *yaml.Node, what, help string) {
	f.fails++
	f.r.add(diag.At(f.p.at(n), diag.Error, f.what+": "+what, help))
}

// deref follows aliases, within the budget of the whole reading.
func (r *reader) deref(n *yaml.Node) (*yaml.Node, bool) {
	for range 8 {
		if r.nodes++; r.nodes > maxNodes {
			return n, false
		}
		if n.Kind != yaml.AliasNode {
			return n, true
		}
		n = n.Alias
	}
	return n, false
}

// mapping opens a mapping; duplicate keys are reported with both places.
func (r *reader) fields(p *place, n *yaml.Node, what string) (*fields, bool) {
	f := &fields{r: r, p: p, n: n, what: what, keys: map[string]*yaml.Node{}, value: map[string]*yaml.Node{}}
	n, ok := r.deref(n)
	if !ok {
		f.fail(f.n, "there are too many values, or aliases that repeat them", "write the values out")
		return f, false
	}
	if n.Kind != yaml.MappingNode {
		f.fail(f.n, "is not a mapping", "write name: value on a line each")
		return f, false
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if first, twice := f.keys[key.Value]; twice {
			f.fails++
			d := diag.At(p.at(key), diag.Error, fmt.Sprintf("%s: %s stands twice", what, key.Value), "remove one of them")
			d.Detail = fmt.Sprintf("first at %s", p.at(first))
			r.add(d)
			continue
		}
		target, ok := r.deref(value)
		if !ok {
			f.fail(value, "there are too many values, or aliases that repeat them", "write the values out")
			return f, false
		}
		f.keys[key.Value], f.value[key.Value] = key, target
	}
	return f, true
}

// only reports fields that do not exist: near misses are errors, others are ignored with a warning.
func (f *fields) only(known ...string) {
	for name, key := range f.keys {
		if slices.Contains(known, name) {
			continue
		}
		if near := diag.DidYouMean(name, known); near != "" {
			f.fail(key, fmt.Sprintf("there is no field %q", name), near)
			continue
		}
		if name == "<<" {
			f.fail(key, "merge keys are not supported", "write the fields out")
			continue
		}
		f.r.add(diag.At(f.p.at(key), diag.Warning, fmt.Sprintf("%s: there is no field %q; it is ignored", f.what, clip(name)), "fields here: "+strings.Join(known, ", ")))
	}
}

func clip(s string) string {
	if len(s) > 100 {
		return s[:100] + "…"
	}
	return s
}

func null(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// text returns a scalar as text; "" when absent.
func (f *fields) text(name string) string {
	n, ok := f.value[name]
	if !ok || null(n) {
		return ""
	}
	if n.Kind != yaml.ScalarNode {
		f.fail(n, name+" is not a text", fmt.Sprintf("write %s: \"…\"", name))
		return ""
	}
	return strings.TrimSpace(n.Value)
}

// name returns a text that follows the grammar of names (C22).
func (f *fields) name(name string) string {
	text := f.text(name)
	if text != "" && !nameGrammar.MatchString(text) {
		f.fail(f.value[name], fmt.Sprintf("%s %q is not a name", name, clip(text)), nameRule)
		return ""
	}
	return text
}

// oneOf returns a text out of a few.
func (f *fields) oneOf(name, otherwise string, allowed ...string) string {
	text := f.text(name)
	if text == "" {
		return otherwise
	}
	if !slices.Contains(allowed, text) {
		help := diag.DidYouMean(text, allowed)
		if help == "" {
			help = "allowed: " + strings.Join(allowed, ", ")
		}
		f.fail(f.value[name], fmt.Sprintf("%s cannot be %q", name, clip(text)), help)
		return otherwise
	}
	return text
}

// whole returns a whole number within bounds; nil when absent.
func (f *fields) whole(name string, least, most int64) *int64 {
	n, ok := f.value[name]
	if !ok || null(n) {
		return nil
	}
	v, err := strconv.ParseInt(n.Value, 10, 64)
	if n.Kind != yaml.ScalarNode || err != nil || v < least || v > most {
		f.fail(n, fmt.Sprintf("%s is not a whole number from %d to %d", name, least, most), fmt.Sprintf("write %s: %d", name, max(least, 1)))
		return nil
	}
	return &v
}

func (f *fields) percent(name string) *float64 {
	n, ok := f.value[name]
	if !ok || null(n) {
		return nil
	}
	v, err := strconv.ParseFloat(strings.TrimSuffix(n.Value, "%"), 64)
	if n.Kind != yaml.ScalarNode || err != nil || math.IsNaN(v) || v < 0 || v > 100 {
		f.fail(n, name+" is not a number from 0 to 100", fmt.Sprintf("write %s: 1.5", name))
		return nil
	}
	return &v
}

func (f *fields) truth(name string) bool {
	n, ok := f.value[name]
	if !ok || null(n) {
		return false
	}
	if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" {
		f.fail(n, name+" is neither true nor false", fmt.Sprintf("write %s: true", name))
		return false
	}
	return strings.EqualFold(n.Value, "true")
}

// list returns a sequence's nodes; a single value counts as a list of one.
func (f *fields) list(name string) []*yaml.Node {
	n, ok := f.value[name]
	if !ok || null(n) {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		return []*yaml.Node{n}
	}
	out := make([]*yaml.Node, 0, len(n.Content))
	for _, item := range n.Content {
		target, ok := f.r.deref(item)
		if !ok {
			f.fail(item, "there are too many values, or aliases that repeat them", "write the values out")
			return nil
		}
		out = append(out, target)
	}
	return out
}

// texts returns a list of texts; commas is for lists that may be one text with commas.
func (f *fields) texts(name string, commas bool) []string {
	var out []string
	for _, n := range f.list(name) {
		if n.Kind != yaml.ScalarNode || null(n) {
			f.fail(n, name+" holds something that is not a text", "put each entry in quotes")
			continue
		}
		parts := []string{n.Value}
		if commas {
			parts = strings.Split(n.Value, ",")
		}
		for _, part := range parts {
			if part = strings.TrimSpace(part); part != "" || !commas {
				out = append(out, part)
			}
		}
	}
	return out
}

// depth says whether a tree is nested deeper than allowed.
func depth(n *yaml.Node, left int) bool {
	if left == 0 {
		return true
	}
	for _, child := range n.Content {
		if depth(child, left-1) {
			return true
		}
	}
	return false
}

// Package types reads DuckDB's spelling of a type and writes values of nested types as JSON, leaf by leaf, so that no
// number of them goes through a floating-point one that cannot hold it.
package types

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Type is a type. A leaf has no Of.
type Type struct {
	Kind   Kind
	Leaf   string   // of a leaf: its spelling, e.g. DECIMAL(10,2)
	Size   string   // of an array: "3"; "" = a list
	Fields []string // of a struct or union: names of Of
	Of     []Type   // list: its elements; map: key, value; struct and union: fields
}

// Kind is how a type is made.
type Kind int

// The kinds.
const (
	Leaf Kind = iota
	List
	Map
	Struct
	Union
)

// maxDepth bounds nesting, deeper types are read as leaves by callers.
const maxDepth = 100

// Parse reads a type.
func Parse(spelling string) (Type, error) {
	p := parser{rest: spelling}
	t, err := p.typ(0)
	if err == nil && p.rest != "" {
		err = fmt.Errorf("the type %.60q goes on after its end", spelling)
	}
	return t, err
}

type parser struct{ rest string }

func (p *parser) take(token string) bool {
	rest, ok := strings.CutPrefix(p.rest, token)
	if ok {
		p.rest = strings.TrimLeft(rest, " ")
	}
	return ok
}

func (p *parser) typ(depth int) (t Type, err error) {
	if depth > maxDepth {
		return t, errors.New("the type is nested too deeply")
	}
	switch {
	case p.take("STRUCT("):
		t, err = p.fields(Struct, depth)
	case p.take("UNION("):
		t, err = p.fields(Union, depth)
	case p.take("MAP("):
		t, err = p.pair(depth)
	default:
		t, err = p.leaf()
	}
	for err == nil && p.take("[") {
		size, rest, ok := strings.Cut(p.rest, "]")
		if !ok || strings.Trim(size, "0123456789") != "" {
			return t, errors.New("a size of an array cannot be read")
		}
		p.rest = strings.TrimLeft(rest, " ")
		t = Type{Kind: List, Size: size, Of: []Type{t}}
	}
	return t, err
}

func (p *parser) pair(depth int) (Type, error) {
	key, err := p.typ(depth + 1)
	if err != nil || !p.take(",") {
		return Type{}, errors.Join(errors.New("a map's key cannot be read"), err)
	}
	value, err := p.typ(depth + 1)
	if err != nil || !p.take(")") {
		return Type{}, errors.Join(errors.New("a map's value cannot be read"), err)
	}
	return Type{Kind: Map, Of: []Type{key, value}}, nil
}

func (p *parser) fields(kind Kind, depth int) (Type, error) {
	t := Type{Kind: kind}
	for {
		name, err := p.name()
		if err != nil {
			return t, err
		}
		of, err := p.typ(depth + 1)
		if err != nil {
			return t, err
		}
		t.Fields, t.Of = append(t.Fields, name), append(t.Of, of)
		if p.take(")") {
			return t, nil
		}
		if !p.take(",") {
			return t, errors.New("the fields of a type cannot be read")
		}
	}
}

// name reads a field's name and the blank after it. Structs without names have none.
func (p *parser) name() (string, error) {
	if !strings.HasPrefix(p.rest, `"`) {
		name, rest, ok := strings.Cut(p.rest, " ")
		if !ok || name == "" || strings.ContainsAny(name, `,()[]"'`) {
			return "", errors.New("a field has no name")
		}
		p.rest = strings.TrimLeft(rest, " ")
		return name, nil
	}
	end := quoted(p.rest)
	if end == 0 {
		return "", errors.New("a field's name does not end")
	}
	name := strings.ReplaceAll(p.rest[1:end-1], `""`, `"`)
	p.rest = strings.TrimLeft(p.rest[end:], " ")
	return name, nil
}

// quoted is the length of the quoted text at the beginning, 0 when it does not end.
func quoted(text string) int {
	for i := 1; i < len(text); i++ {
		if text[i] != text[0] {
			continue
		}
		if i+1 < len(text) && text[i+1] == text[0] {
			i++
			continue
		}
		return i + 1
	}
	return 0
}

// leaf reads to the comma, bracket or parenthesis that ends it; parentheses of its own and quoted texts belong to it.
func (p *parser) leaf() (Type, error) {
	depth, i := 0, 0
	for ; i < len(p.rest); i++ {
		switch c := p.rest[i]; {
		case c == '\'' || c == '"':
			n := quoted(p.rest[i:])
			if n == 0 {
				return Type{}, errors.New("a quoted text in a type does not end")
			}
			i += n - 1
			continue
		case c == '(':
			depth++
			continue
		case depth > 0 && c == ')':
			depth--
			continue
		case depth > 0 || !strings.ContainsRune(",)[", rune(c)):
			continue
		}
		break
	}
	text := strings.TrimSpace(p.rest[:i])
	p.rest = p.rest[i:]
	if text == "" {
		return Type{}, errors.New("a type is missing")
	}
	return Type{Leaf: text}, nil
}

// With spells the type with other leaves.
func (t Type) With(leaf func(spelling string) string) string {
	switch t.Kind {
	case List:
		return t.Of[0].With(leaf) + "[" + t.Size + "]"
	case Map:
		return "MAP(" + t.Of[0].With(leaf) + ", " + t.Of[1].With(leaf) + ")"
	case Struct, Union:
		fields := make([]string, len(t.Of))
		for i, of := range t.Of {
			fields[i] = `"` + strings.ReplaceAll(t.Fields[i], `"`, `""`) + `" ` + of.With(leaf)
		}
		name := "STRUCT("
		if t.Kind == Union {
			name = "UNION("
		}
		return name + strings.Join(fields, ", ") + ")"
	}
	return leaf(t.Leaf)
}

// JSON writes a value of the type anew: text is its JSON with leaves as texts or numbers, leaf gives the JSON of one. The
// order of members stays.
func (t Type) JSON(text []byte, leaf func(spelling, value string) []byte) ([]byte, error) {
	w := writer{from: json.NewDecoder(bytes.NewReader(text)), leaf: leaf}
	w.from.UseNumber()
	if err := w.value(t); err != nil {
		return nil, err
	}
	return w.to.Bytes(), nil
}

type writer struct {
	from *json.Decoder
	to   bytes.Buffer
	leaf func(spelling, value string) []byte
}

func (w *writer) value(t Type) error {
	if t.Kind == Leaf && t.Leaf == "JSON" {
		var raw json.RawMessage
		if err := w.from.Decode(&raw); err != nil {
			return fmt.Errorf("read a nested value: %w", err)
		}
		return json.Compact(&w.to, raw)
	}
	token, err := w.from.Token()
	if err != nil {
		return fmt.Errorf("read a nested value: %w", err)
	}
	switch token := token.(type) {
	case nil:
		w.to.WriteString("null")
	case string:
		w.to.Write(w.leaf(t.Leaf, token))
	case json.Number:
		w.to.Write(w.leaf(t.Leaf, token.String()))
	case bool:
		w.to.Write(w.leaf(t.Leaf, fmt.Sprint(token)))
	case json.Delim:
		return w.nested(t, token)
	}
	return nil
}

func (w *writer) nested(t Type, open json.Delim) error {
	if (open == '[') != (t.Kind == List) || t.Kind == Leaf {
		return errors.New("a nested value is not of its type")
	}
	w.to.WriteString(open.String())
	for i := 0; w.from.More(); i++ {
		if i > 0 {
			w.to.WriteByte(',')
		}
		of := t.Of[0]
		if open == '{' {
			var err error
			if of, err = w.member(t, i); err != nil {
				return err
			}
		}
		if err := w.value(of); err != nil {
			return err
		}
	}
	end, err := w.from.Token()
	if errors.Is(err, io.EOF) || err != nil {
		return fmt.Errorf("read a nested value: %w", err)
	}
	w.to.WriteString(end.(json.Delim).String()) //nolint:errcheck // what ends More is a delimiter
	return nil
}

// member writes a member's name and says of which type its value is.
func (w *writer) member(t Type, i int) (Type, error) {
	token, err := w.from.Token()
	if err != nil {
		return Type{}, fmt.Errorf("read a nested value: %w", err)
	}
	name, _ := token.(string) // a name of a member always is one
	w.to.Write(Quote(name))
	w.to.WriteByte(':')
	switch t.Kind {
	case Map:
		return t.Of[1], nil
	case Struct:
		if i < len(t.Of) {
			return t.Of[i], nil
		}
	case Union:
		for n, field := range t.Fields {
			if field == name {
				return t.Of[n], nil
			}
		}
	}
	return Type{}, fmt.Errorf("a nested value has a member %.60q that its type does not have", name)
}

// Quote is a text in JSON, with <, > and & as themselves.
func Quote(text string) []byte {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(text); err != nil { // a string always encodes
		return []byte(`""`)
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}

// Package settings reads the config block of a plugin against the plugin's own list of settings, keeps where each stands,
// and guards the secrets among them.
//
// It asks no plugin: the list comes from its caller. Only config/internal/instance imports it.
package settings

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/ai-data-analyst/broker/config/internal/diag"
	"github.com/ai-data-analyst/broker/config/internal/syntax"
)

// Settings are a plugin's own settings, checked against its schema.
type Settings struct {
	JSON      []byte   // one object, secrets included; never logged
	Secrets   []string // its secret values, for masking
	Unchecked error    // why they were not checked; nil = they were

	places map[string]diag.Pos // path ("token", "headers.x") → place
	at     diag.Pos            // of the block
	scope  string
}

// Field is one setting of a plugin as its description has it (same meaning as sdk/connector.Field).
type Field struct {
	Name     string
	Type     string // "string", "int", "float", "bool", "duration", "time", "list", "map"
	Doc      string
	Required bool
	Secret   bool
	Default  string
	OneOf    []string
	Min, Max string
	Format   string // "", "url", "email", "path"
}

// Reader reads config blocks.
type Reader struct {
	Env        *syntax.Env
	Dir        string                 // relative paths start here
	AllowPlain bool                   // secrets may stand in the file
	Readable   func(file string) bool // whether others than its owner may read a file
	Add        func(scope string, d diag.Diagnostic)
}

// Read reads one block. at is its place, scope what its problems hit ("source.crm"); fields is nil when unchecked says why
// nobody knows them, or when they are not asked for.
func (r *Reader) Read(body *hclsyntax.Body, at diag.Pos, scope string, fields []Field, known bool) Settings {
	s := Settings{places: map[string]diag.Pos{}, scope: scope, at: at}
	read := &reading{r: r, out: &s, values: map[string]any{}, path: scope + ".config"}
	for _, inner := range body.Blocks {
		read.fail(syntax.Place(inner.TypeRange), read.path+": settings are attributes, not blocks", fmt.Sprintf("write %s = { … }", inner.Type))
	}
	if known {
		read.check(body, fields)
	} else {
		read.take(body)
	}
	s.JSON = read.json()
	return s
}

// Problem returns a diagnostic about the setting of this path, e.g. "token" or "urls[1]", at its place, without the source
// line.
func (s Settings) Problem(path string, severity diag.Severity, summary, help string) diag.Diagnostic {
	pos := s.at
	for p := path; p != ""; p = parentPath(p) {
		if found, ok := s.places[p]; ok {
			pos = found
			break
		}
	}
	d := diag.At(pos, severity, summary, help)
	d.Scope = s.scope
	return d
}

func parentPath(path string) string {
	return path[:max(0, strings.LastIndexAny(path, ".["))]
}

// reading gathers the values of one config block.
type reading struct {
	r      *Reader
	out    *Settings
	values map[string]any
	path   string // "source.crm.config"
}

func (s *reading) fail(pos diag.Pos, what, help string) {
	s.r.Add(s.out.scope, diag.At(pos, diag.Error, what, help))
}

// check reads every attribute as the plugin's schema says.
func (s *reading) check(body *hclsyntax.Body, fields []Field) {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.Name
	}
	for name, a := range body.Attributes {
		if !slices.Contains(names, name) {
			s.fail(syntax.Place(a.NameRange), fmt.Sprintf("%s: there is no setting %q", s.path, name), diag.Suggestion(name, names, "settings"))
		}
	}
	for _, f := range fields {
		a, ok := body.Attributes[f.Name]
		if !ok {
			if f.Required {
				s.fail(s.out.at, fmt.Sprintf("%s.%s is missing", s.path, f.Name), missingHelp(f))
			}
			continue
		}
		v, ok := s.eval(a)
		if !ok {
			continue
		}
		if v.Kind == syntax.Null || v.Kind == syntax.String && v.Text == "" {
			if f.Required {
				s.fail(syntax.Place(a.Expr.Range()), fmt.Sprintf("%s.%s is empty", s.path, f.Name), missingHelp(f))
			}
			if v.Kind == syntax.Null {
				continue
			}
		}
		s.field(f, v)
	}
}

func missingHelp(f Field) string {
	value := `"…"`
	switch {
	case f.Secret:
		value = fmt.Sprintf("env(%q)", strings.ToUpper(f.Name))
	case f.Type == "int", f.Type == "float", f.Type == "bool":
		value = "…"
	case f.Type == "list":
		value = `["…"]`
	case f.Type == "map":
		value = `{ name = "…" }`
	}
	help := fmt.Sprintf("write %s = %s", f.Name, value)
	if f.Doc != "" {
		help += ": " + f.Doc
	}
	return help
}

func (s *reading) eval(a *hclsyntax.Attribute) (syntax.Value, bool) {
	v, problems := s.r.Env.Eval(a.Expr, s.path+"."+a.Name)
	for _, d := range problems {
		s.r.Add(s.out.scope, d)
	}
	s.place(a.Name, v)
	return v, len(problems) == 0
}

// place remembers where a setting and its parts stand.
func (s *reading) place(path string, v syntax.Value) {
	s.out.places[path] = v.Pos
	for i, item := range v.Items {
		if v.Kind == syntax.Object {
			s.place(path+"."+v.Keys[i], item)
		} else {
			s.place(fmt.Sprintf("%s[%d]", path, i), item)
		}
	}
}

// take keeps values as they stand: nobody knows what they should be.
func (s *reading) take(body *hclsyntax.Body) {
	for name, a := range body.Attributes {
		if v, ok := s.eval(a); ok && v.Kind != syntax.Null {
			s.values[name] = natural(v)
			s.given(v)
		}
	}
}

// given remembers texts that come from outside the file: of unknown settings, any of them may be secret.
func (s *reading) given(v syntax.Value) {
	if v.Given && v.Kind == syntax.String {
		s.secret(v.Text)
	}
	for _, item := range v.Items {
		s.given(item)
	}
}

func natural(v syntax.Value) any {
	switch v.Kind {
	case syntax.Bool:
		return v.Bool
	case syntax.Number:
		return json.Number(v.Number.Text('f', -1))
	case syntax.String:
		return v.Text
	case syntax.List:
		out := make([]any, len(v.Items))
		for i, item := range v.Items {
			out[i] = natural(item)
		}
		return out
	case syntax.Object:
		out := map[string]any{}
		for i, item := range v.Items {
			out[v.Keys[i]] = natural(item)
		}
		return out
	}
	return nil
}

func (s *reading) json() []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s.values); err != nil {
		s.fail(s.out.at, s.path+" cannot be passed to the plugin", "check for numbers out of range")
		return []byte("{}")
	}
	return bytes.TrimSpace(b.Bytes())
}

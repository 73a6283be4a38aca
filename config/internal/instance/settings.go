package instance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/ai-data-analyst/broker/config/internal/diag"
	"github.com/ai-data-analyst/broker/config/internal/syntax"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Problem returns a diagnostic about a setting, e.g. "token" or "urls[1]", at its place in the file. App uses it for what
// the plugin itself finds wrong.
func (c *Config) Problem(s Settings, path string, severity diag.Severity, summary, help string) diag.Diagnostic {
	pos := s.at
	for p := path; p != ""; p = parentPath(p) {
		if found, ok := s.places[p]; ok {
			pos = found
			break
		}
	}
	d := diag.At(pos, severity, summary, help)
	d.Scope = s.scope
	one := diag.List{d}
	diag.Show(one, c.texts)
	return one[0]
}

func parentPath(path string) string {
	return path[:max(0, strings.LastIndexAny(path, ".["))]
}

// settings reads the block config of a plugin's block against the plugin's own schema.
func (r *reader) settings(b *block, kind, plugin string) Settings {
	s := Settings{places: map[string]diag.Pos{}, scope: b.scope, at: syntax.Place(b.b.TypeRange)}
	body := &hclsyntax.Body{}
	for i, inner := range b.inner("config") {
		if i > 0 {
			r.twice(b.scope, "the block config stands twice", syntax.Place(inner.TypeRange), s.at)
			continue
		}
		r.labels(inner, 0, b.scope)
		body, s.at = inner.Body, syntax.Place(inner.TypeRange)
	}
	for _, inner := range body.Blocks {
		b.fail(syntax.Place(inner.TypeRange), fmt.Sprintf("%s.config: settings are attributes, not blocks", b.path), fmt.Sprintf("write %s = { … }", inner.Type))
	}
	set := &settings{r: r, b: b, out: &s, values: map[string]any{}, path: b.path + ".config"}
	var fields []Field
	known := r.o.Settings != nil
	if known {
		fields, s.Unchecked = r.o.Settings(kind, plugin)
		if s.Unchecked != nil {
			known = false
			r.unchecked(&s)
			r.opaque[s.at.File] = append(r.opaque[s.at.File], diag.Span{Start: body.SrcRange.Start.Byte, End: body.SrcRange.End.Byte})
		}
	}
	if known {
		set.check(body, fields)
	} else {
		set.take(body)
	}
	s.JSON = set.json()
	return s
}

// unchecked reports that a plugin's settings could not be checked, and why.
func (r *reader) unchecked(s *Settings) {
	first, more, _ := strings.Cut(faultText(s.Unchecked), "\n")
	d := diag.At(s.at, diag.Unchecked, "settings not checked: "+first, fault.HelpOf(s.Unchecked))
	d.Detail = more
	r.add(s.scope, d)
}

// faultText returns what happened, without the class in brackets.
func faultText(err error) string {
	if f, ok := fault.As(err); ok && error(f) == err {
		return f.What
	}
	return err.Error()
}

func faultHelp(err error, otherwise string) string {
	if help := fault.HelpOf(err); help != "" {
		return help
	}
	return otherwise
}

// cron asks the caller's check; a parser that panics is a refusal.
func (r *reader) cron(expr, zone string) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the expression cannot be read")
		}
	}()
	return r.o.Cron(expr, zone)
}

// settings gathers the values of one config block.
type settings struct {
	r      *reader
	b      *block
	out    *Settings
	values map[string]any
	path   string // "source.crm.config"
}

func (s *settings) fail(pos diag.Pos, what, help string) { s.b.fail(pos, what, help) }

// check reads every attribute as the plugin's schema says.
func (s *settings) check(body *hclsyntax.Body, fields []Field) {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.Name
		if f.Secret {
			s.r.secretNames[f.Name] = true
		}
	}
	for name, a := range body.Attributes {
		if !contains(names, name) {
			s.fail(syntax.Place(a.NameRange), fmt.Sprintf("%s: there is no setting %q", s.path, name), suggestion(name, names, "settings"))
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

func (s *settings) eval(a *hclsyntax.Attribute) (syntax.Value, bool) {
	v, problems := s.r.env.Eval(a.Expr, s.path+"."+a.Name)
	for _, d := range problems {
		s.r.add(s.b.scope, d)
	}
	s.place(a.Name, v)
	return v, len(problems) == 0
}

// place remembers where a setting and its parts stand.
func (s *settings) place(path string, v syntax.Value) {
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
func (s *settings) take(body *hclsyntax.Body) {
	for name, a := range body.Attributes {
		if v, ok := s.eval(a); ok && v.Kind != syntax.Null {
			s.values[name] = natural(v)
			s.given(v)
		}
	}
}

// given remembers texts that come from outside the file: of unknown settings, any of them may be secret.
func (s *settings) given(v syntax.Value) {
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

func (s *settings) json() []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s.values); err != nil {
		s.fail(s.out.at, s.path+" cannot be passed to the plugin", "check for numbers out of range")
		return []byte("{}")
	}
	return bytes.TrimSpace(b.Bytes())
}

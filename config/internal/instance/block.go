package instance

import (
	"fmt"
	"math/big"
	"slices"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/ai-data-analyst/broker/config/internal/diag"
	"github.com/ai-data-analyst/broker/config/internal/syntax"
)

// block reads the attributes of one block. Every accessor makes its name known; finish reports the rest.
type block struct {
	r     *reader
	b     *hclsyntax.Block // nil = the block is absent: defaults only
	scope string
	path  string // "source.crm", for messages
	known []string
	wrong []string // attributes that were reported
}

func (r *reader) block(b *hclsyntax.Block, scope, path string) *block {
	return &block{r: r, b: b, scope: scope, path: path}
}

// single returns the one block of a kind that may stand once; a second one is reported with both places.
func (r *reader) single(blocks []*hclsyntax.Block, kind string) *block {
	out := r.block(nil, scopeOf(kind, nil), kind)
	for i, b := range blocks {
		if i == 0 {
			out.b = b
			continue
		}
		r.twice(out.scope, fmt.Sprintf("the block %s stands twice", kind), syntax.Place(b.TypeRange), syntax.Place(blocks[0].TypeRange))
	}
	if out.b != nil {
		r.labels(out.b, 0, out.scope)
	}
	return out
}

func (r *reader) twice(scope, what string, second, first diag.Pos) {
	d := diag.At(second, diag.Error, what, "keep one of them")
	d.Detail = fmt.Sprintf("first at %s:%d:%d", first.File, first.Line, first.Column)
	r.add(scope, d)
}

// labels checks how many labels a block has.
func (r *reader) labels(b *hclsyntax.Block, want int, scope string) bool {
	if len(b.Labels) == want {
		return true
	}
	shape := b.Type
	for _, label := range map[int][]string{1: {"NAME"}, 2: {"PLUGIN", "NAME"}}[want] {
		shape += fmt.Sprintf(" %q", label)
	}
	r.add(scope, diag.At(syntax.Place(b.TypeRange), diag.Error, fmt.Sprintf("the block %s has the wrong number of labels", b.Type), "write "+shape+" { … }"))
	return false
}

// pos is the place of an attribute, else of the block.
func (b *block) pos(name string) diag.Pos {
	if b.b == nil {
		return diag.Pos{}
	}
	if a, ok := b.b.Body.Attributes[name]; ok {
		return syntax.Place(a.Expr.Range())
	}
	return syntax.Place(b.b.TypeRange)
}

func (b *block) has(name string) bool {
	if b.b == nil {
		return false
	}
	_, ok := b.b.Body.Attributes[name]
	return ok
}

func (b *block) fail(pos diag.Pos, what, help string) {
	b.r.add(b.scope, diag.At(pos, diag.Error, what, help))
}

func (b *block) warn(pos diag.Pos, what, help string) {
	b.r.add(b.scope, diag.At(pos, diag.Warning, what, help))
}

// value evaluates an attribute; false when it is absent, null or wrong.
func (b *block) value(name string) (syntax.Value, bool) {
	b.known = append(b.known, name)
	if !b.has(name) {
		return syntax.Value{}, false
	}
	v, problems := b.r.env.Eval(b.b.Body.Attributes[name].Expr, b.path+"."+name)
	for _, d := range problems {
		b.r.add(b.scope, d)
	}
	if len(problems) > 0 {
		b.wrong = append(b.wrong, name)
	}
	return v, len(problems) == 0 && v.Kind != syntax.Null
}

func (b *block) kind(name string, v syntax.Value, want syntax.Kind, shape string) bool {
	if v.Kind == want {
		return true
	}
	b.wrong = append(b.wrong, name)
	b.fail(v.Pos, fmt.Sprintf("%s.%s must be %s, not %s", b.path, name, want, v.Kind), "write "+name+" = "+shape)
	return false
}

// text returns a text, or otherwise.
func (b *block) text(name, otherwise string) string {
	v, ok := b.value(name)
	if !ok || !b.kind(name, v, syntax.String, `"…"`) {
		return otherwise
	}
	if len(v.Text) > 64<<10 {
		b.fail(v.Pos, fmt.Sprintf("%s.%s has %d bytes", b.path, name, len(v.Text)), "at most 65536 are allowed")
		return otherwise
	}
	return v.Text
}

// oneOf returns a text out of a few.
func (b *block) oneOf(name, otherwise string, allowed ...string) string {
	text := b.text(name, otherwise)
	if !slices.Contains(allowed, text) {
		b.fail(b.pos(name), fmt.Sprintf("%s.%s cannot be %s", b.path, name, b.quoted(name, text)), diag.Suggestion(text, allowed, "values"))
		return otherwise
	}
	return text
}

// quoted shows a value, unless it comes from outside the file.
func (b *block) quoted(name, text string) string {
	if b.has(name) {
		if v, _ := b.r.env.Eval(b.b.Body.Attributes[name].Expr, name); v.Given || syntax.LooksSecret(name) {
			return "the given value"
		}
	}
	return quote(text)
}

func quote(text string) string {
	if len(text) > 100 {
		text = text[:100] + "…"
	}
	return fmt.Sprintf("%q", syntax.MaskURLs(text))
}

// shown quotes a part of the item, unless it comes from outside the file.
func (i Item) shown(part string) string {
	if i.given {
		return "the given value"
	}
	return quote(part)
}

// whole returns a whole number within bounds.
func (b *block) whole(name string, otherwise, least, most int) int {
	v, ok := b.value(name)
	if !ok {
		return otherwise
	}
	if v.Kind == syntax.String {
		if n, _, err := big.ParseFloat(v.Text, 10, 128, big.ToNearestEven); err == nil && !n.IsInf() {
			v.Kind, v.Number = syntax.Number, n
		}
	}
	if !b.kind(name, v, syntax.Number, fmt.Sprint(max(otherwise, least))) {
		return otherwise
	}
	n, accuracy := v.Number.Int64()
	if accuracy != big.Exact || n < int64(least) || n > int64(most) {
		b.fail(v.Pos, fmt.Sprintf("%s.%s is out of range", b.path, name), fmt.Sprintf("it is a whole number from %d to %d", least, most))
		return otherwise
	}
	return int(n)
}

// items returns a list of texts with their places.
func (b *block) items(name string) []Item {
	v, ok := b.value(name)
	if !ok || !b.kind(name, v, syntax.List, `["…"]`) {
		return nil
	}
	out := make([]Item, 0, len(v.Items))
	for _, item := range v.Items {
		if item.Kind != syntax.String {
			b.fail(item.Pos, fmt.Sprintf("%s.%s holds %s where a text should stand", b.path, name, item.Kind), "put it in double quotes")
			continue
		}
		out = append(out, Item{Value: item.Text, File: item.Pos.File, Line: item.Pos.Line, pos: item.Pos, given: item.Given})
	}
	return out
}

func values(items []Item) []string {
	out := make([]string, len(items))
	for i, item := range items {
		out[i] = item.Value
	}
	return out
}

// checked keeps the items that a rule accepts, in the form it returns; the others are reported at their place.
func (b *block) checked(name string, rule func(string) (string, bool), what, help string) []Item {
	var out []Item
	for _, item := range b.items(name) {
		value, ok := rule(item.Value)
		if !ok {
			b.fail(item.pos, fmt.Sprintf("%s.%s: %s is not %s", b.path, name, item.shown(item.Value), what), help)
			continue
		}
		item.Value = value
		out = append(out, item)
	}
	return out
}

// finish reports attributes and blocks that do not exist. blocks names those that may stand inside.
func (b *block) finish(blocks ...string) {
	if b.b == nil {
		return
	}
	for name, a := range b.b.Body.Attributes {
		switch {
		case slices.Contains(b.known, name):
		case slices.Contains(blocks, name):
			b.fail(syntax.Place(a.NameRange), fmt.Sprintf("%s: %s is a block", b.path, name), fmt.Sprintf("write %s { … } without =", name))
		default:
			b.fail(syntax.Place(a.NameRange), fmt.Sprintf("%s: there is no attribute %q", b.path, name), diag.Suggestion(name, append(slices.Clone(b.known), blocks...), "attributes"))
		}
	}
	for _, inner := range b.b.Body.Blocks {
		switch {
		case slices.Contains(blocks, inner.Type):
		case slices.Contains(b.known, inner.Type):
			b.fail(syntax.Place(inner.TypeRange), fmt.Sprintf("%s: %s is an attribute", b.path, inner.Type), fmt.Sprintf("write %s = …", inner.Type))
		default:
			b.fail(syntax.Place(inner.TypeRange), fmt.Sprintf("%s: there is no block %q", b.path, inner.Type), diag.Suggestion(inner.Type, append(slices.Clone(blocks), b.known...), "blocks"))
		}
	}
}

// inner returns the blocks of a kind that stand inside.
func (b *block) inner(kind string) []*hclsyntax.Block {
	var out []*hclsyntax.Block
	if b.b != nil {
		for _, inner := range b.b.Body.Blocks {
			if inner.Type == kind {
				out = append(out, inner)
			}
		}
	}
	return out
}

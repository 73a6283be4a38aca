package syntax

import (
	"fmt"
	"math/big"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/ai-data-analyst/broker/config/internal/diag"
)

// Kind is the kind of a Value.
type Kind string

// The kinds, as messages name them.
const (
	Null   Kind = "null"
	Bool   Kind = "a truth value"
	Number Kind = "a number"
	String Kind = "a text"
	List   Kind = "a list"
	Object Kind = "a map"
)

// Value is an evaluated expression.
type Value struct {
	Kind   Kind
	Bool   bool
	Number *big.Float
	Text   string
	Items  []Value  // of a list, or the values of an object
	Keys   []string // of an object, in order
	Pos    diag.Pos

	Given bool // some of its text comes from env, file or cred: it is never shown
	Plain bool // some of its text stands in the file itself
}

// Eval evaluates the expression of the field, e.g. "source.crm.schedule".
func (e *Env) Eval(expr hclsyntax.Expression, field string) (Value, diag.List) {
	ev := evaluation{env: e, field: field}
	v := ev.value(expr)
	return v, ev.problems
}

type evaluation struct {
	env      *Env
	field    string
	problems diag.List
}

func (ev *evaluation) refuse(expr hclsyntax.Expression, what, help string) Value {
	ev.problems = append(ev.problems, diag.At(Place(expr.Range()), diag.Error, what, help))
	return Value{Kind: Null, Pos: Place(expr.Range())}
}

func (ev *evaluation) value(expr hclsyntax.Expression) Value {
	switch x := expr.(type) {
	case *hclsyntax.LiteralValueExpr:
		return ev.literal(x)
	case *hclsyntax.TemplateExpr:
		return ev.template(x, x.Parts)
	case *hclsyntax.TemplateWrapExpr:
		return ev.template(x, []hclsyntax.Expression{x.Wrapped})
	case *hclsyntax.ParenthesesExpr:
		return ev.value(x.Expression)
	case *hclsyntax.TupleConsExpr:
		return ev.list(x)
	case *hclsyntax.ObjectConsExpr:
		return ev.object(x)
	case *hclsyntax.FunctionCallExpr:
		return ev.call(x)
	case *hclsyntax.UnaryOpExpr:
		v := ev.value(x.Val)
		if len(ev.problems) > 0 {
			return v
		}
		if x.Op == hclsyntax.OpNegate && v.Kind == Number {
			v.Number = new(big.Float).Neg(v.Number)
			v.Pos = Place(x.Range())
			return v
		}
		return ev.refuse(expr, "operators are not supported", "write the value out")
	case *hclsyntax.ScopeTraversalExpr, *hclsyntax.RelativeTraversalExpr:
		return ev.refuse(expr, ev.field+": a bare word is not a value", `put texts in double quotes; read the environment with env("NAME")`)
	case *hclsyntax.ForExpr:
		return ev.refuse(expr, "for expressions are not supported", "write the values out")
	default:
		return ev.refuse(expr, ev.field+": this kind of expression is not supported", `use literals, lists, maps, env("NAME"), file("path") and cred("name")`)
	}
}

// maxNumber bounds numbers: beyond it 1e999999999 would be infinite, or take forever to print.
var maxNumber = big.NewFloat(1e18)

func (ev *evaluation) literal(x *hclsyntax.LiteralValueExpr) Value {
	v := Value{Kind: Null, Pos: Place(x.SrcRange)}
	switch {
	case x.Val.IsNull() || !x.Val.IsKnown():
		return v
	case x.Val.Type() == cty.Bool:
		v.Kind, v.Bool = Bool, x.Val.True()
	case x.Val.Type() == cty.String:
		v.Kind, v.Text, v.Plain = String, x.Val.AsString(), true
	case x.Val.Type() == cty.Number:
		n := x.Val.AsBigFloat()
		if n.IsInf() || new(big.Float).Abs(n).Cmp(maxNumber) > 0 {
			return ev.refuse(x, ev.field+": the number is out of range", "numbers lie between -1e18 and 1e18")
		}
		v.Kind, v.Number = Number, n
	}
	return v
}

func (ev *evaluation) template(x hclsyntax.Expression, parts []hclsyntax.Expression) Value {
	out := Value{Kind: String, Pos: Place(x.Range())}
	var text strings.Builder
	for _, part := range parts {
		v := ev.value(part)
		switch v.Kind {
		case String:
			text.WriteString(v.Text)
			out.Plain = out.Plain || v.Plain && v.Text != ""
			out.Given = out.Given || v.Given
		case Number:
			text.WriteString(v.Number.Text('f', -1))
			out.Plain = true
		case Bool:
			text.WriteString(fmt.Sprint(v.Bool))
			out.Plain = true
		case Null:
			return Value{Kind: Null, Pos: out.Pos}
		default:
			return ev.refuse(part, ev.field+": "+string(v.Kind)+" cannot stand inside a text", "use a text or a number there")
		}
		if !ev.env.spend(len(v.Text)) {
			return ev.refuse(x, ev.field+": the configuration's texts grow beyond "+sizeText(maxEvaluated), "read large files once, or not at all")
		}
	}
	out.Text = text.String()
	return out
}

func (ev *evaluation) list(x *hclsyntax.TupleConsExpr) Value {
	out := Value{Kind: List, Pos: Place(x.SrcRange)}
	for _, item := range x.Exprs {
		out.Items = append(out.Items, ev.value(item))
	}
	return out
}

func (ev *evaluation) object(x *hclsyntax.ObjectConsExpr) Value {
	out := Value{Kind: Object, Pos: Place(x.SrcRange)}
	seen := map[string]diag.Pos{}
	for _, item := range x.Items {
		key, ok := ev.key(item.KeyExpr)
		if !ok {
			continue
		}
		pos := Place(item.KeyExpr.Range())
		if first, twice := seen[key]; twice {
			d := diag.At(pos, diag.Error, fmt.Sprintf("%s: the key %q stands twice", ev.field, key), "remove one of them")
			d.Detail = fmt.Sprintf("first at %s:%d:%d", first.File, first.Line, first.Column)
			ev.problems = append(ev.problems, d)
			continue
		}
		seen[key] = pos
		out.Keys = append(out.Keys, key)
		out.Items = append(out.Items, ev.value(item.ValueExpr))
	}
	return out
}

func (ev *evaluation) key(expr hclsyntax.Expression) (string, bool) {
	wrapped, isKey := expr.(*hclsyntax.ObjectConsKeyExpr)
	if isKey {
		if t, bare := wrapped.Wrapped.(*hclsyntax.ScopeTraversalExpr); bare && len(t.Traversal) == 1 && !wrapped.ForceNonLiteral {
			return t.Traversal.RootName(), true
		}
		expr, _ = wrapped.Wrapped.(hclsyntax.Expression)
	}
	v := ev.value(expr)
	if v.Kind != String || v.Given {
		ev.refuse(expr, ev.field+": a key is a literal text", "write the key out")
		return "", false
	}
	return v.Text, true
}

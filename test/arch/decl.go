package arch

import (
	"go/ast"
	"go/token"
	"strings"
)

// exportedNames returns the top-level exported names of a declaration; methods do not count.
func exportedNames(d ast.Decl) []string {
	var names []string
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil && d.Name.IsExported() {
			names = append(names, d.Name.Name)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				if spec.Name.IsExported() {
					names = append(names, spec.Name.Name)
				}
			case *ast.ValueSpec:
				for _, n := range spec.Names {
					if n.IsExported() {
						names = append(names, n.Name)
					}
				}
			}
		}
	}
	return names
}

// undocumented returns the exported names of a declaration that have no comment of their own or of their group. Methods
// of unexported types are left out, and those of interfaces every reader knows.
func undocumented(d ast.Decl) []string {
	if f, ok := d.(*ast.FuncDecl); ok {
		if !f.Name.IsExported() || f.Doc != nil || f.Recv != nil && !exportedReceiver(f) {
			return nil
		}
		return []string{f.Name.Name}
	}
	g, ok := d.(*ast.GenDecl)
	if !ok || g.Doc != nil {
		return nil
	}
	var names []string
	for _, spec := range g.Specs {
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			if spec.Name.IsExported() && spec.Doc == nil {
				names = append(names, spec.Name.Name)
			}
		case *ast.ValueSpec:
			if spec.Names[0].IsExported() && spec.Doc == nil && spec.Comment == nil {
				names = append(names, spec.Names[0].Name)
			}
		}
	}
	return names
}

func exportedReceiver(f *ast.FuncDecl) bool {
	t := f.Recv.List[0].Type
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.IndexListExpr:
			t = x.X
		case *ast.Ident:
			return x.IsExported()
		default:
			return false
		}
	}
}

// constantLike says whether a package variable is an error, a table, an embed, or an interface assertion.
func constantLike(v *ast.ValueSpec) bool {
	if v.Names[0].Name == "_" {
		return true
	}
	if t, ok := v.Type.(*ast.SelectorExpr); ok && t.Sel.Name == "FS" {
		return true
	}
	if len(v.Values) == 0 {
		return embedded(v.Type)
	}
	for _, value := range v.Values {
		if !tableLike(value) {
			return false
		}
	}
	return true
}

func embedded(t ast.Expr) bool {
	switch t := t.(type) {
	case *ast.Ident:
		return t.Name == "string"
	case *ast.ArrayType:
		id, ok := t.Elt.(*ast.Ident)
		return ok && id.Name == "byte"
	}
	return false
}

// tableLike accepts literals of maps, slices, structs, and calls that only build a constant thing.
func tableLike(value ast.Expr) bool {
	switch x := value.(type) {
	case *ast.CompositeLit, *ast.BasicLit, *ast.FuncLit:
		return true
	case *ast.UnaryExpr:
		return x.Op == token.AND && tableLike(x.X) || x.Op == token.SUB && tableLike(x.X)
	case *ast.BinaryExpr:
		return tableLike(x.X) && tableLike(x.Y)
	case *ast.Ident, *ast.SelectorExpr:
		return true
	case *ast.CallExpr:
		return builder(x)
	}
	return false
}

// builders are functions whose results are constant things: errors, grammars, types, tables.
var builders = []string{"errors.New", "fmt.Errorf", "fault.New", "regexp.MustCompile", "template.Must", "strings.NewReplacer", "crc32.MakeTable",
	"reflect.TypeOf", "reflect.TypeFor", "arrow.", "big.", "memory.", "time.Date", "of", "weigh", "sql.", "schema.", "bytes.Repeat", "make"}

func builder(call *ast.CallExpr) bool {
	name := ""
	switch f := call.Fun.(type) {
	case *ast.Ident:
		name = f.Name
	case *ast.SelectorExpr:
		if x, ok := f.X.(*ast.Ident); ok {
			name = x.Name + "." + f.Sel.Name
		}
	case *ast.IndexExpr:
		if s, ok := f.X.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok {
				name = x.Name + "." + s.Sel.Name
			}
		}
	case *ast.ArrayType, *ast.ParenExpr:
		return true
	}
	for _, b := range builders {
		if name == b || strings.HasSuffix(b, ".") && strings.HasPrefix(name, b) {
			return true
		}
	}
	return false
}

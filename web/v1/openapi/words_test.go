package openapi_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write words.json from the comments of web/api")

// The words of the document are the comments of the types.
func TestWordsAreTheComments(t *testing.T) {
	said := map[string]string{}
	sources, err := filepath.Glob("../../api/*.go")
	if err != nil || len(sources) == 0 {
		t.Fatal(sources, err)
	}
	for _, source := range sources {
		file, err := parser.ParseFile(token.NewFileSet(), source, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, declaration := range file.Decls {
			if general, ok := declaration.(*ast.GenDecl); ok && general.Tok == token.TYPE {
				gather(said, general)
			}
		}
	}
	var want bytes.Buffer
	encoder := json.NewEncoder(&want)
	encoder.SetIndent("", " ")
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(said); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("words.json", want.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile("words.json")
	if err != nil || !bytes.Equal(got, want.Bytes()) {
		t.Errorf(`words.json is not what web/api says; run "go test ./web/v1/openapi -update" (%v)`, err)
	}
}

func gather(said map[string]string, general *ast.GenDecl) {
	for _, spec := range general.Specs {
		kind := spec.(*ast.TypeSpec)
		body, ok := kind.Type.(*ast.StructType)
		if !ok {
			continue
		}
		said[kind.Name.Name] = plain(general.Doc)
		for _, field := range body.Fields.List {
			if field.Tag == nil {
				continue
			}
			name, _, _ := strings.Cut(reflect.StructTag(strings.Trim(field.Tag.Value, "`")).Get("json"), ",")
			comment := plain(field.Comment)
			if comment == "" {
				comment = plain(field.Doc)
			}
			if name != "" && comment != "" {
				said[kind.Name.Name+"."+name] = comment
			}
		}
	}
}

func plain(comment *ast.CommentGroup) string {
	return strings.Join(strings.Fields(comment.Text()), " ")
}

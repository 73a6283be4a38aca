package lex_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/ai-data-analyst/broker/web/mirror/lex"
)

// A script is cut at its semicolons and nowhere else.
func TestStatements(t *testing.T) {
	for script, want := range map[string][]string{
		"":                               {""},
		"select 1":                       {"select 1"},
		"select 1;":                      {"select 1;", ""},
		"select 1; select 2":             {"select 1;", "select 2"},
		"select ';' as a; from t;":       {"select ';' as a;", "from t;", ""},
		"select 'a;\n b' as s;\nfrom t;": {"select 'a;\n b' as s;", "from t;", ""},
		"select 'open;\n":                {"select 'open;"},
		"select /* ; */ 1;":              {"select /* ; */ 1;", ""},
		"-- a; b\nselect 1;":             {"-- a; b\nselect 1;", ""},
		"select $$;$$; x":                {"select $$;$$;", "x"},
		"select e'\\';' ; y":             {"select e'\\';' ;", "y"},
		`select ";" from t;`:             {`select ";" from t;`, ""},
		"select 1);\nselect 2;":          {"select 1);", "select 2;", ""},
		"select (1;":                     {"select (1;", ""},
		"select 1); x; y;\nz":            {"select 1); x; y;", "z"},
		"select 1)":                      {"select 1)"},
		"a -- ;":                         {"a -- ;"},
		";;":                             {";", ";", ""},
	} {
		whole, rest := lex.Statements(script)
		if got := append(whole, rest); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", script, got, want)
		}
	}
	if whole, rest := lex.Statements(strings.Repeat("select 1;", 100)); len(whole) != 100 || rest != "" {
		t.Errorf("%d statements, %q", len(whole), rest)
	}
}

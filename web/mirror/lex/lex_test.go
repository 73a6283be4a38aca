package lex_test

import (
	"strings"
	"testing"

	"github.com/ai-data-analyst/broker/web/mirror/lex"
)

func TestSplit(t *testing.T) {
	for sql, want := range map[string]string{
		"SELECT a.b, 'it''s' FROM \"T x\"": "select|a|.|b|,|'it's|from|\"T x",
		"a /* x /* y */ z */ b -- c\nd":    "a|b|d",
		"-- c\rd":                          "d",
		"e'\\'x' E'\\n\\x41\\101'":         "''x|'\nAA",
		"$$a'b$$ $t$ $$ $t$ $1 $name ?":    "'a'b|' $$ |$1|$name|$",
		"x$y$z 1_000 1e5":                  "x$y$z|1_000|1e5",
		"[1,{'a':(2)}]":                    "[|1|,|{|'a|:|(|2|)|}|]",
		"\"a\"\"b\"":                       "\"a\"b",
		"žluťoučký 数":                      "žluťoučký|数",
		"":                                 "",
	} {
		tokens, err := lex.Split(sql)
		if err != nil {
			t.Errorf("%q: %v", sql, err)
		}
		var got []string
		for _, token := range tokens {
			before := map[lex.Kind]string{lex.Text: "'", lex.Name: `"`, lex.Param: "$"}[token.Kind]
			got = append(got, before+token.Text)
		}
		if text := strings.Join(got, "|"); text != want {
			t.Errorf("%q: %s, want %s", sql, text, want)
		}
	}
}

func TestWhatDoesNotPairOrCannotBeSeenIsRefused(t *testing.T) {
	for _, sql := range []string{
		"'a", "\"a", "e'a\\'", "$$a", "$t$a$$", "/* a", "/* /* */", "(", ")", "(]", "[)", "a)b(", "$", "$ a", "a\x00", "'\x00'", "a\xff", "'\xff'", "e'\\xff'", "e'\\000'", "e'\\u0041'", "e'\\",
		"a\u00a0b", "a\u200bb", "\ufeffa", "a\u202eb", "a\u2028b", "a\u3000b", "a\u0085b", "a\x1bb", "a\u1680b", "\u2060", "1'a'", "1e'a'", "1$$a$$", "1\"a\"",
	} {
		if tokens, err := lex.Split(sql); err == nil {
			t.Errorf("%q: %v", sql, tokens)
		}
	}
}

func TestDepth(t *testing.T) {
	tokens, err := lex.Split("a(b[c])d")
	if err != nil {
		t.Fatal(err)
	}
	var depths []int
	for _, token := range tokens {
		depths = append(depths, token.Depth)
	}
	want := []int{0, 0, 1, 1, 2, 1, 0, 0}
	for i := range want {
		if depths[i] != want[i] {
			t.Errorf("%v, want %v", depths, want)
			break
		}
	}
}

func TestOneLine(t *testing.T) {
	for sql, want := range map[string]string{
		"select\n  1 -- x\n, /* y */ 'a\nb'": `select 1 , E'a\x0ab'`,
		"a::int->>'$.x' || e'\\'\\\\'":       `a::int->>'$.x' || '''\'`,
		"$$it's \\ \n$$":                     `E'it''s \\ \x0a'`,
		"x'AB' \"a \"\" b\"":                 `x'AB' "a "" b"`,
		"a/**/b":                             "a b",
		".shell x":                           ".shell x",
	} {
		if got, err := lex.OneLine(sql); err != nil || got != want {
			t.Errorf("%q: %s, %v; want %s", sql, got, err, want)
		}
	}
	if got, err := lex.OneLine("\"a\nb\""); err == nil {
		t.Errorf("a name with a line end: %q", got)
	}
}

// FuzzOneLine: a statement on one line says what the other said, to the letter, and once more makes it no other.
func FuzzOneLine(f *testing.F) {
	for _, sql := range []string{"select 'a\nb'", "e'\\x41' $$b$$ $1", "/* */ \"x\" -- y", "a(b[c]{d})", "x'ab'", "'\\' e'\\''", "1.5e3::int"} {
		f.Add(sql)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		line, err := lex.OneLine(sql)
		if err != nil {
			return
		}
		if strings.ContainsAny(line, "\n\r\x00") {
			t.Fatalf("%q is not one line: %q", sql, line)
		}
		before, err := lex.Split(sql)
		if err != nil {
			t.Fatal(err)
		}
		after, err := lex.Split(line)
		if err != nil {
			t.Fatalf("%q became %q: %v", sql, line, err)
		}
		if len(before) != len(after) {
			t.Fatalf("%q became %q", sql, line)
		}
		for i := range before {
			if before[i].Kind != after[i].Kind || before[i].Text != after[i].Text || before[i].Depth != after[i].Depth {
				t.Fatalf("%q became %q", sql, line)
			}
		}
	})
}

package types_test

import (
	"strings"
	"testing"

	"github.com/ai-data-analyst/broker/web/mirror/types"
)

func TestParseAndSpell(t *testing.T) {
	for spelling, texts := range map[string]string{
		"INTEGER":                                                   "T",
		"TIMESTAMP WITH TIME ZONE":                                  "T",
		"DECIMAL(10,2)[]":                                           "T[]",
		"INTEGER[3][]":                                              "T[3][]",
		"MAP(VARCHAR, DECIMAL(4,2))":                                "MAP(T, T)",
		`STRUCT(a INTEGER, "b ""c, )" VARCHAR[])[]`:                 `STRUCT("a" T, "b ""c, )" T[])[]`,
		"UNION(num INTEGER, s ENUM('a', 'b'', )', 'c['))":           `UNION("num" T, "s" T)`,
		"STRUCT(s STRUCT(m MAP(INTEGER, BIGINT[])))":                `STRUCT("s" STRUCT("m" MAP(T, T[])))`,
		"ENUM('STRUCT(', 'it''s')":                                  "T",
		"GEOMETRY('EPSG:4326')[]":                                   "T[]",
		`STRUCT(z TIMESTAMP WITH TIME ZONE, "timestamp" TIMESTAMP)`: `STRUCT("z" T, "timestamp" T)`,
	} {
		parsed, err := types.Parse(spelling)
		if err != nil {
			t.Errorf("%s: %v", spelling, err)
			continue
		}
		if got := parsed.With(func(string) string { return "T" }); got != texts {
			t.Errorf("%s: %s, want %s", spelling, got, texts)
		}
	}
	for _, spelling := range []string{"", "[]", "INTEGER[", "INTEGER[x]", "STRUCT()", "STRUCT(INTEGER, VARCHAR)", "STRUCT(a INTEGER", `STRUCT("a INTEGER)`, "MAP(INTEGER)", "MAP(INTEGER, )", "ENUM('a", "INTEGER)", "INTEGER, x",
		strings.Repeat("STRUCT(a ", 1000) + "INTEGER" + strings.Repeat(")", 1000)} {
		if parsed, err := types.Parse(spelling); err == nil {
			t.Errorf("%.60q: %+v", spelling, parsed)
		}
	}
}

func TestJSONLeafByLeaf(t *testing.T) {
	for _, c := range []struct{ spelling, text, want string }{
		{"INTEGER[]", `["1", null, 2]`, `[<INTEGER 1>,null,<INTEGER 2>]`},
		{"STRUCT(a HUGEINT, b VARCHAR[])", `{"a": "12345678901234567890123", "b": ["x", "<"]}`, `{"a":<HUGEINT 12345678901234567890123>,"b":[<VARCHAR x>,<VARCHAR <>]}`},
		{"MAP(VARCHAR, DOUBLE)", `{"k": "0.1", "j": null}`, `{"k":<DOUBLE 0.1>,"j":null}`},
		{"UNION(n INTEGER, s VARCHAR)", `{"s": "x"}`, `{"s":<VARCHAR x>}`},
		{"STRUCT(j JSON, b BOOLEAN)", `{"j": {"z": [1, 1.50]}, "b": true}`, `{"j":{"z":[1,1.50]},"b":<BOOLEAN true>}`},
	} {
		parsed, err := types.Parse(c.spelling)
		if err != nil {
			t.Fatal(err)
		}
		got, err := parsed.JSON([]byte(c.text), func(spelling, value string) []byte { return []byte("<" + spelling + " " + value + ">") })
		if err != nil || string(got) != c.want {
			t.Errorf("%s: %s, %v; want %s", c.spelling, got, err, c.want)
		}
	}
	for spelling, text := range map[string]string{"INTEGER[]": `{"a": 1}`, "STRUCT(a INTEGER)": `{"a": 1, "b": 2}`, "UNION(a INTEGER)": `{"b": 1}`, "MAP(INTEGER, INTEGER)": `[1]`, "VARCHAR[]": `["a"`, "DOUBLE[]": `[1,`, "DATE[]": ``, "TIME[]": `[[1]]`} {
		parsed, err := types.Parse(spelling)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := parsed.JSON([]byte(text), func(_, value string) []byte { return []byte(value) }); err == nil {
			t.Errorf("%s of %s: %s", spelling, text, got)
		}
	}
}

package catalog_test

import (
	"strings"
	"testing"

	"github.com/ai-data-analyst/broker/host/internal/catalog"
	"github.com/ai-data-analyst/broker/sdk"
)

func TestCheckMetrics(t *testing.T) {
	const good = "name: revenue\ndescription: money\ntable: shop.orders\nsql: SELECT 1\n"
	tables := []sdk.TableName{"shop.orders", "shop.items", "hr.items"}
	for name, c := range map[string]struct {
		text string
		want []string // "line: part of the summary", "!" before an error
	}{
		"good":              {good, nil},
		"a list":            {"- {name: a, description: x, tables: [orders], expression: sum(x)}\n- {name: b, description: x, table: shop.items, sql_by_company: SELECT 1}\n", nil},
		"no yaml":           {"name: [\n", []string{"!"}},
		"empty":             {"\n", []string{"!there is nothing"}},
		"a text":            {"hello\n", []string{"!no map"}},
		"nothing said":      {"type: sum\n", []string{"!1: no name", "!1: no description", "!1: no table", "!1: neither sql"}},
		"empty fields":      {"name: x\ndescription: ''\ntable: shop.orders\nsql: ' '\n", []string{"!2: description is empty", "!4: sql is empty", "!1: no description", "!1: neither sql"}},
		"unknown field":     {good + "owner: me\n", []string{"5: owner"}},
		"a field twice":     {good + "name: again\n", []string{"!5"}},
		"unknown table":     {strings.Replace(good, "shop.orders", "shop.gone", 1), []string{"1: shop.gone"}},
		"table of two":      {strings.Replace(good, "shop.orders", "items", 1), []string{"!1: hr.items"}},
		"the same name":     {"- {name: a, description: x, table: orders, sql: s}\n- {name: a, description: x, table: orders, sql: s}\n", []string{"!2: defined twice"}},
		"an anchor":         {"name: &a x\n", []string{"!anchors"}},
		"hostile name":      {"name: \"\\u202e<script>\"\ndescription: x\ntable: orders\nsql: s\n", nil},
		"fifth-line syntax": {"a: b\nc: d\ne: f\ng: h\n\tx: y\n", []string{"!"}},
	} {
		got := catalog.CheckMetrics([]catalog.Metric{{Category: "finance", Name: "x", Text: c.text}}, tables)
		if len(got) != len(c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
			continue
		}
		for i, want := range c.want {
			want, wrong := strings.CutPrefix(want, "!")
			line, part, _ := strings.Cut(want, ": ")
			text := got[i].String() + " " + got[i].Help
			if got[i].Warning == wrong || part != "" && !strings.Contains(text, part) || part != "" && !strings.Contains(text, "metrics/finance/x.yml:"+line+": ") {
				t.Errorf("%s: %q (warning %v), want %q", name, text, got[i].Warning, want)
			}
		}
	}
}

package register_test

import (
	"bytes"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/ai-data-analyst/broker/host/internal/catalog/register"
)

// entry is a definition as YAML readers see it.
type entry struct {
	ID          string `yaml:"id"`
	Source      string `yaml:"source"`
	Folder      string `yaml:"folder"`
	Name        string `yaml:"name"`
	Description string `yaml:"description"`
	PrimaryKey  string `yaml:"primary_key"`
	Strategy    string `yaml:"sync_strategy"`
	Columns     map[string]struct {
		PII bool `yaml:"pii"`
	} `yaml:"columns"`
}

// read reads every yaml block of a text.
func read(t *testing.T, text []byte) (all []entry) {
	t.Helper()
	for i, part := range strings.Split("\n"+string(text), "\n```") {
		if i%2 == 0 {
			continue
		}
		var block struct {
			Tables []entry `yaml:"tables"`
		}
		if err := yaml.Unmarshal([]byte(strings.TrimPrefix(part, "yaml")), &block); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		all = append(all, block.Tables...)
	}
	return all
}

func TestWhatPeopleWroteStays(t *testing.T) {
	one := register.Table{ID: "orders", Source: "crm", Folder: "shop", Name: "orders", Description: "One row an order", Strategy: "incremental",
		PrimaryKey: []string{"order_id", "line_no"}, PII: []string{"email", "no: yes"}}
	two := register.Table{ID: "customers", Name: "customers"}
	for name, text := range map[string]string{
		"nothing":            "",
		"a title":            "# Ours\n",
		"no line end":        "# Ours\n\ntext",
		"windows":            "# Ours\r\n\r\n```yaml\r\ntables:\r\n  - id: a\r\n```\r\n",
		"a block at the end": "# Ours\n\n```yaml\ntables:\n  - id: a\n    name: a\n```\n",
		"an open block":      "# Ours\n\n~~~text\n```\n~~~\n",
	} {
		t.Run(name, func(t *testing.T) {
			first := register.Append([]byte(text), []register.Table{one})
			kept := strings.TrimRight(text, " \t\r\n")
			if !bytes.HasPrefix(first, []byte(kept)) {
				t.Fatalf("the text changed:\n%s", first)
			}
			second := register.Append(first, []register.Table{two})
			if got := bytes.Count(second, []byte("## Registered tables")); got != 1 {
				t.Errorf("%d headings:\n%s", got, second)
			}
			edited := bytes.Replace(second, []byte("One row an order"), []byte("Edited by hand"), 1)
			third := register.Append(append(edited, "\nMore text of ours.\n"...), []register.Table{{ID: "x", Name: "x"}})
			if !bytes.Contains(third, []byte("More text of ours.")) || bytes.Count(third, []byte("## Registered tables")) != 2 {
				t.Errorf("text after the block:\n%s", third)
			}
			if name == "an open block" {
				return // its fences do not alternate; the reader of config counts them
			}
			all := read(t, third)
			all = all[len(all)-3:]
			if g := all[0]; g.ID != "orders" || g.Source != "crm" || g.Folder != "shop" || g.Description != "Edited by hand" || g.PrimaryKey != "order_id, line_no" ||
				g.Strategy != "incremental" || len(g.Columns) != 2 || !g.Columns["no: yes"].PII {
				t.Errorf("%+v", g)
			}
			if all[1].ID != "customers" || all[2].ID != "x" {
				t.Errorf("%+v", all)
			}
		})
	}
}

func TestD_HostileTextsStayText(t *testing.T) {
	for _, text := range []string{"a\n```\ntables: []", "'\"\\", "{{today}}", "<script>", "- x", "key: value # no comment", "\u2028\u0085\u007f\ufeff", "řeka 🙂", "null", "1e3", "\t\x00\x01"} {
		got := read(t, register.Append(nil, []register.Table{{ID: text, Name: "n", Description: text, PII: []string{text}}}))
		if len(got) != 1 || got[0].ID != text || got[0].Description != text || !got[0].Columns[text].PII {
			t.Errorf("%q became %+v", text, got)
		}
	}
}

func TestVersions(t *testing.T) {
	if register.Version(nil) != "" || register.Version([]byte("a")) == register.Version([]byte("b")) {
		t.Error("versions do not tell texts apart")
	}
}

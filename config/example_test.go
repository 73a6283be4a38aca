package config_test

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-data-analyst/broker/config"
)

func read(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// The examples are copied by people: they load as they are.
func TestExamplesLoad(t *testing.T) {
	o := instance(t, map[string]string{"instance.hcl": read(t, "instance.hcl.example"), "data_description.md": read(t, "data_description.md.example"), ".env": read(t, ".env.template")})
	o.Settings = func(kind, name string) ([]config.Field, error) {
		return map[string][]config.Field{
			"csv":    {{Name: "path", Type: "string", Required: true, Format: "path"}},
			"sample": {{Name: "size", Type: "string", OneOf: []string{"xs", "s", "m", "l"}}, {Name: "seed", Type: "int", Min: "0"}},
		}[name], nil
	}
	c, problems := config.Load(o)
	if len(problems) > 0 || c.Access == nil || len(c.Sources) != 2 {
		t.Fatalf("%d sources\n%s", len(c.Sources), problems.Text())
	}
	d, problems := config.Describe(config.DescriptionOptions{Dir: c.Dir, Today: today, Sources: []string{"files", "demo"}, Datasets: []string{"telemetry"}})
	if diff := cmp.Diff([]string{"sales.orders", "telemetry.web_sessions"}, names(d)); diff != "" || len(problems) > 0 {
		t.Errorf("%s\n%s", diff, problems.Text())
	}
}

// "Everything below has defaults, which are shown": the example without its blocks means the same.
func TestExampleShowsTheDefaults(t *testing.T) {
	o := instance(t, map[string]string{"instance.hcl": read(t, "instance.hcl.example"), "least.hcl": "instance {\n  name = \"Acme Data Analyst\"\n  data_dir = \"data\"\n}\n"})
	o.Settings = nil
	full, _ := config.Load(o)
	o.Path = strings.Replace(o.Path, "instance.hcl", "least.hcl", 1)
	least, problems := config.Load(o)
	if len(problems) > 0 {
		t.Fatal(problems.Text())
	}
	full.Plugins.DirDefault = true
	for _, pair := range [][2]any{{least.Instance, full.Instance}, {least.Server, full.Server}, {least.State, full.State}, {least.Lake, full.Lake}, {least.Plugins, full.Plugins}} {
		if diff := cmp.Diff(pair[0], pair[1]); diff != "" {
			t.Errorf("(-default +example):\n%s", diff)
		}
	}
}

// Every name of .env.template that the example uses is the same name.
func TestEnvTemplateNamesWhatTheExampleAsksFor(t *testing.T) {
	template := read(t, ".env.template")
	for _, part := range strings.Split(read(t, "instance.hcl.example"), `env("`)[1:] {
		name, _, _ := strings.Cut(part, `"`)
		if name != "NAME" && !strings.Contains(template, "#"+name+"=") {
			t.Errorf(".env.template lacks %s", name)
		}
	}
}

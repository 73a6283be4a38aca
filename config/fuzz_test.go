package config_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/ai-data-analyst/broker/config"
)

const canary = "c4n4ryc4n4ry"

// plain checks what people are shown: it holds no control characters and names a place that exists.
func plain(t *testing.T, problems config.Diagnostics, lines int) {
	t.Helper()
	for _, d := range problems {
		for _, text := range []string{d.Source, d.Marker} {
			if strings.ContainsFunc(text, unicode.IsControl) {
				t.Errorf("control characters are shown: %q", text)
			}
		}
		if d.Line < 0 || d.Line > lines+1 {
			t.Errorf("line %d of %d: %s", d.Line, lines, d.Summary)
		}
	}
}

// FuzzLoad: no input panics, runs long, shows what env() returned, or leaves settings that are not JSON.
func FuzzLoad(f *testing.F) {
	cases, err := filepath.Glob("testdata/*.hcltest")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range cases {
		raw, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		text, _, _ := strings.Cut(string(raw), "\n----\n")
		f.Add(text)
	}
	dir := f.TempDir()
	path := filepath.Join(dir, "instance.hcl")
	f.Fuzz(func(t *testing.T, text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, problems := config.Load(config.Options{Path: path, Getenv: func(string) string { return canary }, Settings: settingsOf})
		if strings.Contains(problems.Text(), canary) && !strings.Contains(text, canary) {
			t.Errorf("a value of the environment is shown:\n%s", problems.Text())
		}
		plain(t, problems, strings.Count(text, "\n"))
		for _, s := range c.Sources {
			if len(s.Settings.JSON) > 0 && !json.Valid(s.Settings.JSON) {
				t.Errorf("settings %q", s.Settings.JSON)
			}
		}
	})
}

// FuzzSecret: the literal of a secret setting is never shown, whatever stands around it.
func FuzzSecret(f *testing.F) {
	for _, around := range [][2]string{{"", ""}, {"\"", "\n"}, {"${", "}"}, {"<<EOT\n", "\nEOT"}, {"a = \"", "b"}, {"{ x = ", "}"}, {"[", ""}, {"env(", ", "}, {"/*", "*/"}, {"# ", ""}} {
		f.Add(around[0], around[1])
	}
	dir := f.TempDir()
	path := filepath.Join(dir, "instance.hcl")
	f.Fuzz(func(t *testing.T, before, after string) {
		text := "instance {\n  name = \"a\"\n  data_dir = \"b\"\n}\nsource \"keboola\" \"a\" {\n  config {\n" + before + "\n    token = \"" + canary + "\"" + after + "\n  }\n}\n"
		if strings.Contains(before+after, canary) || strings.Contains(before, "\"") && strings.Contains(before, "#") {
			return
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, problems := config.Load(config.Options{Path: path, Settings: settingsOf})
		if strings.Contains(problems.Text(), canary) {
			t.Errorf("the secret is shown:\n%s", problems.Text())
		}
	})
}

// FuzzDescribe: no input panics or runs long, and what is published has names of the grammar, each once.
func FuzzDescribe(f *testing.F) {
	f.Add(read2(f, "data_description.md.example"))
	f.Add("```yaml\ntables:\n" + short("a", "") + short("b", "    columns: {x: {pii: true}}\n") + "```\n")
	f.Add("```yaml\ntables: &t\n  - *t\n```")
	f.Add("```yaml\ntables:\n  - id: [\n  - id: b\n```\n")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		if err := os.WriteFile(filepath.Join(dir, "data_description.md"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		d, problems := config.Describe(config.DescriptionOptions{Dir: dir, Today: today, Sources: []string{"demo"}})
		plain(t, problems, strings.Count(text, "\n")+strings.Count(text, "\r"))
		seen := map[string]bool{}
		for _, name := range names(d) {
			if seen[name] || strings.ContainsAny(name, " /\\*") || len(name) > 127 || strings.ToLower(name) != name {
				t.Errorf("published name %q", name)
			}
			seen[name] = true
		}
	})
}

func read2(f *testing.F, path string) string {
	f.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	return string(raw)
}

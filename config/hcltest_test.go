package config_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-data-analyst/broker/config"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

var update = flag.Bool("update", false, "write what was got into testdata/*.hcltest")

// plugins are the schemas that tests know.
var plugins = map[string][]config.Field{
	"connector.keboola": {
		{Name: "stack_url", Type: "string", Required: true, Format: "url", Doc: "Where the project lives."},
		{Name: "token", Type: "string", Required: true, Secret: true, Doc: "Storage token."},
	},
	"connector.csv": {
		{Name: "path", Type: "string", Required: true, Format: "path", Doc: "File, folder or glob."},
		{Name: "header", Type: "bool", Default: "true"},
		{Name: "encoding", Type: "string", OneOf: []string{"utf-8", "latin-1"}},
		{Name: "every", Type: "duration", Min: "1s", Max: "24h"},
		{Name: "wait", Type: "duration"},
		{Name: "since", Type: "time"},
		{Name: "sample_rows", Type: "int", Min: "1", Max: "1000000"},
		{Name: "ratio", Type: "float", Min: "0", Max: "1"},
		{Name: "owner", Type: "string", Format: "email"},
		{Name: "null_values", Type: "list"},
		{Name: "headers", Type: "map", Secret: true},
	},
	"connector.hello": {},
	"auth.google": {
		{Name: "client_id", Type: "string", Required: true},
		{Name: "client_secret", Type: "string", Required: true, Secret: true},
	},
	"auth.desktop":     {{Name: "signing_key", Type: "string", Secret: true, Required: true}},
	"service.telegram": {{Name: "token", Type: "string", Secret: true, Required: true}},
}

func settingsOf(kind, name string) ([]config.Field, error) {
	fields, ok := plugins[kind+"."+name]
	if !ok {
		return nil, fault.Newf(fault.NotFound, "%s is not trusted\nexpected 00aa\nfound 11bb", name).WithHelp("broker plugins pin " + name)
	}
	return fields, nil
}

// cron stands for the scheduler's check. Like a real parser, it may panic.
func cron(expr, zone string) error {
	switch {
	case strings.HasPrefix(expr, "TZ="):
		panic("slice bounds out of range")
	case strings.HasPrefix(expr, "@every "):
		d, err := time.ParseDuration(strings.TrimPrefix(expr, "@every "))
		if err != nil || d < time.Minute {
			return errors.New("the interval is shorter than 1m")
		}
	case len(strings.Fields(expr)) != 5:
		return fault.New(fault.Config, "want five fields").WithHelp("write minute hour day month weekday")
	case expr == "0 0 30 2 *":
		return errors.New("no run in 5 years")
	}
	return nil
}

// instance writes files into a folder of its own and returns options that read them.
func instance(t *testing.T, files map[string]string) config.Options {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return config.Options{Path: filepath.Join(dir, "instance.hcl"), Dir: dir, Etc: dir, Getenv: func(string) string { return "" }, Cron: cron, Settings: settingsOf}
}

// load reads one instance.hcl.
func load(t *testing.T, text string) (*config.Config, config.Diagnostics) {
	t.Helper()
	return config.Load(instance(t, map[string]string{"instance.hcl": text}))
}

// TestCases runs testdata/*.hcltest: HCL, a line of dashes, and what comes of it: diagnostics, then the Config as JSON
// unless something blocks it. Comments "#test: …" set options.
func TestCases(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.hcltest")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".hcltest"), func(t *testing.T) {
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			hcl, want, _ := strings.Cut(string(raw), "\n----\n")
			options := instance(t, map[string]string{"instance.hcl": hcl + "\n", "secret.txt": "  from-a-file \n", "creds/telegram": "123456:from-a-credential\n"})
			directives(t, hcl, &options)
			got := strings.ReplaceAll(outcome(t, options), options.Dir, "$DIR")
			if *update {
				if err := os.WriteFile(path, []byte(hcl+"\n----\n"+got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("outcome (-want +got):\n%s", diff)
			}
		})
	}
}

func directives(t *testing.T, hcl string, o *config.Options) {
	env := map[string]string{"CREDENTIALS_DIRECTORY": filepath.Join(o.Dir, "creds")}
	for _, line := range strings.Split(hcl, "\n") {
		rest, ok := strings.CutPrefix(line, "#test: ")
		if !ok {
			continue
		}
		verb, value, _ := strings.Cut(rest, " ")
		switch verb {
		case "env":
			name, text, _ := strings.Cut(value, "=")
			env[name] = text
		case "plain":
			o.AllowPlainSecrets = true
		case "listen":
			o.Listen = value
		case "version":
			o.Version = value
		default:
			t.Fatalf("unknown directive %q", rest)
		}
	}
	o.Getenv = func(name string) string { return env[name] }
}

func outcome(t *testing.T, o config.Options) string {
	t.Helper()
	c, problems := config.Load(o)
	var b strings.Builder
	for _, d := range problems {
		fmt.Fprintf(&b, "%s:%d:%d %s [%s] %s\n", filepath.Base(d.File), d.Line, d.Column, d.Severity, d.Scope, d.Summary)
		for _, more := range []string{d.Source, d.Detail, d.Help} {
			if more != "" {
				fmt.Fprintf(&b, "    %s\n", strings.ReplaceAll(more, "\n", "\n    "))
			}
		}
	}
	if len(problems.Blocking()) == 0 {
		b.Write(view(t, c))
	}
	return b.String()
}

// view is the Config as JSON, with settings in clear.
func view(t *testing.T, c *config.Config) []byte {
	t.Helper()
	type plugin struct {
		Block    any
		Settings json.RawMessage
		Err      string `json:",omitempty"`
	}
	show := func(block any, s config.Settings, err error) plugin {
		p := plugin{Block: block, Settings: s.JSON}
		if len(s.JSON) == 0 {
			p.Settings = json.RawMessage("null")
		}
		if err != nil {
			p.Err = err.Error()
		}
		return p
	}
	out := map[string]any{"instance": c.Instance, "server": c.Server, "state": c.State, "lake": c.Lake, "plugins": c.Plugins, "access": c.Access, "datasets": c.Datasets, "catalog": c.Catalog, "secrets": c.Secrets}
	var sources, auth, services []plugin
	for _, s := range c.Sources {
		sources = append(sources, show([]any{s.Connector, s.Name, s.Schedule, s.Timezone, s.Tables, s.Line}, s.Settings, s.Err))
	}
	for _, p := range c.Auth {
		auth = append(auth, show([]any{p.Name, p.Plugin, p.Label, p.Order, p.Line}, p.Settings, p.Err))
	}
	for _, p := range c.Services {
		services = append(services, show([]any{p.Name, p.Plugin, p.Label, p.Order, p.Line}, p.Settings, p.Err))
	}
	out["sources"], out["auth"], out["services"] = sources, auth, services
	raw, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(raw, '\n')
}

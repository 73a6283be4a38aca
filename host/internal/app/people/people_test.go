package people_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-data-analyst/broker/config"
	"github.com/ai-data-analyst/broker/host/internal/access"
	"github.com/ai-data-analyst/broker/host/internal/app/people"
)

// What the configuration says reaches access whole, with the lines where it stands.
func TestRulesAreWhatTheConfigurationSays(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"instance.hcl": `instance {
  name     = "Story"
  data_dir = "data"
}
access {
  allowed_domains = ["Acme.com"]
  allowed_emails  = ["Ext@partner.io"]
  admins          = ["ada@acme.com",
    "root@acme.com"]
  privileged = ["eve@acme.com"]
  private    = ["hr"]
  demo_login = ["ada@acme.com"]
  group "finance" {
    members = ["Bob@acme.com"]
    tables  = ["finance.*", "dataset:telemetry"]
  }
}
dataset "telemetry" {
  tables = ["telemetry.*"]
}
`, "data_description.md": "```yaml\ntables:\n  - id: in.c-jira.issues\n    name: issues\n    folder: jira\n    dataset: telemetry\n    sync_strategy: full_refresh\n    primary_key: id\n```\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, wrong := config.Load(config.Options{Path: filepath.Join(dir, "instance.hcl"), Getenv: func(string) string { return "" }})
	if wrong.Failing() {
		t.Fatal(wrong.Text())
	}
	d, wrong := config.Describe(config.DescriptionOptions{Dir: c.Dir, Today: time.Now(), Datasets: []string{"telemetry"}})
	if wrong.Failing() {
		t.Fatal(wrong.Text())
	}
	at := func(line int) access.Origin { return access.Origin{File: c.Access.File, Line: line} }
	want := access.Rules{
		AllowedDomains: []string{"acme.com"},
		AllowedEmails:  []string{"ext@partner.io"},
		Admins:         []access.Named{{Value: "ada@acme.com", Origin: at(8)}, {Value: "root@acme.com", Origin: at(9)}},
		Privileged:     []access.Named{{Value: "eve@acme.com", Origin: at(10)}},
		Private:        []string{"hr"},
		DemoLogin:      []string{"ada@acme.com"},
		Groups: []access.RuleGroup{{Name: "finance", Members: []string{"bob@acme.com"}, Origin: at(13),
			Patterns: []access.Named{{Value: "finance.*", Origin: at(15)}, {Value: "dataset:telemetry", Origin: at(15)}}}},
		Datasets: map[string][]string{"telemetry": {"telemetry.*", "jira.issues"}},
	}
	if diff := cmp.Diff(want, people.Rules(c, d)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Without an access block nobody is named, and datasets are known all the same.
func TestNoAccessBlock(t *testing.T) {
	rules := people.Rules(&config.Config{Datasets: []config.Dataset{{Name: "all", Tables: []string{"*"}}}}, &config.Description{})
	if diff := cmp.Diff(access.Rules{Datasets: map[string][]string{"all": {"*"}}}, rules); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

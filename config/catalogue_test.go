package config_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-data-analyst/broker/config"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

const head = "instance {\n  name = \"Acme\"\n  data_dir = \"data\"\n}\n"

// only returns the one diagnostic there is.
func only(t *testing.T, problems config.Diagnostics) config.Diagnostic {
	t.Helper()
	if len(problems) != 1 {
		t.Fatalf("got %d diagnostics, want 1:\n%s", len(problems), problems.Text())
	}
	return problems[0]
}

// expect checks place and words of the one diagnostic there is.
func expect(t *testing.T, problems config.Diagnostics, place, summary, help string) {
	t.Helper()
	d := only(t, problems)
	if got := filepath.Base(d.Place()); got != place || !strings.Contains(d.Summary, summary) || !strings.Contains(d.Help, help) {
		t.Errorf("at %s: %q, help %q; want at %s: %q, help %q", got, d.Summary, d.Help, place, summary, help)
	}
}

func TestC1_NoFileNoDefaults(t *testing.T) {
	o := instance(t, nil)
	c, problems := config.Load(o)
	if d := only(t, problems); d.Summary != "config: cannot read "+o.Path+": no such file or directory" || d.Help == "" || len(problems.Blocking()) != 1 {
		t.Errorf("diagnostic %+v", d)
	}
	if c == nil || c.Server.Listen != "" {
		t.Errorf("config %+v: nothing is assumed", c)
	}
	o.Path = ""
	_, problems = config.Load(o)
	if d := only(t, problems); !strings.Contains(d.Summary, "cannot read instance.hcl") || !strings.Contains(d.Help, "--config") {
		t.Errorf("diagnostic %+v", d)
	}
}

func TestC1_NotAFile(t *testing.T) {
	o := instance(t, nil)
	if err := os.Mkdir(o.Path, 0o755); err != nil {
		t.Fatal(err)
	}
	_, problems := config.Load(o)
	expect(t, problems, "instance.hcl", "the folder holds no *.hcl file", "--config")
	o.Path = filepath.Join(o.Dir, "pipe")
	if err := syscall.Mkfifo(o.Path, 0o600); err != nil {
		t.Fatal(err)
	}
	_, problems = config.Load(o)
	expect(t, problems, "pipe", "is not a regular file", "--config")
}

func TestC1_Unreadable(t *testing.T) {
	if os.Getuid() == 0 {
		t.Log("root reads everything: the folder stands for the unreadable file")
	}
	o := instance(t, map[string]string{"instance.hcl": head})
	o.Path += "/below"
	_, problems := config.Load(o)
	expect(t, problems, "below", "not a directory", "permissions")
}

func TestFindRules(t *testing.T) {
	o := instance(t, map[string]string{"named.hcl": head, "instance.hcl": head, "config/instance.hcl": head, "etc/instance.hcl": head})
	o.Etc, o.Path = filepath.Join(o.Dir, "etc"), "named.hcl"
	o.Getenv = func(name string) string { return map[string]string{"BROKER_CONFIG": "config"}[name] }
	for _, c := range []struct{ want, remove string }{{"named.hcl", ""}, {"config", ""}, {"instance.hcl", "instance.hcl"}, {"config/instance.hcl", "config/instance.hcl"}, {"etc/instance.hcl", "etc/instance.hcl"}} {
		got, err := config.Find(o)
		if err != nil || got != filepath.Join(o.Dir, c.want) {
			t.Errorf("found %q (%v), want %s", got, err, c.want)
		}
		switch c.want {
		case "named.hcl":
			o.Path = ""
		case "config":
			o.Getenv = func(string) string { return "" }
		}
		if c.remove != "" {
			if err := os.Remove(filepath.Join(o.Dir, c.remove)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := config.Find(o); fault.CodeOf(err) != fault.Config {
		t.Errorf("nothing left: %v", err)
	}
}

func TestFolderOfFiles(t *testing.T) {
	o := instance(t, map[string]string{
		"c/10-base.hcl": head, "c/20-files.hcl": "source \"csv\" \"a\" {\n  config { path = \"in\" }\n}\n", "c/30-again.hcl": "instance {}\n", "c/notes.txt": "((((", "c/.env": "X=1\n",
	})
	o.Path = filepath.Join(o.Dir, "c")
	c, problems := config.Load(o)
	d := only(t, problems)
	if !strings.HasSuffix(d.Place(), "30-again.hcl:1:1") || !strings.Contains(d.Detail, "10-base.hcl:1:1") {
		t.Errorf("diagnostic %+v", d)
	}
	if len(c.Files) != 3 || len(c.Sources) != 1 || c.Dir != o.Path || string(c.Sources[0].Settings.JSON) != `{"path":"`+o.Path+`/in"}` {
		t.Errorf("files %v, sources %+v", c.Files, c.Sources)
	}
}

func TestC2_Empty(t *testing.T) {
	for _, text := range []string{"", "\n\n", "# nothing yet\n", "\xef\xbb\xbf"} {
		_, problems := load(t, text)
		expect(t, problems, "instance.hcl", "the block instance (name, data_dir) is required", "instance {\n")
		if lines := strings.Count(only(t, problems).Help, "\n"); lines < 6 {
			t.Errorf("the example has %d lines", lines)
		}
	}
}

func TestC3_ByteOrderMarkAndCRLF(t *testing.T) {
	text := strings.ReplaceAll("\xef\xbb\xbf"+head+"dataset \"a\" {\n  description = <<EOT\none\ntwo\nEOT\n}\nx {}\n", "\n", "\r\n")
	c, problems := load(t, text)
	expect(t, problems, "instance.hcl:11:1", `no block "x"`, "blocks here")
	if c.Instance.Name != "Acme" || c.Datasets[0].Description != "one\ntwo\n" {
		t.Errorf("name %q, description %q", c.Instance.Name, c.Datasets[0].Description)
	}
}

func TestC4_NotUTF8(t *testing.T) {
	_, problems := load(t, "instance {\n  name = \"Caf\xe9\"\n}\n")
	expect(t, problems, "instance.hcl:2:14", "0xe9 is not UTF-8", "UTF-8")
	_, problems = load(t, "instance {\n  name = \"é\x00\"\n}\n")
	expect(t, problems, "instance.hcl:2:12", "NUL byte", "UTF-16")
	if strings.ContainsRune(problems.Text(), 0) {
		t.Error("the NUL byte reaches the terminal")
	}
}

func TestC5_TwiceShowsBothPlaces(t *testing.T) {
	_, problems := load(t, head+"source \"hello\" \"a\" {\n  timezone = \"UTC\"\n  timezone = \"UTC\"\n}\n")
	expect(t, problems, "instance.hcl:7:3", "attribute redefined", "remove one")
	if d := only(t, problems).Detail; !strings.Contains(d, "instance.hcl:6,3") {
		t.Errorf("detail %q", d)
	}
	_, problems = load(t, head+"source \"hello\" \"a\" {}\nsource \"hello\" \"a\" {}\n")
	expect(t, problems, "instance.hcl:6:16", `source "a" stands twice`, "keep one")
	if d := only(t, problems).Detail; !strings.Contains(d, "instance.hcl:5:1") {
		t.Errorf("detail %q", d)
	}
}

func TestC6_DidYouMean(t *testing.T) {
	_, problems := load(t, head+"source \"hello\" \"a\" {\n  schdule = \"0 6 * * *\"\n}\n")
	expect(t, problems, "instance.hcl:6:3", `no attribute "schdule"`, `did you mean "schedule"?`)
	if d := only(t, problems); d.Source != `schdule = "0 6 * * *"` || d.Marker != "^^^^^^^" {
		t.Errorf("source %q, marker %q", d.Source, d.Marker)
	}
}

func TestC7_NestingAndSize(t *testing.T) {
	for name, text := range map[string]string{
		"parentheses":       "instance {\n  name = " + strings.Repeat("(", 200_000),
		"closed brackets":   "instance {\n  name = " + strings.Repeat("[", 100) + strings.Repeat("]", 100) + "\n}\n",
		"templates":         "instance {\n  name = " + strings.Repeat(`"${`, 20_000),
		"blocks":            strings.Repeat("a{", 50_000),
		"unary operators":   "instance {\n  name = " + strings.Repeat("!", 50_000),
		"minus":             "instance {\n  name = " + strings.Repeat("-", 50_000) + "1\n}\n",
		"conditions":        "instance {\n  name = " + strings.Repeat("1?1:", 30_000) + "1\n}\n",
		"directives":        "instance {\n  name = \"" + strings.Repeat("%{if true}", 10_000) + "\"\n}\n",
		"a large file":      head + strings.Repeat("# padding\n", 110_000),
		"unclosed texts":    strings.Repeat("a \"b\n", 20_000),
		"unclosed heredocs": head + strings.Repeat("dataset \"a\" {\ndescription = <<A\n", 2_000),
	} {
		t.Run(name, func(t *testing.T) {
			_, problems := load(t, text)
			if len(problems.Blocking()) == 0 {
				t.Fatal("accepted")
			}
			if shown := problems.Text(); len(shown) > 20_000 {
				t.Errorf("%d bytes are shown", len(shown))
			}
		})
	}
	_, problems := load(t, "instance {\n  name = "+strings.Repeat("[", 63)+"\"x\""+strings.Repeat("]", 63)+"\n  data_dir = \"d\"\n}\n")
	expect(t, problems, "instance.hcl:2:10", "must be a text, not a list", "name")
	_, problems = load(t, head+"dataset \"a\" {\n  description = \"((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((\"\n}\n")
	if len(problems) != 0 {
		t.Errorf("brackets in texts: %s", problems.Text())
	}
}

func TestC8_NoLoops(t *testing.T) {
	bomb := `[for a in L : [for b in L : [for c in L : [for d in L : a]]]]`
	bomb = strings.ReplaceAll(bomb, "L", "["+strings.Repeat("1,", 40)+"]")
	_, problems := load(t, head+"catalog {\n  order = "+bomb+"\n}\n")
	expect(t, problems, "instance.hcl:6:11", "for expressions are not supported", "write the values out")
}

// Files that functions read are capped one by one and together.
func TestC8_GrowingTexts(t *testing.T) {
	o := instance(t, map[string]string{
		"big.txt":      strings.Repeat("x", 1<<20),
		"instance.hcl": head + "dataset \"a\" {\n  description = \"" + strings.Repeat(`${file("big.txt")}`, 1000) + "\"\n}\n",
	})
	_, problems := config.Load(o)
	if len(problems) == 0 || !strings.Contains(problems[0].Summary, "grow beyond 64 MiB") {
		t.Errorf("%.500s", problems.Text())
	}
}

func TestC9_NumberOutOfRange(t *testing.T) {
	for _, number := range []string{"1e999999999", "-1e999999999", "1e19", "99999999999999999999999"} {
		_, problems := load(t, head+"lake {\n  retain_days = "+number+"\n}\n")
		expect(t, problems, "instance.hcl:6:"+map[bool]string{true: "18", false: "17"}[number[0] == '-'], "out of range", "1e18")
	}
	_, problems := load(t, head+"lake {\n  retain_days = 1e6\n}\n")
	expect(t, problems, "instance.hcl:6:17", "lake.retain_days is out of range", "from 1 to 36500")
}

func TestC10_Durations(t *testing.T) {
	for value, summary := range map[string]string{
		`5`: "has no unit", `"5"`: "has no unit", `"-5m"`: "out of range", `"1h30"`: "not a duration", `"999999h"`: "out of range", `"25h"`: "out of range",
		`"half an hour"`: "not a duration", `true`: "must be a duration, not a truth value", `"1.5h"`: "", `"90s"`: "",
	} {
		_, problems := load(t, head+"source \"csv\" \"a\" {\n  config {\n    path = \"x\"\n    every = "+value+"\n  }\n}\n")
		if summary == "" && len(problems) > 0 || summary != "" && (len(problems) != 1 || !strings.Contains(problems[0].Summary, summary)) {
			t.Errorf("%s: %s", value, problems.Text())
		}
	}
}

func TestC11_C12_C13_C14_Schedules(t *testing.T) {
	for schedule, summary := range map[string]string{
		"0 0 30 2 *": "no run in 5 years", "TZ=Europe/Prague": "cannot be read", "@every 0s": "shorter than 1m", "@every -5m": "shorter than 1m",
		"0 0 6 * * *": "want five fields", strings.Repeat("0 ", 1000): "longer than 200", "0 6 * * *": "",
	} {
		_, problems := load(t, head+"source \"hello\" \"a\" {\n  schedule = \""+schedule+"\"\n}\n")
		if summary == "" && len(problems) > 0 || summary != "" && (len(problems) != 1 || problems[0].Line != 6 || !strings.Contains(problems[0].Summary, summary)) {
			t.Errorf("%.40s: %s", schedule, problems.Text())
		}
	}
	for _, zone := range []string{"Europe/Pragu", "", "Local", "../../etc/passwd", "UTC+1"} {
		_, problems := load(t, head+"source \"hello\" \"a\" {\n  schedule = \"0 6 * * *\"\n  timezone = \""+zone+"\"\n}\n")
		expect(t, problems, "instance.hcl:7:14", "source.a.timezone: there is no zone", "IANA")
	}
}

func TestC15_PlainSecrets(t *testing.T) {
	text := head + "source \"keboola\" \"a\" {\n  config {\n    stack_url = \"https://x.example\"\n    token = \"s3cret\"\n  }\n}\n"
	o := instance(t, map[string]string{"instance.hcl": text})
	c, problems := config.Load(o)
	expect(t, problems, "instance.hcl:8:13", "is a secret and stands in the file", `env("TOKEN")`)
	if c.Sources[0].Err == nil {
		t.Error("the source is usable")
	}
	o.AllowPlainSecrets = true
	c, problems = config.Load(o)
	if d := only(t, problems); d.Severity != config.Warning || c.Sources[0].Err != nil || problems.Failing() {
		t.Errorf("allowed: %+v, %v", d, c.Sources[0].Err)
	}
	if err := os.Chmod(o.Path, 0o640); err != nil {
		t.Fatal(err)
	}
	_, problems = config.Load(o)
	expect(t, problems, "instance.hcl:8:13", "in a file that others may read", "chmod 600")
}

func TestC16_Environment(t *testing.T) {
	text := head + "source \"keboola\" \"a\" {\n  config {\n    stack_url = \"https://x.example\"\n    token = env(\"KEBOOLA_TOKEN\")\n  }\n}\n"
	o := instance(t, map[string]string{"instance.hcl": text})
	_, problems := config.Load(o)
	expect(t, problems, "instance.hcl:8:13", "source.a.config.token needs the environment variable KEBOOLA_TOKEN", ".env")
	env := map[string]string{}
	o.Getenv = func(name string) string { return env[name] }
	if err := os.WriteFile(filepath.Join(o.Dir, ".env"), []byte("# local\nexport KEBOOLA_TOKEN='from dotenv' # mine\nbad line s3cret\nEMPTY=\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ set, want string }{{"", "from dotenv"}, {"from-environment", "from-environment"}} {
		env["KEBOOLA_TOKEN"] = c.set
		cfg, problems := config.Load(o)
		expect(t, problems, ".env:3", "line 3 is not NAME=value", "NAME=value")
		if strings.Contains(problems.Text(), "s3cret") {
			t.Error("a line of .env is shown")
		}
		var got map[string]string
		if err := json.Unmarshal(cfg.Sources[0].Settings.JSON, &got); err != nil || got["token"] != c.want {
			t.Errorf("token %q (%v), want %q", got["token"], err, c.want)
		}
	}
	if os.Getenv("KEBOOLA_TOKEN") != "" {
		t.Error(".env reaches the process's environment, and with it its children")
	}
}

func TestC17_WeakSecrets(t *testing.T) {
	for _, c := range []struct{ block, value, summary string }{
		{"desktop", "tiny-key", "shorter than 32 bytes"},
		{"desktop", strings.Repeat("k", 32), ""},
		{"desktop", "please-change-me-please-change-me-please", "example value"},
		{"desktop", "dev-secret-key-change-me", "example value"},
		{"google", "changeme", "example value"},
		{"google", "YOUR_CLIENT_SECRET", "example value"},
		{"google", "<client secret>", "example value"},
		{"google", "GOCSPX-1a2b3c", ""},
	} {
		o := instance(t, map[string]string{"instance.hcl": head + "auth \"" + c.block + "\" {\n  config {\n    client_id = \"c\"\n    " + map[string]string{"desktop": "signing_key", "google": "client_secret"}[c.block] + " = env(\"S\")\n  }\n}\n"})
		o.Getenv = func(string) string { return c.value }
		_, problems := config.Load(o)
		text := problems.Error()
		if c.block == "desktop" {
			text = strings.Replace(text, `there is no setting "client_id"`, "", 1)
		}
		if c.summary != "" && !strings.Contains(text, c.summary) || c.summary == "" && (strings.Contains(text, "bytes") || strings.Contains(text, "example")) {
			t.Errorf("%s %q: %s", c.block, c.value, text)
		}
		if strings.Contains(problems.Text(), c.value) {
			t.Errorf("the value %q is shown", c.value)
		}
	}
}

func TestC18_PublicURL(t *testing.T) {
	for _, c := range []struct{ url, want, problem string }{
		{"https://data.acme.com", "https://data.acme.com", ""},
		{"https://data.acme.com/", "https://data.acme.com", ""},
		{"HTTPS://Data.ACME.com.", "https://data.acme.com", "is read as"},
		{"https://data.acme.com:443", "https://data.acme.com", "is read as"},
		{"https://data.acme.com:8443", "https://data.acme.com:8443", ""},
		{"http://localhost:8080", "http://localhost:8080", ""},
		{"http://127.0.0.1:8080", "http://127.0.0.1:8080", ""},
		{"http://[::1]:8080", "http://[::1]:8080", ""},
		{"https://[2001:db8::1]", "https://[2001:db8::1]", ""},
		{"https://xn--bcher-kva.example", "https://xn--bcher-kva.example", ""},
		{"http://data.acme.com", "", "is http:// on a host that is not this machine"},
		{"http://localhost.acme.com", "", "is http:// on a host that is not this machine"},
		{"http://10.0.0.1", "", "is http:// on a host that is not this machine"},
		{"https://data.acme.com/path", "", "has a path"},
		{"https://data.acme.com/?q", "", "has a query"},
		{"https://data.acme.com/#x", "", "has a query or fragment"},
		{"https://ada:hunter2@data.acme.com", "", "holds a user name or password"},
		{"https://dаta.acme.com", "", "characters beyond ASCII"},
		{"https://data_acme.com", "", "neither a name nor an address"},
		{"https://data.acme.com:99999", "", "port outside"},
		{"https://0.0.0.0", "", "nobody can open"},
		{"https://", "", "has no host"},
		{"ftp://data.acme.com", "", "neither https:// nor http://"},
		{"data.acme.com", "", "neither https:// nor http://"},
		{"https:data.acme.com", "", "is not a URL"},
		{"https://a b", "", "is not a URL"},
	} {
		cfg, problems := load(t, "instance {\n  name = \"A\"\n  data_dir = \"d\"\n  public_url = \""+c.url+"\"\n}\n")
		if c.problem == "" && len(problems) > 0 || c.problem != "" && (len(problems) != 1 || problems[0].Line != 4 || !strings.Contains(problems[0].Summary, c.problem)) {
			t.Errorf("%s: %s", c.url, problems.Text())
		}
		if cfg.Instance.PublicURL != c.want {
			t.Errorf("%s is read as %q, want %q", c.url, cfg.Instance.PublicURL, c.want)
		}
		if strings.Contains(problems.Text(), "hunter2") {
			t.Errorf("the password is shown:\n%s", problems.Text())
		}
		if len(problems.Blocking()) > 0 {
			t.Errorf("%s stops more than the server", c.url)
		}
		if c.want == "" && len(problems.Blocking("server")) != 1 {
			t.Errorf("%s does not stop the server", c.url)
		}
	}
}

func TestPublicURLFollowsListen(t *testing.T) {
	for _, c := range []struct{ configured, listen, flag, want, problem string }{
		{"", "", "", "http://127.0.0.1:8080", ""},
		{"", "127.0.0.1:9000", "", "http://127.0.0.1:9000", ""},
		{"", "0.0.0.0:8080", "", "", "public_url is missing"},
		{"", ":8080", "", "", "public_url is missing"},
		{"", "0.0.0.0:8080", "127.0.0.1:0", "http://127.0.0.1:0", ""},
		{"http://localhost:8080", "127.0.0.1:8080", "127.0.0.1:9000", "http://127.0.0.1:9000", ""},
		{"https://data.acme.com", "127.0.0.1:8080", "127.0.0.1:9000", "https://data.acme.com", ""},
		{"http://localhost:8080", "127.0.0.1:8080", "0.0.0.0:9000", "http://localhost:8080", ""},
		{"", "", "nonsense", "", "--listen is not HOST:PORT"},
	} {
		text := "instance {\n  name = \"A\"\n  data_dir = \"d\"\n  public_url = \"" + c.configured + "\"\n}\nserver {\n  listen = \"" + c.listen + "\"\n}\n"
		text = strings.Replace(strings.Replace(text, "  public_url = \"\"\n", "", 1), "  listen = \"\"\n", "", 1)
		o := instance(t, map[string]string{"instance.hcl": text})
		o.Listen = c.flag
		cfg, problems := config.Load(o)
		if cfg.Instance.PublicURL != c.want || !strings.Contains(problems.Error(), c.problem) || c.problem == "" && len(problems) > 0 {
			t.Errorf("%+v: %q\n%s", c, cfg.Instance.PublicURL, problems.Text())
		}
	}
}

func TestC24_NewerThanTheBinary(t *testing.T) {
	text := "instance {\n  name = \"A\"\n  data_dir = \"d\"\n  version = \"1.8\"\n  quantum = true\n}\nwarp {}\n"
	o := instance(t, map[string]string{"instance.hcl": text})
	o.Version = "1.6.2"
	called := false
	o.Ready = func(*config.Config) { called = true }
	_, problems := config.Load(o)
	expect(t, problems, "instance.hcl:4:13", "written for 1.8, this is 1.6.2", "nothing was touched")
	if called || len(problems.Blocking()) != 1 {
		t.Error("the file is used all the same")
	}
	for _, version := range []string{"1.8", "1.8.0", "1.9.0", "2.0.0-rc1", "dev", ""} {
		o.Version = version
		if _, problems := config.Load(o); strings.Contains(problems.Error(), "written for") {
			t.Errorf("%s: %s", version, problems.Text())
		}
	}
}

func TestReadyComesBeforeSettings(t *testing.T) {
	o := instance(t, map[string]string{"instance.hcl": "source \"csv\" \"a\" {\n  config { path = \"x\" }\n}\n" + head + "plugins {\n  dir = \"mine\"\n  trust = \"dev\"\n}\n"})
	var order []string
	o.Ready = func(c *config.Config) {
		order = append(order, strings.TrimPrefix(c.Plugins.Dir, o.Dir), c.Plugins.Trust, strings.TrimPrefix(c.Instance.DataDir, o.Dir))
	}
	o.Settings = func(kind, name string) ([]config.Field, error) {
		order = append(order, kind, name)
		return nil, errors.New("not at hand")
	}
	_, problems := config.Load(o)
	if diff := cmp.Diff([]string{"/mine", "dev", "/data", "connector", "csv"}, order); diff != "" {
		t.Error(diff)
	}
	if d := only(t, problems); d.Severity != config.Unchecked || d.Scope != "source.a" || d.Summary != "settings not checked: not at hand" || !problems.Failing() || len(problems.Blocking("source.a")) != 0 {
		t.Errorf("diagnostic %+v", d)
	}
}

// What a plugin itself finds wrong is shown at the setting's place.
func TestProblemAtASetting(t *testing.T) {
	c, problems := load(t, head+"source \"csv\" \"a\" {\n  config {\n    path = \"x\"\n    headers = { Authorization = env(\"HOME\", \"s3cret\") }\n  }\n}\n")
	if len(problems) != 1 {
		t.Fatal(problems.Text())
	}
	for path, place := range map[string]string{"path": "instance.hcl:7:12", "headers.Authorization": "instance.hcl:8:33", "headers.other": "instance.hcl:8:15", "elsewhere": "instance.hcl:6:3", "": "instance.hcl:6:3"} {
		d := c.Problem(c.Sources[0].Settings, path, config.Error, "no such file", "create it")
		if filepath.Base(d.Place()) != place || d.Scope != "source.a" || d.Source == "" || strings.Contains(d.Source, "s3cret") {
			t.Errorf("%s: %+v", path, d)
		}
	}
}

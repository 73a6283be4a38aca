package protect

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/test/binaries"
)

// whole is a configuration that starts.
const whole = `instance {
  name       = "Acme"
  data_dir   = "data"
  public_url = "http://127.0.0.1:1"
}
server {
  listen          = "127.0.0.1:0"
  trusted_proxies = []
  tls_cert        = ""
  tls_key         = ""
  metrics_listen  = ""

  limits {
    login_per_minute = 10
  }
}
state {
  url = "sqlite"
}
plugins {
  dir   = "plugins.d"
  trust = "locked"
}
access {
  allowed_domains = ["acme.com"]
  admins          = ["ada@acme.com"]
  private         = ["hr"]

  group "finance" {
    members = ["bob@acme.com"]
    tables  = ["finance.*"]
  }
}
`

// missing is one protection that is taken away: what is written instead of a line, and what the refusal says.
type missing struct {
	name         string
	from, to     string // in the configuration
	prepare      func(t *testing.T, dir string)
	place, says  string // regular expressions: where, and what
	withoutPlace bool   // the fault lies in no line of a file that broker reads; says names the file
}

func cases() []missing {
	at := func(line string) string { return `instance\.hcl:` + line }
	demo := "admins          = [\"ada@acme.com\"]\n  demo_login      = [\"ada@acme.com\"]"
	admins := `admins          = ["ada@acme.com"]`
	listen := `listen          = "127.0.0.1:0"`
	proxies := `trusted_proxies = []`
	cert := "tls_cert        = \"\"\n  tls_key         = \"\""
	files := "tls_cert        = \"cert.pem\"\n  tls_key         = \"key.pem\""
	url := `public_url = "http://127.0.0.1:1"`
	return []missing{
		{name: "plain http elsewhere", from: url, to: `public_url = "http://data.acme.com"`, place: at("4"), says: "http"},
		{name: "no public_url, listening everywhere", from: url, to: "", place: at(`\d+`), says: "public_url"},
		{name: "public_url with a path", from: url, to: `public_url = "https://data.acme.com/x"`, place: at("4"), says: "public_url"},
		{name: "public_url with a password", from: url, to: `public_url = "https://u:p@data.acme.com"`, place: at("4"), says: "public_url"},
		{name: "public_url of another scheme", from: url, to: `public_url = "ftp://data.acme.com"`, place: at("4"), says: "public_url"},
		{name: "listen is no address", from: listen, to: `listen          = "8080"`, place: at("7"), says: "listen"},
		{name: "certificate without key", from: cert, to: `tls_cert = "cert.pem"`, place: at("9"), says: "go together"},
		{name: "key without certificate", from: cert, to: `tls_key = "key.pem"`, place: at(`\d+`), says: "go together"},
		{name: "certificate missing", from: cert, to: files, place: at("9"), says: "tls_cert.*no such file"},
		{name: "certificate is garbage", from: cert, to: files, prepare: garbage, place: at("9"), says: "tls_cert"},
		{name: "key of another certificate", from: cert, to: files, prepare: strangers, place: at("9"), says: "tls_cert.*match"},
		{name: "key that all may read", from: cert, to: files, prepare: openKey, place: at("9"), says: "read by everybody"},
		{name: "certificate that ended", from: cert, to: files, prepare: ended, place: at("9"), says: "ended"},
		{name: "metrics_listen is no address", from: `metrics_listen  = ""`, to: `metrics_listen  = "all"`, place: at("11"), says: "metrics_listen"},
		{name: "trusted proxy is no address", from: proxies, to: `trusted_proxies = ["proxy"]`, place: at("8"), says: "trusted_proxies"},
		{name: "a limit below zero", from: "login_per_minute = 10", to: "login_per_minute = -1", place: at("14"), says: "login_per_minute"},
		{name: "a limit that is none", from: "login_per_minute = 10", to: `login_per_minute = "many"`, place: at("14"), says: "login_per_minute"},
		{name: "a limit misspelt", from: "login_per_minute = 10", to: "logins_per_minute = 10", place: at("14"), says: "logins_per_minute"},
		{name: "state of unknown kind", from: `url = "sqlite"`, to: `url = "mysql://x"`, place: at("18"), says: "state"},
		{name: "a password in the configuration", from: `url = "sqlite"`, to: `url = "postgres://u:secret@127.0.0.1:1/x"`, place: at("18"), says: "secret|password|plain"},
		{name: "an environment variable unset", from: `url = "sqlite"`, to: `url = env("PROTECT_UNSET")`, place: at("18"), says: "PROTECT_UNSET"},
		{name: "trust of unknown kind", from: `trust = "locked"`, to: `trust = "all"`, place: at("22"), says: "trust"},
		{name: "demo login on a public listener", from: admins, to: demo, prepare: replace(listen, `listen          = "0.0.0.0:0"`), place: at(`\d+`), says: "demo_login|loopback"},
		{name: "demo login with a public URL", from: admins, to: demo, prepare: replace(url, `public_url = "https://data.acme.com"`), place: at(`\d+`), says: "demo_login|loopback"},
		{name: "demo login behind a proxy", from: admins, to: demo, prepare: replace(proxies, `trusted_proxies = ["10.0.0.1"]`), place: at(`\d+`), says: "demo_login|trusted_proxies"},
		{name: "a domain that is everybody", from: `["acme.com"]`, to: `["*"]`, place: at("25"), says: "allowed_domains"},
		{name: "an admin that is no address", from: admins, to: `admins          = ["ada"]`, place: at("26"), says: "admins"},
		{name: "a pattern that is none", from: `["finance.*"]`, to: `["finance.*.x"]`, place: at(`\d+`), says: "tables|pattern"},
		{name: "a rule misspelt", from: `private         = ["hr"]`, to: `privat          = ["hr"]`, place: at("27"), says: "privat"},
		{name: "a damaged key of the audit log", prepare: auditKey, withoutPlace: true, says: "keys"},
	}
}

func TestG18_MissingProtectionStopsTheStart(t *testing.T) {
	bin := t.TempDir()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := binaries.Build(root, bin); err != nil {
		t.Fatal(err)
	}
	all := cases()
	if len(all) < 25 {
		t.Fatalf("%d protections, want 25 or more", len(all))
	}
	for _, c := range all {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			text := whole
			if c.from != "" {
				if !strings.Contains(text, c.from) {
					t.Fatalf("%q does not stand in the configuration", c.from)
				}
				text = strings.Replace(text, c.from, c.to, 1)
			}
			if c.name == "no public_url, listening everywhere" {
				text = strings.Replace(text, "127.0.0.1:0", "0.0.0.0:0", 1)
			}
			write(t, filepath.Join(dir, "instance.hcl"), text)
			if err := os.Mkdir(filepath.Join(dir, "plugins.d"), 0o700); err != nil {
				t.Fatal(err)
			}
			if c.prepare != nil {
				c.prepare(t, dir)
			}
			code, said := serve(t, filepath.Join(bin, "broker"), dir)
			if code != 2 {
				t.Errorf("exit %d, want 2", code)
			}
			if !c.withoutPlace && !regexp.MustCompile(c.place).MatchString(said) {
				t.Errorf("the place %s is not said", c.place)
			}
			if !regexp.MustCompile(c.says).MatchString(said) || !strings.Contains(said, "fix") && !strings.Contains(said, "help") && strings.Count(said, "\n") < 2 {
				t.Errorf("what is wrong, or the fix, is not said")
			}
			if t.Failed() {
				t.Log(said)
			}
		})
	}
}

// serve starts broker, which must end by itself.
func serve(t *testing.T, program, dir string) (int, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, "serve", "--config", filepath.Join(dir, "instance.hcl"))
	cmd.Env = []string{"HOME=" + dir, "TMPDIR=" + os.TempDir(), "PATH=" + os.Getenv("PATH")}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		t.Fatalf("it started: %s", out.String())
	case errors.As(err, &exit):
		return exit.ExitCode(), out.String()
	case err != nil:
		t.Fatal(err)
	}
	return 0, out.String()
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func replace(from, to string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		path := filepath.Join(dir, "instance.hcl")
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		write(t, path, strings.Replace(string(text), from, to, 1))
	}
}

func garbage(t *testing.T, dir string) {
	write(t, filepath.Join(dir, "cert.pem"), "garbage")
	write(t, filepath.Join(dir, "key.pem"), "garbage")
}

func ended(t *testing.T, dir string) { pair(t, dir, time.Now().Add(-time.Hour)) }

func strangers(t *testing.T, dir string) {
	pair(t, dir, time.Now().Add(time.Hour))
	other := t.TempDir()
	pair(t, other, time.Now().Add(time.Hour))
	if err := os.Rename(filepath.Join(other, "key.pem"), filepath.Join(dir, "key.pem")); err != nil {
		t.Fatal(err)
	}
}

func openKey(t *testing.T, dir string) {
	pair(t, dir, time.Now().Add(time.Hour))
	if err := os.Chmod(filepath.Join(dir, "key.pem"), 0o644); err != nil {
		t.Fatal(err)
	}
}

func auditKey(t *testing.T, dir string) {
	folder := filepath.Join(dir, "data", "state", "keys")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(folder, "audit.key"), "short")
}

func pair(t *testing.T, dir string, until time.Time) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: until.Add(-24 * time.Hour), NotAfter: until, DNSNames: []string{"data.acme.com"}}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "cert.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})))
	write(t, filepath.Join(dir, "key.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})))
}

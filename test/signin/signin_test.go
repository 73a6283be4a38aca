// Package signin_test signs people in to a serving instance as browsers do: by an issuer on this machine, and by a
// stranger's plugin.
package signin_test

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/test/binaries"
	"github.com/ai-data-analyst/broker/test/demo"
)

const config = `instance {
  name     = "Acme Data"
  data_dir = "data"
}
plugins {
  dir   = "plugins.d"
  trust = "dev"
}
access {
  allowed_domains = ["acme.com"]
}
auth "google" {
  label = "Acme account"
  config {
    issuer        = env("TEST_ISSUER")
    client_id     = "client"
    client_secret = env("TEST_CLIENT")
  }
}
auth "hello" {
  order = 5
  config {
    word = env("TEST_WORD")
  }
}
auth "desktop" {
  config {
    scheme      = "acme-data"
    signing_key = env("TEST_SIGNING")
  }
}
`

// serve makes and serves an instance with two ways to sign in.
func serve(t *testing.T, i *issuer) demo.Demo {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	base, err := os.MkdirTemp("/tmp", "s") // sockets need short paths
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(base) })
	d := demo.Demo{Bin: filepath.Join(base, "bin"), Dir: filepath.Join(base, "it")}
	if _, err := binaries.Build(root, d.Bin); err != nil {
		t.Fatal(err)
	}
	plugins := filepath.Join(d.Dir, "plugins.d")
	if err := os.MkdirAll(plugins, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, folder := range map[string]string{"broker-auth-google": "plugins/auth/google", "broker-auth-hello": "examples/auth-hello", "broker-auth-desktop": "plugins/auth/desktop"} {
		build := exec.Command("go", "build", "-o", filepath.Join(plugins, name), ".")
		build.Dir = filepath.Join(root, folder)
		build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("build %s: %v\n%s", name, err, out)
		}
	}
	if err := os.WriteFile(filepath.Join(d.Dir, "instance.hcl"), []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TEST_ISSUER", i.URL)
	t.Setenv("TEST_CLIENT", "kX9v-client-7Qp2")
	t.Setenv("TEST_WORD", "kX9v-word-7Qp2")
	t.Setenv("TEST_SIGNING", "kX9v-7Qp2-kX9v-7Qp2-kX9v-7Qp2-kX9v-7Qp2")
	d.Start(t)
	return d
}

type browser struct {
	t   *testing.T
	url string
	c   *http.Client
}

func newBrowser(t *testing.T, d demo.Demo) browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return browser{t, d.URL, &http.Client{Jar: jar, Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

func (b browser) get(address string) (*http.Response, string) {
	b.t.Helper()
	if strings.HasPrefix(address, "/") {
		address = b.url + address
	}
	answer, err := b.c.Get(address)
	return b.whole(answer, err)
}

// post sends a form with the token of the page that it stands on.
func (b browser) post(page, path string, form url.Values) (*http.Response, string) {
	b.t.Helper()
	_, body := b.get(page)
	if found := regexp.MustCompile(`name="_csrf" value="([^"]+)"`).FindStringSubmatch(body); found != nil {
		form.Set("_csrf", found[1])
	}
	answer, err := b.c.PostForm(b.url+path, form)
	return b.whole(answer, err)
}

func (b browser) whole(answer *http.Response, err error) (*http.Response, string) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return answer, string(body)
}

// atIssuer signs in at the issuer and returns where the browser is sent back to.
func (b browser) atIssuer(i *issuer, subject, email string) string {
	b.t.Helper()
	answer, body := b.post("/login", "/auth/google", url.Values{})
	if answer.StatusCode != 303 {
		b.t.Fatalf("begin: %d %s", answer.StatusCode, body)
	}
	return i.authorize(b.t, answer.Header.Get("Location"), subject, email)
}

func (b browser) signIn(i *issuer, subject, email string) int {
	b.t.Helper()
	answer, _ := b.get(b.atIssuer(i, subject, email))
	return answer.StatusCode
}

func (b browser) in() bool {
	answer, _ := b.get("/")
	return answer.StatusCode == 200
}

func TestSigningIn(t *testing.T) {
	i := newIssuer(t)
	d := serve(t, i)
	bob := newBrowser(t, d)
	answer, login := bob.get("/login")
	if !strings.Contains(login, "Acme account") || !strings.Contains(login, "Say hello") || !strings.Contains(answer.Header.Get("Content-Security-Policy"), "form-action 'self' "+i.URL) {
		t.Fatalf("%v %s", answer.Header, login)
	}
	callback := bob.atIssuer(i, "1", "bob@acme.com")
	if stranger, _ := newBrowser(t, d).get(callback); stranger.StatusCode != 403 {
		t.Errorf("another browser's callback: %d", stranger.StatusCode)
	}
	if answer, body := bob.get(callback); answer.StatusCode != 303 || answer.Header.Get("Location") != "/" {
		t.Fatalf("callback: %d %s", answer.StatusCode, body)
	}
	if answer, body := bob.get("/"); answer.StatusCode != 200 || !strings.Contains(body, "bob@acme.com") {
		t.Fatalf("home: %d %s", answer.StatusCode, body)
	}
	if again, _ := newBrowser(t, d).get(callback); again.StatusCode != 403 {
		t.Errorf("a callback twice: %d", again.StatusCode)
	}
	if answer, me := bob.get("/api/v1/me"); answer.StatusCode != 200 || !strings.Contains(me, `"provider":"google"`) {
		t.Errorf("%d %s", answer.StatusCode, me)
	}

	// Who is not admitted, or comes as another subject, stays out; a stranger's plugin vouches for no address.
	if status := newBrowser(t, d).signIn(i, "2", "eve@evil.example"); status != 403 {
		t.Errorf("a foreign domain: %d", status)
	}
	if status := newBrowser(t, d).signIn(i, "3", "bob@acme.com"); status != 403 {
		t.Errorf("another subject: %d", status)
	}
	if answer, _ := newBrowser(t, d).post("/login", "/auth/hello", url.Values{"email": {"ann@acme.com"}, "word": {"kX9v-word-7Qp2"}}); answer.StatusCode != 403 {
		t.Errorf("an address that nobody verified: %d", answer.StatusCode)
	}

	// What is said beside the serving broker holds at the next request.
	d.Broker(t, "keys", "rotate", "--config", d.Dir)
	if !bob.in() {
		t.Error("a rotation of keys signs people out")
	}
	d.Broker(t, "users", "disable", "bob@acme.com", "--config", d.Dir)
	if bob.in() {
		t.Error("a person who is shut out is in")
	}
	d.Broker(t, "users", "enable", "bob@acme.com", "--config", d.Dir)
	if bob.in() {
		t.Error("a session outlives being shut out")
	}
	d.Broker(t, "users", "relink", "bob@acme.com", "--config", d.Dir)
	again := newBrowser(t, d)
	if status := again.signIn(i, "3", "bob@acme.com"); status != 303 || !again.in() {
		t.Errorf("after relinking: %d", status)
	}
	if answer, _ := again.post("/logout", "/logout", url.Values{}); answer.StatusCode != 303 || again.in() {
		t.Errorf("signing out: %d", answer.StatusCode)
	}
}

package signin_test

import (
	"net/http"
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

const emailConfig = `instance {
  name     = "Acme Data"
  data_dir = "data"
}
server {
  limits {
    login_per_minute = 1000
  }
}
plugins {
  dir   = "plugins.d"
  trust = "dev"
}
access {
  allowed_domains = ["acme.com"]
}
auth "email" {
  config {
    host     = "127.0.0.1"
    port     = PORT
    ca_file  = "CAFILE"
    username = "broker"
    password = env("TEST_POST")
    from     = "broker@acme.com"
  }
}
`

// serveEmail makes and serves an instance that people enter by links.
func serveEmail(t *testing.T, o *postOffice) demo.Demo {
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
	build := exec.Command("go", "build", "-o", filepath.Join(d.Dir, "plugins.d", "broker-auth-email"), "./plugins/auth/email")
	build.Dir = root
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	config := strings.NewReplacer("PORT", o.port, "CAFILE", o.ca).Replace(emailConfig)
	if err := os.WriteFile(filepath.Join(d.Dir, "instance.hcl"), []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TEST_POST", o.secret)
	d.Start(t)
	return d
}

var shownCode = regexp.MustCompile(`id="code">([A-HJ-NP-Z2-9]{8})<`)

// ask asks for a link and returns the code that the page shows, and the page.
func (b browser) ask(email string) (string, string) {
	b.t.Helper()
	answer, body := b.post("/login", "/auth/email", url.Values{"email": {email}})
	code := shownCode.FindStringSubmatch(body)
	if answer.StatusCode != 200 || code == nil {
		b.t.Fatalf("ask for a link: %d %s", answer.StatusCode, body)
	}
	return code[1], body
}

// press presses the button of a link's page, with a code or "".
func (b browser) press(link, code string) int {
	b.t.Helper()
	form := url.Values{}
	if code != "" {
		form.Set("code", code)
	}
	answer, _ := b.post(link, strings.TrimPrefix(link, b.url), form)
	return answer.StatusCode
}

func TestL5_ALinkInAMail(t *testing.T) {
	o := newPostOffice(t)
	d := serveEmail(t, o)
	bob := newBrowser(t, d)
	bob.ask("Bob@acme.com ")
	l := o.next(t)
	if len(l.to) != 1 || l.to[0] != "bob@acme.com" || l.from != "broker@acme.com" || l.subject != "Sign in to Acme Data" || !strings.Contains(l.header.Get("From"), "Acme Data") {
		t.Errorf("%+v", l)
	}
	link := l.link(t)
	for range 20 { // scanners use nothing up
		scanner := newBrowser(t, d)
		if answer, body := scanner.get(link); answer.StatusCode != 200 || !strings.Contains(body, `name="code"`) {
			t.Fatalf("%d %s", answer.StatusCode, body)
		}
		head, err := scanner.c.Head(link)
		if answer, _ := scanner.whole(head, err); answer.StatusCode != 200 {
			t.Errorf("HEAD: %d", answer.StatusCode)
		}
	}
	if _, body := bob.get(link); strings.Contains(body, `name="code"`) {
		t.Errorf("the browser that asked is asked for the code: %s", body)
	}
	if status := bob.press(link, ""); status != 303 || !bob.in() {
		t.Fatalf("the button: %d", status)
	}
	if status := newBrowser(t, d).press(link, ""); status != 403 {
		t.Errorf("a link twice: %d", status)
	}

	// Another device types the code; guesses end the link.
	ann := newBrowser(t, d)
	code, _ := ann.ask("ann@acme.com")
	phone := newBrowser(t, d)
	link = o.next(t).link(t)
	if status := phone.press(link, "AAAAAAAA"); status != 200 || phone.in() {
		t.Errorf("a wrong code: %d", status)
	}
	if status := phone.press(link, strings.ToLower(code)); status != 303 || !phone.in() {
		t.Errorf("the right code: %d", status)
	}
	code, _ = ann.ask("ann@acme.com")
	link = o.next(t).link(t)
	thief := newBrowser(t, d)
	for i, want := range []int{200, 200, 200, 200, 403} {
		if status := thief.press(link, "AAAAAAAA"); status != want {
			t.Errorf("wrong code %d: %d", i+1, status)
		}
	}
	if status := thief.press(link, code); status != 403 {
		t.Errorf("the right code of a dead link: %d", status)
	}
	if status := ann.press(link, ""); status != 403 {
		t.Errorf("the button of a dead link: %d", status)
	}

	// A newer link ends older ones.
	ann.ask("ann@acme.com")
	older := o.next(t).link(t)
	ann.ask("ann@acme.com")
	newer := o.next(t).link(t)
	if status := ann.press(older, ""); status != 403 {
		t.Errorf("an older link: %d", status)
	}
	if status := ann.press(newer, ""); status != 303 || !ann.in() {
		t.Errorf("the newest link: %d", status)
	}
}

// changing is what differs between two askings: the code, the form's token and the number of the request.
var changing = regexp.MustCompile(`id="code">[^<]+<|name="_csrf" value="[^"]+"|[0-9a-zA-Z_-]{16,}`)

func TestL3_L7_AnswersTellNobodyWhoIsKnown(t *testing.T) {
	o := newPostOffice(t)
	d := serveEmail(t, o)
	b := newBrowser(t, d)
	page := func(email string) string {
		_, body := b.ask(email)
		return changing.ReplaceAllString(strings.ReplaceAll(body, email, "…"), "*")
	}
	if known, unknown := page("bob@acme.com"), page("bob@evil.example"); known != unknown {
		t.Errorf("known:\n%s\nunknown:\n%s", known, unknown)
	}
	for _, email := range []string{"a@acme.com,b@evil.example", `"a@evil.example"@acme.com`, "a@evil.example@acme.com", "a@acme.com\r\nBcc: b@evil.example", "a@acme.com\nSubject: x", "a@acme.com\x00", "A <a@acme.com>"} {
		if answer, body := b.post("/login", "/auth/email", url.Values{"email": {email}}); shownCode.MatchString(body) {
			t.Errorf("%q: %d %s", email, answer.StatusCode, body)
		}
	}
	b.ask("a+tag@acme.com")
	for _, want := range []string{"bob@acme.com", "a+tag@acme.com"} { // one after the other, nothing between
		if l := o.next(t); len(l.to) != 1 || l.to[0] != want {
			t.Errorf("a mail to %q, want %s", l.to, want)
		}
	}
}

func TestL6_TheMailServerIsDown(t *testing.T) {
	o := newPostOffice(t)
	d := serveEmail(t, o)
	o.server.Close()
	b := newBrowser(t, d)
	ask := func(email string) (*http.Response, string) {
		return b.post("/login", "/auth/email", url.Values{"email": {email}})
	}
	deadline := time.Now().Add(30 * time.Second)
	answer, _ := ask("bob@acme.com")
	for answer.StatusCode == 200 && time.Now().Before(deadline) { // until the first try has failed
		answer, _ = ask("bob@acme.com")
	}
	for _, email := range []string{"bob@acme.com", "bob@evil.example"} {
		if answer, body := ask(email); answer.StatusCode != 503 || strings.Contains(body, "/link/") || shownCode.MatchString(body) {
			t.Errorf("%s: %d %s", email, answer.StatusCode, body)
		}
	}
}

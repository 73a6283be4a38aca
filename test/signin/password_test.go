package signin_test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/test/binaries"
	"github.com/ai-data-analyst/broker/test/demo"
)

const passwordConfig = `instance {
  name     = "Acme Data"
  data_dir = "data"
}
server {
  trusted_proxies = ["127.0.0.1"]
  limits {
    login_per_minute     = LIMIT
    anonymous_per_minute = 0
  }
}
plugins {
  dir   = "plugins.d"
  trust = "dev"
}
access {
  allowed_domains = ["acme.com"]
}
auth "password" {
  config {MAIL
  }
}
`

// byMail are the settings of mail; the server is spoken to in TLS from the start.
func (o *postOffice) byMail(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = o.server.Serve(tls.NewListener(l, o.server.TLSConfig))
	}()
	t.Cleanup(func() { _ = o.server.Close(); <-done })
	return `
    host     = "127.0.0.1"
    port     = ` + port + `
    tls      = "implicit"
    ca_file  = "` + o.ca + `"
    username = "broker"
    password = env("TEST_POST")
    from     = "broker@acme.com"`
}

// servePassword makes and serves an instance that people enter by passwords.
func servePassword(t *testing.T, limit int, mail string) demo.Demo {
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
	build := exec.Command("go", "build", "-o", filepath.Join(d.Dir, "plugins.d", "broker-auth-password"), "./plugins/auth/password")
	build.Dir = root
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	config := strings.NewReplacer("LIMIT", strconv.Itoa(limit), "MAIL", mail).Replace(passwordConfig)
	if err := os.WriteFile(filepath.Join(d.Dir, "instance.hcl"), []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TEST_POST", "kX9v-post-7Qp2")
	return d
}

// choose opens the link of a mail and chooses a password.
func (b browser) choose(link, password string) (*http.Response, string) {
	b.t.Helper()
	return b.post(link, strings.TrimPrefix(link, b.url), url.Values{"password": {password}, "password2": {password}})
}

// enter signs in by a password.
func (b browser) enter(email, password string) int {
	b.t.Helper()
	answer, _ := b.post("/login", "/auth/password", url.Values{"email": {email}, "password": {password}})
	return answer.StatusCode
}

// askFor asks for a link on one of the plugin's pages and returns what it answers.
func (b browser) askFor(page, email string) string {
	b.t.Helper()
	answer, body := b.post("/auth/password/"+page, "/auth/password/"+page, url.Values{"email": {email}})
	if answer.StatusCode != 200 || !strings.Contains(body, "Check your mail") {
		b.t.Fatalf("ask for a link: %d %s", answer.StatusCode, body)
	}
	return body
}

func TestPasswordsFromBeginToEnd(t *testing.T) {
	const first, second = "kX9v four words that differ", "  kX9v other words, spaces stay  "
	o := newPostOffice(t)
	d := servePassword(t, 0, o.byMail(t))
	log := startLogged(t, &d)
	d.Broker(t, "users", "add", "zoe@partner.example", "--config", d.Dir)

	bob := newBrowser(t, d)
	bob.askFor("request", " Bob@ACME.com")
	setUp := o.next(t)
	if !slices.Equal(setUp.to, []string{"bob@acme.com"}) || setUp.subject != "Set up your password for Acme Data" || !strings.Contains(setUp.header.Get("From"), "Acme Data") {
		t.Errorf("%+v", setUp)
	}
	link := setUp.link(t)
	if !strings.HasPrefix(link, d.URL+"/auth/password/setup/") {
		t.Fatalf("a link %s", link)
	}
	for _, bad := range []string{"short", "bob@acme.com", "password1234", "nul\x00in the middle of it", strings.Repeat("x y z ", 50)} { // L11
		if answer, body := bob.choose(link, bad); answer.StatusCode != 200 || !strings.Contains(body, `name="password2"`) {
			t.Errorf("%q: %d %s", bad, answer.StatusCode, body)
		}
	}
	if answer, body := bob.choose(link, first); answer.StatusCode != 303 || !bob.in() {
		t.Fatalf("set up: %d %s", answer.StatusCode, body)
	}
	if answer, body := newBrowser(t, d).get(link); answer.StatusCode != 200 || !strings.Contains(body, "That link is over") {
		t.Errorf("a link twice: %d %s", answer.StatusCode, body)
	}
	phone := newBrowser(t, d)
	if status := phone.enter("BOB@acme.com", first); status != 303 || !phone.in() {
		t.Fatalf("sign in: %d", status)
	}
	if status := newBrowser(t, d).enter("bob@acme.com", second); status != 403 {
		t.Errorf("a wrong password: %d", status)
	}

	// Another password ends all that was open, tokens too.
	token := strings.TrimSpace(d.Broker(t, "tokens", "create", "bob@acme.com", "--config", d.Dir))
	if status, _ := ask(t, "GET", d.URL+"/api/v1/me", token, nil); status != 200 {
		t.Fatalf("a token: %d", status)
	}
	bob.askFor("forgot", "bob@acme.com")
	older := o.next(t).link(t)
	bob.askFor("forgot", "bob@acme.com")
	reset := o.next(t).link(t)
	home := newBrowser(t, d)
	if answer, _ := home.choose(older, second); answer.StatusCode == 303 || home.in() { // its page has no form any more
		t.Errorf("an older link: %d", answer.StatusCode)
	}
	if answer, body := home.choose(reset, second); answer.StatusCode != 303 || !home.in() || !strings.Contains(reset, "/reset/") {
		t.Fatalf("replace: %d %s %s", answer.StatusCode, reset, body)
	}
	if status, _ := ask(t, "GET", d.URL+"/api/v1/me", token, nil); bob.in() || phone.in() || status != 401 {
		t.Errorf("after another password: %v %v, a token %d", bob.in(), phone.in(), status)
	}
	if one, other := newBrowser(t, d).enter("bob@acme.com", first), newBrowser(t, d).enter("bob@acme.com", second); one != 403 || other != 303 {
		t.Errorf("the old password %d, the new one %d", one, other)
	}

	// Who was invited comes in from anywhere; who is shut out does not, whatever they know.
	zoe := newBrowser(t, d)
	zoe.askFor("request", "zoe@partner.example")
	if answer, _ := zoe.choose(o.next(t).link(t), first); answer.StatusCode != 303 || !zoe.in() {
		t.Errorf("invited: %d", answer.StatusCode)
	}
	d.Broker(t, "users", "disable", "zoe@partner.example", "--config", d.Dir)
	if status := newBrowser(t, d).enter("zoe@partner.example", first); status != 403 || zoe.in() {
		t.Errorf("shut out: %d %v", status, zoe.in())
	}
	t.Run("L3", func(t *testing.T) { tellsNothing(t, d, o, second) })
	t.Run("canary", func(t *testing.T) {
		secrets := []string{first, strings.TrimSpace(second), "kX9v-post-7Qp2"}
		for _, l := range []string{link, older, reset} {
			secrets = append(secrets, l[strings.LastIndex(l, "/")+1:])
		}
		nowhere(t, d, log, secrets)
	})
}

// tellsNothing compares what people are answered who are known, unknown, not admitted and shut out (L3). The time is only
// printed.
func tellsNothing(t *testing.T, d demo.Demo, o *postOffice, right string) {
	b := newBrowser(t, d)
	said := map[string][]string{}
	for _, email := range []string{"bob@acme.com", "nobody@acme.com", "eve@evil.example", "zoe@partner.example"} {
		began := time.Now()
		answer, body := b.post("/login", "/auth/password", url.Values{"email": {email}, "password": {right + "x"}})
		took := time.Since(began)
		if answer.StatusCode != 403 {
			t.Errorf("%s: %d", email, answer.StatusCode)
		}
		said[email] = append(said[email], changing.ReplaceAllString(body, "*"))
		for _, page := range []string{"request", "forgot"} {
			said[email] = append(said[email], changing.ReplaceAllString(strings.ReplaceAll(b.askFor(page, email), email, "…"), "*"))
		}
		t.Logf("%s: refused in %s", email, took)
	}
	for email, bodies := range said {
		if !slices.Equal(bodies, said["bob@acme.com"]) {
			t.Errorf("%s is told something else than bob@acme.com:\n%s\n%s", email, bodies, said["bob@acme.com"])
		}
	}
	for _, want := range []string{"bob@acme.com", "bob@acme.com", "nobody@acme.com", "nobody@acme.com"} { // and nothing to the others
		if l := o.next(t); !slices.Equal(l.to, []string{want}) {
			t.Errorf("a mail to %q, want %s", l.to, want)
		}
	}
	b.askFor("forgot", "last@acme.com")
	if l := o.next(t); !slices.Equal(l.to, []string{"last@acme.com"}) {
		t.Errorf("a mail to %q, who may not come in", l.to)
	}
}

// startLogged serves an instance until the test ends, and returns what it logs.
func startLogged(t *testing.T, d *demo.Demo) func() string {
	t.Helper()
	cmd := exec.Command(filepath.Join(d.Bin, "broker"), "serve", "--config", d.Dir, "--listen", "127.0.0.1:0")
	out := &lines{}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Errorf("stop the server: %v", err)
		}
		if err := <-ended; err != nil {
			t.Errorf("the server ended with %v\n%s", err, out)
		}
	})
	for late := time.Now().Add(time.Minute); time.Now().Before(late); time.Sleep(20 * time.Millisecond) {
		if d.URL = regexp.MustCompile(`http://127\.0\.0\.1:[0-9]+`).FindString(out.String()); d.URL != "" {
			return out.String
		}
	}
	t.Fatalf("the server said no address\n%s", out)
	return nil
}

// lines is what a program writes.
type lines struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}

// nowhere looks for secrets in what the instance wrote, and in what its processes were started with (G14).
func nowhere(t *testing.T, d demo.Demo, log func() string, secrets []string) {
	look := func(where, text string) {
		for i, secret := range secrets {
			if strings.Contains(text, secret) {
				t.Errorf("secret %d stands in %s", i, where)
			}
		}
	}
	if log() == "" {
		t.Error("nothing is logged")
	}
	look("the log", log())
	seen := 0
	err := filepath.WalkDir(d.Dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() || strings.Contains(path, "plugins.d") {
			return err
		}
		text, err := os.ReadFile(path)
		seen++
		look(path, string(text))
		return err
	})
	if err != nil || seen < 3 {
		t.Errorf("%d files read: %v", seen, err)
	}
	processes, err := filepath.Glob("/proc/[0-9]*/cmdline") // none where there is no /proc
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range processes {
		if text, err := os.ReadFile(p); err == nil && strings.Contains(string(text), "broker") { // others come and go
			look(p, string(text))
		}
	}
}

func TestL4_GuessesAreCountedByAddressAndByAccount(t *testing.T) {
	d := servePassword(t, 10, "")
	d.Start(t)
	b := newBrowser(t, d)
	_, login := b.get("/login")
	csrf := regexp.MustCompile(`name="_csrf" value="([^"]+)"`).FindStringSubmatch(login)
	if csrf == nil {
		t.Fatal(login)
	}
	guess := func(from, email string) *http.Response {
		t.Helper()
		form := url.Values{"_csrf": {csrf[1]}, "email": {email}, "password": {"a wrong password"}}
		r, err := http.NewRequestWithContext(t.Context(), "POST", d.URL+"/auth/password", strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("X-Forwarded-For", from)
		answer, _ := b.whole(b.c.Do(r))
		return answer
	}
	for name, attempt := range map[string]func(i int) (from, email string){
		"from one address": func(i int) (string, string) { return "192.0.2.1", fmt.Sprintf("p%d@acme.com", i) },
		"one account":      func(i int) (string, string) { return fmt.Sprintf("198.51.100.%d", i), "bob@acme.com" },
		"one account, written": func(i int) (string, string) {
			return fmt.Sprintf("203.0.113.%d", i), strings.Repeat(" ", i%3) + "Ann@acme.com"
		},
	} {
		refused, later := 0, 0
		for i := range 30 {
			switch answer := guess(attempt(i)); {
			case answer.StatusCode == 403:
				refused++
			case answer.StatusCode == 429 && answer.Header.Get("Retry-After") != "":
				later++
			default:
				t.Errorf("%s: %d", name, answer.StatusCode)
			}
		}
		if refused < 10 || later == 0 { // a slow machine lets a few more through: ten a minute
			t.Errorf("%s: %d were looked at, %d not", name, refused, later)
		}
	}
	if answer := guess("192.0.2.200", "zoe@acme.com"); answer.StatusCode != 403 {
		t.Errorf("somebody else: %d", answer.StatusCode)
	}
	if answer, body := b.get("/auth/password/request"); answer.StatusCode != 200 || !strings.Contains(body, "sends no mail") {
		t.Errorf("without a mail server: %d %s", answer.StatusCode, body)
	}
}

func TestL12_ManyPasswordsAtOnce(t *testing.T) {
	d := servePassword(t, 0, "")
	d.Start(t)
	b := newBrowser(t, d)
	_, login := b.get("/login")
	csrf := regexp.MustCompile(`name="_csrf" value="([^"]+)"`).FindStringSubmatch(login)
	if csrf == nil {
		t.Fatal(login)
	}
	var all sync.WaitGroup
	statuses := make([]int, 50)
	for i := range statuses {
		all.Go(func() {
			answer, err := b.c.PostForm(d.URL+"/auth/password", url.Values{"_csrf": {csrf[1]}, "email": {fmt.Sprintf("p%d@acme.com", i)}, "password": {"a wrong password"}})
			if err != nil {
				t.Error(err)
				return
			}
			defer answer.Body.Close()
			statuses[i] = answer.StatusCode
			if answer.StatusCode == 429 && answer.Header.Get("Retry-After") == "" {
				t.Error("429 does not say when to come again")
			}
		})
	}
	if answer, _ := b.get("/healthz"); answer.StatusCode != 200 {
		t.Errorf("meanwhile: %d", answer.StatusCode)
	}
	all.Wait()
	count := map[int]int{}
	for _, status := range statuses {
		count[status]++
	}
	t.Logf("answers: %v", count)
	if count[403]+count[429] != len(statuses) || count[403] < 2 {
		t.Errorf("answers: %v", count)
	}
}

package main

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
)

// instance is a serving broker with many small tables.
type instance struct {
	bin, dir, url string
	server        *exec.Cmd
}

// person is one signed-in user.
type person struct {
	email, cookie string
}

const config = `instance {
  name     = "bench"
  data_dir = "data"
}
server {
  listen = "127.0.0.1:0"
  limits {
    anonymous_per_minute = 0
    login_per_minute     = 0
    account_per_minute   = 0
  }
}
plugins {
  dir   = "plugins.d"
  trust = "dev"
}
access {
  allowed_domains = ["example.com"]
  admins          = ["u0@example.com"]
  demo_login      = [%s]
  group "everyone" {
    tables = ["*"]
  }
}
auth "password" {
  config {
  }
}
source "csv" "even" {
  config {
    path = "files0"
  }
}
source "csv" "odd" {
  config {
    path = "files1"
  }
}
`

// serve makes the instance, syncs it once and serves it.
func serve(dir string, users, tables int) (*instance, error) {
	bin, err := filepath.Abs("bin")
	if err != nil {
		return nil, err
	}
	i := &instance{bin: bin, dir: dir}
	for _, folder := range []string{"plugins.d", "files0", "files1"} {
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o755); err != nil {
			return nil, err
		}
	}
	for _, plugin := range []string{"broker-connector-csv", "broker-auth-password"} {
		if out, err := exec.Command("cp", filepath.Join(bin, plugin), filepath.Join(dir, "plugins.d")).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%w\n%s", err, out)
		}
	}
	for n := range tables {
		name := filepath.Join(dir, fmt.Sprint("files", n%2), fmt.Sprintf("table_%04d.csv", n)) // a source has at most 4,096 streams
		if err := os.WriteFile(name, fmt.Appendf(nil, "id,customer,amount,day\n%d,Ada,12.50,2026-11-01\n%d,Bob,3.20,2026-11-02\n", n, n+1), 0o644); err != nil {
			return nil, err
		}
	}
	var names []string
	for n := range users {
		names = append(names, fmt.Sprintf("%q", email(n)))
	}
	if err := os.WriteFile(filepath.Join(dir, "instance.hcl"), fmt.Appendf(nil, config, strings.Join(names, ", ")), 0o644); err != nil {
		return nil, err
	}
	if out, err := exec.Command(filepath.Join(bin, "broker"), "sync", "--config", dir).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("broker sync: %w\n%.4000s", err, out)
	}
	return i, i.start()
}

func email(n int) string { return fmt.Sprintf("u%d@example.com", n) }

func (i *instance) start() error {
	i.server = exec.Command(filepath.Join(i.bin, "broker"), "serve", "--config", i.dir)
	log, err := os.Create(filepath.Join(i.dir, "log"))
	if err != nil {
		return err
	}
	defer log.Close()
	i.server.Stderr = log
	out, err := i.server.StdoutPipe()
	if err != nil {
		return err
	}
	if err := i.server.Start(); err != nil {
		return err
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if found := regexp.MustCompile(`http://\S+`).FindString(lines.Text()); found != "" {
			i.url = found
			return nil
		}
	}
	said, err := os.ReadFile(log.Name())
	return fmt.Errorf("the server said no address: %w\n%.4000s", err, said)
}

func (i *instance) stop() {
	_ = i.server.Process.Signal(syscall.SIGTERM) //nolint:errcheck // Wait tells
	_ = i.server.Wait()                          //nolint:errcheck // the figures are there already
}

var tokenField = regexp.MustCompile(`name="_csrf" value="([^"]+)"`)

// signIn signs people in by one click each, a few at a time.
func (i *instance) signIn(n int) ([]person, error) {
	people := make([]person, n)
	errs := make(chan error, n)
	slots := make(chan struct{}, 4)
	var all sync.WaitGroup
	for k := range people {
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			p, err := i.enter(email(k))
			if err != nil {
				errs <- fmt.Errorf("sign in %s: %w", email(k), err)
			}
			people[k] = p
		})
	}
	all.Wait()
	close(errs)
	return people, <-errs
}

func (i *instance) enter(address string) (person, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return person{}, err
	}
	client := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	token, err := formToken(client, i.url)
	if err != nil {
		return person{}, err
	}
	request, err := http.NewRequest("POST", i.url+"/auth/demo", strings.NewReader(url.Values{"_csrf": {token}, "email": {address}}.Encode()))
	if err != nil {
		return person{}, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Origin", i.url)
	answer, err := client.Do(request)
	if err != nil {
		return person{}, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusSeeOther {
		return person{}, fmt.Errorf("the sign-in answers %s", answer.Status)
	}
	u, err := url.Parse(i.url)
	if err != nil {
		return person{}, err
	}
	p := person{email: address}
	for _, c := range jar.Cookies(u) {
		p.cookie += c.Name + "=" + c.Value + "; "
	}
	p.cookie = strings.TrimSuffix(p.cookie, "; ")
	return p, nil
}

// formToken is the token of the login page's forms.
func formToken(client *http.Client, base string) (string, error) {
	answer, err := client.Get(base + "/login")
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return "", err
	}
	found := tokenField.FindSubmatch(body)
	if found == nil {
		return "", fmt.Errorf("the login page has no form (%s)", answer.Status)
	}
	return string(found[1]), nil
}

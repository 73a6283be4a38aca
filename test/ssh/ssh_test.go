package ssh_test

import (
	"context"
	"crypto/rand"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/web/api"
)

func TestPullAndPush(t *testing.T) {
	h := newHouse(t)
	h.analyst(t, "bob", "main.*")
	h.publish(t, 1)
	to := h.path("bob-server")
	h.pull(t, "bob", "@:current/", to)
	m := check(t, to)
	if names(m) != "main.orders main.people" || m.Generation < 2 {
		t.Errorf("generation %d with %s", m.Generation, names(m))
	}
	if id := api.SignatureKey(strings.TrimSpace(string(read(t, filepath.Join(to, "manifest.sig"))))); id == "" || !strings.Contains(h.broker(t, "keys", "list", "--json"), id) {
		t.Errorf("the manifest is signed by key %q", id)
	}
	if said := h.pull(t, "bob", "@:current/", to); said != "" {
		t.Errorf("a second pull moves something:\n%s", said)
	}
	h.pull(t, "bob", "@:gen/1/", h.path("bob-first"))
	if first := check(t, h.path("bob-first")); first.Generation != 1 {
		t.Errorf("generation %d", first.Generation)
	}
	h.pull(t, "bob", "-z", "-c", "@:current/main.orders/", h.path("bob-orders"))
	if !some(h.path("bob-orders", "0.parquet")) {
		t.Error("one table alone did not come")
	}

	h.write(t, "notes/sub/a.md", "a note")
	h.pull(t, "bob", h.path("notes")+"/", "@:push/")
	if found, _ := filepath.Glob(h.path("inst/data/push/*/ssh-bob/sub/a.md")); len(found) != 1 || string(read(t, found[0])) != "a note" {
		t.Errorf("the push is in %v", found)
	}
	if said := h.pull(t, "bob", h.path("notes")+"/", "@:push/"); said != "" {
		t.Errorf("a second push moves something:\n%s", said)
	}
	for path, want := range map[string]string{"gen/99/": "the newest is", "gen/0/": "can be read here"} {
		if out, code := run(t, h.rsync(t, "bob", "-a", "@:"+path, h.path("none"))); code == 0 || strings.Count(out, "broker gate: ") != 1 || !strings.Contains(out, want) {
			t.Errorf("%s ends with %d: %s", path, code, out)
		}
	}
	if some(h.path("inst/data/ssh/trees/bob-*")) {
		t.Error("a tree is left")
	}
}

func TestWhatIsNotRsyncIsRefused(t *testing.T) {
	h := newHouse(t)
	h.analyst(t, "bob", "main.*")
	h.write(t, "up/a.md", "a note")
	ssh := func(args ...string) *exec.Cmd {
		return exec.CommandContext(t.Context(), "ssh", append(append(h.options("bob"), me(t)), args...)...)
	}
	for _, command := range [][]string{{}, {"id"}, {"sh", "-i"}, {"rsync --server --daemon ."}, {"rsync --server --sender -r . /etc/;id"}, {"rsync --server --sender -r . /etc/"}, {"broker", "users", "list"}} {
		if out, code := run(t, ssh(command...)); code != 5 || strings.Count(strings.TrimSpace(out), "\n") != 0 || !strings.HasPrefix(out, "broker gate: ") {
			t.Errorf("%q ends with %d: %s", command, code, out)
		}
	}
	tty := exec.CommandContext(t.Context(), "ssh", append(append([]string{"-tt"}, h.options("bob")...), me(t))...)
	if out, code := run(t, tty); code == 0 || !strings.Contains(out, "PTY allocation request failed") {
		t.Errorf("a terminal ends with %d: %s", code, out)
	}
	forward := exec.CommandContext(t.Context(), "ssh", append(append([]string{"-W", "127.0.0.1:" + h.port}, h.options("bob")...), me(t))...)
	if out, code := run(t, forward); code == 0 {
		t.Errorf("forwarding is open: %s", out)
	}
	options := append([]string{"-q"}, h.options("bob")...)
	options[1] = "-P"
	for _, program := range []string{"scp", "sftp"} {
		args := append(append([]string{}, options...), me(t)+":/etc/passwd", h.path("stolen"))
		if out, code := run(t, exec.CommandContext(t.Context(), program, args...)); code == 0 {
			t.Errorf("%s works: %s", program, out)
		}
	}
	for _, args := range [][]string{{h.path("up") + "/", "@:current/"}, {h.path("up") + "/", "@:gen/1/"}, {h.path("up") + "/", "@:/tmp/"}, {h.path("up") + "/", "@:push/../../x/"},
		{"--delete", h.path("up") + "/", "@:push/"}, {"--temp-dir=/tmp", h.path("up") + "/", "@:push/"}, {"@:push/", h.path("stolen")}, {"@:current/../../../state/", h.path("stolen")},
		{"@:current/main.*", h.path("stolen")}, {"--remove-source-files", "@:current/", h.path("stolen")}, {"-s", "@:current/", h.path("stolen")}, {"@:current/", "@:gen/1/", h.path("stolen")}} {
		if out, code := run(t, h.rsync(t, "bob", append([]string{"-a"}, args...)...)); code == 0 {
			t.Errorf("%v is taken: %s", args, out)
		}
	}
	if some(h.path("stolen", "*")) || some(h.path("inst/data/push/*/ssh-bob/*")) {
		t.Error("something went through")
	}
}

// Y8: what is not there is a failure, never a shorter mirror.
func TestY8_WhatIsAbsentFails(t *testing.T) {
	h := newHouse(t)
	h.analyst(t, "bob", "main.orders")
	for _, path := range []string{"current/main.people/", "current/main.nothing/", "gen/1/main.people/0.parquet"} { // not granted, not there: one answer
		out, code := run(t, h.rsync(t, "bob", "-a", "@:"+path, h.path("none")))
		if code == 0 || !strings.Contains(out, "broker gate: there is no "+strings.TrimSuffix(path, "/")) || strings.Contains(out, h.dir) {
			t.Errorf("%s ends with %d: %s", path, code, out)
		}
	}
}

// G12: each analyst gets their tables, and no file says that there are others.
func TestG12_MatrixOfTwoAnalysts(t *testing.T) {
	h := newHouse(t)
	grants := map[string][]string{"bob": {"main.orders"}, "eve": {"main.people"}, "all": {"main.*"}, "nil": nil}
	for name, patterns := range grants {
		h.analyst(t, name, patterns...)
	}
	for name, want := range map[string]string{"bob": "main.orders", "eve": "main.people", "all": "main.orders main.people", "nil": ""} {
		for _, generation := range []string{"current/", "gen/2/"} {
			to := h.path(name + "-" + strings.ReplaceAll(generation, "/", ""))
			h.pull(t, name, "@:"+generation, to)
			if got := names(check(t, to)); got != want {
				t.Errorf("%s has %q, want %q", name, got, want)
			}
			for _, table := range []string{"orders", "people"} {
				if !strings.Contains(want, table) && mentions(t, to, table) {
					t.Errorf("what %s has tells of %s", name, table)
				}
			}
		}
	}
	h.broker(t, "groups", "revoke", "all", "main.*")
	h.broker(t, "groups", "grant", "all", "main.people")
	h.pull(t, "all", "--delete", "@:current/", h.path("all-current"))
	if got := names(check(t, h.path("all-current"))); got != "main.people" || mentions(t, h.path("all-current"), "orders") {
		t.Errorf("after a revocation %q", got)
	}
}

// G12: revoking by command or by configuration, disabling and removing end a transfer that runs.
func TestG12_RevokedDuringATransfer(t *testing.T) {
	h := newHouse(t)
	h.put(t, "big", big(150_000), 5)
	h.broker(t, "sync")
	config := string(read(t, h.path("inst/instance.hcl")))
	h.write(t, "inst/instance.hcl", strings.Replace(config, "access {", `access {
  group "conf" {
    members = ["configured@analysts.invalid"]
    tables  = ["main.*"]
  }`, 1))
	revoke := map[string]func(){
		"revoked":    func() { h.broker(t, "groups", "revoke", "revoked", "main.*") },
		"disabled":   func() { h.broker(t, "users", "disable", "disabled@analysts.invalid") },
		"removed":    func() { h.broker(t, "remove-analyst", "removed") },
		"configured": func() { h.write(t, "inst/instance.hcl", config) },
	}
	under := map[string]*exec.Cmd{}
	for name := range revoke {
		if name == "configured" {
			h.analyst(t, name)
		} else {
			h.analyst(t, name, "main.*")
		}
		under[name] = h.rsync(t, name, "-a", "--bwlimit=8", "@:current/main.big/", h.path(name+"-server")) // many minutes, if nothing ends it
		if err := under[name].Start(); err != nil {
			t.Fatal(err)
		}
	}
	for name := range revoke {
		await(t, "the part of "+name+" is under way", func() bool { return some(h.path(name+"-server", ".0.parquet.*")) })
	}
	for name, cut := range revoke {
		cut()
		if err := under[name].Wait(); err == nil {
			t.Errorf("%s: the pull went through", name)
		}
		if some(h.path(name+"-server", "0.parquet")) {
			t.Errorf("%s: the part arrived", name)
		}
		await(t, "the tree of "+name+" has gone", func() bool { return !some(h.path("inst/data/ssh/trees", name+"-*")) })
		out, code := run(t, h.rsync(t, name, "-a", "@:current/", h.path(name+"-again")))
		again, shutOut := some(h.path(name+"-again", "main.*")), name == "disabled" || name == "removed"
		if again || shutOut == (code == 0) {
			t.Errorf("%s: pulling again ends with %d, tables %t: %s", name, code, again, out)
		}
	}
}

// G1: what is pulled while somebody publishes is one generation, into a folder that has another one too.
func TestG1_PullsBesideAWriter(t *testing.T) {
	h := newHouse(t)
	h.analyst(t, "bob", "main.*")
	ctx, stop := context.WithCancel(t.Context())
	var writer sync.WaitGroup
	rounds := 0
	writer.Go(func() {
		for ctx.Err() == nil && !t.Failed() {
			rounds++
			h.publish(t, rounds)
		}
	})
	seen := map[int64]bool{}
	for i := 0; i < 20 || len(seen) < 3 && i < 200; i++ {
		h.pull(t, "bob", "--delete", "@:current/", h.path("server"))
		m := check(t, h.path("server"))
		seen[m.Generation] = true
		if names(m) != "main.orders main.people" {
			t.Errorf("tables %q", names(m))
		}
	}
	stop()
	writer.Wait()
	if len(seen) < 3 {
		t.Errorf("%d generations seen in %d rounds", len(seen), rounds)
	}
}

func TestTenAtOnce(t *testing.T) {
	h := newHouse(t)
	h.analyst(t, "bob", "main.*")
	var all sync.WaitGroup
	for i := range 10 {
		all.Go(func() {
			to := h.path("server" + string(rune('0'+i)))
			out, code := run(t, h.rsync(t, "bob", "-a", "@:current/", to))
			if code != 0 {
				t.Errorf("%d: %s", code, out)
				return
			}
			check(t, to)
		})
	}
	all.Wait()
}

// Bob's own key, for which there are all kinds of key: each kind that is taken also gets in.
func TestKindsOfKeys(t *testing.T) {
	h := newHouse(t)
	for name, kind := range map[string][]string{"rsa": {"-t", "rsa", "-b", "3072"}, "nist-a": {"-t", "ecdsa", "-b", "256"}, "nist-b": {"-t", "ecdsa", "-b", "521"}} {
		h.broker(t, "add-analyst", name, keygen(t, h.path(name), kind...))
		h.pull(t, name, "@:current/", h.path(name+"-server"))
	}
	// once the key has gone from the file, sshd itself refuses it
	h.broker(t, "remove-analyst", "rsa")
	out, code := run(t, h.rsync(t, "rsa", "-a", "@:current/", h.path("again")))
	if !strings.Contains(out, "Permission denied (publickey)") || code != 255 && code != 12 { // ssh's own, or rsync's when it sees the pipe close first
		t.Errorf("%d: %s", code, out)
	}
	info, err := os.Stat(h.path("inst/data/ssh/authorized_keys"))
	if err != nil || info.Mode().Perm() != 0o600 || time.Since(info.ModTime()) < 0 {
		t.Errorf("%v: %v", info, err)
	}
}

// A lake in an object store: its parts are fetched once, and served like those of a folder.
func TestObjectStore(t *testing.T) {
	bucket, err := url.Parse(os.Getenv("TEST_S3_URL"))
	if err != nil || bucket.Host == "" {
		if os.Getenv("CI") != "" {
			t.Fatalf("TEST_S3_URL names no bucket: %v", err)
		}
		t.Skip("TEST_S3_URL names no bucket")
	}
	bucket.Path = "/door/" + rand.Text()
	h := houseOf(t, "lake {\n  url = env(\"LAKE_URL\")\n}\n", "LAKE_URL="+bucket.String(), "AWS_ACCESS_KEY_ID="+os.Getenv("AWS_ACCESS_KEY_ID"),
		"AWS_SECRET_ACCESS_KEY="+os.Getenv("AWS_SECRET_ACCESS_KEY"))
	h.analyst(t, "bob", "main.*")
	h.publish(t, 1)
	for range 2 {
		h.pull(t, "bob", "@:current/", h.path("server"))
		if m := check(t, h.path("server")); names(m) != "main.orders main.people" {
			t.Errorf("tables %q", names(m))
		}
	}
	if said := h.pull(t, "bob", "@:current/", h.path("server")); said != "" {
		t.Errorf("a further pull moves something:\n%s", said)
	}
	if kept, err := filepath.Glob(h.path("inst/data/ssh/parts/*.parquet")); err != nil || len(kept) != 2 {
		t.Errorf("kept: %v, %v", kept, err)
	}
}

// Package script runs the real binaries as their users do: each file in testdata is one story.
package script

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/ai-data-analyst/broker/test/binaries"
)

func TestScripts(t *testing.T) {
	bin := t.TempDir()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	env, err := binaries.Build(root, bin)
	if err != nil {
		t.Fatal(err)
	}
	if err := binaries.Link(root, bin, "analyst", "broker-service-duckdb"); err != nil {
		t.Fatal(err)
	}
	short, err := os.MkdirTemp("/tmp", "s")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(short) })
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(e *testscript.Env) error {
			e.Setenv("PATH", bin+string(os.PathListSeparator)+e.Getenv("PATH"))
			e.Setenv("BIN", bin)
			own, err := os.MkdirTemp(short, "") // stories run side by side and look for what others leave
			if err != nil {
				return err
			}
			e.Setenv("TMPDIR", own)                                         // sockets need short paths
			e.Setenv("XDG_CONFIG_HOME", filepath.Join(e.WorkDir, "config")) // logins
			e.Setenv("ANALYST_KEYCHAIN", "off")
			setBucket(e)
			for _, v := range env {
				name, value, _ := strings.Cut(v, "=")
				e.Setenv(name, value)
			}
			return nil
		},
		Condition: condition,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":   exits,
			"plugins": plugins(bin),
			"await":   await,
			"address": address,
			"captive": captive,
		},
	})
}

// setBucket hands a story the bucket that TEST_S3_URL names, as LAKE_URL with a prefix of its own, and two that do not
// work.
func setBucket(e *testscript.Env) {
	u, err := url.Parse(os.Getenv("TEST_S3_URL"))
	if err != nil || u.Host == "" {
		return
	}
	u.Path = "/stories/" + rand.Text()
	e.Setenv("LAKE_URL", u.String())
	none, nobody := *u, *u
	none.Host = "no-such-bucket-here"
	e.Setenv("NO_BUCKET_URL", none.String())
	query := u.Query()
	query.Set("endpoint", "http://127.0.0.1:1") // a port that only root could take
	nobody.RawQuery = query.Encode()
	e.Setenv("NOBODY_URL", nobody.String())
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} {
		e.Setenv(name, os.Getenv(name))
	}
}

// condition says whether there is what a story needs: [s3] a bucket. In CI there must be.
func condition(name string) (bool, error) {
	if name != "s3" {
		return false, fmt.Errorf("no condition is called %s", name)
	}
	there := os.Getenv("TEST_S3_URL") != ""
	if !there && os.Getenv("CI") != "" {
		return false, errors.New("TEST_S3_URL names no bucket")
	}
	return there, nil
}

// exits runs a program and checks its exit code: exits CODE PROGRAM ARG...
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM [ARG...]")
	}
	err := ts.Exec(args[1], args[2:]...)
	got := "0"
	if err != nil {
		got = strings.TrimPrefix(err.Error(), "exit status ")
	}
	if got != args[0] {
		ts.Fatalf("%s exits with %s, want %s", strings.Join(args[1:], " "), got, args[0])
	}
}

// plugins copies plugins into a folder: plugins DIR NAME...
func plugins(bin string) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, _ bool, args []string) {
		dir := ts.MkAbs(args[0])
		ts.Check(os.MkdirAll(dir, 0o755))
		for _, name := range args[1:] {
			text, err := os.ReadFile(filepath.Join(bin, name))
			ts.Check(err)
			ts.Check(os.WriteFile(filepath.Join(dir, filepath.Base(name)), text, 0o755))
		}
	}
}

// await waits until a file has a text, for a minute at most: await FILE REGEXP
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: await FILE REGEXP")
	}
	want, err := regexp.Compile(args[1])
	ts.Check(err)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	late := time.After(time.Minute)
	for {
		text, err := os.ReadFile(ts.MkAbs(args[0]))
		if err == nil && want.Match(text) {
			return
		}
		select {
		case <-tick.C:
		case <-late:
			ts.Fatalf("%s has no %s: %s", args[0], args[1], text)
		}
	}
}

// address hands a story the address that a server wrote: address FILE VARIABLE
func address(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: address FILE VARIABLE")
	}
	await(ts, false, []string{args[0], `broker serves http://127\.0\.0\.1:\d+`})
	text := ts.ReadFile(args[0])
	ts.Setenv(args[1], strings.TrimPrefix(regexp.MustCompile(`broker serves http://127\.0\.0\.1:\d+`).FindString(text), "broker serves "))
}

// captive serves what a hotel's network answers to everything, and hands a story its address: captive VARIABLE
func captive(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: captive VARIABLE")
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, err := w.Write([]byte("<html><h1>Welcome! Sign in to use the network.</h1></html>"))
		if err != nil {
			ts.Logf("%v", err)
		}
	}))
	ts.Defer(server.Close)
	ts.Setenv(args[0], server.URL)
}

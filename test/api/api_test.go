// Package api_test asks a serving demo over HTTP, as a program of somebody else would.
package api_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/test/binaries"
	"github.com/ai-data-analyst/broker/test/demo"
)

type door struct {
	url, token string
}

// ask sends one request and decodes the answer into out when that is not nil.
func (d door) ask(t *testing.T, method, path, body string, out any) (int, []byte) {
	t.Helper()
	request, err := http.NewRequest(method, d.url+"/api/v1"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if d.token != "" {
		request.Header.Set("Authorization", "Bearer "+d.token)
	}
	request.Header.Set("Content-Type", "application/json")
	if method == "POST" && strings.HasPrefix(path, "/push?") {
		request.Header.Set("Content-Type", "application/octet-stream")
	}
	answer, err := (&http.Client{Timeout: time.Minute}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	if out != nil {
		if err := json.Unmarshal(content, out); err != nil {
			t.Fatalf("%s %s: %d %s", method, path, answer.StatusCode, content)
		}
	}
	return answer.StatusCode, content
}

func login(t *testing.T, url, email string) (door, string) {
	t.Helper()
	var issued struct{ ID, Secret string }
	if status, body := (door{url: url}).ask(t, "POST", "/login/demo", `{"email":"`+email+`"}`, &issued); status != 201 {
		t.Fatalf("login: %d %s", status, body)
	}
	return door{url, issued.Secret}, issued.ID
}

type manifest struct {
	Generation int64
	Tables     []struct {
		Name  string
		Parts []struct {
			SHA256 string
			Size   int64
		}
	}
}

// serve makes and serves a demo with a query engine, without the analyst's program.
func serve(t *testing.T) demo.Demo {
	t.Helper()
	d := build(t)
	d.Start(t)
	return d
}

// build makes the demo that serve serves.
func build(t *testing.T) demo.Demo {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	base, err := os.MkdirTemp("/tmp", "a") // sockets need short paths
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(base) })
	d := demo.Demo{Bin: filepath.Join(base, "bin"), Dir: filepath.Join(base, "demo")}
	if _, err := binaries.Build(root, d.Bin); err != nil {
		t.Fatal(err)
	}
	if err := binaries.Link(root, d.Bin, "broker-service-duckdb"); err != nil {
		t.Fatal(err)
	}
	d.Broker(t, "demo", "--dir", d.Dir, "--no-serve")
	return d
}

func TestServingDemo(t *testing.T) {
	d := serve(t)
	bob, _ := login(t, d.URL, "bob@example.com")
	ada, adas := login(t, d.URL, "ada@example.com")

	var his, hers manifest
	bob.ask(t, "GET", "/manifest", "", &his)
	ada.ask(t, "GET", "/manifest", "", &hers)
	if len(his.Tables) == 0 || len(his.Tables) >= len(hers.Tables) {
		t.Fatalf("bob has %d tables, ada %d", len(his.Tables), len(hers.Tables))
	}
	for _, table := range hers.Tables {
		for _, part := range table.Parts {
			status, content := ada.ask(t, "GET", "/parts/"+part.SHA256, "", nil)
			sum := sha256.Sum256(content)
			if status != 200 || hex.EncodeToString(sum[:]) != part.SHA256 || int64(len(content)) != part.Size {
				t.Errorf("%s: part %s: %d, %d bytes", table.Name, part.SHA256, status, len(content))
			}
			status, _ = bob.ask(t, "GET", "/parts/"+part.SHA256, "", nil)
			if (status == 200) != strings.HasPrefix(table.Name, "shop.") {
				t.Errorf("bob and a part of %s: %d", table.Name, status)
			}
		}
	}
	t.Run("query", func(t *testing.T) { query(t, bob) })
	t.Run("push", func(t *testing.T) { push(t, d, bob) })
	t.Run("described", func(t *testing.T) { described(t, d.URL, bob) })
	t.Run("events", func(t *testing.T) { events(t, d, ada, adas) })
}

func query(t *testing.T, bob door) {
	var result struct {
		Rows       [][]any
		Generation int64
	}
	status, body := bob.ask(t, "POST", "/query", `{"sql":"select count(*) from shop.orders"}`, &result)
	if status != 200 || len(result.Rows) != 1 || result.Rows[0][0] == float64(0) {
		t.Errorf("%d %s", status, body)
	}
	for sql, code := range map[string]string{"drop table shop.orders": "read_only", "select * from reference.airports": "not_found", "selec": "query", "select * from '/etc/passwd'": ""} {
		var problem struct{ Code string }
		status, body := bob.ask(t, "POST", "/query", `{"sql":"`+sql+`"}`, &problem)
		if status != 400 || code != "" && problem.Code != code {
			t.Errorf("%s: %d %s", sql, status, body)
		}
	}
	var sample struct {
		Rows   [][]*string
		Masked []string
	}
	status, body = bob.ask(t, "GET", "/tables/shop.customers/sample?rows=3", "", &sample)
	if status != 200 || len(sample.Rows) != 3 || len(sample.Masked) == 0 || bytes.Contains(body, []byte("@")) {
		t.Errorf("%d %s", status, body)
	}
}

func push(t *testing.T, d demo.Demo, bob door) {
	note := "a note\n"
	sum := sha256.Sum256([]byte(note))
	hash := hex.EncodeToString(sum[:])
	offer := fmt.Sprintf(`{"machine":"laptop","items":[{"path":"notes/n.md","size":%d,"sha256":%q}]}`, len(note), hash)
	for _, want := range []string{`"state":"want"`, `"state":"have"`} {
		if _, body := bob.ask(t, "POST", "/push", offer, nil); !strings.Contains(string(body), want) {
			t.Errorf("%s", body)
		}
		bob.ask(t, "POST", fmt.Sprintf("/push?machine=laptop&path=notes/n.md&offset=0&size=%d&sha256=%s", len(note), hash), note, nil)
	}
	found, err := filepath.Glob(filepath.Join(d.Dir, "data", "push", "*", "laptop", "notes", "n.md"))
	if err != nil || len(found) != 1 {
		t.Fatalf("%v %v", found, err)
	}
	if content, err := os.ReadFile(found[0]); err != nil || string(content) != note {
		t.Errorf("%q %v", content, err)
	}
}

// events hears of a publication, and ends with the token.
func events(t *testing.T, d demo.Demo, ada door, token string) {
	request, err := http.NewRequest("GET", d.URL+"/api/v1/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+ada.token)
	answer, err := (&http.Client{Timeout: 2 * time.Minute}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	shorten(t, filepath.Join(d.Dir, "files", "airports.csv"))
	d.Broker(t, "sync", "files", "--config", d.Dir)
	lines := bufio.NewScanner(answer.Body)
	heard := false
	for lines.Scan() {
		if !heard && strings.HasPrefix(lines.Text(), "data: ") && strings.Contains(lines.Text(), `"tables":["reference.airports"]`) { // others tell of progress
			heard = true
			if status, body := ada.ask(t, "DELETE", "/me/tokens/"+token, "", nil); status != 204 {
				t.Errorf("revoke: %d %s", status, body)
			}
		}
	}
	if !heard || lines.Err() != nil {
		t.Errorf("heard %t, %v", heard, lines.Err())
	}
	if status, _ := ada.ask(t, "GET", "/me", "", nil); status != 401 {
		t.Errorf("after the revocation: %d", status)
	}
}

// shorten takes the last line off a file that nobody writes to any more.
func shorten(t *testing.T, path string) {
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	content = content[:bytes.LastIndexByte(bytes.TrimSpace(content), '\n')+1]
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	before := time.Now().Add(-time.Minute)
	if err := os.Chtimes(path, before, before); err != nil {
		t.Fatal(err)
	}
}

package api_test

import (
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// browser is somebody who signed in to the portal of a demo.
type browser struct {
	client *http.Client
	url    string
}

var csrfField = regexp.MustCompile(`name="_csrf" value="([^"]+)"`)

func signIn(t *testing.T, address, email string) browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	b := browser{&http.Client{Jar: jar, Timeout: time.Minute}, address}
	token := csrfField.FindStringSubmatch(b.page(t, "/login", http.StatusOK))
	if token == nil {
		t.Fatal("the page of signing in has no token")
	}
	answer, err := b.client.PostForm(address+"/auth/demo", url.Values{"email": {email}, "_csrf": {html.UnescapeString(token[1])}})
	if err != nil {
		t.Fatal(err)
	}
	if err := answer.Body.Close(); err != nil || answer.StatusCode != http.StatusOK {
		t.Fatal(answer.Status, err)
	}
	return b
}

func (b browser) page(t *testing.T, path string, status int) string {
	t.Helper()
	answer, err := b.client.Get(b.url + path)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != status {
		t.Fatalf("%s: %s, want %d, %v", path, answer.Status, status, err)
	}
	return string(body)
}

// snippet is a text to copy in a page of a table.
var snippet = regexp.MustCompile(`(?s)<pre[^>]*><code>(.*?)</code></pre>`)

// TestExamplesOfTablesRun copies every statement that the pages of the demo's tables offer, and runs it.
func TestExamplesOfTablesRun(t *testing.T) {
	d := serve(t)
	bob, _ := login(t, d.URL, "bob@example.com")
	pages := signIn(t, d.URL, "bob@example.com")
	var catalog struct {
		Found  int
		Tables []struct{ Name string }
		Facets struct{ States []struct{ Value string } }
	}
	if status, body := bob.ask(t, "GET", "/catalog?page=1&q=shop", "", &catalog); status != http.StatusOK || len(catalog.Tables) < 9 || len(catalog.Facets.States) == 0 {
		t.Fatalf("%d %s", status, body)
	}
	ran := 0
	for _, table := range catalog.Tables {
		for _, found := range snippet.FindAllStringSubmatch(pages.page(t, "/t/"+table.Name, http.StatusOK), -1) {
			sql := html.UnescapeString(found[1])
			if !strings.HasPrefix(sql, "SELECT") {
				continue
			}
			ask, err := json.Marshal(map[string]string{"sql": strings.TrimSuffix(sql, ";")})
			if err != nil {
				t.Fatal(err)
			}
			if status, body := bob.ask(t, "POST", "/query", string(ask), nil); status != http.StatusOK {
				t.Errorf("%s: %d %s\n%s", table.Name, status, body, sql)
			}
			ran++
		}
	}
	if ran < len(catalog.Tables) {
		t.Errorf("%d statements for %d tables", ran, len(catalog.Tables))
	}
}

// TestG12_DefinitionsAreForWhoSeesTheirTables has definitions of tables that Bob may read, and of one that he may not.
func TestG12_DefinitionsAreForWhoSeesTheirTables(t *testing.T) {
	d := build(t)
	for name, text := range map[string]string{
		"revenue": "name: revenue\ndescription: Money from orders.\ntable: shop.orders\nsql: SELECT sum(total_amount) FROM shop.orders\n",
		"hidden":  "name: hidden\ndescription: Of a file.\ntable: shop.orders\nsql: SELECT count(*) FROM reference.airports\n",
		"broken":  "name: broken\ndescription: Of orders.\ntable: shop.orders\nsql: SELEKT 1\n",
	} {
		if err := os.MkdirAll(filepath.Join(d.Dir, "metrics", "finance"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(d.Dir, "metrics", "finance", name+".yml"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if said := d.Broker(t, "metrics", "check", "--config", d.Dir, "--json"); !strings.Contains(said, `"files": 3`) {
		t.Errorf("metrics check: %s", said)
	}
	d.Start(t)
	for who, want := range map[string]int{"ada@example.com": 3, "bob@example.com": 2} {
		caller, _ := login(t, d.URL, who)
		var list struct{ Definitions []struct{ Name string } }
		if status, body := caller.ask(t, "GET", "/metrics-definitions", "", &list); status != http.StatusOK || len(list.Definitions) != want {
			t.Errorf("%s: %d %s", who, status, body)
		}
		status, _ := caller.ask(t, "GET", "/metrics-definitions/hidden", "", nil)
		if seen := status == http.StatusOK; seen != (want == 3) || !seen && status != http.StatusNotFound {
			t.Errorf("%s: the hidden one answers %d", who, status)
		}
		if text := llms(t, d.URL, caller.token); !strings.Contains(text, "shop.orders") || strings.Contains(text, "/definitions/hidden") != (want == 3) || strings.Contains(text, "reference.airports") != (want == 3) {
			t.Errorf("%s: %s", who, text)
		}
	}
	if text := llms(t, d.URL, "wrong"); strings.Contains(text, "shop") {
		t.Error("llms.txt is open to everybody")
	}
}

func llms(t *testing.T, address, token string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address+"/llms.txt", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", fmt.Sprintf("Bearer %s", token))
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

package signin_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/ai-data-analyst/broker/test/demo"
)

const verifier = "kX9v-verifier-kX9v-verifier-kX9v-verifier-kX9v"

// tokens is what a program gets.
type tokens struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
	ID      string `json:"id"`
	User    string `json:"user"`
}

// ask sends JSON, as a program does, without cookies.
func ask(t *testing.T, method, address, bearer string, body any) (int, string) {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	} else {
		r.Body = http.NoBody
	}
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	whole, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(whole)
}

// letIn agrees in the browser and returns the tokens that the program gets.
func letIn(t *testing.T, d demo.Demo, b browser) tokens {
	t.Helper()
	sum := sha256.Sum256([]byte(verifier))
	query := url.Values{"provider": {"desktop"}, "challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "state": {"s1"}}
	page, _ := b.get("/connect?" + query.Encode())
	if policy := page.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "form-action 'self' acme-data:") {
		t.Errorf("policy %q", policy)
	}
	answer, body := b.post("/connect?"+query.Encode(), "/connect", query)
	opened, err := url.Parse(answer.Header.Get("Location"))
	if err != nil || opened.Scheme != "acme-data" || opened.Query().Get("state") != "s1" {
		t.Fatalf("%d %q %s", answer.StatusCode, answer.Header.Get("Location"), body)
	}
	login := map[string]string{"provider": "desktop", "code": opened.Query().Get("code"), "verifier": verifier, "label": "desktop app"}
	status, text := ask(t, "POST", d.URL+"/api/v1/login/program", "", login)
	var got tokens
	if err := json.Unmarshal([]byte(text), &got); err != nil || status != 201 || got.User != "bob@acme.com" {
		t.Fatalf("%d %s", status, text)
	}
	if status, _ := ask(t, "POST", d.URL+"/api/v1/login/program", "", login); status != 401 {
		t.Errorf("a code twice: %d", status)
	}
	return got
}

func TestL14_AProgramOnADesktop(t *testing.T) {
	i := newIssuer(t)
	d := serve(t, i)
	bob := newBrowser(t, d)
	if _, login := bob.get("/login"); strings.Contains(login, "/auth/desktop") {
		t.Error("the login page offers what no browser can use")
	}
	if status := bob.signIn(i, "1", "bob@acme.com"); status != 303 {
		t.Fatalf("sign in: %d", status)
	}
	me := func(token string) int {
		t.Helper()
		status, _ := ask(t, "GET", d.URL+"/api/v1/me", token, nil)
		return status
	}
	renew := func(token string) (int, tokens) {
		t.Helper()
		status, text := ask(t, "POST", d.URL+"/api/v1/login/program/refresh", "", map[string]string{"provider": "desktop", "refresh_token": token})
		var next tokens
		if err := json.Unmarshal([]byte(text), &next); err != nil {
			t.Fatal(err)
		}
		return status, next
	}
	first := letIn(t, d, bob)
	if status, text := ask(t, "GET", d.URL+"/api/v1/me", first.Access, nil); status != 200 || !strings.Contains(text, `"provider":"desktop"`) || !strings.Contains(text, "bob@acme.com") {
		t.Fatalf("%d %s", status, text)
	}
	if status, _ := ask(t, "GET", d.URL+"/api/v1/admin/people", first.Access, nil); status == 200 {
		t.Error("a program administers")
	}
	status, second := renew(first.Refresh)
	if status != 200 || me(second.Access) != 200 {
		t.Fatalf("renew: %d", status)
	}
	for name, token := range map[string]string{"a refresh token": second.Refresh, "one cut off": second.Access[:len(second.Access)-3], "none": "a.b.c", "of nobody": "eyJhbGciOiJub25lIn0.e30."} {
		if status := me(token); status != 401 {
			t.Errorf("%s: %d", name, status)
		}
	}
	// A replay ends the family at once, also what was just seen to be good.
	if status, _ := renew(first.Refresh); status != 401 || me(second.Access) != 401 {
		t.Errorf("after a replay: %d, then %d", status, me(second.Access))
	}
	// The person signs a program out; being shut out ends all, and being let in again brings none back.
	third := letIn(t, d, bob)
	if status, text := ask(t, "DELETE", d.URL+"/api/v1/me/tokens/"+third.ID, third.Access, nil); status != 204 || me(third.Access) != 401 {
		t.Errorf("signed out: %d %s", status, text)
	}
	fourth := letIn(t, d, bob)
	d.Broker(t, "users", "disable", "bob@acme.com", "--config", d.Dir)
	d.Broker(t, "users", "enable", "bob@acme.com", "--config", d.Dir)
	if status, _ := renew(fourth.Refresh); status != 401 || me(fourth.Access) != 401 {
		t.Errorf("after being shut out: %d", status)
	}
	audit := d.Broker(t, "audit", "list", "--config", d.Dir)
	for _, action := range []string{"signin", "tokens.create", "tokens.replay"} {
		if !strings.Contains(audit, action) {
			t.Errorf("the audit log says nothing of %s:\n%s", action, audit)
		}
	}
}

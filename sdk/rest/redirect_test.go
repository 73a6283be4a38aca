package rest_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/sdk/rest"
)

func TestRedirectsDropCredentialsOnAnotherHost(t *testing.T) {
	var got http.Header
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header }))
	t.Cleanup(other.Close)
	c, _ := client(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		switch r.URL.Path {
		case "/v1/away":
			http.Redirect(w, r, other.URL, http.StatusFound)
		case "/v1/here":
			http.Redirect(w, r, "/v1/end", http.StatusFound)
		default:
			got = r.Header
		}
	})
	c.Auth = rest.Basic("ada", "s3cr3t")
	c.Header = http.Header{"X-Api-Token": {"s3cr3t"}}
	for path, want := range map[string]bool{"here": true, "away": false, other.URL: false} {
		got = nil
		if _, err := c.Do(t.Context(), rest.Request{Path: path}); err != nil {
			t.Fatal(err)
		}
		if has := got.Get("X-Api-Token") != "" || got.Get("Authorization") != ""; has != want {
			t.Errorf("%s: credentials are sent = %t, want %t", path, has, want)
		}
	}
}

func TestRedirectsAreBoundedAndKeepBodiesAtHome(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the body left home") }))
	t.Cleanup(other.Close)
	var method, body string
	c, _ := client(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		switch r.URL.Path {
		case "/v1/loop":
			http.Redirect(w, r, "/v1/loop", http.StatusFound)
		case "/v1/file":
			w.Header().Set("Location", "file:///etc/passwd")
			w.WriteHeader(302)
		case "/v1/away":
			http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
		case "/v1/keep":
			http.Redirect(w, r, "/v1/end", http.StatusPermanentRedirect)
		case "/v1/see":
			http.Redirect(w, r, "/v1/end", http.StatusSeeOther)
		default:
			text, _ := io.ReadAll(r.Body)
			method, body = r.Method, string(text)
		}
	})
	for _, path := range []string{"loop", "file"} {
		_, err := c.Do(t.Context(), rest.Request{Path: path})
		wantCode(t, err, fault.Data)
	}
	_, err := c.Do(t.Context(), rest.Request{Method: "POST", Path: "away", Body: 1})
	wantCode(t, err, fault.Data)
	for path, want := range map[string]string{"keep": "POST 1", "see": "GET "} {
		if _, err := c.Do(t.Context(), rest.Request{Method: "POST", Path: path, Body: 1}); err != nil {
			t.Fatal(err)
		}
		if got := method + " " + body; got != want {
			t.Errorf("%s arrives as %q, want %q", path, got, want)
		}
	}
}

func TestD21_PrivateAddressesAreRefused(t *testing.T) {
	c, _ := client(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		http.Redirect(w, r, "http://169.254.169.254/latest/meta-data/", http.StatusFound)
	})
	_, err := c.Do(t.Context(), rest.Request{})
	if f := wantCode(t, err, fault.Permission); !strings.Contains(f.What, "169.254.169.254") {
		t.Errorf("got %q", f.What)
	}
	for _, host := range []string{"127.0.0.1", "[::1]", "10.1.2.3", "192.168.0.1", "0.0.0.0", "100.64.0.1", "[fe80::1]", "[::ffff:127.0.0.1]", "[fd00::1]"} {
		guarded := &rest.Client{BaseURL: fmt.Sprintf("http://%s:1", host), BlockPrivate: true}
		_, err := guarded.Do(t.Context(), rest.Request{})
		wantCode(t, err, fault.Permission)
	}
}

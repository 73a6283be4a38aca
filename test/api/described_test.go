package api_test

import (
	"regexp"
	"strings"
	"testing"
)

// described checks the document that a running server gives against what it does: every door is there, asks for a
// credential unless it is public, and those of administrators do not open to others.
func described(t *testing.T, url string, bob door) {
	var document struct {
		Paths map[string]map[string]struct {
			Permission string `json:"x-permission"`
		}
	}
	if status, body := (door{url: url}).ask(t, "GET", "/openapi.json", "", &document); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	for _, path := range []string{"/manifest", "/parts/{sha256}", "/query", "/me/sessions", "/me/sessions/{id}", "/tables/{name}"} {
		if document.Paths["/api/v1"+path] == nil {
			t.Errorf("%s is not described", path)
		}
	}
	parameter := regexp.MustCompile(`\{[^}]*\}`)
	for described, operations := range document.Paths {
		path := parameter.ReplaceAllString(strings.TrimPrefix(described, "/api/v1"), "x")
		for method, operation := range operations {
			method = strings.ToUpper(method)
			switch operation.Permission {
			case "public":
				continue
			case "user", "table", "admin":
			default:
				t.Errorf("%s %s: x-permission is %q", method, described, operation.Permission)
			}
			if status, _ := (door{url: url}).ask(t, method, path, "{}", nil); status != 401 && status != 429 { // many strangers from one address
				t.Errorf("%s %s answers a stranger with %d", method, described, status)
			}
			if operation.Permission != "admin" {
				continue
			}
			if status, body := bob.ask(t, method, path, "{}", nil); status != 403 {
				t.Errorf("%s %s answers bob with %d %s", method, described, status, body)
			}
		}
	}
}

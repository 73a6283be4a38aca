package web_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/v1"
)

// routes are those of the table, as the server has them.
func routes(t *testing.T) []v1.Route {
	t.Helper()
	w := newWorld(t)
	a, err := v1.New(v1.Host{Access: w, SignIn: w, Manifests: w, Events: w, Inbox: w, Queries: w})
	if err != nil {
		t.Fatal(err)
	}
	return a.Routes()
}

var placeholder = regexp.MustCompile(`:[a-z0-9]+`)

// requestID differs in every answer.
var requestID = regexp.MustCompile(`"instance":"[0-9a-f]*"`)

func anonymised(body string) string { return requestID.ReplaceAllString(body, "") }

// G12: users × tables × doors. Every door of the table, for every person and for good, bad and no credentials.
func TestEveryDoorForEverybody(t *testing.T) {
	s := serve(t, nil)
	tokens := []string{"", "wrong", "ada", "bob", "eve", "pusher"}
	for _, route := range routes(t) {
		if route.Path == "/events" {
			continue // a stream: TestEvents…
		}
		for _, table := range append(slices.Clone(everyTable), "no.such", "NOT A NAME") {
			hash, _ := s.partOf(table)
			if hash == "" {
				hash = strings.Repeat("0", 64)
			}
			path := strings.NewReplacer(":name", strings.ReplaceAll(table, " ", "%20"), ":sha256", hash, ":id", "other").Replace(api.Prefix + route.Path)
			var absent string
			for _, token := range tokens {
				at := fmt.Sprintf("%s %s as %q", route.Method, path, token)
				s.mu.Lock()
				s.asked = nil
				s.mu.Unlock()
				body := ""
				if route.Method == "POST" {
					body = "{}"
				}
				answer, text := s.call(t, route.Method, path, token, body)
				if route.Permission == v1.ForAll {
					if answer.StatusCode == 401 && route.Path != "/login/demo" && route.Path != "/login/token" {
						t.Errorf("%s: 401 at a public door", at)
					}
					continue
				}
				if token == "" || token == "wrong" {
					if answer.StatusCode != 401 || !strings.HasPrefix(answer.Header.Get("WWW-Authenticate"), "Bearer") {
						t.Errorf("%s: %d", at, answer.StatusCode)
					}
					if len(s.asked) > 0 {
						t.Errorf("%s: looked up %v before asking for credentials", at, s.asked)
					}
					continue
				}
				if route.Scope != "" && !s.people[token].caller.May(route.Scope) {
					if answer.StatusCode != 403 {
						t.Errorf("%s: %d without the scope", at, answer.StatusCode)
					}
					continue
				}
				if answer.StatusCode == 401 || answer.StatusCode == 403 || answer.StatusCode == 500 {
					t.Errorf("%s: %d %s", at, answer.StatusCode, text)
				}
				if !strings.Contains(route.Path, ":name") && !strings.Contains(route.Path, ":sha256") {
					continue
				}
				if granted := slices.Contains(s.people[token].tables, table); granted != (answer.StatusCode != 404) {
					t.Errorf("%s: %d", at, answer.StatusCode)
				}
				if answer.StatusCode == 404 {
					if absent == "" {
						_, absent = s.call(t, "GET", api.Prefix+"/parts/"+strings.Repeat("f", 64), "ada", "")
					}
					if anonymised(text) != anonymised(absent) {
						t.Errorf("%s: a denied table can be told from an absent one:\n%s\n%s", at, text, absent)
					}
				}
			}
		}
	}
}

// What lists things shows those of the caller.
func TestListsAreNarrowed(t *testing.T) {
	s := serve(t, nil)
	for _, path := range []string{"/manifest", "/catalog", "/changes"} {
		for token, p := range s.people {
			if token == "pusher" {
				continue
			}
			_, body := s.call(t, "GET", api.Prefix+path, token, "")
			for _, table := range everyTable {
				if strings.Contains(body, table) != slices.Contains(p.tables, table) {
					t.Errorf("%s as %s: %s", path, token, body)
				}
			}
		}
	}
}

func TestUnknownPathsAskForCredentialsToo(t *testing.T) {
	s := serve(t, nil)
	for _, path := range []string{"/nothing", "/tables", "/tables/shop.orders/more", "/admin/users", ""} {
		if answer, _ := s.call(t, "GET", api.Prefix+path, "", ""); answer.StatusCode != 401 {
			t.Errorf("%q without credentials: %d", path, answer.StatusCode)
		}
		if answer, _ := s.call(t, "GET", api.Prefix+path, "ada", ""); answer.StatusCode != 404 {
			t.Errorf("%q: %d", path, answer.StatusCode)
		}
	}
	answer, _ := s.call(t, "DELETE", api.Prefix+"/manifest", "ada", "")
	if answer.StatusCode != 405 || answer.Header.Get("Allow") != "GET" {
		t.Errorf("%d, Allow %q", answer.StatusCode, answer.Header.Get("Allow"))
	}
	if answer, _ := s.call(t, "GET", api.Prefix+"/mcp", "ada", ""); answer.StatusCode != 405 {
		t.Errorf("GET /mcp: %d", answer.StatusCode)
	}
}

// The OpenAPI document, the table of routes and the router are one.
func TestOpenAPIDescribesWhatIsServed(t *testing.T) {
	s := serve(t, nil)
	answer, body := s.call(t, "GET", api.Prefix+"/openapi.json", "", "")
	if answer.StatusCode != 200 {
		t.Fatal(answer.StatusCode)
	}
	var document struct {
		OpenAPI    string
		Paths      map[string]map[string]map[string]any
		Components struct {
			Schemas map[string]struct {
				Description string
				Properties  map[string]map[string]any
			}
		}
	}
	if err := json.Unmarshal([]byte(body), &document); err != nil {
		t.Fatal(err)
	}
	described := 0
	for _, route := range routes(t) {
		path := placeholder.ReplaceAllStringFunc(api.Prefix+route.Path, func(p string) string { return "{" + p[1:] + "}" })
		operation := document.Paths[path][strings.ToLower(route.Method)]
		if operation == nil {
			t.Errorf("%s %s is not described", route.Method, path)
			continue
		}
		described++
		if operation["x-permission"] != string(route.Permission) || operation["summary"] == "" || operation["operationId"] == "" {
			t.Errorf("%s %s: %v", route.Method, path, operation)
		}
		if _, secured := operation["security"]; secured != (route.Permission != v1.ForAll) {
			t.Errorf("%s %s: security %v", route.Method, path, operation["security"])
		}
	}
	for path, methods := range document.Paths {
		described -= len(methods)
		if !strings.HasPrefix(path, api.Prefix+"/") {
			t.Errorf("described: %s", path)
		}
	}
	if described != 0 {
		t.Errorf("%d operations more or less than routes", described)
	}
	for name, schema := range document.Components.Schemas {
		if schema.Description == "" {
			t.Errorf("%s has no description", name)
		}
		for field, property := range schema.Properties {
			if property["description"] == nil {
				t.Errorf("%s.%s has no description", name, field)
			}
		}
	}
	for _, kind := range []any{api.Manifest{}, api.Table{}, api.Column{}, api.Catalog{}, api.TableDetail{}, api.Sample{}, api.Changes{}, api.Query{}, api.Result{}, api.Me{},
		api.NewToken{}, api.IssuedToken{}, api.LoginOptions{}, api.DeviceLogin{}, api.PushOffer{}, api.PushItem{}, api.PushAnswer{}, api.Problem{}, api.Keys{}, api.Key{}} {
		name := reflect.TypeOf(kind).Name()
		schema, ok := document.Components.Schemas[name]
		if !ok {
			t.Errorf("%s is not described", name)
			continue
		}
		for _, field := range members(reflect.TypeOf(kind)) {
			if property := schema.Properties[field]; property == nil {
				t.Errorf("%s.%s is not described", name, field)
			}
		}
	}
}

// members are the JSON names of a struct.
func members(t reflect.Type) []string {
	var names []string
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			names = append(names, members(f.Type)...)
		case name != "" && name != "-":
			names = append(names, name)
		}
	}
	return names
}

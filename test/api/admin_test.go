package api_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

type discovery struct {
	Version string
	Streams []struct {
		Name, Table string
		Registered  bool
		Columns     []struct{ Name, Type string }
	}
}

// TestATableIsRegistered walks from a file nobody described to a published table with a name, through the doors of admins.
func TestATableIsRegistered(t *testing.T) {
	d := serve(t)
	admin := door{d.URL, strings.TrimSpace(d.Broker(t, "tokens", "create", "ada@example.com", "--scopes", "read,admin", "--config", d.Dir))}
	bob, _ := login(t, d.URL, "bob@example.com")
	text := "ticket,mail,amount\nT-1,eve@example.com,3\nT-2,<script>alert(1)</script>,4\n"
	if err := os.WriteFile(filepath.Join(d.Dir, "files", "new_tickets.csv"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/admin/sources/files/streams", "/admin/people", "/admin/storage", "/admin/health"} {
		if status, body := bob.ask(t, "GET", path, "", nil); status != 403 {
			t.Errorf("%s for a standard user: %d %s", path, status, body)
		}
	}
	look := func() (found discovery) {
		t.Helper()
		if status, body := admin.ask(t, "GET", "/admin/sources/files/streams", "", &found); status != 200 {
			t.Fatalf("%d %s", status, body)
		}
		return found
	}
	first := look()
	if len(first.Streams) != 2 || first.Streams[1].Name != "new_tickets" || first.Streams[1].Registered || first.Streams[1].Table != "main.new_tickets" {
		t.Fatalf("%+v", first)
	}
	var preview struct{ Rows [][]*string }
	if status, body := admin.ask(t, "GET", "/admin/sources/files/streams/new_tickets?rows=1", "", &preview); status != 200 || len(preview.Rows) != 1 || *preview.Rows[0][0] != "T-1" {
		t.Fatalf("%d %s", status, body)
	}
	register := func(version, member string) (int, []byte) {
		return admin.ask(t, "POST", "/admin/tables", fmt.Sprintf(`{"source":"files","version":%q,"tables":[{"stream":"new_tickets","folder":"desk","name":"tickets",
			"description":"One row a ticket; \u0060\u0060\u0060 <b>not markup</b>"%s}]}`, version, member), nil)
	}
	before, err := os.ReadFile(filepath.Join(d.Dir, "data_description.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, wrong := range []struct {
		version, member string
		status          int
	}{{"", "", 409}, {first.Version, `,"primary_key":["nothing"]`, 400}, {first.Version, `,"strategy":"sometimes"`, 400}} {
		if status, body := register(wrong.version, wrong.member); status != wrong.status {
			t.Errorf("%q %q: %d %s", wrong.version, wrong.member, status, body)
		}
	}
	if after, err := os.ReadFile(filepath.Join(d.Dir, "data_description.md")); err != nil || string(after) != string(before) {
		t.Fatalf("a refused registration changed the file: %v", err)
	}
	if status, body := register(first.Version, `,"primary_key":["ticket"],"pii":["mail"]`); status != 201 {
		t.Fatalf("%d %s", status, body)
	}
	if status, body := register(first.Version, ""); status != 400 && status != 409 {
		t.Errorf("registered twice: %d %s", status, body)
	}
	if now := look(); !now.Streams[1].Registered || now.Streams[1].Table != "desk.tickets" || now.Version == first.Version {
		t.Errorf("%+v", now)
	}
	d.Broker(t, "sync", "files", "--config", d.Dir)
	var table struct {
		PrimaryKey []string `json:"primary_key"`
		Rows       int64
		Fields     []struct {
			Name string
			PII  bool
		}
	}
	if status, body := admin.ask(t, "GET", "/tables/desk.tickets", "", &table); status != 200 || table.Rows != 2 || len(table.PrimaryKey) != 1 || !table.Fields[1].PII {
		t.Errorf("%d %s", status, body)
	}
	var doc map[string]any
	if status, body := admin.ask(t, "GET", "/tables/desk.tickets", "", &doc); status != 200 || doc["description"] != "One row a ticket; ``` <b>not markup</b>" {
		text, _ := json.Marshal(doc["description"])
		t.Errorf("%d %s %s", status, text, body)
	}
}

// TestChoicesNarrowTheManifest: what a person does not take is in no manifest and no document of theirs; queries and parts
// stay open, and a choice changes the tag, never the generation.
func TestChoicesNarrowTheManifest(t *testing.T) {
	d := serve(t)
	bob, _ := login(t, d.URL, "bob@example.com")
	names := func() (names []string, generation int64, docs int) {
		t.Helper()
		var m struct {
			manifest
			Docs []struct{ SHA256, Path string }
		}
		if status, body := bob.ask(t, "GET", "/manifest", "", &m); status != 200 {
			t.Fatalf("%d %s", status, body)
		}
		for _, doc := range m.Docs {
			status, body := bob.ask(t, "GET", "/parts/"+doc.SHA256, "", nil)
			if status != 200 {
				t.Errorf("%s: %d", doc.Path, status)
			}
			if len(m.Tables) == 1 && strings.Contains(string(body), "web_sessions") {
				t.Errorf("%s speaks of a table that is not taken", doc.Path)
			}
		}
		for _, table := range m.Tables {
			names = append(names, table.Name)
		}
		return names, m.Generation, len(m.Docs)
	}
	all, generation, _ := names()
	if len(all) != 9 {
		t.Fatalf("%q", all)
	}
	var whole manifest
	bob.ask(t, "GET", "/manifest", "", &whole)
	if status, body := bob.ask(t, "PUT", "/me/subscriptions", `{"mode":"explicit","tables":["shop.orders"]}`, nil); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	one, same, docs := names()
	if len(one) != 1 || one[0] != "shop.orders" || same != generation || docs == 0 {
		t.Errorf("%q of generation %d, %d documents", one, same, docs)
	}
	for _, table := range whole.Tables {
		if status, _ := bob.ask(t, "GET", "/parts/"+table.Parts[0].SHA256, "", nil); status != 200 {
			t.Errorf("a part of %s, which is granted: %d", table.Name, status)
		}
	}
	if status, body := bob.ask(t, "POST", "/query", `{"sql":"select count(*) from shop.customers"}`, nil); status != 200 {
		t.Errorf("%d %s", status, body)
	}
	if status, _ := bob.ask(t, "PUT", "/me/subscriptions", `{"mode":"explicit","tables":["reference.airports"]}`, nil); status != 400 {
		t.Errorf("a table that is not granted: %d", status)
	}
	if status, _ := bob.ask(t, "PUT", "/me/subscriptions", `{"mode":"all","tables":[]}`, nil); status != 200 {
		t.Error(status)
	}
	if back, _, _ := names(); len(back) != 9 {
		t.Errorf("%q", back)
	}
}

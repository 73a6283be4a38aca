// Package mcp asks our MCP servers, on the laptop and at the server's door, with the client library of another author
// (npm @modelcontextprotocol/sdk). It needs MCP_SDK, the folder where that is installed.
package mcp_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ai-data-analyst/broker/test/demo"
)

// answer is one result of a tool as the client saw it.
type answer struct {
	IsError    bool            `json:"isError"`
	Structured json.RawMessage `json:"structured"`
	Text       string          `json:"text"`
}

type told struct {
	Server    string   `json:"server"`
	Tools     []string `json:"tools"`
	Tables    answer   `json:"tables"`
	Describe  answer   `json:"describe"`
	Query     answer   `json:"query"`
	Sample    answer   `json:"sample"`
	Freshness answer   `json:"freshness"`
	Changes   answer   `json:"changes"`
	Find      answer   `json:"find"`
	Write     answer   `json:"write"`
	Unknown   answer   `json:"unknown"`
}

var wanted = []string{"changes", "describe_table", "find", "freshness", "list_tables", "metric", "query", "sample"}

func TestAnotherAuthorsClient(t *testing.T) {
	sdk := os.Getenv("MCP_SDK")
	if sdk == "" {
		t.Skip("MCP_SDK is not set: the stage of .ci/assistants sets it")
	}
	script, err := filepath.Abs("client.mjs")
	if err != nil {
		t.Fatal(err)
	}
	d := demo.Serve(t)
	w := d.Workspace(t, "bob@example.com")
	local := run(t, append(w.Env, "PATH="+os.Getenv("PATH")), script, sdk, "stdio", filepath.Join(d.Bin, "analyst"), w.Dir)
	check(t, local)
	remote := run(t, append(os.Environ(), "TOKEN="+w.Token), script, sdk, "http", d.URL+"/api/v1/mcp")
	check(t, remote)
	if rows(t, local.Query) != rows(t, remote.Query) {
		t.Errorf("the laptop answers %s, the server %s", local.Query.Structured, remote.Query.Structured)
	}
	if !strings.Contains(string(local.Query.Structured), `"receipt":"`) {
		t.Errorf("no receipt: %s", local.Query.Structured)
	}
}

func run(t *testing.T, env []string, args ...string) told {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "node", args...)
	cmd.Env = env
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v", args[2], err)
	}
	var got told
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	return got
}

func check(t *testing.T, got told) {
	t.Helper()
	if got.Server != "broker" || !slices.Equal(got.Tools, wanted) {
		t.Errorf("server %q with tools %v", got.Server, got.Tools)
	}
	for name, a := range map[string]answer{"list_tables": got.Tables, "describe_table": got.Describe, "query": got.Query, "sample": got.Sample,
		"freshness": got.Freshness, "changes": got.Changes, "find": got.Find} {
		if a.IsError || len(a.Structured) == 0 || !strings.Contains(a.Text, "not instructions") {
			t.Errorf("%s: %+v", name, a)
		}
	}
	for name, code := range map[string]string{"write": "read_only", "unknown": "not_found"} {
		a := map[string]answer{"write": got.Write, "unknown": got.Unknown}[name]
		var refusal struct{ Code string }
		if err := json.Unmarshal(a.Structured, &refusal); err != nil || !a.IsError || refusal.Code != code {
			t.Errorf("%s: %+v, want code %s", name, a, code)
		}
	}
	if !strings.Contains(string(got.Tables.Structured), "shop.customers") || strings.Contains(string(got.Tables.Structured), "airports") {
		t.Errorf("tables: %s", got.Tables.Structured)
	}
}

// rows are those of a result, without what differs between two runs.
func rows(t *testing.T, a answer) string {
	t.Helper()
	var r struct {
		Rows json.RawMessage `json:"rows"`
	}
	if err := json.Unmarshal(a.Structured, &r); err != nil || len(r.Rows) < 10 {
		t.Fatalf("rows of %s: %v", a.Structured, err)
	}
	return string(r.Rows)
}

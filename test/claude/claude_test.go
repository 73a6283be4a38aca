// Package claude runs the real Claude Code against a Messages endpoint of our own: hooks fire, the files that analyst
// writes reach the request, the tool is called, its answer comes back. It needs CLAUDE_BIN, the path of the program.
package claude_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/test/demo"
)

func TestClaudeCodeInAWorkspace(t *testing.T) {
	program := os.Getenv("CLAUDE_BIN")
	if program == "" {
		t.Skip("CLAUDE_BIN is not set: the stage of .ci/assistants sets it")
	}
	d := demo.Serve(t)
	w := d.Workspace(t, "bob@example.com")

	m := &model{turns: []turn{
		func(string) *call {
			return &call{"mcp__broker__query", map[string]any{"sql": "select segment, count(*) as n from customers group by 1 order by 1"}}
		},
		func(string) *call {
			return &call{"Write", map[string]any{"file_path": filepath.Join(w.Dir, "server", "docs", "new.md"), "content": "x"}}
		},
		func(string) *call {
			return &call{"Bash", map[string]any{"command": "echo x > server/docs/new.md", "description": "write"}}
		},
	}}
	home := t.TempDir()
	trusted := fmt.Sprintf(`{"hasCompletedOnboarding":true,"projects":{%q:{"hasTrustDialogAccepted":true,"enabledMcpjsonServers":["broker"]}}}`, w.Dir)
	if err := os.WriteFile(filepath.Join(home, ".claude.json"), []byte(trusted), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, "-p", "How many customers are in each segment?", "--output-format", "json", "--permission-mode", "acceptEdits")
	cmd.Dir = w.Dir
	cmd.Env = append(w.Env, "HOME="+home, "ANTHROPIC_API_KEY=none", "ANTHROPIC_BASE_URL="+m.serve(t), "DISABLE_AUTOUPDATER=1",
		"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("claude: %v\n%s", err, out)
	}
	var result struct {
		Result    string `json:"result"`
		SessionID string `json:"session_id"`
		IsError   bool   `json:"is_error"`
	}
	if err := json.Unmarshal(out, &result); err != nil || result.IsError || result.Result != "The end." {
		t.Fatalf("result %s, %v", out, err)
	}
	if len(m.sent) != 4 {
		t.Fatalf("%d requests, want 4", len(m.sent))
	}
	contains(t, "the first request", m.sent[0], "a verified copy of the company data", "Asking the data", "data: generation ", "up to date",
		"Notes of bob@example.com", "mcp__broker__query", "mcp__broker__describe_table")
	contains(t, "the answer of the query", last(t, m.sent[1]), "segment", "receipt", "generation")
	contains(t, "the answer to a write", last(t, m.sent[2]), "server")
	contains(t, "the answer to a redirection", last(t, m.sent[3]), "server/ is the verified copy")
	if _, err := os.Stat(filepath.Join(w.Dir, "server", "docs", "new.md")); err == nil {
		t.Error("a file was written under server/")
	}
	collected(t, filepath.Join(w.Dir, "user", "sessions", result.SessionID+".jsonl"))
}

// last is the last message of a request: the result of a tool.
func last(t *testing.T, request string) string {
	t.Helper()
	var r struct {
		Messages []json.RawMessage `json:"messages"`
	}
	if err := json.Unmarshal([]byte(request), &r); err != nil || len(r.Messages) == 0 {
		t.Fatalf("a request without messages: %v", err)
	}
	return string(r.Messages[len(r.Messages)-1])
}

func contains(t *testing.T, what, text string, wanted ...string) {
	t.Helper()
	for _, w := range wanted {
		if !strings.Contains(text, w) {
			t.Errorf("%s lacks %q", what, w)
			if len(text) < 4000 {
				t.Log(text)
			}
		}
	}
}

// collected waits until the transcript was copied by the detached process that the end of the session left behind.
func collected(t *testing.T, path string) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		text, err := os.ReadFile(path)
		if err == nil && strings.Contains(string(text), "How many customers") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the transcript was not collected: %v", err)
		}
	}
}

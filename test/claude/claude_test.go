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

// claude is the program with a person's home.
type claude struct{ program, home string }

// install finds the program and makes a home; trusted says that the person has trusted the folder and approved our server.
func install(t *testing.T, w demo.Workspace, trusted bool) claude {
	t.Helper()
	c := claude{os.Getenv("CLAUDE_BIN"), t.TempDir()}
	if trusted {
		state := fmt.Sprintf(`{"hasCompletedOnboarding":true,"projects":{%q:{"hasTrustDialogAccepted":true,"enabledMcpjsonServers":["broker"]}}}`, w.Dir)
		if err := os.WriteFile(filepath.Join(c.home, ".claude.json"), []byte(state), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func (c claude) run(t *testing.T, w demo.Workspace, url string, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), c.program, args...)
	cmd.Dir = w.Dir
	cmd.Env = append(w.Env, "HOME="+c.home, "ANTHROPIC_API_KEY=none", "ANTHROPIC_BASE_URL="+url, "DISABLE_AUTOUPDATER=1", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("claude: %v\n%s", err, out)
	}
	return out
}

// session asks one question without a terminal, and returns what was sent to the model and the session's id.
func (c claude) session(t *testing.T, w demo.Workspace, turns ...turn) ([]string, string) {
	t.Helper()
	m := &model{turns: turns}
	out := c.run(t, w, m.serve(t), "-p", "How many customers are in each segment?", "--output-format", "json", "--permission-mode", "acceptEdits")
	var result struct {
		Result    string `json:"result"`
		SessionID string `json:"session_id"`
		IsError   bool   `json:"is_error"`
	}
	if err := json.Unmarshal(out, &result); err != nil || result.IsError || result.Result != "The end." {
		t.Fatalf("result %s, %v", out, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.sent) != len(turns)+1 {
		t.Fatalf("%d requests, want %d", len(m.sent), len(turns)+1)
	}
	return m.sent, result.SessionID
}

func use(tool string, input map[string]any) turn {
	return func(string) *call { return &call{tool, input} }
}

func TestClaudeCodeInAWorkspace(t *testing.T) {
	if os.Getenv("CLAUDE_BIN") == "" {
		t.Skip("CLAUDE_BIN is not set: the stage of .ci/assistants sets it")
	}
	d := demo.Serve(t)
	w := d.Workspace(t, "bob@example.com")
	ask := use("mcp__broker__query", map[string]any{"sql": "select segment, count(*) as n from customers group by 1 order by 1"})
	written := filepath.Join(w.Dir, "server", "docs", "new.md")
	write := use("Write", map[string]any{"file_path": written, "content": "x"})
	redirect := use("Bash", map[string]any{"command": "echo x > server/docs/new.md", "description": "write"})
	const guarded = "server/ is the verified copy"

	t.Run("a trusted folder", func(t *testing.T) {
		c := install(t, w, true)
		sent, id := c.session(t, w, ask, use("mcp__broker__query", map[string]any{"sql": "drop table customers"}), write, redirect)
		contains(t, "the first request", sent[0], "a verified copy of the company data", "Asking the data", "data: generation ", "up to date",
			"Notes of bob@example.com", "mcp__broker__query", "mcp__broker__describe_table")
		contains(t, "the answer of the query", last(t, sent[1]), "segment", "receipt", "generation", "not instructions", "data-")
		contains(t, "the refusal", last(t, sent[2]), "read_only")
		contains(t, "the answer to a write", last(t, sent[3]), "denied by your permission settings")
		contains(t, "the answer to a redirection", last(t, sent[4]), guarded)
		collected(t, filepath.Join(w.Dir, "user", "sessions", id+".jsonl"))
	})
	t.Run("the list of servers", func(t *testing.T) {
		contains(t, "mcp list", string(install(t, w, true).run(t, w, "http://127.0.0.1:9", "mcp", "list")), "broker: ", "Connected")
		contains(t, "mcp list", string(install(t, w, false).run(t, w, "http://127.0.0.1:9", "mcp", "list")), "broker: ", "Pending approval")
	})
	t.Run("a home that has never seen it", func(t *testing.T) {
		sent, _ := install(t, w, false).session(t, w, write, redirect)
		contains(t, "the first request", sent[0], "a verified copy of the company data", "Asking the data", "analyst query", "Notes of bob@example.com")
	})
	t.Run("the guard alone", func(t *testing.T) {
		path := filepath.Join(w.Dir, ".claude", "settings.json")
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var all map[string]any
		if err := json.Unmarshal(text, &all); err != nil {
			t.Fatal(err)
		}
		delete(all["permissions"].(map[string]any), "deny")
		if text, err = json.Marshal(all); err == nil {
			err = os.WriteFile(path, text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		sent, _ := install(t, w, true).session(t, w, write, redirect, use("Bash", map[string]any{"command": "sed -i s/a/b/ server/docs/schema.yml", "description": "edit"}))
		for i := range 3 {
			contains(t, fmt.Sprint("the answer to write ", i), last(t, sent[i+1]), guarded)
		}
	})
	if _, err := os.Stat(written); err == nil {
		t.Error("a file was written under server/")
	}
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

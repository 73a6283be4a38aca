package hooks_test

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/web/analyst/ground"
	"github.com/ai-data-analyst/broker/web/analyst/hooks"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/mirror"
)

// call runs a hook as Claude Code does: the event on standard input.
func call(t *testing.T, event, input string) (out, errs string, err error) {
	t.Helper()
	config := t.TempDir()
	var o, e bytes.Buffer
	g := &ground.Ground{In: strings.NewReader(input), Out: &o, Err: &e, Now: time.Now, Version: "test",
		Getenv: func(name string) string {
			return map[string]string{"XDG_CONFIG_HOME": config, "HOME": config, "ANALYST_KEYCHAIN": "off"}[name]
		}}
	cmd := hooks.NewHook(g)
	cmd.SetArgs([]string{event})
	cmd.SetOut(&o)
	cmd.SetErr(&e)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	err = cmd.ExecuteContext(t.Context())
	return o.String(), e.String(), err
}

func workspace(t *testing.T) string {
	t.Helper()
	w, err := mirror.Create(filepath.Join(t.TempDir(), "ws"), mirror.Config{Server: "https://data.example.com", Instance: api.Instance{ID: "i"}, User: "u"})
	if err != nil {
		t.Fatal(err)
	}
	return w.Dir
}

// Whatever is wrong with an event, a session goes on; only the guard refuses when it cannot look.
func TestEventsThatCannotBeRead(t *testing.T) {
	for _, event := range []string{"session-start", "session-end", "statusline"} {
		for _, input := range []string{"", "{", "[]", "\x00", `{"cwd":3}`} {
			if out, _, err := call(t, event, input); err != nil || out != "" && event != "statusline" {
				t.Errorf("%s of %q: %q, %v", event, input, out, err)
			}
		}
	}
	for _, input := range []string{"{", "\x00", `{"tool_name":3}`} {
		_, _, err := call(t, "guard", input)
		if refused := hooks.Refusal(""); !errors.As(err, &refused) || !strings.Contains(err.Error(), "could not read") {
			t.Errorf("the guard of %q: %v", input, err)
		}
	}
}

func TestOutsideOfAWorkspaceNothingIsSaid(t *testing.T) {
	input := fmt.Sprintf(`{"session_id":"s","cwd":%q,"tool_name":"Write","tool_input":{"file_path":"/x/server/y"}}`, t.TempDir())
	for _, event := range []string{"session-start", "session-end", "guard", "statusline"} {
		if out, errs, err := call(t, event, input); err != nil || out != "" || errs != "" {
			t.Errorf("%s: %q, %q, %v", event, out, errs, err)
		}
	}
}

func TestGuard(t *testing.T) {
	dir := workspace(t)
	for tool, wantRefused := range map[string]bool{
		fmt.Sprintf(`"Write","tool_input":{"file_path":%q}`, dir+"/server/parts/x"):        true,
		fmt.Sprintf(`"Edit","tool_input":{"file_path":%q}`, dir+"/.analyst/held.json"):     true,
		fmt.Sprintf(`"Write","tool_input":{"file_path":%q}`, dir+"/user/scripts/x.sql"):    false,
		fmt.Sprintf(`"Read","tool_input":{"file_path":%q}`, dir+"/server/docs/schema.yml"): false,
		`"Bash","tool_input":{"command":"rm -rf server/parts"}`:                            true,
		`"Bash","tool_input":{"command":"analyst query 'select 1'"}`:                       false,
		`"Bash","tool_input":{"command":"cat ~/.config/analyst/credentials.json"}`:         true,
		`"Bash","tool_input":{"command":"cat server/docs/schema.yml"}`:                     false,
		`"Write","tool_input":{"file_path":"server/../server/manifest.json"}`:              true,
		`"SomethingElse","tool_input":{}`:                                                  false,
	} {
		_, _, err := call(t, "guard", fmt.Sprintf(`{"session_id":"s","cwd":%q,"hook_event_name":"PreToolUse","tool_name":%s}`, dir, tool))
		var refused hooks.Refusal
		if errors.As(err, &refused) != wantRefused || (err != nil) != wantRefused {
			t.Errorf("%s: %v", tool, err)
		}
	}
}

func TestStatusline(t *testing.T) {
	out, _, err := call(t, "statusline", fmt.Sprintf(`{"cwd":%q}`, workspace(t)))
	if err != nil || out != "no data yet: analyst pull\n" {
		t.Errorf("%q, %v", out, err)
	}
}

package workspace

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// allow and deny are our entries of permissions in .claude/settings.json: the lists of the old system (reference §21.5)
// without its patterns that also hit honest names ("*token*" hides tokenizer.py) and without asking for grep.
var (
	allow = []string{
		"Bash(analyst query:*)", "Bash(analyst ls:*)", "Bash(analyst schema:*)", "Bash(analyst describe:*)", "Bash(analyst sample:*)",
		"Bash(analyst diff:*)", "Bash(analyst status:*)", "Bash(analyst metrics:*)", "Bash(analyst receipt:*)", "Bash(analyst pull:*)",
		"Bash(analyst doctor)", "Read(server/**)",
		"mcp__broker__list_tables", "mcp__broker__describe_table", "mcp__broker__sample", "mcp__broker__query", "mcp__broker__changes",
		"mcp__broker__freshness", "mcp__broker__find", "mcp__broker__metric",
	}
	deny = []string{
		"Write(server/**)", "Edit(server/**)", "Write(.analyst/**)", "Edit(.analyst/**)",
		"Read(**/.env)", "Read(**/.env.*)", "Read(**/*.pem)", "Read(**/*.key)", "Read(**/id_rsa*)", "Read(**/id_ed25519*)",
		"Read(**/credentials.json)", "Read(**/.netrc)", "Read(**/.pgpass)",
	}
)

// ourHook finds hooks of any earlier version, wherever the program lay then.
var ourHook = regexp.MustCompile(`analyst(-lite)?(\.exe)?"? hook (session-start|session-end|guard|statusline)$`)

// settings merges our hooks, permissions and status line into .claude/settings.json. Everything else in it stays, in a
// settled order of names.
func settings(o Options, old []byte) ([]byte, error) {
	all, err := object(old)
	if err != nil {
		return nil, err
	}
	if err := mergeHooks(all, o); err != nil {
		return nil, err
	}
	if err := mergePermissions(all, o); err != nil {
		return nil, err
	}
	line, there := all["statusLine"].(map[string]any)
	if command, _ := line["command"].(string); !there || ourHook.MatchString(command) { // a person's own status line stays
		all["statusLine"] = map[string]any{"type": "command", "command": call(o, "statusline")}
	}
	return document(all)
}

// call is the command line of one of our hooks; quotes hold paths with spaces on every system's shell.
func call(o Options, hook string) string { return fmt.Sprintf(`"%s" hook %s`, o.Analyst, hook) }

func mergeHooks(all map[string]any, o Options) error {
	hooks, err := child(all, "hooks")
	if err != nil {
		return err
	}
	for _, h := range []struct{ event, matcher, hook string }{
		{"SessionStart", "", "session-start"},
		{"SessionEnd", "", "session-end"},
		{"PreToolUse", "Bash|Read|Write|Edit|MultiEdit|NotebookEdit|Grep|Glob", "guard"},
	} {
		list, ok := hooks[h.event].([]any)
		if !ok && hooks[h.event] != nil {
			return errDamaged
		}
		list = slices.DeleteFunc(slices.Clone(list), isOurs)
		entry := map[string]any{"hooks": []any{map[string]any{"type": "command", "command": call(o, h.hook), "timeout": 5}}}
		if h.matcher != "" {
			entry["matcher"] = h.matcher
		}
		hooks[h.event] = append(list, entry)
	}
	return nil
}

// isOurs says whether all commands of a hook's entry are ours.
func isOurs(entry any) bool {
	e, _ := entry.(map[string]any)
	commands, _ := e["hooks"].([]any)
	if len(commands) == 0 {
		return false
	}
	return !slices.ContainsFunc(commands, func(c any) bool {
		m, _ := c.(map[string]any)
		text, _ := m["command"].(string)
		return !ourHook.MatchString(text)
	})
}

func mergePermissions(all map[string]any, o Options) error {
	permissions, err := child(all, "permissions")
	if err != nil {
		return err
	}
	before, err := readLedger(o.Dir)
	if err != nil {
		return err
	}
	for _, list := range []struct {
		name       string
		ours, gone []string
	}{{"allow", allow, before.Allow}, {"deny", deny, before.Deny}} {
		there, ok := permissions[list.name].([]any)
		if !ok && permissions[list.name] != nil {
			return errDamaged
		}
		merged := slices.DeleteFunc(slices.Clone(there), func(v any) bool {
			text, _ := v.(string)
			return slices.Contains(list.gone, text) && !slices.Contains(list.ours, text)
		})
		for _, entry := range list.ours {
			if !slices.Contains(merged, any(entry)) {
				merged = append(merged, entry)
			}
		}
		permissions[list.name] = merged
	}
	return nil
}

func readLedger(dir string) (ledger, error) {
	var l ledger
	text, err := os.ReadFile(filepath.Join(dir, ".analyst", "owned.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return l, nil
	}
	if err != nil {
		return l, fmt.Errorf("read the list of own entries: %w", err)
	}
	if json.Unmarshal(text, &l) != nil {
		return ledger{}, nil //nolint:nilerr // Plan puts the damaged list aside; without it nothing of ours is taken out
	}
	return l, nil
}

// mcp sets our server in .mcp.json; others stay. No secret is in it.
func mcp(o Options, old []byte) ([]byte, error) {
	all, err := object(old)
	if err != nil {
		return nil, err
	}
	servers, err := child(all, "mcpServers")
	if err != nil {
		return nil, err
	}
	servers["broker"] = map[string]any{"command": o.Analyst, "args": []any{"mcp"}}
	return document(all)
}

func object(text []byte) (map[string]any, error) {
	if len(bytes.TrimSpace(text)) == 0 {
		return map[string]any{}, nil
	}
	decoder := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))))
	decoder.UseNumber() // a person's numbers stay as they are written
	var all map[string]any
	if err := decoder.Decode(&all); err != nil || all == nil || decoder.More() {
		return nil, errDamaged
	}
	return all, nil
}

func child(all map[string]any, name string) (map[string]any, error) {
	if all[name] == nil {
		all[name] = map[string]any{}
	}
	c, ok := all[name].(map[string]any)
	if !ok {
		return nil, errDamaged
	}
	return c, nil
}

func document(all map[string]any) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(all); err != nil {
		return nil, fmt.Errorf("write the settings: %w", err)
	}
	return []byte(strings.TrimRight(text.String(), "\n") + "\n"), nil
}

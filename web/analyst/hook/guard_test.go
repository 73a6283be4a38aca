package hook_test

import (
	"strings"
	"testing"

	"github.com/ai-data-analyst/broker/web/analyst/hook"
)

var places = hook.Places{Workspace: "/home/ada/shop", Secrets: "/home/ada/.config/analyst"}

func bash(command string) hook.Input {
	return hook.Input{ToolName: "Bash", Cwd: "/home/ada/shop", ToolInput: hook.ToolInput{Command: command}}
}

func TestGuardRefuses(t *testing.T) {
	for _, command := range []string{
		"echo x > server/docs/a.md", "echo x>>server/docs/a.md", "cat a | tee server/x", "rm -rf server", "rm -rf ./server/tables", "mv a server/",
		"cp a.parquet server/parts/", "sed -i s/a/b/ server/docs/schema.yml", "touch /home/ada/shop/server/x", "chmod +w server/parts/aa/x.parquet",
		"cd /tmp; rm /home/ada/shop/server/manifest.json", "truncate -s 0 server/manifest.json", "ln -sf /etc/passwd server/x", "find server -name '*.md' -delete",
		`python3 -c "open('server/docs/a','w').write('x')"`, `duckdb -c "copy (select 1) to 'server/x.parquet'"`, "echo {} > .analyst/config.json",
		"rm .analyst/highest", "echo $ANALYST_TOKEN", "printenv ANALYST_TOKEN", "cat ~/.config/analyst/credentials.json", "cat /home/ada/.config/analyst/credentials.json",
		"security find-generic-password -s 'analyst (broker)' -w", `bash -c "rm -rf x" && dd if=/dev/zero of=server/x`, "ls $(rm server/x)", "unzip a.zip -d server", "git checkout server/x",
		"analyst query --format csv --output .claude/settings.local.json 'select 1'", "analyst query 'select 1' -o server/manifest.json", "analyst diff T --output=CLAUDE.md",
		"analyst query -o~/.bashrc 'select 1'", "/opt/bin/analyst query 'select 1' --output user/../.mcp.json", "analyst-lite query 'select 1' -o=$HOME/x", "analyst query --output",
		"cd user && analyst query 'select 1' -o /tmp/x",
		"echo x 2>server/err", "ls | xargs rm server/x", "cp -r user/a /home/ada/shop/server",
	} {
		if hook.Guard(bash(command), places) == "" {
			t.Errorf("let pass: %s", command)
		}
	}
	for tool, path := range map[string]string{"Write": "server/docs/a.md", "Edit": "/home/ada/shop/server/manifest.json", "MultiEdit": "user/../server/x",
		"NotebookEdit": ".analyst/config.json", "Read": "/home/ada/.config/analyst/credentials.json"} {
		in := hook.Input{ToolName: tool, Cwd: "/home/ada/shop", ToolInput: hook.ToolInput{FilePath: path}}
		if hook.Guard(in, places) == "" {
			t.Errorf("let pass: %s %s", tool, path)
		}
	}
}

func TestGuardLetsPass(t *testing.T) {
	for _, command := range []string{
		"cat server/docs/schema.yml", "head -5 server/docs/a.md > user/artifacts/a.md", "grep -r orders server/docs | sort | uniq -c", "ls -la server/tables",
		"cp server/tables/shop.orders/1.parquet user/parquet/", "analyst query 'select 1'", "analyst describe server/x",
		"analyst query --format parquet --output user/parquet/a.parquet 'select 1'", "analyst query -o /home/ada/shop/user/a.csv -f user/scripts/a.sql", `python3 user/scripts/a.py`, `python3 -c "import duckdb; print(duckdb.sql('from \"server/x.parquet\"'))"`,
		"find server -name '*.md'", "wc -l server/docs/*.md 2>/dev/null", "rm user/artifacts/old.csv", "mkdir -p user/artifacts && echo x > user/artifacts/y", "git status",
		"echo 'nothing goes to server/ here'", "sha256sum server/parts/aa/x.parquet", "sed -n 1,5p server/docs/schema.yml", "echo \"a > server/x\"", "", "jq . server/manifest.json",
	} {
		if why := hook.Guard(bash(command), places); why != "" {
			t.Errorf("refused: %s: %s", command, why)
		}
	}
	for tool, path := range map[string]string{"Write": "user/artifacts/a.md", "Read": "server/docs/schema.yml", "Edit": "CLAUDE.local.md", "Glob": "server", "Task": "server/x"} {
		in := hook.Input{ToolName: tool, Cwd: "/home/ada/shop", ToolInput: hook.ToolInput{FilePath: path}}
		if why := hook.Guard(in, places); why != "" {
			t.Errorf("refused: %s %s: %s", tool, path, why)
		}
	}
}

func TestReasonSaysWhatToDo(t *testing.T) {
	if why := hook.Guard(bash("rm server/x"), places); !strings.Contains(why, "user/") {
		t.Errorf("%q", why)
	}
}

func FuzzGuard(f *testing.F) {
	f.Add("echo x > server/y")
	f.Add("a `b \"$(c '")
	f.Fuzz(func(_ *testing.T, command string) { hook.Guard(bash(command), places) })
}

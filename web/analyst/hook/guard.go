package hook

import (
	"path/filepath"
	"regexp"
	"strings"
)

// Places are what the guard guards.
type Places struct {
	Workspace string // absolute
	Secrets   string // absolute: the folder of logins
}

// Guard says why a tool call is refused; "" lets it pass. Nothing may be written under server/ and .analyst/, and no
// token be read; reading server/ is allowed. It stops mistakes, not a person who wants around it: files of server/ are
// read-only besides, and each pull checks them.
func Guard(in Input, p Places) string {
	path := in.ToolInput.FilePath
	if path == "" {
		path = in.ToolInput.NotebookPath
	}
	if path == "" {
		path = in.ToolInput.Path
	}
	switch in.ToolName {
	case "Write", "Edit", "MultiEdit", "NotebookEdit":
		if why := p.written(p.absolute(in.Cwd, path)); why != "" {
			return why
		}
		return p.secret(p.absolute(in.Cwd, path))
	case "Read", "Grep", "Glob":
		return p.secret(p.absolute(in.Cwd, path))
	case "Bash":
		return p.command(in.Cwd, in.ToolInput.Command)
	}
	return ""
}

const (
	whyServer = "server/ is the verified copy of the data and is replaced by each pull: nothing may be written there. Work in user/ instead, e.g. user/artifacts or user/parquet."
	whyState  = ".analyst/ is the state of the analyst program: nothing may be written there. Use the analyst command instead."
	whyAnswer = "analyst may run without asking, so what it writes goes to user/ only: give --output user/artifacts/NAME."
	whyToken  = "tokens and logins are not for reading: the analyst command uses them by itself."
)

func (p Places) absolute(cwd, path string) string {
	if path == "" {
		return ""
	}
	path = strings.ReplaceAll(path, `\`, "/")
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		path = "/~home/" + rest
	}
	if !filepath.IsAbs(path) {
		if cwd == "" {
			cwd = p.Workspace
		}
		path = filepath.Join(cwd, path)
	}
	return filepath.Clean(path)
}

func below(dir, path string) bool {
	return dir != "" && path != "" && (path == dir || strings.HasPrefix(path, strings.TrimSuffix(dir, "/")+"/"))
}

func (p Places) written(path string) string {
	switch {
	case below(filepath.Join(p.Workspace, "server"), path):
		return whyServer
	case below(filepath.Join(p.Workspace, ".analyst"), path):
		return whyState
	}
	return ""
}

// secret refuses the file of logins and files that hold keys by their name.
func (p Places) secret(path string) string {
	if below(p.Secrets, path) || strings.HasSuffix(path, "/analyst/credentials.json") {
		return whyToken
	}
	return ""
}

// tokenRead finds commands that show a token: our variable, the keychains' own programs asked for our entry.
const tokenRead = (`\$\{?ANALYST_TOKEN|\bANALYST_TOKEN\b.*\benv\b|printenv\s+(\S+\s+)*ANALYST_TOKEN|environ\S*[^|;&]*ANALYST_TOKEN|getenv\S*ANALYST_TOKEN|` +
	`find-(generic|internet)-password.*analyst|secret-tool\s+(lookup|search).*analyst|analyst/credentials\.json`)

// readers are programs that do not change the files they are given.
var readers = map[string]bool{"cat": true, "head": true, "tail": true, "less": true, "more": true, "ls": true, "tree": true, "find": true,
	"grep": true, "egrep": true, "fgrep": true, "rg": true, "ag": true, "wc": true, "du": true, "stat": true, "file": true, "diff": true, "cmp": true,
	"sha256sum": true, "shasum": true, "md5sum": true, "jq": true, "yq": true, "sort": true, "uniq": true, "cut": true, "awk": true, "column": true,
	"test": true, "[": true, "echo": true, "printf": true, "cd": true, "pushd": true, "open": true, "realpath": true, "readlink": true, "basename": true,
	"dirname": true, "xxd": true, "od": true, "strings": true, "git": true, "source": true, "xargs": true, "fd": true,
	"for": true, "while": true, "if": true, "do": true, "then": true, "sed": true, "perl": true, "cp": true, "rsync": true, "tar": true, "zip": true, "bat": true}

// interpreters run programs: what those write is seen in their text only.
const interpreters = (`^(python[0-9.]*|node|deno|bun|ruby|Rscript|R|julia|duckdb|go|java|php|uv|uvx|npx|bash|sh|zsh|jupyter|pytest)$`)

// writes are signs of writing in a program's text.
const writes = (`['"][rb]?[wax]b?\+?b?['"]\s*\)|\.write|to_parquet|to_csv|to_json|unlink|remove\(|rmtree|rename\(|copyfile|(?i:\bcopy\b[^;]*\bto\b\s+'[^']*(server|\.analyst)/)|writeFile|shutil\.(move|copy)|os\.(replace|truncate|chmod)|mkdir`)

// command looks at each simple command of a shell line.
func (p Places) command(cwd, line string) string {
	if matches(tokenRead, line) {
		return whyToken
	}
	for _, c := range split(line) {
		if why := p.simple(cwd, c); why != "" {
			return why
		}
	}
	return ""
}

func (p Places) simple(cwd string, c simple) string {
	for _, target := range c.targets {
		if why := p.written(p.absolute(cwd, target)); why != "" {
			return why
		}
	}
	touched, last := "", ""
	for _, word := range c.words {
		if why := p.secret(p.absolute(cwd, word)); why != "" {
			return why
		}
		if _, value, ok := strings.Cut(word, "="); ok && strings.HasPrefix(word, "-") || ok && strings.HasPrefix(word, "of=") {
			word = value
		}
		if last = p.written(p.absolute(cwd, word)); last != "" {
			touched = last
		}
	}
	name := filepath.Base(c.name())
	switch {
	case strings.HasPrefix(name, "analyst"):
		return p.answered(cwd, c)
	case matches(interpreters, name):
		return p.program(c)
	case touched == "":
		return ""
	case name == "cp" || name == "rsync":
		return last // only where it writes to counts
	case (name == "sed" || name == "perl") && c.has("-i") || name == "find" && (c.has("-delete") || c.has("-exec")) || name == "sort" && c.has("-o") ||
		name == "tar" && c.has("x", "-x", "-C") || name == "xargs" && !readers[c.after("xargs")] || name == "git" && !c.has("diff", "log", "status", "show", "ls-files", "blame"):
		return touched
	case readers[name]:
		return ""
	}
	return touched
}

// answered refuses --output outside user/: settings allow analyst's commands as a whole, and a file like
// .claude/settings.local.json is an instruction (G15).
func (p Places) answered(cwd string, c simple) string {
	for i, word := range c.words {
		file, glued := strings.CutPrefix(word, "--output=")
		switch {
		case glued:
		case word == "--output" || word == "-o":
			file = append(c.words[i+1:], "")[0]
		case strings.HasPrefix(word, "-o"):
			file = strings.TrimPrefix(word[2:], "=")
		default:
			continue
		}
		if !below(filepath.Join(p.Workspace, "user"), p.absolute(cwd, file)) {
			return whyAnswer
		}
	}
	return ""
}

// program looks at the text that an interpreter is given: it must name a guarded folder and show a sign of writing.
func (p Places) program(c simple) string {
	text := strings.Join(c.words, " ")
	if !matches(writes, text) {
		return ""
	}
	switch {
	case strings.Contains(text, "server/"):
		return whyServer
	case strings.Contains(text, ".analyst/"):
		return whyState
	}
	return ""
}

// matches compiles a pattern when it is needed: most starts of the program need none.
func matches(pattern, text string) bool { return regexp.MustCompile(pattern).MatchString(text) }

package syntax

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"

	"github.com/ai-data-analyst/broker/config/internal/diag"
)

var envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// Dotenv reads NAME=value lines: comments, "export ", single and double quotes; nothing is expanded. A line that cannot
// be read is a warning that never shows the line.
func Dotenv(file string, src []byte) (map[string]string, diag.List) {
	out := map[string]string{}
	var problems diag.List
	src = bytes.TrimPrefix(src, []byte("\xef\xbb\xbf"))
	for i, line := range strings.Split(string(src), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, value, ok := strings.Cut(strings.TrimPrefix(line, "export "), "=")
		name = strings.TrimSpace(name)
		if ok && envName.MatchString(name) {
			if value, ok = unquote(strings.TrimSpace(value)); ok {
				out[name] = value
				continue
			}
		}
		problems = append(problems, diag.At(diag.Pos{File: file, Line: i + 1}, diag.Warning, fmt.Sprintf("line %d is not NAME=value and is ignored", i+1), "write NAME=value, with quotes around values that hold spaces or #"))
	}
	return out, problems
}

func unquote(v string) (string, bool) {
	if v == "" {
		return "", true
	}
	if quote := v[0]; quote == '"' || quote == '\'' {
		end := strings.LastIndexByte(v, quote)
		rest := strings.TrimSpace(v[max(end, 0)+1:])
		if end == 0 || rest != "" && !strings.HasPrefix(rest, "#") {
			return "", false
		}
		inner := v[1:end]
		if quote == '"' {
			inner = strings.NewReplacer(`\n`, "\n", `\"`, `"`, `\\`, `\`).Replace(inner)
		}
		return inner, true
	}
	if comment := strings.Index(v, " #"); comment >= 0 {
		v = strings.TrimSpace(v[:comment])
	}
	return v, true
}

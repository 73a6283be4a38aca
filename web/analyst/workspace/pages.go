package workspace

import (
	"bytes"
	"embed"
	"fmt"
	"strings"
	"text/template"
	"unicode"
)

//go:embed pages
var pages embed.FS

// The marks around our part of CLAUDE.md and AGENTS.md (interface.md §9): text outside is a person's and stays.
const (
	begin = "<!-- analyst:begin -->"
	end   = "<!-- analyst:end -->"
)

// claudeMD puts our part between the marks, where they are, else before what is there.
func claudeMD(o Options, old []byte) ([]byte, error) {
	text, err := page("claude.md", o)
	if err != nil {
		return nil, err
	}
	ours := begin + "\n" + strings.TrimSpace(text) + "\n" + end
	if old == nil {
		return []byte(ours + "\n"), nil
	}
	from := bytes.Index(old, []byte(begin))
	to := bytes.Index(old, []byte(end))
	if from < 0 || to < from {
		return []byte(ours + "\n\n" + string(old)), nil
	}
	return []byte(string(old[:from]) + ours + string(old[to+len(end):])), nil
}

// localMD is written once.
func localMD(o Options, old []byte) ([]byte, error) {
	if old != nil {
		return old, nil
	}
	text, err := page("local.md", o)
	return []byte(text), err
}

func rules(o Options, _ []byte) ([]byte, error) {
	text, err := page("rules.md", o)
	return []byte(text), err
}

// gitignore adds the lines that are missing.
func gitignore(_ Options, old []byte) ([]byte, error) {
	text := string(old)
	have := map[string]bool{}
	for line := range strings.SplitSeq(text, "\n") {
		have[strings.TrimSpace(line)] = true
	}
	var missing []string
	for _, line := range []string{"/.analyst/", "/server/", "/user/duckdb/", "/user/sessions/"} {
		if !have[line] {
			missing = append(missing, line)
		}
	}
	if len(missing) == 0 {
		return old, nil
	}
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return []byte(text + "# data and state of analyst\n" + strings.Join(missing, "\n") + "\n"), nil
}

// page fills in one of our texts. Names from the server become one plain line: they are data (G15).
func page(name string, o Options) (string, error) {
	t, err := template.ParseFS(pages, "pages/"+name)
	if err != nil {
		return "", fmt.Errorf("read the page %s: %w", name, err)
	}
	o.Instance, o.Server, o.Email = plain(o.Instance), plain(o.Server), plain(o.Email)
	var text strings.Builder
	if err := t.Execute(&text, o); err != nil {
		return "", fmt.Errorf("fill in the page %s: %w", name, err)
	}
	return text.String(), nil
}

// plain keeps what people can see and Markdown does not act on, on one line.
func plain(text string) string {
	return strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || strings.ContainsRune("`<>#*[]{}|\\", r) {
			return ' '
		}
		return r
	}, text)), " ")
}

package tables

import "strings"

// fence is one fenced yaml block of a Markdown file.
type fence struct {
	line   int // line of the file on which text begins, from 1
	text   string
	closed bool
}

// fences finds the blocks that open with ```yaml and close with ```. Blocks of other languages, longer fences included,
// are skipped as a whole.
func fences(text string) []fence {
	var out []fence
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		mark, info := opening(lines[i])
		if mark == "" {
			continue
		}
		end, closed := i+1, false
		for ; end < len(lines); end++ {
			if closing(lines[end], mark) {
				closed = true
				break
			}
		}
		if mark == "```" && info == "yaml" {
			out = append(out, fence{line: i + 2, text: strings.Join(lines[i+1:end], "\n"), closed: closed})
		}
		i = end
	}
	return out
}

// opening returns the fence that a line opens with, and what follows it.
func opening(line string) (mark, info string) {
	for _, c := range []string{"`", "~"} {
		rest := strings.TrimLeft(line, c)
		if n := len(line) - len(rest); n >= 3 {
			if c == "`" && strings.Contains(rest, "`") {
				return "", ""
			}
			return line[:n], strings.TrimSpace(rest)
		}
	}
	return "", ""
}

func closing(line, mark string) bool {
	line = strings.TrimRight(line, " \t\r")
	return len(line) >= len(mark) && strings.Trim(line, mark[:1]) == ""
}

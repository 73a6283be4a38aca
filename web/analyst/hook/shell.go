package hook

import (
	"slices"
	"strings"
)

// simple is one command of a shell line: its words, and the files that it redirects to.
type simple struct {
	words   []string
	targets []string
}

// name is the program: the first word that is no assignment and no prefix like sudo.
func (c simple) name() string {
	for _, w := range c.words {
		if i := strings.IndexByte(w, '='); i > 0 && !strings.ContainsAny(w[:i], "/-.") {
			continue
		}
		if w == "sudo" || w == "env" || w == "command" || w == "nohup" || w == "time" || w == "exec" || w == "(" || w == "{" || w == "!" {
			continue
		}
		return strings.TrimLeft(w, "({")
	}
	return ""
}

// has says whether one of the words is there, or begins a word as a short flag.
func (c simple) has(flags ...string) bool {
	return slices.ContainsFunc(c.words, func(w string) bool {
		return slices.ContainsFunc(flags, func(f string) bool {
			return w == f || (len(f) == 2 && f[0] == '-' && strings.HasPrefix(w, f))
		})
	})
}

// after is the first word after name that is no flag.
func (c simple) after(name string) string {
	at := slices.Index(c.words, name)
	for _, w := range c.words[at+1:] {
		if !strings.HasPrefix(w, "-") {
			return w
		}
	}
	return ""
}

// split cuts a shell line into simple commands, as far as that goes without running it: quotes and escapes are honoured,
// substitutions count as commands of their own.
func split(line string) []simple {
	c := cutter{line: []rune(line)}
	for c.at = 0; c.at < len(c.line); c.at++ {
		if c.quote != 0 {
			c.quoted(c.line[c.at])
		} else {
			c.plain(c.line[c.at])
		}
	}
	c.endCommand()
	return c.all
}

// cutter reads a shell line rune by rune.
type cutter struct {
	line     []rune
	at       int
	quote    rune // 0 = outside
	word     strings.Builder
	begun    bool // a word is under way, even an empty one in quotes
	redirect bool // the word under way is a file to write to
	now      simple
	all      []simple
}

func (c *cutter) next() rune {
	if c.at+1 < len(c.line) {
		return c.line[c.at+1]
	}
	return 0
}

func (c *cutter) quoted(r rune) {
	switch {
	case r == c.quote:
		c.quote = 0
	case c.quote == '"' && (r == '`' || r == '$' && c.next() == '('):
		c.quote = 0
		c.plain(r)
	case c.quote == '"' && r == '\\':
		c.escaped()
	default:
		c.word.WriteRune(r)
	}
}

func (c *cutter) plain(r rune) {
	switch r {
	case '\'', '"':
		c.quote, c.begun = r, true
	case '\\':
		c.escaped()
	case '>':
		c.redirection()
	case '$':
		if c.next() != '(' {
			c.add(r)
			return
		}
		c.at++
		c.endCommand()
	case '`', '(', ')', ';', '|', '&', '\n':
		c.endCommand()
	case ' ', '\t', '<':
		c.endWord()
	default:
		c.add(r)
	}
}

func (c *cutter) add(r rune) {
	c.word.WriteRune(r)
	c.begun = true
}

func (c *cutter) escaped() {
	if c.at+1 < len(c.line) {
		c.at++
		c.add(c.line[c.at])
	}
}

// redirection ends the word, or takes it as the number of a descriptor; >&2 names no file.
func (c *cutter) redirection() {
	if text := c.word.String(); text != "" && strings.Trim(text, "0123456789") == "" {
		c.word.Reset()
		c.begun = false
	}
	c.endWord()
	if n := c.next(); n == '>' || n == '|' {
		c.at++
	}
	c.redirect = c.next() != '&'
}

func (c *cutter) endWord() {
	if c.begun && c.redirect {
		c.now.targets = append(c.now.targets, c.word.String())
		c.redirect = false
	} else if c.begun {
		c.now.words = append(c.now.words, c.word.String())
	}
	c.word.Reset()
	c.begun = false
}

func (c *cutter) endCommand() {
	c.endWord()
	if len(c.now.words) > 0 || len(c.now.targets) > 0 {
		c.all = append(c.all, c.now)
	}
	c.now = simple{}
}

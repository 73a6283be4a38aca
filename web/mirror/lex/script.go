package lex

import (
	"errors"
	"strings"
)

// Statements cuts a script into statements, each with its semicolon. What is left after the last one is not whole yet. A
// text that cannot be taken apart is one statement up to the next semicolon that ends a line: whoever runs it says what is
// wrong with it.
func Statements(script string) (whole []string, rest string) {
	l, from := lexer{sql: script}, 0
	for l.at < len(script) {
		switch err := l.next(); {
		case errors.Is(err, ErrOpen):
			return whole, strings.TrimSpace(script[from:])
		case err != nil:
			end := lineEnd(script, l.at)
			if end < 0 {
				return whole, strings.TrimSpace(script[from:])
			}
			l.at = end
		case len(l.tokens) == 0 || !l.tokens[len(l.tokens)-1].Sign(";"):
			continue
		}
		whole = append(whole, strings.TrimSpace(script[from:l.at]))
		from, l.tokens, l.open = l.at, nil, nil
	}
	return whole, strings.TrimSpace(script[from:])
}

// lineEnd is the byte behind the first semicolon from a byte on that ends a line; -1 without one.
func lineEnd(script string, from int) int {
	for at := from; at < len(script); at++ {
		if script[at] != ';' {
			continue
		}
		if line, _, _ := strings.Cut(script[at+1:], "\n"); strings.TrimSpace(line) == "" {
			return at + 1
		}
	}
	return -1
}

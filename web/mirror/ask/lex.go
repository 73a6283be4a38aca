package ask

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"
)

// token is a word, in lower case, or a sign; texts in quotes count as one sign.
type token struct {
	text  string
	word  bool
	depth int // parentheses around it
	at    int // byte where it begins
}

// lex takes a statement apart as DuckDB does (the lexer of PostgreSQL): comments, which nest, and quoted texts of every
// kind, dollar quotes too, are passed over whole.
func lex(sql string) ([]token, error) {
	l := lexer{sql: sql}
	for l.at < len(sql) {
		if err := l.next(); err != nil {
			return nil, err
		}
	}
	return l.tokens, nil
}

type lexer struct {
	sql    string
	at     int
	depth  int
	tokens []token
}

func (l *lexer) add(text string, word bool, at int) {
	l.tokens = append(l.tokens, token{text, word, l.depth, at})
}

func (l *lexer) next() error {
	rest := l.sql[l.at:]
	r, size := utf8.DecodeRuneInString(rest)
	if r == utf8.RuneError && size <= 1 {
		return errors.New("the statement is no UTF-8 text")
	}
	switch {
	case r == 0:
		return errors.New("the statement holds a NUL character")
	case unicode.IsSpace(r):
		l.at += size
	case strings.HasPrefix(rest, "--"):
		l.skipLine(rest)
	case strings.HasPrefix(rest, "/*"):
		return l.skipComment()
	case (r == 'e' || r == 'E') && strings.HasPrefix(rest[1:], "'"):
		l.at++
		return l.quoted('\'', true)
	case r == '\'' || r == '"':
		return l.quoted(byte(r), false)
	case r == '$' && l.dollar(rest):
		return nil
	case isWord(r):
		l.word(rest)
	default:
		l.sign(string(r))
		l.at += size
	}
	return nil
}

func isWord(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) || r > 0x7f }

func (l *lexer) word(rest string) {
	end := strings.IndexFunc(rest, func(r rune) bool { return !isWord(r) && r != '$' })
	if end < 0 {
		end = len(rest)
	}
	l.add(strings.ToLower(rest[:end]), true, l.at)
	l.at += end
}

func (l *lexer) sign(text string) {
	switch text {
	case ")", "]", "}":
		l.depth--
	}
	l.add(text, false, l.at)
	switch text {
	case "(", "[", "{":
		l.depth++
	}
}

func (l *lexer) skipLine(rest string) {
	if end := strings.IndexByte(rest, '\n'); end >= 0 {
		l.at += end + 1
		return
	}
	l.at = len(l.sql)
}

func (l *lexer) skipComment() error {
	for deep := 0; l.at < len(l.sql); {
		switch {
		case strings.HasPrefix(l.sql[l.at:], "/*"):
			deep, l.at = deep+1, l.at+2
		case strings.HasPrefix(l.sql[l.at:], "*/"):
			deep, l.at = deep-1, l.at+2
			if deep == 0 {
				return nil
			}
		default:
			l.at++
		}
	}
	return errors.New("a comment does not end")
}

// quoted passes over a text; a doubled quote stands for itself, a backslash hides one in E'…'.
func (l *lexer) quoted(quote byte, escapes bool) error {
	from := l.at
	for l.at++; l.at < len(l.sql); l.at++ {
		switch c := l.sql[l.at]; {
		case escapes && c == '\\':
			l.at++
		case c == quote && l.at+1 < len(l.sql) && l.sql[l.at+1] == quote:
			l.at++
		case c == quote:
			l.at++
			l.add(string(quote), false, from)
			return nil
		}
	}
	return errors.New("a quoted text does not end")
}

// dollar passes over $tag$…$tag$; false for a parameter like $1 or $name.
func (l *lexer) dollar(rest string) bool {
	end := strings.IndexByte(rest[1:], '$')
	if end < 0 || strings.ContainsFunc(rest[1:end+1], func(r rune) bool { return !isWord(r) }) {
		l.add("$", false, l.at)
		l.at++
		return true
	}
	tag := rest[:end+2]
	closing := strings.Index(rest[len(tag):], tag)
	if closing < 0 {
		l.add("$", false, l.at)
		l.at++
		return true
	}
	l.add("'", false, l.at)
	l.at += len(tag)*2 + closing
	return true
}

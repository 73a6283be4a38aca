// Package lex takes SQL apart as DuckDB's own lexer does: words, quoted names, quoted texts and signs, each with the depth
// of parentheses around it. Comments and blanks are passed over.
//
// What a statement means is for others to say (ask); what may come out as text again is OneLine's.
package lex

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Kind says what a token is.
type Kind int

// The kinds.
const (
	Word  Kind = iota // a keyword, a name without quotes, a number
	Name              // a name in double quotes
	Text              // a text in single quotes, E'…' or $$…$$
	Param             // $name, $1 or ?
	Sign              // any other single character
)

// Token is one piece. Text is a word in lower case, a name or text without its quotes, a parameter's name, or the sign.
type Token struct {
	Kind    Kind
	Text    string
	Depth   int // parentheses, brackets and braces around it
	At, End int // bytes of the statement
}

// Is says whether the token is this word.
func (t Token) Is(word string) bool { return t.Kind == Word && t.Text == word }

// Sign says whether the token is this sign.
func (t Token) Sign(sign string) bool { return t.Kind == Sign && t.Text == sign }

// ErrOpen is of a statement that ends within a quoted text or a comment: more may follow.
var ErrOpen = errors.New("does not end")

// Split takes a statement apart. It refuses what people cannot see (G15): invisible characters and unusual blanks outside
// quotes, NUL, and bytes that are no UTF-8; and quotes, comments or parentheses that do not pair.
func Split(sql string) ([]Token, error) {
	if !utf8.ValidString(sql) {
		return nil, errors.New("the statement is no UTF-8 text")
	}
	l := lexer{sql: sql}
	for l.at < len(sql) {
		if err := l.next(); err != nil {
			return nil, err
		}
	}
	if len(l.open) > 0 {
		return nil, errors.New("a parenthesis is not closed")
	}
	return l.tokens, nil
}

type lexer struct {
	sql    string
	at     int
	open   []string // closing signs that are due
	tokens []Token
}

// closing is the partner of an opening sign.
var closing = map[string]string{"(": ")", "[": "]", "{": "}"}

func (l *lexer) add(kind Kind, text string, end int) {
	l.tokens = append(l.tokens, Token{Kind: kind, Text: text, Depth: len(l.open), At: l.at, End: end})
	l.at = end
}

func (l *lexer) next() error {
	rest := l.sql[l.at:]
	r, size := utf8.DecodeRuneInString(rest)
	switch {
	case r == 0:
		return errors.New("the statement holds a NUL character")
	case isSpace(r):
		l.at += size
	case hidden(r):
		return fmt.Errorf("the statement holds a character that looks like nothing or like a blank (U+%04X)", r)
	case strings.HasPrefix(rest, "--"):
		l.skipLine(rest)
	case strings.HasPrefix(rest, "/*"):
		return l.skipComment()
	case (r == 'e' || r == 'E') && strings.HasPrefix(rest[1:], "'"):
		return l.escaped()
	case r == '\'':
		return l.quoted(Text, '\'')
	case r == '"':
		return l.quoted(Name, '"')
	case r == '$':
		return l.dollar(rest)
	case r == '?':
		l.add(Param, "", l.at+1)
	case r >= '0' && r <= '9':
		return l.number(rest)
	case isWord(r):
		l.word(rest)
	default:
		return l.sign(string(r), size)
	}
	return nil
}

func isSpace(r rune) bool {
	switch r {
	case ' ', '\t', '\n', '\r', '\f', '\v':
		return true
	}
	return false
}

// hidden are characters that people do not see, or take for a blank; some of them DuckDB takes for one too, some not.
func hidden(r rune) bool {
	return r < ' ' || r == 0x7f || r >= 0x80 && r <= 0xa0 || unicode.In(r, unicode.Z, unicode.Cf, unicode.Co)
}

func isWord(r rune) bool {
	return (r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) || r > 0x7f) && !hidden(r)
}

func (l *lexer) word(rest string) {
	end := strings.IndexFunc(rest, func(r rune) bool { return r != '$' && !isWord(r) })
	if end < 0 {
		end = len(rest)
	}
	l.add(Word, strings.ToLower(rest[:end]), l.at+end)
}

// number reads a number, with what stands against it. DuckDB lets a text begin right behind one (1e'…', 1$$…$$): nobody
// writes that to be understood, so it is refused.
func (l *lexer) number(rest string) error {
	end := strings.IndexFunc(rest, func(r rune) bool { return !isWord(r) })
	if end < 0 {
		end = len(rest)
	}
	if end < len(rest) && (rest[end] == '\'' || rest[end] == '$' || rest[end] == '"') {
		return errors.New("a number runs into a text")
	}
	l.add(Word, strings.ToLower(rest[:end]), l.at+end)
	return nil
}

func (l *lexer) sign(text string, size int) error {
	if len(l.open) > 0 && l.open[len(l.open)-1] == text {
		l.open = l.open[:len(l.open)-1]
	} else if text == ")" || text == "]" || text == "}" {
		return errors.New("a " + text + " closes nothing")
	}
	l.add(Sign, text, l.at+size)
	if partner := closing[text]; partner != "" {
		l.open = append(l.open, partner)
	}
	return nil
}

func (l *lexer) skipLine(rest string) {
	if end := strings.IndexAny(rest, "\n\r"); end >= 0 {
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
	return fmt.Errorf("a comment %w", ErrOpen)
}

// quoted reads a text whose quote stands for itself when doubled.
func (l *lexer) quoted(kind Kind, quote byte) error {
	var text strings.Builder
	for i := l.at + 1; i < len(l.sql); i++ {
		c := l.sql[i]
		switch {
		case c != quote:
			text.WriteByte(c)
		case i+1 < len(l.sql) && l.sql[i+1] == quote:
			text.WriteByte(quote)
			i++
		default:
			return l.finish(kind, text.String(), i+1)
		}
	}
	return fmt.Errorf("a quoted text %w", ErrOpen)
}

func (l *lexer) finish(kind Kind, text string, end int) error {
	if strings.ContainsRune(text, 0) || !utf8.ValidString(text) {
		return errors.New("a quoted text is no UTF-8 text, or holds NUL")
	}
	l.add(kind, text, end)
	return nil
}

// dollar reads a parameter, or a text between $tag$ and $tag$.
func (l *lexer) dollar(rest string) error {
	end := strings.IndexFunc(rest[1:], func(r rune) bool { return !isWord(r) }) + 1
	if end == 0 {
		end = len(rest)
	}
	tagged := end < len(rest) && rest[end] == '$' && (end == 1 || rest[1] < '0' || rest[1] > '9')
	if !tagged {
		if end == 1 {
			return errors.New("a $ is not followed by a name")
		}
		l.add(Param, rest[1:end], l.at+end)
		return nil
	}
	tag := rest[:end+1]
	body, _, ok := strings.Cut(rest[len(tag):], tag)
	if !ok {
		return fmt.Errorf("a text between dollars %w", ErrOpen)
	}
	return l.finish(Text, body, l.at+len(tag)*2+len(body))
}

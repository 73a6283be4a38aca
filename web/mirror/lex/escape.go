package lex

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// plain are the escapes of one letter in E'…' (PostgreSQL, "String Constants with C-Style Escapes"); other characters
// stand for themselves.
var plain = map[byte]byte{'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// escaped reads E'…', where a backslash begins an escape.
func (l *lexer) escaped() error {
	var text strings.Builder
	for i := l.at + 2; i < len(l.sql); i++ {
		c := l.sql[i]
		switch {
		case c == '\\' && i+1 < len(l.sql):
			used, err := escape(&text, l.sql[i+1:])
			if err != nil {
				return err
			}
			i += used
		case c == '\'' && i+1 < len(l.sql) && l.sql[i+1] == '\'':
			text.WriteByte(c)
			i++
		case c == '\'':
			return l.finish(Text, text.String(), i+1)
		default:
			text.WriteByte(c)
		}
	}
	return fmt.Errorf("a quoted text %w", ErrOpen)
}

// escape writes what follows a backslash and says how many bytes that was.
func escape(to *strings.Builder, rest string) (int, error) {
	if c, ok := plain[rest[0]]; ok {
		to.WriteByte(c)
		return 1, nil
	}
	digits, base, from := 0, 16, 1
	switch {
	case rest[0] == 'x':
		digits = run(rest[1:], 2, "0123456789abcdefABCDEF")
	case rest[0] == 'u' || rest[0] == 'U':
		return 0, errors.New(`DuckDB does not read \u in a quoted text: write the character itself`)
	case rest[0] >= '0' && rest[0] <= '7':
		digits, base, from = run(rest, 3, "01234567"), 8, 0
	}
	if digits == 0 {
		_, size := utf8.DecodeRuneInString(rest)
		to.WriteString(rest[:size])
		return size, nil
	}
	n, err := strconv.ParseUint(rest[from:from+digits], base, 16)
	if err != nil {
		return 0, fmt.Errorf("an escape in a quoted text: %w", err)
	}
	to.WriteByte(byte(n))
	return from + digits, nil
}

func run(text string, most int, of string) (n int) {
	for n < most && n < len(text) && strings.IndexByte(of, text[n]) >= 0 {
		n++
	}
	return n
}

// OneLine writes a statement on one line that every reader of SQL takes apart alike: without comments, texts as plain
// quoted ones, or as E'…' where they hold characters of control. A program that reads commands line by line finds none of
// its own in it (G15).
func OneLine(sql string) (string, error) {
	tokens, err := Split(sql)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	end := 0
	for i, t := range tokens {
		if i > 0 && (t.At > end || runsInto(tokens[i-1], t)) {
			out.WriteByte(' ')
		}
		end = t.End
		switch t.Kind {
		case Text:
			writeText(&out, t.Text)
		case Name:
			if strings.ContainsFunc(t.Text, control) {
				return "", errors.New("a name holds a line end or another character of control")
			}
			out.WriteString(sql[t.At:t.End])
		default:
			out.WriteString(sql[t.At:t.End])
		}
	}
	return out.String(), nil
}

// runsInto says whether two tokens that stand side by side would be another one when written anew: two texts would be one
// with a quote in it, a word with E'…' another word.
func runsInto(before, t Token) bool {
	return t.Kind == Text && (before.Kind == Text || before.Kind != Sign && strings.ContainsFunc(t.Text, control))
}

func control(r rune) bool { return r < ' ' || r == 0x7f }

func writeText(out *strings.Builder, text string) {
	quoted := "'" + strings.ReplaceAll(text, "'", "''") + "'"
	if !strings.ContainsFunc(text, control) {
		out.WriteString(quoted)
		return
	}
	out.WriteByte('E')
	for _, r := range strings.ReplaceAll(quoted, `\`, `\\`) {
		if control(r) {
			fmt.Fprintf(out, `\x%02x`, r)
			continue
		}
		out.WriteRune(r)
	}
}

// Bind puts values for the parameters of a statement: value gives the SQL of one, by the name after the dollar.
func Bind(sql string, value func(name string) (string, error)) (string, error) {
	tokens, err := Split(sql)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	end := 0
	for _, t := range tokens {
		if t.Kind != Param {
			continue
		}
		text, err := value(t.Text)
		if err != nil {
			return "", err
		}
		out.WriteString(sql[end:t.At] + " " + text + " ")
		end = t.End
	}
	return out.String() + sql[end:], nil
}

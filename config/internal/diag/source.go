package diag

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	mask      = "***"
	lineWidth = 160 // characters of a source line that are shown
)

// Text is a file's text with the stretches that must not be shown.
type Text struct {
	Bytes  []byte
	Hidden []Span // secret literals, in any order
	Opaque bool   // no line of this file is shown
}

// Show fills in the source lines and carets of l from the files they speak of.
func Show(l List, files map[string]*Text) {
	for i := range l {
		if text, ok := files[l[i].File]; ok && l[i].Line > 0 && !text.Opaque {
			l[i].Source, l[i].Marker = text.show(l[i])
		}
	}
}

// show returns line and marker, both masked, cut to a window around the place, and free of control characters.
func (t *Text) show(d Diagnostic) (string, string) {
	start, line := t.line(d.Line)
	from := start + byteColumn(line, d.Column)
	to := from + 1
	if d.width > 0 {
		from, to = d.offset, d.offset+d.width
	}
	var text, marks []rune
	for at := start; at < start+len(line); {
		if end := t.hiddenUntil(at); end > at {
			marked := from < end && to > at
			for _, r := range mask {
				text, marks = append(text, r), append(marks, mark(marked))
			}
			at = min(end, start+len(line))
			continue
		}
		r, size := utf8.DecodeRune(t.Bytes[at:])
		text, marks = append(text, printable(r)), append(marks, mark(at >= from && at < to))
		at += size
	}
	if from >= start+len(line) {
		text, marks = append(text, ' '), append(marks, '^')
	}
	return window(text, marks)
}

func mark(on bool) rune {
	if on {
		return '^'
	}
	return ' '
}

// window cuts a long line around its first mark.
func window(text, marks []rune) (string, string) {
	first := max(0, strings.IndexRune(string(marks), '^'))
	from := 0
	if len(text) > lineWidth && first > lineWidth/2 {
		from = first - lineWidth/2
	}
	to := min(len(text), from+lineWidth)
	line, under := string(text[from:to]), string(marks[from:to])
	if from > 0 {
		line, under = "…"+line, " "+under
	}
	if to < len(text) {
		line += "…"
	}
	trimmed := strings.TrimLeft(line, " ")
	cut := len(line) - len(trimmed)
	return strings.TrimRight(trimmed, " "), strings.TrimRight(under[min(cut, len(under)):], " ")
}

// printable keeps escape sequences, line breaks and text that changes its direction off the terminal.
func printable(r rune) rune {
	switch {
	case r == '\t':
		return ' '
	case r == utf8.RuneError, unicode.IsControl(r), unicode.Is(unicode.Cf, r):
		return '\uFFFD'
	}
	return r
}

func (t *Text) hiddenUntil(at int) int {
	for i := 0; i < len(t.Hidden); i++ {
		if span := t.Hidden[i]; at >= span.Start && at < span.End {
			at, i = span.End, -1
		}
	}
	return at
}

// line returns the n-th line and where it starts.
func (t *Text) line(n int) (int, []byte) {
	start := 0
	for ; n > 1; n-- {
		next := bytes.IndexByte(t.Bytes[start:], '\n')
		if next < 0 {
			return len(t.Bytes), nil
		}
		start += next + 1
	}
	line := t.Bytes[start:]
	if end := bytes.IndexByte(line, '\n'); end >= 0 {
		line = line[:end]
	}
	return start, bytes.TrimSuffix(line, []byte("\r"))
}

func byteColumn(line []byte, column int) int {
	at := 0
	for ; column > 1 && at < len(line); column-- {
		_, size := utf8.DecodeRune(line[at:])
		at += size
	}
	return at
}

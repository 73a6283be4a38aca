// Package text makes texts from outside fit to be shown to people and assistants. Only host/internal/catalog and its
// sub-folders import it.
package text

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Clean returns text from outside as it may be shown: valid UTF-8 of at most most bytes, without characters that hide,
// reorder or carry unseen text (controls, zero-width, bidirectional, tags, private use); line breaks and tabs stay (Y10).
func Clean(text string, most int) string {
	var b strings.Builder
	b.Grow(min(len(text), most))
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
	for _, r := range text {
		if hides(r) {
			continue
		}
		if b.Len()+utf8.RuneLen(r) > most {
			break
		}
		b.WriteRune(r)
	}
	return b.String()
}

// Line is Clean on one line, white space collapsed.
func Line(text string, most int) string {
	if !Plain(text, most) {
		text = strings.Join(strings.Fields(Clean(text, 4*most+64)), " ")
		text = strings.TrimSpace(Clean(text, most))
	}
	return text
}

// Plain says whether Line has nothing to do.
func Plain(text string, most int) bool {
	if len(text) > most {
		return false
	}
	for i := range len(text) {
		c := text[i]
		if c < ' ' || c > '~' || c == ' ' && (i == 0 || i == len(text)-1 || text[i-1] == ' ') {
			return false
		}
	}
	return true
}

// hides says whether a character has no place in a text that people and assistants read. Blank letters and selectors
// that are not of the category of format characters are named one by one.
func hides(r rune) bool {
	switch {
	case r == '\n' || r == '\t':
		return false
	case r < ' ', r >= 0x7f && r < 0xa0, r == 0x034f, r == 0x115f, r == 0x1160, r == 0x17b4, r == 0x17b5, r >= 0x180b && r <= 0x180f,
		r == 0x2028, r == 0x2029, r >= 0x2060 && r <= 0x206f, r == 0x3164, r >= 0xfe00 && r <= 0xfe0f, r == 0xffa0,
		r >= 0xfff0 && r <= 0xfffc, r >= 0xe0000 && r <= 0xe0fff:
		return true
	}
	return r > 0x7f && unicode.In(r, unicode.Cf, unicode.Cc, unicode.Co, unicode.Cs)
}

// Markdown is a line of foreign text inside a generated page: it opens no fence, cell, tag, heading or import (Y10).
func Markdown(text string) string {
	if !strings.ContainsAny(text, "\\`|<>[]*@#!~") {
		return text
	}
	var b strings.Builder
	for i, r := range text {
		if strings.ContainsRune("\\`|<>[]*~", r) || strings.ContainsRune("@#!", r) && (i == 0 || text[i-1] == ' ' || text[i-1] == '(') {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

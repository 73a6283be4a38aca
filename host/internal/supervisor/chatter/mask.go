// Package chatter keeps what a plugin says on its standard error, and makes anything a plugin says fit to be shown.
//
// It trusts no byte of it: lines are cut, escaped, masked and counted before they reach a log (P11). Only supervisor
// imports it.
package chatter

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	masked      = "[redacted]"
	minSecret   = 4 // bytes; shorter ones would blot out half of every text
	minDerived  = 6 // bytes of an encoded form
	longestForm = 4096
)

// Mask hides secrets in text, also where they stand in JSON, in an address, in base64, in hex or backwards (G14).
type Mask struct {
	forms    []string // longest first
	replacer *strings.Replacer
}

// NewMask returns a Mask for these secrets. Very short ones cannot be masked and are left out.
func NewMask(secrets []string) *Mask {
	forms := map[string]bool{}
	for _, secret := range secrets {
		if len(secret) < minSecret {
			continue
		}
		addForms(forms, secret)
		for _, line := range strings.FieldsFunc(secret, func(r rune) bool { return r == '\n' || r == '\r' }) {
			if len(line) >= 2*minSecret {
				addForms(forms, line)
			}
		}
	}
	ordered := make([]string, 0, len(forms))
	for form := range forms {
		ordered = append(ordered, form)
	}
	slices.SortFunc(ordered, func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a) // the longest first, else a part of it would hide the rest's place
		}
		return strings.Compare(a, b)
	})
	pairs := make([]string, 0, 2*len(ordered))
	for _, form := range ordered {
		pairs = append(pairs, form, masked)
	}
	return &Mask{forms: ordered, replacer: strings.NewReplacer(pairs...)}
}

func addForms(forms map[string]bool, secret string) {
	forms[secret] = true
	if quoted, err := json.Marshal(secret); err == nil {
		forms[string(quoted[1:len(quoted)-1])] = true
	}
	quoted := strconv.Quote(secret)
	forms[quoted[1:len(quoted)-1]] = true
	forms[url.QueryEscape(secret)] = true
	forms[url.PathEscape(secret)] = true
	derived := []string{hex.EncodeToString([]byte(secret)), strings.ToUpper(hex.EncodeToString([]byte(secret))), backwards(secret)}
	for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for offset := range 3 {
			derived = append(derived, base64Core(encoding, secret, offset))
		}
	}
	for _, form := range derived {
		if len(form) >= minDerived {
			forms[form] = true
		}
	}
}

// base64Core is the part of an encoding of anything that depends on secret alone, when secret begins offset bytes after
// a multiple of three: "user:secret" hides it as well as "secret" does.
func base64Core(encoding *base64.Encoding, secret string, offset int) string {
	text := encoding.EncodeToString(append(make([]byte, offset), secret...))
	return text[(offset*8+5)/6 : (offset+len(secret))*8/6]
}

func backwards(s string) string {
	b := []byte(s)
	slices.Reverse(b)
	return string(b)
}

// Apply returns text with every secret replaced.
func (m *Mask) Apply(text string) string { return m.replacer.Replace(text) }

// Clean returns text fit to be shown: masked, without control or invisible characters, at most max bytes and a note.
func (m *Mask) Clean(text string, max int) string {
	extra := 0
	if limit := max + longestForm; len(text) > limit {
		extra = len(text) - limit
		text = m.withoutPart(m.Apply(text[:limit]))
	} else {
		text = m.Apply(text)
	}
	if len(text) > max {
		extra += len(text) - max
		text = cut(text, max)
	}
	text = escape(text)
	if extra > 0 {
		text += "…(+" + strconv.Itoa(extra) + " bytes)"
	}
	return text
}

// cut returns at most max bytes of text, and no part of a character that the cut went through. Other broken bytes stay:
// taking them out could join what stood apart to something that masking would have found.
func cut(text string, max int) string {
	text = text[:max]
	for n := 1; n < utf8.UTFMax && n <= len(text); n++ {
		if tail := text[len(text)-n:]; utf8.RuneStart(tail[0]) {
			if !utf8.FullRuneInString(tail) {
				return text[:len(text)-n]
			}
			break
		}
	}
	return text
}

// withoutPart takes the beginning of a secret off the end of a text that was cut: masking would not know it.
func (m *Mask) withoutPart(text string) string {
	shortest := len(text)
	for _, form := range m.forms {
		for n := min(len(form)-1, len(text)); n >= minSecret; n-- {
			if strings.HasSuffix(text, form[:n]) {
				shortest = min(shortest, len(text)-n)
				break
			}
		}
	}
	return text[:shortest]
}

// escape writes what a terminal would obey, or an eye would miss, as text.
func escape(s string) string {
	if plain(s) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			b.WriteString(`\x`)
			b.WriteString(hex.EncodeToString([]byte{s[i]}))
		case unicode.IsPrint(r):
			b.WriteRune(r)
		default:
			quoted := strconv.QuoteRuneToASCII(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		}
		i += size
	}
	return b.String()
}

func plain(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

package syntax

import (
	"bytes"
	"regexp"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/ai-data-analyst/broker/config/internal/diag"
)

var (
	secretish = regexp.MustCompile(`(?i)secret|token|passw|pwd|credential|(api|private|signing|access|account|encryption)_?key|authorization|cookie|dsn|connection_string`)
	// secretLine finds a secret's value on one line of a file that does not parse.
	secretLine = regexp.MustCompile(`(?i)[\w-]*(?:secret|token|passw|pwd|credential|_?key|authorization|cookie|dsn|connection_string)[\w-]*"?[ \t]*[=:][ \t]*([^\n]*)`)
	plainCall  = regexp.MustCompile(`^(env|file|cred)\("[^"]*"\)[ \t]*$`)
	userinfo   = regexp.MustCompile(`[a-zA-Z][a-zA-Z0-9+.-]*://([^/\s"'@]*(?:@[^/\s"'@]*)*)@`)
)

// LooksSecret says whether an attribute of this name probably holds a secret.
func LooksSecret(name string) bool { return secretish.MatchString(name) }

// MaskURLs hides the userinfo of URLs in a text.
func MaskURLs(text string) string {
	return userinfo.ReplaceAllStringFunc(text, func(u string) string {
		return u[:strings.Index(u, "://")+3] + "***@"
	})
}

// Hide marks what must not be shown of the file: values of attributes whose name is secret (declared, or by its look),
// every literal within the opaque stretches, and the userinfo of URLs.
func (f *File) Hide(secret func(name string) bool, opaque []diag.Span) {
	hidden := &f.Text.Hidden
	for _, m := range userinfo.FindAllSubmatchIndex(f.Text.Bytes, -1) {
		*hidden = append(*hidden, diag.Span{Start: m[2], End: m[3]})
	}
	for i := range f.tokens {
		if name, at, ok := f.assignment(i); ok && (LooksSecret(name) || secret(name)) {
			f.hideValue(at)
		}
	}
	for _, span := range opaque {
		for i, t := range f.tokens {
			if t.Range.Start.Byte >= span.Start && t.Range.End.Byte <= span.End {
				f.hideToken(i)
			}
		}
	}
	if !f.broken {
		return
	}
	for _, m := range secretLine.FindAllSubmatchIndex(f.Text.Bytes, -1) {
		if !plainCall.Match(bytes.TrimSpace(f.Text.Bytes[m[2]:m[3]])) && m[3] > m[2] {
			*hidden = append(*hidden, diag.Span{Start: m[2], End: m[3]})
		}
	}
}

// assignment says whether token i names an attribute or key, and where its value begins.
func (f *File) assignment(i int) (name string, value int, ok bool) {
	t := f.tokens[i]
	next := i + 1
	switch t.Type {
	case hclsyntax.TokenIdent:
	case hclsyntax.TokenQuotedLit:
		next++
	default:
		return "", 0, false
	}
	if next >= len(f.tokens) || f.tokens[next].Type != hclsyntax.TokenEqual && f.tokens[next].Type != hclsyntax.TokenColon {
		return "", 0, false
	}
	return string(t.Bytes), next + 1, true
}

// hideValue hides the value that begins at token i, up to the end of its statement.
func (f *File) hideValue(i int) {
	depth := 0
	for ; i < len(f.tokens); i++ {
		switch f.tokens[i].Type {
		case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOParen, hclsyntax.TokenTemplateInterp:
			depth++
		case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen, hclsyntax.TokenTemplateSeqEnd:
			if depth--; depth < 0 {
				return
			}
		case hclsyntax.TokenNewline, hclsyntax.TokenComma:
			if depth == 0 {
				return
			}
		default:
			f.hideToken(i)
		}
	}
}

// hideToken hides token i unless it is punctuation, a function's name, or the name that a function is given.
func (f *File) hideToken(i int) {
	t := f.tokens[i]
	switch t.Type {
	case hclsyntax.TokenIdent:
		if isFunction(t) && i+1 < len(f.tokens) && f.tokens[i+1].Type == hclsyntax.TokenOParen {
			return
		}
		if text := string(t.Bytes); text == "true" || text == "false" || text == "null" {
			return
		}
		if _, _, ok := f.assignment(i); ok {
			return
		}
	case hclsyntax.TokenQuotedLit, hclsyntax.TokenStringLit:
		if i >= 3 && f.tokens[i-1].Type == hclsyntax.TokenOQuote && f.tokens[i-2].Type == hclsyntax.TokenOParen && isFunction(f.tokens[i-3]) {
			return
		}
		if _, _, ok := f.assignment(i); ok || strings.TrimSpace(string(t.Bytes)) == "" {
			return
		}
	case hclsyntax.TokenNumberLit, hclsyntax.TokenInvalid, hclsyntax.TokenBadUTF8, hclsyntax.TokenApostrophe, hclsyntax.TokenBacktick, hclsyntax.TokenQuotedNewline:
	default:
		return
	}
	if t.Range.End.Byte > t.Range.Start.Byte {
		f.Text.Hidden = append(f.Text.Hidden, diag.Span{Start: t.Range.Start.Byte, End: t.Range.End.Byte})
	}
}

func isFunction(t hclsyntax.Token) bool {
	if t.Type != hclsyntax.TokenIdent {
		return false
	}
	switch string(t.Bytes) {
	case "env", "file", "cred":
		return true
	}
	return false
}

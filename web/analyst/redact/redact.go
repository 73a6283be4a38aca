// Package redact takes secrets out of text before it leaves the laptop: tokens, keys, private keys, passwords, card
// numbers (Y11). What it takes out it counts by kind; the text around it stays, and JSON stays JSON.
//
// It works line by line where a caller needs the result of a beginning to stay the same when the text grows.
package redact

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
)

// rule finds one kind of secret. Where group is set, only that submatch is the secret.
type rule struct {
	kind    string
	pattern *regexp.Regexp
	group   int
	keep    func(match string) bool // what only looks like one
	hints   []string                // in lower case: without one of them in the text the pattern cannot match; nil = always try
}

// Words and beginnings without which no password and no token is looked for.
var (
	words    = []string{"passw", "passphrase", "pwd", "secret", "token", "key", "credential"}
	prefixes = []string{"brk_", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "xox", "npm_", "pypi-", "ya29.", "k_live_", "k_test_", "sk-"}
)

// Shapes of tokens: GitHub, GitLab, Slack, AWS, Google, npm, PyPI, Stripe, OpenAI and Anthropic publish these prefixes for
// scanners; brk_ is ours. JWT: RFC 7515 compact form with a JSON header.
func rules() []rule {
	return []rule{
		{kind: "private-key", hints: []string{"private key"}, pattern: regexp.MustCompile(`(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY( BLOCK)?-----.*?-----END [A-Z0-9 ]*PRIVATE KEY( BLOCK)?-----`)},
		{kind: "private-key", hints: []string{"private key"}, pattern: regexp.MustCompile(`-----BEGIN [A-Z0-9 ]*PRIVATE KEY( BLOCK)?-----[A-Za-z0-9+/=\\\s:,-]*`)},
		{kind: "jwt", hints: []string{"eyj"}, pattern: regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*`)},
		{kind: "token", hints: prefixes, pattern: regexp.MustCompile(`\b(?:brk_[A-Za-z0-9_-]{20,}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{16,}|xox[abeoprs]-[A-Za-z0-9-]{10,}|npm_[A-Za-z0-9]{30,}|pypi-[A-Za-z0-9_-]{30,}|ya29\.[A-Za-z0-9_-]{20,}|[sr]k_(?:live|test)_[A-Za-z0-9]{16,}|sk-[A-Za-z0-9_-]{20,})`)},
		{kind: "aws-key", hints: []string{"akia", "asia", "abia", "acca"}, pattern: regexp.MustCompile(`\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b`)},
		{kind: "google-key", hints: []string{"aiza"}, pattern: regexp.MustCompile(`\bAIza[A-Za-z0-9_-]{35}`)},
		{kind: "authorization", group: 1, hints: []string{"bearer", "basic"}, pattern: regexp.MustCompile(`(?i)\b(?:bearer|basic)\s+([A-Za-z0-9._~+/=-]{12,})`)},
		{kind: "url-password", group: 1, hints: []string{"://"}, pattern: regexp.MustCompile(`[a-z][a-z0-9+.-]{1,20}://[^\s/:@"'\\]{0,100}:([^\s/@"'\\]{1,200})@`)},
		{kind: "password", group: 1, keep: harmless, hints: words, pattern: regexp.MustCompile(
			`(?i)(?:password|passwd|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|signing[_-]?key|credential)` +
				`\\?["']?\s*(?:=>|[:=])\s*\\?["']?([^\s"'\\,;&}\])]{4,})`)},
		{kind: "password", group: 1, hints: words, pattern: regexp.MustCompile(
			`(?i)(?:password|passwd|passphrase|secret)\\?["']?\s*(?:=>|[:=])\s*\\?["]([^"\\]{2,200})\\?["]`)}, // with spaces, in quotes
		{kind: "card", keep: noCard, pattern: regexp.MustCompile(`\b[2-6]\d{3}(?:[ -]?\d){9,15}\b`)},
	}
}

// Redactor takes secrets out. Make one and use it for everything: its patterns are compiled once.
type Redactor struct{ rules []rule }

// New returns a Redactor.
func New() Redactor { return Redactor{rules()} }

// Text returns a copy of in without secrets, and how many of each kind were taken out.
func (d Redactor) Text(in []byte) ([]byte, map[string]int) {
	counts := map[string]int{}
	out, lower := bytes.Clone(in), bytes.ToLower(in)
	for _, r := range d.rules {
		if r.hints == nil || slices.ContainsFunc(r.hints, func(hint string) bool { return bytes.Contains(lower, []byte(hint)) }) {
			out = r.apply(out, counts)
		}
	}
	return out, counts
}

// Lines is Text for each line on its own, so that a text's beginning comes out the same however it goes on. A private
// key that spans lines is seen only by Text: transcripts are JSON lines, where it lies in one.
func (d Redactor) Lines(in []byte) ([]byte, map[string]int) {
	counts := map[string]int{}
	var out []byte
	for line := range bytes.Lines(in) {
		clean, found := d.Text(line)
		out = append(out, clean...)
		for kind, n := range found {
			counts[kind] += n
		}
	}
	return out, counts
}

func (r rule) apply(text []byte, counts map[string]int) []byte {
	var out []byte
	last := 0
	for _, at := range r.pattern.FindAllSubmatchIndex(text, -1) {
		from, to := at[2*r.group], at[2*r.group+1]
		found := string(text[from:to])
		if strings.HasPrefix(found, "[redacted") || (r.keep != nil && r.keep(found)) {
			continue
		}
		counts[r.kind]++
		out = append(append(out, text[last:from]...), "[redacted "+r.kind+"]"...)
		last = to
	}
	if last == 0 {
		return text
	}
	return append(out, text[last:]...)
}

// harmless says whether the value after "token:" and the like is a plain word of code or a small number.
func harmless(value string) bool {
	switch strings.ToLower(value) {
	case "null", "none", "true", "false", "string", "undefined", "self", "required", "optional", "bearer", "basic":
		return true
	}
	return strings.HasPrefix(value, "$") || strings.HasPrefix(value, "<") || strings.HasPrefix(value, "env(") || strings.HasPrefix(value, "os.") ||
		strings.HasPrefix(value, "process.") || (len(value) < 8 && strings.Trim(value, "0123456789.") == "")
}

// noCard says whether digits are no card number: the check digit of ISO/IEC 7812 (Luhn), 14 to 19 digits.
func noCard(text string) bool {
	sum, n := 0, 0
	for i := len(text) - 1; i >= 0; i-- {
		if text[i] < '0' || text[i] > '9' {
			continue
		}
		d := int(text[i] - '0')
		if n%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum, n = sum+d, n+1
	}
	return n < 14 || n > 19 || sum%10 != 0
}

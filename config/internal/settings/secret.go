package settings

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/ai-data-analyst/broker/config/internal/diag"
	"github.com/ai-data-analyst/broker/config/internal/syntax"
)

// shortest is how long a secret must be that signs something: guessing it forges sessions or webhooks (C17).
const shortest = 32

var (
	signing = regexp.MustCompile(`(?i)signing|session|jwt|webhook|cookie|encryption|hmac|secret_key`)
	// placeholder matches values that documents and templates show, whatever stands around them.
	placeholder = regexp.MustCompile(`(?i)^(<.*>|\$\{?[a-z_]*\}?|\.{3,}|…|x{3,}|\*{3,}|(dev[-_ ]?)?secret([-_ ]?key)?|(my[-_ ]?)?password\d*|passw0rd|12345\d*|token|todo|test|example|none|null|replace[-_ ]?me|fill[-_ ]?me[-_ ]?in|.*change[-_ ]?(me|this).*|your[-_ ].*|.*[-_ ]here)$`)
)

// checkSecret refuses a secret that stands in the file (unless that was allowed) or protects nothing.
func (s *reading) checkSecret(f Field, v syntax.Value, where string) {
	for _, item := range v.Items {
		s.checkSecret(f, item, where)
	}
	text, ok := scalarText(v)
	if !ok || text == "" {
		return
	}
	s.secret(text)
	if !v.Given {
		s.r.Plain(s.out.scope, v, where, fmt.Sprintf(`write %s = env("%s") and keep the value out of the file`, f.Name, strings.ToUpper(f.Name)))
	}
	switch {
	case placeholder.MatchString(strings.TrimSpace(text)):
		s.fail(v.Pos, where+" holds an example value, not a secret", "put the real value there")
	case signing.MatchString(f.Name) && len(text) < shortest:
		s.fail(v.Pos, fmt.Sprintf("%s is shorter than %d bytes", where, shortest), "generate one, e.g. with: openssl rand -hex 32")
	}
}

// Plain reports a secret that is written into the file (C15).
func (r *Reader) Plain(scope string, v syntax.Value, where, help string) {
	d := diag.At(v.Pos, diag.Error, where+" is a secret and stands in the file", help)
	switch {
	case !r.AllowPlain:
	case r.Readable(v.Pos.File):
		d.Summary, d.Help = where+" is a secret in a file that others may read", "chmod 600 "+v.Pos.File
	default:
		d.Severity = diag.Warning
	}
	r.Add(scope, d)
}

func (s *reading) secret(text string) {
	if !slices.Contains(s.out.Secrets, text) {
		s.out.Secrets = append(s.out.Secrets, text)
	}
}

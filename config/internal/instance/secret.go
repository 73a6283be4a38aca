package instance

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

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
func (s *settings) checkSecret(f Field, v syntax.Value, where string) {
	for _, item := range v.Items {
		s.checkSecret(f, item, where)
	}
	text, ok := scalarText(v)
	if !ok || text == "" {
		return
	}
	s.secret(text)
	if !v.Given {
		s.b.plain(v, where, fmt.Sprintf(`write %s = env("%s") and keep the value out of the file`, f.Name, strings.ToUpper(f.Name)))
	}
	switch {
	case placeholder.MatchString(strings.TrimSpace(text)):
		s.fail(v.Pos, where+" holds an example value, not a secret", "put the real value there")
	case signing.MatchString(f.Name) && len(text) < shortest:
		s.fail(v.Pos, fmt.Sprintf("%s is shorter than %d bytes", where, shortest), "generate one, e.g. with: openssl rand -hex 32")
	}
}

// plain reports a secret that is written into the file (C15).
func (b *block) plain(v syntax.Value, where, help string) {
	switch {
	case !b.r.o.AllowPlainSecrets:
		b.fail(v.Pos, where+" is a secret and stands in the file", help)
	case b.r.readable[v.Pos.File]:
		b.fail(v.Pos, where+" is a secret in a file that others may read", "chmod 600 "+v.Pos.File)
	default:
		b.warn(v.Pos, where+" is a secret and stands in the file", help)
	}
}

func (s *settings) secret(text string) {
	if !slices.Contains(s.out.Secrets, text) {
		s.out.Secrets = append(s.out.Secrets, text)
	}
	s.r.secret(text)
}

func (r *reader) secret(text string) {
	if text != "" && !slices.Contains(r.c.Secrets, text) {
		r.c.Secrets = append(r.c.Secrets, text)
	}
}

// secretURL keeps the password of a URL out of the file and out of logs.
func (r *reader) secretURL(b *block, where string, v syntax.Value) {
	u, err := url.Parse(v.Text)
	if err != nil {
		if v.Text != "" && strings.Contains(v.Text, "@") {
			r.secret(v.Text)
		}
		return
	}
	password, ok := u.User.Password()
	if u.Query().Get("password") != "" {
		password, ok = u.Query().Get("password"), true
	}
	if !ok || password == "" {
		return
	}
	r.secret(password)
	r.secret(v.Text)
	if !v.Given {
		b.plain(v, where+": the password", fmt.Sprintf(`write url = env("BROKER_%s_URL")`, strings.ToUpper(b.path)))
	}
}

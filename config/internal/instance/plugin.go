package instance

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/ai-data-analyst/broker/config/internal/diag"
	"github.com/ai-data-analyst/broker/config/internal/settings"
	"github.com/ai-data-analyst/broker/config/internal/syntax"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Problem returns a diagnostic about a setting, e.g. "token" or "urls[1]", at its place in the file. App uses it for what
// the plugin itself finds wrong.
func (c *Config) Problem(s settings.Settings, path string, severity diag.Severity, summary, help string) diag.Diagnostic {
	one := diag.List{s.Problem(path, severity, summary, help)}
	diag.Show(one, c.texts)
	return one[0]
}

// pluginSettings reads the block config of a plugin's block.
func (r *reader) pluginSettings(b *block, kind, plugin string) settings.Settings {
	at, body := syntax.Place(b.b.TypeRange), &hclsyntax.Body{}
	for i, inner := range b.inner("config") {
		if i > 0 {
			r.twice(b.scope, "the block config stands twice", syntax.Place(inner.TypeRange), at)
			continue
		}
		r.labels(inner, 0, b.scope)
		body, at = inner.Body, syntax.Place(inner.TypeRange)
	}
	var fields []Field
	var unchecked error
	known := r.o.Settings != nil
	if known {
		if fields, unchecked = r.o.Settings(kind, plugin); unchecked != nil {
			known = false
			r.unchecked(b.scope, at, unchecked)
			r.opaque[at.File] = append(r.opaque[at.File], diag.Span{Start: body.SrcRange.Start.Byte, End: body.SrcRange.End.Byte})
		}
	}
	for _, f := range fields {
		if f.Secret {
			r.secretNames[f.Name] = true
		}
	}
	s := r.settings.Read(body, at, b.scope, fields, known)
	s.Unchecked = unchecked
	for _, text := range s.Secrets {
		r.secret(text)
	}
	return s
}

// unchecked reports that a plugin's settings could not be checked, and why.
func (r *reader) unchecked(scope string, at diag.Pos, err error) {
	first, more, _ := strings.Cut(faultText(err), "\n")
	d := diag.At(at, diag.Unchecked, "settings not checked: "+first, fault.HelpOf(err))
	d.Detail = more
	r.add(scope, d)
}

// faultText returns what happened, without the class in brackets.
func faultText(err error) string {
	if f, ok := fault.As(err); ok && error(f) == err { //nolint:errorlint // the fault itself, not one inside
		return f.What
	}
	return err.Error()
}

func faultHelp(err error, otherwise string) string {
	if help := fault.HelpOf(err); help != "" {
		return help
	}
	return otherwise
}

// cron asks the caller's check; a parser that panics is a refusal.
func (r *reader) cron(expr, zone string) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the expression cannot be read")
		}
	}()
	return r.o.Cron(expr, zone)
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
		r.settings.Plain(b.scope, v, where+": the password", fmt.Sprintf(`write url = env("BROKER_%s_URL")`, strings.ToUpper(b.path)))
	}
}

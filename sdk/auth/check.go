package auth

import (
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Caps of what a plugin says.
const (
	maxWord   = 255     // issuer, subject, address: OpenID Connect Core §2 has 255 for sub
	maxText   = 1 << 10 // a name, a title, a paragraph
	maxURL    = 8 << 10 // an address to go to
	maxFields = 20      // of a form; and paragraphs, links
	maxGroups = 500     // of a person
)

// pathGrammar is what may stand below BaseURL.
var pathGrammar = regexp.MustCompile(`^[A-Za-z0-9_~.-]{1,200}(/[A-Za-z0-9_~.-]{1,200}){0,3}$`)

// ValidPath says whether a path may stand below a provider's BaseURL.
func ValidPath(path string) bool {
	return pathGrammar.MatchString(path) && !strings.Contains("/"+path+"/", "/../") && !strings.Contains("/"+path+"/", "/./")
}

func violation(format string, args ...any) error {
	return fault.Newf(fault.Bug, "the sign-in plugin answers wrongly: "+format, args...)
}

// Check says what is wrong with a step.
func (s Step) Check() error {
	set := 0
	for _, has := range []bool{s.Redirect != "", s.Page != nil, s.Identity != nil} {
		if has {
			set++
		}
	}
	switch {
	case set != 1:
		return violation("a step is one of redirect, page and identity, not %d of them", set)
	case s.Redirect != "":
		return checkRedirect(s.Redirect)
	case s.Page != nil:
		return s.Page.check()
	default:
		return s.Identity.Check()
	}
}

func checkRedirect(target string) error {
	u, err := url.Parse(target)
	if err != nil || len(target) > maxURL || u.Host == "" || u.User != nil || strings.IndexFunc(target, unicode.IsControl) >= 0 {
		return violation("a redirect to no address")
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return violation("a redirect to %s://, which is not https", u.Scheme)
	}
	return nil
}

func loopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}

func (p *Page) check() error {
	if p.Title == "" || len(p.Text) > maxFields || len(p.Links) > maxFields {
		return violation("a page without title, or with too much text")
	}
	for _, text := range append([]string{p.Title, p.Code, p.Button}, p.Text...) {
		if !plain(text, maxText) {
			return violation("a page with text that is too long or cannot be printed")
		}
	}
	if p.Button != "" && !ValidPath(p.Path) {
		return violation("a form that goes to %.80q", p.Path)
	}
	return checkForm(p.Fields, p.Links)
}

func checkForm(fields []FormField, links []Link) error {
	if len(fields) > maxFields || len(links) > maxFields {
		return violation("%d fields and %d links of a form", len(fields), len(links))
	}
	for _, f := range fields {
		if !sdk.ValidName(f.Name) || f.Label == "" || !plain(f.Label, maxText) || f.Type != "text" && f.Type != "email" && f.Type != "password" {
			return violation("a field %.80q of type %.40q", f.Name, f.Type)
		}
	}
	for _, l := range links {
		if l.Text == "" || !plain(l.Text, maxText) || !ValidPath(l.Path) {
			return violation("a link to %.80q", l.Path)
		}
	}
	return nil
}

// schemeGrammar is RFC 3986 §3.1 in lower case. It leaves out the schemes that browsers act on themselves.
var schemeGrammar = regexp.MustCompile(`^[a-z][a-z0-9+.-]{1,62}$`)

// validScheme says whether a program may be called by addresses of a scheme.
func validScheme(scheme string) bool {
	switch scheme {
	case "about", "blob", "chrome", "data", "file", "filesystem", "ftp", "http", "https", "javascript", "mailto", "vbscript", "view-source", "ws", "wss":
		return false
	}
	return schemeGrammar.MatchString(scheme)
}

// Check says what is wrong with a form.
func (f Form) Check() error {
	if f.Scheme != "" && !validScheme(f.Scheme) {
		return violation("a program called by the scheme %.80q", f.Scheme)
	}
	if !plain(f.Button, maxText) || !plain(f.Doc, maxText) || len(f.Origins) > maxFields {
		return violation("a form with text that is too long or cannot be printed")
	}
	for _, o := range f.Origins {
		u, err := url.Parse(o)
		if err != nil || checkRedirect(o) != nil || o != u.Scheme+"://"+u.Host || strings.ContainsAny(o, " ;,'\"") {
			return violation("%.80q is no origin", o)
		}
	}
	return checkForm(f.Fields, f.Links)
}

// Check says what is wrong with an identity.
func (i Identity) Check() error {
	switch {
	case i.Issuer == "" || i.Subject == "":
		return violation("an identity without issuer or subject")
	case !plain(i.Issuer, maxWord) || !plain(i.Subject, maxWord) || !plain(i.Email, maxWord) || !plain(i.HostedDomain, maxWord) || !plain(i.Name, maxText):
		return violation("an identity whose words are too long or cannot be printed")
	case len(i.Groups) > maxGroups:
		return violation("an identity with %d groups", len(i.Groups))
	case i.EmailVerified && i.Email == "":
		return violation("an identity with a verified address that is missing")
	}
	for _, g := range i.Groups {
		if g == "" || !plain(g, maxWord) {
			return violation("an identity with a group %.80q", g)
		}
	}
	return nil
}

// plain says whether a text is valid, printable and short.
func plain(text string, most int) bool {
	return len(text) <= most && utf8.ValidString(text) && strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

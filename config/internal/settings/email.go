package settings

import (
	"regexp"
	"strings"
)

// EmailHelp is what to do about an address that IsEmail refuses.
const EmailHelp = `write a plain address, e.g. "ada@acme.com"`

var (
	domainGrammar = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	emailGrammar  = regexp.MustCompile(`^[a-z0-9.!#$%&'*+/=?^_{|}~-]{1,64}@`)
)

// IsDomain accepts a domain in any case and returns it in lower case.
func IsDomain(s string) (string, bool) {
	s = strings.ToLower(strings.TrimSpace(s))
	return s, len(s) <= 253 && domainGrammar.MatchString(s)
}

// IsEmail accepts one plain address (one @, no quoting, no trailing dot, ASCII) and returns it in lower case.
func IsEmail(s string) (string, bool) {
	s = strings.ToLower(strings.TrimSpace(s))
	_, domain, _ := strings.Cut(s, "@")
	_, ok := IsDomain(domain)
	return s, ok && strings.Count(s, "@") == 1 && emailGrammar.MatchString(s) && len(s) <= 254
}

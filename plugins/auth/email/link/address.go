package link

import (
	"net/mail"
	"regexp"
	"strings"
)

// addressGrammar is a dot-atom of RFC 5322 §3.4.1 in ASCII at a domain of at least two labels (RFC 1035 §2.3.1): no
// quotes, comments, commas, literals, or more than one @.
var addressGrammar = regexp.MustCompile("^[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*@[a-z0-9]([a-z0-9-]*[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$")

// maxAddress and maxLocal are of RFC 5321 §4.5.3.1.
const (
	maxAddress = 254
	maxLocal   = 64
)

// canonical is the one form of an address: without spaces around it, in lower case, with its +tag. A text that is more,
// less or other than one plain address is refused.
func canonical(text string) (string, bool) {
	address := strings.ToLower(strings.Trim(text, " "))
	if len(address) > maxAddress || strings.IndexByte(address, '@') > maxLocal || !addressGrammar.MatchString(address) {
		return "", false
	}
	parsed, err := mail.ParseAddress(address)
	return address, err == nil && parsed.Address == address && parsed.Name == ""
}

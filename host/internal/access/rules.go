package access

import (
	"maps"
	"regexp"
	"strings"

	"github.com/ai-data-analyst/broker/host/internal/access/reach"
	"github.com/ai-data-analyst/broker/sdk"
)

// Everyone is the group that holds everybody.
const Everyone = "everyone"

// Origin says where something is written: a file and line of the configuration, or "database" and 0.
type Origin struct {
	File string
	Line int
}

// inDatabase is the origin of what people changed by command.
var inDatabase = Origin{File: "database"}

// Named is a text of the configuration and where it stands.
type Named struct {
	Value string
	Origin
}

// Rules are what the configuration says of people. The zero Rules let nobody in but those whom the database invites.
// Addresses and domains are in lower case.
type Rules struct {
	AllowedDomains []string
	AllowedEmails  []string
	Admins         []Named
	Privileged     []Named
	Private        []string // namespaces that no pattern opens to standard users
	DemoLogin      []string // who may come in with one click
	Groups         []RuleGroup
	Datasets       map[string][]string // name → patterns of its tables
}

// RuleGroup is a group that the configuration owns: nothing else may change it.
type RuleGroup struct {
	Name     string
	Members  []string // addresses
	Patterns []Named
	Origin
}

// Admission says why an address may have a user.
type Admission string

// The admissions, the strongest first. Not admitted is "".
const (
	ByName   Admission = "name"   // the configuration names the address
	ByDomain Admission = "domain" // it allows the domain
)

// ruleBook is Rules made ready for look-ups.
type ruleBook struct {
	Rules
	named   map[string]bool
	domains map[string]bool
	roles   map[string]role // by address
	groups  map[string]RuleGroup
	in      map[string][]string // address → names of groups
	tables  reach.Rules
}

// role is a role and who gives it.
type role struct {
	sdk.Role
	origin Origin
}

func newRuleBook(rules Rules) *ruleBook {
	rules.Datasets = maps.Clone(rules.Datasets)
	b := &ruleBook{Rules: rules, named: set(rules.AllowedEmails), domains: set(rules.AllowedDomains), tables: reach.Rules{Private: set(rules.Private), Datasets: rules.Datasets},
		roles: map[string]role{}, groups: map[string]RuleGroup{}, in: map[string][]string{}}
	for _, email := range rules.DemoLogin {
		b.named[email] = true
	}
	for _, n := range rules.Privileged {
		b.named[n.Value], b.roles[n.Value] = true, role{sdk.Privileged, n.Origin}
	}
	for _, n := range rules.Admins { // after the privileged: the highest holds
		b.named[n.Value], b.roles[n.Value] = true, role{sdk.Admin, n.Origin}
	}
	for _, g := range rules.Groups {
		b.groups[g.Name] = g
		for _, email := range g.Members {
			b.in[email] = append(b.in[email], g.Name)
		}
	}
	return b
}

// admits says whether the configuration lets an address have a user.
func (b *ruleBook) admits(email string) Admission {
	_, domain, _ := strings.Cut(email, "@")
	switch {
	case b.named[email]:
		return ByName
	case b.domains[domain]:
		return ByDomain
	}
	return ""
}

// roleOf is the highest of what configuration and database say.
func (b *ruleBook) roleOf(user sdk.User) role {
	given := role{user.Role, inDatabase}
	if configured, ok := b.roles[user.Email]; ok && rank(configured.Role) >= rank(given.Role) {
		return configured
	}
	if rank(given.Role) == 0 {
		given.Role = sdk.Standard
	}
	return given
}

// rank orders roles; what is no role is the least.
func rank(r sdk.Role) int {
	switch r {
	case sdk.Privileged:
		return 1
	case sdk.Admin:
		return 2
	}
	return 0
}

func set(values []string) map[string]bool {
	m := make(map[string]bool, len(values))
	for _, v := range values {
		m[v] = true
	}
	return m
}

var (
	groupGrammar = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,62}$`)
	emailGrammar = regexp.MustCompile(`^[a-z0-9.!#$%&'*+/=?^_{|}~-]{1,64}@([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
)

// CanonicalEmail trims an address and puts it into lower case; false for what is no plain address.
func CanonicalEmail(text string) (string, bool) {
	text = strings.ToLower(strings.TrimSpace(text))
	return text, len(text) <= 254 && emailGrammar.MatchString(text)
}

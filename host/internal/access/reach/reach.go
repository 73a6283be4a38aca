// Package reach is the one decision of access (G12): what one person may read by their role and the grants of their groups.
// It is part of the room access, knows no people, and does not change once it is made.
package reach

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/ai-data-analyst/broker/sdk"
)

// Reason is one ground for letting somebody read a table.
type Reason struct {
	Group   string `json:"group"` // "" = by role
	Pattern string `json:"pattern"`
	Origin  string `json:"origin"` // a file of the configuration, or "database"
	Line    int    `json:"line"`
}

// Reach is what one person may read: Authorize, Visible and Explain of access all ask Because.
type Reach struct {
	Open    bool // the person is let in at all
	Role    sdk.Role
	Digest  string // differs whenever an answer of Because could
	private map[string]bool

	whole      []Reason // "*"
	namespaces map[string][]Reason
	tables     map[sdk.TableName][]Reason
}

// Closed is the reach of nobody.
func Closed() *Reach { return &Reach{Digest: "closed"} }

// Because returns why a table may be read; nothing when it may not.
func (r *Reach) Because(table sdk.TableName) []Reason {
	if _, err := sdk.ParseTableName(string(table)); err != nil || !r.Open {
		return nil
	}
	namespace := table.Namespace()
	hidden := r.private[namespace] && r.Role != sdk.Admin
	if hidden && r.Role != sdk.Privileged {
		return nil
	}
	var grounds []Reason
	if !hidden { // a bare * opens no private namespace
		grounds = append(grounds, r.whole...)
	}
	grounds = append(grounds, r.namespaces[namespace]...)
	return append(grounds, r.tables[table]...)
}

// Sees says whether a table may be read.
func (r *Reach) Sees(table sdk.TableName) bool { return len(r.Because(table)) > 0 }

// Rules are what the configuration says of tables.
type Rules struct {
	Private  map[string]bool     // namespaces that no pattern opens to standard users
	Datasets map[string][]string // name → patterns of its tables
}

// New gathers what a role, given by origin, and the grants of groups open.
func New(rules Rules, role sdk.Role, origin Reason, grants []Reason) *Reach {
	r := &Reach{Open: true, Role: role, private: rules.Private, namespaces: map[string][]Reason{}, tables: map[sdk.TableName][]Reason{}}
	if role == sdk.Admin {
		r.whole = append(r.whole, Reason{Pattern: "role admin", Origin: origin.Origin, Line: origin.Line})
	}
	for _, g := range grants {
		patterns := []string{g.Pattern}
		if name, ok := strings.CutPrefix(g.Pattern, "dataset:"); ok {
			patterns = rules.Datasets[name]
		}
		for _, p := range patterns {
			r.add(p, g)
		}
	}
	r.Digest = r.sum()
	return r
}

// add opens what a pattern names, for a reason. What is no pattern opens nothing.
func (r *Reach) add(pattern string, why Reason) {
	namespace, isWhole := strings.CutSuffix(pattern, ".*")
	switch {
	case !IsPattern(pattern):
	case pattern == "*":
		r.whole = append(r.whole, why)
	case isWhole:
		r.namespaces[namespace] = append(r.namespaces[namespace], why)
	default:
		r.tables[sdk.TableName(pattern)] = append(r.tables[sdk.TableName(pattern)], why)
	}
}

// sum is a digest of everything that because goes by.
func (r *Reach) sum() string {
	lines := []string{"role " + string(r.Role)}
	if len(r.whole) > 0 {
		lines = append(lines, "*")
	}
	for namespace := range r.namespaces {
		lines = append(lines, namespace+".*")
	}
	for table := range r.tables {
		lines = append(lines, string(table))
	}
	for namespace := range r.private {
		lines = append(lines, "private "+namespace)
	}
	slices.Sort(lines)
	h := sha256.New()
	for _, line := range lines {
		fmt.Fprintln(h, line)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

var patternGrammar = regexp.MustCompile(`^(\*|[a-z][a-z0-9_]{0,62}\.(\*|[a-z][a-z0-9_]{0,62})|dataset:[a-z][a-z0-9_]{0,62})$`)

// IsPattern says whether a text names tables: namespace.table, namespace.*, * or dataset:NAME.
func IsPattern(text string) bool { return patternGrammar.MatchString(text) }

// Private says whether a namespace is private.
func (r *Reach) Private(namespace string) bool { return r.private[namespace] }

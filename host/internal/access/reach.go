package access

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
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

// reach is what one person may read. It is the one decision (G12): Authorize, Visible and Explain all ask because.
type reach struct {
	open    bool // the person is let in at all
	role    sdk.Role
	private map[string]bool

	whole      []Reason // "*"
	namespaces map[string][]Reason
	tables     map[sdk.TableName][]Reason
	digest     string
}

// closed is the reach of nobody.
var closed = &reach{digest: "closed"}

// because returns why a table may be read; nothing when it may not.
func (r *reach) because(table sdk.TableName) []Reason {
	if _, err := sdk.ParseTableName(string(table)); err != nil || !r.open {
		return nil
	}
	namespace := table.Namespace()
	hidden := r.private[namespace] && r.role != sdk.Admin
	if hidden && r.role != sdk.Privileged {
		return nil
	}
	var grounds []Reason
	if !hidden { // a bare * opens no private namespace
		grounds = append(grounds, r.whole...)
	}
	grounds = append(grounds, r.namespaces[namespace]...)
	return append(grounds, r.tables[table]...)
}

func (r *reach) sees(table sdk.TableName) bool { return len(r.because(table)) > 0 }

// newReach gathers what a role and the grants of groups open.
func newReach(book *ruleBook, held role, grants []Reason) *reach {
	r := &reach{open: true, role: held.Role, private: book.private, namespaces: map[string][]Reason{}, tables: map[sdk.TableName][]Reason{}}
	if held.Role == sdk.Admin {
		r.whole = append(r.whole, Reason{Pattern: "role admin", Origin: held.origin.File, Line: held.origin.Line})
	}
	for _, g := range grants {
		patterns := []string{g.Pattern}
		if name, ok := strings.CutPrefix(g.Pattern, "dataset:"); ok {
			patterns = book.Datasets[name]
		}
		for _, p := range patterns {
			r.add(p, g)
		}
	}
	r.digest = r.sum()
	return r
}

// add opens what a pattern names, for a reason. What is no pattern opens nothing.
func (r *reach) add(pattern string, why Reason) {
	namespace, isWhole := strings.CutSuffix(pattern, ".*")
	switch {
	case !patternGrammar.MatchString(pattern):
	case pattern == "*":
		r.whole = append(r.whole, why)
	case isWhole:
		r.namespaces[namespace] = append(r.namespaces[namespace], why)
	default:
		r.tables[sdk.TableName(pattern)] = append(r.tables[sdk.TableName(pattern)], why)
	}
}

// sum is a digest of everything that because goes by.
func (r *reach) sum() string {
	lines := []string{"role " + string(r.role)}
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

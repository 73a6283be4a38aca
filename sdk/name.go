package sdk

import (
	"fmt"
	"regexp"
	"strings"
)

// NamePattern is the grammar of every name that broker publishes: streams, tables, namespaces, columns, sources.
const NamePattern = `^[a-z][a-z0-9_]{0,62}$`

var nameGrammar = regexp.MustCompile(NamePattern)

// ValidName says whether s follows NamePattern.
func ValidName(s string) bool { return nameGrammar.MatchString(s) }

// TableName is the published name of a table, "<namespace>.<table>", e.g. "shop.orders".
type TableName string

// ParseTableName reads "<namespace>.<table>"; both parts follow NamePattern.
func ParseTableName(s string) (TableName, error) {
	namespace, table, ok := strings.Cut(s, ".")
	if !ok || !ValidName(namespace) || !ValidName(table) {
		return "", fmt.Errorf("table name %q: want <namespace>.<table>, each %s", s, NamePattern)
	}
	return TableName(s), nil
}

// Namespace returns the part before the dot.
func (n TableName) Namespace() string { ns, _, _ := strings.Cut(string(n), "."); return ns }

// Table returns the part after the dot.
func (n TableName) Table() string { _, t, _ := strings.Cut(string(n), "."); return t }

// Rejected returns the name of the table that holds the rows of n that did not fit. It belongs to n's table set.
func (n TableName) Rejected() TableName { return n + "__rejected" }

// NormalName turns any text into a name of the grammar: lower case, other characters become "_", a leading digit gets
// "c_" before it, at most 63 bytes. It returns "" when nothing usable is left. Uniqueness is the caller's.
func NormalName(s string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(strings.TrimSpace(s)) {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			b.WriteRune(r)
		} else {
			b.WriteByte('_')
		}
	}
	name := strings.Trim(b.String(), "_")
	if name == "" {
		return ""
	}
	if name[0] >= '0' && name[0] <= '9' {
		name = "c_" + name
	}
	if len(name) > 63 {
		name = strings.TrimRight(name[:63], "_")
	}
	return name
}

package usage

import (
	"regexp"
	"slices"
	"strings"

	"github.com/ai-data-analyst/broker/sdk"
)

// silent is what names nothing: texts and comments.
var silent = regexp.MustCompile(`(?s)'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/|\$\$.*?\$\$`)

// word is an identifier, plain or quoted, maybe of two parts, or a comma, or a bracket.
var word = regexp.MustCompile(`(?:"(?:[^"]|"")*"|[A-Za-z_][A-Za-z0-9_]*)(?:\s*\.\s*(?:"(?:[^"]|"")*"|[A-Za-z_][A-Za-z0-9_]*))*|[,()]`)

// ending are the words behind which no table is named until the next FROM or JOIN.
var ending = map[string]bool{"where": true, "on": true, "using": true, "group": true, "order": true, "having": true, "limit": true, "select": true,
	"union": true, "except": true, "intersect": true, "window": true, "qualify": true, "set": true}

// Named returns those of the known tables that stand where a statement reads tables, sorted. It reads words, not grammar:
// a name that the statement itself gives to something else may be taken for a table's short name.
func Named(statement string, known []sdk.TableName) []sdk.TableName {
	whole, short := map[string]sdk.TableName{}, map[string]sdk.TableName{}
	for _, name := range known {
		whole[string(name)] = name
		_, table, _ := strings.Cut(string(name), ".")
		if _, twice := short[table]; twice {
			short[table] = "" // which of the two is not said
			continue
		}
		short[table] = name
	}
	var found []sdk.TableName
	reading, next := false, false // inside FROM; at a place where a table is named
	for _, text := range word.FindAllString(silent.ReplaceAllString(statement, " "), -1) {
		name := normal(text)
		switch {
		case name == "from" || name == "join" || name == "describe" || name == "summarize":
			reading, next = true, true
		case ending[name]:
			reading, next = false, false
		case text == ",":
			next = reading
		case text == "(" || text == ")":
		case next:
			next = false
			table, ok := whole[name]
			if !ok {
				table = short[name]
			}
			if table != "" && !slices.Contains(found, table) {
				found = append(found, table)
			}
		}
	}
	slices.Sort(found)
	return found
}

// normal is an identifier without quotes and blanks, in lower case, of its last two parts.
func normal(text string) string {
	parts := strings.Split(text, ".")
	for i, part := range parts {
		parts[i] = strings.ToLower(strings.Trim(strings.TrimSpace(part), `"`))
	}
	if len(parts) > 2 {
		parts = parts[len(parts)-2:]
	}
	return strings.Join(parts, ".")
}

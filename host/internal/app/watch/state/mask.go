package state

import (
	"regexp"
	"strings"

	"github.com/ai-data-analyst/broker/sdk"
)

// Mask takes the names of tables out of texts for readers who may not see those tables. It knows published names, names
// without their namespace, and what the tables are called at their sources.
type Mask struct {
	names map[string][]sdk.TableName // by what a text may call them, in small letters
}

// NewMask returns a mask that knows no table.
func NewMask() *Mask { return &Mask{names: map[string][]sdk.TableName{}} }

// Know adds a table with other names that it has, such as SOURCE.STREAM.
func (m *Mask) Know(table sdk.TableName, others ...string) {
	for _, name := range append([]string{string(table), table.Table()}, others...) {
		if name = strings.ToLower(name); name != "" {
			m.names[name] = append(m.names[name], table)
		}
	}
}

// word is what may be a name, with or without a namespace.
var word = regexp.MustCompile(`[\pL\pN_]+(?:\.[\pL\pN_]+)*`)

// Text returns text with every name replaced that belongs only to tables which the reader may not see.
func (m *Mask) Text(text string, sees func(sdk.TableName) bool) string {
	if text == "" {
		return ""
	}
	return word.ReplaceAllStringFunc(text, func(found string) string {
		parts := strings.Split(found, ".")
		for i := 0; i < len(parts); i++ {
			if i+1 < len(parts) && m.hidden(parts[i]+"."+parts[i+1], sees) {
				parts[i], parts = "another table", append(parts[:i+1], parts[i+2:]...)
				continue
			}
			seen := i > 0 && m.seen(parts[i-1]+"."+parts[i], sees) || i+1 < len(parts) && m.seen(parts[i]+"."+parts[i+1], sees)
			if !seen && m.hidden(parts[i], sees) {
				parts[i] = "another table"
			}
		}
		return strings.Join(parts, ".")
	})
}

// hidden says whether a name means tables, none of which the reader may see.
func (m *Mask) hidden(name string, sees func(sdk.TableName) bool) bool {
	return len(m.names[strings.ToLower(name)]) > 0 && !m.seen(name, sees)
}

func (m *Mask) seen(name string, sees func(sdk.TableName) bool) bool {
	for _, table := range m.names[strings.ToLower(name)] {
		if sees(table) {
			return true
		}
	}
	return false
}

// Unseen are a message and a help for a run of which the reader may see a part only.
func Unseen() (message, help string) {
	return "The run that brings this table did not succeed; the reason concerns tables that are not yours to see.", "Ask an admin of the instance, who sees the whole run."
}

// Told is a run's message and help as a reader may have them: in full only to who sees all tables of the run.
func (m *Mask) Told(message, help string, set []sdk.TableName, sees func(sdk.TableName) bool) (string, string) {
	if message == "" && help == "" {
		return "", ""
	}
	for _, table := range set {
		if !sees(table) {
			return Unseen()
		}
	}
	return m.Text(message, sees), m.Text(help, sees)
}

// Package register writes table definitions into the text of data_description.md. What people wrote there stays as it is,
// byte by byte.
package register

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
)

// Table is one definition to write; the fields are those of data_description.md.
type Table struct {
	ID, Source, Folder, Name, Description, Strategy string
	PrimaryKey                                      []string
	PII                                             []string // columns marked pii
}

// Version names a text: two texts with one version are the same. "" for none.
func Version(text []byte) string {
	if len(text) == 0 {
		return ""
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// mark is the first line of the block that broker writes into.
const mark = "# Registered in the portal or by broker describe. Edit as you like."

const fence = "```"

// Append returns the text with the tables added: at the end of the block that was written before, when that still ends the
// text, else in a block of its own. The text may be empty.
func Append(text []byte, tables []Table) []byte {
	if len(tables) == 0 {
		return text
	}
	var entries bytes.Buffer
	for _, t := range tables {
		t.write(&entries)
	}
	trimmed := bytes.TrimRight(text, " \t\r\n")
	if body, ok := bytes.CutSuffix(trimmed, []byte("\n"+fence)); ok {
		if at := bytes.LastIndex(body, []byte(fence+"yaml\n"+mark+"\ntables:\n")); at >= 0 && !bytes.Contains(body[at+len(fence):], []byte("\n"+fence)) {
			return slice(body, "\n\n", entries.String(), fence, "\n")
		}
	}
	if len(trimmed) == 0 {
		trimmed = []byte("# Our data")
	}
	return slice(trimmed, "\n\n## Registered tables\n\n", fence, "yaml\n", mark, "\ntables:\n", entries.String(), fence, "\n")
}

func slice(head []byte, rest ...string) []byte {
	return append(bytes.Clone(head), strings.Join(rest, "")...)
}

// write writes one definition. Every text is quoted: it is somebody else's.
func (t Table) write(out *bytes.Buffer) {
	fmt.Fprintf(out, "  - id: %s\n", quoted(t.ID))
	for _, field := range []struct{ name, value string }{{"source", t.Source}, {"folder", t.Folder}, {"name", t.Name},
		{"description", t.Description}, {"primary_key", strings.Join(t.PrimaryKey, ", ")}, {"sync_strategy", t.Strategy}} {
		if field.value != "" {
			fmt.Fprintf(out, "    %s: %s\n", field.name, quoted(field.value))
		}
	}
	if len(t.PII) > 0 {
		out.WriteString("    columns:\n")
		for _, column := range t.PII {
			fmt.Fprintf(out, "      %s: {pii: true}\n", quoted(column))
		}
	}
}

// quoted is a text as YAML in double quotes, of which JSON's strings are a part (YAML 1.2 §1.3); what YAML does not take
// plain is escaped.
func quoted(text string) string {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(text); err != nil {
		return `""` // a string always has a form
	}
	escaped := strings.TrimSuffix(out.String(), "\n")
	for _, r := range []rune{'\u007f', '\u0085', '\ufeff'} {
		escaped = strings.ReplaceAll(escaped, string(r), fmt.Sprintf(`\u%04x`, r))
	}
	return escaped
}

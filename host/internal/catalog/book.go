package catalog

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/ai-data-analyst/broker/host/internal/catalog/metric"
	"github.com/ai-data-analyst/broker/host/internal/catalog/text"
	"github.com/ai-data-analyst/broker/sdk"
)

// Writings are everything that people have written about the tables of an instance.
type Writings struct {
	Instance    string // its name
	Definitions []Definition
	Datasets    []Dataset
	Metrics     []Metric
	Prose       string // data_description.md as it is
	Undecided   bool   // a definition cannot be read: what the prose is about is not known
}

// Dataset is a configured dataset.
type Dataset struct {
	Name, Label, Description, SizeHint string
	Requires                           []string
	Patterns                           []string // ns.table, ns.*, *
	Text                               string   // datasets/<name>.md as it is; "" = none
}

// Metric is a file metrics/<category>/<name>.yml.
type Metric struct {
	Category, Name string
	Text           string
}

// Limits of what is shown of one text, in bytes.
const (
	maxLine  = 2_000
	maxProse = 256 << 10
)

// Book is what people have written, ready for look-ups. It does not change. Safe for concurrent use.
type Book struct {
	w       Writings
	rev     string
	byName  map[sdk.TableName]*Definition
	names   []sdk.TableName // of all definitions
	metrics []metric.File

	mu     sync.Mutex
	leaves map[leafKey]leaf // of one generation of a table each
}

// NewBook reads the metrics and keeps the rest as it is. Problems are metrics that cannot be shown to anybody.
func NewBook(w Writings) (*Book, []Problem) {
	b := &Book{w: w, byName: map[sdk.TableName]*Definition{}}
	for i := range w.Definitions {
		d := &w.Definitions[i]
		name := sdk.TableName(d.Folder + "." + d.Name)
		b.byName[name] = d
		b.names = append(b.names, name)
	}
	var problems []Problem
	for _, file := range w.Metrics {
		m, err := metric.Read(file.Category, file.Name, file.Text)
		if err != nil {
			problems = append(problems, Problem{File: "metrics/" + file.Category + "/" + file.Name + ".yml", Summary: "the metric cannot be shown: " + err.Error(),
				Help: "a metric is one map, or a list of maps, of text", Warning: true})
			continue
		}
		b.metrics = append(b.metrics, m)
	}
	written, err := json.Marshal(w)
	if err != nil { // strings, numbers and maps of them: cannot be
		problems = append(problems, Problem{Summary: "the descriptions cannot be compared: " + err.Error()})
	}
	sum := sha256.Sum256(written)
	b.rev = hex.EncodeToString(sum[:16])
	return b, problems
}

// Rev differs whenever anything that was written does.
func (b *Book) Rev() string { return b.rev }

// Find returns the definition of a published table.
func (b *Book) Find(name sdk.TableName) (Definition, bool) {
	d, ok := b.byName[name]
	if !ok {
		return Definition{}, false
	}
	return *d, true
}

// Names are the tables that are defined, published or not.
func (b *Book) Names() []sdk.TableName { return b.names }

// Remark returns what a definition says of a column, by its name or the source's name for it.
func (d Definition) Remark(column string) Column {
	if c, ok := d.Columns[column]; ok {
		return c
	}
	for name, c := range d.Columns {
		if sdk.NormalName(name) == column {
			return c
		}
	}
	return Column{}
}

// Relations are the foreign keys of a table; Table is the full name of the table that is meant, whether it exists or not.
func (b *Book) Relations(name sdk.TableName) []ForeignKey {
	d, ok := b.byName[name]
	if !ok {
		return nil
	}
	out := make([]ForeignKey, 0, len(d.ForeignKeys))
	for _, k := range d.ForeignKeys {
		to, known := b.mean(k.Table, name.Namespace())
		if !known {
			to = sdk.TableName(sdk.NormalName(k.Table))
			if !strings.Contains(string(to), ".") {
				to = "main." + to
			}
			if _, err := sdk.ParseTableName(k.Table); err == nil {
				to = sdk.TableName(k.Table)
			}
		}
		out = append(out, ForeignKey{Column: column(k.Column), Table: string(to), RefColumn: column(k.RefColumn), Description: text.Line(k.Description, maxLine)})
	}
	return out
}

func column(name string) string {
	if sdk.ValidName(name) {
		return name
	}
	return sdk.NormalName(name)
}

// mean returns the defined table that people mean: by full name, in the same namespace, by a name or id that only one has.
func (b *Book) mean(words, namespace string) (sdk.TableName, bool) {
	for _, name := range []sdk.TableName{sdk.TableName(words), sdk.TableName(namespace + "." + words)} {
		if _, ok := b.byName[name]; ok {
			return name, true
		}
	}
	var found []sdk.TableName
	for _, name := range b.names {
		if d := b.byName[name]; d.Name == words || d.ID == words {
			found = append(found, name)
		}
	}
	if len(found) == 1 {
		return found[0], true
	}
	return "", false
}

// Has says whether a table belongs to a dataset: by the patterns of its configuration or by the table's definition.
func (b *Book) Has(d Dataset, name sdk.TableName) bool {
	if def, ok := b.byName[name]; ok && def.Dataset == d.Name {
		return true
	}
	return slices.ContainsFunc(d.Patterns, func(p string) bool {
		namespace, whole := strings.CutSuffix(p, ".*")
		return p == "*" || p == string(name) || whole && namespace == name.Namespace()
	})
}

// sight is which of all tables somebody sees.
type sight struct {
	tables     []Exhibit
	everything bool                   // all tables that are published or defined, and no definition is unreadable
	hidden     map[string]bool        // names, full and short, of tables that are not seen; short ones of seen tables left out
	all        map[sdk.TableName]bool // published or defined → seen
}

func (b *Book) sight(tables []Exhibit, published []sdk.TableName, visible func(sdk.TableName) bool) sight {
	n := len(published) + len(b.names)
	s := sight{tables: tables, everything: !b.w.Undecided, hidden: map[string]bool{}, all: make(map[sdk.TableName]bool, n)}
	short := make(map[string]bool, n)
	for _, names := range [][]sdk.TableName{published, b.names} {
		for _, name := range names {
			s.all[name] = visible(name)
			short[name.Table()] = short[name.Table()] || s.all[name]
		}
	}
	for name, seen := range s.all {
		if seen {
			continue
		}
		s.everything, s.hidden[string(name)] = false, true
		if !short[name.Table()] {
			s.hidden[name.Table()] = true
		}
	}
	return s
}

// mentions says whether a text has the name of a table that is not seen, as a word.
func (s sight) mentions(prose string) bool {
	if len(s.hidden) == 0 {
		return false
	}
	words := strings.FieldsFunc(strings.ToLower(prose), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_' && r != '.'
	})
	for _, word := range words {
		parts := strings.Split(word, ".")
		for i, part := range parts {
			if s.hidden[part] || i > 0 && s.hidden[parts[i-1]+"."+part] {
				return true
			}
		}
	}
	return false
}

// whole says whether all tables of a dataset are seen.
func (s sight) whole(b *Book, d Dataset) bool {
	for name, seen := range s.all {
		if !seen && b.Has(d, name) {
			return false
		}
	}
	return !b.w.Undecided
}

// quoted is a value as YAML and JSON have it.
func quoted(value string) string {
	if text.Plain(value, maxLine) && !strings.ContainsAny(value, `"\`) {
		return `"` + value + `"`
	}
	out, err := json.Marshal(value)
	if err != nil { // a string cannot fail
		return fmt.Sprintf("%q", value)
	}
	return string(out)
}

// Line returns a text from outside as it may be shown, on one line of bounded length, without characters that hide,
// reorder or carry unseen text (Y10).
func Line(words string) string { return text.Line(words, maxLine) }

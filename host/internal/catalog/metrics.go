package catalog

import (
	"cmp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/ai-data-analyst/broker/host/internal/catalog/metric"
)

// shows says whether somebody may see a metric: every table that it names is known and seen. One that names none may be
// about any, so it is for those who see everything.
func (b *Book) shows(m metric.File, s sight) bool {
	for _, text := range m.Tables {
		if !b.seen(text, s) {
			return false
		}
	}
	return (len(m.Tables) > 0 || s.everything) && !s.mentions(string(m.Body))
}

func (b *Book) seen(text string, s sight) bool {
	if name, ok := b.mean(text, ""); ok {
		return s.all[name]
	}
	found := 0
	for name, seen := range s.all {
		if string(name) == text || name.Table() == text {
			if !seen {
				return false
			}
			found++
		}
	}
	return found == 1
}

// definitions are docs/metrics/: an index and one file for each that is shown.
func (b *Book) definitions(s sight) []Document {
	var docs []Document
	var heads []metric.Head
	taken := map[string]bool{}
	for _, m := range b.metrics {
		path := strings.ToLower(m.Path) // some systems know no difference
		if taken[path] || !b.shows(m, s) {
			continue
		}
		taken[path] = true
		docs = append(docs, Document{"docs/metrics/" + m.Path, m.Body})
		heads = append(heads, m.Heads...)
	}
	if len(heads) == 0 {
		return nil
	}
	slices.SortStableFunc(heads, func(x, y metric.Head) int {
		return cmp.Or(cmp.Compare(x.Category, y.Category), cmp.Compare(x.Name, y.Name))
	})
	index, err := yaml.Marshal(map[string]any{"metrics": heads})
	if err != nil { // structs of strings cannot fail
		return docs
	}
	return append(docs, Document{"docs/metrics/metrics.yml", index})
}

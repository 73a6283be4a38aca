package catalog

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ai-data-analyst/broker/host/internal/catalog/metric"
	"github.com/ai-data-analyst/broker/sdk"
)

// CheckMetrics says what is wrong with definitions of metrics: every file is read, every field looked at, names and tables
// compared. tables are the published ones; nil = not known.
func CheckMetrics(files []Metric, tables []sdk.TableName) []Problem {
	var problems []Problem
	first := map[string]string{}
	for _, file := range files {
		path := "metrics/" + file.Category + "/" + file.Name + ".yml"
		found, flaws := metric.Check(file.Category, file.Name, file.Text)
		for _, f := range flaws {
			problems = append(problems, Problem{File: path, Line: f.Line, Summary: f.Summary, Help: f.Help, Warning: f.Warning})
		}
		for _, one := range found {
			if before, ok := first[one.Name]; ok {
				problems = append(problems, Problem{File: path, Line: one.Line, Summary: fmt.Sprintf("the metric %.60q is defined twice", one.Name), Help: "It stands in " + before + " too. Rename one."})
			} else {
				first[one.Name] = fmt.Sprintf("%s:%d", path, one.Line)
			}
			problems = append(problems, unknown(path, one, tables)...)
		}
	}
	return problems
}

// unknown are tables of a definition that are not published, or that more than one namespace has.
func unknown(path string, one metric.Named, tables []sdk.TableName) []Problem {
	if tables == nil {
		return nil
	}
	var problems []Problem
	for _, text := range one.Tables {
		var means []string
		for _, name := range tables {
			if string(name) == text || name.Table() == text {
				means = append(means, string(name))
			}
		}
		switch {
		case slices.Contains(means, text) || len(means) == 1:
		case len(means) == 0:
			problems = append(problems, Problem{File: path, Line: one.Line, Warning: true, Summary: fmt.Sprintf("the metric %.60q names the table %.140q, which is not published", one.Name, text),
				Help: "Nobody sees it until the table is there. See broker tables."})
		default:
			problems = append(problems, Problem{File: path, Line: one.Line, Summary: fmt.Sprintf("the metric %.60q names the table %.140q, which may be several", one.Name, text),
				Help: "Write one of " + strings.Join(means, ", ") + "."})
		}
	}
	return problems
}

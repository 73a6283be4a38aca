// Package definitions checks the definitions of metrics beside a configuration. It is part of the room app and decides nothing
// itself: catalog says what is wrong.
package definitions

import (
	"github.com/ai-data-analyst/broker/config"
	"github.com/ai-data-analyst/broker/host/internal/app/share"
	"github.com/ai-data-analyst/broker/host/internal/catalog"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Report is what a check found. Its JSON form is that of `broker metrics check --json`.
type Report struct {
	Files    int                `json:"files"`
	Problems config.Diagnostics `json:"problems"`
}

// Check reads every file below dir. tables are the published names; nil = not known.
func Check(dir string, tables []string) (Report, error) {
	files, err := share.Metrics(dir)
	if err != nil {
		return Report{}, fault.Wrap(fault.Config, err, "read the definitions")
	}
	var names []sdk.TableName
	for _, name := range tables {
		names = append(names, sdk.TableName(name))
	}
	report := Report{Files: len(files), Problems: config.Diagnostics{}}
	for _, p := range catalog.CheckMetrics(files, names) {
		d := config.Diagnostic{Severity: config.Error, File: p.File, Line: p.Line, Summary: p.Summary, Help: p.Help, Scope: "metrics"}
		if p.Warning {
			d.Severity = config.Warning
		}
		report.Problems = append(report.Problems, d)
	}
	report.Problems = report.Problems.Sort()
	return report, nil
}

// Package definitions checks the definitions of metrics beside a configuration, and tells problems as diagnostics. It is part of the room app and decides nothing
// itself: catalog says what is wrong.
package definitions

import (
	"github.com/ai-data-analyst/broker/config"
	"github.com/ai-data-analyst/broker/host/internal/app/listing"
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

// Check reads every file below dir.
func Check(dir string, published listing.TablesReport) (Report, error) {
	files, err := share.Metrics(dir)
	if err != nil {
		return Report{}, fault.Wrap(fault.Config, err, "read the definitions")
	}
	names := []sdk.TableName{}
	for _, t := range published.Tables {
		names = append(names, sdk.TableName(t.Name))
	}
	report := Report{Files: len(files), Problems: config.Diagnostics{}}
	for _, p := range catalog.CheckMetrics(files, names) {
		report.Problems = append(report.Problems, Diagnostic(p))
	}
	report.Problems = report.Problems.Sort()
	return report, nil
}

// Diagnostic is a problem as diagnostics are told.
func Diagnostic(p catalog.Problem) config.Diagnostic {
	d := config.Diagnostic{Severity: config.Error, File: p.File, Line: p.Line, Summary: p.Summary, Help: p.Help, Scope: "source." + p.Source}
	switch {
	case p.Table != "":
		d.Scope = "table." + string(p.Table)
	case p.Source == "":
		d.Scope = "metrics"
	}
	if p.Warning {
		d.Severity = config.Warning
	}
	return d
}

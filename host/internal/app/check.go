package app

import (
	"context"
	"slices"

	"github.com/ai-data-analyst/broker/config"
	"github.com/ai-data-analyst/broker/host/internal/app/definitions"
	"github.com/ai-data-analyst/broker/host/internal/lake"
)

// CheckReport is what a check found. Its JSON form is that of `broker check --json`.
type CheckReport struct {
	Files       []string           `json:"files"`
	Problems    config.Diagnostics `json:"problems"`
	Sources     []SourceReport     `json:"sources"`
	Connections []ConnectionReport `json:"connections,omitempty"`
	Lake        *ConnectionReport  `json:"lake,omitempty"` // where the lake is in an object store; Source is empty
}

// ConnectionReport is what a source said when asked whether it can be used.
type ConnectionReport struct {
	Source string   `json:"source"`
	Check  string   `json:"check"`
	Error  *Failure `json:"error,omitempty"`
}

// Failed says whether anything is wrong.
func (r CheckReport) Failed() bool {
	if r.Problems.Failing() {
		return true
	}
	for _, c := range r.Connections {
		if c.Error != nil {
			return true
		}
	}
	return r.Lake != nil && r.Lake.Error != nil
}

// Check reports everything that is wrong with configuration, table definitions and plugins' settings. It pins nothing.
// With connect each source is asked whether it can be used, and the definitions are held against its streams.
func (a *App) Check(ctx context.Context, connect bool) (CheckReport, error) {
	description, problems := a.describeTables()
	report := CheckReport{Files: append(append([]string{}, a.configured().Files...), description.Files...),
		Problems: append(append(config.Diagnostics{}, a.read.Load().diagnostics...), problems...), Sources: []SourceReport{}}
	if !connect {
		for _, s := range a.configured().Sources {
			report.Sources = append(report.Sources, sourceReport(s, nil, s.Err))
		}
		return report, nil
	}
	if place := a.configured().Lake.URL; place != "file" {
		report.Lake = &ConnectionReport{Check: "bucket", Error: FailureOf(lake.Options{URL: place}.Reach(ctx))}
	}
	p, err := a.resolve(ctx, nil)
	if err != nil {
		return report, err
	}
	report.Sources = p.sources
	for _, problem := range p.problems {
		d := definitions.Diagnostic(problem)
		if !slices.ContainsFunc(report.Problems, func(o config.Diagnostic) bool { return o.File == d.File && o.Line == d.Line && o.Summary == d.Summary }) {
			report.Problems = append(report.Problems, d)
		}
	}
	report.Problems = report.Problems.Sort()
	for i, source := range a.configured().Sources {
		if p.sources[i].Error != nil {
			report.Connections = append(report.Connections, ConnectionReport{Source: source.Name, Check: "streams", Error: p.sources[i].Error})
			continue
		}
		report.Connections = append(report.Connections, a.connect(ctx, source)...)
	}
	return report, ctx.Err()
}

// CheckMetrics says what is wrong with the definitions of metrics beside the configuration.
func (a *App) CheckMetrics(ctx context.Context) (definitions.Report, error) {
	published, err := a.Tables(ctx, 0)
	if err != nil {
		return definitions.Report{}, err
	}
	return definitions.Check(a.configured().Dir, published)
}

func (a *App) connect(ctx context.Context, source config.Source) []ConnectionReport {
	ctx, cancel := context.WithTimeout(ctx, discoverTime)
	defer cancel()
	failed := func(err error) []ConnectionReport {
		return []ConnectionReport{{Source: source.Name, Check: "connection", Error: FailureOf(err)}}
	}
	loan, err := a.lend(ctx, source, "check-"+source.Name)
	if err != nil {
		return failed(err)
	}
	items, err := loan.Session().Check(ctx)
	if closed := loan.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return failed(err)
	}
	var reports []ConnectionReport
	for _, item := range items {
		r := ConnectionReport{Source: source.Name, Check: item.Name}
		if item.Err != nil {
			r.Error = FailureOf(item.Err)
		}
		reports = append(reports, r)
	}
	return reports
}

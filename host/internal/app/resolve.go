package app

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ai-data-analyst/broker/config"
	"github.com/ai-data-analyst/broker/host/internal/app/door"
	"github.com/ai-data-analyst/broker/host/internal/catalog"
	"github.com/ai-data-analyst/broker/host/internal/supervisor"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// SourceReport is how a source stands before any of its tables is known.
type SourceReport struct {
	Name      string   `json:"name"`
	Connector string   `json:"connector"`
	Status    string   `json:"status"` // ok | failed
	Schedule  string   `json:"schedule,omitempty"`
	Timezone  string   `json:"timezone,omitempty"`
	Streams   []string `json:"streams,omitempty"`
	Error     *Failure `json:"error,omitempty"`
}

// Failure is an error as scripts read it.
type Failure struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Help    string `json:"help,omitempty"`
}

// FailureOf returns err as scripts read it; nil for nil.
func FailureOf(err error) *Failure {
	if err == nil {
		return nil
	}
	return &Failure{Code: string(fault.CodeOf(err)), Message: fault.TextOf(err), Help: fault.HelpOf(err)}
}

// plan is what is to be synced: the sets, and what stands in the way of others.
type plan struct {
	sets     []catalog.Set
	sources  []SourceReport
	problems []catalog.Problem
}

// resolve asks the sources that the patterns may mean for their streams and makes table sets of them.
func (a *App) resolve(ctx context.Context, patterns []string) (plan, error) {
	description, diagnostics := a.describeTables()
	var p plan
	wanted := a.wanted(patterns)
	reports := make([]SourceReport, len(wanted))
	streams := make([][]sdk.Stream, len(wanted))
	var asked sync.WaitGroup
	slots := make(chan struct{}, a.options.Jobs)
	for i, source := range wanted {
		asked.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			found, err := a.discover(ctx, source)
			streams[i], reports[i] = found, sourceReport(source, found, err)
		})
	}
	asked.Wait()
	p.sources = reports
	input := door.Input(description, a.options.Now())
	for i, source := range wanted {
		if reports[i].Error == nil {
			input.Sources = append(input.Sources, catalog.Source{Name: source.Name, Tables: source.Tables, Streams: streams[i], File: source.File, Line: source.Line})
		}
	}
	sets, problems := catalog.Resolve(input)
	p.sets, p.problems = sets, problems
	for _, d := range diagnostics {
		if d.Severity == config.Error && len(patterns) == 0 {
			p.problems = append(p.problems, catalog.Problem{File: d.File, Line: d.Line, Summary: d.Summary, Help: d.Help})
		}
	}
	if err := ctx.Err(); err != nil {
		return p, err
	}
	return p.choose(patterns)
}

// choose narrows the plan to the patterns. One that fits nothing is a mistake of the command, unless what stands in the
// way is known: a source that failed, or a definition with an error.
func (p plan) choose(patterns []string) (plan, error) {
	if len(patterns) == 0 {
		return p, nil
	}
	chosen, unknown := catalog.Select(p.sets, patterns)
	p.sets = chosen
	p.problems = slices.DeleteFunc(p.problems, func(q catalog.Problem) bool { return !concerns(q, patterns) })
	explained := slices.ContainsFunc(p.sources, func(r SourceReport) bool { return r.Error != nil }) ||
		slices.ContainsFunc(p.problems, func(q catalog.Problem) bool { return !q.Warning })
	if len(unknown) > 0 && !explained {
		return p, unknown[0].Fault()
	}
	return p, nil
}

func concerns(q catalog.Problem, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		return pattern == q.Source || pattern == string(q.Table) || pattern == q.Source+"."+q.Stream || pattern == q.Source+"."+q.Table.Table()
	})
}

// wanted returns the sources that the patterns may mean; all of them without patterns. A published name may come from any
// source, so a pattern that begins with no source's name asks them all.
func (a *App) wanted(patterns []string) []config.Source {
	if len(patterns) == 0 {
		return a.configured().Sources
	}
	named := map[string]bool{}
	for _, pattern := range patterns {
		name, _, _ := strings.Cut(pattern, ".")
		if !slices.ContainsFunc(a.configured().Sources, func(s config.Source) bool { return s.Name == name }) {
			return a.configured().Sources
		}
		named[name] = true
	}
	var chosen []config.Source
	for _, s := range a.configured().Sources {
		if named[s.Name] {
			chosen = append(chosen, s)
		}
	}
	return chosen
}

func sourceReport(source config.Source, streams []sdk.Stream, err error) SourceReport {
	r := SourceReport{Name: source.Name, Connector: source.Connector, Status: "ok", Schedule: source.Schedule, Timezone: source.Timezone, Error: FailureOf(err)}
	if err != nil {
		r.Status = "failed"
	}
	for _, s := range streams {
		r.Streams = append(r.Streams, s.Name)
	}
	return r
}

// discoverTime bounds the question for a source's streams.
const discoverTime = 30 * time.Second

func (a *App) discover(ctx context.Context, source config.Source) (streams []sdk.Stream, err error) {
	ctx, cancel := context.WithTimeout(ctx, discoverTime)
	defer cancel()
	loan, err := a.lend(ctx, source, "discover-"+source.Name)
	if err != nil {
		return nil, err
	}
	defer func() {
		if closed := loan.Close(); err == nil {
			err = closed
		}
	}()
	streams, err = loan.Session().Discover(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("ask source %s for its streams: %w", source.Name, err)
	}
	for _, s := range streams {
		if err := s.Validate(); err != nil {
			return nil, fault.Wrap(fault.Bug, err, fmt.Sprintf("source %s offers a stream that breaks the rules", source.Name))
		}
	}
	return streams, nil
}

// lend starts the connector of a source with its settings.
func (a *App) lend(ctx context.Context, source config.Source, run string) (*supervisor.Loan, error) {
	if source.Err != nil {
		return nil, source.Err
	}
	if source.Settings.Unchecked != nil {
		return nil, source.Settings.Unchecked
	}
	return a.supervisor.Lend(ctx, supervisor.Request{Kind: "connector", Name: source.Connector, RunID: run, Source: source.Name,
		Settings: source.Settings.JSON, Secrets: source.Settings.Secrets})
}

func (a *App) describeTables() (*config.Description, config.Diagnostics) {
	options := config.DescriptionOptions{Dir: a.configured().Dir, Today: a.options.Now()}
	for _, s := range a.configured().Sources {
		options.Sources = append(options.Sources, s.Name)
	}
	for _, d := range a.configured().Datasets {
		options.Datasets = append(options.Datasets, d.Name)
	}
	return config.Describe(options)
}

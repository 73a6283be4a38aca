package finder

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/ai-data-analyst/broker/host/internal/manifest"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api/tools"
)

// metrics are the definitions in the documents of a manifest: only such whose declared tables are all granted are there.
func metrics(docs []manifest.Document) ([]tools.Metric, error) {
	var found []tools.Metric
	for _, d := range docs {
		file, ok := strings.CutPrefix(d.Path, "docs/metrics/")
		if !ok {
			continue
		}
		read, err := tools.Metrics(file, d.Body)
		if err != nil {
			return nil, fault.Wrap(fault.Data, err, "read the metrics")
		}
		found = append(found, read...)
	}
	return found, nil
}

// Definitions implements web's Definitions: every table of their SQL, asked of the engine, is one of the caller's (G12).
// What cannot be asked now is withheld; without an engine the tables that a definition names decide alone.
func (f *Finder) Definitions(ctx context.Context, who sdk.Caller) ([]tools.Metric, error) {
	known, err := f.index(ctx, who)
	if err != nil {
		return nil, err
	}
	out := []tools.Metric{}
	for _, m := range known.metrics {
		shown, err := f.shows(ctx, who, known, m)
		if err != nil {
			return nil, err
		}
		if shown {
			out = append(out, m)
		}
	}
	return out, nil
}

func (f *Finder) shows(ctx context.Context, who sdk.Caller, known *index, m tools.Metric) (bool, error) {
	if f.options.Ask == nil || who.User.Role == sdk.Admin { // who sees every table
		return true, nil
	}
	statements := []string{m.SQL}
	for _, sql := range m.Variants {
		statements = append(statements, sql)
	}
	slices.Sort(statements)
	for _, sql := range statements {
		if strings.TrimSpace(sql) == "" {
			continue
		}
		if fine, err := f.verdict(ctx, who, known, sql); err != nil || !fine {
			return false, err
		}
	}
	return true, nil
}

// verdict says whether all tables of a statement are there for the caller.
func (f *Finder) verdict(ctx context.Context, who sdk.Caller, known *index, sql string) (bool, error) {
	known.mu.Lock()
	fine, ok := known.verdicts[sql]
	known.mu.Unlock()
	if ok {
		return fine, nil
	}
	err := f.options.Ask(ctx, who, NoRows(sql))
	failed, _ := fault.As(err)
	switch {
	case ctx.Err() != nil:
		return false, fmt.Errorf("ask which tables a definition needs: %w", ctx.Err())
	case err == nil:
		fine = true
	case failed != nil && failed.Scope == "engine":
		return true, nil
	case failed != nil && failed.Code == fault.Config && failed.Scope != "not_found":
		fine = true // it does not compile for anybody: what it names was looked at when the documents were written
	case failed != nil && failed.Code == fault.Config:
		fine = false
	default:
		return false, nil
	}
	known.mu.Lock()
	known.verdicts[sql] = fine
	known.mu.Unlock()
	return fine, nil
}

// NoRows is a statement that compiles as sql does and has no rows.
func NoRows(sql string) string {
	return "SELECT * FROM (\n" + strings.TrimRight(strings.TrimSpace(sql), "; \n\t") + "\n) LIMIT 0"
}

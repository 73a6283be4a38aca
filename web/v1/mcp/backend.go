package mcp

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/api/tools"
	"github.com/ai-data-analyst/broker/web/problem"
)

// backend answers the tools from what the API itself asks.
type backend struct{ Host }

// refused turns an error into what an assistant may read, by the rule of every door.
func (b backend) refused(err error) error {
	if err == nil {
		return nil
	}
	p, _, internal := problem.Of(err)
	if internal {
		b.Log.Error("a tool failed", "error", err)
	}
	message := p.Detail
	switch {
	case p.Code == api.CodeNotFound && message == "":
		message = "there is no such thing, or it is not granted to you"
	case message == "":
		message = p.Title
	}
	return &tools.Refusal{Code: p.Code, Message: message, Help: p.Help}
}

func (b backend) named(ctx context.Context, name string) (sdk.TableName, error) {
	table, err := sdk.ParseTableName(name)
	if err != nil {
		return "", absent()
	}
	return table, b.Access.Authorize(ctx, whoCalls(ctx), sdk.ReadTable, table)
}

// absent is the one answer for what is not there or not granted (G12).
func absent() error { return fault.New(fault.NotFound, "not there") }

// ListTables implements tools.Backend.
func (b backend) ListTables(ctx context.Context) (tools.Tables, error) {
	catalog, err := b.Manifests.Catalog(ctx, whoCalls(ctx))
	if err != nil {
		return tools.Tables{}, b.refused(err)
	}
	out := tools.Tables{Generation: catalog.Generation, PublishedAt: catalog.PublishedAt, Tables: []tools.TableLine{}}
	for _, t := range catalog.Tables {
		out.Tables = append(out.Tables, tools.TableLine{Name: t.Name, Description: t.Description, Rows: t.Rows, Bytes: t.Bytes, Columns: t.Columns, PublishedAt: t.PublishedAt})
	}
	return out, nil
}

// DescribeTable implements tools.Backend.
func (b backend) DescribeTable(ctx context.Context, name string) (tools.Description, error) {
	table, err := b.named(ctx, name)
	if err != nil {
		return tools.Description{}, b.refused(err)
	}
	t, err := b.Manifests.Table(ctx, whoCalls(ctx), table)
	if err != nil {
		return tools.Description{}, b.refused(err)
	}
	out := tools.Description{Name: t.Name, Description: t.Description, Strategy: t.Strategy, PrimaryKey: listed(t.PrimaryKey), Rows: t.Rows, Bytes: t.Bytes,
		Generation: t.Generation, PublishedAt: t.PublishedAt, Columns: listed(t.Fields), Relations: listed(t.Relations)}
	figures, err := b.Profile(ctx, whoCalls(ctx), table)
	if err != nil { // a description without figures is still one
		b.Log.Debug("a table is described without figures", "table", t.Name, "error", err)
		return out, nil
	}
	figures.Sample, figures.Trend, figures.Relations = []map[string]string{}, []api.ProfileTrend{}, []api.ProfileRelation{} // other tools have them, and Relations stands above
	out.Profile = &figures
	return out, nil
}

// listed is a list that is never null in JSON.
func listed[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// Sample implements tools.Backend.
func (b backend) Sample(ctx context.Context, name string, rows int) (api.Sample, error) {
	table, err := b.named(ctx, name)
	if err != nil {
		return api.Sample{}, b.refused(err)
	}
	sample, err := b.Host.Sample(ctx, whoCalls(ctx), table, int64(rows))
	return sample, b.refused(err)
}

// Query implements tools.Backend.
func (b backend) Query(ctx context.Context, sql string, limit int, generation int64) (api.Result, error) {
	result, err := b.Host.Query(ctx, whoCalls(ctx), api.Query{SQL: sql, Format: "json", Limit: int64(limit), Generation: generation})
	return result, b.refused(err)
}

// recentChanges is how many generations "the last few" are.
const recentChanges = 10

// Changes implements tools.Backend.
func (b backend) Changes(ctx context.Context, since int64) (api.Changes, error) {
	changes, err := b.Manifests.Changes(ctx, whoCalls(ctx), since)
	if err != nil {
		return api.Changes{}, b.refused(err)
	}
	changes.Generations = listed(changes.Generations)
	if since == 0 && len(changes.Generations) > recentChanges {
		changes.Generations, changes.Complete = changes.Generations[:recentChanges], false
	}
	return changes, nil
}

// Freshness implements tools.Backend.
func (b backend) Freshness(ctx context.Context, name string) (tools.Freshness, error) {
	if name != "" {
		if _, err := b.named(ctx, name); err != nil {
			return tools.Freshness{}, b.refused(err)
		}
	}
	catalog, err := b.Manifests.Catalog(ctx, whoCalls(ctx))
	if err != nil {
		return tools.Freshness{}, b.refused(err)
	}
	out := tools.Freshness{Generation: catalog.Generation, PublishedAt: catalog.PublishedAt, Tables: []tools.TableFreshly{}}
	for _, t := range catalog.Tables {
		if name == "" || name == t.Name {
			out.Tables = append(out.Tables, tools.TableFreshly{Name: t.Name, Generation: t.Generation, PublishedAt: t.PublishedAt, AgeSeconds: b.age(t.PublishedAt)})
		}
	}
	if name != "" && len(out.Tables) == 0 {
		return tools.Freshness{}, b.refused(absent())
	}
	return out, nil
}

func (b backend) age(published string) int64 {
	at, err := time.Parse(time.RFC3339Nano, published)
	if err != nil {
		return -1
	}
	return max(0, int64(b.Now().Sub(at).Seconds()))
}

// maxFound is how many matches one answer has, and maxDeep how many tables are looked into for columns.
const (
	maxFound = 50
	maxDeep  = 500
)

// Find implements tools.Backend.
func (b backend) Find(ctx context.Context, text string) (tools.Found, error) {
	words := strings.Fields(strings.ToLower(text))
	if len(words) == 0 || len(text) > 200 {
		return tools.Found{}, b.refused(problem.Bad("text", "text must be a few words"))
	}
	who := whoCalls(ctx)
	catalog, err := b.Manifests.Catalog(ctx, who)
	if err != nil {
		return tools.Found{}, b.refused(err)
	}
	var found, columns []tools.Match
	for i, t := range catalog.Tables {
		if hit(words, t.Name, t.Description) {
			found = append(found, tools.Match{Kind: "table", Name: t.Name, Description: t.Description})
		}
		if i >= maxDeep || len(columns) > maxFound {
			continue
		}
		detail, err := b.Manifests.Table(ctx, who, sdk.TableName(t.Name))
		if err != nil {
			return tools.Found{}, b.refused(err)
		}
		for _, field := range detail.Fields {
			if hit(words, field.Name, field.Description) {
				columns = append(columns, tools.Match{Kind: "column", Name: t.Name + "." + field.Name, Description: field.Description})
			}
		}
	}
	found = append(found, columns...)
	metrics, err := b.Metrics(ctx, whoCalls(ctx))
	if err != nil {
		return tools.Found{}, b.refused(err)
	}
	for _, m := range metrics {
		if hit(words, m.Name, m.Label, m.Description, strings.Join(m.Synonyms, " ")) {
			found = append(found, tools.Match{Kind: "metric", Name: m.Name, Description: m.Description})
		}
	}
	return tools.Found{Matches: listed(found[:min(len(found), maxFound)]), Truncated: len(found) > maxFound}, nil
}

func hit(words []string, texts ...string) bool {
	all := strings.ToLower(strings.Join(texts, " "))
	for _, word := range words {
		if !strings.Contains(all, word) {
			return false
		}
	}
	return true
}

// Metric implements tools.Backend, from the documents of the caller's own manifest.
func (b backend) Metric(ctx context.Context, name string) (tools.Metric, error) {
	metrics, err := b.Metrics(ctx, whoCalls(ctx))
	if err != nil {
		return tools.Metric{}, b.refused(err)
	}
	at := slices.IndexFunc(metrics, func(m tools.Metric) bool { return m.Named(name) })
	if at < 0 {
		return tools.Metric{}, &tools.Refusal{Code: api.CodeNotFound, Message: fmt.Sprintf("there is no metric %q", name), Help: "find looks for metrics too."}
	}
	return metrics[at], nil
}

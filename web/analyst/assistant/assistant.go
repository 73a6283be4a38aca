// Package assistant answers the tools of web/api/tools from the copy on the laptop: offline, for the person who pulled it.
//
// Imported by the verbs.
package assistant

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/api/tools"
	"github.com/ai-data-analyst/broker/web/mirror/ask"
)

// Copy is the local copy as the tools need it.
type Copy interface {
	// Manifest returns a held generation, 0 = the one in use.
	Manifest(generation int64) (api.Manifest, []byte, error)
	// Generations are those held, the newest first.
	Generations() ([]int64, error)
}

// Local implements tools.Backend.
type Local struct {
	Copy Copy
	Docs string // folder of documents
	Now  func() time.Time
	// Ask runs one read-only statement and leaves a receipt.
	Ask func(ctx context.Context, sql string, limit int, generation int64) (api.Result, error)
}

var _ tools.Backend = Local{}

func (l Local) current() (api.Manifest, error) {
	m, _, err := l.Copy.Manifest(0)
	if fault.CodeOf(err) == fault.NotFound {
		return m, &tools.Refusal{Code: api.CodeUnavailable, Message: "no data is here yet", Help: "Ask the person to run: analyst pull"}
	}
	return m, err
}

func (l Local) table(name string) (api.Manifest, api.Table, error) {
	m, err := l.current()
	if err != nil {
		return m, api.Table{}, err
	}
	t, ok := m.Find(name)
	if !ok {
		return m, t, &tools.Refusal{Code: api.CodeNotFound, Message: "there is no table " + name, Help: "list_tables names those that are there."}
	}
	return m, t, nil
}

// ListTables implements tools.Backend.
func (l Local) ListTables(context.Context) (tools.Tables, error) {
	m, err := l.current()
	if err != nil {
		return tools.Tables{}, err
	}
	out := tools.Tables{Generation: m.Generation, PublishedAt: m.PublishedAt, Tables: []tools.TableLine{}}
	for _, t := range m.Tables {
		out.Tables = append(out.Tables, tools.TableLine{Name: t.Name, Description: t.Description, Rows: t.Rows, Bytes: t.Bytes, Columns: len(t.Columns), PublishedAt: t.PublishedAt})
	}
	return out, nil
}

// DescribeTable implements tools.Backend.
func (l Local) DescribeTable(_ context.Context, name string) (tools.Description, error) {
	_, t, err := l.table(name)
	if err != nil {
		return tools.Description{}, err
	}
	relations, err := l.relations(t.Name)
	if err != nil {
		return tools.Description{}, err
	}
	profile, err := l.profile(t.Name)
	return tools.Description{Name: t.Name, Description: t.Description, Strategy: t.Strategy, PrimaryKey: t.PrimaryKey, Rows: t.Rows, Bytes: t.Bytes,
		Generation: t.Generation, PublishedAt: t.PublishedAt, Columns: t.Columns, Relations: relations, Profile: profile}, err
}

// Sample implements tools.Backend, by the server's rule: values of columns marked pii are NULL by the statement, so the engine
// never reads them, and the columns are listed as masked.
func (l Local) Sample(ctx context.Context, name string, rows int) (api.Sample, error) {
	m, t, err := l.table(name)
	if err != nil {
		return api.Sample{}, err
	}
	out := api.Sample{Table: t.Name, Generation: m.Generation, Rows: [][]*string{}, Masked: []string{}}
	var columns []string
	for _, c := range t.Columns {
		out.Columns = append(out.Columns, api.TypedName{Name: c.Name, Type: c.Type})
		if c.PII {
			out.Masked = append(out.Masked, c.Name)
			columns = append(columns, "NULL AS "+quote(c.Name))
			continue
		}
		columns = append(columns, "CAST("+quote(c.Name)+" AS VARCHAR) AS "+quote(c.Name))
	}
	if len(columns) == 0 {
		return out, nil
	}
	result, err := l.Ask(ctx, "SELECT "+strings.Join(columns, ", ")+" FROM "+quote(t.Namespace)+"."+quote(t.Table), rows, 0)
	if err != nil {
		return out, refusal(err)
	}
	for _, row := range result.Rows {
		var cells []*string
		for _, v := range row {
			text, ok := v.(string)
			if !ok {
				cells = append(cells, nil)
				continue
			}
			cells = append(cells, &text)
		}
		out.Rows = append(out.Rows, cells)
	}
	return out, nil
}

// quote is the one quoter of names in SQL here.
func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// Query implements tools.Backend. What would read anything but tables is refused with the server's code.
func (l Local) Query(ctx context.Context, sql string, limit int, generation int64) (api.Result, error) {
	if name := ask.Reaches(sql); name != "" {
		return api.Result{}, &tools.Refusal{Code: api.CodeReadOnly, Message: "the function " + name + " is not offered: it reads something else than tables",
			Help: "Ask with one SELECT, WITH, FROM, VALUES, DESCRIBE, SUMMARIZE, SHOW or EXPLAIN of your tables."}
	}
	result, err := l.Ask(ctx, sql, limit, generation)
	return result, refusal(err)
}

// refusal turns what went wrong with a statement into a code that an assistant can act on.
func refusal(err error) error {
	if err == nil {
		return nil
	}
	code := api.CodeQuery
	var stable interface{ Stable() string }
	switch {
	case errors.As(err, &stable) && stable.Stable() == api.CodeReadOnly, strings.Contains(fault.TextOf(err), "Permission Error: "): // DuckDB's word for what the session forbids
		code = api.CodeReadOnly
	case errors.Is(err, context.DeadlineExceeded):
		code = api.CodeTimeout
	case fault.CodeOf(err) == fault.NotFound:
		code = api.CodeNotFound
	}
	return &tools.Refusal{Code: code, Message: fault.TextOf(err), Help: fault.HelpOf(err)}
}

// lastFew is how many generations changes tells of when it is not asked since when.
const lastFew = 5

// Changes implements tools.Backend, from the generations held here.
func (l Local) Changes(_ context.Context, since int64) (api.Changes, error) {
	m, err := l.current()
	if err != nil {
		return api.Changes{}, err
	}
	out := api.Changes{Generation: m.Generation, Since: since, Generations: []api.Change{}}
	byGeneration := map[int64]*api.Change{}
	oldest := m.Generation
	for _, t := range m.Tables {
		if t.Generation <= since {
			continue
		}
		c := byGeneration[t.Generation]
		if c == nil {
			c = &api.Change{Generation: t.Generation, PublishedAt: t.PublishedAt, Tables: []string{}}
			byGeneration[t.Generation] = c
		}
		c.Tables = append(c.Tables, t.Name)
		oldest = min(oldest, t.Generation)
	}
	for _, c := range byGeneration {
		out.Generations = append(out.Generations, *c)
	}
	sort.Slice(out.Generations, func(i, j int) bool { return out.Generations[i].Generation > out.Generations[j].Generation })
	if since == 0 && len(out.Generations) > lastFew {
		out.Generations = out.Generations[:lastFew]
	}
	// A table that changed twice is told of once: the copy knows the newest change of each table only.
	out.Complete = since > 0 && since == m.Generation-1 || since >= m.Generation
	return out, nil
}

// Freshness implements tools.Backend.
func (l Local) Freshness(_ context.Context, name string) (tools.Freshness, error) {
	m, err := l.current()
	if err != nil {
		return tools.Freshness{}, err
	}
	chosen := m.Tables
	if name != "" {
		_, t, err := l.table(name)
		if err != nil {
			return tools.Freshness{}, err
		}
		chosen = []api.Table{t}
	}
	out := tools.Freshness{Generation: m.Generation, PublishedAt: m.PublishedAt, Tables: []tools.TableFreshly{}}
	for _, t := range chosen {
		line := tools.TableFreshly{Name: t.Name, Generation: t.Generation, PublishedAt: t.PublishedAt}
		if at, err := time.Parse(time.RFC3339, t.PublishedAt); err == nil {
			line.AgeSeconds = int64(l.Now().Sub(at).Seconds())
		}
		out.Tables = append(out.Tables, line)
	}
	return out, nil
}

// maxMatches bounds what find returns.
const maxMatches = 50

// Find implements tools.Backend: every word must be there; names count more than descriptions.
func (l Local) Find(_ context.Context, text string) (tools.Found, error) {
	m, err := l.current()
	if err != nil {
		return tools.Found{}, err
	}
	words := strings.Fields(strings.ToLower(text))
	var found []scored
	look := func(kind, name, description string) {
		if score := fits(words, name, description); score > 0 {
			found = append(found, scored{score, tools.Match{Kind: kind, Name: name, Description: description}})
		}
	}
	for _, t := range m.Tables {
		look("table", t.Name, t.Description)
		for _, c := range t.Columns {
			look("column", t.Name+"."+c.Name, c.Description)
		}
	}
	metrics, err := Metrics(l.Docs)
	for _, metric := range metrics {
		look("metric", metric.Name, metric.Description)
	}
	sort.SliceStable(found, func(i, j int) bool { return found[i].score > found[j].score })
	out := tools.Found{Matches: []tools.Match{}, Truncated: len(found) > maxMatches}
	for _, f := range found[:min(len(found), maxMatches)] {
		out.Matches = append(out.Matches, f.match)
	}
	return out, err
}

type scored struct {
	score int
	match tools.Match
}

func fits(words []string, name, description string) int {
	name, description = strings.ToLower(name), strings.ToLower(description)
	score := 0
	for _, w := range words {
		switch {
		case strings.Contains(name, w):
			score += 3
		case strings.Contains(description, w):
			score++
		default:
			return 0
		}
	}
	return score
}

// Metric implements tools.Backend.
func (l Local) Metric(_ context.Context, name string) (tools.Metric, error) {
	metrics, err := Metrics(l.Docs)
	if err != nil {
		return tools.Metric{}, err
	}
	at := slices.IndexFunc(metrics, func(m tools.Metric) bool { return m.Named(name) })
	if at < 0 {
		return tools.Metric{}, &tools.Refusal{Code: api.CodeNotFound, Message: fmt.Sprintf("there is no metric %q", name), Help: "find looks for metrics too."}
	}
	return metrics[at], nil
}

// Metrics reads the metric definitions that came with the copy: metrics/<category>/<name>.yml.
func Metrics(docs string) ([]tools.Metric, error) {
	root := filepath.Join(docs, "metrics")
	if _, err := os.Stat(root); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var metrics []tools.Metric
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		if err != nil {
			return err
		}
		found, err := tools.Metrics(name, text)
		metrics = append(metrics, found...)
		return err
	})
	return metrics, fault.Wrap(fault.Data, err, "read the metrics")
}

// Package finder finds tables among those that somebody may see: by words, dataset, source and state. It is part of the room
// app and decides nothing about grants: what it is given is already narrowed.
//
// One index is made for a generation and a grant, so that a question costs a walk over texts that lie ready.
package finder

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/ai-data-analyst/broker/host/internal/manifest"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/api/tools"
)

// Manifests says what somebody may see.
type Manifests interface {
	Shown(ctx context.Context, who sdk.Caller) (manifest.Shown, error)
}

// States says how the tables are that somebody may see.
type States interface {
	States(ctx context.Context, who sdk.Caller) (api.States, error)
}

// Ask runs one read-only statement over the tables of a caller and drops what comes; it says as web's Queries why not.
type Ask func(ctx context.Context, who sdk.Caller, sql string) error

// Finder finds tables. Safe for concurrent use.
type Finder struct {
	options Options

	mu   sync.Mutex
	kept map[string]*index
}

// keptIndexes is how many indexes lie ready: one for each set of grants, as long as they are few.
const keptIndexes = 32

// Options are what a finder asks. Without States no state is known; without Ask definitions are shown by the tables that they
// name; Order is the namespaces that come first, nil = all by name.
type Options struct {
	Manifests Manifests
	States    States
	Ask       Ask
	Order     func() []string
}

// New returns the finder of an instance.
func New(o Options) *Finder { return &Finder{options: o, kept: map[string]*index{}} }

// index is a catalog with the texts to look in, one for each table, and the definitions. Only verdicts change.
type index struct {
	catalog api.Catalog
	texts   []string
	metrics []tools.Metric

	mu       sync.Mutex
	verdicts map[string]bool // by statement: whether all its tables are there
}

// Find implements web's Finder.
func (f *Finder) Find(ctx context.Context, who sdk.Caller, filter api.CatalogFilter) (api.Catalog, error) {
	known, err := f.index(ctx, who)
	if err != nil {
		return api.Catalog{}, err
	}
	states, err := f.statesOf(ctx, who)
	if err != nil {
		return api.Catalog{}, err
	}
	return known.find(filter, states), nil
}

func (f *Finder) index(ctx context.Context, who sdk.Caller) (*index, error) {
	shown, err := f.options.Manifests.Shown(ctx, who)
	if err != nil {
		return nil, err
	}
	var order []string
	if f.options.Order != nil {
		order = f.options.Order()
	}
	key := shown.Key + "\n" + strings.Join(order, ",")
	f.mu.Lock()
	known, ok := f.kept[key]
	f.mu.Unlock()
	if ok {
		return known, nil
	}
	if known, err = newIndex(shown, order); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.kept) >= keptIndexes {
		clear(f.kept)
	}
	f.kept[key] = known
	return known, nil
}

// newIndex puts the tables of the namespaces in order first.
func newIndex(shown manifest.Shown, order []string) (*index, error) {
	x := &index{catalog: shown.Catalog(), texts: make([]string, len(shown.Tables)), verdicts: map[string]bool{}}
	at := make([]int, len(shown.Tables))
	for i := range at {
		at[i] = i
	}
	rank := func(i int) int {
		if found := slices.Index(order, shown.Tables[i].Namespace); found >= 0 {
			return found
		}
		return len(order)
	}
	slices.SortStableFunc(at, func(a, b int) int { return rank(a) - rank(b) })
	tables := make([]api.CatalogTable, len(at))
	for i, from := range at {
		tables[i], x.texts[i] = x.catalog.Tables[from], text(&shown.Tables[from])
	}
	x.catalog.Tables = tables
	var err error
	x.metrics, err = metrics(shown.Docs)
	return x, err
}

// text is everything that is said of a table, in lower case.
func text(t *manifest.Exhibit) string {
	var b strings.Builder
	for _, part := range []string{t.Name, t.Description, t.Dataset, t.Source} {
		b.WriteString(part + "\n")
	}
	for i := range t.Columns {
		b.WriteString(t.Columns[i].Name + "\n" + t.Columns[i].Description + "\n")
	}
	return strings.ToLower(b.String())
}

func (f *Finder) statesOf(ctx context.Context, who sdk.Caller) (map[string]string, error) {
	if f.options.States == nil {
		return nil, nil
	}
	found, err := f.options.States.States(ctx, who)
	if err != nil {
		return nil, err
	}
	out := make(map[string]string, len(found.Tables))
	for i := range found.Tables {
		out[found.Tables[i].Name] = found.Tables[i].State
	}
	return out, nil
}

// find narrows the catalog. For each facet counts what all other filters leave.
func (x *index) find(filter api.CatalogFilter, states map[string]string) api.Catalog {
	out := x.catalog
	out.Tables = []api.CatalogTable{}
	words := strings.Fields(strings.ToLower(filter.Text))
	datasets, sources, kinds := map[string]int{}, map[string]int{}, map[string]int{}
	for i := range x.catalog.Tables {
		if !hasAll(x.texts[i], words) {
			continue
		}
		t := x.catalog.Tables[i]
		t.State = states[t.Name]
		dataset, source, state := fits(filter.Dataset, t.Dataset), fits(filter.Source, t.Source), fits(filter.State, t.State)
		count(datasets, t.Dataset, source && state)
		count(sources, t.Source, dataset && state)
		count(kinds, t.State, dataset && source)
		if dataset && source && state {
			out.Tables = append(out.Tables, t)
		}
	}
	out.Found = len(out.Tables)
	if filter.Page > 0 {
		out.Facets = &api.CatalogFacets{Datasets: counted(datasets), Sources: counted(sources), States: counted(kinds)}
		cut(&out, filter)
	}
	return out
}

func hasAll(text string, words []string) bool {
	for _, word := range words {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}

func fits(wanted, is string) bool { return wanted == "" || wanted == is }

func count(into map[string]int, value string, counts bool) {
	if value != "" && counts {
		into[value]++
	}
}

// counted are values by their name.
func counted(values map[string]int) []api.CatalogFacet {
	out := make([]api.CatalogFacet, 0, len(values))
	for value, n := range values {
		out = append(out, api.CatalogFacet{Value: value, Count: n})
	}
	slices.SortFunc(out, func(a, b api.CatalogFacet) int { return strings.Compare(a.Value, b.Value) })
	return out
}

// cut leaves one page. A page beyond the last one is empty.
func cut(c *api.Catalog, filter api.CatalogFilter) {
	each := cmp.Or(filter.PerPage, api.CatalogPage)
	c.Page, c.Pages = filter.Page, max(1, (c.Found+each-1)/each)
	if filter.Page > c.Pages {
		c.Tables = []api.CatalogTable{}
		return
	}
	from := (filter.Page - 1) * each
	c.Tables = c.Tables[from:min(from+each, c.Found)]
}

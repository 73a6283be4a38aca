package manifest

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ai-data-analyst/broker/host/internal/manifest/spell"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
)

// maxChanges is how many generations one answer about changes lists.
const maxChanges = 1_000

// now is the newest generation as a caller may have it.
func (m *Manifests) now(ctx context.Context, who sdk.Caller) (w *view, key viewKey, list func() api.Catalog, err error) {
	_, seq, edition, err := m.where(ctx, 0)
	if err != nil {
		return nil, key, nil, err
	}
	visible, digest, err := m.options.Access.Visible(ctx, who)
	if err != nil {
		return nil, key, nil, err
	}
	key = viewKey{seq, digest, edition.Rev()}
	w, err = m.view(ctx, key, edition, visible)
	return w, key, func() api.Catalog { return w.list(edition, visible) }, err
}

// Spell writes a type as DuckDB's DESCRIBE does.
func Spell(t sdk.Type) (string, error) { return spell.Type(t) }

// Shown is what a caller may see, columns included. It is shared: nobody changes it.
type Shown struct {
	Key     string // another one whenever anything else here could be another
	Tables  []Exhibit
	Docs    []Document         // that the caller's manifest lists
	Catalog func() api.Catalog // made anew
}

// Shown is what the caller may see of the newest generation.
func (m *Manifests) Shown(ctx context.Context, who sdk.Caller) (Shown, error) {
	v, key, list, err := m.now(ctx, who)
	if err != nil {
		return Shown{}, err
	}
	out := Shown{Key: strings.Join([]string{strconv.FormatInt(key.seq, 10), key.digest, key.rev}, "\n"), Tables: v.exhibits, Docs: v.Documents, Catalog: list}
	return out, nil
}

// Count is how many published tables the caller may see.
func (m *Manifests) Count(ctx context.Context, who sdk.Caller) (int, error) {
	shown, err := m.Shown(ctx, who)
	return len(shown.Tables), err
}

// Catalog is what the caller may see, without parts.
func (m *Manifests) Catalog(ctx context.Context, who sdk.Caller) (api.Catalog, error) {
	shown, err := m.Shown(ctx, who)
	if err != nil {
		return api.Catalog{}, err
	}
	return shown.Catalog(), nil
}

func (v *view) list(edition Edition, visible func(sdk.TableName) bool) api.Catalog {
	out := api.Catalog{Generation: v.generation.seq, PublishedAt: v.generation.published, Tables: make([]api.CatalogTable, len(v.exhibits)), Datasets: []api.Dataset{}, Total: len(v.exhibits)}
	for i, e := range v.exhibits {
		out.Tables[i] = entry(e)
	}
	out.Datasets = v.datasets(edition.Datasets(), visible)
	return out
}

func entry(e Exhibit) api.CatalogTable {
	return api.CatalogTable{Name: e.Name, Namespace: e.Namespace, Table: e.Table.Table, Description: e.Description, Dataset: e.Dataset, Source: e.Source,
		Strategy: e.Strategy, PrimaryKey: e.PrimaryKey, Rows: e.Rows, Bytes: e.Bytes, Columns: len(e.Columns), Generation: e.Table.Generation, PublishedAt: e.PublishedAt}
}

// datasets are those with a visible table. What is said of one in words is for those who see all of it.
func (w *view) datasets(all []Dataset, visible func(sdk.TableName) bool) []api.Dataset {
	out := []api.Dataset{}
	shown := map[string]bool{}
	for _, d := range all {
		set := api.Dataset{Name: d.Name, Label: d.Label, Requires: slices.Clone(d.Requires), Tables: []string{}}
		for _, e := range w.exhibits {
			if d.Has(sdk.TableName(e.Name)) {
				set.Tables = append(set.Tables, e.Name)
			}
		}
		if len(set.Tables) == 0 {
			continue
		}
		if w.whole(d, visible) {
			set.Description, set.SizeHint = d.Description, d.SizeHint
		}
		shown[d.Name] = true
		out = append(out, set)
	}
	for i := range out {
		out[i].Requires = slices.DeleteFunc(out[i].Requires, func(name string) bool { return !shown[name] })
		if out[i].Requires == nil {
			out[i].Requires = []string{}
		}
	}
	return out
}

// whole says whether every table of a dataset is seen, published or not.
func (w *view) whole(d Dataset, visible func(sdk.TableName) bool) bool {
	hidden := func(name sdk.TableName) bool { return d.Has(name) && !visible(name) }
	return !slices.ContainsFunc(d.Known, hidden) && !slices.ContainsFunc(w.generation.versions, func(v *version) bool { return hidden(v.Head.Table) })
}

// Table is one table of the catalog with its columns; fault.NotFound for one that is denied or absent alike.
func (m *Manifests) Table(ctx context.Context, who sdk.Caller, name sdk.TableName) (api.TableDetail, error) {
	v, _, _, err := m.now(ctx, who)
	if err != nil {
		return api.TableDetail{}, err
	}
	e, ok := v.find(name)
	if !ok {
		return api.TableDetail{}, fault.New(fault.NotFound, "there is no such table").WithHelp("See the catalog for the tables that you may read.")
	}
	out := api.TableDetail{CatalogTable: entry(e), Fields: e.Columns, Relations: e.Relations}
	if out.Relations == nil {
		out.Relations = []api.Relation{}
	}
	if who.User.Role == sdk.Admin && who.May(sdk.ScopeAdmin) {
		out.Location = v.location[e.Name]
	}
	return out, nil
}

// Referring are the foreign keys of visible tables to one; Table is the one that refers.
func (m *Manifests) Referring(ctx context.Context, who sdk.Caller, name sdk.TableName) ([]api.Relation, error) {
	v, _, _, err := m.now(ctx, who)
	if err != nil {
		return nil, err
	}
	return Referring(v.exhibits)[string(name)], nil
}

// Referring are the foreign keys of tables by the table that they refer to; Table is the one that refers.
func Referring(tables []Exhibit) map[string][]api.Relation {
	found := map[string][]api.Relation{}
	for i := range tables {
		for _, r := range tables[i].Relations {
			to := r.Table
			r.Table = tables[i].Name
			found[to] = append(found[to], r)
		}
	}
	return found
}

// Changes lists the kept generations after since that changed a visible table, the newest first.
func (m *Manifests) Changes(ctx context.Context, who sdk.Caller, since int64) (api.Changes, error) {
	oldest, current, err := m.Span(ctx)
	if err != nil {
		return api.Changes{}, err
	}
	visible, _, err := m.options.Access.Visible(ctx, who)
	if err != nil {
		return api.Changes{}, err
	}
	out := api.Changes{Generation: current, Since: since, Complete: since >= oldest-1, Generations: []api.Change{}}
	heads, err := m.options.Lake.History(ctx, max(since, oldest-1), current)
	if err != nil {
		return api.Changes{}, err
	}
	slices.Reverse(heads)
	for _, h := range heads {
		if !visible(h.Table) || api.CheckTableName(string(h.Table)) != nil {
			continue
		}
		last := len(out.Generations) - 1
		if last < 0 || out.Generations[last].Generation != h.Seq {
			if len(out.Generations) == maxChanges {
				out.Complete = false
				break
			}
			out.Generations = append(out.Generations, api.Change{Generation: h.Seq, PublishedAt: h.Published.UTC().Format(time.RFC3339Nano)})
			last++
		}
		out.Generations[last].Tables = append(out.Generations[last].Tables, string(h.Table))
	}
	for _, c := range out.Generations {
		slices.Sort(c.Tables)
	}
	return out, nil
}

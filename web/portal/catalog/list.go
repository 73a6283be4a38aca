package catalog

import (
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/portal/page"
	"github.com/ai-data-analyst/broker/web/v1/input"
)

// row is one table in the list.
type row struct {
	api.CatalogTable
	How       api.TableState
	Trend     []float64 // rows at the end of each of the last days; empty = not known
	Change    string    // over them, in words
	CanPull   bool
	Pulled    bool
	Personal  bool
	Published string
}

// group is the tables of a namespace on this page.
type group struct {
	Name, Label string
	Note        string
	Rows        []row
}

// choice is one value of a facet: where it leads, and whether it is chosen.
type choice struct {
	Label   string
	Count   int
	Link    string
	Chosen  bool
	IsState bool
}

type facet struct {
	Label   string
	Choices []choice
}

// listView is what the page of the catalog shows.
type listView struct {
	Heading, Lead string
	Machine       bool   // the lead ends with the command
	On            string // how much is switched on
	Filter        api.CatalogFilter
	Filtered      bool
	Nothing       bool // no table is granted
	Watched       bool
	Switches      bool
	Facets        []facet
	Groups        []group
	Back          string // this very page
	Page, Pages   int
	Before, After string // addresses of the neighbours
	JSON          string
}

// list shows the tables that the reader may see, or of them what is looked for.
func (p *pages) list(c *fiber.Ctx, v *page.View) error {
	filter, err := input.Catalog(c, 1)
	if err != nil {
		return p.wrong(c, err)
	}
	ctx := c.UserContext()
	found, err := p.Finder.Find(ctx, v.Who, filter)
	if err != nil {
		return err
	}
	states, err := p.states(ctx, v.Who)
	if err != nil {
		return err
	}
	pulled, err := p.pulled(ctx, v.Who)
	if err != nil {
		return err
	}
	view := listView{Filter: filter, Nothing: found.Total == 0, Watched: p.Watch != nil, Switches: pulled != nil, Page: found.Page, Pages: found.Pages,
		Filtered: filter.Text != "" || filter.Dataset != "" || filter.State != "" || filter.Source != "", Back: address(filter, filter.Page)}
	view.Heading = heading(view, found)
	view.lead(found, pulled)
	view.Facets = facets(filter, found)
	view.Groups = p.groups(found, states, pulled)
	if found.Page > 1 {
		view.Before = address(filter, found.Page-1)
	}
	if found.Page < found.Pages {
		view.After = address(filter, found.Page+1)
	}
	v.JSON = api.Prefix + view.Back // the same filter
	view.JSON = v.JSON
	return p.host.Show(c, v, p.set, "catalog.html", http.StatusOK, "Catalog", view)
}

// address is the page of the catalog with a filter.
func address(f api.CatalogFilter, at int) string {
	query := url.Values{}
	for name, value := range map[string]string{"q": f.Text, "dataset": f.Dataset, "state": f.State, "source": f.Source} {
		if value != "" {
			query.Set(name, value)
		}
	}
	if at > 1 {
		query.Set("page", strconv.Itoa(at))
	}
	if f.PerPage != api.CatalogPage {
		query.Set("per_page", strconv.Itoa(f.PerPage))
	}
	if len(query) == 0 {
		return "/catalog"
	}
	return "/catalog?" + query.Encode()
}

// heading is the answer of the page.
func heading(view listView, found api.Catalog) string {
	switch {
	case view.Nothing:
		return "Nothing is open to you yet"
	case view.Filtered && found.Found == 0:
		return "No table fits"
	case view.Filtered:
		return fmt.Sprintf("%s of %s", page.Grouped(found.Found), tables(found.Total))
	}
	if found.Pages > 1 {
		return tables(found.Total)
	}
	rows := int64(0)
	for i := range found.Tables {
		rows += found.Tables[i].Rows
	}
	return tables(found.Total) + ", " + many(rows) + " rows"
}

func tables(n int) string {
	if n == 1 {
		return "1 table"
	}
	return page.Grouped(n) + " tables"
}

// many is a number in a heading: 15.2 million.
func many(n int64) string {
	for _, unit := range []struct {
		from float64
		word string
	}{{1e12, "trillion"}, {1e9, "billion"}, {1e6, "million"}} {
		if f := float64(n); f >= unit.from {
			return strings.TrimSuffix(strconv.FormatFloat(f/unit.from, 'f', 1, 64), ".0") + " " + unit.word
		}
	}
	return page.Grouped(n)
}

// lead says what comes to the reader's machines; on is how many of the tables do, "" when not all of them are on the page.
func (view *listView) lead(found api.Catalog, pulled func(string) bool) {
	view.Machine = found.Total > 0
	switch {
	case found.Total == 0:
		view.Lead = "Tables appear here as soon as somebody grants them to you."
	case pulled == nil:
		view.Lead = "All of them arrive with your next"
	default:
		view.Lead = "What you switch on arrives with your next"
	}
	if pulled == nil || found.Pages > 1 || found.Found != found.Total || found.Total == 0 {
		return
	}
	on, bytes := 0, int64(0)
	for i := range found.Tables {
		if pulled(found.Tables[i].Name) {
			on, bytes = on+1, bytes+found.Tables[i].Bytes
		}
	}
	view.On = tables(on)
	if bytes >= 1e6 {
		view.On += ", " + page.Grouped(bytes/1e6) + "\u00a0MB"
	}
}

// facets lead to the same list with one value chosen, or given up when it was.
func facets(f api.CatalogFilter, found api.Catalog) []facet {
	if found.Facets == nil {
		return nil
	}
	var out []facet
	add := func(label string, values []api.CatalogFacet, now string, named map[string]string, with func(string) api.CatalogFilter) {
		one := facet{Label: label}
		for _, value := range values {
			to, chosen := value.Value, value.Value == now
			if chosen {
				to = ""
			}
			name := value.Value
			if named[name] != "" {
				name = named[name]
			}
			one.Choices = append(one.Choices, choice{Label: name, Count: value.Count, Link: address(with(to), 1), Chosen: chosen, IsState: label == "State"})
		}
		if len(one.Choices) > 0 {
			out = append(out, one)
		}
	}
	named := map[string]string{}
	for _, d := range found.Datasets {
		named[d.Name] = d.Label
	}
	add("State", found.Facets.States, f.State, nil, func(value string) api.CatalogFilter { g := f; g.State = value; return g })
	add("Dataset", found.Facets.Datasets, f.Dataset, named, func(value string) api.CatalogFilter { g := f; g.Dataset = value; return g })
	add("Source", found.Facets.Sources, f.Source, nil, func(value string) api.CatalogFilter { g := f; g.Source = value; return g })
	return out
}

// groups are the tables of the page by namespace, in the order in which they were found.
func (p *pages) groups(found api.Catalog, states map[string]api.TableState, pulled func(string) bool) []group {
	labels := map[string]string{}
	if p.Spaces != nil {
		for _, s := range p.Spaces() {
			labels[s.Name] = s.Label
		}
	}
	var out []group
	for _, t := range found.Tables {
		if len(out) == 0 || out[len(out)-1].Name != t.Namespace {
			out = append(out, group{Name: t.Namespace, Label: labels[t.Namespace]})
		}
		how := states[t.Name]
		r := row{CatalogTable: t, How: how, CanPull: pulled != nil, Pulled: pulled != nil && pulled(t.Name)}
		r.Trend = trend(t.Rows, how.Days)
		r.Change = change(r.Trend)
		g := &out[len(out)-1]
		g.Rows = append(g.Rows, r)
	}
	for i := range out {
		out[i].Note = note(out[i].Rows)
	}
	return out
}

// note says from where the tables of a group come.
func note(rows []row) string {
	seen, names := map[string]bool{}, []string{}
	for _, r := range rows {
		if !seen[r.Source] && r.Source != "" {
			seen[r.Source] = true
			names = append(names, r.Source)
		}
	}
	text := tables(len(rows))
	if len(names) > 0 && len(names) < 4 {
		text += " from " + strings.Join(names, ", ")
	}
	return text
}

// trend is how many rows a table had at the end of each day, told back from now by what came and went; NaN before the first
// day with a run, nil when no day knows of one.
func trend(rows int64, days []api.StateDay) []float64 {
	first := slices.IndexFunc(days, func(d api.StateDay) bool { return d.Runs > 0 })
	if first < 0 {
		return nil
	}
	out := make([]float64, len(days))
	now := rows
	for i := len(days) - 1; i >= 0; i-- {
		out[i] = float64(max(0, now))
		now -= days[i].Added - days[i].Deleted
		if i < first && now <= 0 {
			out[i] = math.NaN()
		}
	}
	return out
}

// change is how much a trend rose, in words.
func change(trend []float64) string {
	at := 0
	for at < len(trend) && !(trend[at] > 0) {
		at++
	}
	if at >= len(trend)-1 {
		return ""
	}
	first, last := trend[at], trend[len(trend)-1]
	if share := (last - first) / first * 100; share != 0 && share < 1000 && share > -1000 {
		return strings.Replace(fmt.Sprintf("%+.1f\u00a0%%", share), "-", "−", 1)
	}
	if first == last {
		return "0\u00a0%"
	}
	return ""
}

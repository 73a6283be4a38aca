package catalog

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/api/tools"
	"github.com/ai-data-analyst/broker/web/portal/catalog/column"
	"github.com/ai-data-analyst/broker/web/portal/catalog/example"
	"github.com/ai-data-analyst/broker/web/portal/page"
)

// How much of each part the page of a table shows.
const (
	shownRows     = 20
	shownVersions = 10
	drawnVersions = 90
)

// tableView is what the page of a table shows.
type tableView struct {
	api.TableDetail
	How             api.TableState
	Watched         bool
	CanPull, Pulled bool
	Profile         *api.Profile // nil = not known
	Duplicates      int64
	NewColumns      int
	Change          string // of the rows over thirty days
	Columns         []columnView
	Sample          *sampleView
	Relations       []relation
	Join            string
	JoinWith        string
	History         *historyView
	Use             *api.TableUse
	Metrics         []tools.Metric
	Copy            example.Texts
	PublicURL       string
}

// sampleView is a few rows.
type sampleView struct {
	Columns []sampleColumn
	Rows    [][]cell
	Masked  bool
	Few     bool // from the profile: no engine answers
}

type sampleColumn struct {
	Name   string
	Number bool
}

type cell struct {
	Text                 string
	Null, Hidden, Number bool
}

// relation is a foreign key of the table, or of another one to it.
type relation struct {
	api.ProfileRelation
	Rows  int64
	State string
}

// historyView is the newest versions.
type historyView struct {
	Versions []versionView
	All      int   // known ones
	Most     int64 // rows that one of the shown ones brought
}

type versionView struct {
	api.Version
	New, Changed int64
}

// table is everything that is known of one table.
func (p *pages) table(c *fiber.Ctx, v *page.View) error {
	ctx, name := c.UserContext(), sdk.TableName(c.Params("name"))
	detail, err := p.Tables.Table(ctx, v.Who, name)
	if err != nil {
		return err
	}
	view := tableView{TableDetail: detail, Watched: p.Watch != nil, PublicURL: p.PublicURL}
	for _, fill := range []func(context.Context, sdk.Caller, sdk.TableName, *tableView) error{p.how, p.figures, p.versions, p.used, p.rows, p.related} {
		if err := fill(ctx, v.Who, name, &view); err != nil {
			return err
		}
	}
	view.Copy = example.Of(detail.Name, exampled(view.Columns))
	v.JSON = api.Prefix + "/tables/" + detail.Name
	return p.host.Show(c, v, p.set, "table.html", http.StatusOK, detail.Name, view)
}

// how says how the table is and whether it comes to the reader's machines.
func (p *pages) how(ctx context.Context, who sdk.Caller, name sdk.TableName, view *tableView) error {
	states, err := p.states(ctx, who)
	if err != nil {
		return err
	}
	view.How = states[string(name)]
	view.Change = change(trend(view.Rows, view.How.Days))
	pulled, err := p.pulled(ctx, who)
	if err == nil && pulled != nil {
		view.CanPull, view.Pulled = true, pulled(string(name))
	}
	return err
}

// figures says what the columns hold. A table without figures still has columns.
func (p *pages) figures(ctx context.Context, who sdk.Caller, name sdk.TableName, view *tableView) error {
	if p.Doors != nil {
		found, err := p.Doors.Profile(ctx, who, name)
		switch {
		case err == nil:
			view.Profile = &found
		case !missing(err):
			return err
		}
	}
	metrics, err := p.Finder.Definitions(ctx, who)
	if err != nil {
		return err
	}
	view.Metrics = naming(metrics, name)
	for _, f := range view.Fields {
		one := column.Of(f, columnOf(view.Profile, f.Name), counted(view.Profile))
		one.Key = one.Key || slices.Contains(view.PrimaryKey, f.Name)
		for _, r := range view.TableDetail.Relations {
			if r.Column == f.Name {
				one.Ref = r.Table
			}
		}
		view.Columns = append(view.Columns, columnView{one})
	}
	if view.Profile != nil && view.Profile.DuplicateKeys != nil {
		view.Duplicates = *view.Profile.DuplicateKeys
	}
	return nil
}

func columnOf(p *api.Profile, name string) *api.ProfileColumn {
	if p == nil {
		return nil
	}
	at := slices.IndexFunc(p.Columns, func(c api.ProfileColumn) bool { return c.Name == name })
	if at < 0 {
		return nil
	}
	return &p.Columns[at]
}

// counted is how many rows the figures are of.
func counted(p *api.Profile) int64 {
	switch {
	case p == nil:
		return 0
	case p.CoveredRows != nil:
		return *p.CoveredRows
	default:
		return p.Rows
	}
}

// versions says how the table came to be what it is.
func (p *pages) versions(ctx context.Context, who sdk.Caller, name sdk.TableName, view *tableView) error {
	if p.Watch == nil {
		return nil
	}
	found, err := p.Watch.History(ctx, who, name, drawnVersions)
	if err != nil {
		if fault.CodeOf(err) == fault.NotFound { // it went while the page was made
			return nil
		}
		return err
	}
	view.History = history(found.Versions)
	for i := range view.Columns {
		if added(found.Versions, view.Columns[i].Name) {
			view.Columns[i].New = true
			view.NewColumns++
		}
	}
	return nil
}

func history(versions []api.Version) *historyView {
	h := &historyView{All: len(versions)}
	for _, v := range versions[:min(shownVersions, len(versions))] {
		h.Most = max(h.Most, known(v.Added)+known(v.Updated))
		h.Versions = append(h.Versions, versionView{v, known(v.Added), known(v.Updated)})
	}
	return h
}

func known(n *int64) int64 {
	if n == nil {
		return 0
	}
	return *n
}

// added says whether a column came with one of the versions.
func added(versions []api.Version, name string) bool {
	return slices.ContainsFunc(versions, func(v api.Version) bool {
		return slices.ContainsFunc(v.Schema, func(said string) bool {
			return strings.HasPrefix(said, "column "+name+" ") && strings.HasSuffix(said, " added")
		})
	})
}

// used says who uses the table; nothing where nobody counts.
func (p *pages) used(ctx context.Context, who sdk.Caller, name sdk.TableName, view *tableView) error {
	if p.Use == nil {
		return nil
	}
	use, err := p.Use.TableUse(ctx, who, name)
	if err != nil {
		if missing(err) || fault.CodeOf(err) == fault.NotFound {
			return nil
		}
		return err
	}
	view.Use = &use
	return nil
}

// rows are a few of the table: asked of the engine, or where none answers, those that the profile keeps.
func (p *pages) rows(ctx context.Context, who sdk.Caller, name sdk.TableName, view *tableView) error {
	if p.Doors == nil {
		return nil
	}
	key := sampleKey(view.TableDetail)
	if found, ok := p.samples.find(key); ok {
		view.Sample = sample(found, view.Columns)
		return nil
	}
	found, err := p.Doors.Sample(ctx, who, name, shownRows)
	switch {
	case err == nil:
		p.samples.keep(key, found)
		view.Sample = sample(found, view.Columns)
	case !missing(err):
		return err
	case view.Profile != nil && len(view.Profile.Sample) > 0:
		view.Sample = kept(view.Profile.Sample, view.Columns)
	}
	return nil
}

// isNumber says whether a column is set right.
func isNumber(c columnView) bool {
	return strings.HasPrefix(c.Type, "DECIMAL") || strings.HasSuffix(c.Type, "INT") || strings.HasSuffix(c.Type, "INTEGER") || c.Type == "DOUBLE" || c.Type == "FLOAT"
}

func sample(found api.Sample, columns []columnView) *sampleView {
	out := &sampleView{Masked: len(found.Masked) > 0}
	views := map[string]columnView{}
	for _, c := range columns {
		views[c.Name] = c
	}
	for _, c := range found.Columns {
		out.Columns = append(out.Columns, sampleColumn{c.Name, isNumber(views[c.Name])})
	}
	for _, r := range found.Rows {
		cells := make([]cell, len(found.Columns))
		for i, c := range found.Columns {
			cells[i] = cell{Number: out.Columns[i].Number, Hidden: slices.Contains(found.Masked, c.Name), Null: i >= len(r) || r[i] == nil}
			if !cells[i].Null {
				cells[i].Text = column.Short(*r[i])
			}
		}
		out.Rows = append(out.Rows, cells)
	}
	return out
}

// kept are the rows of a profile, where masked columns and NULL are left out.
func kept(rows []map[string]string, columns []columnView) *sampleView {
	out := &sampleView{Few: true}
	for _, c := range columns {
		out.Columns = append(out.Columns, sampleColumn{c.Name, isNumber(c)})
		out.Masked = out.Masked || c.PII
	}
	for _, r := range rows {
		cells := make([]cell, len(columns))
		for i, c := range columns {
			text, ok := r[c.Name]
			cells[i] = cell{Text: column.Short(text), Null: !ok, Hidden: c.PII, Number: out.Columns[i].Number}
		}
		out.Rows = append(out.Rows, cells)
	}
	return out
}

// related are the tables that this one can be joined with.
func (p *pages) related(ctx context.Context, who sdk.Caller, name sdk.TableName, view *tableView) error {
	var all []api.ProfileRelation
	if view.Profile != nil {
		all = view.Profile.Relations
	} else {
		for _, r := range view.TableDetail.Relations {
			all = append(all, api.ProfileRelation{Table: r.Table, Column: r.Column, RefColumn: r.RefColumn, Direction: "belongs_to", Description: r.Description})
		}
	}
	if len(all) == 0 {
		return nil
	}
	found, err := p.Finder.Find(ctx, who, api.CatalogFilter{})
	if err != nil {
		return err
	}
	for _, r := range all {
		at := slices.IndexFunc(found.Tables, func(t api.CatalogTable) bool { return t.Name == r.Table })
		if at < 0 {
			continue
		}
		view.Relations = append(view.Relations, relation{r, found.Tables[at].Rows, found.Tables[at].State})
	}
	if len(view.Relations) > 0 {
		first := view.Relations[0]
		view.Join, view.JoinWith = example.Join(string(name), first.ProfileRelation), first.Table
	}
	return nil
}

func exampled(columns []columnView) []example.Column {
	out := make([]example.Column, len(columns))
	for i, c := range columns {
		out[i] = example.Column{Name: c.Name, Type: c.Type, Key: c.Key, PII: c.PII, Distinct: c.Distinct}
	}
	return out
}

package instance

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/ai-data-analyst/broker/config/internal/diag"
	"github.com/ai-data-analyst/broker/config/internal/settings"
	"github.com/ai-data-analyst/broker/config/internal/syntax"
)

var (
	groupGrammar  = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,62}$`)
	originGrammar = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}:[^\s].{0,200}$`)
)

func isPattern(s string) (string, bool) { return s, patternGrammar.MatchString(s) }

const patternHelp = `write namespace.table, namespace.*, * or dataset:NAME`

func (r *reader) readAccess(b *block, present bool) {
	a := &Access{}
	a.AllowedDomains = b.checked("allowed_domains", settings.IsDomain, "a domain", `write the domain alone, e.g. "acme.com"`)
	a.AllowedEmails = b.checked("allowed_emails", settings.IsEmail, "an e-mail address", settings.EmailHelp)
	a.Admins = b.checked("admins", settings.IsEmail, "an e-mail address", settings.EmailHelp)
	a.Privileged = b.checked("privileged", settings.IsEmail, "an e-mail address", settings.EmailHelp)
	a.Private = b.checked("private", isName, "a namespace", nameRule)
	a.DemoLogin = b.checked("demo_login", settings.IsEmail, "an e-mail address", settings.EmailHelp)
	if !present {
		return
	}
	a.File, a.Line = b.b.TypeRange.Filename, b.b.TypeRange.Start.Line
	for _, inner := range b.inner("group") {
		r.readGroup(a, inner)
	}
	b.finish("group")
	r.demoLogin(b, a)
	r.c.Access = a
}

// demoLogin refuses one-click logins anywhere but on this machine.
func (r *reader) demoLogin(b *block, a *Access) {
	if len(a.DemoLogin) == 0 {
		return
	}
	var why string
	switch {
	case !loopbackAddress(r.c.Server.Listen):
		why = "server.listen is not a loopback address"
	case !loopbackURL(r.c.Instance.PublicURL):
		why = "public_url is not a loopback address"
	case len(r.c.Server.TrustedProxies) > 0:
		why = "server.trusted_proxies is set"
	default:
		return
	}
	d := diag.At(b.pos("demo_login"), diag.Error, "access.demo_login lets anyone in and is for this machine only, but "+why, "remove demo_login, or listen on 127.0.0.1 without proxies")
	r.add("server", d)
}

func (r *reader) readGroup(a *Access, hb *hclsyntax.Block) {
	if !r.labels(hb, 1, "access") {
		return
	}
	g := Group{Name: hb.Labels[0], File: hb.TypeRange.Filename, Line: hb.TypeRange.Start.Line}
	b := r.block(hb, "access", "access.group."+g.Name)
	if !groupGrammar.MatchString(g.Name) {
		b.fail(syntax.Place(hb.LabelRanges[0]), fmt.Sprintf("%.100q is not the name of a group", g.Name), "names match "+groupGrammar.String())
		return
	}
	for _, other := range a.Groups {
		if other.Name == g.Name {
			r.twice("access", fmt.Sprintf("the group %q stands twice", g.Name), syntax.Place(hb.LabelRanges[0]), diag.Pos{File: other.File, Line: other.Line, Column: 1})
		}
	}
	g.Members = b.checked("members", settings.IsEmail, "an e-mail address", settings.EmailHelp)
	g.Tables = b.checked("tables", isPattern, "a pattern of tables", patternHelp)
	if g.From = b.text("from", ""); g.From != "" && !originGrammar.MatchString(g.From) {
		b.fail(b.pos("from"), b.path+".from names no group of a provider", `write from = "google:GROUP", with the name of an auth block before the colon`)
	} else if g.From != "" {
		b.warn(b.pos("from"), b.path+".from has no effect yet: groups of a provider open nothing", "name the people in members, or add them by broker groups add")
	}
	if provider, _, ok := strings.Cut(g.From, ":"); ok {
		r.origins = append(r.origins, Item{Value: provider, pos: b.pos("from")})
	}
	if g.Name == "everyone" && (len(g.Members) > 0 || g.From != "") {
		b.fail(b.pos("members"), `the group "everyone" is built in and holds everyone`, "remove members and from")
	}
	for _, item := range g.Tables {
		if name, ok := strings.CutPrefix(item.Value, "dataset:"); ok {
			r.datasetExists(b.scope, name, item)
		}
	}
	b.finish()
	a.Groups = append(a.Groups, g)
}

func (r *reader) datasetExists(scope, name string, item Item) {
	var known []string
	for _, d := range r.c.Datasets {
		if d.Name == name {
			return
		}
		known = append(known, d.Name)
	}
	for _, h := range r.broken {
		if h.Type == "dataset" {
			return
		}
	}
	r.add(scope, diag.At(item.pos, diag.Error, "there is no dataset "+item.shown(name), diag.Suggestion(name, known, "datasets")))
}

func (r *reader) readDataset(hb *hclsyntax.Block) {
	scope := scopeOf("dataset", hb.Labels)
	if !r.labels(hb, 1, scope) || !r.name(hb, 0, scope) {
		return
	}
	b := r.block(hb, scope, scope)
	d := Dataset{Name: hb.Labels[0], File: hb.TypeRange.Filename, Line: hb.TypeRange.Start.Line}
	for _, other := range r.c.Datasets {
		if other.Name == d.Name {
			r.twice(scope, fmt.Sprintf("the dataset %q stands twice", d.Name), syntax.Place(hb.LabelRanges[0]), diag.Pos{File: other.File, Line: other.Line, Column: 1})
		}
	}
	d.Label = b.text("label", d.Name)
	d.Description = b.text("description", "")
	d.SizeHint = b.text("size_hint", "")
	requires := b.checked("requires", isName, "the name of a dataset", nameRule)
	d.Requires = values(requires)
	r.required = append(r.required, required{scope, requires})
	d.Tables = values(b.checked("tables", func(s string) (string, bool) {
		return s, patternGrammar.MatchString(s) && !strings.HasPrefix(s, "dataset:")
	},
		"a pattern of tables", "write namespace.table, namespace.* or *"))
	b.finish()
	r.c.Datasets = append(r.c.Datasets, d)
}

// required is what a dataset requires, checked once all are known.
type required struct {
	scope    string
	datasets []Item
}

func (r *reader) checkDatasets() {
	for _, needed := range r.required {
		for _, item := range needed.datasets {
			r.datasetExists(needed.scope, item.Value, item)
		}
	}
}

// checkOrigins checks that the providers which groups name exist.
func (r *reader) checkOrigins() {
	known := make([]string, len(r.c.Auth))
	for i, p := range r.c.Auth {
		known[i] = p.Name
	}
	for _, item := range r.origins {
		if !contains(known, item.Value) {
			r.add("access", diag.At(item.pos, diag.Error, fmt.Sprintf("there is no auth block %.100q", item.Value), diag.Suggestion(item.Value, known, "auth blocks")))
		}
	}
}

func (r *reader) readCatalog(b *block) {
	c := &r.c.Catalog
	c.Order = values(b.checked("order", isName, "a namespace", nameRule))
	seen := map[string]diag.Pos{}
	for _, hb := range b.inner("category") {
		if !r.labels(hb, 1, "catalog") || !r.name(hb, 0, "catalog") {
			continue
		}
		name := hb.Labels[0]
		if first, ok := seen[name]; ok {
			r.twice("catalog", fmt.Sprintf("the category %q stands twice", name), syntax.Place(hb.LabelRanges[0]), first)
			continue
		}
		seen[name] = syntax.Place(hb.LabelRanges[0])
		inner := r.block(hb, "catalog", "catalog.category."+name)
		c.Categories = append(c.Categories, Category{Name: name, Label: inner.text("label", name), Icon: inner.text("icon", "")})
		inner.finish()
	}
	b.finish("category")
}

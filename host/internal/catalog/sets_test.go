package catalog_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-data-analyst/broker/host/internal/catalog"
	"github.com/ai-data-analyst/broker/sdk"
)

func stream(name, parent string, modes ...sdk.SyncMode) sdk.Stream {
	return sdk.Stream{Name: name, Parent: parent, Columns: columns("id", "name"), Key: []string{"id"}, Modes: modes}
}

// layout shows sets as "root: child child".
func layout(sets []catalog.Set) []string {
	out := []string{}
	for _, set := range sets {
		line := string(set.Root.Name) + ":"
		for _, t := range set.Tables[1:] {
			line += " " + string(t.Name) + "/" + t.Write
		}
		out = append(out, line)
	}
	return out
}

func TestChildrenTravelWithTheirRoot(t *testing.T) {
	both := []sdk.SyncMode{sdk.FullRefresh, sdk.Incremental}
	source := shop(stream("comments", "issues"), stream("issues", "", both...), stream("users", ""))
	sets, problems := resolve(t, source)
	if diff := cmp.Diff([]string{"main.issues: main.comments/replace", "main.users:"}, layout(sets)); diff != "" || len(problems) > 0 {
		t.Errorf("full refresh: %v\n%s", problems, diff)
	}
	root := catalog.Definition{ID: "issues", Stream: "issues", Source: "shop", Folder: "jira", Name: "issues", Strategy: sdk.Incremental, File: "d.md", Line: 3}
	sets, problems = resolve(t, source, root)
	if diff := cmp.Diff([]string{"jira.issues: main.comments/merge", "main.users:"}, layout(sets)); diff != "" || len(problems) > 0 {
		t.Errorf("incremental: %v\n%s", problems, diff)
	}
	if key := sets[0].Tables[1].Key; len(key) != 1 || key[0] != "id" {
		t.Errorf("the child merges by %v, want its stream's key", key)
	}
	child := catalog.Definition{ID: "comments", Stream: "comments", Source: "shop", Folder: "jira", Name: "comments", Strategy: sdk.FullRefresh, File: "d.md", Line: 9}
	sets, problems = resolve(t, source, root, child)
	if diff := cmp.Diff([]string{"jira.issues:", "main.users:"}, layout(sets)); diff != "" || len(problems) != 1 || problems[0].Line != 9 {
		t.Errorf("a child that would be replaced by a part of itself: %v\n%s", problems, diff)
	}
}

func TestChildWithoutReadableRoot(t *testing.T) {
	source := shop(stream("comments", "issues"), stream("issues", ""), stream("lost", "nowhere"))
	source.Tables = []string{"comments", "lost"}
	sets, problems := resolve(t, source)
	if len(sets) != 0 || len(problems) != 2 {
		t.Fatalf("sets %v, problems %v", layout(sets), problems)
	}
	if !strings.Contains(problems[0].Summary, "travels with issues") || !strings.Contains(problems[1].Help, "its author") {
		t.Errorf("problems %v", problems)
	}
}

func TestPatternsOfASource(t *testing.T) {
	for _, c := range []struct {
		patterns []string
		want     []string
		problems int
	}{
		{[]string{"*"}, []string{"main.crm_orders:", "main.crm_users:", "main.web:"}, 0},
		{[]string{"crm_*"}, []string{"main.crm_orders:", "main.crm_users:"}, 0},
		{[]string{"*_users", "web"}, []string{"main.crm_users:", "main.web:"}, 0},
		{[]string{"CRM-Orders"}, []string{"main.crm_orders:"}, 0},
		{[]string{"wbe"}, []string{}, 1},
		{[]string{`[\`, "?eb"}, []string{}, 2},
		{nil, []string{}, 0},
	} {
		source := shop(stream("crm_orders", ""), stream("crm_users", ""), stream("web", ""))
		source.Tables = c.patterns
		sets, problems := resolve(t, source)
		if diff := cmp.Diff(c.want, layout(sets)); diff != "" || len(problems) != c.problems {
			t.Errorf("%q: problems %v\n%s", c.patterns, problems, diff)
		}
	}
}

func TestDefinitionOutsideThePatternsIsAWarning(t *testing.T) {
	source := shop(orders(), stream("web", ""))
	source.Tables = []string{"web"}
	sets, problems := resolve(t, source, ordersTable())
	if len(sets) != 1 || len(problems) != 1 || !problems[0].Warning || problems[0].Line != 7 {
		t.Errorf("sets %v, problems %v", layout(sets), problems)
	}
}

// C21, P22: the second table of one name is refused; the message names both places; a definition wins over a default name.
func TestC21_P22_OneNameTwice(t *testing.T) {
	crm, web := shop(orders()), shop(orders())
	crm.Name, web.Name, web.Line = "crm", "web", 20
	sets, problems := catalog.Resolve(catalog.Input{Sources: []catalog.Source{crm, web}, Now: now})
	if len(sets) != 1 || sets[0].Source != "crm" || len(problems) != 1 {
		t.Fatalf("sets %v, problems %v", layout(sets), problems)
	}
	if p := problems[0]; p.Line != 20 || !strings.Contains(p.Summary, "instance.hcl:10") || p.Source != "web" {
		t.Errorf("problem %+v", p)
	}
	d := ordersTable()
	d.Source, d.Folder = "web", "main"
	sets, problems = catalog.Resolve(catalog.Input{Sources: []catalog.Source{crm, web}, Definitions: []catalog.Definition{d}, Now: now})
	if len(sets) != 1 || sets[0].Source != "web" || len(problems) != 1 || problems[0].Line != 10 {
		t.Errorf("with a definition: sets %v, problems %v", layout(sets), problems)
	}
}

func TestOneStreamDefinedTwice(t *testing.T) {
	second := ordersTable()
	second.Name, second.Line = "orders_again", 30
	sets, problems := resolve(t, shop(orders()), ordersTable(), second)
	if len(sets) != 1 || len(problems) != 1 || problems[0].Line != 30 || !strings.Contains(problems[0].Summary, "data_description.md:7") {
		t.Errorf("sets %v, problems %v", layout(sets), problems)
	}
}

// A stream whose definition holds an error must not appear under its default name, without key and masking.
func TestBrokenDefinitionsWithholdTheirStream(t *testing.T) {
	in := catalog.Input{Sources: []catalog.Source{shop(orders(), stream("web", ""))}, Now: now, Broken: []catalog.Broken{{Source: "shop", Stream: "orders", File: "d.md", Line: 4}}}
	sets, problems := catalog.Resolve(in)
	if diff := cmp.Diff([]string{"main.web:"}, layout(sets)); diff != "" || len(problems) != 1 || problems[0].Line != 4 {
		t.Errorf("problems %v\n%s", problems, diff)
	}
	in.Broken, in.Incomplete = []catalog.Broken{{File: "d.md", Line: 4}}, true
	in.Definitions = []catalog.Definition{ordersTable()}
	sets, problems = catalog.Resolve(in)
	if diff := cmp.Diff([]string{"sales.orders:"}, layout(sets)); diff != "" || len(problems) != 1 || problems[0].Stream != "web" {
		t.Errorf("a definition without stream: problems %v\n%s", problems, diff)
	}
}

func TestDefinitionsOfSourcesNotAtHandAreSilent(t *testing.T) {
	d := ordersTable()
	d.Source = "elsewhere"
	sets, problems := resolve(t, shop(stream("web", "")), d)
	if len(sets) != 1 || len(problems) != 0 {
		t.Errorf("sets %v, problems %v", layout(sets), problems)
	}
}

func TestSelect(t *testing.T) {
	crm := shop(stream("issues", ""), stream("comments", "issues"), stream("orders", ""))
	crm.Name = "crm"
	web := shop(stream("visits", ""))
	web.Name = "web"
	d := catalog.Definition{ID: "visits", Stream: "visits", Source: "web", Folder: "crm", Name: "orders", Strategy: sdk.FullRefresh}
	sets, problems := catalog.Resolve(catalog.Input{Sources: []catalog.Source{crm, web}, Definitions: []catalog.Definition{d}, Now: now})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	issues, orders, visits := "main.issues: main.comments/replace", "main.orders:", "crm.orders:"
	for _, c := range []struct {
		patterns []string
		want     []string
		problems int
	}{
		{nil, []string{issues, orders, visits}, 0},
		{[]string{"crm"}, []string{issues, orders}, 0},
		{[]string{"crm.comments"}, []string{issues}, 0},
		{[]string{"main.orders"}, []string{orders}, 0},
		{[]string{"crm.orders"}, []string{visits}, 0},
		{[]string{"crm.main.orders"}, []string{orders}, 0},
		{[]string{"web.visits", "crm.issues"}, []string{issues, visits}, 0},
		{[]string{"web.Visits"}, []string{visits}, 0},
		{[]string{"crm.ordres", "web"}, []string{visits}, 1},
		{[]string{"", strings.Repeat("x", 10_000)}, []string{}, 2},
	} {
		got, problems := catalog.Select(sets, c.patterns)
		if diff := cmp.Diff(c.want, layout(got)); diff != "" || len(problems) != c.problems {
			t.Errorf("%.40q: problems %v\n%s", c.patterns, problems, diff)
		}
	}
	if _, problems := catalog.Select(sets, []string{"main.isues"}); problems[0].Help != `did you mean "main.issues"?` {
		t.Errorf("help %q", problems[0].Help)
	}
}

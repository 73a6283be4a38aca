package admin

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/portal/page"
	"github.com/ai-data-analyst/broker/web/v1/input"
)

type accessView struct {
	top
	Spaces  []space    // namespaces that are shown
	Others  []spaceRef // where there are too many tables for one picture: all of them, to choose one
	Rows    []groupRow
	Groups  []api.Group
	Changes []change // asked for, not saved
	User    string   // who is explained
	Table   string
	Tables  []string
	Answer  *api.Explained
}

// space is a namespace with its tables as columns.
type space struct {
	Name    string
	Private bool
	Tables  []string
}

type spaceRef struct {
	Name    string
	Tables  int
	Current bool
}

// groupRow is a group with what it opens.
type groupRow struct {
	api.Group
	Cells []cell
}

// Owned says whether the configuration owns the group.
func (r groupRow) Owned() bool { return r.Line > 0 }

// cell is one group and one table.
type cell struct {
	Group, Table string
	By           string // the pattern that opens the table; "" = closed
	First        bool   // of its namespace
	Box          bool   // it can be changed here: no wider pattern and no file decides
	Checked      bool   // as the reader left it
}

// Changed says whether the reader changed the cell.
func (c cell) Changed() bool { return c.Box && c.Checked != (c.By != "") }

// change is one box that was changed.
type change struct {
	Group, Table string
	Add          bool
	People       int
}

// mostColumns is how many tables one picture shows (portal.md).
const mostColumns = 40

// access shows which group opens which table, and explains.
func (p pages) access(c *fiber.Ctx, v *page.View) error {
	t := newTop(c, "Access")
	view, err := p.accessView(c, t, nil)
	if err != nil {
		return err
	}
	user, err := input.Text(c, "user")
	if err != nil {
		return err
	}
	table, err := input.Text(c, "table")
	if err != nil {
		return err
	}
	if view.User, view.Table = user, table; user != "" && table != "" {
		found, err := p.People.Explain(c.UserContext(), strings.TrimSpace(user), strings.TrimSpace(table))
		view.Wrong = refusal(err)
		if err != nil && view.Wrong == nil {
			return err
		}
		if err == nil {
			view.Answer = &found
		}
	}
	return p.show(c, v, "access.html", api.Prefix+"/admin/access", view.top, view)
}

// accessView is the page as it stands; boxes are those that the reader left checked, of those that were shown.
func (p pages) accessView(c *fiber.Ctx, t top, boxes *boxes) (accessView, error) {
	view := accessView{top: t}
	matrix, err := p.People.Matrix(c.UserContext())
	if err != nil {
		return view, err
	}
	directory, err := p.People.Directory(c.UserContext())
	if err != nil {
		return view, err
	}
	chosen, err := input.Text(c, "namespace")
	if err != nil {
		return view, err
	}
	if boxes != nil {
		chosen = boxes.namespace
	}
	view.Groups = directory.Groups
	rows := view.choose(matrix, chosen)
	for _, row := range matrix.Rows {
		view.Tables = append(view.Tables, row.Table)
	}
	for _, g := range directory.Groups {
		at := slices.Index(matrix.Groups, g.Name)
		if at < 0 {
			continue
		}
		line := groupRow{Group: g}
		for i, row := range rows {
			k := cell{Group: g.Name, Table: row.Table, By: row.By[at], First: i == 0 || namespace(rows[i-1].Table) != namespace(row.Table)}
			k.Box = g.Line == 0 && (k.By == "" || k.By == row.Table)
			k.Checked = k.By != ""
			if boxes != nil && k.Box && boxes.shown[k.key()] {
				k.Checked = boxes.checked[k.key()]
			}
			if k.Changed() {
				view.Changes = append(view.Changes, change{Group: g.Name, Table: row.Table, Add: k.Checked, People: len(g.Members)})
			}
			line.Cells = append(line.Cells, k)
		}
		view.Rows = append(view.Rows, line)
	}
	view.Heading = fmt.Sprintf("%s, %s, %s", people(len(directory.People)), count(len(directory.Groups), "group"), count(len(matrix.Rows), "table"))
	view.Lead = "Nobody sees a table that no box allows. A box covers every door: portal, downloads, queries, Claude."
	return view, nil
}

func (k cell) key() string { return k.Group + " " + k.Table }

func people(n int) string {
	if n == 1 {
		return "1 person"
	}
	return fmt.Sprintf("%d people", n)
}

func namespace(table string) string { return sdk.TableName(table).Namespace() }

// choose takes the tables that are shown: all where they fit, else those of one namespace.
func (view *accessView) choose(matrix api.Matrix, chosen string) []api.MatrixRow {
	rows := slices.Clone(matrix.Rows)
	slices.SortFunc(rows, func(a, b api.MatrixRow) int { return cmp.Compare(a.Table, b.Table) })
	if len(rows) > mostColumns {
		sizes := map[string]int{}
		for _, row := range rows {
			sizes[namespace(row.Table)]++
		}
		for name, n := range sizes {
			view.Others = append(view.Others, spaceRef{Name: name, Tables: n})
		}
		slices.SortFunc(view.Others, func(a, b spaceRef) int { return cmp.Compare(a.Name, b.Name) })
		if sizes[chosen] == 0 {
			chosen = view.Others[0].Name
		}
		for i := range view.Others {
			view.Others[i].Current = view.Others[i].Name == chosen
		}
		rows = slices.DeleteFunc(rows, func(r api.MatrixRow) bool { return namespace(r.Table) != chosen })
	}
	for _, row := range rows {
		if last := len(view.Spaces) - 1; last < 0 || view.Spaces[last].Name != namespace(row.Table) {
			view.Spaces = append(view.Spaces, space{Name: namespace(row.Table), Private: row.Private})
		}
		last := &view.Spaces[len(view.Spaces)-1]
		last.Tables = append(last.Tables, sdk.TableName(row.Table).Table())
	}
	return rows
}

// Shown is the namespace that is shown, where not all are.
func (view accessView) Shown() string {
	for _, o := range view.Others {
		if o.Current {
			return o.Name
		}
	}
	return ""
}

// boxes is what the reader sent of the matrix.
type boxes struct {
	namespace      string
	shown, checked map[string]bool
}

// grant reviews or saves boxes, or changes one pattern of a group.
func (p pages) grant(c *fiber.Ctx, v *page.View) error {
	switch verb := field(c, "do"); verb {
	case "review":
		sent := boxes{namespace: field(c, "namespace"), shown: map[string]bool{}, checked: map[string]bool{}}
		for _, key := range all(c, "shown") {
			sent.shown[key] = true
		}
		for _, key := range all(c, "cell") {
			sent.checked[key] = true
		}
		view, err := p.accessView(c, newTop(c, "Access"), &sent)
		if err != nil {
			return err
		}
		return p.show(c, v, "access.html", "", view.top, view)
	case "save":
		return p.granted(c, v, "saved", p.save(c, v, "grant", all(c, "add")), p.save(c, v, "revoke", all(c, "cut")))
	case "grant", "revoke":
		_, err := p.People.ChangeGroup(c.UserContext(), v.Who, verb, field(c, "group"), []string{strings.TrimSpace(field(c, "pattern"))})
		return p.granted(c, v, verb, err)
	default:
		return fiber.ErrBadRequest
	}
}

// save changes the grants of "group table" pairs.
func (p pages) save(c *fiber.Ctx, v *page.View, verb string, pairs []string) error {
	by := map[string][]string{}
	for _, pair := range pairs {
		group, table, ok := strings.Cut(pair, " ")
		if !ok {
			return fiber.ErrBadRequest
		}
		by[group] = append(by[group], table)
	}
	for group, tables := range by {
		if _, err := p.People.ChangeGroup(c.UserContext(), v.Who, verb, group, tables); err != nil {
			return err
		}
	}
	return nil
}

// granted answers after a change: the page anew, or why it was not done.
func (p pages) granted(c *fiber.Ctx, v *page.View, word string, errs ...error) error {
	for _, err := range errs {
		if w := refusal(err); w != nil {
			t := newTop(c, "Access")
			t.Wrong = w
			view, err := p.accessView(c, t, nil)
			if err != nil {
				return err
			}
			return p.show(c, v, "access.html", "", view.top, view)
		}
		if err != nil {
			return err
		}
	}
	return page.See(c, "/admin/access?done="+word)
}

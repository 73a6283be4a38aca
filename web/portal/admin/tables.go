package admin

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/portal/page"
	"github.com/ai-data-analyst/broker/web/v1/input"
)

type tablesView struct {
	top
	Sources []api.Source
	Source  string
	Trouble *wrong // why the source could not be asked
	Found   *api.Discovery
	Chosen  *api.Stream
	Preview *api.Sample
	Form    api.NewTable
	Key     string
}

// firstRows is how many rows a preview shows.
const firstRows = 10

// tables shows what a source offers, and registers one of its streams as a table.
func (p pages) tables(c *fiber.Ctx, v *page.View) error {
	return p.showTables(c, v, newTop(c, "Tables"), api.NewTable{})
}

func (p pages) showTables(c *fiber.Ctx, v *page.View, t top, form api.NewTable) error {
	sources, err := p.Instance.Sources(c.UserContext())
	if err != nil {
		return err
	}
	view := tablesView{top: t, Sources: sources.Sources, Form: form, Key: strings.Join(form.PrimaryKey, ", ")}
	view.Heading, view.Lead = "Register a table", "Ask a source what it offers, look at the first rows, and give it a name. The definition is written into data_description.md; what people wrote there stays."
	if view.Source, err = input.Text(c, "source"); err != nil {
		return err
	}
	if c.Method() == fiber.MethodPost {
		view.Source = field(c, "source")
	}
	if view.Source == "" && len(sources.Sources) == 1 {
		view.Source = sources.Sources[0].Name
	}
	if view.Source != "" {
		if err := p.ask(c, &view); err != nil {
			return err
		}
	}
	return p.show(c, v, "tables.html", "", view.top, view)
}

// ask fills in what the source says. A source that cannot be asked is told on the page.
func (p pages) ask(c *fiber.Ctx, view *tablesView) error {
	found, err := p.Registry.Discover(c.UserContext(), view.Source)
	if w := refusal(err); w != nil {
		view.Trouble = w
		return nil
	}
	if err != nil {
		return err
	}
	view.Found = &found
	name, err := input.Text(c, "stream")
	if err != nil {
		return err
	}
	if c.Method() == fiber.MethodPost {
		name = field(c, "stream")
	}
	at := slices.IndexFunc(found.Streams, func(s api.Stream) bool { return s.Name == name })
	if at < 0 {
		return nil
	}
	view.Chosen = &found.Streams[at]
	if view.Form.Name == "" {
		view.Form = api.NewTable{Stream: name, Name: sdk.NormalName(name), Description: view.Chosen.Description}
		view.Key = strings.Join(view.Chosen.Key, ", ")
	}
	preview, err := p.Registry.Preview(c.UserContext(), view.Source, name, firstRows)
	if w := refusal(err); w != nil {
		view.Trouble = w
		return nil
	}
	if err != nil {
		return err
	}
	view.Preview = &preview
	return nil
}

// Marked says whether the form marks a column as personal.
func (v tablesView) Marked(column string) bool { return slices.Contains(v.Form.PII, column) }

// Columns are those of the preview, or of the stream when it gave none.
func (v tablesView) Columns() []api.TypedName {
	if v.Preview != nil && len(v.Preview.Columns) > 0 {
		return v.Preview.Columns
	}
	return v.Chosen.Columns
}

// registerTable writes the definition that the form asks for.
func (p pages) registerTable(c *fiber.Ctx, v *page.View) error {
	table := api.NewTable{Stream: field(c, "stream"), Folder: strings.TrimSpace(field(c, "folder")), Name: strings.TrimSpace(field(c, "name")),
		Description: strings.TrimSpace(field(c, "description")), Strategy: field(c, "strategy"), PrimaryKey: words(field(c, "key")), PII: all(c, "pii")}
	source := field(c, "source")
	_, err := p.Registry.Register(c.UserContext(), v.Who, api.Registration{Source: source, Version: field(c, "version"), Tables: []api.NewTable{table}})
	if w := refusal(err); w != nil {
		t := newTop(c, "Tables")
		t.Wrong = w
		return p.showTables(c, v, t, table)
	}
	if err != nil {
		return fmt.Errorf("register the table %s: %w", table.Name, err)
	}
	return page.See(c, "/admin/tables?done=registered&source="+url.QueryEscape(source))
}

// words are the parts of a list with commas, without empty ones.
func words(list string) []string {
	var out []string
	for word := range strings.SplitSeq(list, ",") {
		if word = strings.TrimSpace(word); word != "" {
			out = append(out, word)
		}
	}
	return out
}

// all are the values that a form gives to a name.
func all(c *fiber.Ctx, name string) []string {
	var out []string
	for _, value := range c.Context().PostArgs().PeekMulti(name) {
		out = append(out, string(value))
	}
	return out
}

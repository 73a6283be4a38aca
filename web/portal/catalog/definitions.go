package catalog

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/api/tools"
	"github.com/ai-data-analyst/broker/web/portal/page"
)

// definitionsView lists definitions by category.
type definitionsView struct {
	Heading string
	Groups  []definitionGroup
}

type definitionGroup struct {
	Name    string
	Metrics []tools.Metric
}

func (p *pages) definitions(c *fiber.Ctx, v *page.View) error {
	found, err := p.Finder.Definitions(c.UserContext(), v.Who)
	if err != nil {
		return err
	}
	view := definitionsView{Heading: "No metric is defined for you yet"}
	switch len(found) {
	case 0:
	case 1:
		view.Heading = "One agreed metric"
	default:
		view.Heading = page.Grouped(len(found)) + " agreed metrics"
	}
	for _, m := range sorted(found) {
		if n := len(view.Groups); n == 0 || view.Groups[n-1].Name != m.Category {
			view.Groups = append(view.Groups, definitionGroup{Name: m.Category})
		}
		last := &view.Groups[len(view.Groups)-1]
		last.Metrics = append(last.Metrics, m)
	}
	v.JSON = api.Prefix + "/metrics-definitions"
	return p.host.Show(c, v, p.set, "definitions.html", http.StatusOK, "Metrics", view)
}

// definitionView is one definition.
type definitionView struct {
	tools.Metric
	Tables   []string // full names that the reader may open
	Variants []variant
	Question string
}

type variant struct{ Label, SQL string }

func (p *pages) definition(c *fiber.Ctx, v *page.View) error {
	m, err := definition(c.UserContext(), p.Finder, v.Who, c.Params("name"))
	if err != nil {
		return err
	}
	view := definitionView{Metric: m, Question: "What is our " + m.Label + " now, and how did it develop? Use the definition " + m.Name + "."}
	view.Validation = strings.ReplaceAll(view.Validation, "\n", "; ")
	found, err := p.Finder.Find(c.UserContext(), v.Who, api.CatalogFilter{})
	if err != nil {
		return err
	}
	for _, name := range m.Tables {
		for i := range found.Tables {
			if t := sdk.TableName(found.Tables[i].Name); string(t) == name || t.Table() == name {
				view.Tables = append(view.Tables, string(t))
			}
		}
	}
	for field, sql := range m.Variants {
		view.Variants = append(view.Variants, variant{strings.ReplaceAll(strings.TrimPrefix(field, "sql_"), "_", " "), sql})
	}
	slices.SortFunc(view.Variants, func(a, b variant) int { return strings.Compare(a.Label, b.Label) })
	v.JSON = api.Prefix + "/metrics-definitions/" + url.PathEscape(m.Name)
	return p.host.Show(c, v, p.set, "definition.html", http.StatusOK, m.Label, view)
}

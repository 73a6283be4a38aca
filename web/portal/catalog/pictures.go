package catalog

import (
	"fmt"
	"html/template"

	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/portal/catalog/column"
	"github.com/ai-data-analyst/broker/web/portal/page"
	"github.com/ai-data-analyst/broker/web/portal/picture"
)

// Spark draws the rows of the last days.
func (r row) Spark() template.HTML {
	if len(r.Trend) == 0 {
		return ""
	}
	return picture.Spark(r.Trend, fmt.Sprintf("Rows over %d days, %s", len(r.Trend), r.Change))
}

// columnView is a column with its pictures.
type columnView struct{ column.View }

// FilledText is how much of the column is filled, in words.
func (c columnView) FilledText() string { return column.Percent(c.Filled) }

// Picture draws what the column holds.
func (c columnView) Picture() template.HTML {
	switch c.Kind {
	case column.Bars, column.Calendar:
		return picture.Shape(c.Counts, fmt.Sprintf("Distribution of %s from %s to %s", c.Name, c.From, c.To))
	case column.Shares:
		return picture.Share(c.Top, c.Rows, c.Nulls)
	case column.Empty:
		return picture.Share(nil, 1, 1)
	default:
		return ""
	}
}

// Percent is the share of a value in words.
func (c columnView) Percent(t api.ProfileTop) string { return column.Percent(c.ShareOf(t)) }

// Short is a value that fits into a cell.
func (c columnView) Short(value string) string { return column.Short(value) }

// Graph draws the tables that the table can be joined with.
func (v tableView) Graph() template.HTML {
	var belongs, has []picture.Join
	for _, r := range v.Relations {
		join := picture.Join{Box: picture.Box{Name: r.Table, Note: page.Grouped(r.Rows) + " rows"}, Text: "by " + r.Column}
		if r.State != "" && r.State != api.StateFresh && r.State != api.StateUnchanged {
			join.Note += ", " + r.State
		}
		if r.Direction == "belongs_to" {
			belongs = append(belongs, join)
		} else {
			has = append(has, join)
		}
	}
	return picture.Joins(picture.Box{Name: v.Name, Note: page.Grouped(v.Rows) + " rows"}, belongs[:min(most, len(belongs))], has[:min(most, len(has))])
}

// most is how many tables the graph has room for on each side; the list below it names all.
const most = 8

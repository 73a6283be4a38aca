package picture

import (
	"fmt"
	"html/template"
	"strings"
)

// Cell is whether a group may read a table. Locked: the configuration says so, so that it is no checkbox.
type Cell struct{ On, Locked bool }

// Row is one group of a matrix. Note says where a locked one is set, e.g. "set in instance.hcl, line 18".
type Row struct {
	Group, Note string
	Cells       []Cell
}

// Matrix is which group may read which table. Tables are sorted by their full names; a checkbox is called
// "GROUP:NAMESPACE.TABLE".
func Matrix(tables []string, rows []Row) template.HTML {
	var out strings.Builder
	out.WriteString(`<table class="tbl matrix"><caption class="sr">Which group may read which table</caption>`)
	head(&out, tables)
	out.WriteString("<tbody>")
	for _, row := range rows {
		fmt.Fprintf(&out, `<tr><th scope="row" class="nowrap">%s`, template.HTMLEscapeString(row.Group))
		if row.Note != "" {
			fmt.Fprintf(&out, ` <span class="faint small">%s</span>`, template.HTMLEscapeString(row.Note))
		}
		out.WriteString("</th>")
		for i, table := range tables {
			var cell Cell
			if i < len(row.Cells) {
				cell = row.Cells[i]
			}
			first := ""
			if begins(tables, i) {
				first = ` class="first"`
			}
			fmt.Fprintf(&out, "<td%s>%s</td>", first, mark(row.Group, table, cell))
		}
		out.WriteString("</tr>")
	}
	out.WriteString("</tbody></table>")
	return template.HTML(out.String())
}

// begins says whether a namespace begins at a table.
func begins(tables []string, i int) bool { return i == 0 || space(tables[i]) != space(tables[i-1]) }

func space(table string) string {
	name, _, _ := strings.Cut(table, ".")
	return name
}

func head(out *strings.Builder, tables []string) {
	out.WriteString(`<thead><tr><td></td>`)
	for i := 0; i < len(tables); {
		n := 1
		for i+n < len(tables) && !begins(tables, i+n) {
			n++
		}
		fmt.Fprintf(out, `<th scope="colgroup" colspan="%d" class="first">%s</th>`, n, template.HTMLEscapeString(space(tables[i])))
		i += n
	}
	out.WriteString(`</tr><tr><th scope="col">Group</th>`)
	for i, table := range tables {
		class := "v"
		if begins(tables, i) {
			class = "v first"
		}
		_, name, _ := strings.Cut(table, ".")
		fmt.Fprintf(out, `<th scope="col" class="%s"><span>%s</span></th>`, class, template.HTMLEscapeString(name))
	}
	out.WriteString("</tr></thead>")
}

func mark(group, table string, cell Cell) string {
	switch group, table = template.HTMLEscapeString(group), template.HTMLEscapeString(table); {
	case cell.Locked && cell.On:
		return `<svg class="i" viewBox="0 0 16 16" aria-hidden="true"><path d="M3 8.5l3.3 3.3L13 4.7" stroke-width="2"/></svg><span class="sr">may read</span>`
	case cell.Locked:
		return `<span class="sr">may not read</span>`
	default:
		checked := ""
		if cell.On {
			checked = " checked"
		}
		return fmt.Sprintf(`<input type="checkbox" name="%s:%s" aria-label="%[1]s may read %[2]s"%[3]s>`, group, table, checked)
	}
}

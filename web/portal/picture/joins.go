package picture

import (
	"fmt"
	"html/template"
	"strings"
	"unicode/utf8"
)

// Box is a table in a picture of relations.
type Box struct{ Name, Note string }

// Join is a table that another one is joined with; Text says how, e.g. "2.5 for each order".
type Join struct {
	Box
	Text string
}

// mostJoins is how many joins each side of a picture has; the list beside it has all.
const mostJoins = 12

// Joins is a table, what it belongs to at its left and what belongs to it at its right. Its boxes are links, so it is no
// image to screen readers but a group of them.
func Joins(of Box, belongs, has []Join) template.HTML {
	const wide, tall, pitch, middle, right = 216.0, 48.0, 84.0, 372.0, 744.0
	belongs, has = belongs[:min(len(belongs), mostJoins)], has[:min(len(has), mostJoins)]
	rows := float64(max(len(belongs), len(has), 1))
	height := (rows-1)*pitch + tall + 16
	centre := height / 2
	c := &canvas{}
	fmt.Fprintf(c, `<svg width="960" height="%s" viewBox="0 0 960 %[1]s" role="group" aria-label="%s">`, coordinate(height), template.HTMLEscapeString(relations(of, belongs, has)))
	y := func(i, n int) float64 { return centre + (float64(i)-float64(n-1)/2)*pitch }
	for i, join := range belongs {
		at := y(i, len(belongs))
		c.line(wide-1, at, middle, centre, 350)
		c.text("", coordinate(wide+12), at-10, short(join.Text, 20))
		c.box(join.Box, 1, at-tall/2, wide-2, tall, false)
	}
	for i, join := range has {
		at := y(i, len(has))
		c.line(middle+wide, centre, right, at, 612)
		c.text("", "620", at-10, short(join.Text, 18))
		c.box(join.Box, right, at-tall/2, wide-2, tall, false)
	}
	c.box(of, middle, centre-tall/2, wide, tall, true)
	return c.done()
}

// line goes along, across at a place, and along, with an arrow's head.
func (c *canvas) line(x, y, tox, toy, at float64) {
	fmt.Fprintf(c, `<path class="edge" d="M%s %sH%sV%sH%sM%s %sL%s %sL%s %s"/>`, coordinate(x), coordinate(y), coordinate(at), coordinate(toy), coordinate(tox),
		coordinate(tox-10), coordinate(toy-7), coordinate(tox), coordinate(toy), coordinate(tox-10), coordinate(toy+7))
}

func (c *canvas) box(box Box, x, y, width, height float64, on bool) {
	class := "box"
	if on {
		class = "box on"
	}
	fmt.Fprintf(c, `<a href="%s"><rect class="%s" x="%s" y="%s" width="%s" height="%s" rx="3"/>`, template.HTMLEscapeString(tablePath(box.Name)), class, coordinate(x), coordinate(y),
		coordinate(width), coordinate(height))
	c.text("id", coordinate(x+12), y+20, short(box.Name, 24))
	c.text("", coordinate(x+12), y+38, short(box.Note, 30))
	c.WriteString("</a>")
}

// short cuts what does not fit, so that no text runs out of its box.
func short(text string, most int) string {
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most-1]) + "…"
}

func relations(of Box, belongs, has []Join) string {
	names := func(joins []Join) string {
		var list []string
		for _, j := range joins {
			list = append(list, j.Name)
		}
		return strings.Join(list, ", ")
	}
	var parts []string
	if len(belongs) > 0 {
		parts = append(parts, of.Name+" belongs to "+names(belongs))
	}
	if len(has) > 0 {
		parts = append(parts, names(has)+" belong to "+of.Name)
	}
	if len(parts) == 0 {
		return of.Name + " has no relations"
	}
	return strings.Join(parts, "; ")
}

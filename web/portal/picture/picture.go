// Package picture draws the pictures of pages as SVG: geometry from here, colour from the classes of the stylesheet.
//
// Bars start at zero; a line is scaled to its own range. What is NULL is dashed. Every picture carries a sentence that says
// the same, or is hidden from screen readers where the same numbers stand beside it. Pure functions of their arguments;
// every text is escaped.
package picture

import (
	"fmt"
	"html/template"
	"math"
	"net/url"
	"strconv"
	"strings"
)

// canvas is a picture under way.
type canvas struct{ strings.Builder }

// coordinate is a length with at most two decimals.
func coordinate(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "0"
	}
	return strconv.FormatFloat(math.Round(v*100)/100, 'f', -1, 64)
}

// drawing begins a picture of a width and height. label "" = hidden from screen readers.
func drawing(class string, width, height float64, label string) *canvas {
	c := &canvas{}
	fmt.Fprintf(c, `<svg class="%s" width="%s" height="%s" viewBox="0 0 %s %s" preserveAspectRatio="none"`, class, coordinate(width), coordinate(height),
		coordinate(width), coordinate(height))
	c.said(label)
	return c
}

// stretched begins a picture that is as wide as its place; lengths along it are shares of that.
func stretched(class string, height float64, label string) *canvas {
	c := &canvas{}
	fmt.Fprintf(c, `<svg class="%s" height="%s"`, class, coordinate(height))
	c.said(label)
	return c
}

// said ends the opening tag with the sentence of the picture.
func (c *canvas) said(label string) {
	if label == "" {
		c.WriteString(` aria-hidden="true">`)
		return
	}
	label = template.HTMLEscapeString(label)
	c.WriteString(` role="img" aria-label="` + label + `"><title>` + label + `</title>`)
}

// rect is a bar. Nothing is drawn for one without width or height.
func (c *canvas) rect(class string, x, y, width, height float64) {
	if width <= 0 || height <= 0 {
		return
	}
	fmt.Fprintf(c, `<rect class="%s" x="%s" y="%s" width="%s" height="%s"/>`, class, coordinate(x), coordinate(y), coordinate(width), coordinate(height))
}

// share is a bar whose place and width are shares of the whole width, 0 to 1.
func (c *canvas) share(class string, from, width, y, height float64) {
	if width <= 0 || height <= 0 {
		return
	}
	fmt.Fprintf(c, `<rect class="%s" x="%s%%" y="%s" width="%s%%" height="%s"/>`, class, coordinate(from*100), coordinate(y), coordinate(width*100), coordinate(height))
}

// tick is a line of one pixel at a share of the whole width.
func (c *canvas) tick(class string, at, width, y, height float64) {
	fmt.Fprintf(c, `<rect class="%s" x="%s%%" y="%s" width="%s" height="%s"/>`, class, coordinate(at*100), coordinate(y), coordinate(width), coordinate(height))
}

// text is a word at a place.
func (c *canvas) text(class, x string, y float64, text string) {
	if class != "" {
		class = ` class="` + class + `"`
	}
	fmt.Fprintf(c, `<text%s x="%s" y="%s">%s</text>`, class, x, coordinate(y), template.HTMLEscapeString(text))
}

// done is the picture.
func (c *canvas) done() template.HTML {
	c.WriteString("</svg>")
	return template.HTML(c.String())
}

// tablePath is the page of a table.
func tablePath(name string) string { return "/t/" + url.PathEscape(name) }

// grouped is a whole number as people read it.
func grouped(n int64) string {
	text := strconv.FormatInt(n, 10)
	for at := len(text) - 3; at > 0 && text[at-1] != '-'; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}

// most is the largest of some numbers, at least 1, so that it can be divided by.
func most(values []int64) float64 {
	top := int64(1)
	for _, v := range values {
		top = max(top, v)
	}
	return float64(top)
}

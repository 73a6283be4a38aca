package picture

import (
	"fmt"
	"html/template"
	"strings"

	"github.com/ai-data-analyst/broker/web/api"
)

// Strip is the last days of a table, a cell a day.
func Strip(days []api.StateDay) template.HTML { return strip("strip", days, 13, 2, 16) }

// StripFull is the same, as wide as its place.
func StripFull(days []api.StateDay) template.HTML { return strip("strip full", days, 33, 2, 10) }

func strip(class string, days []api.StateDay, pitch, gap, height float64) template.HTML {
	width := max(float64(len(days))*pitch, pitch)
	c := drawing(class, width, height, said(days))
	for i, day := range days {
		c.cell(day.State, float64(i)*pitch, pitch-gap, height)
	}
	return c.done()
}

// cell is one day: full when something was published, low when the source said that nothing changed, broken when it failed,
// hollow while something waits, a line on the ground when no run was due.
func (c *canvas) cell(state string, x, width, height float64) {
	low := height * 0.375
	switch state {
	case api.StateFresh:
		c.rect("d", x, 0, width, height)
	case api.StateUnchanged, api.StateEmpty:
		c.rect("d2", x, height-low, width, low)
	case api.StateSyncing:
		c.rect("a live", x, 0, width, height)
	case api.StateStale:
		c.rect("w", x, height-low, width, low)
	case api.StatePartial:
		c.rect("ho", x+0.6, 0.6, width-1.2, height-1.2)
		c.rect("w", x, height/2, width, height/2)
	case api.StateHeld:
		c.rect("ho", x+0.6, 0.6, width-1.2, height-1.2)
	case api.StateFailed, api.StateUnreadable:
		part := max(height*0.3125, 3)
		c.rect("x", x, 0, width, part)
		c.rect("x", x, height-part, width, part)
	case api.StateNever:
		c.rect("z", x, height-2, width, 2)
	default:
		c.rect("n", x, height-2, width, 2)
	}
}

// spoken are the words of a strip, in the order in which it is read out.
var spoken = [][2]string{{api.StateFresh, "published"}, {api.StateUnchanged, "unchanged"}, {api.StateEmpty, "empty"}, {api.StateSyncing, "syncing"}, {api.StatePartial, "partial"},
	{api.StateStale, "stale"}, {api.StateHeld, "held"}, {api.StateFailed, "failed"}, {api.StateUnreadable, "unreadable"}, {api.StateSkipped, "skipped"}, {"", "without a run"}, {api.StateNever, "before the first sync"}}

func said(days []api.StateDay) string {
	counts := map[string]int{}
	for _, day := range days {
		counts[day.State]++
	}
	var parts []string
	for _, word := range spoken {
		if n := counts[word[0]]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, word[1]))
		}
	}
	if len(parts) == 0 {
		return "No days yet"
	}
	return fmt.Sprintf("Last %d days: %s", len(days), strings.Join(parts, ", "))
}

// legend are the cells that a legend explains.
var legend = [][2]string{{api.StateFresh, "published"}, {api.StateUnchanged, "checked, unchanged"}, {api.StatePartial, "partial"}, {api.StateHeld, "held"},
	{api.StateFailed, "failed"}, {"", "no run due"}, {api.StateNever, "not synced yet"}}

// Legend explains the cells of strips.
func Legend() template.HTML {
	var out strings.Builder
	out.WriteString(`<p class="legend">`)
	for _, row := range legend {
		c := drawing("strip", 7, 14, "")
		c.cell(row[0], 0, 6, 14)
		out.WriteString("<span>" + string(c.done()) + row[1] + "</span>")
	}
	out.WriteString("</p>")
	return template.HTML(out.String())
}

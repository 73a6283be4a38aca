package ask

import (
	"bufio"
	"strings"
	"unicode"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// page is how many rows a table holds before the next one begins: the widths of its columns need all of them in memory.
const page = 10_000

func writeTable(w *bufio.Writer, a *Answer, wide int) error {
	t := newTable(a, wide)
	rows := 0
	err := each(w, a, func(row []*string) {
		if rows == page {
			put(w, t.Render(), "\n")
			t, rows = newTable(a, wide), 0
		}
		rows++
		cells := make(table.Row, len(row))
		for i, v := range row {
			cells[i] = "NULL"
			switch {
			case v != nil && a.plan:
				cells[i] = visibleLines(*v)
			case v != nil:
				cells[i] = shown(*v, wide)
			}
		}
		t.AppendRow(cells)
	})
	if err != nil {
		return err
	}
	put(w, t.Render(), "\n")
	return nil
}

func newTable(a *Answer, wide int) table.Writer {
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.Style().Format.Header = text.FormatDefault
	header := table.Row{}
	var columns []table.ColumnConfig
	for i, c := range a.Columns {
		header = append(header, shown(c.Name, wide))
		if isNumber(c.Type) {
			columns = append(columns, table.ColumnConfig{Number: i + 1, Align: text.AlignRight, AlignHeader: text.AlignRight})
		}
	}
	t.AppendHeader(header)
	t.SetColumnConfigs(columns)
	return t
}

// shown is a value as a terminal may have it: on one line, and cut where it is too wide.
func shown(value string, wide int) string {
	clean := strings.NewReplacer("\r\n", " ", "\n", " ", "\r", " ", "\t", " ").Replace(visible(value))
	if wide > 0 && text.StringWidth(clean) > wide {
		return text.Trim(clean, wide-1) + "…"
	}
	return clean
}

// visible leaves out what would steer a terminal or hide in a text: control characters but line ends and tabs, and
// invisible ones, those that turn the direction of writing included (G15).
func visible(value string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\r' || r == '\t':
			return r
		case unicode.IsControl(r):
			return ' '
		case unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp):
			return -1
		}
		return r
	}, value)
}

func visibleLines(value string) string { return strings.ReplaceAll(visible(value), "\r", "") }

package ask

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/mirror/duck"
)

// Formats are the texts that Write makes; parquet is a file of its own, see Parquet.
var Formats = []string{"table", "json", "csv", "md"}

// Write writes an answer in one of Formats. wide > 0 cuts cells of a table to that many characters.
func Write(w io.Writer, a *Answer, format string, wide int) error {
	out := bufio.NewWriterSize(w, 64<<10)
	var err error
	switch format {
	case "json":
		err = writeJSON(out, a)
	case "csv":
		err = writeCSV(out, a)
	case "md":
		err = writeMarkdown(out, a)
	case "table":
		err = writeTable(out, a, wide)
	default:
		return fault.Newf(fault.Config, "there is no format %q", format).WithHelp("Formats are table, json, csv, md and parquet.")
	}
	return errors.Join(err, out.Flush())
}

// each calls do for every row.
func each(a *Answer, do func(row []*string) error) error {
	for {
		row, err := a.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = do(row)
		}
		if err != nil {
			return err
		}
	}
}

func writeJSON(w *bufio.Writer, a *Answer) error {
	names := make([]string, len(a.Columns))
	for i, c := range a.Columns {
		name, err := json.Marshal(c.Name)
		if err != nil {
			return fmt.Errorf("write the name of a column: %w", err)
		}
		names[i] = string(name)
	}
	fmt.Fprint(w, "[")
	first := true
	err := each(a, func(row []*string) error {
		if !first {
			fmt.Fprint(w, ",")
		}
		first = false
		fmt.Fprint(w, "\n  {")
		for i, v := range row {
			if i > 0 {
				fmt.Fprint(w, ", ")
			}
			value, err := json.Marshal(Value(a.Columns[i].Type, v))
			if err != nil {
				return fmt.Errorf("write column %s: %w", a.Columns[i].Name, err)
			}
			fmt.Fprint(w, names[i], ": ", string(value))
		}
		_, err := fmt.Fprint(w, "}")
		return err
	})
	if !first {
		fmt.Fprint(w, "\n")
	}
	fmt.Fprint(w, "]\n")
	return err
}

// exact is the greatest integer that every reader of JSON keeps exactly: 2^53 (RFC 8259 §6).
const exact = 1 << 53

// Value is a value for JSON (interface.md §9): integers beyond 2^53, HUGEINT and DECIMAL as text, NaN and infinities as
// null, nested values as they are.
func Value(typ string, v *string) any {
	if v == nil {
		return nil
	}
	switch typ {
	case "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT":
		if n, err := strconv.ParseInt(*v, 10, 64); err == nil && n <= exact && n >= -exact {
			return n
		}
		return *v
	case "FLOAT", "DOUBLE":
		f, err := strconv.ParseFloat(*v, 64)
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			return nil
		}
		return f
	case "BOOLEAN":
		return *v == "true"
	}
	if duck.Nested(typ) && json.Valid([]byte(*v)) {
		return json.RawMessage(*v)
	}
	return *v
}

func writeCSV(w *bufio.Writer, a *Answer) error {
	out := csv.NewWriter(w) // RFC 4180 with LF
	if err := out.Write(names(a.Columns)); err != nil {
		return fmt.Errorf("write the header: %w", err)
	}
	cells := make([]string, len(a.Columns))
	err := each(a, func(row []*string) error {
		for i, v := range row {
			cells[i] = ""
			if v != nil {
				cells[i] = *v
			}
		}
		return out.Write(cells)
	})
	out.Flush()
	return errors.Join(err, out.Error())
}

func names(columns []api.TypedName) []string {
	list := make([]string, len(columns))
	for i, c := range columns {
		list[i] = c.Name
	}
	return list
}

// mark keeps a cell on one line of a Markdown table.
var mark = strings.NewReplacer("\\", "\\\\", "|", "\\|", "\r\n", "<br>", "\n", "<br>", "\r", "<br>")

func writeMarkdown(w *bufio.Writer, a *Answer) error {
	line := func(cells []string) { fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | ")) }
	header, rule := make([]string, len(a.Columns)), make([]string, len(a.Columns))
	for i, c := range a.Columns {
		header[i], rule[i] = mark.Replace(c.Name), "---"
		if isNumber(c.Type) {
			rule[i] = "---:"
		}
	}
	line(header)
	line(rule)
	cells := make([]string, len(a.Columns))
	return each(a, func(row []*string) error {
		for i, v := range row {
			cells[i] = "NULL"
			if v != nil {
				cells[i] = mark.Replace(*v)
			}
		}
		line(cells)
		return nil
	})
}

func isNumber(typ string) bool {
	switch base, _, _ := strings.Cut(typ, "("); base {
	case "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT", "FLOAT", "DOUBLE", "DECIMAL":
		return true
	}
	return false
}

func writeTable(w *bufio.Writer, a *Answer, wide int) error {
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
	err := each(a, func(row []*string) error {
		cells := make(table.Row, len(row))
		for i, v := range row {
			cells[i] = "NULL"
			if v != nil {
				cells[i] = shown(*v, wide)
			}
		}
		t.AppendRow(cells)
		return nil
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(w, t.Render())
	return err
}

// shown is a value as a terminal may have it: escapes of terminals and line ends are spaces, what is too wide is cut. A
// plan keeps its lines.
func shown(value string, wide int) string {
	clean := strings.Map(func(r rune) rune {
		if r != '\n' && (r < ' ' || r == 0x7f || (r >= 0x80 && r < 0xa0)) {
			return ' '
		}
		return r
	}, value)
	if strings.ContainsRune(clean, '─') {
		return clean
	}
	clean = strings.ReplaceAll(clean, "\n", " ")
	if runes := []rune(clean); wide > 0 && len(runes) > wide {
		return string(runes[:wide-1]) + "…"
	}
	return clean
}

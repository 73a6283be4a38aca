package ask

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/mirror/duck"
	"github.com/ai-data-analyst/broker/web/mirror/types"
)

// Formats are the texts that Write makes; parquet is a file of its own, see Parquet.
var Formats = []string{"table", "json", "csv", "md"}

// Write writes an answer in one of Formats, as its rows come. wide > 0 cuts cells of a table to that many characters.
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
	return errors.Join(err, fault.Wrap(fault.Config, out.Flush(), "write the answer"))
}

// put writes texts. What goes wrong stays with w and is seen at the next row, or when it is flushed.
func put(w *bufio.Writer, texts ...string) {
	for _, text := range texts {
		_, _ = w.WriteString(text)
	}
}

// each calls do for every row, and ends with the first that cannot be written.
func each(w *bufio.Writer, a *Answer, do func(row []*string)) error {
	for {
		row, err := a.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		do(row)
		if _, err := w.Write(nil); err != nil {
			return fault.Wrap(fault.Config, err, "write the answer")
		}
	}
}

// writeJSON writes an array of objects, one a line.
func writeJSON(w *bufio.Writer, a *Answer) error {
	names := make([]string, len(a.Columns))
	for i, c := range a.Columns {
		names[i] = string(types.Quote(c.Name))
	}
	before := "[\n  {"
	err := each(w, a, func(row []*string) {
		for i, v := range row {
			put(w, before, names[i], ": ", string(inJSON(a.Columns[i].Type, v)))
			before = ", "
		}
		put(w, "}")
		before = ",\n  {"
	})
	if before == "[\n  {" {
		put(w, "[]\n")
	} else {
		put(w, "\n]\n")
	}
	return err
}

// Value is a value for JSON (interface.md §9): integers beyond 2^53, HUGEINT and DECIMAL as text, NaN and infinities as
// null, nested values as they are.
func Value(typ string, v *string) any {
	raw := inJSON(typ, v)
	switch c := raw[0]; {
	case c == 'n':
		return nil
	case duck.Nested(typ):
		return json.RawMessage(raw)
	case c == 't' || c == 'f':
		return c == 't'
	case c == '"':
		return *v
	}
	return json.Number(raw)
}

func inJSON(typ string, v *string) []byte {
	switch {
	case v == nil:
		return []byte("null")
	case duck.Nested(typ) && json.Valid([]byte(*v)):
		return []byte(*v)
	}
	return duck.LeafJSON(typ, *v)
}

// writeCSV writes RFC 4180 with LF. NULL is an empty field, the empty text is "".
func writeCSV(w *bufio.Writer, a *Answer) error {
	for i, c := range a.Columns {
		comma(w, i)
		field(w, c.Name)
	}
	put(w, "\n")
	return each(w, a, func(row []*string) {
		for i, v := range row {
			comma(w, i)
			if v != nil {
				field(w, *v)
			}
		}
		put(w, "\n")
	})
}

func comma(w *bufio.Writer, i int) {
	if i > 0 {
		put(w, ",")
	}
}

func field(w *bufio.Writer, text string) {
	if text != "" && !strings.ContainsAny(text, "\",\r\n") && text[0] != ' ' && text[len(text)-1] != ' ' {
		put(w, text)
		return
	}
	put(w, `"`, strings.ReplaceAll(text, `"`, `""`), `"`)
}

// mark keeps a cell on one line of a Markdown table, and what it says a text: neither HTML nor a link, an image, code or
// emphasis (G15).
var mark = strings.NewReplacer(`\`, `\\`, "|", `\|`, "\r\n", "<br>", "\n", "<br>", "\r", "<br>", "<", "&lt;", ">", "&gt;", "&", "&amp;", "`", "\\`", "[", `\[`, "]", `\]`, "*", `\*`, "~", `\~`)

// written is a text in Markdown. An underscore within a word emphasizes nothing and stays.
func written(text string) string {
	text = mark.Replace(visible(text))
	if !strings.Contains(text, "_") {
		return text
	}
	var out strings.Builder
	for i := range len(text) {
		if text[i] == '_' && (i == 0 || i+1 == len(text) || !alphanumeric(text[i-1]) || !alphanumeric(text[i+1])) {
			out.WriteByte('\\')
		}
		out.WriteByte(text[i])
	}
	return out.String()
}

func alphanumeric(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c > 0x7f
}

func writeMarkdown(w *bufio.Writer, a *Answer) error {
	line := func(cells []string) { put(w, "| ", strings.Join(cells, " | "), " |\n") }
	header, rule := make([]string, len(a.Columns)), make([]string, len(a.Columns))
	for i, c := range a.Columns {
		header[i], rule[i] = written(c.Name), "---"
		if isNumber(c.Type) {
			rule[i] = "---:"
		}
	}
	line(header)
	line(rule)
	cells := make([]string, len(a.Columns))
	return each(w, a, func(row []*string) {
		for i, v := range row {
			cells[i] = "NULL"
			if v != nil {
				cells[i] = written(*v)
			}
		}
		line(cells)
	})
}

func isNumber(typ string) bool {
	switch base, _, _ := strings.Cut(typ, "("); base {
	case "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT", "BIGNUM", "FLOAT", "DOUBLE", "DECIMAL":
		return !strings.HasSuffix(typ, "]")
	}
	return false
}

package read

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/ai-data-analyst/broker/plugins/connector/csv/scan"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// head finds the columns: from the header, or as many as the first row has cells.
func (r *reading) head() error {
	rows, closer, err := r.open()
	if err != nil {
		return err
	}
	defer closer.Close()
	block, err := first(rows)
	if errors.Is(err, io.EOF) {
		return fault.Newf(fault.Data, "%s:1: the file has no rows, not even a header", r.Name).
			WithHelp("Write at least the header; a file with a header and no rows is an empty table.")
	}
	if err != nil {
		return r.placed(err)
	}
	if len(block.Bad) > 0 {
		return r.broken(block.Bad[0])
	}
	if !r.Header {
		r.columns = make([]sdk.Column, block.Width)
		for i := range r.columns {
			r.columns[i].Name = fmt.Sprintf("c%d", i+1)
		}
		return nil
	}
	originals := make([]string, block.Width)
	for i, c := range block.Row(0) {
		originals[i] = string(block.Value(c, r.Dialect.Quote))
	}
	r.columns = names(originals)
	return nil
}

// first returns the block of the first row.
func first(rows *scan.Reader) (*scan.Block, error) { return rows.Next(1) }

// longestOriginal is how much of a header is kept as the column's original name.
const longestOriginal = 256

// names returns columns named after the cells of a header: normalised to the grammar, "column_N" where nothing is left,
// and "_2", "_3" … added where a name is taken.
func names(originals []string) []sdk.Column {
	columns := make([]sdk.Column, len(originals))
	taken := make(map[string]bool, len(originals))
	for i, original := range originals {
		name := sdk.NormalName(original)
		if name == "" {
			name = fmt.Sprintf("column_%d", i+1)
		}
		unique := name
		for n := 2; taken[unique]; n++ {
			suffix := fmt.Sprintf("_%d", n)
			unique = name[:min(len(name), 63-len(suffix))] + suffix
		}
		taken[unique] = true
		columns[i].Name = unique
		if len(original) > longestOriginal {
			original = strings.ToValidUTF8(original[:longestOriginal], "") + "…"
		}
		columns[i].Meta = map[string]string{"original": original}
	}
	return columns
}

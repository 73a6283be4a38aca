package read_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/ai-data-analyst/broker/plugins/connector/csv/read"
	"github.com/ai-data-analyst/broker/plugins/connector/csv/scan"
)

// TestWideTables: as many columns as possible cost memory by their bytes, not by their number.
func TestWideTables(t *testing.T) {
	var text strings.Builder
	cells := make([]string, scan.MaxCells)
	for row := range 400 {
		for i := range cells {
			switch {
			case row == 0:
				cells[i] = fmt.Sprintf("Column %d", i)
			case i%2 == 0:
				cells[i] = fmt.Sprint(row * i)
			default:
				cells[i] = fmt.Sprintf("text %d", i)
			}
		}
		text.WriteString(strings.Join(cells, ",") + "\n")
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var sink counting
	options := read.Options{Name: "t.csv", Dialect: comma, Header: true, Ragged: read.Fail}
	result, err := read.File(context.Background(), strings.NewReader(text.String()), options, &sink)
	if err != nil || sink.rows != 399 || len(result.Columns) != scan.MaxCells {
		t.Fatalf("%d rows, %d columns, %v", sink.rows, len(result.Columns), err)
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 256<<20 {
		t.Errorf("%d MiB were allocated for %d MiB of text", used>>20, text.Len()>>20)
	}
}

// TestMemoryIsFlat: ten times the rows allocate hardly more than once the rows.
func TestMemoryIsFlat(t *testing.T) {
	allocated := func(rows int) uint64 {
		text := "a,b,c\n" + strings.Repeat("1234,some text of a row,2024-01-01\n", rows)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		var sink counting
		options := read.Options{Name: "t.csv", Dialect: comma, Header: true, Ragged: read.Fail}
		if _, err := read.File(context.Background(), strings.NewReader(text), options, &sink); err != nil || sink.rows != int64(rows) {
			t.Fatal(sink.rows, err)
		}
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	if small, large := allocated(300_000), allocated(3_000_000); large > 2*small {
		t.Errorf("%d MiB for the large file, %d MiB for the small one", large>>20, small>>20)
	}
}

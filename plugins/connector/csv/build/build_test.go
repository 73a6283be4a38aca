package build_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/google/go-cmp/cmp"

	"github.com/ai-data-analyst/broker/plugins/connector/csv/build"
	"github.com/ai-data-analyst/broker/plugins/connector/csv/infer"
	"github.com/ai-data-analyst/broker/plugins/connector/csv/scan"
	"github.com/ai-data-analyst/broker/sdk"
)

func builder(t testing.TB, mem memory.Allocator, kinds ...infer.Kind) *build.Builder {
	t.Helper()
	var columns []sdk.Column
	var cells []build.Column
	for i, k := range kinds {
		columns = append(columns, sdk.Column{Name: fmt.Sprintf("c%d", i), Type: k.Type()})
		cells = append(cells, build.Column{Cell: i, Kind: k})
	}
	schema, err := sdk.ArrowSchema(columns)
	if err != nil {
		t.Fatal(err)
	}
	return build.New(schema, cells, '"', mem)
}

func blocks(t testing.TB, text string, each func(*scan.Block)) {
	t.Helper()
	reader := scan.NewReader(strings.NewReader(text), scan.Dialect{Delimiter: ',', Quote: '"'})
	for {
		block, err := reader.Next(0)
		if err != nil {
			return
		}
		each(block)
	}
}

// TestMemory: every buffer is given back, and values behind NULLs and dropped rows are right over many batches.
func TestMemory(t *testing.T) {
	mem := memory.NewCheckedAllocator(build.NewPool())
	defer mem.AssertSize(t, 0)
	var text strings.Builder
	var want []string
	for i := range 40_000 {
		cell := fmt.Sprint(i)
		if i%7 == 0 {
			cell = ""
		}
		fmt.Fprintf(&text, "%d,%s,%s,%s\n", i, cell, strings.Repeat("x", i%40), []string{"true", "false", ""}[i%3])
		row := fmt.Sprintf("%d|%s|%s|%s", i, cell, strings.Repeat("x", i%40), []string{"true", "false", ""}[i%3])
		want = append(want, row)
	}
	b := builder(t, mem, infer.Integer, infer.Integer, infer.Text, infer.Bool)
	var got []string
	take := func() {
		batch := b.Take()
		defer batch.Release()
		got = append(got, rowsOf(batch)...)
	}
	blocks(t, text.String(), func(block *scan.Block) {
		if misfits := b.Add(block); misfits != nil {
			t.Fatal(misfits)
		}
		if b.Rows() > 9_000 {
			take()
		}
	})
	take()
	take() // an empty batch is one, too
	b.Release()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows (-want +got):\n%.2000s", diff)
	}
}

func rowsOf(batch arrow.Record) []string {
	rows := make([]string, batch.NumRows())
	for i := range rows {
		cells := make([]string, batch.NumCols())
		for c := range cells {
			if !batch.Column(c).IsNull(i) {
				cells[c] = batch.Column(c).ValueStr(i)
			}
		}
		rows[i] = strings.Join(cells, "|")
	}
	return rows
}

// TestMisfits: rows that do not fit are told, in order, and leave nothing behind.
func TestMisfits(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	b := builder(t, mem, infer.Text, infer.Integer, infer.Date)
	defer b.Release()
	blocks(t, "a,1,2024-01-01\nbb,x,nope\nccc,,2024-01-02\ndddd,4,2024-13-01\n=e(,5,\n", func(block *scan.Block) {
		misfits := b.Add(block)
		if diff := cmp.Diff([]build.Misfit{{Row: 1, Column: 1}, {Row: 3, Column: 2}}, misfits); diff != "" {
			t.Errorf("misfits (-want +got):\n%s", diff)
		}
		if b.Rows() != 0 {
			t.Errorf("%d rows were kept", b.Rows())
		}
		block.Drop(func(row int) bool { return row == 1 || row == 3 })
		if misfits := b.Add(block); misfits != nil {
			t.Errorf("misfits %v", misfits)
		}
	})
	batch := b.Take()
	defer batch.Release()
	if diff := cmp.Diff([]string{"a|1|2024-01-01", "ccc||2024-01-02", "=e(|5|"}, rowsOf(batch)); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]build.Flag{{Count: 1, Line: 5}, {}, {}}, b.Flags); diff != "" {
		t.Errorf("flags (-want +got):\n%s", diff)
	}
}

// TestPool: buffers come back, of the size that was asked for.
func TestPool(t *testing.T) {
	pool := build.NewPool()
	for _, size := range []int{0, 1, 64, 65, 4 << 20, 40 << 20} {
		b := pool.Allocate(size)
		if len(b) != size {
			t.Errorf("asked for %d, got %d", size, len(b))
		}
		b = pool.Reallocate(2*size, b)
		if len(b) != 2*size {
			t.Errorf("asked for %d, got %d", 2*size, len(b))
		}
		pool.Free(b)
		if again := pool.Allocate(2 * size); size > 0 && size < 1<<20 && &again[0] != &b[0] {
			t.Errorf("a buffer of %d was not kept", 2*size)
		}
	}
}

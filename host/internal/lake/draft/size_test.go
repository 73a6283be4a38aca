package draft_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/ai-data-analyst/broker/host/internal/lake/version"
	"github.com/ai-data-analyst/broker/host/internal/parquet"
	"github.com/ai-data-analyst/broker/sdk"
)

// wideColumns are twenty columns as orders have them.
func wideColumns() []sdk.Column {
	var columns []sdk.Column
	for i := range 5 {
		columns = append(columns,
			sdk.Column{Name: fmt.Sprint("i", i), Type: sdk.Type{ID: sdk.Int64}}, sdk.Column{Name: fmt.Sprint("f", i), Type: sdk.Type{ID: sdk.Float64}},
			sdk.Column{Name: fmt.Sprint("s", i), Type: sdk.Type{ID: sdk.String}}, sdk.Column{Name: fmt.Sprint("t", i), Type: sdk.Type{ID: sdk.Timestamp, Zone: "UTC"}})
	}
	return columns
}

func wideBatch(t testing.TB, r *rand.Rand, first int64, rows int) arrow.Record {
	schema, err := sdk.ArrowSchema(wideColumns())
	if err != nil {
		t.Fatal(err)
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	for c := range schema.NumFields() {
		for i := range int64(rows) {
			switch f := b.Field(c).(type) {
			case *array.Int64Builder:
				f.Append(map[bool]int64{true: first + i, false: r.Int64N(1000)}[c == 0])
			case *array.Float64Builder:
				f.Append(float64(r.IntN(100000)) / 100)
			case *array.StringBuilder:
				f.Append(fmt.Sprint("customer ", r.IntN(1000+c*10000)))
			case *array.TimestampBuilder:
				f.Append(arrow.Timestamp(1.7e15 + r.Int64N(1e13)))
			}
		}
	}
	return b.NewRecord()
}

// TestMemoryStaysFlat streams tables of growing size and watches what is alive: with a key, with partitions, without.
func TestMemoryStaysFlat(t *testing.T) {
	day := &version.Partition{Column: "t0", Granularity: "day"}
	for name, spec := range map[string]version.Spec{
		"replace": {Mode: version.Replace}, "with key": {Mode: version.Replace, Key: []string{"i0"}}, "with partitions": {Mode: version.Append, Partition: day},
	} {
		t.Run(name, func(t *testing.T) {
			var batches []arrow.Record // cycled: building them costs more than writing them
			for i := range 4 {
				batches = append(batches, wideBatch(t, rand.New(rand.NewPCG(1, uint64(i))), int64(i)*8192, 8192))
			}
			peak := func(n int) (most uint64) {
				x := newTable(t, spec)
				x.small.Parquet, x.small.LogEntries = parquet.Options{Codec: parquet.Snappy, RowGroupBytes: 4 << 20}, 10_000
				x.small.Roll, x.small.Pending = 8<<20, 8<<20
				d := x.open(t)
				if err := d.Schema(wideColumns(), nil); err != nil {
					t.Fatal(err)
				}
				for i := range n {
					batch := batches[i%len(batches)]
					if err := d.Append("append", batch); err != nil {
						t.Fatal(err)
					}
					if i%8 == 7 {
						most = max(most, alive())
					}
				}
				if err := d.Discard(); err != nil {
					t.Fatal(err)
				}
				return most
			}
			before := alive()
			small, large := peak(8)-before, peak(32)-before
			if large > small*3/2+8<<20 {
				t.Errorf("%d MB alive at four times the rows, %d MB at one", large>>20, small>>20)
			}
		})
	}
}

func alive() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkReplace writes rows of twenty columns; without is the same through the encoder alone.
func BenchmarkReplace(b *testing.B) {
	batch := wideBatch(b, rand.New(rand.NewPCG(1, 1)), 0, 65536)
	for name, spec := range map[string]version.Spec{"draft": {Mode: version.Replace}, "draft with key": {Mode: version.Replace, Key: []string{"i0"}}, "append": {Mode: version.Append}} {
		b.Run(name, func(b *testing.B) {
			x := newTable(b, spec)
			d := x.open(b)
			if err := d.Schema(wideColumns(), nil); err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if err := d.Append("append", batch); err != nil {
					b.Fatal(err)
				}
			}
			if err := d.Discard(); err != nil {
				b.Fatal(err)
			}
		})
	}
	b.Run("encoder alone", func(b *testing.B) {
		columns, _, _, err := parquet.Assign(wideColumns(), nil, 0)
		if err != nil {
			b.Fatal(err)
		}
		file, err := os.Create(filepath.Join(b.TempDir(), "x"))
		if err != nil {
			b.Fatal(err)
		}
		defer file.Close()
		w, err := parquet.New(file, columns, nil, parquet.Options{})
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if err := w.Write(batch); err != nil {
				b.Fatal(err)
			}
		}
	})
}

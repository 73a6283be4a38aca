package parquet_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/google/go-cmp/cmp"

	"github.com/ai-data-analyst/broker/host/internal/parquet"
	"github.com/ai-data-analyst/broker/sdk"
)

// write writes batches of the wire columns into one file and checks its size and hash.
func write(t *testing.T, columns []parquet.Column, options parquet.Options, batches ...arrow.Record) ([]byte, parquet.File) {
	t.Helper()
	var out bytes.Buffer
	w, err := parquet.New(&out, columns, nil, options)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range batches {
		if err := w.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	file, err := w.Close()
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(out.Bytes())
	if file.SHA256 != hex.EncodeToString(sum[:]) || file.Bytes != int64(out.Len()) {
		t.Fatalf("file says %s, %d bytes; it has %x, %d", file.SHA256, file.Bytes, sum, out.Len())
	}
	return out.Bytes(), file
}

func assign(t *testing.T, source []sdk.Column) []parquet.Column {
	t.Helper()
	columns, _, _, err := parquet.Assign(source, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	return columns
}

// readAll returns the rows of a file as plain values.
func readAll(t *testing.T, file []byte, columns []parquet.Column) [][]any {
	t.Helper()
	var rows [][]any
	for batch, err := range parquet.Read(context.Background(), bytes.NewReader(file), int64(len(file)), columns) {
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, plainRows(batch)...)
	}
	return rows
}

// TestD11_ValuesRoundTripExactly writes random tables of all types, with the edges of each, cut and sliced at random, and
// reads them back.
func TestD11_ValuesRoundTripExactly(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			source := allTypes(r)
			columns := assign(t, source)
			var want [][]any
			var batches []arrow.Record
			for range 1 + r.IntN(4) {
				batch := randomBatch(t, r, source, r.IntN(300), true)
				from := r.IntN(int(batch.NumRows()) + 1)
				to := from + r.IntN(int(batch.NumRows())-from+1)
				sliced := batch.NewSlice(int64(from), int64(to))
				want = append(want, plainRows(sliced)...)
				batches = append(batches, sliced)
			}
			codec := []parquet.Codec{parquet.Zstd, parquet.Snappy}[r.IntN(2)]
			file, figures := write(t, columns, parquet.Options{Codec: codec, RowGroupRows: 1 + r.Int64N(100)}, batches...)
			if figures.Rows != int64(len(want)) {
				t.Errorf("%d rows, want %d", figures.Rows, len(want))
			}
			if diff := cmp.Diff(want, readAll(t, file, columns)); diff != "" {
				t.Errorf("rows (-written +read):\n%s", diff)
			}
		})
	}
}

func TestReadFindsColumnsByFieldID(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	source := []sdk.Column{{Name: "a", Type: sdk.Type{ID: sdk.Int32}}, {Name: "b", Type: sdk.Type{ID: sdk.String}}}
	columns := assign(t, source)
	batch := randomBatch(t, r, source, 100, true)
	file, _ := write(t, columns, parquet.Options{}, batch)

	later := []parquet.Column{
		{ID: 9, Name: "new", Type: sdk.Type{ID: sdk.Bool}},
		{ID: 2, Name: "renamed", Type: sdk.Type{ID: sdk.String}},
	}
	var want [][]any
	for _, row := range plainRows(batch) {
		want = append(want, []any{nil, row[1]})
	}
	if diff := cmp.Diff(want, readAll(t, file, later)); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if got := len(readAll(t, file, later[:1])); got != 100 {
		t.Errorf("%d rows of a column that the file does not have, want 100", got)
	}
}

func TestMissingColumnIsNull(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	source := []sdk.Column{{Name: "a", Type: sdk.Type{ID: sdk.Int8}}, {Name: "b", Type: sdk.Type{ID: sdk.List, Children: []sdk.Column{{Name: "item", Type: sdk.Type{ID: sdk.String}}}}}}
	columns := assign(t, source)
	batch := randomBatch(t, r, source[:1], 50, true)
	file, figures := write(t, columns, parquet.Options{}, batch)
	var want [][]any
	for _, row := range plainRows(batch) {
		want = append(want, []any{row[0], nil})
	}
	if diff := cmp.Diff(want, readAll(t, file, columns)); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if figures.Columns != 2 {
		t.Errorf("%d columns, want 2", figures.Columns)
	}
}

func TestEmptyFileHasItsColumns(t *testing.T) {
	columns := assign(t, allTypes(rand.New(rand.NewPCG(1, 1))))
	var out bytes.Buffer
	figures, err := parquet.Empty(&out, columns, parquet.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if figures.Rows != 0 || figures.Bytes != int64(out.Len()) || len(figures.Splits) != 0 {
		t.Errorf("figures %+v", figures)
	}
	if rows := readAll(t, out.Bytes(), columns); len(rows) != 0 {
		t.Errorf("%d rows, want none", len(rows))
	}
}

func TestRowGroupsEndByRowsAndByBytes(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	source := []sdk.Column{{Name: "a", Type: sdk.Type{ID: sdk.Int64}}}
	columns := assign(t, source)
	batch := randomBatch(t, r, source, 1000, false)
	for name, tc := range map[string]struct {
		options parquet.Options
		groups  int
	}{
		"rows":  {parquet.Options{RowGroupRows: 300}, 4},
		"bytes": {parquet.Options{RowGroupBytes: 8 * 500}, 2},
		"one":   {parquet.Options{}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			pieces := []arrow.Record{batch.NewSlice(0, 250), batch.NewSlice(250, 500), batch.NewSlice(500, 750), batch.NewSlice(750, 1000)}
			_, figures := write(t, columns, tc.options, pieces...)
			if len(figures.Splits) != tc.groups || figures.Splits[0] != 4 {
				t.Errorf("row groups begin at %v, want %d groups from 4", figures.Splits, tc.groups)
			}
		})
	}
}

func TestWriterRefuses(t *testing.T) {
	columns := []parquet.Column{{ID: 1, Name: "a", Type: sdk.Type{ID: sdk.Int64}, Required: true}}
	text := arrow.NewSchema([]arrow.Field{{Name: "a", Type: arrow.BinaryTypes.String}}, nil)
	for name, try := range map[string]func() error{
		"no columns": func() error { _, err := parquet.New(&bytes.Buffer{}, nil, nil, parquet.Options{}); return err },
		"unknown codec": func() error {
			_, err := parquet.New(&bytes.Buffer{}, columns, nil, parquet.Options{Codec: "lzma"})
			return err
		},
		"another type": func() error { _, err := parquet.New(&bytes.Buffer{}, columns, text, parquet.Options{}); return err },
		"required absent": func() error {
			_, err := parquet.New(&bytes.Buffer{}, columns, arrow.NewSchema(nil, nil), parquet.Options{})
			return err
		},
		"NULL in required": func() error {
			w, err := parquet.New(&bytes.Buffer{}, columns, nil, parquet.Options{})
			if err != nil {
				return nil
			}
			return w.Write(nulls(t, "a", arrow.PrimitiveTypes.Int64, 3))
		},
		"write after close": func() error {
			w, _ := parquet.New(&bytes.Buffer{}, columns, nil, parquet.Options{})
			if _, err := w.Close(); err != nil {
				return nil
			}
			_, err := w.Close()
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			if err := try(); err == nil {
				t.Error("no error")
			}
		})
	}
}

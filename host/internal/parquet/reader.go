package parquet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	arrow18 "github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	memory17 "github.com/apache/arrow/go/v17/arrow/memory"
)

// ReadBatchRows is how many rows a batch of Read has at most.
const ReadBatchRows = 16_384

// Read returns the rows of a file that New wrote, in order, as batches in published form of columns, which are found by
// field id: a column that the file does not have is NULL. It trusts the file: callers read only what they wrote, known by
// its hash. A batch is valid until the next one is asked for, unless retained. After an error the sequence ends.
func Read(ctx context.Context, r io.ReaderAt, size int64, columns []Column) iter.Seq2[arrow.Record, error] {
	return func(yield func(arrow.Record, error) bool) {
		err := read(ctx, r, size, columns, yield)
		if err != nil && !errors.Is(err, errStopped) {
			yield(nil, fmt.Errorf("read a part: %w", err))
		}
	}
}

var errStopped = errors.New("the reader has seen enough")

func read(ctx context.Context, r io.ReaderAt, size int64, columns []Column, yield func(arrow.Record, error) bool) (err error) {
	yielded := false
	defer func() { // the decoder panics on some damaged files
		if p := recover(); p != nil {
			if yielded {
				panic(p)
			}
			err = fmt.Errorf("the file is damaged: %v", p)
		}
	}()
	schema, err := Schema(columns)
	if err != nil {
		return err
	}
	open, err := file.NewParquetReader(io.NewSectionReader(r, 0, size))
	if err != nil {
		return err
	}
	defer open.Close()
	reader, err := pqarrow.NewFileReader(open, pqarrow.ArrowReadProperties{BatchSize: ReadBatchRows}, memory.DefaultAllocator)
	if err != nil {
		return err
	}
	fields, leaves := project(reader.Manifest, columns)
	emit := func(batch arrow.Record) error {
		defer batch.Release()
		if err := ctx.Err(); err != nil {
			return err
		}
		yielded = true // a panic in the consumer is its own
		goOn := yield(batch, nil)
		yielded = false
		if !goOn {
			return errStopped
		}
		return nil
	}
	if len(leaves) == 0 {
		return readNothing(schema, open.NumRows(), emit)
	}
	if open.NumRows() == 0 {
		return nil
	}
	records, err := reader.GetRecordReader(ctx, leaves, nil)
	if err != nil {
		return err
	}
	defer records.Release()
	for records.Next() {
		if err := emit(arrange(schema, fields, records.RecordBatch())); err != nil {
			return err
		}
	}
	if err := records.Err(); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// arrange puts the arrays of a batch of the decoder where fields says, and NULLs where the file has no such column.
func arrange(schema *arrow.Schema, fields []int, lent arrow18.RecordBatch) arrow.Record {
	arrays := make([]arrow.Array, len(fields))
	for i, f := range fields {
		if f < 0 {
			arrays[i] = array.MakeArrayOfNull(memory17.DefaultAllocator, schema.Field(i).Type, int(lent.NumRows()))
			continue
		}
		data := adopt17(schema.Field(i).Type, lent.Column(f).Data())
		arrays[i] = array.MakeFromData(data)
		data.Release()
	}
	batch := array.NewRecord(schema, arrays, lent.NumRows())
	for _, a := range arrays {
		a.Release()
	}
	return batch
}

// readNothing gives rows of NULLs for a file that has none of the columns asked for.
func readNothing(schema *arrow.Schema, rows int64, emit func(arrow.Record) error) error {
	for rows > 0 {
		n := min(rows, ReadBatchRows)
		arrays := make([]arrow.Array, schema.NumFields())
		for i, f := range schema.Fields() {
			arrays[i] = array.MakeArrayOfNull(memory17.DefaultAllocator, f.Type, int(n))
		}
		if err := emit(array.NewRecord(schema, arrays, n)); err != nil {
			return err
		}
		rows -= n
	}
	return nil
}

// project finds columns in the file by field id: fields[i] is where column i stands among the arrays read, -1 = not in
// the file; leaves are the leaf columns to read, rising.
func project(manifest *pqarrow.SchemaManifest, columns []Column) (fields, leaves []int) {
	wanted := make(map[string]int, len(columns))
	for i, c := range columns {
		wanted[fmt.Sprint(c.ID)] = i
	}
	fields = make([]int, len(columns))
	for i := range fields {
		fields[i] = -1
	}
	arrays := 0
	for _, f := range manifest.Fields {
		id, _ := f.Field.Metadata.GetValue(fieldID)
		i, ok := wanted[id]
		if !ok {
			continue
		}
		fields[i] = arrays
		arrays++
		leaves = appendLeaves(leaves, f)
	}
	return fields, leaves
}

func appendLeaves(leaves []int, f pqarrow.SchemaField) []int {
	if f.IsLeaf() {
		return append(leaves, f.ColIndex)
	}
	for _, child := range f.Children {
		leaves = appendLeaves(leaves, child)
	}
	return leaves
}

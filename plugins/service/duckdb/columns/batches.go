//go:build cgo

package columns

import (
	"errors"
	"strconv"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	duckdb "github.com/duckdb/duckdb-go-bindings"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/sdk/service"
)

// Target size of a batch: small ones are slow on the wire.
const (
	batchRows  = 32_768
	batchBytes = 4 << 20
)

// Batches gathers DuckDB's chunks of 2,048 rows into Arrow records.
type Batches struct {
	columns []service.Column
	readers []reader
	schema  *arrow.Schema
	chunks  [][]arrow.Array // by column
	rows    int
	bytes   int
}

// NewBatches looks at the columns of a result; fault.Data for a type that cannot be delivered.
func NewBatches(result *duckdb.Result) (*Batches, error) {
	b := &Batches{}
	count := duckdb.ColumnCount(result)
	fields := make([]sdk.Column, 0, count)
	for i := range count {
		logical := duckdb.ColumnLogicalType(result, i)
		r, err := readerOf(logical)
		name, spelled := duckdb.ColumnName(result, i), spell(logical)
		duckdb.DestroyLogicalType(&logical)
		if err != nil {
			return nil, fault.Newf(fault.Data, "column %q has the type %s, which cannot be delivered", name, spelled).
				WithHelp("Cast it, e.g. to VARCHAR.")
		}
		b.readers = append(b.readers, r)
		b.columns = append(b.columns, service.Column{Name: name, Type: r.typ, EngineType: spelled})
		fields = append(fields, sdk.Column{Name: "c" + strconv.Itoa(int(i)), Type: r.typ})
	}
	b.chunks = make([][]arrow.Array, len(b.readers))
	var err error
	b.schema, err = sdk.ArrowSchema(fields)
	return b, fault.Wrap(fault.Bug, err, "describe the result")
}

// Add copies a chunk's values.
func (b *Batches) Add(chunk duckdb.DataChunk) error {
	n := int(duckdb.DataChunkGetSize(chunk))
	if n == 0 {
		return nil
	}
	for i, r := range b.readers {
		values, err := r.read(duckdb.DataChunkGetVector(chunk, duckdb.IdxT(i)), n)
		if err != nil {
			return fault.Newf(fault.Data, "column %q: %s", b.columns[i].Name, err)
		}
		b.chunks[i] = append(b.chunks[i], values)
		for _, buffer := range values.Data().Buffers() {
			if buffer != nil {
				b.bytes += buffer.Len()
			}
		}
	}
	b.rows += n
	return nil
}

// Columns are the result's.
func (b *Batches) Columns() []service.Column { return b.columns }

// Full says that it is time to Flush.
func (b *Batches) Full() bool { return b.rows >= batchRows || b.bytes >= batchBytes }

// Flush gives what was gathered to out.
func (b *Batches) Flush(out *service.Result) error {
	if b.rows == 0 {
		return nil
	}
	whole := make([]arrow.Array, len(b.chunks))
	defer func() {
		for _, a := range whole {
			if a != nil {
				a.Release()
			}
		}
	}()
	for i, chunks := range b.chunks {
		joined, err := array.Concatenate(chunks, memory.DefaultAllocator)
		if err != nil {
			return fault.Wrap(fault.Bug, err, "join rows")
		}
		whole[i] = joined
	}
	record := array.NewRecord(b.schema, whole, int64(b.rows))
	defer record.Release()
	b.Release()
	return out.Append(record)
}

// Release drops what was gathered.
func (b *Batches) Release() {
	for i, chunks := range b.chunks {
		for _, a := range chunks {
			a.Release()
		}
		b.chunks[i] = nil
	}
	b.rows, b.bytes = 0, 0
}

var errLong = errors.New("a value is longer than 8 MiB")

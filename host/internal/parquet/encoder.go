package parquet

import (
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/metadata"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	arrow17 "github.com/apache/arrow/go/v17/arrow"
	array17 "github.com/apache/arrow/go/v17/arrow/array"
)

// encoder is pqarrow behind the bridge. It starts at the first batch, whose values decide how columns are encoded.
type encoder struct {
	schema  *arrow.Schema
	options Options
	file    *pqarrow.FileWriter
}

func (e *encoder) write(out io.Writer, batch arrow17.Record) error {
	if err := e.start(out, batch); err != nil {
		return err
	}
	lent := adopt18(e.schema, batch)
	defer lent.Release()
	return e.file.WriteBuffered(lent)
}

// endGroup closes the row group, so that the next rows start another.
func (e *encoder) endGroup() error { return e.file.NewBufferedRowGroupChecked() }

func (e *encoder) close(out io.Writer) (*metadata.FileMetaData, error) {
	if err := e.start(out, nil); err != nil {
		return nil, err
	}
	if err := e.file.Close(); err != nil {
		return nil, err
	}
	return e.file.FileMetadata()
}

func (e *encoder) start(out io.Writer, sample arrow17.Record) error {
	if e.file != nil {
		return nil
	}
	codec := []parquet.WriterProperty{parquet.WithCompression(compress.Codecs.Snappy)}
	if e.options.Codec == Zstd {
		codec = []parquet.WriterProperty{parquet.WithCompression(compress.Codecs.Zstd), parquet.WithCompressionLevel(1)}
	}
	properties := append(codec,
		parquet.WithVersion(parquet.V2_LATEST),
		parquet.WithDataPageVersion(parquet.DataPageV1),
		parquet.WithCreatedBy("broker"),
		parquet.WithMaxRowGroupLength(e.options.RowGroupRows),
		parquet.WithStoreDecimalAsInteger(true),
	)
	file, err := pqarrow.NewFileWriter(e.schema, out, parquet.NewWriterProperties(append(properties, encodings(sample)...)...), pqarrow.DefaultWriterProps())
	if err != nil {
		return fmt.Errorf("start a file: %w", err)
	}
	e.file = file
	if e.options.Note != "" {
		return file.AppendKeyValueMetadata("broker.note", e.options.Note)
	}
	return nil
}

// sampleRows decide whether a dictionary pays: it does not when more than half of the values are new.
const sampleRows = 8192

func encodings(sample arrow17.Record) []parquet.WriterProperty {
	if sample == nil {
		return nil
	}
	var properties []parquet.WriterProperty
	for i, values := range sample.Columns() {
		if !mostlyNew(values) {
			continue
		}
		name := sample.ColumnName(i)
		properties = append(properties, parquet.WithDictionaryFor(name, false))
		switch values.(type) {
		case *array17.Int64, *array17.Timestamp, *array17.Time64, *array17.Date32:
			properties = append(properties, parquet.WithEncodingFor(name, parquet.Encodings.DeltaBinaryPacked))
		}
	}
	return properties
}

func mostlyNew(values arrow17.Array) bool {
	n := min(values.Len(), sampleRows)
	switch values := values.(type) {
	case *array17.Int64:
		return distinct(n, values.IsValid, values.Value)
	case *array17.Timestamp:
		return distinct(n, values.IsValid, values.Value)
	case *array17.Time64:
		return distinct(n, values.IsValid, values.Value)
	case *array17.Date32:
		return distinct(n, values.IsValid, values.Value)
	case *array17.Float64:
		return distinct(n, values.IsValid, values.Value)
	case *array17.Decimal128:
		return distinct(n, values.IsValid, values.Value)
	case *array17.String:
		return distinct(n, values.IsValid, values.Value)
	case *array17.Binary:
		return distinct(n, values.IsValid, values.ValueString)
	}
	return false
}

func distinct[T comparable](n int, valid func(int) bool, value func(int) T) bool {
	seen := make(map[T]struct{}, n)
	total := 0
	for i := range n {
		if valid(i) {
			seen[value(i)] = struct{}{}
			total++
		}
	}
	return len(seen)*2 > total
}

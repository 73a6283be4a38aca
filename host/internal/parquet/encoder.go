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

	"github.com/ai-data-analyst/broker/host/internal/parquet/sample"
)

// encoder is pqarrow behind the bridge. It starts at the first batch, whose values decide how columns are encoded.
type encoder struct {
	schema  *arrow.Schema
	options Options
	file    *pqarrow.FileWriter
}

func (e *encoder) write(out io.Writer, batch arrow17.Record) (err error) {
	defer recovered(&err)
	if err := e.start(out, batch); err != nil {
		return err
	}
	lent := adopt18(e.schema, batch)
	defer lent.Release()
	return e.file.WriteBuffered(lent)
}

// endGroup closes the row group, so that the next rows start another.
func (e *encoder) endGroup() (err error) {
	defer recovered(&err)
	return e.file.NewBufferedRowGroupChecked()
}

// recovered turns a panic of the encoder into an error: a batch can fail its run, never the host (I8).
func recovered(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("the encoder panicked: %v", p)
	}
}

func (e *encoder) close(out io.Writer) (footer *metadata.FileMetaData, err error) {
	defer recovered(&err)
	if err := e.start(out, nil); err != nil {
		return nil, err
	}
	if err := e.file.Close(); err != nil {
		return nil, err
	}
	return e.file.FileMetadata()
}

func (e *encoder) start(out io.Writer, first arrow17.Record) error {
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
	file, err := pqarrow.NewFileWriter(e.schema, out, parquet.NewWriterProperties(append(properties, encodings(first)...)...), pqarrow.DefaultWriterProps())
	if err != nil {
		return fmt.Errorf("start a file: %w", err)
	}
	e.file = file
	if e.options.Note != "" {
		return file.AppendKeyValueMetadata("broker.note", e.options.Note)
	}
	return nil
}

// encodings decides by the first batch how columns are encoded.
func encodings(first arrow17.Record) []parquet.WriterProperty {
	if first == nil {
		return nil
	}
	var properties []parquet.WriterProperty
	for i, values := range first.Columns() {
		if !sample.MostlyNew(values) {
			continue
		}
		name := first.ColumnName(i)
		properties = append(properties, parquet.WithDictionaryFor(name, false))
		switch values.(type) {
		case *array17.Int64, *array17.Timestamp, *array17.Time64, *array17.Date32:
			properties = append(properties, parquet.WithEncodingFor(name, parquet.Encodings.DeltaBinaryPacked))
		}
	}
	return properties
}

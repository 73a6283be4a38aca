package parquet

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/apache/arrow-go/v18/parquet/metadata"
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/ai-data-analyst/broker/host/internal/parquet/sample"
)

// Codec is how pages are compressed.
type Codec string

// The codecs.
const (
	Zstd   Codec = "zstd" // level 1
	Snappy Codec = "snappy"
)

// Options of a Writer; zero values mean what stands beside them.
type Options struct {
	Codec         Codec  // Zstd
	RowGroupRows  int64  // 122,880
	RowGroupBytes int64  // 64 MiB of rows in memory: what bounds the memory of a Writer
	Note          string // kept in the footer, so that files of equal rows differ; "" = none
}

// Slices of a batch handed to the encoder at once are not larger, so that a row group ends near its limit.
const sliceBytes = 4 << 20

// New starts a file of these columns on w. source is the schema that batches will have, checked here against columns;
// nil when batches come in published form.
func New(w io.Writer, columns []Column, source *arrow.Schema, options Options) (Writer, error) {
	if options.Codec == "" {
		options.Codec = Zstd
	}
	if options.RowGroupRows <= 0 {
		options.RowGroupRows = 122_880
	}
	if options.RowGroupBytes <= 0 {
		options.RowGroupBytes = 64 << 20
	}
	if options.Codec != Zstd && options.Codec != Snappy {
		return nil, fmt.Errorf("codec %q is not known", options.Codec)
	}
	if len(columns) == 0 {
		return nil, errors.New("a file needs at least one column")
	}
	published, err := Schema(columns)
	if err != nil {
		return nil, err
	}
	if source != nil {
		if err := fits(columns, published, source); err != nil {
			return nil, err
		}
	}
	inner, err := schema18(columns)
	if err != nil {
		return nil, err
	}
	return &writer{
		columns: columns, published: published, inner: encoder{schema: inner, options: options},
		options: options, out: &sink{w: w, sum: sha256.New()}, figures: newFigures(columns),
	}, nil
}

// fits says whether batches of source can be written as columns.
func fits(columns []Column, published, source *arrow.Schema) error {
	for i, c := range columns {
		found := source.FieldIndices(c.Name)
		if len(found) == 0 {
			if c.Required {
				return fmt.Errorf("column %q is required and does not arrive", c.Name)
			}
			continue
		}
		none := array.MakeArrayOfNull(memory.DefaultAllocator, source.Field(found[0]).Type, 0)
		if _, err := convert(none.Data(), published.Field(i).Type); err != nil {
			return fmt.Errorf("column %q: %w", c.Name, err)
		}
	}
	return nil
}

// writer is the Writer over the v18 encoder.
type writer struct {
	columns   []Column
	published *arrow.Schema
	options   Options
	inner     encoder
	out       *sink
	figures   *figures

	rows       int64
	groupRows  int64
	groupBytes int64
	err        error // first failure; the file is lost
	closed     bool
}

// Write implements Writer.
func (w *writer) Write(batch arrow.Record) error {
	if w.err != nil || w.closed {
		return errors.Join(errors.New("write to a finished file"), w.err)
	}
	published, misfits, err := conform(w.columns, w.published, batch)
	if err != nil {
		return err
	}
	defer published.Release()
	if len(misfits) > 0 {
		return fmt.Errorf("row %d of the batch, column %q: %s", misfits[0].Row, misfits[0].Column, misfits[0].Reason)
	}
	if w.err = w.append(published); w.err != nil {
		return fmt.Errorf("encode rows: %w", w.err)
	}
	w.figures.add(published)
	w.rows += published.NumRows()
	return nil
}

// append cuts the batch where row groups end.
func (w *writer) append(batch arrow.Record) error {
	rows := batch.NumRows()
	if rows == 0 {
		return nil
	}
	perRow := max(Bytes(batch)/rows, 1)
	for from := int64(0); from < rows; {
		if w.groupRows >= w.options.RowGroupRows || w.groupBytes >= w.options.RowGroupBytes {
			if err := w.inner.endGroup(); err != nil {
				return err
			}
			w.groupRows, w.groupBytes = 0, 0
		}
		n := min(rows-from, w.options.RowGroupRows-w.groupRows, max(sliceBytes/perRow, 1))
		part := batch.NewSlice(from, from+n)
		err := w.inner.write(w.out, part)
		part.Release()
		if err != nil {
			return err
		}
		w.groupRows, w.groupBytes, from = w.groupRows+n, w.groupBytes+n*perRow, from+n
	}
	return nil
}

// Buffered implements Writer.
func (w *writer) Buffered() (pending, written int64) { return w.groupBytes, w.out.bytes }

// Close implements Writer.
func (w *writer) Close() (File, error) {
	if w.err != nil || w.closed {
		return File{}, errors.Join(errors.New("close a finished file"), w.err)
	}
	w.closed = true
	footer, err := w.inner.close(w.out)
	if err != nil {
		return File{}, fmt.Errorf("finish the file: %w", err)
	}
	if footer.NumRows != w.rows {
		return File{}, fmt.Errorf("the file holds %d rows, %d were written", footer.NumRows, w.rows)
	}
	splits, err := w.readFooter(footer)
	if err != nil {
		return File{}, err
	}
	return File{
		Rows: w.rows, Bytes: w.out.bytes, SHA256: hex.EncodeToString(w.out.sum.Sum(nil)),
		Stats: w.figures.stats(), Splits: splits, Columns: len(w.columns),
	}, nil
}

// readFooter takes the sizes of the leaves and the offsets of the row groups.
func (w *writer) readFooter(footer *metadata.FileMetaData) ([]int64, error) {
	splits := make([]int64, 0, footer.NumRowGroups())
	for g := range footer.NumRowGroups() {
		group := footer.RowGroup(g)
		for i, l := range w.figures.leaves {
			chunk, err := group.ColumnChunk(i)
			if err != nil {
				return nil, fmt.Errorf("read the footer back: %w", err)
			}
			l.encodedBytes += chunk.TotalCompressedSize()
			if i == 0 {
				start := chunk.DataPageOffset()
				if chunk.HasDictionaryPage() {
					start = min(start, chunk.DictionaryPageOffset())
				}
				splits = append(splits, start)
			}
		}
	}
	return splits, nil
}

// sink counts and hashes what goes through. It hides Close, which the encoder would call.
type sink struct {
	w     io.Writer
	sum   hash.Hash
	bytes int64
}

// Write implements io.Writer.
func (s *sink) Write(p []byte) (int, error) {
	n, err := s.w.Write(p)
	s.sum.Write(p[:n])
	s.bytes += int64(n)
	return n, err
}

// Empty writes a file of these columns without rows to w.
func Empty(w io.Writer, columns []Column, options Options) (File, error) {
	writer, err := New(w, columns, nil, options)
	if err != nil {
		return File{}, err
	}
	return writer.Close()
}

// Bytes returns roughly how many bytes of memory the rows of batch take.
func Bytes(batch arrow.Record) int64 { return sample.Bytes(batch) }

var _ Writer = (*writer)(nil)

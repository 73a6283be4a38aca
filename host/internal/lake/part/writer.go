package part

import (
	"bufio"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/ai-data-analyst/broker/host/internal/lake/disk"
	"github.com/ai-data-analyst/broker/host/internal/lake/version"
	"github.com/ai-data-analyst/broker/host/internal/parquet"
	"github.com/ai-data-analyst/broker/sdk"
)

// Sizes that a Writer keeps to unless told otherwise.
const (
	RollBytes    = 256 << 20 // a part ends here
	PendingBytes = 128 << 20 // rows in memory over all open parts
	OpenParts    = 24        // parts open at once: one for each partition that is being written
)

// Options of a Writer.
type Options struct {
	Table    sdk.TableName
	Columns  []parquet.Column
	Parquet  parquet.Options
	Observer version.Observer // may be nil
	Roll     int64            // 0 = RollBytes
	Pending  int64            // 0 = PendingBytes
	First    int              // number of the first part
}

// Place says where a row went.
type Place struct{ Part, Row int32 }

// Writer writes rows into parts, one open part for each partition. Memory is bounded: when too much is open, the part
// that was written to longest ago is finished. Not for concurrent use.
type Writer struct {
	shelf   Shelf
	options Options
	open    []*openPart // the most recently used last
	done    []Loose
	next    int
}

type openPart struct {
	no        int
	partition *int32
	file      disk.File
	buffer    *bufio.Writer
	encoder   parquet.Writer
	temp      string
	rows      int64
}

// NewWriter starts writing into shelf.
func NewWriter(shelf Shelf, options Options) *Writer {
	if options.Roll <= 0 {
		options.Roll = RollBytes
	}
	if options.Pending <= 0 {
		options.Pending = PendingBytes
	}
	return &Writer{shelf: shelf, options: options, next: options.First}
}

// Write adds a batch in published form to the part of its partition (nil = none, or the NULL partition) and returns the
// place of its first row; the others follow it.
func (w *Writer) Write(batch arrow.Record, partition *int32) (Place, error) {
	p, err := w.partFor(partition)
	if err != nil {
		return Place{}, err
	}
	at := Place{Part: int32(p.no), Row: int32(p.rows)}
	if err := p.encoder.Write(batch); err != nil {
		return Place{}, fmt.Errorf("write part %d of %s: %w", p.no, w.options.Table, err)
	}
	p.rows += batch.NumRows()
	if w.options.Observer != nil {
		w.options.Observer.Batch(p.no, batch)
	}
	return at, w.shrink(p)
}

// shrink finishes the part that is full, and others while too much is held in memory.
func (w *Writer) shrink(last *openPart) error {
	pending, written := last.encoder.Buffered()
	if pending+written >= w.options.Roll || last.rows >= maxPartRows {
		if err := w.finish(len(w.open) - 1); err != nil {
			return err
		}
	}
	for len(w.open) > 1 {
		total := int64(0)
		for _, p := range w.open {
			pending, _ := p.encoder.Buffered()
			total += pending
		}
		if len(w.open) <= OpenParts && total <= w.options.Pending {
			return nil
		}
		if err := w.finish(0); err != nil {
			return err
		}
	}
	return nil
}

const maxPartRows = 1 << 30 // row numbers are int32

// partFor returns the open part of a partition, which becomes the last of w.open.
func (w *Writer) partFor(partition *int32) (*openPart, error) {
	for i, p := range w.open {
		if same(p.partition, partition) {
			w.open = append(append(w.open[:i], w.open[i+1:]...), p)
			return p, nil
		}
	}
	if err := disk.MkdirAll(w.shelf.FS, w.shelf.Draft); err != nil {
		return nil, err
	}
	p := &openPart{no: w.next, partition: partition, temp: filepath.Join(w.shelf.Draft, fmt.Sprintf("part-%06d.parquet", w.next))}
	file, err := w.shelf.FS.Create(p.temp)
	if err != nil {
		return nil, fmt.Errorf("begin a part: %w", err)
	}
	p.file, p.buffer = file, bufio.NewWriterSize(file, 256<<10)
	p.encoder, err = parquet.New(p.buffer, w.options.Columns, nil, w.options.Parquet)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("begin a part: %w", err), file.Close(), w.shelf.FS.Remove(p.temp))
	}
	w.next++
	w.open = append(w.open, p)
	if w.options.Observer != nil {
		w.options.Observer.Begin(w.options.Table, p.no)
	}
	return p, nil
}

func same(a, b *int32) bool { return a == nil && b == nil || a != nil && b != nil && *a == *b }

// finish makes the open part i complete and durable.
func (w *Writer) finish(i int) error {
	p := w.open[i]
	w.open = append(w.open[:i], w.open[i+1:]...)
	figures, err := p.encoder.Close()
	if err == nil {
		err = p.buffer.Flush()
	}
	if err == nil {
		err = p.file.Chmod(disk.FileMode)
	}
	if err == nil {
		err = p.file.Sync()
	}
	if err = errors.Join(err, p.file.Close()); err != nil {
		return errors.Join(fmt.Errorf("finish part %d of %s: %w", p.no, w.options.Table, err), w.shelf.FS.Remove(p.temp))
	}
	w.done = append(w.done, Loose{No: p.no, Temp: p.temp, File: figures, Partition: p.partition})
	if w.options.Observer != nil {
		w.options.Observer.Close(p.no, figures.SHA256, figures.Rows, figures.Bytes)
	}
	return nil
}

// Finish finishes all open parts and returns every part written, in the order in which they were finished. The Writer
// can go on afterwards.
func (w *Writer) Finish() ([]Loose, error) {
	for len(w.open) > 0 {
		if err := w.finish(0); err != nil {
			return nil, err
		}
	}
	return w.done, nil
}

// Next returns the number that the next part gets.
func (w *Writer) Next() int { return w.next }

// Abort closes open parts and removes everything that was written.
func (w *Writer) Abort() error {
	var errs []error
	for _, p := range w.open {
		errs = append(errs, p.file.Close(), w.shelf.FS.Remove(p.temp))
	}
	errs = append(errs, w.shelf.Remove(w.done...))
	w.open, w.done = nil, nil
	return errors.Join(errs...)
}

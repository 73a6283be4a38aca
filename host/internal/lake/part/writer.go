package part

import (
	"bufio"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/ai-data-analyst/broker/host/internal/lake/disk"
	"github.com/ai-data-analyst/broker/host/internal/lake/version"
	"github.com/ai-data-analyst/broker/host/internal/parquet"
	"github.com/ai-data-analyst/broker/sdk"
)

// Sizes that a Writer keeps to unless told otherwise.
const (
	RollBytes    = 256 << 20 // a part ends here
	PendingBytes = 96 << 20  // rows in the encoders of all open parts
	WaitingBytes = 48 << 20  // rows that wait for more of their partition before they are encoded
	OpenParts    = 24        // parts open at once
	directBytes  = 1 << 20   // so many rows of a partition are encoded at once, without waiting
)

// Options of a Writer.
type Options struct {
	Table    sdk.TableName
	Columns  []parquet.Column
	Parquet  parquet.Options
	Observer version.Observer // may be nil
	Roll     int64            // 0 = RollBytes
	Pending  int64            // 0 = PendingBytes
	Waiting  int64            // 0 = WaitingBytes
	First    int              // number of the first part, and of the first stream
}

// Place says where a row went: streams are numbered, and each is cut into parts later on.
type Place struct{ Stream, Row int32 }

// Writer writes rows into parts, one stream of parts for each partition. Memory is bounded however many partitions
// there are: small pieces wait for others of their partition, the fullest partition is encoded first when too much
// waits, and the part that was written to longest ago ends when too much is open. Not for concurrent use.
type Writer struct {
	shelf   Shelf
	options Options
	streams []*stream
	places  map[int64]*stream // by partition; nullPartition = none
	open    []*stream         // those with an open part, the most recently used last
	done    []Loose
	waiting int64
	next    int
}

// stream is the rows of one partition, in order.
type stream struct {
	no        int32
	partition *int32
	rows      int64 // that have a place
	written   int64 // of those, in parts
	waiting   []arrow.Record
	bytes     int64 // that wait
	part      *openPart
}

type openPart struct {
	no      int
	first   int64 // row of the stream
	file    disk.File
	buffer  *bufio.Writer
	encoder parquet.Writer
	temp    string
	rows    int64
}

const (
	nullPartition = int64(1) << 40
	maxStreamRows = int64(1) << 30 // row numbers are int32
)

// NewWriter starts writing into shelf.
func NewWriter(shelf Shelf, options Options) *Writer {
	orElse := func(n *int64, otherwise int64) {
		if *n <= 0 {
			*n = otherwise
		}
	}
	orElse(&options.Roll, RollBytes)
	orElse(&options.Pending, PendingBytes)
	orElse(&options.Waiting, WaitingBytes)
	return &Writer{shelf: shelf, options: options, next: options.First, places: map[int64]*stream{}}
}

// Write adds the given rows of a batch in published form, nil = all, to a partition (nil = none, or the NULL partition)
// and returns the place of the first; the others follow it.
func (w *Writer) Write(batch arrow.Record, rows []int, partition *int32) (Place, error) {
	n := int64(len(rows))
	if rows == nil {
		n = batch.NumRows()
	}
	s := w.streamFor(partition)
	at := Place{Stream: s.no, Row: int32(s.rows)}
	if n == 0 {
		return at, nil
	}
	s.rows += n
	if len(w.streams) == 1 || n*rowBytes(batch) >= directBytes {
		return at, w.writeNow(s, batch, rows)
	}
	return at, w.hold(s, batch, rows)
}

func (w *Writer) streamFor(partition *int32) *stream {
	key := nullPartition
	if partition != nil {
		key = int64(*partition)
	}
	s := w.places[key]
	if s == nil || s.rows >= maxStreamRows {
		s = &stream{no: int32(w.options.First + len(w.streams)), partition: partition}
		w.streams, w.places[key] = append(w.streams, s), s
	}
	return s
}

func (w *Writer) writeNow(s *stream, batch arrow.Record, rows []int) error {
	if err := w.encodeWaiting(s); err != nil {
		return err
	}
	if rows == nil {
		return w.encode(s, batch)
	}
	taken, err := Take(batch, rows)
	if err != nil {
		return err
	}
	defer taken.Release()
	return w.encode(s, taken)
}

// hold copies rows, so that the batch can go, and lets them wait.
func (w *Writer) hold(s *stream, batch arrow.Record, rows []int) error {
	if rows == nil {
		rows = make([]int, batch.NumRows())
		for i := range rows {
			rows[i] = i
		}
	}
	taken, err := copyRows(batch, rows)
	if err != nil {
		return err
	}
	size := taken.NumRows() * rowBytes(taken)
	s.waiting, s.bytes = append(s.waiting, taken), s.bytes+size
	w.waiting += size
	for w.waiting > w.options.Waiting {
		fullest := w.streams[0]
		for _, s := range w.streams {
			if s.bytes > fullest.bytes {
				fullest = s
			}
		}
		if err := w.encodeWaiting(fullest); err != nil {
			return err
		}
	}
	return nil
}

func (w *Writer) encodeWaiting(s *stream) error {
	waiting := s.waiting
	w.waiting -= s.bytes
	s.waiting, s.bytes = nil, 0
	var err error
	for _, batch := range waiting {
		if err == nil {
			err = w.encode(s, batch)
		}
		batch.Release()
	}
	return err
}

// encode puts a batch into the stream's open part.
func (w *Writer) encode(s *stream, batch arrow.Record) error {
	if err := w.openFor(s); err != nil {
		return err
	}
	p := s.part
	if err := p.encoder.Write(batch); err != nil {
		return fmt.Errorf("write part %d of %s: %w", p.no, w.options.Table, err)
	}
	p.rows += batch.NumRows()
	s.written += batch.NumRows()
	if w.options.Observer != nil {
		w.options.Observer.Batch(p.no, batch)
	}
	return w.shrink(s)
}

// shrink ends the part that is full, and others while too much is held in memory.
func (w *Writer) shrink(last *stream) error {
	if pending, written := last.part.encoder.Buffered(); pending+written >= w.options.Roll {
		if err := w.finish(last); err != nil {
			return err
		}
	}
	for len(w.open) > 1 {
		total := int64(0)
		for _, s := range w.open {
			pending, _ := s.part.encoder.Buffered()
			total += pending
		}
		if len(w.open) <= OpenParts && total <= w.options.Pending {
			return nil
		}
		if err := w.finish(w.open[0]); err != nil {
			return err
		}
	}
	return nil
}

// openFor gives the stream an open part and makes it the last of w.open.
func (w *Writer) openFor(s *stream) error {
	if i := slices.Index(w.open, s); i >= 0 {
		w.open = append(slices.Delete(w.open, i, i+1), s)
		return nil
	}
	if err := disk.MkdirAll(w.shelf.FS, w.shelf.Draft); err != nil {
		return err
	}
	p := &openPart{no: w.next, first: s.written, temp: filepath.Join(w.shelf.Draft, fmt.Sprintf("part-%06d.parquet", w.next))}
	file, err := w.shelf.FS.Create(p.temp)
	if err != nil {
		return fmt.Errorf("begin a part: %w", err)
	}
	p.file, p.buffer = file, bufio.NewWriterSize(file, 64<<10)
	p.encoder, err = parquet.New(p.buffer, w.options.Columns, nil, w.options.Parquet)
	if err != nil {
		return errors.Join(fmt.Errorf("begin a part: %w", err), file.Close(), w.shelf.FS.Remove(p.temp))
	}
	w.next++
	s.part = p
	w.open = append(w.open, s)
	if w.options.Observer != nil {
		w.options.Observer.Begin(w.options.Table, p.no)
	}
	return nil
}

// finish makes the open part of a stream complete and durable.
func (w *Writer) finish(s *stream) error {
	p := s.part
	w.open = slices.DeleteFunc(w.open, func(o *stream) bool { return o == s })
	s.part = nil
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
	w.done = append(w.done, Loose{No: p.no, Stream: s.no, First: int32(p.first), Temp: p.temp, File: figures, Partition: s.partition})
	if w.options.Observer != nil {
		w.options.Observer.Close(p.no, figures.SHA256, figures.Rows, figures.Bytes)
	}
	return nil
}

// Finish encodes what waits, ends all open parts and returns every part written, in the order in which they ended. The
// Writer is of no use afterwards.
func (w *Writer) Finish() ([]Loose, error) {
	for _, s := range w.streams {
		if err := w.encodeWaiting(s); err != nil {
			return nil, err
		}
		if s.part == nil {
			continue
		}
		if err := w.finish(s); err != nil {
			return nil, err
		}
	}
	return w.done, nil
}

// Next returns the number that the first part and stream of the next Writer may have.
func (w *Writer) Next() int { return max(w.next, w.options.First+len(w.streams)) }

// Abort closes open parts and removes everything that was written.
func (w *Writer) Abort() error {
	var errs []error
	for _, s := range w.open {
		errs = append(errs, s.part.file.Close(), w.shelf.FS.Remove(s.part.temp))
	}
	for _, s := range w.streams {
		for _, batch := range s.waiting {
			batch.Release()
		}
		s.waiting = nil
	}
	errs = append(errs, w.shelf.Remove(w.done...))
	w.open, w.done = nil, nil
	return errors.Join(errs...)
}

// Empty writes a file of these columns without rows.
func Empty(s Shelf, no int, columns []parquet.Column, options parquet.Options) (Loose, error) {
	w := NewWriter(s, Options{Columns: columns, Parquet: options, First: no})
	if err := w.openFor(w.streamFor(nil)); err != nil {
		return Loose{}, err
	}
	loose, err := w.Finish()
	if err != nil {
		return Loose{}, err
	}
	return loose[0], nil
}

// rowBytes returns roughly how many bytes of memory a row of batch takes.
func rowBytes(batch arrow.Record) int64 {
	if batch.NumRows() == 0 {
		return 0
	}
	return max(parquet.Bytes(batch)/batch.NumRows(), 1)
}

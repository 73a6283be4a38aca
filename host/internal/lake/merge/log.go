package merge

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"github.com/ai-data-analyst/broker/host/internal/lake/disk"
	"github.com/ai-data-analyst/broker/host/internal/lake/part"
)

// Entry is one row as far as its key goes.
type Entry struct {
	Key, Content Hash
	Order        int64 // of arrival
	Place        part.Place
	Delete       bool
	Base         bool   // a row of the table, not of the run
	Cursor       string // Rank of the cursor field
}

// logEntries are kept in memory; more go to files, one for each value of the key's first bits.
const (
	logEntries = 1 << 18
	logBuckets = 64
)

// Log remembers the keys of a run, in memory while they are few.
type Log struct {
	fs      disk.FS
	dir     string
	limit   int
	entries []Entry
	buckets []*bucket // nil until entries did not fit
	count   int64
}

type bucket struct {
	file   disk.File
	name   string
	buffer *bufio.Writer
}

// NewLog returns a Log that may use files in dir, which is made when needed. limit is how many entries are held in
// memory; 0 = a number that takes about 25 MB.
func NewLog(fs disk.FS, dir string, limit int) *Log {
	if limit <= 0 {
		limit = logEntries
	}
	return &Log{fs: fs, dir: dir, limit: limit}
}

// Len returns how many entries there are.
func (l *Log) Len() int64 { return l.count }

// Add remembers an entry.
func (l *Log) Add(e Entry) error {
	l.count++
	l.entries = append(l.entries, e)
	if len(l.entries) < l.limit {
		return nil
	}
	return l.spill()
}

func (l *Log) spill() error {
	if l.buckets == nil {
		if err := l.openBuckets(); err != nil {
			return fmt.Errorf("put keys aside: %w", err)
		}
	}
	var b []byte
	for _, e := range l.entries {
		b = e.append(b[:0])
		if _, err := l.buckets[e.Key[0]%logBuckets].buffer.Write(b); err != nil {
			return fmt.Errorf("put keys aside: %w", err)
		}
	}
	l.entries = l.entries[:0]
	return nil
}

func (l *Log) openBuckets() error {
	if err := disk.MkdirAll(l.fs, l.dir); err != nil {
		return err
	}
	for i := range logBuckets {
		name := filepath.Join(l.dir, fmt.Sprintf("keys-%02x", i))
		file, err := l.fs.Create(name)
		if err != nil {
			return err
		}
		l.buckets = append(l.buckets, &bucket{file: file, name: name, buffer: bufio.NewWriterSize(file, 8<<10)})
	}
	return nil
}

// Each calls visit for every entry, in no order.
func (l *Log) Each(visit func(e Entry)) error {
	return l.batches(func(entries []Entry) error {
		for _, e := range entries {
			visit(e)
		}
		return nil
	})
}

// Groups calls visit once for each key with all its entries, those of the run in order of arrival before those of the
// table.
func (l *Log) Groups(visit func(group []Entry) error) error {
	return l.batches(func(entries []Entry) error {
		slices.SortFunc(entries, compareEntries)
		for from := 0; from < len(entries); {
			to := from + 1
			for to < len(entries) && entries[to].Key == entries[from].Key {
				to++
			}
			if err := visit(entries[from:to]); err != nil {
				return err
			}
			from = to
		}
		return nil
	})
}

func compareEntries(a, b Entry) int {
	if c := bytes.Compare(a.Key[:], b.Key[:]); c != 0 {
		return c
	}
	if a.Base != b.Base {
		if b.Base {
			return -1
		}
		return 1
	}
	return int(max(-1, min(1, a.Order-b.Order)))
}

// batches gives all entries in pieces, all of one key in one piece.
func (l *Log) batches(visit func([]Entry) error) error {
	if l.buckets == nil {
		return visit(l.entries)
	}
	if err := l.spill(); err != nil {
		return err
	}
	var entries []Entry
	for _, b := range l.buckets {
		if err := b.buffer.Flush(); err != nil {
			return fmt.Errorf("put keys aside: %w", err)
		}
		var err error
		if entries, err = b.read(entries[:0]); err != nil {
			return fmt.Errorf("read keys back: %w", err)
		}
		if err := visit(entries); err != nil {
			return err
		}
	}
	return nil
}

func (b *bucket) read(entries []Entry) ([]Entry, error) {
	if _, err := b.file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	r := bufio.NewReaderSize(b.file, 64<<10)
	for {
		e, err := readEntry(r)
		if errors.Is(err, io.EOF) {
			_, err := b.file.Seek(0, io.SeekEnd)
			return entries, err
		}
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
}

// Close removes what was put aside.
func (l *Log) Close() error {
	var errs []error
	for _, b := range l.buckets {
		errs = append(errs, b.file.Close(), l.fs.Remove(b.name))
	}
	l.buckets, l.entries = nil, nil
	return errors.Join(errs...)
}

const entryBytes = 16 + 16 + 8 + 4 + 4 + 1 + 4

func (e Entry) append(b []byte) []byte {
	b = append(append(b, e.Key[:]...), e.Content[:]...)
	b = binary.LittleEndian.AppendUint64(b, uint64(e.Order))
	b = binary.LittleEndian.AppendUint32(b, uint32(e.Place.Stream))
	b = binary.LittleEndian.AppendUint32(b, uint32(e.Place.Row))
	flags := byte(0)
	if e.Delete {
		flags |= 1
	}
	if e.Base {
		flags |= 2
	}
	b = append(b, flags)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(e.Cursor)))
	return append(b, e.Cursor...)
}

func readEntry(r *bufio.Reader) (e Entry, err error) {
	var b [entryBytes]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return e, err
	}
	copy(e.Key[:], b[:16])
	copy(e.Content[:], b[16:32])
	e.Order = int64(binary.LittleEndian.Uint64(b[32:]))
	e.Place = part.Place{Stream: int32(binary.LittleEndian.Uint32(b[40:])), Row: int32(binary.LittleEndian.Uint32(b[44:]))}
	e.Delete, e.Base = b[48]&1 != 0, b[48]&2 != 0
	if n := binary.LittleEndian.Uint32(b[49:]); n > 0 {
		cursor := make([]byte, n)
		if _, err := io.ReadFull(r, cursor); err != nil {
			return e, errors.Join(io.ErrUnexpectedEOF, err)
		}
		e.Cursor = string(cursor)
	}
	return e, nil
}

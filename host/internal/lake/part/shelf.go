// Package part writes and reads the immutable files of one table: batches in, finished files out, rolled by size, one
// stream per partition, named by their hash when they are put in their place.
//
// It knows files and rows, not keys, modes or catalogs. Only host/internal/lake and its sub-folders import it.
package part

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"path"
	"path/filepath"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/ai-data-analyst/broker/host/internal/lake/depot"
	"github.com/ai-data-analyst/broker/host/internal/lake/disk"
	"github.com/ai-data-analyst/broker/host/internal/lake/version"
	"github.com/ai-data-analyst/broker/host/internal/parquet"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Shelf is where the parts of one table lie, and where unfinished ones do.
type Shelf struct {
	FS    disk.FS     // of Draft
	Files depot.Depot // of the lake
	Final string      // folder of the table's parts below the lake's root, slash-separated
	Draft string      // folder of this draft's files, absolute; made when needed
}

// Loose is a finished file, complete and synced, that is not in its place yet.
type Loose struct {
	No        int // number in the draft, as the Observer knows it
	Stream    int32
	First     int32 // its first row in the stream
	Temp      string
	File      parquet.File
	Partition *int32
}

// fewColumns are read from a distant part in place; for more the whole part is fetched.
const fewColumns = 4

// Read returns the rows of a published part, in published form of columns.
func (s Shelf) Read(ctx context.Context, p version.Part, columns []parquet.Column) iter.Seq2[arrow.Record, error] {
	if !s.Files.Near() && len(columns) > fewColumns {
		return s.ReadChecked(ctx, p, columns)
	}
	return s.read(ctx, p.Path, p.Bytes, columns, func() (depot.Reader, int64, error) { return s.Files.OpenPart(ctx, p.Path) })
}

// ReadChecked is Read of a part whose bytes are hashed first: what is to be written again must not carry damage of the
// disk into a file with a good name (G5). A distant part is copied into the draft's folder on the way, once.
func (s Shelf) ReadChecked(ctx context.Context, p version.Part, columns []parquet.Column) iter.Seq2[arrow.Record, error] {
	return func(yield func(arrow.Record, error) bool) {
		open := func() (depot.Reader, int64, error) { return s.Files.OpenPart(ctx, p.Path) }
		var err error
		if s.Files.Near() {
			err = s.copy(ctx, p, io.Discard)
		} else {
			open, err = s.fetch(ctx, p)
		}
		if err != nil {
			yield(nil, err)
			return
		}
		s.read(ctx, p.Path, p.Bytes, columns, open)(yield)
	}
}

// copy writes the bytes of a part to w and checks them on the way.
func (s Shelf) copy(ctx context.Context, p version.Part, w io.Writer) error {
	file, _, err := s.Files.OpenPart(ctx, p.Path)
	if err != nil {
		return fmt.Errorf("open a part: %w", err)
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.Copy(io.MultiWriter(sum, w), file); err != nil {
		return fmt.Errorf("read part %s: %w", p.Path, err)
	}
	if hex.EncodeToString(sum.Sum(nil)) != p.SHA256 {
		return fault.Newf(fault.Data, "part %s is damaged: its bytes do not have the hash in its name", p.Path).
			WithHelp("Run \"broker lake verify\", and reload the table in full.")
	}
	return nil
}

// fetch copies a distant part into the draft's folder, where it stays until the draft is over, and returns how to open
// the copy. A copy has its name only once it is whole and checked.
func (s Shelf) fetch(ctx context.Context, p version.Part) (open func() (depot.Reader, int64, error), err error) {
	name := filepath.Join(s.Draft, "copy-"+p.SHA256+".parquet")
	open = func() (depot.Reader, int64, error) {
		file, err := s.FS.Open(name)
		if err != nil {
			return nil, 0, err
		}
		return file, p.Bytes, nil // as checked
	}
	_, err = s.FS.Stat(name)
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return open, err
	}
	if err := disk.MkdirAll(s.FS, s.Draft); err != nil {
		return nil, err
	}
	temp := name + ".part"
	file, err := s.FS.Create(temp)
	if err != nil {
		return nil, fmt.Errorf("copy part %s: %w", p.Path, err)
	}
	if err := errors.Join(s.copy(ctx, p, file), file.Close()); err != nil {
		return nil, errors.Join(err, s.FS.Remove(temp))
	}
	return open, s.FS.Rename(temp, name)
}

// ReadLoose returns the rows of a finished file.
func (s Shelf) ReadLoose(ctx context.Context, l Loose, columns []parquet.Column) iter.Seq2[arrow.Record, error] {
	return s.read(ctx, filepath.Base(l.Temp), l.File.Bytes, columns, func() (depot.Reader, int64, error) {
		file, err := s.FS.Open(l.Temp)
		if err != nil {
			return nil, 0, err
		}
		info, err := file.Stat()
		if err != nil {
			return nil, 0, errors.Join(err, file.Close())
		}
		return file, info.Size(), nil
	})
}

// read returns the rows of a file that has a size and is opened by open; name is for messages.
func (s Shelf) read(ctx context.Context, name string, size int64, columns []parquet.Column, open func() (depot.Reader, int64, error)) iter.Seq2[arrow.Record, error] {
	return func(yield func(arrow.Record, error) bool) {
		file, has, err := open()
		if err != nil {
			yield(nil, fmt.Errorf("open a part: %w", err))
			return
		}
		defer file.Close()
		if has != size {
			yield(nil, fmt.Errorf("open part %s: it has %d bytes, want %d", name, has, size))
			return
		}
		for batch, err := range parquet.Read(ctx, file, size, columns) {
			if err != nil {
				err = fmt.Errorf("%s: %w", name, err)
			}
			if !yield(batch, err) {
				return
			}
		}
	}
}

// Path returns where a part of this hash lies, below Root.
func (s Shelf) Path(sha256 string) string { return path.Join(s.Final, sha256+".parquet") }

// Place puts a finished file in its place under the name of its hash and makes that durable (G3, I3).
func (s Shelf) Place(ctx context.Context, l Loose) (version.Part, error) {
	at := s.Path(l.File.SHA256)
	if err := s.Files.Place(ctx, depot.Local{Name: l.Temp, Size: l.File.Bytes, SHA256: l.File.SHA256}, at); err != nil {
		return version.Part{}, err
	}
	return version.Part{
		Path: at, SHA256: l.File.SHA256, Bytes: l.File.Bytes, Rows: l.File.Rows,
		Stats: l.File.Stats, Splits: l.File.Splits, Partition: l.Partition,
	}, nil
}

// Remove removes finished files that are not wanted any more.
func (s Shelf) Remove(loose ...Loose) error {
	for _, l := range loose {
		if err := s.FS.Remove(l.Temp); err != nil {
			return fmt.Errorf("remove an unneeded file: %w", err)
		}
	}
	return nil
}

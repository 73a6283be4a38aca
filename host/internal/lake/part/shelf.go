// Package part writes and reads the immutable files of one table: batches in, finished files out, rolled by size, one
// stream per partition, named by their hash when they are put in their place.
//
// It knows files and rows, not keys, modes or catalogs. Only host/internal/lake and its sub-folders import it.
package part

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"iter"
	"path"
	"path/filepath"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/ai-data-analyst/broker/host/internal/lake/disk"
	"github.com/ai-data-analyst/broker/host/internal/lake/version"
	"github.com/ai-data-analyst/broker/host/internal/parquet"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Shelf is where the parts of one table lie, and where unfinished ones do.
type Shelf struct {
	FS    disk.FS
	Root  string // the lake's folder, absolute
	Final string // folder of the table's parts below Root, slash-separated
	Draft string // folder of this draft's files, absolute; made when needed
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

// Read returns the rows of a published part, in published form of columns.
func (s Shelf) Read(ctx context.Context, p version.Part, columns []parquet.Column) iter.Seq2[arrow.Record, error] {
	return s.read(ctx, filepath.Join(s.Root, filepath.FromSlash(p.Path)), p.Bytes, columns)
}

// ReadChecked is Read of a part whose bytes are hashed first: what is to be written again must not carry damage of the
// disk into a file with a good name (G5).
func (s Shelf) ReadChecked(ctx context.Context, p version.Part, columns []parquet.Column) iter.Seq2[arrow.Record, error] {
	return func(yield func(arrow.Record, error) bool) {
		if err := s.check(p); err != nil {
			yield(nil, err)
			return
		}
		s.Read(ctx, p, columns)(yield)
	}
}

func (s Shelf) check(p version.Part) error {
	file, err := s.FS.Open(filepath.Join(s.Root, filepath.FromSlash(p.Path)))
	if err != nil {
		return fmt.Errorf("open a part: %w", err)
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return fmt.Errorf("read part %s: %w", p.Path, err)
	}
	if hex.EncodeToString(sum.Sum(nil)) != p.SHA256 {
		return fault.Newf(fault.Data, "part %s is damaged: its bytes do not have the hash in its name", p.Path).
			WithHelp("Run \"broker lake verify\", and reload the table in full.")
	}
	return nil
}

// ReadLoose returns the rows of a finished file.
func (s Shelf) ReadLoose(ctx context.Context, l Loose, columns []parquet.Column) iter.Seq2[arrow.Record, error] {
	return s.read(ctx, l.Temp, l.File.Bytes, columns)
}

func (s Shelf) read(ctx context.Context, name string, size int64, columns []parquet.Column) iter.Seq2[arrow.Record, error] {
	return func(yield func(arrow.Record, error) bool) {
		file, err := s.FS.Open(name)
		if err != nil {
			yield(nil, fmt.Errorf("open a part: %w", err))
			return
		}
		defer file.Close()
		info, err := file.Stat()
		if err == nil && info.Size() != size {
			err = fmt.Errorf("it has %d bytes, want %d", info.Size(), size)
		}
		if err != nil {
			yield(nil, fmt.Errorf("open part %s: %w", filepath.Base(name), err))
			return
		}
		for batch, err := range parquet.Read(ctx, file, size, columns) {
			if err != nil {
				err = fmt.Errorf("%s: %w", filepath.Base(name), err)
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
func (s Shelf) Place(l Loose) (version.Part, error) {
	at := s.Path(l.File.SHA256)
	final := filepath.Join(s.Root, filepath.FromSlash(at))
	if err := disk.MkdirAll(s.FS, filepath.Dir(final)); err != nil {
		return version.Part{}, err
	}
	if err := disk.Place(s.FS, l.Temp, final); err != nil {
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

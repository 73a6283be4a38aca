package disk

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/google/uuid"
)

// tempPrefix begins the names of files that are not finished; Sweep removes them.
const tempPrefix = ".tmp-"

// IsTemp says whether name is that of an unfinished file.
func IsTemp(name string) bool { return strings.HasPrefix(filepath.Base(name), tempPrefix) }

// Writer writes one file that becomes visible under its name by Close, complete and durable. A Writer that failed
// leaves nothing.
type Writer struct {
	fsys  FS
	file  File
	temp  string
	final string
	err   error // the first failure: an fsync that failed is never tried again
	done  bool
}

// Create begins a file in an existing folder.
func Create(fsys FS, name string) (*Writer, error) {
	temp := filepath.Join(filepath.Dir(name), tempPrefix+uuid.NewString())
	file, err := fsys.Create(temp)
	if err != nil {
		return nil, fmt.Errorf("create %s: %w", name, err)
	}
	return &Writer{fsys: fsys, file: file, temp: temp, final: name}, nil
}

// Write appends to the file.
func (w *Writer) Write(p []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	n, err := w.file.Write(p)
	w.err = err
	return n, err
}

// ReadFrom appends all of r.
func (w *Writer) ReadFrom(r io.Reader) (int64, error) {
	return io.Copy(struct{ io.Writer }{w}, r)
}

// Close makes the file durable and visible. After a failed Write it removes the file and returns that failure.
func (w *Writer) Close() error {
	if w.done {
		return w.err
	}
	w.done = true
	if w.err == nil {
		w.err = w.file.Chmod(FileMode)
	}
	if w.err == nil {
		w.err = w.file.Sync()
	}
	if err := w.file.Close(); w.err == nil {
		w.err = err
	}
	if w.err == nil {
		w.err = w.fsys.Rename(w.temp, w.final)
	}
	if w.err != nil {
		_ = w.fsys.Remove(w.temp) // the first error tells more; the next start removes it too
		return fmt.Errorf("write %s: %w", w.final, w.err)
	}
	w.err = w.fsys.SyncDir(filepath.Dir(w.final))
	return w.err
}

// Abort gives the file up.
func (w *Writer) Abort() error {
	if w.done {
		return nil
	}
	w.done = true
	return errors.Join(w.file.Close(), w.fsys.Remove(w.temp))
}

// WriteFile writes a whole file, durably.
func WriteFile(fsys FS, name string, content []byte) error {
	w, err := Create(fsys, name)
	if err != nil {
		return err
	}
	if _, err := w.Write(content); err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", name, err), w.Abort())
	}
	return w.Close()
}

// Place gives a finished, synced temporary file its final name. Where the name exists already with the same size the
// temporary one is removed: names of parts are hashes of their bytes. Either way the folder is synced.
func Place(fsys FS, temp, final string) error {
	there, err := fsys.Stat(final)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("place %s: %w", final, err)
	}
	if err == nil {
		mine, err := fsys.Stat(temp)
		if err != nil {
			return fmt.Errorf("place %s: %w", final, err)
		}
		if there.Mode().IsRegular() && there.Size() == mine.Size() {
			if err := fsys.Remove(temp); err != nil {
				return fmt.Errorf("remove %s: %w", temp, err)
			}
			return fsys.SyncDir(filepath.Dir(final))
		}
	}
	if err := fsys.Rename(temp, final); err != nil {
		return fmt.Errorf("place %s: %w", final, err)
	}
	return fsys.SyncDir(filepath.Dir(final))
}

// MkdirAll makes a folder and those above it, each durable in its parent before the next is made.
func MkdirAll(fsys FS, dir string) error {
	info, err := fsys.Stat(dir)
	switch {
	case err == nil && info.IsDir():
		return nil
	case err == nil:
		return fmt.Errorf("make folder %s: a file of that name is in the way", dir)
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("make folder %s: %w", dir, err)
	}
	parent := filepath.Dir(dir)
	if parent == dir {
		return fmt.Errorf("make folder %s: %w", dir, fs.ErrNotExist)
	}
	if err := MkdirAll(fsys, parent); err != nil {
		return err
	}
	if err := fsys.Mkdir(dir, DirMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make folder %s: %w", dir, err)
	}
	return fsys.SyncDir(parent)
}

// RemoveAll removes a folder and what it holds; an absent one is no error.
func RemoveAll(fsys FS, name string) error {
	info, err := fsys.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.IsDir() {
		names, err := fsys.List(name)
		if err != nil {
			return err
		}
		for _, n := range names {
			if err := RemoveAll(fsys, filepath.Join(name, n)); err != nil {
				return err
			}
		}
	}
	if err := fsys.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// ReadFile reads a whole file.
func ReadFile(fsys FS, name string) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

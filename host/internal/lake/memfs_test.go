package lake_test

import (
	"io"
	"io/fs"
	"path/filepath"
	"sort"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/ai-data-analyst/broker/host/internal/lake/disk"
)

// memFS is a lake's file system in memory that can crash. point is called after every step; skip makes a step that
// should be durable silently not so.
type memFS struct {
	*vfs.MemFS
	point func()
	skip  func(op, name string) bool
}

func newMemFS() *memFS {
	m := &memFS{MemFS: vfs.NewCrashableMem(), point: func() {}, skip: func(string, string) bool { return false }}
	if err := m.SyncDir("/"); err != nil {
		panic(err)
	}
	return m
}

var _ disk.FS = (*memFS)(nil)

func (m *memFS) Create(name string) (disk.File, error) {
	if _, err := m.MemFS.Stat(name); err == nil {
		return nil, &fs.PathError{Op: "create", Path: name, Err: fs.ErrExist}
	}
	if info, err := m.MemFS.Stat(filepath.Dir(name)); err != nil || !info.IsDir() {
		return nil, &fs.PathError{Op: "create", Path: name, Err: fs.ErrNotExist}
	}
	f, err := m.MemFS.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		return nil, err
	}
	m.point()
	return &memFile{File: f, fs: m, name: name}, nil
}

func (m *memFS) Open(name string) (disk.File, error) {
	f, err := m.MemFS.Open(name)
	if err != nil {
		return nil, err
	}
	return &memFile{File: f, fs: m, name: name}, nil
}

func (m *memFS) Stat(name string) (fs.FileInfo, error) {
	info, err := m.MemFS.Stat(name)
	if err != nil {
		return nil, err
	}
	return regular{info}, nil
}

// regular gives files of the memory file system the mode of regular files.
type regular struct{ fs.FileInfo }

func (r regular) Mode() fs.FileMode {
	if r.IsDir() {
		return fs.ModeDir | 0o755
	}
	return 0o444
}

func (m *memFS) List(dir string) ([]string, error) {
	names, err := m.MemFS.List(dir)
	sort.Strings(names)
	return names, err
}

func (m *memFS) Rename(from, to string) error {
	if _, err := m.MemFS.Stat(from); err != nil {
		return err
	}
	err := m.MemFS.Rename(from, to)
	m.point()
	return err
}

func (m *memFS) Remove(name string) error {
	err := m.MemFS.Remove(name)
	m.point()
	return err
}

func (m *memFS) Mkdir(name string, mode fs.FileMode) error {
	if _, err := m.MemFS.Stat(name); err == nil {
		return &fs.PathError{Op: "mkdir", Path: name, Err: fs.ErrExist}
	}
	err := m.MkdirAll(name, mode)
	m.point()
	return err
}

func (m *memFS) SyncDir(name string) error {
	if m.skip("syncdir", name) {
		m.point()
		return nil
	}
	dir, err := m.OpenDir(name)
	if err != nil {
		return err
	}
	defer dir.Close()
	err = dir.Sync()
	m.point()
	return err
}

type memFile struct {
	vfs.File
	fs     *memFS
	name   string
	offset int64
}

func (f *memFile) Stat() (fs.FileInfo, error) {
	info, err := f.File.Stat()
	if err != nil {
		return nil, err
	}
	return regular{info}, nil
}

func (f *memFile) Read(p []byte) (int, error) {
	n, err := f.ReadAt(p, f.offset)
	f.offset += int64(n)
	if n > 0 && err == io.EOF {
		err = nil
	}
	return n, err
}

func (f *memFile) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekStart:
		f.offset = offset
	case io.SeekCurrent:
		f.offset += offset
	case io.SeekEnd:
		info, err := f.Stat()
		if err != nil {
			return 0, err
		}
		f.offset = info.Size() + offset
	}
	return f.offset, nil
}

func (f *memFile) Write(p []byte) (int, error) {
	written := 0
	for len(p) > 0 { // a crash may come between any two sectors
		n, err := f.File.Write(p[:min(len(p), 512)])
		written += n
		if err != nil {
			return written, err
		}
		p = p[n:]
		f.fs.point()
	}
	return written, nil
}

func (f *memFile) Sync() error {
	if f.fs.skip("sync", f.name) {
		f.fs.point()
		return nil
	}
	err := f.File.Sync()
	f.fs.point()
	return err
}

func (f *memFile) Chmod(fs.FileMode) error { return nil }

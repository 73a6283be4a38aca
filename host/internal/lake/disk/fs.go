// Package disk writes a lake's files so that they survive a power cut: temporary name, write, fsync, rename, fsync of
// the folder, always in that order (G3). It is the only room of the lake that creates, renames or removes files.
//
// Everything goes through the small interface FS, so that tests can run it on a file system that crashes. It knows
// nothing of tables. Only host/internal/lake and its sub-folders import it.
package disk

import (
	"io"
	"io/fs"
	"os"
)

// Modes of what a lake holds; set explicitly, whatever the umask (O7).
const (
	DirMode  fs.FileMode = 0o755
	FileMode fs.FileMode = 0o444 // nothing is opened for writing twice
)

// File is an open file.
type File interface {
	io.ReadSeekCloser
	io.ReaderAt
	io.Writer
	Stat() (fs.FileInfo, error)
	Sync() error
	Chmod(mode fs.FileMode) error
}

// FS is the file system under a lake. Names are absolute paths.
type FS interface {
	Create(name string) (File, error) // a new file; an existing one is an error
	Open(name string) (File, error)
	Stat(name string) (fs.FileInfo, error)
	List(dir string) ([]string, error) // names in dir, sorted
	Rename(from, to string) error
	Remove(name string) error
	Mkdir(name string, mode fs.FileMode) error
	SyncDir(name string) error
}

// OS is the machine's own file system.
type OS struct{}

var _ FS = OS{}

// Create makes a new file, writable by its owner alone until it is finished.
func (OS) Create(name string) (File, error) {
	return os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
}

// Open opens a file for reading.
func (OS) Open(name string) (File, error) { return os.Open(name) }

// Stat describes a file; links are not followed.
func (OS) Stat(name string) (fs.FileInfo, error) { return os.Lstat(name) }

// List returns the names in a folder.
func (OS) List(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names, nil
}

// Rename moves a file over whatever was there.
func (OS) Rename(from, to string) error { return os.Rename(from, to) }

// Remove removes a file or an empty folder.
func (OS) Remove(name string) error { return os.Remove(name) }

// Mkdir makes one folder with exactly this mode.
func (OS) Mkdir(name string, mode fs.FileMode) error {
	if err := os.Mkdir(name, mode); err != nil {
		return err
	}
	return os.Chmod(name, mode)
}

// SyncDir makes the names in a folder durable.
func (OS) SyncDir(name string) error {
	dir, err := os.Open(name)
	if err != nil {
		return err
	}
	if err := dir.Sync(); err != nil {
		dir.Close()
		return err
	}
	return dir.Close()
}

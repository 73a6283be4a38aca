// Package disk puts files where readers may find them: whole or not at all, and on the disk before they are named (G1).
//
// It knows nothing of parts or manifests. Imported by mirror's rooms.
package disk

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// Write puts text under path: write, sync, rename, sync the folder. Missing folders are made.
func Write(path string, text []byte, mode fs.FileMode) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".tmp-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	_, err = f.Write(text)
	if err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err != nil {
		return err
	}
	return Move(f.Name(), path)
}

// Move renames a file or folder, and makes that last.
func Move(from, to string) error {
	if err := Rename(from, to); err != nil {
		return err
	}
	return SyncDir(filepath.Dir(to))
}

// Rename renames a file or folder. A loss of power may undo it until the folder is synced.
func Rename(from, to string) error {
	err := os.Rename(from, to)
	if err != nil && runtime.GOOS == "windows" && os.Chmod(to, 0o644) == nil { // there, a file that cannot be written is not replaced
		err = os.Rename(from, to)
	}
	return err
}

// SyncDir makes the names in a folder last. Windows keeps names by itself.
func SyncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Link gives a file a second name; where a file system has no such links, a copy. to must not exist.
func Link(from, to string) error {
	err := os.Link(from, to)
	if err == nil || errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) {
		return err
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o444)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close())
}

var errNotPlain = errors.New("not a plain file")

// Stamp tells whether a file is still the one that was looked at: any write moves Time.
type Stamp struct {
	Size  int64
	Time  int64  // of the last change, ns since 1970
	Inode uint64 // 0 where there is none
}

// Look returns the stamp of a regular file.
func Look(path string) (Stamp, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return Stamp{}, err
	}
	if !info.Mode().IsRegular() {
		return Stamp{}, &fs.PathError{Op: "look at", Path: path, Err: errNotPlain}
	}
	return Stamp{Size: info.Size(), Time: info.ModTime().UnixNano(), Inode: inode(info)}, nil
}

// IsReadOnly says whether err is that of a place that this person cannot write to.
func IsReadOnly(err error) bool { return isAny(err, fs.ErrPermission, syscall.EROFS) }

// Writable says whether a file can be made in a folder.
func Writable(dir string) bool {
	f, err := os.CreateTemp(dir, ".tmp-*")
	return err == nil && errors.Join(f.Close(), os.Remove(f.Name())) == nil
}

func isAny(err error, these ...error) bool {
	for _, one := range these {
		if errors.Is(err, one) {
			return true
		}
	}
	return false
}

//go:build unix

package disk

import (
	"errors"
	"io/fs"
	"syscall"

	"golang.org/x/sys/unix"
)

func inode(info fs.FileInfo) uint64 {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return stat.Ino
	}
	return 0
}

// Free is how many bytes a person may still write below dir.
func Free(dir string) (int64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, err
	}
	return int64(s.Bavail) * int64(s.Bsize), nil //nolint:unconvert // the types differ by system
}

// IsFull says whether err is that of a full disk or quota.
func IsFull(err error) bool { return isAny(err, unix.ENOSPC, unix.EDQUOT) }

// Folder looks at many files below one folder, which is found once.
type Folder struct{ fd int }

// OpenFolder opens a folder to look at what is in it; Close it.
func OpenFolder(dir string) (*Folder, error) {
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: dir, Err: err}
	}
	return &Folder{fd}, nil
}

// Look is the Look of a file below the folder, named with slashes.
func (f *Folder) Look(name string) (Stamp, error) {
	var s unix.Stat_t
	for {
		err := unix.Fstatat(f.fd, name, &s, unix.AT_SYMLINK_NOFOLLOW)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err == nil && s.Mode&unix.S_IFMT != unix.S_IFREG {
			err = errNotPlain
		}
		if err != nil {
			return Stamp{}, &fs.PathError{Op: "look at", Path: name, Err: err}
		}
		return Stamp{Size: s.Size, Time: s.Mtim.Nano(), Inode: s.Ino}, nil
	}
}

// Close lets the folder go.
func (f *Folder) Close() { _ = unix.Close(f.fd) } //nolint:errcheck // nothing was written through it

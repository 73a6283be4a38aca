//go:build windows

package disk

import (
	"io/fs"
	"path/filepath"

	"golang.org/x/sys/windows"
)

func inode(fs.FileInfo) uint64 { return 0 }

// Free is how many bytes a person may still write below dir.
func Free(dir string) (int64, error) {
	name, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, err
	}
	var free uint64
	err = windows.GetDiskFreeSpaceEx(name, &free, nil, nil)
	return int64(free), err
}

// IsFull says whether err is that of a full disk or quota.
func IsFull(err error) bool {
	return isAny(err, windows.ERROR_DISK_FULL, windows.ERROR_HANDLE_DISK_FULL)
}

// Folder looks at many files below one folder.
type Folder struct{ dir string }

// OpenFolder opens a folder to look at what is in it; Close it.
func OpenFolder(dir string) (*Folder, error) { return &Folder{dir}, nil }

// Look is the Look of a file below the folder, named with slashes.
func (f *Folder) Look(name string) (Stamp, error) {
	return Look(filepath.Join(f.dir, filepath.FromSlash(name)))
}

// Close lets the folder go.
func (f *Folder) Close() {}

//go:build windows

package disk

import (
	"io/fs"

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

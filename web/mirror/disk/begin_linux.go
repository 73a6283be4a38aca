package disk

import (
	"os"

	"golang.org/x/sys/unix"
)

// Begin lets the disk begin to write a stretch of a file, and does not wait. It promises nothing: Sync does.
func Begin(f *os.File, offset, length int64) {
	_ = unix.SyncFileRange(int(f.Fd()), offset, length, unix.SYNC_FILE_RANGE_WRITE) //nolint:errcheck // a hint; Sync tells what goes wrong
}

package disk

import (
	"os"

	"golang.org/x/sys/unix"
)

// Begin lets the disk begin to write a stretch of a file, and does not wait. It promises nothing: Sync does.
func Begin(f *os.File, offset, length int64) {
	_ = unix.SyncFileRange(int(f.Fd()), offset, length, unix.SYNC_FILE_RANGE_WRITE) //nolint:errcheck // a hint; Sync tells what goes wrong
}

// Block is what offsets, lengths and addresses of direct writes are multiples of, in bytes: the largest sector of a disk
// (open(2), O_DIRECT).
const Block = 4096

// Direct lets writes to a file go to the disk itself, past the system's memory, or not any more. It says whether they do: many
// file systems know no such thing.
func Direct(f *os.File, on bool) bool {
	flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFL, 0)
	if err != nil {
		return false
	}
	want := flags &^ unix.O_DIRECT
	if on {
		want |= unix.O_DIRECT
	}
	_, err = unix.FcntlInt(f.Fd(), unix.F_SETFL, want)
	return on && err == nil
}

// IsUnfit says whether a direct write was refused for its address, offset or length, or because there are none here.
func IsUnfit(err error) bool { return isAny(err, unix.EINVAL) }

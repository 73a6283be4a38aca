//go:build unix

package disk

import "golang.org/x/sys/unix"

func space(dir string) (free, total uint64, err error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, 0, err
	}
	size := uint64(st.Bsize)                               //nolint:unconvert // its type differs between systems
	return uint64(st.Bavail) * size, st.Blocks * size, nil //nolint:unconvert // its type differs between systems
}

package mirror_test

import "syscall"

// mount puts a file system of 8 MB at dir.
func mount(dir string) error { return syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=8m") }

func unmount(dir string) { syscall.Unmount(dir, 0) }

// freeze lets nobody write there any more.
func freeze(dir string) error {
	return syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, "size=8m")
}

package disk

import (
	"fmt"
	"os"
	"path/filepath"
)

// reserve is kept free for metadata, so that a full disk can still be tidied.
const reserve = 64 << 20

// Space returns the free bytes of the file system that holds dir, and whether a new run may begin there: at least 5 %
// or 1 GiB free, whichever is less, and never less than 64 MiB (D22).
func Space(dir string) (free uint64, enough bool, err error) {
	free, total, err := space(dir)
	if err != nil {
		return 0, false, fmt.Errorf("ask for the free space of %s: %w", dir, err)
	}
	return free, free >= max(reserve, min(total/20, 1<<30)), nil
}

// OneDevice checks that names can be moved between folders by rename (C20): it moves a file from the first to the
// second.
func OneDevice(from, to string) error {
	f, err := os.CreateTemp(from, tempPrefix+"probe-")
	if err != nil {
		return fmt.Errorf("write in %s: %w", from, err)
	}
	f.Close()
	moved := filepath.Join(to, filepath.Base(f.Name()))
	if err := os.Rename(f.Name(), moved); err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("%s and %s must be on one file system: %w", from, to, err)
	}
	return os.Remove(moved)
}

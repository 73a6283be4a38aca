package gate

import (
	"errors"
	"io/fs"
	"path/filepath"

	"github.com/ai-data-analyst/broker/sdk/fault"
)

// maxEntries is how many files and folders one person may keep (G16).
const maxEntries = 20_000

// room fails when a person keeps more than they may.
func (g *Gate) room(home string) error {
	bytes, entries, err := weigh(home)
	switch {
	case err != nil:
		return err
	case bytes > g.Quota:
		return fault.Newf(fault.Permission, "your pushes are over the quota of %d bytes", g.Quota)
	case entries > maxEntries:
		return fault.Newf(fault.Permission, "your pushes are over the quota of %d files and folders", maxEntries)
	}
	return nil
}

// weigh counts what is in a folder. What goes while it is counted is not counted.
func weigh(dir string) (bytes int64, entries int, err error) {
	err = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		entries++
		if !e.Type().IsRegular() {
			return nil
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil {
			bytes += info.Size()
		}
		return err
	})
	return bytes, entries, err
}

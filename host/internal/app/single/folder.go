package single

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Fit says whether dir can be a data folder (C19): absent is fine, as it will be made.
func Fit(dir string) error {
	if dir == "" {
		return fault.New(fault.Config, "nothing can be done without instance.data_dir")
	}
	unfit := func(help, format string, args ...any) error {
		return fault.Newf(fault.Config, "the data folder %s %s", dir, fmt.Sprintf(format, args...)).WithHelp(help)
	}
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return fault.Wrap(fault.Config, err, "look at the data folder")
	case !info.IsDir():
		return unfit("Name a folder in instance.data_dir.", "is a file")
	case info.Mode().Perm()&0o002 != 0:
		return unfit(fmt.Sprintf("Take that right away: chmod o-w %s", dir), "can be written by everybody")
	}
	for parent := filepath.Dir(dir); ; parent = filepath.Dir(parent) {
		if _, err := os.Stat(filepath.Join(parent, "state", lockName)); err == nil {
			return unfit("Choose a folder of its own for instance.data_dir.", "lies inside that of another instance, %s", parent)
		}
		if parent == filepath.Dir(parent) {
			return nil
		}
	}
}

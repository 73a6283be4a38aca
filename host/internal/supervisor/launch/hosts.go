package launch

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"
)

// A host that lives holds a lock in the folder of runs. A lock tells more than a process number: it cannot be another's
// by now, and it is seen from other containers too.

const lockSuffix = ".lock"

// takeLock makes a lock file of this host's own and locks it.
func takeLock(dir string) (*flock.Flock, error) {
	for range 100 {
		file, err := os.CreateTemp(dir, "host*"+lockSuffix)
		if err != nil {
			return nil, err
		}
		made, err := file.Stat()
		if closeErr := file.Close(); err == nil {
			err = closeErr
		}
		if err != nil {
			return nil, err
		}
		lock := flock.New(file.Name())
		if err := lock.Lock(); err != nil {
			return nil, err
		}
		// Another host may have taken the file for a dead one's before it was locked.
		if now, err := os.Stat(file.Name()); err == nil && os.SameFile(made, now) {
			return lock, nil
		}
		_ = lock.Close()
	}
	return nil, fmt.Errorf("no lock can be taken in %s", dir)
}

// livingHosts returns the names of the locks that are held, and removes the others.
func livingHosts(dir string, own string) (map[string]bool, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	living := map[string]bool{}
	for _, entry := range entries {
		name := entry.Name()
		if entry.IsDir() || !strings.HasSuffix(name, lockSuffix) {
			continue
		}
		if name == own {
			living[name] = true
			continue
		}
		lock := flock.New(filepath.Join(dir, name), flock.SetFlag(os.O_RDWR))
		got, err := lock.TryLock()
		if err != nil && !os.IsNotExist(err) || err == nil && !got {
			living[name] = true // in doubt it lives
			continue
		}
		if got {
			_ = os.Remove(filepath.Join(dir, name)) // while it is locked: its maker looks again after locking
			_ = lock.Close()
		}
	}
	return living, nil
}

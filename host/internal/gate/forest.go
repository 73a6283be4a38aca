package gate

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/ai-data-analyst/broker/sdk/fault"
)

// forest is the folder of all trees. A tree is a folder with a lock file beside it, which the process that made it holds:
// the kernel lets go of it when that process dies, however it dies.
type forest struct {
	dir   string // of trees
	cache string // of parts that were fetched from an object store
	now   func() time.Time
}

// tree is what one connection serves.
type tree struct {
	forest
	dir  string
	lock *flock.Flock
}

const lockSuffix = ".lock"

// plant makes an empty tree, after the trees of processes that died were removed.
func (f forest) plant(ctx context.Context, name string) (t *tree, err error) {
	for _, dir := range []string{f.dir, f.cache} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fault.Wrap(fault.Transient, err, "make the folder of trees")
		}
	}
	gardener := flock.New(filepath.Join(f.dir, "all"), flock.SetPermissions(0o600)) // one process at a time makes or sweeps
	if _, err := gardener.TryLockContext(ctx, 10*time.Millisecond); err != nil {
		return nil, fault.Wrap(fault.Transient, err, "wait for other connections")
	}
	defer func() { err = errors.Join(err, gardener.Unlock()) }()
	if err := f.sweep(); err != nil {
		return nil, err
	}
	t = &tree{forest: f, dir: filepath.Join(f.dir, name+"-"+strings.ToLower(rand.Text()))}
	t.lock = flock.New(t.dir+lockSuffix, flock.SetPermissions(0o600))
	if locked, err := t.lock.TryLock(); err != nil || !locked {
		return nil, fault.Wrap(fault.Transient, errors.Join(err, errors.New("it is locked")), "lock a tree")
	}
	if err := os.Mkdir(t.dir, 0o700); err != nil {
		return nil, errors.Join(fault.Wrap(fault.Transient, err, "make a tree"), t.fell())
	}
	return t, nil
}

// sweep removes what dead processes left, and fetched parts that nobody asked for lately.
func (f forest) sweep() error {
	locks, err := filepath.Glob(filepath.Join(f.dir, "*"+lockSuffix))
	if err != nil {
		return err
	}
	var errs []error
	for _, path := range locks {
		t := tree{dir: strings.TrimSuffix(path, lockSuffix), lock: flock.New(path)}
		locked, err := t.lock.TryLock()
		if err == nil && locked {
			err = t.fell()
		}
		errs = append(errs, err)
	}
	return errors.Join(append(errs, f.drop())...)
}

// idle is how long a fetched part is kept that no tree has.
const idle = 24 * time.Hour

// drop removes fetched parts that are idle. Linking a file into a tree, and unlinking it, changes its time of change.
func (f forest) drop() error {
	entries, err := os.ReadDir(f.cache)
	if err != nil {
		return fmt.Errorf("list fetched parts: %w", err)
	}
	var errs []error
	for _, e := range entries {
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil && lonely(info) && f.now().Sub(changed(info)) > idle {
			err = os.Remove(filepath.Join(f.cache, e.Name()))
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// fell removes the tree. What it linked to stays where it was.
func (t *tree) fell() error {
	if err := os.RemoveAll(t.dir); err != nil {
		return errors.Join(fmt.Errorf("remove a tree: %w", err), t.lock.Unlock())
	}
	err := os.Remove(t.lock.Path())
	if errors.Is(err, fs.ErrNotExist) { // its owner and a sweep met here
		err = nil
	}
	return errors.Join(err, t.lock.Unlock())
}

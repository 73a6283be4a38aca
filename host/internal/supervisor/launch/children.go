// Package launch starts one plugin process with private folders and ends it with everything that came of it (G11).
//
// It knows processes, not plugins: no handshake, no trust, no logs. Only supervisor imports it.
package launch

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/gofrs/flock"
)

// markEnv marks a process and, unless they clear their environment, its children: its value is the run's folder.
const markEnv = "BROKER_PLUGIN_RUN"

const (
	recordFile   = "record.json"
	socketPrefix = "brk-"
	maxSocketDir = 59 // bytes; what go-plugin adds must stay under the 104 that a socket's path may have
)

// Children are the processes that this host has started and not yet ended.
type Children struct {
	dir        string // private folders of runs, <dir>/<id>
	socketBase string
	self       identity
	lock       *flock.Flock

	mu   sync.Mutex
	live map[int]bool // direct children by pid
}

// identity tells a process from a later one with the same pid.
type identity struct {
	PID   int    `json:"pid"`
	Start uint64 `json:"start"` // in ticks since the machine's start; 0 = not known here
}

// record stands in the folder of a run so that the next host can tell what an earlier one has left.
type record struct {
	Host    string   `json:"host"` // its lock
	Child   identity `json:"child"`
	Sockets string   `json:"sockets"`
}

// NewChildren prepares dir for the private folders of runs and removes what hosts that are dead have left there,
// processes included. socketBase is a short folder for sockets; "" means the system's temporary folder.
func NewChildren(dir, socketBase string) (*Children, error) {
	if socketBase == "" {
		socketBase = shortTemp()
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return nil, err
	}
	if err := prepareHost(); err != nil {
		return nil, err
	}
	lock, err := takeLock(dir)
	if err != nil {
		return nil, err
	}
	c := &Children{dir: dir, socketBase: socketBase, self: identify(os.Getpid()), lock: lock, live: map[int]bool{}}
	if err := c.sweep(); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// shortTemp is the system's temporary folder, or /tmp where its path is too long for sockets and /tmp is there.
func shortTemp() string {
	const longest = maxSocketDir - len("/"+socketPrefix) - 8
	if dir := os.TempDir(); len(dir) <= longest || runtime.GOOS == "windows" {
		return dir
	}
	if _, err := os.Stat("/tmp"); err != nil {
		return os.TempDir()
	}
	return "/tmp"
}

// Close says that this host has ended all it started.
func (c *Children) Close() error {
	return errors.Join(os.Remove(c.lock.Path()), c.lock.Close())
}

// Folder is the private room of one run.
type Folder struct {
	Dir     string // holds Home, Temp and Work
	Home    string
	Temp    string
	Work    string
	Sockets string // short, elsewhere
}

// Folder makes the private folders of a run, mode 0700. What it is about to make is written down first, so that a host
// killed in between leaves nothing for ever.
func (c *Children) Folder() (Folder, error) {
	dir, err := os.MkdirTemp(c.dir, folderOf(filepath.Base(c.lock.Path())))
	if err != nil {
		return Folder{}, fmt.Errorf("make the private folder of a run: %w", err)
	}
	f := Folder{Dir: dir, Home: filepath.Join(dir, "home"), Temp: filepath.Join(dir, "tmp"), Work: filepath.Join(dir, "work"),
		Sockets: filepath.Join(c.socketBase, socketPrefix+strings.ToLower(rand.Text()[:8]))}
	if len(f.Sockets) > maxSocketDir {
		err = fmt.Errorf("the path of the socket folder %s is longer than %d bytes; choose a shorter one", f.Sockets, maxSocketDir)
	}
	if err == nil {
		err = c.record(f, identity{})
	}
	for _, sub := range []string{f.Home, f.Temp, f.Work, f.Sockets} {
		if err == nil {
			err = os.Mkdir(sub, 0o700)
		}
	}
	if err != nil {
		_ = f.Remove() // the first error tells more
		return Folder{}, fmt.Errorf("make the private folder of a run: %w", err)
	}
	return f, nil
}

// folderOf is how the folders of a host's runs are called: by its lock, so that they can be told without their record.
func folderOf(host string) string { return "r-" + strings.TrimSuffix(host, lockSuffix) + "-" }

// record says who owns the folder. It need not survive a loss of power: processes do not either.
func (c *Children) record(f Folder, child identity) error {
	text, err := json.Marshal(record{Host: filepath.Base(c.lock.Path()), Child: child, Sockets: f.Sockets})
	if err != nil {
		return err
	}
	next := filepath.Join(f.Dir, recordFile+".next") // a host killed while it writes leaves the record before
	if err := os.WriteFile(next, text, 0o600); err != nil {
		return err
	}
	return os.Rename(next, filepath.Join(f.Dir, recordFile))
}

// Remove removes the folders, also where the plugin took the right to from itself.
func (f Folder) Remove() error {
	var first error
	for _, dir := range []string{f.Sockets, f.Dir} {
		if dir == "" {
			continue
		}
		if err := removeAll(dir); err != nil && first == nil {
			first = fmt.Errorf("remove the private folder of a run: %w", err)
		}
	}
	return first
}

func removeAll(dir string) error {
	err := os.RemoveAll(dir)
	if err == nil {
		return nil
	}
	_ = filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if entry != nil && entry.IsDir() {
			_ = os.Chmod(path, 0o700)
		}
		return nil
	})
	return os.RemoveAll(dir)
}

// Size is how many bytes the folder takes on disk.
func (f Folder) Size() int64 {
	var total int64
	_ = filepath.WalkDir(f.Dir, func(_ string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return nil //nolint:nilerr // what vanishes meanwhile takes no room
		}
		if info, err := entry.Info(); err == nil {
			total += diskBytes(info)
		}
		return nil
	})
	return total
}

// sweep ends and removes what dead hosts have left. What a living host owns stays.
func (c *Children) sweep() error {
	living, err := livingHosts(c.dir, filepath.Base(c.lock.Path()))
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}
		dir := filepath.Join(c.dir, entry.Name())
		left, err := readRecord(dir)
		if living[left.Host] || err != nil && ownedBy(living, entry.Name()) {
			continue
		}
		endLeftOver(left.Child, dir, 2*time.Second)
		folder := Folder{Dir: dir}
		if strings.HasPrefix(filepath.Base(left.Sockets), socketPrefix) {
			folder.Sockets = left.Sockets
		}
		if err := folder.Remove(); err != nil {
			return err
		}
	}
	return nil
}

// ownedBy says whether a folder without record is that of a living host, which is about to write it.
func ownedBy(living map[string]bool, folder string) bool {
	for host := range living {
		if strings.HasPrefix(folder, folderOf(host)) {
			return true
		}
	}
	return false
}

func readRecord(dir string) (record, error) {
	var r record
	text, err := os.ReadFile(filepath.Join(dir, recordFile))
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal(text, &r)
}

func (c *Children) add(pid int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.live[pid] = true
}

func (c *Children) remove(pid int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.live, pid)
}

func (c *Children) direct(pid int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.live[pid]
}

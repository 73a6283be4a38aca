// Package single sees to it that one process at a time works on a data folder: a lock that names its holder, and a socket
// through which other processes of the same user ask the holder to do something.
//
// It does not know what is asked. Only host/internal/app imports it.
package single

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/ai-data-analyst/broker/sdk/fault"
)

const lockName = "broker.lock"

// holder is what the lock file says of the process that owns the data folder.
type holder struct {
	PID    int       `json:"pid"`
	Host   string    `json:"host"`
	Since  time.Time `json:"since"`
	Socket string    `json:"socket,omitempty"` // where it takes commands; "" = nowhere
}

// Lock is the one lock on the data folder (decision 6). The kernel gives it back when the process ends.
type Lock struct {
	flock *flock.Flock
	path  string
	who   holder
}

// ErrHeld is returned, wrapped in a fault, when another process owns the data folder.
var ErrHeld = errors.New("the data folder is in use")

// Take takes the lock of the data folder or names who has it (C23, O2).
func Take(stateDir string, now time.Time) (*Lock, error) {
	if err := os.MkdirAll(stateDir, 0o700); err != nil {
		return nil, fault.Wrap(fault.Config, err, "make the folder of the state")
	}
	l := &Lock{path: filepath.Join(stateDir, lockName)}
	l.flock = flock.New(l.path, flock.SetPermissions(0o600))
	locked, err := l.flock.TryLock()
	if err != nil {
		return nil, fault.Wrap(fault.Config, err, "lock the data folder")
	}
	if !locked {
		return nil, heldBy(l.path)
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	sweep(l.path, host)
	l.who = holder{PID: os.Getpid(), Host: host, Since: now.UTC().Truncate(time.Second)}
	return l, l.write()
}

// sweep removes the command socket of the owner before, who was killed if it is still there (G11). Only an empty folder
// of the name that NewControl gives goes; what cannot be removed harms nobody.
func sweep(path, host string) {
	who, err := readHolder(path)
	folder := filepath.Dir(who.Socket)
	if err != nil || who.Host != host || filepath.Base(who.Socket) != socketName || !strings.HasPrefix(filepath.Base(folder), folderPrefix) {
		return
	}
	_ = os.Remove(who.Socket)
	_ = os.Remove(folder)
}

func heldBy(path string) error {
	who, err := readHolder(path)
	what := "another broker works on this data folder"
	if err == nil {
		what = fmt.Sprintf("broker with pid %d on %s has worked on this data folder since %s", who.PID, who.Host, who.Since.Format(time.RFC3339))
	}
	return &fault.Fault{Code: fault.Transient, What: what, Help: "Wait until it has ended, or stop it.", Err: ErrHeld}
}

// readHolder says who owns the data folder. The text may be that of an earlier owner: the lock decides, not the text.
func readHolder(path string) (holder, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return holder{}, err
	}
	var who holder
	err = json.Unmarshal(text, &who)
	return who, err
}

// Listen notes the socket on which the owner takes commands.
func (l *Lock) Listen(socket string) error {
	l.who.Socket = socket
	return l.write()
}

// write replaces the text in place: the lock is on this very file.
func (l *Lock) write() error {
	text, err := json.Marshal(l.who)
	if err != nil {
		return err
	}
	if err := os.WriteFile(l.path, append(text, '\n'), 0o600); err != nil {
		return fault.Wrap(fault.Config, err, "write the lock of the data folder")
	}
	return nil
}

// Release gives the lock back.
func (l *Lock) Release() error { return l.flock.Unlock() }

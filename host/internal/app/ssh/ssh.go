// Package ssh introduces lake, access and the state database to gate, and keeps the analysts who may come in by SSH. It is
// part of the room app.
package ssh

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/gofrs/flock"

	"github.com/ai-data-analyst/broker/config"
	"github.com/ai-data-analyst/broker/host/internal/access"
	"github.com/ai-data-analyst/broker/host/internal/app/ledger"
	"github.com/ai-data-analyst/broker/host/internal/app/people"
	"github.com/ai-data-analyst/broker/host/internal/gate"
	"github.com/ai-data-analyst/broker/host/internal/lake"
	"github.com/ai-data-analyst/broker/host/internal/store"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Options are the open parts of an instance.
type Options struct {
	Store      *store.Store
	Lake       *lake.Lake                                       // for Serve alone
	Config     func() *config.Config                            // as it was last read
	Describe   func() (*config.Description, config.Diagnostics) // what data_description.md says now
	Reload     func() error                                     // reads the configuration again
	Executable string                                           // path of the running program
	Ledger     *ledger.Ledger                                   // for Serve alone
	Now        func() time.Time
	Log        *slog.Logger
}

// Door is the rsync door of an instance.
type Door struct {
	options Options
	access  *access.Access
}

// New returns the door. There is nothing to close.
func New(o Options) *Door {
	d := &Door{options: o}
	d.access = people.NewAccess(o.Store, d.rules(), o.Now, o.Log)
	return d
}

// rules are those of the configuration as it was last read.
func (d *Door) rules() access.Rules {
	description, _ := d.options.Describe() // what is wrong in it is told by check and sync
	return people.Rules(d.options.Config(), description)
}

// dir is our folder below the data folder.
func (d *Door) dir() string { return filepath.Join(d.options.Config().Instance.DataDir, "ssh") }

// pushes is the folder of an analyst's pushes.
func (d *Door) pushes(a store.Analyst) string {
	return filepath.Join(d.options.Config().Instance.DataDir, "push", a.UserID, gate.Machine(a.Name))
}

// alone runs do while no other process changes analysts.
func (d *Door) alone(ctx context.Context, do func() error) (err error) {
	if err := os.MkdirAll(d.dir(), 0o700); err != nil {
		return fault.Wrap(fault.Config, err, "make the folder of the rsync door")
	}
	lock := flock.New(filepath.Join(d.dir(), "lock"), flock.SetPermissions(0o600))
	if _, err := lock.TryLockContext(ctx, 20*time.Millisecond); err != nil {
		return fault.Wrap(fault.Transient, err, "wait for another command about analysts")
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	return do()
}

// AuthorizedKeys is the text of the file that sshd reads.
func (d *Door) AuthorizedKeys(ctx context.Context) (string, error) {
	all, err := d.options.Store.Analysts().ListAnalysts(ctx)
	if err != nil {
		return "", err
	}
	entries := make([]gate.Entry, len(all))
	for i, a := range all {
		entries[i] = gate.Entry{Name: a.Name, Key: a.Key}
	}
	path, err := filepath.Abs(d.options.Config().Path)
	if err != nil {
		return "", err
	}
	if d.options.Executable == "" {
		return "", fault.New(fault.Config, "the path of this program cannot be found out")
	}
	return gate.AuthorizedKeys(entries, d.options.Executable, path)
}

// write replaces the file that sshd reads, whole (G3).
func (d *Door) write(ctx context.Context) error {
	text, err := d.AuthorizedKeys(ctx)
	if err != nil {
		return err
	}
	return fault.Wrap(fault.Transient, replace(filepath.Join(d.dir(), "authorized_keys"), text), "write authorized_keys")
}

// replace gives a file a new text, durably: whoever reads it meanwhile reads the old text or the new one.
func replace(path, text string) error {
	file, err := os.CreateTemp(filepath.Dir(path), ".keys-") // 0600
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	if err == nil {
		err = file.Sync()
	}
	if closing := file.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	if runtime.GOOS != "windows" { // which has no such call
		err = folder.Sync()
	}
	return errors.Join(err, folder.Close())
}

package ssh

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/ai-data-analyst/broker/host/internal/app/share"
	"github.com/ai-data-analyst/broker/host/internal/gate"
	"github.com/ai-data-analyst/broker/host/internal/inbox"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// reloadEvery is how often a running connection reads the configuration again: who may read what stands there too (G12).
const reloadEvery = 15 * time.Second

// Connection is what sshd says of a connection.
type Connection struct {
	Name         string   // of the analyst whose key it is
	Command      string   // what the client asks for: SSH_ORIGINAL_COMMAND
	From         string   // SSH_CONNECTION, for the journal
	In, Out, Err *os.File // as they are handed to rsync
}

// Serve serves one connection. told says that the person was told already, by rsync, what went wrong. What it returns may be shown to the person: one sentence, nothing of ours in it. All of it
// stands in <data_dir>/ssh/gate.log.
func (d *Door) Serve(ctx context.Context, c Connection) (told bool, err error) {
	began := d.options.Now()
	err = d.serve(ctx, c)
	if d.options.Ledger != nil {
		d.options.Ledger.Connected(ctx, c.Name, c.From, c.Command, err)
	}
	said := append([]any{"name", c.Name, "from", c.From, "command", c.Command, "seconds", int(d.options.Now().Sub(began).Seconds())}, problem(err)...)
	return errors.Is(err, gate.ErrTransfer), plain(err, d.record(said...))
}

func problem(err error) []any {
	if err == nil {
		return nil
	}
	return []any{"error", err}
}

// plain is an error as a person at the other end may see it.
func plain(err, journal error) error {
	if err == nil {
		err = journal
	}
	switch code := fault.CodeOf(err); {
	case err == nil:
		return nil
	case errors.Is(err, gate.ErrTransfer):
		return gate.ErrTransfer
	case code == fault.Permission || code == fault.NotFound || code == fault.StateExpired || code == fault.Cancelled:
		return fault.New(code, fault.TextOf(err))
	case code == fault.Bug || code == fault.Config || code == fault.Data:
		return fault.New(code, "the server cannot serve this; its administrators find the reason in ssh/gate.log")
	default:
		return fault.New(code, "the server cannot serve this now; try again later")
	}
}

func (d *Door) serve(ctx context.Context, c Connection) error {
	command, err := gate.ParseCommand(c.Command)
	if err != nil {
		return err
	}
	a, err := d.options.Store.Analysts().FindAnalyst(ctx, c.Name)
	if fault.CodeOf(err) == fault.NotFound {
		return unknown()
	}
	if err != nil {
		return err
	}
	manifests, err := share.Open(ctx, share.Options{Lake: d.options.Lake, Access: d.access, Settings: d.options.Store.Settings(),
		StateDir: filepath.Join(d.options.Config().Instance.DataDir, "state"), Config: d.options.Config, Describe: d.options.Describe, Now: d.options.Now, Log: d.options.Log})
	if err != nil {
		return err
	}
	loaded := d.options.Now()
	g := gate.Gate{Dir: d.dir(), Push: filepath.Dir(filepath.Dir(d.pushes(a))), Quota: inbox.DefaultQuota, Manifests: manifests, Access: d.access,
		Pin: d.options.Lake.Pin, Now: d.options.Now, Known: func(ctx context.Context) error {
			if d.options.Now().Sub(loaded) >= reloadEvery {
				loaded = d.options.Now()
				d.reload()
			}
			now, err := d.options.Store.Analysts().FindAnalyst(ctx, a.Name)
			if fault.CodeOf(err) == fault.NotFound || err == nil && (now.Key != a.Key || now.UserID != a.UserID) {
				return unknown()
			}
			return err
		}}
	who := sdk.Caller{User: sdk.User{ID: a.UserID}, Scopes: []sdk.Scope{sdk.ScopeRead, sdk.ScopePush}, Provider: "ssh"}
	return g.Serve(ctx, a.Name, who, command, gate.Streams{In: c.In, Out: c.Out, Err: c.Err})
}

func unknown() error { return fault.New(fault.Permission, "this key is not let in any more") }

// reload takes what the configuration says of people now; a wrong one changes nothing (C25).
func (d *Door) reload() {
	if err := d.options.Reload(); err != nil {
		d.options.Log.Warn("the configuration cannot be read; the rules stay as they were", "error", err)
		return
	}
	d.access.SetRules(d.rules())
}

// maxJournal is how long the journal gets, in bytes, before it is begun anew; the one before stays beside it.
const maxJournal = 8 << 20

// record writes one line into the journal of connections.
func (d *Door) record(said ...any) (err error) {
	path := filepath.Join(d.dir(), "gate.log")
	if info, err := os.Stat(path); err == nil && info.Size() > maxJournal {
		if err := os.Rename(path, path+".1"); err != nil {
			return err
		}
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	slog.New(slog.NewTextHandler(file, nil)).Info("connection", said...)
	return nil
}

package app

import (
	"context"

	"github.com/ai-data-analyst/broker/host/internal/app/ssh"
)

// What the verbs of the rsync door speak of.
type (
	// Analysts is the door.
	Analysts = ssh.Door
	// AnalystRequest says whom to let in.
	AnalystRequest = ssh.Request
	// AnalystRemoval says how to remove somebody.
	AnalystRemoval = ssh.Removal
	// Connection is one client of the door.
	Connection = ssh.Connection
)

// Analysts opens what the verbs of the rsync door need: the state database alone, and to serve the lake too.
func (a *App) Analysts(ctx context.Context, serve bool) (*Analysts, error) {
	if wrong := a.read.Load().diagnostics.Blocking("access", "dataset"); len(wrong) > 0 {
		return nil, wrong
	}
	open := a.openStore
	if serve {
		open = func(ctx context.Context) error { return a.open(ctx, false) }
	}
	if err := open(ctx); err != nil {
		return nil, err
	}
	return ssh.New(ssh.Options{Store: a.store, Lake: a.lake, Config: a.configured, Describe: a.describeTables, Reload: func() error { return a.load(nil, false) },
		Ledger: a.ledger, Executable: a.options.Executable, Now: a.options.Now, Log: a.options.Log}), nil
}

// Package ledger introduces the audit log to those whose deeds it keeps: doors, commands, the instance itself. It is part
// of the room app and decides nothing itself.
package ledger

import (
	"context"
	"log/slog"
	"os/user"
	"strings"
	"time"

	"github.com/ai-data-analyst/broker/host/internal/audit"
	"github.com/ai-data-analyst/broker/host/internal/store"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web"
)

// Ledger writes down who did what.
type Ledger struct {
	*audit.Log
}

// Open opens the log in the state database; its seal lies in stateDir.
func Open(s *store.Store, stateDir string, now func() time.Time, log *slog.Logger) (*Ledger, error) {
	opened, err := audit.Open(audit.Options{DB: s.DB(), Postgres: s.Dialect() == store.Postgres, Dir: stateDir, Now: now, Log: log,
		Origin: func(ctx context.Context) (address, request, via string) {
			source := web.SourceOf(ctx)
			return source.Address, source.Request, source.Via
		}})
	if err != nil {
		return nil, err
	}
	return &Ledger{opened}, nil
}

// Did notes what a person did through a door, or tried to.
func (l *Ledger) Did(ctx context.Context, who sdk.Caller, action, object string, err error) {
	l.Note(ctx, ended(audit.Entry{UserID: who.User.ID, Email: who.User.Email, Action: action, Object: object}, err))
}

// Denied notes what somebody asked for at a door without the right to it.
func (l *Ledger) Denied(ctx context.Context, who sdk.Caller, what string) {
	l.Note(ctx, audit.Entry{UserID: who.User.ID, Email: who.User.Email, Action: "door.open", Object: what, Outcome: audit.Denied})
}

// Commanded notes what somebody with the rights of the instance's own user did on its machine.
func (l *Ledger) Commanded(ctx context.Context, action, object string, err error) {
	e := audit.Entry{Email: audit.System, Action: action, Object: object, Via: "cli"}
	if who, failed := user.Current(); failed == nil {
		e.UserID = "os:" + who.Username
	}
	l.Note(ctx, ended(e, err))
}

// Connected notes that a key came to the rsync door, and what it asked for there.
func (l *Ledger) Connected(ctx context.Context, name, from, command string, err error) {
	from, _, _ = strings.Cut(from, " ") // SSH_CONNECTION begins with the client's address
	l.Note(ctx, ended(audit.Entry{UserID: "ssh:" + name, Action: "rsync.open", Object: command, Address: from, Via: "rsync"}, err))
}

// Itself notes what the instance did by itself.
func (l *Ledger) Itself(ctx context.Context, action, object string, err error) {
	l.Note(ctx, ended(audit.Entry{Email: audit.System, Action: action, Object: object}, err))
}

// ended says how what was tried ended. The reason is what its author wrote, for logs of a wider circle.
func ended(e audit.Entry, err error) audit.Entry {
	if err == nil {
		return e
	}
	e.Outcome, e.Reason = audit.Failed, fault.TextOf(err)
	switch fault.CodeOf(err) {
	case fault.Auth, fault.Permission, fault.NotFound:
		e.Outcome = audit.Denied
	}
	return e
}

// Line is a record as commands print it.
type Line struct {
	Seq     int64  `json:"seq"`
	At      string `json:"at"`
	UserID  string `json:"user_id,omitempty"`
	Email   string `json:"email,omitempty"`
	Action  string `json:"action"`
	Object  string `json:"object,omitempty"`
	Outcome string `json:"outcome"`
	Reason  string `json:"reason,omitempty"`
	Address string `json:"address,omitempty"`
	Request string `json:"request,omitempty"`
	Via     string `json:"via,omitempty"`
	Hash    string `json:"hash"`
}

// Find lists records, the newest first; zero values leave nothing out.
func (l *Ledger) Find(ctx context.Context, since time.Time, actor, action string, limit int) ([]Line, error) {
	records, err := l.List(ctx, audit.Filter{Since: since, Actor: actor, Action: action, Limit: limit})
	lines := make([]Line, len(records))
	for i, r := range records {
		lines[i] = Line{Seq: r.Seq, At: r.At.Format(time.RFC3339Nano), UserID: r.UserID, Email: r.Email, Action: r.Action, Object: r.Object,
			Outcome: string(r.Outcome), Reason: r.Reason, Address: r.Address, Request: r.Request, Via: r.Via, Hash: r.Hash}
	}
	return lines, err
}

// Package gate is the rsync door: it serves one analyst's tables to rsync over SSH, read-only, and takes what they push
// into a folder of their own (interface.md §9).
//
// sshd has checked the key and started us for that key's analyst; what the client asks for is text from outside: it is
// parsed without a shell, and only what is listed here reaches rsync (rule 11). What is served is a tree made for this
// connection alone, of one generation, cut to what access says now (G1, G12); it goes when the connection ends. The
// running rsync is kept inside that tree by the kernel, and ended when the person loses what is in it.
//
// It knows no database and no configuration: manifests, access and pins are interfaces here, filled by app.
package gate

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
)

// Manifests say what a person may have, and hand it out.
type Manifests interface {
	// Document is the person's signed manifest of a generation, 0 = the current one; fault.StateExpired for one that is gone.
	Document(ctx context.Context, who sdk.Caller, generation int64) (api.Signed, error)
	// Content is the part or document of a hash, when the person may have it.
	Content(ctx context.Context, who sdk.Caller, hash string) (api.Content, error)
}

// Access is the one decision about people and tables, made elsewhere (G12).
type Access interface {
	Authorize(ctx context.Context, who sdk.Caller, action sdk.Action, table sdk.TableName) error
	Visible(ctx context.Context, who sdk.Caller) (func(sdk.TableName) bool, string, error)
}

// Gate serves connections, one call of Serve each.
type Gate struct {
	Dir       string // folder of trees and of fetched parts: absolute, ours alone
	Push      string // folder of pushes: <Push>/<user>/ssh-<name>
	Quota     int64  // bytes that one person may keep below <Push>/<user>
	Manifests Manifests
	Access    Access
	// Pin keeps a generation from expiring until release is called or ttl is over.
	Pin func(ctx context.Context, generation int64, ttl time.Duration) (release func(context.Context) error, err error)
	// Known fails when the key that this connection came with is not the analyst's any more.
	Known func(ctx context.Context) error
	Now   func() time.Time
}

// Streams are those of the connection. They are handed to rsync as they are.
type Streams struct{ In, Out, Err *os.File }

// ErrTransfer is the error of an rsync that ended by itself with another code than 0; it has told the person why.
var ErrTransfer = errors.New("rsync ended with an error")

// Times of a connection.
const (
	lookEvery = 2 * time.Second  // how often access is asked while rsync runs; well within G12's 60 s
	blindFor  = 20 * time.Second // how long access may fail to answer before rsync is ended
	longest   = 24 * time.Hour   // of one connection
	pinFor    = 15 * time.Minute
	pinEvery  = 5 * time.Minute
)

// Serve does what the command asks for the analyst of a name, who is the person who. fault.Permission when they may not.
func (g *Gate) Serve(ctx context.Context, name string, who sdk.Caller, c Command, s Streams) error {
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	if err := g.admitted(ctx, who); err != nil {
		return err
	}
	if c.Push {
		return g.take(ctx, name, who, c, s)
	}
	return g.give(ctx, name, who, c, s)
}

// admitted fails when the key or its person has gone.
func (g *Gate) admitted(ctx context.Context, who sdk.Caller) error {
	if err := g.Known(ctx); err != nil {
		return err
	}
	// A caller of this door has no scope beyond read and push: that may be refused only to a person who is shut out.
	if err := g.Access.Authorize(ctx, who, sdk.PushNotes, ""); err != nil {
		if fault.CodeOf(err) == fault.Permission {
			return fault.New(fault.Permission, "you are not let in")
		}
		return err
	}
	return nil
}

// give serves a tree to rsync.
func (g *Gate) give(ctx context.Context, name string, who sdk.Caller, c Command, s Streams) (err error) {
	trees := forest{dir: filepath.Join(g.Dir, "trees"), cache: filepath.Join(g.Dir, "parts"), now: g.Now}
	t, err := trees.plant(ctx, name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.fell()) }()
	signed, err := g.Manifests.Document(ctx, who, c.Generation)
	if err != nil {
		return err
	}
	lease, err := g.lease(ctx, signed.Generation)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lease.end(context.WithoutCancel(ctx))) }()
	tables, err := t.grow(ctx, g.Manifests, who, signed, c.root())
	if err != nil {
		return err
	}
	if _, err := os.Lstat(filepath.Join(t.dir, c.Path)); err != nil { // denied and absent are one answer (G12)
		return fault.Newf(fault.NotFound, "there is no %.100s", c.Path)
	}
	return run(ctx, job{args: c.args(), dir: t.dir, streams: s, watch: g.watch(func(ctx context.Context) error {
		if err := lease.renew(ctx); err != nil {
			return err
		}
		return g.stillReads(ctx, who, tables)
	})})
}

// stillReads fails when the person may not have all of the tables any more.
func (g *Gate) stillReads(ctx context.Context, who sdk.Caller, tables []sdk.TableName) error {
	if err := g.admitted(ctx, who); err != nil {
		return err
	}
	visible, _, err := g.Access.Visible(ctx, who)
	if err != nil {
		return err
	}
	for _, t := range tables {
		if !visible(t) {
			return fault.New(fault.Permission, "you may not read all of this any more; pull again for what you may")
		}
	}
	return nil
}

// take lets rsync write into the analyst's own folder.
func (g *Gate) take(ctx context.Context, name string, who sdk.Caller, c Command, s Streams) error {
	home := filepath.Join(g.Push, who.User.ID)
	dir := filepath.Join(home, Machine(name))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fault.Wrap(fault.Transient, err, "make the folder of pushes")
	}
	if err := g.room(home); err != nil {
		return err
	}
	err := run(ctx, job{args: c.args(), dir: dir, writes: true, streams: s, watch: g.watch(func(ctx context.Context) error {
		if err := g.admitted(ctx, who); err != nil {
			return err
		}
		return g.room(home)
	})})
	return errors.Join(err, g.room(home), flush(dir))
}

// watch asks look, and forgives it when it cannot tell, for a while.
func (g *Gate) watch(look func(context.Context) error) func(context.Context) error {
	answered := g.Now()
	return func(ctx context.Context) error {
		asking, cancel := context.WithTimeout(ctx, lookEvery)
		defer cancel()
		err := look(asking)
		switch {
		case err == nil:
			answered = g.Now()
			return nil
		case fault.CodeOf(err) == fault.Permission || g.Now().Sub(answered) >= blindFor:
			return err
		}
		return nil
	}
}

// lease keeps a generation while it is served.
type lease struct {
	g          *Gate
	generation int64
	since      time.Time
	release    func(context.Context) error
}

func (g *Gate) lease(ctx context.Context, generation int64) (*lease, error) {
	l := &lease{g: g, generation: generation, release: func(context.Context) error { return nil }}
	if generation == 0 { // nothing was published yet
		return l, nil
	}
	release, err := g.Pin(ctx, generation, pinFor)
	if err != nil {
		return nil, fmt.Errorf("keep generation %d: %w", generation, err)
	}
	l.since, l.release = g.Now(), release
	return l, nil
}

// renew takes a new pin before the old one is over.
func (l *lease) renew(ctx context.Context) error {
	if l.generation == 0 || l.g.Now().Sub(l.since) < pinEvery {
		return nil
	}
	next, err := l.g.lease(ctx, l.generation)
	if err != nil {
		return err
	}
	old := l.release
	l.since, l.release = next.since, next.release
	return old(ctx)
}

func (l *lease) end(ctx context.Context) error { return l.release(ctx) }

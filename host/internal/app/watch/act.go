package watch

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ai-data-analyst/broker/host/internal/app/door"
	"github.com/ai-data-analyst/broker/host/internal/store"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
)

// asked is a sync that was begun here.
type asked struct {
	id       string
	selected []string
	started  time.Time
	ended    time.Time // zero while it goes on
	err      error
}

// mostAsked is how many of them are remembered, until the journal knows them.
const mostAsked = 100

// Sync begins a sync as "broker sync" does and returns its id at once. fault.Config names what is selected but unknown.
func (w *Watch) Sync(ctx context.Context, who sdk.Caller, selected []string) (string, error) {
	if err := w.options.Access.Authorize(ctx, who, sdk.Administer, ""); err != nil {
		return "", err
	}
	p, err := w.current(ctx)
	if err != nil {
		return "", err
	}
	for _, name := range selected {
		if !w.known(p, name) {
			return "", fault.Newf(fault.Config, "%.80q is no source and no table", name).WithScope("select").WithHelp("Give a source, SOURCE.TABLE, or the name of a published table.")
		}
	}
	w.begun.Lock()
	defer w.begun.Unlock()
	if w.base == nil || w.base.Err() != nil {
		return "", fault.New(fault.Transient, "this instance is starting or stopping").WithHelp("Try again in a moment.")
	}
	now := w.options.Now()
	sync := &asked{id: door.NameSync(now), selected: slices.Clone(selected), started: now}
	w.asked = append(w.asked, sync)
	if len(w.asked) > mostAsked {
		w.asked = w.asked[1:]
	}
	base := w.base
	w.ending.Go(func() { w.carryOut(base, sync) })
	w.note(ctx, who, "sync.start", strings.Join(append([]string{sync.id}, selected...), " "), nil)
	return sync.id, nil
}

// note writes into the audit log.
func (w *Watch) note(ctx context.Context, who sdk.Caller, action, object string, err error) {
	if w.options.Note != nil {
		w.options.Note(ctx, who, action, object, err)
	}
}

// known says whether a selection can mean anything.
func (w *Watch) known(p *picture, name string) bool {
	source, _, _ := strings.Cut(name, ".")
	for _, s := range w.options.Config().Sources {
		if s.Name == source {
			return true
		}
	}
	_, there := p.source[sdk.TableName(name)]
	return there
}

func (w *Watch) carryOut(ctx context.Context, sync *asked) {
	err := w.options.Verbs.Sync(ctx, sync.id, sync.selected)
	if err != nil && ctx.Err() == nil {
		w.options.Log.Error("a sync that was asked for failed", "sync", sync.id, "error", err)
	}
	w.begun.Lock()
	sync.ended, sync.err = w.options.Now(), err
	w.begun.Unlock()
	w.forget()
}

// beganHere is a sync of which the journal has nothing yet, or never will.
func (w *Watch) beganHere(id string) (api.Run, bool) {
	w.begun.Lock()
	defer w.begun.Unlock()
	at := slices.IndexFunc(w.asked, func(a *asked) bool { return a.id == id })
	if at < 0 {
		return api.Run{}, false
	}
	a := w.asked[at]
	run := api.Run{Run: id, Trigger: "manual", Source: strings.Join(a.selected, ", "), Status: store.Running, StartedAt: moment(a.started),
		EndedAt: moment(a.ended), Tables: []api.RunTable{}}
	switch {
	case a.err != nil:
		run.Status = "failed"
		run.Tables = append(run.Tables, api.RunTable{Source: run.Source, Status: "failed", StartedAt: run.StartedAt, EndedAt: run.EndedAt,
			Code: string(fault.CodeOf(a.err)), Message: fault.TextOf(a.err), Help: fault.HelpOf(a.err)})
	case !a.ended.IsZero():
		run.Status = "unchanged"
	}
	return run, true
}

// Decide publishes or gives up the version of a table that is held, with the tables that are held together with it.
func (w *Watch) Decide(ctx context.Context, who sdk.Caller, table sdk.TableName, accept bool) error {
	if err := w.options.Access.Authorize(ctx, who, sdk.Administer, ""); err != nil {
		return err
	}
	if err := w.options.Access.Authorize(ctx, who, sdk.ReadTable, table); err != nil {
		return err
	}
	verb := "discard"
	if accept {
		verb = "accept"
	}
	defer w.forget()
	err := w.options.Verbs.Care(ctx, verb, string(table))
	w.note(ctx, who, "lake."+verb, string(table), err)
	if err != nil {
		return fmt.Errorf("%s what is held of %s: %w", verb, table, err)
	}
	return nil
}

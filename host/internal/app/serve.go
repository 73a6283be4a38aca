package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ai-data-analyst/broker/config"
	"github.com/ai-data-analyst/broker/host/internal/app/portal"
	"github.com/ai-data-analyst/broker/host/internal/app/single"
	"github.com/ai-data-analyst/broker/host/internal/schedule"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// serveScopes are the parts of the configuration that serve needs beside the instance itself.
var serveScopes = []string{"server", "access", "catalog", "file", "auth", "service", "dataset"}

// Serve runs the instance until ctx ends: plugins are watched, schedules fire, HTTP and commands are answered. ready is
// called with the HTTP address once everything has started. A signal on reload reads the configuration again. What was
// started is stopped in reverse order.
func (a *App) Serve(ctx context.Context, reload <-chan os.Signal, ready func(address string)) error {
	if wrong := a.read.Load().diagnostics.Blocking(serveScopes...); len(wrong) > 0 {
		return wrong
	}
	if a.configured().Access == nil {
		a.options.Log.Warn("the configuration has no access block: nobody will be let in")
	}
	if err := a.open(ctx, true); err != nil {
		return err
	}
	if err := a.settle(ctx); err != nil {
		return err
	}
	doors, err := portal.Open(ctx, portal.Options{Config: a.configured, Describe: a.describeTables, Store: a.store, Lake: a.lake, Supervisor: a.supervisor,
		StateDir: a.stateDir(), Executable: a.options.Executable, Version: a.options.Version, Now: a.options.Now, Log: a.options.Log, Verbs: a.verbs(),
		Ledger: a.ledger, Problems: func() config.Diagnostics { return a.read.Load().diagnostics }, Lend: a.lend})
	if err != nil {
		return err
	}
	defer doors.Close()
	commands, err := single.NewControl(a.command)
	if err != nil {
		return err
	}
	if err := a.lock.Listen(commands.Path()); err != nil {
		return err
	}
	schedules := func(ctx context.Context) error { return a.schedules(ctx, reload, doors.Reload) }
	group, running := errgroup.WithContext(ctx)
	for _, part := range []func(context.Context) error{a.supervisor.Run, schedules, a.keepHouse, commands.Run, doors.Run} {
		group.Go(func() error { return part(running) })
	}
	ready(doors.Address())
	err = group.Wait()
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}

// schedules fires what is due, by the configuration as last read. Runs under way outlive a reload.
func (a *App) schedules(ctx context.Context, reload <-chan os.Signal, taken func()) error {
	for {
		entries, err := a.entries()
		if err != nil {
			return err
		}
		fire := func(_ context.Context, entry string, instant time.Time) { a.fire(ctx, entry, instant) }
		scheduler := &schedule.Scheduler{Entries: entries, Ticks: a.store.Ticks(), Fire: fire, Now: a.options.Now, Log: a.options.Log}
		firing, stop := context.WithCancel(ctx)
		ended := make(chan error, 1)
		go func() { ended <- scheduler.Run(firing) }()
		a.awaitReload(ctx, reload)
		taken()
		stop()
		if err := <-ended; err != nil || ctx.Err() != nil {
			return err
		}
	}
}

// awaitReload returns when a new configuration has been taken, or ctx has ended. A wrong one changes nothing (C25).
func (a *App) awaitReload(ctx context.Context, reload <-chan os.Signal) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-reload:
			err := a.load(nil, true)
			a.ledger.Itself(ctx, "config.reload", "", err)
			if err == nil {
				a.options.Log.Info("the configuration was read again; changes of data_dir, server, state, lake and plugins need a restart")
				return
			}
			a.options.Log.Error("the new configuration is wrong; the old one stays", "error", err)
		}
	}
}

// entries are the schedules of the usable sources, one each.
func (a *App) entries() ([]schedule.Entry, error) {
	var entries []schedule.Entry
	for _, s := range a.configured().Sources {
		if s.Schedule == "" || s.Err != nil {
			continue
		}
		plan, err := schedule.Parse(s.Schedule, s.Timezone)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: schedule of source %s: %w", s.File, s.Line, s.Name, err)
		}
		entries = append(entries, schedule.Entry{Name: s.Name, Plan: plan})
	}
	return entries, nil
}

// fire syncs a source whose time has come. Its outcome stands in the journal; the log has one line of it.
func (a *App) fire(ctx context.Context, entry string, instant time.Time) {
	report, err := a.sync(ctx, SyncRequest{Select: []string{entry}, Trigger: "schedule"}, nil)
	log := a.options.Log.With("source", entry, "due", instant, "sync", report.Run)
	switch {
	case err != nil:
		log.Error("scheduled sync failed", "error", err)
	case report.Failed():
		log.Error("scheduled sync has failures", "tables", len(report.Tables))
	case report.Held():
		log.Warn("scheduled sync done; a held version waits for a decision", "tables", len(report.Tables), "generation", report.Generation)
	default:
		log.Info("scheduled sync done", "tables", len(report.Tables), "generation", report.Generation)
	}
}

// keepFor is how long the journal remembers, and keepEvery how often what is old goes.
const (
	keepFor   = 90 * 24 * time.Hour
	keepEvery = 24 * time.Hour
)

// keepHouse removes what is old, at once and then daily.
func (a *App) keepHouse(ctx context.Context) error {
	for {
		if err := a.tidy(ctx); err != nil && ctx.Err() == nil {
			a.options.Log.Error("housekeeping failed; it is tried again tomorrow", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(keepEvery):
		}
	}
}

// tidy forgets old runs and due times, and expires generations by the lake's rules.
func (a *App) tidy(ctx context.Context) error {
	before := a.options.Now().Add(-keepFor)
	if _, err := a.store.Runs().Prune(ctx, before); err != nil {
		return err
	}
	if _, err := a.store.Ticks().Prune(ctx, before); err != nil {
		return err
	}
	_, err := a.lake.Expire(ctx)
	return err
}

// command does what another process of the same user asks through the socket.
func (a *App) command(ctx context.Context, c single.Call, progress func(any)) (any, error) {
	switch c.Verb {
	case "sync":
		var request SyncRequest
		if err := json.Unmarshal(c.Request, &request); err != nil {
			return nil, fault.Wrap(fault.Config, err, "read the command")
		}
		return a.sync(ctx, request, func(p Progress) { progress(p) })
	case "care":
		var request CareRequest
		if err := json.Unmarshal(c.Request, &request); err != nil {
			return nil, fault.Wrap(fault.Config, err, "read the command")
		}
		return a.caredByCommand(ctx, request)
	default:
		return nil, fault.Newf(fault.Config, "the serving broker does not know the command %q", c.Verb)
	}
}

// Package app wires the host: it reads the configuration, opens state, lake and supervisor, introduces the rooms to each
// other, starts what lives long and stops it in reverse.
//
// It holds no business rule: what a run does is ingest's, what a commit is is lake's. host/broker (main) imports it.
package app

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/ai-data-analyst/broker/config"
	"github.com/ai-data-analyst/broker/host/internal/app/door"
	"github.com/ai-data-analyst/broker/host/internal/app/ledger"
	"github.com/ai-data-analyst/broker/host/internal/app/profiles"
	"github.com/ai-data-analyst/broker/host/internal/app/share"
	"github.com/ai-data-analyst/broker/host/internal/app/signin"
	"github.com/ai-data-analyst/broker/host/internal/app/single"
	"github.com/ai-data-analyst/broker/host/internal/ingest"
	"github.com/ai-data-analyst/broker/host/internal/lake"
	"github.com/ai-data-analyst/broker/host/internal/store"
	"github.com/ai-data-analyst/broker/host/internal/supervisor"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Options are what the command line says, and the surroundings. Zero values are filled in by New.
type Options struct {
	Config            string // --config
	Plugins           string // --plugins
	Listen            string // --listen
	AllowPlainSecrets bool
	Version           string
	Jobs              int // sets synced at once; 0 = CPU count

	Getenv     func(string) string
	Now        func() time.Time
	Log        *slog.Logger
	Executable string // path of this binary, beside which demo looks for plugins
}

// App is an instance as this process sees it. Parts are opened when a verb needs them; Close closes them in reverse.
type App struct {
	options    Options
	read       atomic.Pointer[reading]
	supervisor *supervisor.Supervisor
	store      *store.Store
	lake       *lake.Lake
	lock       *single.Lock
	pool       *ingest.Pool
	book       door.Book
	ledger     *ledger.Ledger
}

// New reads the configuration. firstUse says that plugins may be pinned when first used (sync and serve under tofu). An
// error of the whole instance is returned as config.Diagnostics; errors of single sources and tables are kept for the
// verbs to report.
func New(options Options, firstUse bool) (*App, error) {
	a := &App{options: withDefaults(options)}
	var failed error
	err := a.load(func(c *config.Config) { failed = a.openSupervisor(c, firstUse) }, false)
	if err == nil {
		err = failed
	}
	if err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

// reading is a configuration with everything that is wrong with it.
type reading struct {
	config      *config.Config
	diagnostics config.Diagnostics
}

// load reads the configuration and takes it, unless something is wrong with the whole of it, or, when strict, with any
// part of it.
func (a *App) load(ready func(*config.Config), strict bool) error {
	c, diagnostics := config.Load(config.Options{
		Path: a.options.Config, PluginDir: a.options.Plugins, Listen: a.options.Listen, Version: a.options.Version,
		AllowPlainSecrets: a.options.AllowPlainSecrets, Getenv: a.options.Getenv, Cron: door.CheckCron, Ready: ready, Settings: a.settingsOf,
	})
	if blocking := diagnostics.Blocking(); len(blocking) > 0 {
		return diagnostics // with what is wrong elsewhere: all problems at once
	}
	if strict && diagnostics.Failing() {
		return diagnostics
	}
	if err := (lake.Options{URL: c.Lake.URL}).Check(); err != nil {
		return err
	}
	a.read.Store(&reading{c, diagnostics})
	return nil
}

// configured is the configuration as it was last read.
func (a *App) configured() *config.Config { return a.read.Load().config }

func withDefaults(o Options) Options {
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	if o.Jobs <= 0 {
		o.Jobs = runtime.NumCPU()
	}
	return o
}

// stateDir and lakeDir are the two folders of the data folder.
func (a *App) stateDir() string { return filepath.Join(a.configured().Instance.DataDir, "state") }
func (a *App) lakeDir() string  { return filepath.Join(a.configured().Instance.DataDir, "lake") }

func (a *App) openSupervisor(c *config.Config, firstUse bool) (err error) {
	if err := single.Fit(c.Instance.DataDir); err != nil {
		return err
	}
	a.supervisor, err = supervisor.New(supervisor.Options{
		Dir: c.Plugins.Dir, StateDir: filepath.Join(c.Instance.DataDir, "state"), Trust: supervisor.Trust(c.Plugins.Trust),
		FirstUse: firstUse, Log: a.options.Log, Now: a.options.Now,
	})
	return err
}

// open opens state and lake. exclusive takes the lock of the data folder, which every verb that writes needs. A second
// call changes nothing: demo syncs, looks and serves.
func (a *App) open(ctx context.Context, exclusive bool) error {
	if a.lake != nil && (a.lock != nil || !exclusive) {
		return nil
	}
	if exclusive {
		lock, err := single.Take(a.stateDir(), a.options.Now())
		if err != nil {
			return err
		}
		a.lock = lock
		if err := profiles.Tidy(a.stateDir()); err != nil {
			return err
		}
	} else if _, err := os.Stat(filepath.Join(a.stateDir(), databaseName)); a.isSQLite() && errors.Is(err, os.ErrNotExist) {
		return fault.New(fault.NotFound, "this instance has published nothing yet").WithHelp(`Run "broker sync" first.`)
	}
	if err := a.openStore(ctx); err != nil {
		return err
	}
	opened, err := lake.Open(ctx, a.lakeOptions(exclusive))
	if err != nil {
		return err
	}
	a.lake = opened
	if exclusive {
		a.pool = ingest.NewPool(a.runner(), a.options.Jobs)
	}
	return nil
}

const databaseName = "broker.db"

func (a *App) isSQLite() bool {
	dialect, err := store.DialectOf(a.configured().State.URL)
	return err == nil && dialect == store.SQLite
}

func (a *App) openStore(ctx context.Context) error {
	dialect, err := store.DialectOf(a.configured().State.URL)
	if err != nil {
		return err
	}
	migrations, err := lake.Migrations(string(dialect))
	if err != nil {
		return err
	}
	a.store, err = store.Open(ctx, store.Options{URL: a.configured().State.URL, Path: filepath.Join(a.stateDir(), databaseName),
		Extra: []store.Migrations{{FS: migrations, Table: "lake_db_version"}}})
	if err != nil {
		return err
	}
	a.ledger, err = ledger.Open(a.store, a.stateDir(), a.options.Now, a.options.Log)
	return err
}

func (a *App) lakeOptions(exclusive bool) lake.Options {
	return lake.Options{Dir: a.lakeDir(), URL: a.configured().Lake.URL, DB: a.store.DB(), Dialect: string(a.store.Dialect()), Now: a.options.Now,
		RetainDays: a.configured().Lake.RetainDays, Log: a.options.Log, Exclusive: exclusive, Observe: profiles.Observe(a.stateDir(), a.options.Now, a.options.Log)}
}

// Close closes what is open, in reverse.
func (a *App) Close() error {
	var errs []error
	if a.lake != nil {
		errs = append(errs, a.lake.Close())
	}
	if a.store != nil {
		errs = append(errs, a.store.Close())
	}
	if a.supervisor != nil {
		errs = append(errs, a.supervisor.Close())
	}
	if a.lock != nil {
		errs = append(errs, a.lock.Release())
	}
	return errors.Join(errs...)
}

// Config returns the configuration as it was read.
func (a *App) Config() *config.Config { return a.configured() }

// Keys opens the keys that manifests are signed with.
func (a *App) Keys() (*share.Keyring, error) { return share.OpenKeyring(a.stateDir(), a.options.Now) }

// RotateCookieKeys makes new keys for browsers' cookies.
func (a *App) RotateCookieKeys() error { return signin.RotateKeys(a.stateDir(), a.options.Now) }

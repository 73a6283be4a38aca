// Package portal introduces the open parts of an instance to web: access, manifests, queries, the inbox of pushes, what
// happens in the lake. It is part of the room app and decides nothing itself.
package portal

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ai-data-analyst/broker/config"
	"github.com/ai-data-analyst/broker/host/internal/access"
	"github.com/ai-data-analyst/broker/host/internal/access/visit"
	"github.com/ai-data-analyst/broker/host/internal/app/answers"
	"github.com/ai-data-analyst/broker/host/internal/app/certificate"
	"github.com/ai-data-analyst/broker/host/internal/app/ledger"
	"github.com/ai-data-analyst/broker/host/internal/app/meter"
	"github.com/ai-data-analyst/broker/host/internal/app/mine"
	"github.com/ai-data-analyst/broker/host/internal/app/people"
	"github.com/ai-data-analyst/broker/host/internal/app/profiles"
	"github.com/ai-data-analyst/broker/host/internal/app/share"
	"github.com/ai-data-analyst/broker/host/internal/app/signin"
	"github.com/ai-data-analyst/broker/host/internal/app/watch"
	"github.com/ai-data-analyst/broker/host/internal/inbox"
	"github.com/ai-data-analyst/broker/host/internal/lake"
	"github.com/ai-data-analyst/broker/host/internal/manifest"
	"github.com/ai-data-analyst/broker/host/internal/notify"
	"github.com/ai-data-analyst/broker/host/internal/store"
	"github.com/ai-data-analyst/broker/host/internal/supervisor"
	"github.com/ai-data-analyst/broker/host/internal/usage"
	"github.com/ai-data-analyst/broker/web"
)

// Options are the open parts of an instance.
type Options struct {
	Config     func() *config.Config                            // as it was last read
	Describe   func() (*config.Description, config.Diagnostics) // what data_description.md says now
	Store      *store.Store
	Lake       *lake.Lake
	Supervisor *supervisor.Supervisor
	StateDir   string // <data_dir>/state
	Executable string // path of the running program, beside which download/ may lie
	Version    string
	Now        func() time.Time
	Log        *slog.Logger
	Verbs      watch.Verbs               // what admins may do from a page
	Problems   func() config.Diagnostics // of the configuration as it was last read
	Lend       lend
	Ledger     *ledger.Ledger
}

// Portal serves people and programs. Close it after Run.
type Portal struct {
	options   Options
	access    *access.Access
	visits    *visit.Visits
	signin    *signin.SignIn
	inbox     *inbox.Inbox
	answers   *answers.Answers
	book      *profiles.Book
	manifests *manifest.Manifests
	hub       *notify.Hub[web.Event]
	watch     *watch.Watch
	server    *web.Server
	usage     *usage.Book
	meter     *meter.Meter
	pair      *certificate.Pair // nil = plain HTTP
}

// Open opens what the doors need, and the listening socket.
func Open(ctx context.Context, o Options) (*Portal, error) {
	c := o.Config()
	p := &Portal{options: o, hub: notify.NewHub[web.Event]()}
	p.book = profiles.NewBook(o.Lake, o.StateDir, o.Now, o.Log)
	p.access = people.NewAccess(o.Store, p.rules(), o.Now, o.Log)
	p.watch = p.newWatch()
	p.visits = visit.New(p.access, o.Store.Visits(), o.Now, o.Log)
	p.signin = signin.Open(signin.Options{Config: o.Config, Supervisor: o.Supervisor, Access: p.access, Visits: p.visits, Now: o.Now, Did: o.Ledger.Did, Log: o.Log})
	if err := p.openPair(c); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	keys, err := signin.OpenCookieKeys(o.StateDir, o.Now, o.Log)
	if err != nil {
		return nil, errors.Join(err, p.Close())
	}
	manifests, err := share.Open(ctx, share.Options{Lake: o.Lake, Access: p.access, Choices: mine.Choices{Keeper: o.Store.Choices()}, Settings: o.Store.Settings(), StateDir: o.StateDir,
		Config: o.Config, Describe: o.Describe, Profile: p.book.Document, Now: o.Now, Log: o.Log})
	if err != nil {
		return nil, errors.Join(err, p.Close())
	}
	p.manifests = manifests
	if p.inbox, err = inbox.Open(inbox.Options{Dir: filepath.Join(c.Instance.DataDir, "push"), Now: o.Now}); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	p.usage = p.newUsage()
	p.meter = p.newMeter()
	p.answers = answers.Open(answers.Options{Config: o.Config, Manifests: manifests, Lake: o.Lake, Supervisor: o.Supervisor, StateDir: o.StateDir, Log: o.Log})
	p.server, err = web.New(web.Options{
		Listen: c.Server.Listen, PublicURL: publicURL(c), TrustedProxies: c.Server.TrustedProxies, Downloads: downloads(o.Executable),
		Limits: web.Rates{Anonymous: c.Server.Limits.AnonymousPerMinute, Login: c.Server.Limits.LoginPerMinute, Account: c.Server.Limits.AccountPerMinute},
		TLS:    p.tls(), MetricsListen: c.Server.MetricsListen, Denied: o.Ledger.Denied, Figures: p.meter.Figures,
		Health: health{o.Store, o.Lake, p.meter}, Log: o.Log, Now: o.Now,
		Portal: web.Portal{SignIn: p.signin, Programs: p.signin, Visits: p.visits, Keys: keys.Pairs, Look: p.visits.Look, Brand: p.brand, Logo: p.logo, Runs: p.runs(), Admin: p.admin(o.Ledger.Did), Use: p.usage, Machines: p.usage, Spaces: p.spaces, SSH: sshKeys{o.Store.Analysts()}, Choices: mine.Choices{Keeper: o.Store.Choices(), Catalog: manifests, Now: o.Now}},
		API:    web.API{Access: p.signin.Bearer(), SignIn: p.access, Manifests: manifests, Finder: p.find(), Profiles: profiles.Reader{Book: p.book, Manifests: manifests}, Uses: p.usage, Queries: p.answers, Inbox: notedInbox{p.inbox, o.Ledger}, Events: p.hub, Version: o.Version},
	})
	if err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// publicURL is the configured one. One that was made from the listen address, maybe with port 0, is left to the server,
// which knows the port that was given out.
func publicURL(c *config.Config) string {
	u, err := url.Parse(c.Instance.PublicURL)
	if c.Instance.PublicURLDerived || err != nil || u.Port() == "0" {
		return ""
	}
	return c.Instance.PublicURL
}

// rules are those of the configuration as it was last read.
func (p *Portal) rules() access.Rules {
	description, _ := p.options.Describe() // what is wrong in it is told by check and sync
	return people.Rules(p.options.Config(), description)
}

// Reload takes over what a configuration that was read again says of people.
func (p *Portal) Reload() {
	p.access.SetRules(p.rules())
	if p.pair != nil {
		p.pair.Renew()
	}
}

// downloads is the folder of the analyst's programs beside the running one; nil = there is none.
func downloads(executable string) fs.FS {
	folder := filepath.Join(filepath.Dir(executable), "download")
	if info, err := os.Stat(folder); executable == "" || err != nil || !info.IsDir() {
		return nil
	}
	return os.DirFS(folder)
}

// Address is where the server listens.
func (p *Portal) Address() string { return p.server.Address() }

// Run serves until ctx ends.
func (p *Portal) Run(ctx context.Context) error {
	group, running := errgroup.WithContext(ctx)
	group.Go(func() error { return p.server.Run(running) })
	group.Go(func() error { return p.tellPublished(running) })
	group.Go(func() error { return p.watch.Follow(running) })
	group.Go(func() error { return p.book.Run(running) })
	group.Go(func() error { return p.usage.Run(running) })
	group.Go(func() error { return p.meter.Run(running) })
	if p.pair != nil {
		group.Go(func() error { return p.pair.Run(running) })
	}
	group.Go(func() error { return p.scrub(running) })
	return group.Wait()
}

// lookEvery is how often the lake is asked for new generations: one look-up by index. A run may publish several times
// before it ends, so nobody else could tell sooner.
const lookEvery = 500 * time.Millisecond

// tellPublished tells the hub what is published.
func (p *Portal) tellPublished(ctx context.Context) error {
	newest, err := p.newest(ctx)
	for ctx.Err() == nil {
		if err != nil && ctx.Err() == nil {
			p.options.Log.Error("the lake cannot say what is new; it is asked again", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(lookEvery):
		}
		if newest < 0 {
			newest, err = p.newest(ctx)
			continue
		}
		var published []lake.Generation
		published, err = p.options.Lake.ChangedSince(ctx, newest)
		if len(published) > 0 { // those who are told ask at once
			if err := p.manifests.Warm(ctx); err != nil && ctx.Err() == nil {
				p.options.Log.Warn("manifests could not be prepared; they are made when they are asked for", "error", err)
			}
		}
		for _, g := range published {
			p.hub.Publish(web.Event{Name: "table.published", Generation: g.Seq, At: g.Published, Tables: g.Changed})
			newest = g.Seq
		}
	}
	return nil
}

// newest is the current generation; -1 with an error when it cannot be read.
func (p *Portal) newest(ctx context.Context) (int64, error) {
	found, err := p.options.Lake.Generations(ctx, 1)
	switch {
	case err != nil:
		return -1, err
	case len(found) == 0:
		return 0, nil
	default:
		return found[0].Seq, nil
	}
}

// Close gives back what Open opened, in reverse.
func (p *Portal) Close() error {
	var errs []error
	if p.answers != nil {
		errs = append(errs, p.answers.Close())
	}
	if p.inbox != nil {
		errs = append(errs, p.inbox.Close())
	}
	return errors.Join(append(errs, p.signin.Close(), p.visits.Close(), p.access.Close())...)
}

// health is what /healthz asks.
type health struct {
	store *store.Store
	lake  *lake.Lake
	meter *meter.Meter
}

// Failing implements web.Health.
func (h health) Failing(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if h.store.DB().PingContext(ctx) != nil {
		return "state"
	}
	if _, err := h.lake.Generations(ctx, 1); err != nil {
		return "lake"
	}
	return ""
}

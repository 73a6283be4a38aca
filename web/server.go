// Package web is the people's door: HTTP pages and API on Fiber. It names what it needs of the host as small interfaces
// of its own.
//
// No disk, no SQL, no plugins here. Imported by app only.
package web

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/recover"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/activity"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/connect"
	"github.com/ai-data-analyst/broker/web/download"
	"github.com/ai-data-analyst/broker/web/limit"
	"github.com/ai-data-analyst/broker/web/metrics"
	"github.com/ai-data-analyst/broker/web/origin"
	"github.com/ai-data-analyst/broker/web/pace"
	"github.com/ai-data-analyst/broker/web/portal"
	"github.com/ai-data-analyst/broker/web/portal/admin"
	"github.com/ai-data-analyst/broker/web/portal/catalog"
	"github.com/ai-data-analyst/broker/web/portal/mine"
	"github.com/ai-data-analyst/broker/web/portal/page"
	"github.com/ai-data-analyst/broker/web/portal/runs"
	"github.com/ai-data-analyst/broker/web/session"
	"github.com/ai-data-analyst/broker/web/v1"
)

// Health answers which part of the host does not work.
type Health interface {
	// Failing returns the kind of part that fails, e.g. "state" or "lake"; "" when all is well.
	Failing(ctx context.Context) string
}

// What the host fills in and hands out, named here for app.
type (
	Rates   = limit.Rates
	API     = v1.Host
	Event   = v1.Event
	Rows    = v1.Rows
	Queries = v1.Queries
	Brand   = page.Brand
	Caller  = sdk.Caller

	Sample = metrics.Sample // a figure of the host for /metrics
	Spread = metrics.Spread

	Way        = portal.Way
	CookiePair = session.Pair
	Runs       = runs.Needs
	Admin      = admin.Host
	SSHKey     = mine.Key
)

// Source says where what is asked under a context comes from.
type Source = origin.Source

// SourceOf is the source of a context; the zero Source for what no request asked.
func SourceOf(ctx context.Context) Source { return origin.Of(ctx) }

// Portal is how people sign in, and what is remembered of it.
type Portal struct {
	SignIn portal.SignIn
	Visits Visits
	// Programs lets programs in whose tokens plugins make; nil = none comes in.
	Programs Programs
	Keys     func() []CookiePair // that cookies are signed and sealed with, newest first
	// Look says who holds the secret of a session without using it, for event streams; nil = they need a token.
	Look func(ctx context.Context, secret string) (sdk.Caller, error)

	Brand    func() Brand // nil = the instance's name alone
	Logo     func() (content []byte, kind string, err error)
	Machines page.Machines // nil = nobody counts which machine pulled
	Use      activity.Use  // nil = nobody counts what is used

	Choices mine.Choices   // nil = people take all that is granted
	SSH     mine.Keys      // nil = nothing is said of keys
	Spaces  func() []Space // how the configuration calls namespaces; nil = by their names
	Runs    runs.Needs     // without Watch there are no doors to runs
	Admin   admin.Host     // without People there are no doors for admins
}

// Visits keeps the sessions of people.
type Visits interface {
	session.Keeper
	portal.Visits
}

// Options are what a Server needs.
type Options struct {
	Listen         string // host:port
	PublicURL      string // scheme://host[:port]; "" = http:// and where it listens
	TrustedProxies []string
	Limits         Rates
	Downloads      fs.FS       // folder of the analyst's programs; nil = none is handed out
	TLS            *tls.Config // nil = plain HTTP
	MetricsListen  string      // host:port of /metrics without a token; "" = none
	Figures        func(ctx context.Context) []Sample
	// Denied hears of what a known person asked for and may not do; what is "METHOD route".
	Denied  func(ctx context.Context, who Caller, what string)
	Health  Health
	Log     *slog.Logger
	Now     func() time.Time
	Stalled time.Duration // in which a reader must take 64 KiB; 0 = 60 s

	// Portal is what the pages need; without SignIn there are none.
	Portal Portal

	// API is what the doors below /api/v1 and /connect need; without Access there are none. Server fills in limits, log,
	// clock, address and URL.
	API API
}

// Server is the HTTP server of a running instance.
type Server struct {
	options         Options
	app             *fiber.App
	api             *v1.API
	pages           *page.Host // nil = there are none
	rules           *origin.Rules
	metrics         *metrics.Metrics
	listener        net.Listener
	metricsListener net.Listener    // nil = none
	base            context.Context // of every request: ends when the server stops
	stop            context.CancelFunc
}

// stopTimeout is how long requests under way may take when the server stops.
const stopTimeout = 5 * time.Second

// New opens the listening socket, so that a port in use is an error of the start, and sets up the routes.
func New(options Options) (*Server, error) {
	listener, err := net.Listen("tcp", options.Listen)
	if err != nil {
		return nil, fault.Wrap(fault.Config, err, "listen on "+options.Listen)
	}
	s := &Server{options: withDefaults(options, listener.Addr().String()), listener: listener}
	if s.rules, err = origin.New(options.TrustedProxies, s.options.PublicURL, s.Address()); err != nil {
		return nil, errors.Join(fault.Wrap(fault.Config, err, "server.trusted_proxies"), listener.Close())
	}
	s.base, s.stop = context.WithCancel(context.Background())
	s.metrics = metrics.New(options.API.Version, options.Figures, s.options.Log)
	s.app = newApp(s.answerError)
	if err := s.listenMetrics(); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	if err := s.routes(); err != nil {
		return nil, errors.Join(err, s.closeListeners())
	}
	return s, nil
}

func (s *Server) closeListeners() error {
	err := s.listener.Close()
	if s.metricsListener != nil {
		err = errors.Join(err, s.metricsListener.Close())
	}
	return err
}

func withDefaults(o Options, address string) Options {
	if o.PublicURL == "" {
		scheme := "http://"
		if o.TLS != nil {
			scheme = "https://"
		}
		o.PublicURL = scheme + reachable(address)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Stalled <= 0 {
		o.Stalled = time.Minute
	}
	return o
}

// reachable is an address that a program on this machine can use: a server that listens everywhere is at localhost too.
func reachable(address string) string {
	host, port, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsUnspecified() {
		return net.JoinHostPort("localhost", port)
	}
	return address
}

// routes mounts every door.
func (s *Server) routes() error {
	s.app.Use(s.observe, recover.New(), s.enter)
	s.app.Get("/healthz", s.healthz)
	s.app.Get("/readyz", s.readyz)
	download.Mount(s.app, s.options.Downloads, s.options.PublicURL)
	if s.options.API.Access == nil {
		return nil
	}
	host := s.options.API
	host.Limits, host.Log, host.Now = limit.New(s.options.Limits, s.options.Now), s.options.Log, s.options.Now
	host.PublicURL = s.options.PublicURL
	host.Address = func(c *fiber.Ctx) netip.Addr { return s.rules.Address(c) }
	pages, ok := s.portal(host)
	agree := connect.Host{SignIn: host.SignIn, Instance: host.Manifests.Instance().Name, Limits: host.Limits, Address: host.Address}
	if ok {
		agree.Visits = pages.Sessions
		host.Cookie, host.Browser, host.More = pages.Enter, pages.SignIn.Any, pages.Routes()
		host.Stay = pages.Sessions.Stay
		host.More = append(host.More, s.letProgramsIn(&agree)...)
		if err := s.mountPages(host, pages); err != nil {
			return err
		}
		if o := s.options.Portal; o.Use != nil {
			host.More = append(host.More, activity.Doors(o.Use)...)
		}
		if o := s.options.Portal; o.Choices != nil {
			host.More = append(host.More, mine.Doors(o.Choices)...)
		}
		if o := s.options.Portal; o.Runs.Watch != nil {
			host.More = append(host.More, runs.Doors(o.Runs)...)
		}
		if host.Finder != nil {
			host.More = append(host.More, catalog.API(host.Finder)...)
		}
		if o := s.options.Portal; o.Admin.People != nil {
			host.More = append(host.More, admin.Doors(o.Admin)...)
		}
	}
	var err error
	if s.api, err = v1.New(host); err != nil {
		return fmt.Errorf("set up the API: %w", err)
	}
	s.api.Mount(s.app)
	if s.metricsListener == nil {
		s.app.Get("/metrics", s.scrape())
	}
	connect.Mount(s.app, agree)
	s.app.Server().HeaderReceived = s.bounds
	return nil
}

// Address is where the server listens, with the port that was given out for ":0".
func (s *Server) Address() string { return s.listener.Addr().String() }

// Run serves until ctx ends, then ends what streams and closes the connections.
func (s *Server) Run(ctx context.Context) error {
	served := make(chan error, 2)
	var listener net.Listener = pace.Listener{Listener: s.listener, Allow: s.options.Stalled}
	if s.options.TLS != nil {
		listener = tls.NewListener(listener, s.options.TLS)
	}
	go func() { served <- s.app.Listener(listener) }()
	if s.metricsListener != nil {
		go func() {
			if err := s.runMetrics(ctx); err != nil {
				served <- err
			}
		}()
	}
	defer s.stop()
	select {
	case err := <-served:
		return fmt.Errorf("serve HTTP on %s: %w", s.options.Listen, err)
	case <-ctx.Done():
		s.stop()
		err := s.app.ShutdownWithTimeout(stopTimeout)
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("stop HTTP: %w", err)
		}
		return nil
	}
}

// newApp is the only place that makes a Fiber app: every trap of guarantees.md §5.3 is closed here.
func newApp(onError fiber.ErrorHandler) *fiber.App {
	app := fiber.New(fiber.Config{
		AppName: "broker", DisableStartupMessage: true, Immutable: true, StrictRouting: true, CaseSensitive: true, UnescapePath: true,
		ReadTimeout: readTimeout, IdleTimeout: idleTimeout, BodyLimit: api.PushChunk, ReadBufferSize: headerLimit,
		EnableTrustedProxyCheck: true, ProxyHeader: "", ErrorHandler: onError,
	})
	app.Use(recover.New())
	return app
}

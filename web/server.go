// Package web is the people's door: HTTP pages and API on Fiber. It names what it needs of the host as small interfaces
// of its own.
//
// No disk, no SQL, no plugins here. Imported by app only.
package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/recover"

	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Health answers which part of the host does not work.
type Health interface {
	// Failing returns the kind of part that fails, e.g. "state" or "lake"; "" when all is well.
	Failing(ctx context.Context) string
}

// Options are what a Server needs.
type Options struct {
	Listen string // host:port
	Health Health
	Log    *slog.Logger
}

// Server is the HTTP server of a running instance.
type Server struct {
	options  Options
	app      *fiber.App
	listener net.Listener
}

// Time-outs and sizes of every connection (guarantees.md §5.3: Fiber has none of its own).
const (
	readTimeout  = 30 * time.Second
	writeTimeout = 60 * time.Second
	idleTimeout  = 120 * time.Second
	bodyLimit    = 1 << 20
	stopTimeout  = 5 * time.Second
)

// New opens the listening socket, so that a port in use is an error of the start, and sets up the routes.
func New(options Options) (*Server, error) {
	listener, err := net.Listen("tcp", options.Listen)
	if err != nil {
		return nil, fault.Wrap(fault.Config, err, "listen on "+options.Listen)
	}
	s := &Server{options: options, listener: listener}
	s.app = newApp(s.answerError)
	s.app.Get("/healthz", s.healthz)
	return s, nil
}

// Address is where the server listens, with the port that was given out for ":0".
func (s *Server) Address() string { return s.listener.Addr().String() }

// Run serves until ctx ends, then closes the connections.
func (s *Server) Run(ctx context.Context) error {
	served := make(chan error, 1)
	go func() { served <- s.app.Listener(s.listener) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve HTTP on %s: %w", s.options.Listen, err)
	case <-ctx.Done():
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
		ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout, BodyLimit: bodyLimit,
		EnableTrustedProxyCheck: true, ProxyHeader: "", ErrorHandler: onError,
	})
	app.Use(recover.New())
	return app
}

// answerError never shows the text of an unknown error: it is logged, the client reads the status.
func (s *Server) answerError(c *fiber.Ctx, err error) error {
	status := fiber.StatusInternalServerError
	var known *fiber.Error
	if errors.As(err, &known) {
		status = known.Code
	} else {
		s.options.Log.Error("request failed", "method", c.Method(), "path", c.Path(), "error", err)
	}
	c.Set(fiber.HeaderContentType, "application/problem+json")
	return c.Status(status).JSON(fiber.Map{"status": status, "title": statusText(status)}, "application/problem+json")
}

func statusText(status int) string {
	if text := fiber.NewError(status).Message; text != "" {
		return text
	}
	return "error"
}

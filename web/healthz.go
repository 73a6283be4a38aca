package web

import (
	"context"
	"net"
	"net/http"
	"sort"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/adaptor"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// healthz says ok, or 503 with the kind of part that fails. It is public, so it says nothing more.
func (s *Server) healthz(c *fiber.Ctx) error {
	if part := s.options.Health.Failing(c.UserContext()); part != "" {
		return c.Status(fiber.StatusServiceUnavailable).JSON(fiber.Map{"status": "failing", "part": part})
	}
	return c.JSON(fiber.Map{"status": "ok"})
}

// Optional answers which parts that an instance can do without are down. A Health may be one.
type Optional interface {
	// Down returns kinds of parts, e.g. "engine" or "auth"; it must not wait for them.
	Down(ctx context.Context) []string
}

// readyz says whether requests can be answered: 503 with the kind of the required part that fails. Optional parts that
// are down are listed and make nobody unready. JSON for who asks for it, text else.
func (s *Server) readyz(c *fiber.Ctx) error {
	answer := struct {
		Status string   `json:"status"` // ready or unready
		Part   string   `json:"part,omitempty"`
		Down   []string `json:"down"`
	}{"ready", s.options.Health.Failing(c.UserContext()), []string{}}
	if optional, ok := s.options.Health.(Optional); ok {
		answer.Down = append(answer.Down, optional.Down(c.UserContext())...)
		sort.Strings(answer.Down)
	}
	if answer.Part != "" {
		answer.Status = "unready"
		c.Status(fiber.StatusServiceUnavailable)
	}
	if c.Accepts(fiber.MIMETextPlain, fiber.MIMEApplicationJSON) == fiber.MIMEApplicationJSON {
		return c.JSON(answer)
	}
	text := answer.Status
	if answer.Part != "" {
		text += ": " + answer.Part
	}
	if len(answer.Down) > 0 {
		text += " (down: " + strings.Join(answer.Down, ", ") + ")"
	}
	return c.SendString(text + "\n")
}

// scrape answers /metrics for an admin's token. There is no such address where metrics have a listener of their own.
func (s *Server) scrape() fiber.Handler {
	answer := adaptor.HTTPHandler(s.metrics.Handler())
	return func(c *fiber.Ctx) error {
		who, err := s.api.Known(c)
		if err != nil {
			return err
		}
		if err := s.options.API.Access.Authorize(c.UserContext(), who, sdk.Administer, ""); err != nil {
			return err
		}
		return answer(c)
	}
}

// listenMetrics opens the metrics' own socket, when one is asked for.
func (s *Server) listenMetrics() (err error) {
	if s.options.MetricsListen == "" {
		return nil
	}
	s.metricsListener, err = net.Listen("tcp", s.options.MetricsListen)
	if err != nil {
		return fault.Wrap(fault.Config, err, "server.metrics_listen: listen on "+s.options.MetricsListen)
	}
	return nil
}

// MetricsAddress is where metrics are had without a token; "" for nowhere.
func (s *Server) MetricsAddress() string {
	if s.metricsListener == nil {
		return ""
	}
	return s.metricsListener.Addr().String()
}

// runMetrics serves them until ctx ends.
func (s *Server) runMetrics(ctx context.Context) error {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", s.metrics.Handler())
	server := &http.Server{Handler: mux, ReadTimeout: readTimeout, WriteTimeout: time.Minute, IdleTimeout: idleTimeout, MaxHeaderBytes: headerLimit}
	served := make(chan error, 1)
	go func() { served <- server.Serve(s.metricsListener) }()
	select {
	case err := <-served:
		return fault.Wrap(fault.Transient, err, "serve metrics on "+s.options.MetricsListen)
	case <-ctx.Done():
		return server.Close()
	}
}

package web

import (
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/origin"
	"github.com/ai-data-analyst/broker/web/session"
	"github.com/ai-data-analyst/broker/web/v1"
)

// observe answers what failed, then writes the one line of the request and counts it. The line has the pattern of the
// route, never the path, the query or a header: what people look for and what opens doors stays out of logs (G14).
func (s *Server) observe(c *fiber.Ctx) error {
	began := time.Now()
	failed := c.Next()
	if failed != nil {
		if err := s.answerError(c, failed); err != nil {
			return err
		}
	}
	status := c.Response().StatusCode()
	took := time.Since(began)
	route := s.pattern(c)
	size := length(c)
	s.metrics.Answered(c.Method(), route, status, took, size)
	if status == http.StatusForbidden && s.options.Denied != nil && who(c).User.ID != "" { // of strangers nothing is kept: they could fill a disk
		s.options.Denied(c.UserContext(), who(c), c.Method()+" "+route)
	}
	level := slog.LevelInfo
	switch {
	case route == "/healthz" || route == "/readyz" || strings.HasPrefix(route, "/static/"):
		level = slog.LevelDebug
	case status >= http.StatusInternalServerError:
		level = slog.LevelWarn
	}
	ctx := c.UserContext()
	if !s.options.Log.Enabled(ctx, level) {
		return nil
	}
	line := []slog.Attr{slog.String("request", requestID(c)), slog.String("method", method(c)), slog.String("route", route), slog.Int("status", status),
		slog.Float64("ms", float64(took.Microseconds())/1000), slog.String("address", s.rules.Address(c).String())}
	if size >= 0 {
		line = append(line, slog.Int("bytes", size))
	}
	if user := who(c).User.ID; user != "" {
		line = append(line, slog.String("user", user))
	}
	s.options.Log.LogAttrs(ctx, level, "request", line...)
	return nil
}

// who is the person of a request, as far as a door found out.
func who(c *fiber.Ctx) Caller {
	if caller := v1.CallerOf(c); caller.User.ID != "" {
		return caller
	}
	return session.Known(c)
}

// pattern is the row of our tables that answered, or "none": nothing that was sent.
func (s *Server) pattern(c *fiber.Ctx) string {
	path := c.Route().Path
	switch {
	case path == api.Prefix || path == "/" && c.Path() != "/" || path == "":
		return "none"
	default:
		return path
	}
}

// method is the method of a request, when it is one of HTTP's.
func method(c *fiber.Ctx) string {
	if name := c.Method(); len(name) <= len("OPTIONS") {
		return name
	}
	return "other"
}

// length is how many bytes of body are sent; -1 when that is not known, as of streams.
func length(c *fiber.Ctx) int {
	if c.Response().IsBodyStream() {
		return c.Response().Header.ContentLength()
	}
	return len(c.Response().Body())
}

// source says in the context of a request where it comes from, for records of what is done.
func (s *Server) source(c *fiber.Ctx) {
	via := "portal"
	switch path := c.Path(); {
	case path == api.Prefix+"/mcp":
		via = "mcp"
	case strings.HasPrefix(path, api.Prefix):
		via = "api"
	}
	c.SetUserContext(origin.With(s.base, origin.Source{Address: s.rules.Address(c).String(), Request: requestID(c), Via: via}))
}

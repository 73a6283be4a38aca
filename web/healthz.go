package web

import "github.com/gofiber/fiber/v2"

// healthz says ok, or 503 with the kind of part that fails. It is public, so it says nothing more. readyz says the same:
// what is served is ready once it listens.
func (s *Server) healthz(c *fiber.Ctx) error {
	if part := s.options.Health.Failing(c.UserContext()); part != "" {
		return c.Status(fiber.StatusServiceUnavailable).JSON(fiber.Map{"status": "failing", "part": part})
	}
	return c.JSON(fiber.Map{"status": "ok"})
}

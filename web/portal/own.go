package portal

import (
	"net/http"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/v1"
	"github.com/ai-data-analyst/broker/web/v1/openapi"
)

// Enter says for the API whom a browser's cookie stands for; what changes something must come from a page of ours.
func (h Host) Enter(c *fiber.Ctx) (sdk.Caller, error) {
	who, _, err := h.Sessions.Who(c)
	if err != nil {
		return sdk.Caller{}, err
	}
	return who, h.Sessions.Check(c)
}

// Routes are the API's doors to the caller's sessions.
func (h Host) Routes() []v1.Route {
	return []v1.Route{
		{Method: "GET", Path: "/me/sessions", Permission: v1.ForUser, Handler: h.listSessions, Doc: openapi.Operation{
			ID: "sessions", Summary: "The browsers in which the caller is signed in", Answer: api.Sessions{}}},
		{Method: "DELETE", Path: "/me/sessions", Permission: v1.ForUser, Handler: h.endOtherSessions, Doc: openapi.Operation{
			ID: "endSessions", Summary: "Signs the caller out in all browsers but the one that asks", Status: http.StatusNoContent}},
		{Method: "DELETE", Path: "/me/sessions/:id", Permission: v1.ForUser, Handler: h.endSession, Doc: openapi.Operation{
			ID: "endSession", Summary: "Signs the caller out in one browser", Parameters: []openapi.Parameter{openapi.Path("id", "of the session")},
			Status: http.StatusNoContent, Also: []int{404}}},
	}
}

// current is the id of the session by which the caller asks; "" when by a token.
func (h Host) current(c *fiber.Ctx) (string, error) {
	if v1.CallerOf(c).TokenID != "" {
		return "", nil
	}
	_, visit, err := h.Sessions.Who(c)
	if fault.CodeOf(err) == fault.Auth {
		return "", nil
	}
	return visit.ID, err
}

func (h Host) listSessions(c *fiber.Ctx) error {
	current, err := h.current(c)
	if err != nil {
		return err
	}
	sessions, err := h.Visits.Sessions(c.UserContext(), v1.CallerOf(c))
	if err != nil {
		return err
	}
	answer := api.Sessions{Sessions: []api.Session{}}
	for _, s := range sessions {
		answer.Sessions = append(answer.Sessions, api.Session{ID: s.ID, Current: s.ID == current, CreatedAt: stamp(s.Created), LastSeenAt: stamp(s.LastSeen),
			ExpiresAt: stamp(s.Expires), Address: s.Address, UserAgent: s.UserAgent, Provider: s.Provider})
	}
	return c.JSON(answer)
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func (h Host) endOtherSessions(c *fiber.Ctx) error {
	current, err := h.current(c)
	if err != nil {
		return err
	}
	if err := h.Visits.EndOthers(c.UserContext(), v1.CallerOf(c), current); err != nil {
		return err
	}
	return c.SendStatus(http.StatusNoContent)
}

func (h Host) endSession(c *fiber.Ctx) error {
	if err := h.Visits.End(c.UserContext(), v1.CallerOf(c), c.Params("id")); err != nil {
		return err
	}
	return c.SendStatus(http.StatusNoContent)
}

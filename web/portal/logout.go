package portal

import (
	"net/http"

	"github.com/gofiber/fiber/v2"

	"github.com/ai-data-analyst/broker/web/portal/page"
)

// askLogout shows the button: a GET changes nothing.
func (h doors) askLogout(c *fiber.Ctx, v *page.View) error {
	return h.Pages.Show(c, v, h.set, "logout.html", http.StatusOK, "Sign out", v.Who.User.Email)
}

// logout ends the session.
func (h doors) logout(c *fiber.Ctx, _ *page.View) error {
	if err := h.Sessions.Leave(c); err != nil {
		return err
	}
	return page.See(c, "/login")
}

// logoutOthers ends the person's sessions in other browsers.
func (h doors) logoutOthers(c *fiber.Ctx, v *page.View) error {
	if err := h.Visits.EndOthers(c.UserContext(), v.Who, v.Visit.ID); err != nil {
		return err
	}
	return page.See(c, "/me")
}

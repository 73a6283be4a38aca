package portal

import (
	"net/http"

	"github.com/gofiber/fiber/v2"

	"github.com/ai-data-analyst/broker/sdk/fault"
)

// askLogout shows the button: a GET changes nothing.
func (h Host) askLogout(c *fiber.Ctx) error {
	who, _, err := h.Sessions.Who(c)
	if err != nil && fault.CodeOf(err) != fault.Auth {
		return err
	}
	view, err := h.frame(c, "Sign out")
	if err != nil {
		return err
	}
	view.Person = who.User.Email
	return h.show(c, http.StatusOK, "logout.html", view)
}

// logout ends the session.
func (h Host) logout(c *fiber.Ctx) error {
	if err := h.Sessions.Check(c); err != nil {
		return err
	}
	if err := h.Sessions.Leave(c); err != nil {
		return err
	}
	return c.Redirect("/login", http.StatusSeeOther)
}

// logoutOthers ends the person's sessions in other browsers.
func (h Host) logoutOthers(c *fiber.Ctx) error {
	who, visit, sent, err := h.signedIn(c)
	if err != nil || sent {
		return err
	}
	if err := h.Sessions.Check(c); err != nil {
		return err
	}
	if err := h.Visits.EndOthers(c.UserContext(), who, visit.ID); err != nil {
		return err
	}
	return c.Redirect("/", http.StatusSeeOther)
}

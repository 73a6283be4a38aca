package home

import (
	"net/http"

	"github.com/gofiber/fiber/v2"

	"github.com/ai-data-analyst/broker/web/portal/page"
)

func (d doors) home(c *fiber.Ctx, v *page.View) error {
	v.JSON = "/api/v1/catalog"
	catalog, err := d.Manifests.Catalog(c.UserContext(), v.Who)
	if err != nil {
		return err
	}
	return d.Pages.Show(c, v, d.set, "home.html", http.StatusOK, "Home", catalog)
}

// memory says that there is no such service yet, so that its place in the navigation is no dead end.
func (d doors) memory(c *fiber.Ctx, v *page.View) error {
	return d.Pages.Missing(c, v, "Memory", page.Sentence{Heading: "There is no shared memory here yet",
		Text: "It would keep what people found out about the data, reviewed by people. Your tables, queries and own notes work without it.",
		Next: "nothing is needed of you. An administrator can add a memory service to the configuration.", Path: "/catalog", Link: "Look at the catalog"})
}

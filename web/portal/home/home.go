package home

import (
	"net/http"

	"github.com/gofiber/fiber/v2"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/portal/page"
)

// view is the first page.
type view struct {
	Heading, Lead string
	Catalog       api.Catalog
	Setup         *setup   // of who has not pulled yet
	Since         *since   // of who has
	Alerts        []alert  // worst first
	MoreAlerts    int      // that are not shown
	Fresh         []fresh  // worst first
	MoreFresh     int      // that are not shown
	Machine       *machine // latest that pulled
	Others        []api.Machine
}

// machine is the one that is spoken of.
type machine struct {
	api.Machine
	Behind bool
}

// home is the page for who has pulled, and for who has not.
func (d doors) home(c *fiber.Ctx, v *page.View) error {
	v.JSON = "/api/v1/catalog"
	shown, err := d.look(c, v.Who)
	if err != nil {
		return err
	}
	if len(shown.Catalog.Tables) == 0 {
		return d.Pages.Show(c, v, d.set, "empty.html", http.StatusOK, "Home", shown)
	}
	if shown.Setup != nil {
		return d.Pages.Show(c, v, d.set, "new.html", http.StatusOK, "Home", shown)
	}
	return d.Pages.Show(c, v, d.set, "home.html", http.StatusOK, "Home", shown)
}

// look asks for all that the page shows.
func (d doors) look(c *fiber.Ctx, who sdk.Caller) (view, error) {
	ctx, shown := c.UserContext(), view{}
	var err error
	if shown.Catalog, err = d.Manifests.Catalog(ctx, who); err != nil {
		return shown, err
	}
	var states api.States
	if d.States != nil {
		if states, err = d.States.States(ctx, who); err != nil {
			return shown, err
		}
	}
	shown.tell(states, shown.Catalog)
	if d.Machines != nil {
		found, err := d.Machines.Machines(ctx, who)
		if err != nil {
			return shown, err
		}
		if len(found.Machines) == 0 {
			shown.Setup, err = d.setup(c, who, shown.Catalog)
			return shown, err
		}
		shown.Machine = &machine{Machine: found.Machines[0], Behind: found.Machines[0].Generation < shown.Catalog.Generation}
		shown.Others = found.Machines[1:min(len(found.Machines), 6)]
		if shown.Since, err = d.since(ctx, who, shown.Machine.Machine, shown.Catalog, states); err != nil {
			return shown, err
		}
	}
	shown.head(d.Now())
	return shown, nil
}

// memory says that there is no such service yet, so that its place in the navigation is no dead end.
func (d doors) memory(c *fiber.Ctx, v *page.View) error {
	return d.Pages.Missing(c, v, "Memory", page.Sentence{Heading: "There is no shared memory here",
		Text: "It would keep what people found out about the data, reviewed by people. No such service is installed; your tables, queries and own notes work without it.",
		Next: "Nothing is needed of you. An administrator can add a memory service to the configuration.", Path: "/catalog", Link: "Look at the catalog"})
}

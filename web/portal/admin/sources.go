package admin

import (
	"fmt"

	"github.com/gofiber/fiber/v2"

	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/portal/page"
)

type sourcesView struct {
	top
	api.Sources
}

// sources shows the configured sources and which of them can be used.
func (p pages) sources(c *fiber.Ctx, v *page.View) error {
	found, err := p.Instance.Sources(c.UserContext())
	if err != nil {
		return err
	}
	view := sourcesView{top: newTop(c, "Sources"), Sources: found}
	broken := 0
	for _, s := range found.Sources {
		if s.Error != "" {
			broken++
		}
	}
	switch {
	case len(found.Sources) == 0:
		view.Heading = "No source is configured"
	case broken > 0:
		view.Heading = fmt.Sprintf("%d of %s cannot be used", broken, count(len(found.Sources), "source"))
	default:
		view.Heading = count(len(found.Sources), "source") + ", all usable"
	}
	view.Lead = "Where the tables come from. Sources stand in the configuration; change them there, then send broker serve a SIGHUP."
	return p.show(c, v, "sources.html", api.Prefix+"/admin/sources", view.top, view)
}

type storageView struct {
	top
	api.Storage
}

// storage shows what the tables take on disk.
func (p pages) storage(c *fiber.Ctx, v *page.View) error {
	found, err := p.Instance.Storage(c.UserContext())
	if err != nil {
		return err
	}
	view := storageView{top: newTop(c, "Storage"), Storage: found}
	view.Heading = count(len(found.Tables), "table") + " on disk"
	view.Lead = fmt.Sprintf("Versions are kept for %s, so that a machine that was away can still finish a pull and every answer can be asked again.", count(found.RetainDays, "day"))
	return p.show(c, v, "storage.html", api.Prefix+"/admin/storage", view.top, view)
}

// Share is the part of all bytes that a table keeps, 0 to 1.
func (v storageView) Share(kept int64) float64 {
	if v.Bytes == 0 {
		return 0
	}
	return float64(kept) / float64(v.Bytes)
}

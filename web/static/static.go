// Package static hands out the portal's own files under names that hold their hash, so that browsers may keep them for
// ever. Nothing is loaded from elsewhere.
package static

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"

	"github.com/gofiber/fiber/v2"
)

//go:embed portal.css
var sheet []byte

// Sheet is the path of the stylesheet.
func Sheet() string {
	sum := sha256.Sum256(sheet)
	return "/static/portal-" + hex.EncodeToString(sum[:8]) + ".css"
}

// Mount hands the files out.
func Mount(app *fiber.App) {
	hand := func(c *fiber.Ctx) error {
		c.Set(fiber.HeaderContentType, "text/css; charset=utf-8")
		c.Set(fiber.HeaderCacheControl, "public, max-age=31536000, immutable")
		return c.Send(sheet)
	}
	app.Get(Sheet(), hand)
	app.Head(Sheet(), hand)
}

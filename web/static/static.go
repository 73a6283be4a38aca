// Package static hands out the portal's own files under names that hold their hash, so that browsers may keep them for
// ever. Nothing is loaded from elsewhere; what others wrote lies in vendored, with its licence and its checksums.
package static

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"path"

	"github.com/gofiber/fiber/v2"
)

//go:embed portal.css portal.js icon.svg vendored/*.js
var embedded embed.FS

// Files are the paths under which the files are had.
type Files struct{ Sheet, Script, Htmx, Events, Icon string }

// kinds are the content types, by extension.
var kinds = map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}

// hashed are the paths of the files as they are handed out, by their names here.
var hashed = map[string]string{
	"portal.css": at("portal.css"), "portal.js": at("portal.js"), "icon.svg": at("icon.svg"),
	htmx: at(htmx), events: at(events),
}

// What others wrote.
const (
	htmx   = "vendored/htmx-4.0.1.min.js"
	events = "vendored/hx-sse-4.0.1.min.js"
)

// at is the path of a file: its name with the hash of what it holds.
func at(name string) string {
	content, err := embedded.ReadFile(name)
	if err != nil {
		panic("web/static: " + err.Error()) // the embed line above names the file
	}
	sum, ext, base := sha256.Sum256(content), path.Ext(name), path.Base(name)
	return "/static/" + base[:len(base)-len(ext)] + "-" + hex.EncodeToString(sum[:8]) + ext
}

// Names are the paths of this program's files.
func Names() Files {
	return Files{Sheet: hashed["portal.css"], Script: hashed["portal.js"], Icon: hashed["icon.svg"],
		Htmx: hashed[htmx], Events: hashed[events]}
}

// Sheet is the path of the stylesheet.
func Sheet() string { return hashed["portal.css"] }

// Mount hands the files out.
func Mount(app *fiber.App) {
	for name, where := range hashed {
		hand := func(c *fiber.Ctx) error {
			content, err := embedded.ReadFile(name)
			if err != nil {
				return err
			}
			c.Set(fiber.HeaderContentType, kinds[path.Ext(name)])
			c.Set(fiber.HeaderCacheControl, "public, max-age=31536000, immutable")
			return c.Send(content)
		}
		app.Get(where, hand)
		app.Head(where, hand)
	}
}

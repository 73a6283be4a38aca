package v1

import (
	"bytes"
	"fmt"
	"math"

	"github.com/gofiber/fiber/v2"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/problem"
	"github.com/ai-data-analyst/broker/web/v1/input"
)

// maxItems is how many files one offer names.
const maxItems = 1000

// push takes an offer (JSON) or a chunk (octets).
func (a *API) push(c *fiber.Ctx) error {
	if a.host.Inbox == nil {
		return unavailable("this server takes no notes or transcripts", "")
	}
	who := caller(c)
	if err := a.host.Access.Authorize(c.UserContext(), who, sdk.PushNotes, ""); err != nil {
		return err
	}
	media, err := input.Type(c, jsonType, octets)
	if err != nil {
		return err
	}
	if media == octets {
		return a.chunk(c, who)
	}
	var offer api.PushOffer
	if err := input.JSON(c, &offer); err != nil {
		return err
	}
	if len(offer.Items) > maxItems {
		return problem.Bad("items", fmt.Sprintf("at most %d items at once", maxItems))
	}
	answer, err := a.host.Inbox.Offer(c.UserContext(), who, offer)
	if err != nil {
		return err
	}
	return c.JSON(answer)
}

// chunk takes one stretch of one file.
func (a *API) chunk(c *fiber.Ctx, who sdk.Caller) error {
	var texts [3]string
	for i, name := range []string{"machine", "path", "sha256"} {
		text, err := input.Text(c, name)
		if err != nil {
			return err
		}
		if text == "" {
			return problem.Bad(name, name+" is missing")
		}
		texts[i] = text
	}
	offset, err := input.Number(c, "offset", 0, 0, math.MaxInt64)
	if err != nil {
		return err
	}
	size, err := input.Number(c, "size", -1, 0, math.MaxInt64)
	if err != nil {
		return err
	}
	if size < 0 {
		return problem.Bad("size", "size is missing")
	}
	item := api.PushItem{Path: texts[1], Size: size, SHA256: texts[2]}
	want, err := a.host.Inbox.Receive(c.UserContext(), who, texts[0], item, offset, bytes.NewReader(c.Request().Body()))
	if err != nil {
		return err
	}
	return c.JSON(want)
}

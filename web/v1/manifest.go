package v1

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"

	"github.com/gofiber/fiber/v2"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/pace"
	"github.com/ai-data-analyst/broker/web/problem"
	"github.com/ai-data-analyst/broker/web/v1/input"
	"github.com/ai-data-analyst/broker/web/v1/leash"
	"github.com/ai-data-analyst/broker/web/v1/ranges"
)

const octets = "application/octet-stream"

// manifest answers with a generation as the caller may have it: exact bytes, signed, with a strong ETag.
func (a *API) manifest(c *fiber.Ctx) error {
	generation, err := input.Number(c, "generation", 0, 1, math.MaxInt64)
	if err != nil {
		return err
	}
	signed, err := a.host.Manifests.Document(c.UserContext(), caller(c), generation)
	if isClass(err, fault.StateExpired) {
		return a.expired(c, err)
	}
	if err != nil {
		return err
	}
	if a.host.Uses != nil && c.Method() == fiber.MethodGet {
		a.host.Uses.Pulled(caller(c), signed.Generation, c.Get(fiber.HeaderUserAgent))
	}
	c.Set(fiber.HeaderETag, signed.ETag)
	c.Set(fiber.HeaderCacheControl, "private, no-cache")
	c.Set(fiber.HeaderVary, fiber.HeaderAuthorization)
	if ranges.Matches(c.Request().Header.PeekAll(fiber.HeaderIfNoneMatch), signed.ETag) {
		return c.SendStatus(http.StatusNotModified)
	}
	c.Set(api.SignatureHeader, signed.Signature)
	c.Set(fiber.HeaderContentType, jsonType)
	c.Response().SetBodyRaw(signed.Body) // shared: not copied, never changed
	return nil
}

// expired says which generations can be had instead (A4).
func (a *API) expired(c *fiber.Ctx, cause error) error {
	oldest, current, err := a.host.Manifests.Span(c.UserContext())
	if err != nil {
		return err
	}
	return &problem.Error{Problem: api.Problem{Status: http.StatusGone, Code: api.CodeExpired, Detail: "this generation is no longer kept",
		Help: fault.HelpOf(cause), Oldest: oldest, Current: current}}
}

// keys answers with the keys that manifests are signed with.
func (a *API) keys(c *fiber.Ctx) error {
	keys, err := a.host.Manifests.Keys(c.UserContext())
	if err != nil {
		return err
	}
	return c.JSON(keys)
}

// part sends the bytes of a hash. One range is answered as such; several, up to ranges.Max, with the whole, which
// RFC 9110 §14.2 allows: the analyst's program asks for one at a time.
func (a *API) part(c *fiber.Ctx) error {
	sha256 := c.Params("sha256")
	if !api.IsHash(sha256) {
		return errAbsent
	}
	content, err := a.host.Manifests.Content(c.UserContext(), caller(c), sha256)
	if err != nil {
		return err
	}
	etag := `"` + sha256 + `"`
	c.Set(fiber.HeaderETag, etag)
	c.Set(fiber.HeaderCacheControl, "private, max-age=31536000, immutable")
	c.Set(fiber.HeaderAcceptRanges, "bytes")
	if ranges.Matches(c.Request().Header.PeekAll(fiber.HeaderIfNoneMatch), etag) {
		return c.SendStatus(http.StatusNotModified)
	}
	from, size := int64(0), content.Size
	if asked := rangeAsked(c, etag); asked != "" {
		r, err := ranges.Parse(asked, content.Size)
		if err != nil {
			c.Set(fiber.HeaderContentRange, fmt.Sprintf("bytes */%d", content.Size))
			return problem.New(http.StatusRequestedRangeNotSatisfiable, api.CodeRange, err.Error())
		}
		if r.Partial {
			from, size = r.From, r.Size
			c.Set(fiber.HeaderContentRange, fmt.Sprintf("bytes %d-%d/%d", from, from+size-1, content.Size))
			c.Status(http.StatusPartialContent)
		}
	}
	c.Set(fiber.HeaderContentType, octets)
	if c.Method() == fiber.MethodHead {
		c.Response().SkipBody = true
		c.Response().Header.SetContentLength(int(size))
		return nil
	}
	return a.send(c, content, from, size)
}

// send hands the open file to the server, which closes it when the answer has gone out or the client has left (A6). It
// breaks off when the caller's credential or grant ends.
func (a *API) send(c *fiber.Ctx, content api.Content, from, size int64) error {
	file, err := content.Open(c.UserContext())
	if err != nil {
		return err
	}
	if _, err := file.Seek(from, io.SeekStart); err != nil {
		return errors.Join(fmt.Errorf("seek in a part: %w", err), file.Close())
	}
	again, sha256 := a.again(c), c.Params("sha256")
	if a.host.Uses != nil && content.Table != "" {
		a.host.Uses.Fetched(caller(c), sdk.TableName(content.Table))
	}
	allowed := func(ctx context.Context) error {
		who, err := again(ctx)
		if err == nil && !who.May(sdk.ScopeRead) {
			return errAbsent
		}
		if err == nil {
			_, err = a.host.Manifests.Content(ctx, who, sha256)
		}
		return err
	}
	c.Response().SetBodyStream(leash.Body(pace.Section(file, size), c.Context().Conn(), allowed), int(size))
	return nil
}

// rangeAsked is the Range header, unless If-Range names another content: then the whole is wanted.
func rangeAsked(c *fiber.Ctx, etag string) string {
	if condition := c.Get(fiber.HeaderIfRange); condition != "" && condition != etag {
		return ""
	}
	if values := c.Request().Header.PeekAll(fiber.HeaderRange); len(values) == 1 {
		return string(values[0])
	}
	return ""
}

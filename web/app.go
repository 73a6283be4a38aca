package web

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/portal/page"
	"github.com/ai-data-analyst/broker/web/problem"
)

// Time-outs and sizes of every connection (guarantees.md §5.3: Fiber has none of its own). Writes are paced (see pace).
const (
	readTimeout  = 30 * time.Second
	chunkTimeout = 5 * time.Minute // for a body of api.PushChunk over a slow line
	idleTimeout  = 120 * time.Second
	headerLimit  = 8 << 10
	plainBody    = 16 << 10 // of requests that no route says more about
)

// bounds says, as soon as the headers are there, how much body the request may carry: nothing large without credentials.
func (s *Server) bounds(h *fasthttp.RequestHeader) fasthttp.RequestConfig {
	config := fasthttp.RequestConfig{MaxRequestBodySize: plainBody}
	if len(h.Peek(fiber.HeaderAuthorization)) == 0 {
		if s.pages != nil && len(h.Peek(fiber.HeaderCookie)) > 0 {
			config.MaxRequestBodySize = max(plainBody, s.pages.BodyLimit(string(h.RequestURI())))
		}
		return config
	}
	if most := s.api.BodyLimit(string(h.RequestURI())); most > plainBody {
		config.MaxRequestBodySize = most
		if most > 1<<20 {
			config.ReadTimeout = chunkTimeout
		}
	}
	return config
}

// requestKey is where the id of a request stands.
const requestKey = "request_id"

// enter is what every request passes first: an id, headers for the browser, one way to read where it ends, the Host
// rule, no compressed bodies.
func (s *Server) enter(c *fiber.Ctx) error {
	var id [8]byte
	rand.Read(id[:]) // never fails
	c.Locals(requestKey, hex.EncodeToString(id[:]))
	s.source(c)
	secure(c, s.options.PublicURL)
	if ambiguous(&c.Request().Header) {
		c.Context().SetConnectionClose()
		return problem.New(http.StatusBadRequest, api.CodeBadRequest, "the length of the body is said twice")
	}
	if path := c.Path(); path != "/healthz" && path != "/readyz" && !s.rules.Meant(string(c.Request().Host())) {
		return problem.New(http.StatusMisdirectedRequest, api.CodeMisdirected, "this server does not answer for that host")
	}
	if encoding := c.Request().Header.ContentEncoding(); len(encoding) > 0 && !bytes.EqualFold(encoding, []byte("identity")) {
		return problem.New(http.StatusUnsupportedMediaType, api.CodeMediaType, "send the body without content encoding")
	}
	return c.Next()
}

// secure sets the headers of every answer; pages set a wider policy of their own.
func secure(c *fiber.Ctx, publicURL string) {
	c.Set("X-Request-Id", requestID(c))
	c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	c.Set(fiber.HeaderReferrerPolicy, "no-referrer")
	c.Set(fiber.HeaderContentSecurityPolicy, "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
	c.Set("Cross-Origin-Resource-Policy", "same-origin")
	c.Set("Cross-Origin-Opener-Policy", "same-origin")
	c.Set(fiber.HeaderCacheControl, "no-store")
	if strings.HasPrefix(publicURL, "https://") {
		c.Set(fiber.HeaderStrictTransportSecurity, "max-age=31536000")
	}
}

func requestID(c *fiber.Ctx) string {
	id, _ := c.Locals(requestKey).(string)
	return id
}

// ambiguous says whether a request gives its length both as Content-Length and as chunks: fasthttp takes the chunks,
// another hop may take the length (A10). Two lengths, two hosts and unknown codings it refuses itself.
func ambiguous(h *fasthttp.RequestHeader) bool {
	length, coding := false, false
	for line := range bytes.SplitSeq(h.RawHeaders(), []byte("\n")) {
		name, _, _ := bytes.Cut(line, []byte(":"))
		name = bytes.TrimSpace(name)
		length = length || bytes.EqualFold(name, []byte(fiber.HeaderContentLength))
		coding = coding || bytes.EqualFold(name, []byte(fiber.HeaderTransferEncoding))
	}
	return length && coding
}

// answerError turns every error into a problem document, or a page for a browser. What a client may not read is logged with
// the request's id.
func (s *Server) answerError(c *fiber.Ctx, err error) error {
	if s.pages != nil && page.Wants(c) {
		return s.pages.Wrong(c, err)
	}
	c.Response().ResetBody()
	if problem.Answer(c, err, requestID(c)) {
		s.options.Log.Error("request failed", "request", requestID(c), "method", c.Method(), "path", page.Logged(c), "error", err)
	}
	return nil
}

// Package session joins browsers to people by gorilla/sessions on Fiber: a request of Fiber as the *http.Request that
// gorilla reads, and the cookies that gorilla writes back as headers of the answer.
//
// A cookie holds a random secret, signed and sealed, and nothing of the person; who that is, the host says at every
// request. Only web imports it.
package session

import (
	"fmt"
	"net/http"
	"net/url"

	"github.com/gofiber/fiber/v2"
	"github.com/gorilla/sessions"
)

type requestKey struct{}

// carried are the headers that sessions and same-origin checks read.
var carried = []string{"Cookie", "Origin", "Sec-Fetch-Site"}

// Request returns c as a *http.Request, always the same one for a request, so that gorilla's registry, which lives in
// its context, is shared between middleware and handler. Every string is a copy: Fiber reuses its buffers.
func Request(c *fiber.Ctx) *http.Request {
	if known, ok := c.Locals(requestKey{}).(*http.Request); ok {
		return known
	}
	header := http.Header{}
	for _, name := range carried {
		for _, value := range c.Request().Header.PeekAll(name) {
			header.Add(name, string(value))
		}
	}
	host := string(c.Request().Host())
	request := &http.Request{
		Method: string(c.Request().Header.Method()), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: header, Host: host,
		URL: &url.URL{Path: string(c.Request().URI().Path()), Host: host},
	}
	request = request.WithContext(c.UserContext())
	c.Locals(requestKey{}, request)
	return request
}

// Find returns the session called name. gorilla gives a usable new session together with an error for a bad cookie: to
// us a bad cookie is no cookie.
func Find(c *fiber.Ctx, store sessions.Store, name string) (*sessions.Session, error) {
	session, err := store.Get(Request(c), name)
	if session == nil {
		return nil, fmt.Errorf("read session %s: %w", name, err)
	}
	return session, nil
}

// Save writes the session's cookie into the answer.
func Save(c *fiber.Ctx, session *sessions.Session) error {
	written := headers{}
	if err := session.Save(Request(c), written); err != nil {
		return fmt.Errorf("save session %s: %w", session.Name(), err)
	}
	for _, cookie := range written["Set-Cookie"] {
		c.Response().Header.Add("Set-Cookie", cookie)
	}
	return nil
}

// headers is a ResponseWriter that keeps headers only.
type headers http.Header

// Header implements http.ResponseWriter.
func (h headers) Header() http.Header { return http.Header(h) }

// Write implements http.ResponseWriter; gorilla never writes a body.
func (h headers) Write(p []byte) (int, error) { return len(p), nil }

// WriteHeader implements http.ResponseWriter.
func (h headers) WriteHeader(int) {}

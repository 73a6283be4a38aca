// Package problem turns errors into RFC 9457 documents: the one table from a fault's class to what HTTP answers, and the
// rule of what a client may read.
//
// A client reads what the author of a fault wrote, never the text of a cause; denied and absent are one document
// (G12, G15).
package problem

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
)

// answers is the table: one row a class.
var answers = map[fault.Code]struct {
	status int
	code   string
}{
	fault.Config:       {http.StatusBadRequest, api.CodeBadRequest},
	fault.Auth:         {http.StatusUnauthorized, api.CodeAuth},
	fault.Permission:   {http.StatusForbidden, api.CodePermission},
	fault.NotFound:     {http.StatusNotFound, api.CodeNotFound},
	fault.RateLimited:  {http.StatusTooManyRequests, api.CodeRate},
	fault.Transient:    {http.StatusServiceUnavailable, api.CodeUnavailable},
	fault.Data:         {http.StatusConflict, api.CodeConflict},
	fault.StateExpired: {http.StatusGone, api.CodeExpired},
	fault.Cancelled:    {http.StatusServiceUnavailable, api.CodeUnavailable},
	fault.Bug:          {http.StatusInternalServerError, api.CodeInternal},
}

// codes are those of statuses that no class stands for.
var codes = map[int]string{
	http.StatusBadRequest: api.CodeBadRequest, http.StatusUnauthorized: api.CodeAuth, http.StatusForbidden: api.CodePermission,
	http.StatusNotFound: api.CodeNotFound, http.StatusMethodNotAllowed: "method", http.StatusRequestTimeout: api.CodeTimeout,
	http.StatusRequestEntityTooLarge: api.CodeTooLarge, http.StatusUnsupportedMediaType: api.CodeMediaType,
	http.StatusRequestedRangeNotSatisfiable: api.CodeRange, http.StatusMisdirectedRequest: api.CodeMisdirected,
	http.StatusTooManyRequests: api.CodeRate, http.StatusRequestHeaderFieldsTooLarge: api.CodeTooLarge,
	http.StatusServiceUnavailable: api.CodeUnavailable,
}

// Error is a problem as an error: what a handler returns when no class of fault says it.
type Error struct {
	api.Problem
	RetryAfter time.Duration
}

// Error implements error.
func (e *Error) Error() string { return e.Title + ": " + e.Detail }

// New returns a problem of a status.
func New(status int, code, detail string) *Error {
	return &Error{Problem: api.Problem{Status: status, Code: code, Detail: detail}}
}

// Bad says that a parameter or member of a request is wrong (A2, A9).
func Bad(field, detail string) *Error {
	e := New(http.StatusBadRequest, api.CodeBadRequest, detail)
	e.Field = field
	return e
}

// Of returns what a client may read of err, and when to come back (0 = not said). internal says that err must be
// logged, since the client reads nothing of it.
func Of(err error) (p api.Problem, retry time.Duration, internal bool) {
	var own *Error
	var framework *fiber.Error
	switch {
	case errors.As(err, &own):
		p, retry = own.Problem, own.RetryAfter
	case errors.As(err, &framework):
		p = api.Problem{Status: framework.Code, Code: codes[framework.Code]}
		internal = framework.Code >= http.StatusInternalServerError
	default:
		p, retry, internal = ofFault(err)
	}
	if p.Code == "" {
		p.Code = api.CodeBadRequest
		if p.Status >= http.StatusInternalServerError {
			p.Code = api.CodeInternal
		}
	}
	p.Title = http.StatusText(p.Status)
	return p, retry, internal
}

func ofFault(err error) (api.Problem, time.Duration, bool) {
	f, known := fault.As(err)
	if !known {
		if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
			return api.Problem{Status: http.StatusServiceUnavailable, Code: api.CodeUnavailable}, 0, true
		}
		return api.Problem{Status: http.StatusInternalServerError, Code: api.CodeInternal}, 0, true
	}
	class := fault.CodeOf(err)
	row, ok := answers[class]
	if !ok {
		row = answers[fault.Bug]
	}
	p := api.Problem{Status: row.status, Code: row.code, Field: f.Path}
	switch class {
	case fault.NotFound: // denied and absent alike: not a word more
		return api.Problem{Status: p.Status, Code: p.Code}, 0, false
	case fault.Bug:
		return p, 0, true
	}
	said, hidden := authored(f)
	p.Detail = said
	p.Help = fault.HelpOf(err)
	return p, f.RetryAfter, hidden
}

// authored returns the sentence of the innermost fault, which its author wrote, unless that one wraps an error of
// somebody else, whose text may show the inside.
func authored(f *fault.Fault) (said string, hidden bool) {
	for f.Err != nil {
		inner, ok := fault.As(f.Err)
		if !ok {
			return "", true
		}
		f = inner
	}
	return f.What, false
}

// Answer writes err as a problem document. instance is the id of the request.
func Answer(c *fiber.Ctx, err error, instance string) (internal bool) {
	p, retry, internal := Of(err)
	p.Instance = instance
	if p.Status == http.StatusUnauthorized {
		c.Set(fiber.HeaderWWWAuthenticate, `Bearer realm="broker"`)
	}
	if retry > 0 {
		c.Set(fiber.HeaderRetryAfter, strconv.Itoa(int(math.Ceil(retry.Seconds()))))
	}
	c.Set(fiber.HeaderCacheControl, "no-store")
	if !strings.HasPrefix(string(c.Response().Header.Peek(fiber.HeaderETag)), `"`) {
		c.Response().Header.Del(fiber.HeaderETag)
	}
	if err := c.Status(p.Status).JSON(p, api.ProblemType); err != nil {
		c.Status(http.StatusInternalServerError)
	}
	return internal
}

package v1

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/limit"
	"github.com/ai-data-analyst/broker/web/problem"
	"github.com/ai-data-analyst/broker/web/v1/mcp"
	"github.com/ai-data-analyst/broker/web/v1/profile"
	"github.com/ai-data-analyst/broker/web/v1/seats"
)

// Host is what the API needs of the host. Access, SignIn and Manifests are required; a nil one of the others makes its
// doors answer 503.
type Host struct {
	Access    Access
	SignIn    SignIn
	Manifests Manifests
	Finder    Finder // nil = whole catalogs only
	Profiles  profile.Profiles
	Queries   Queries
	Inbox     Inbox
	Events    Events
	Uses      Uses // nil = nobody counts

	Limits    *limit.Limiter
	Log       *slog.Logger
	Now       func() time.Time
	Version   string
	PublicURL string        // scheme://host[:port]
	Pulse     time.Duration // between the comments of an event stream; 0 = 15 s
	// Address says where a request comes from.
	Address func(*fiber.Ctx) netip.Addr
	// Cookie says whom a browser's cookie stands for, of a request without bearer token; nil = cookies open nothing.
	Cookie func(*fiber.Ctx) (sdk.Caller, error)
	// Stay says, while an event stream is open, whom its cookie stands for, without a use of the session. Needed with Cookie.
	Stay func(*fiber.Ctx) func(context.Context) (sdk.Caller, error)
	// Browser says whether people can sign in to the portal, and so agree there that a program gets a token; nil = not.
	Browser func() bool
	More    []Route // of other rooms
}

// API answers below api.Prefix.
type API struct {
	host   Host
	routes []Route
	opened seats.Seats
	spec   []byte
	mcp    mcp.Handler
}

// callTime bounds every request but those that stream.
const callTime = 30 * time.Second

// New returns the API of a host.
func New(host Host) (*API, error) {
	if host.Pulse <= 0 {
		host.Pulse = 15 * time.Second
	}
	if host.Now == nil {
		host.Now = time.Now
	}
	a := &API{host: host}
	a.routes = a.table()
	a.mcp = a.newMCP()
	var err error
	a.spec, err = describe(a.routes, host.Version)
	return a, err
}

// Routes is the table of everything that the API answers.
func (a *API) Routes() []Route { return a.routes }

// Mount puts the routes below api.Prefix. Anything else there asks for credentials too before it says 404 or 405.
func (a *API) Mount(app *fiber.App) {
	for _, route := range a.routes {
		app.Add(route.Method, api.Prefix+route.Path, a.door(route))
		if route.Method == fiber.MethodGet {
			app.Head(api.Prefix+route.Path, a.door(route))
		}
	}
	app.Use(api.Prefix, a.door(Route{Permission: ForUser, Handler: a.elsewhere}))
}

// BodyLimit is the most that a request to this path may carry, in bytes; path is as sent.
func (a *API) BodyLimit(path string) int {
	path, _, _ = strings.Cut(path, "?")
	most := 0
	for _, route := range a.routes {
		if strings.EqualFold(api.Prefix+route.Path, path) {
			most = max(most, route.Body)
		}
	}
	return most
}

type callerKey struct{}

// door is what stands before every handler: credentials before any look-up (G12), then rate, scope, table.
func (a *API) door(route Route) fiber.Handler {
	return func(c *fiber.Ctx) error {
		if !route.Streams {
			ctx, cancel := context.WithTimeout(c.UserContext(), callTime)
			defer cancel()
			c.SetUserContext(ctx)
		}
		if route.Permission == ForAll {
			if err := a.count(route.Rate, limit.Key(a.host.Address(c))); err != nil {
				return err
			}
			return route.Handler(c)
		}
		who, err := a.known(c)
		if err != nil {
			return a.stranger(c, err)
		}
		if err := a.count(limit.Account, who.User.ID); err != nil {
			return err
		}
		c.Locals(callerKey{}, who)
		if err := a.permit(c, route, who); err != nil {
			return err
		}
		return route.Handler(c)
	}
}

// Known is who asks, for doors beside the API; the attempt of a stranger is counted.
func (a *API) Known(c *fiber.Ctx) (sdk.Caller, error) {
	who, err := a.known(c)
	if err != nil {
		return sdk.Caller{}, a.stranger(c, err)
	}
	c.Locals(callerKey{}, who)
	return who, nil
}

// known is who asks: by bearer token, which wins, else by the portal's cookie; MCP takes tokens only.
func (a *API) known(c *fiber.Ctx) (sdk.Caller, error) {
	if a.host.Cookie != nil && len(c.Request().Header.Peek(fiber.HeaderAuthorization)) == 0 && c.Path() != api.Prefix+"/mcp" {
		return a.host.Cookie(c)
	}
	return a.host.Access.Authenticate(c.UserContext(), bearer(c))
}

// stranger answers one without good credentials, and counts the attempt by address.
func (a *API) stranger(c *fiber.Ctx, err error) error {
	if fault.CodeOf(err) != fault.Auth {
		return err
	}
	if err := a.count(limit.Anonymous, limit.Key(a.host.Address(c))); err != nil {
		return err
	}
	if strings.HasPrefix(fault.HelpOf(err), api.CodeTokenExpired) { // told to who holds a token that was good (Y9)
		return &problem.Error{Problem: api.Problem{Status: http.StatusUnauthorized, Code: api.CodeTokenExpired,
			Detail: "this token has expired", Help: `Run "analyst login", or ask an administrator for a token.`}}
	}
	return &problem.Error{Problem: api.Problem{Status: http.StatusUnauthorized, Code: api.CodeAuth,
		Detail: "a valid bearer token is needed", Help: `Run "analyst login", or ask an administrator for a token.`}}
}

// permit asks for what the route declares.
func (a *API) permit(c *fiber.Ctx, route Route, who sdk.Caller) error {
	if route.Scope != "" && !who.May(route.Scope) {
		return problem.New(http.StatusForbidden, api.CodePermission, "this token does not carry the scope "+string(route.Scope))
	}
	switch route.Permission {
	case ForTable:
		name, err := sdk.ParseTableName(c.Params("name"))
		if err != nil || api.CheckTableName(string(name)) != nil {
			return errAbsent
		}
		return a.host.Access.Authorize(c.UserContext(), who, sdk.ReadTable, name)
	case ForAdmin:
		return a.host.Access.Authorize(c.UserContext(), who, sdk.Administer, "")
	default:
		return nil
	}
}

// errAbsent is the one answer for what is not there or not granted (G12).
var errAbsent = fault.New(fault.NotFound, "not there")

func (a *API) count(class limit.Class, key string) error {
	if wait := a.host.Limits.Take(class, key); wait > 0 {
		e := problem.New(http.StatusTooManyRequests, api.CodeRate, "too many requests")
		e.RetryAfter = wait
		return e
	}
	return nil
}

// maxCredential is the most bytes of an Authorization header that are looked at: tokens of plugins are up to 4 kB.
const maxCredential = 4<<10 + 100

// bearer is the token of the request; "" for none, two, or one that cannot be a token.
func bearer(c *fiber.Ctx) string {
	values := c.Request().Header.PeekAll(fiber.HeaderAuthorization)
	if len(values) != 1 || len(values[0]) > maxCredential {
		return ""
	}
	scheme, token, ok := strings.Cut(string(values[0]), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") || strings.ContainsAny(token, " \t,") {
		return ""
	}
	return token
}

// CallerOf is who passed the door, for handlers of Host.More.
func CallerOf(c *fiber.Ctx) sdk.Caller { return caller(c) }

// caller is who passed the door.
func caller(c *fiber.Ctx) sdk.Caller {
	who, _ := c.Locals(callerKey{}).(sdk.Caller) // set by every door but the public ones
	return who
}

// elsewhere answers paths that are no route, for those who are known.
func (a *API) elsewhere(c *fiber.Ctx) error {
	var allowed []string
	for _, route := range a.routes {
		if fiber.RoutePatternMatch(c.Path(), api.Prefix+route.Path, fiber.Config{StrictRouting: true, CaseSensitive: true}) {
			allowed = append(allowed, route.Method)
		}
	}
	if len(allowed) == 0 {
		return errAbsent
	}
	c.Set(fiber.HeaderAllow, strings.Join(allowed, ", "))
	return problem.New(http.StatusMethodNotAllowed, "method", "this address answers "+strings.Join(allowed, ", "))
}

// unavailable says that a part of the host is not there.
func unavailable(detail, help string) error {
	return &problem.Error{Problem: api.Problem{Status: http.StatusServiceUnavailable, Code: api.CodeUnavailable, Detail: detail, Help: help}}
}

// isClass says whether err is a fault of a class.
func isClass(err error, class fault.Code) bool {
	var f *fault.Fault
	return errors.As(err, &f) && f.Code == class
}

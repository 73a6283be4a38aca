package v1

import (
	"net/http"

	"github.com/gofiber/fiber/v2"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/limit"
	"github.com/ai-data-analyst/broker/web/v1/openapi"
	"github.com/ai-data-analyst/broker/web/v1/result"
)

// Permission says who may pass a door; it is x-permission of the OpenAPI document.
type Permission string

// The permissions.
const (
	ForAll   Permission = "public"
	ForUser  Permission = "user"  // a good credential; what is returned is narrowed to the grant
	ForTable Permission = "table" // and a grant for the table in the path
	ForAdmin Permission = "admin"
)

// Route is one row of the table: what is asked, who may, and what stands in the OpenAPI document.
type Route struct {
	Method, Path string
	Permission   Permission
	Scope        sdk.Scope // that a token must carry; "" = any
	Body         int       // most bytes of a body; 0 = none is taken
	Rate         limit.Class
	Streams      bool // the answer may last: no deadline for the whole
	Handler      fiber.Handler
	Doc          openapi.Operation
}

// Sizes of bodies.
const (
	smallBody = 16 << 10
	queryBody = 256 << 10
	pushBody  = api.PushChunk
)

const jsonType = "application/json"

// table is every route of the API.
func (a *API) table() []Route {
	return append(append(append(a.readRoutes(), a.ownRoutes()...), a.loginRoutes()...), a.host.More...)
}

func (a *API) readRoutes() []Route {
	generation := openapi.Query("generation", "integer", "an older generation; default the current one")
	name := openapi.Path("name", "published name of a table, e.g. shop.orders")
	hash := openapi.Path("sha256", "SHA-256 of the content in lower-case hex")
	return []Route{
		{Method: "GET", Path: "/manifest", Permission: ForUser, Scope: sdk.ScopeRead, Handler: a.manifest, Doc: openapi.Operation{
			ID: "manifest", Summary: "The signed list of everything that the caller may have of a generation",
			Parameters: []openapi.Parameter{generation}, Answer: api.Manifest{}, Also: []int{304, 400, 404, 410}}},
		{Method: "GET", Path: "/parts/:sha256", Permission: ForUser, Scope: sdk.ScopeRead, Streams: true, Handler: a.part, Doc: openapi.Operation{
			ID: "part", Summary: "The bytes of a part or document that a kept generation lists in a granted table",
			Parameters: []openapi.Parameter{hash}, Media: []string{octets}, Also: []int{206, 304, 404, 416}}},
		{Method: "GET", Path: "/keys", Permission: ForAll, Rate: limit.Anonymous, Handler: a.keys, Doc: openapi.Operation{
			ID: "keys", Summary: "The public keys that manifests are signed with", Answer: api.Keys{}}},
		{Method: "GET", Path: "/catalog", Permission: ForUser, Scope: sdk.ScopeRead, Handler: a.catalog, Doc: openapi.Operation{
			ID: "catalog", Summary: "The tables and datasets that the caller may see",
			Parameters: []openapi.Parameter{openapi.Query("q", "string", "words that all stand in the name, the columns or the descriptions"),
				openapi.Query("dataset", "string", "tables of this dataset only"), openapi.Query("state", "string", "tables in this state only"),
				openapi.Query("source", "string", "tables of this source only"), openapi.Query("page", "integer", "from 1; without it all are listed"),
				openapi.Query("per_page", "integer", "1 to 1000; default 100")},
			Answer: api.Catalog{}, Also: []int{400, 503}}},
		{Method: "GET", Path: "/tables/:name", Permission: ForTable, Scope: sdk.ScopeRead, Handler: a.tableDetail, Doc: openapi.Operation{
			ID: "table", Summary: "One table: columns, key, relations", Parameters: []openapi.Parameter{name}, Answer: api.TableDetail{}, Also: []int{404}}},
		{Method: "GET", Path: "/tables/:name/sample", Permission: ForTable, Scope: sdk.ScopeRead, Handler: a.sample, Doc: openapi.Operation{
			ID: "sample", Summary: "A few rows as text; values of columns marked pii are hidden",
			Parameters: []openapi.Parameter{name, openapi.Query("rows", "integer", "how many, 1 to 100; default 10")},
			Answer:     api.Sample{}, Also: []int{400, 404, 503}}},
		{Method: "GET", Path: "/tables/:name/profile", Permission: ForTable, Scope: sdk.ScopeRead, Handler: a.profile, Doc: openapi.Operation{
			ID: "profile", Summary: "What the columns of a table hold: figures, histograms, alerts; values of columns marked pii are hidden",
			Parameters: []openapi.Parameter{name}, Answer: api.Profile{}, Also: []int{404, 503}}},
		{Method: "GET", Path: "/changes", Permission: ForUser, Scope: sdk.ScopeRead, Handler: a.changes, Doc: openapi.Operation{
			ID: "changes", Summary: "What was published after a generation",
			Parameters: []openapi.Parameter{openapi.Query("since", "integer", "a generation; default 0")}, Answer: api.Changes{}, Also: []int{400}}},
		{Method: "GET", Path: "/events", Permission: ForUser, Scope: sdk.ScopeRead, Streams: true, Handler: a.events, Doc: openapi.Operation{
			ID: "events", Summary: "What is published, as server-sent events; resumes by Last-Event-ID", Answer: api.Change{},
			Media: []string{"text/event-stream"}, Also: []int{400, 429, 503}}},
		{Method: "POST", Path: "/query", Permission: ForUser, Scope: sdk.ScopeRead, Body: queryBody, Streams: true, Handler: a.query, Doc: openapi.Operation{
			ID: "query", Summary: "Runs one read-only SQL statement over the caller's tables", Body: api.Query{}, Answer: api.Result{},
			Media: []string{jsonType, result.CSV, result.Arrow}, Also: []int{400, 413, 415, 503, 504}}},
		{Method: "POST", Path: "/mcp", Permission: ForUser, Scope: sdk.ScopeRead, Body: queryBody, Streams: true, Handler: a.tools, Doc: openapi.Operation{
			ID: "mcp", Summary: "Tools for assistants: MCP over streamable HTTP, stateless", Body: map[string]any{}, Answer: map[string]any{},
			Also: []int{400, 403, 415}}},
		{Method: "GET", Path: "/openapi.json", Permission: ForAll, Rate: limit.Anonymous, Handler: a.openapi, Doc: openapi.Operation{
			ID: "openapi", Summary: "This document", Answer: map[string]any{}}},
	}
}

func (a *API) ownRoutes() []Route {
	return []Route{
		{Method: "GET", Path: "/me", Permission: ForUser, Handler: a.me, Doc: openapi.Operation{
			ID: "me", Summary: "Who the caller is", Answer: api.Me{}}},
		{Method: "GET", Path: "/me/tokens", Permission: ForUser, Handler: a.tokens, Doc: openapi.Operation{
			ID: "tokens", Summary: "The caller's tokens, without their secrets", Answer: api.Tokens{}}},
		{Method: "POST", Path: "/me/tokens", Permission: ForUser, Scope: sdk.ScopeRead, Body: smallBody, Handler: a.issueToken, Doc: openapi.Operation{
			ID: "issueToken", Summary: "Makes a token; its secret is shown once", Body: api.NewToken{}, Answer: api.IssuedToken{}, Status: http.StatusCreated,
			Also: []int{400, 403, 413, 415}}},
		{Method: "DELETE", Path: "/me/tokens/:id", Permission: ForUser, Handler: a.revokeToken, Doc: openapi.Operation{
			ID: "revokeToken", Summary: "Ends a token", Parameters: []openapi.Parameter{openapi.Path("id", "id of the token")},
			Status: http.StatusNoContent, Also: []int{404}}},
		{Method: "POST", Path: "/me/receipt-key", Permission: ForUser, Scope: sdk.ScopeRead, Body: smallBody, Handler: a.certify, Doc: openapi.Operation{
			ID: "certify", Summary: "Says that a key signs the caller's receipts, for colleagues to check offline", Body: api.ReceiptKey{}, Answer: api.Certificate{},
			Also: []int{400, 413, 415}}},
		{Method: "POST", Path: "/push", Permission: ForUser, Scope: sdk.ScopePush, Body: pushBody, Handler: a.push, Doc: openapi.Operation{
			ID: "push", Summary: "Offers notes and transcripts (JSON), or sends one chunk of one (octets, with the parameters)",
			Parameters: []openapi.Parameter{
				openapi.Query("machine", "string", "name of the machine, a namespace of its own"), openapi.Query("path", "string", "name of the file"),
				openapi.Query("offset", "integer", "where the chunk begins, in bytes"), openapi.Query("size", "integer", "size of the whole file, in bytes"),
				openapi.Query("sha256", "string", "hash of the whole file")},
			Body: api.PushOffer{}, BodyAlso: octets, Answer: api.PushAnswer{}, Also: []int{400, 403, 409, 413, 415, 503}}},
	}
}

func (a *API) loginRoutes() []Route {
	return []Route{
		{Method: "GET", Path: "/login", Permission: ForAll, Rate: limit.Anonymous, Handler: a.loginOptions, Doc: openapi.Operation{
			ID: "loginOptions", Summary: "How the analyst's program may sign in here", Answer: api.LoginOptions{}}},
		{Method: "POST", Path: "/login/demo", Permission: ForAll, Rate: limit.Login, Body: smallBody, Handler: a.loginDemo, Doc: openapi.Operation{
			ID: "loginDemo", Summary: "A demo's person, from this machine only", Body: api.DemoLogin{}, Answer: api.IssuedToken{},
			Status: http.StatusCreated, Also: []int{400, 401, 404, 413, 415}}},
		{Method: "POST", Path: "/login/token", Permission: ForAll, Rate: limit.Login, Body: smallBody, Handler: a.loginCode, Doc: openapi.Operation{
			ID: "loginCode", Summary: "Exchanges the code of the browser's way for a token (RFC 7636, S256)", Body: api.CodeLogin{},
			Answer: api.IssuedToken{}, Status: http.StatusCreated, Also: []int{400, 401, 413, 415}}},
		{Method: "POST", Path: "/login/device", Permission: ForAll, Rate: limit.Login, Body: smallBody, Handler: a.loginDevice, Doc: openapi.Operation{
			ID: "loginDevice", Summary: "Begins to sign in a program without a browser (RFC 8628)", Answer: api.DeviceLogin{}}},
		{Method: "POST", Path: "/login/device/token", Permission: ForAll, Rate: limit.Anonymous, Body: smallBody, Handler: a.pollDevice, Doc: openapi.Operation{
			ID: "pollDevice", Summary: "Asks whether the person has agreed; 202 while nobody has decided", Body: api.DevicePoll{},
			Answer: api.IssuedToken{}, Status: http.StatusCreated, Also: []int{202, 400, 401, 413, 415}}},
	}
}

// describe writes the OpenAPI document of the routes.
func describe(routes []Route, version string) ([]byte, error) {
	operations := make([]openapi.Operation, len(routes))
	for i, route := range routes {
		o := route.Doc
		o.Method, o.Path, o.Permission, o.Scope = route.Method, api.Prefix+route.Path, string(route.Permission), string(route.Scope)
		operations[i] = o
	}
	return openapi.Document("broker", version, operations, api.Problem{})
}

// openapi answers with the description of this API.
func (a *API) openapi(c *fiber.Ctx) error {
	c.Set(fiber.HeaderCacheControl, "public, max-age=300")
	c.Set(fiber.HeaderContentType, jsonType)
	return c.Send(a.spec)
}

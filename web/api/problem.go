package api

// Problem is an error as the API answers it: RFC 9457, with a stable code and advice.
type Problem struct {
	Type     string `json:"type,omitempty"` // absent = about:blank
	Title    string `json:"title"`
	Status   int    `json:"status"`
	Detail   string `json:"detail,omitempty"`
	Instance string `json:"instance,omitempty"` // id of the request
	Code     string `json:"code"`
	Help     string `json:"help,omitempty"`
	Field    string `json:"field,omitempty"`   // parameter or member at fault
	Oldest   int64  `json:"oldest,omitempty"`  // with code expired: the oldest generation that can still be had
	Current  int64  `json:"current,omitempty"` // with code expired: the newest generation
}

// ProblemType is the media type of a Problem.
const ProblemType = "application/problem+json"

// Codes of problems. Denied and absent are one answer: not_found.
const (
	CodeAuth         = "unauthenticated" // 401
	CodeTokenExpired = "token_expired"   // 401 to who holds a token that was good once
	CodePermission   = "forbidden"       // 403, only where the thing is known to the caller
	CodeNotFound     = "not_found"       // 404
	CodeExpired      = "expired"         // 410, with Oldest and Current
	CodeBadRequest   = "bad_request"     // 400
	CodeConflict     = "conflict"        // 409
	CodeTooLarge     = "too_large"       // 413
	CodeMediaType    = "media_type"      // 415
	CodeRange        = "range"           // 416
	CodeRate         = "rate_limited"    // 429, with Retry-After
	CodeReadOnly     = "read_only"       // 400 of a query that is no single read
	CodeQuery        = "query"           // 400 of a query that the engine refuses
	CodeTimeout      = "timeout"         // 504 of a query
	CodeUnavailable  = "unavailable"     // 503
	CodeInternal     = "internal"        // 500
	CodeMisdirected  = "misdirected"     // 421
)

package api

// Me is the answer of GET /me.
type Me struct {
	ID       string   `json:"id"`
	Email    string   `json:"email"`
	Name     string   `json:"name"`
	Role     string   `json:"role"` // standard | privileged | admin
	Groups   []string `json:"groups"`
	Provider string   `json:"provider"` // how the caller signed in: token | demo | name of an auth block
	Token    *Token   `json:"token,omitempty"`
	Tables   int      `json:"tables"` // how many are visible
}

// Token is what may be told of an opaque token; the secret is shown once, when it is made.
type Token struct {
	ID         string   `json:"id"`
	Label      string   `json:"label"`
	Scopes     []string `json:"scopes"` // read | push | admin
	CreatedAt  string   `json:"created_at"`
	ExpiresAt  string   `json:"expires_at"`
	LastUsedAt string   `json:"last_used_at,omitempty"`
	Current    bool     `json:"current"`
}

// Tokens is the answer of GET /me/tokens.
type Tokens struct {
	Tokens []Token `json:"tokens"`
}

// NewToken asks for a token (POST /me/tokens). Scopes must be among the caller's own.
type NewToken struct {
	Label  string   `json:"label"`
	Days   int      `json:"days"` // 0 = 90
	Scopes []string `json:"scopes"`
}

// IssuedToken is a token with its secret.
type IssuedToken struct {
	Token
	Secret string `json:"secret"` // brk_<43 base64url>
	User   Me     `json:"user"`
}

// LoginOptions is the answer of GET /login: public, so it names methods only. Demo lists the people of a demo instance.
type LoginOptions struct {
	Instance Instance `json:"instance"`
	Methods  []string `json:"methods"` // token | browser | device | demo, best first
	Demo     []string `json:"demo,omitempty"`
	Now      string   `json:"now"` // RFC 3339 UTC: tells a wrong clock on the laptop
}

// DemoLogin signs a demo's person in without a secret (POST /login/demo; loopback only).
type DemoLogin struct {
	Email string `json:"email"`
	Label string `json:"label"`
}

// CodeLogin exchanges the code of the browser's way for a token (POST /login/token): RFC 7636 with S256.
type CodeLogin struct {
	Code     string `json:"code"`
	Verifier string `json:"verifier"`
	Label    string `json:"label"`
}

// DeviceLogin is the answer of POST /login/device (RFC 8628); the laptop then asks POST /login/device/token with
// DevicePoll, which answers 202 while nobody has decided.
type DeviceLogin struct {
	DeviceCode      string `json:"device_code"`
	UserCode        string `json:"user_code"`
	VerificationURI string `json:"verification_uri"`
	ExpiresIn       int    `json:"expires_in"` // seconds
	Interval        int    `json:"interval"`   // seconds between questions
}

// DevicePoll asks whether the person has agreed.
type DevicePoll struct {
	DeviceCode string `json:"device_code"`
	Label      string `json:"label"`
}

// Sessions is the answer of GET /me/sessions.
type Sessions struct {
	Sessions []Session `json:"sessions"`
}

// Session is one browser in which the caller is signed in.
type Session struct {
	ID         string `json:"id"`
	Current    bool   `json:"current"`
	CreatedAt  string `json:"created_at"`
	LastSeenAt string `json:"last_seen_at"` // at most a minute behind
	ExpiresAt  string `json:"expires_at"`   // whatever happens; earlier after 8 idle hours
	Address    string `json:"address"`      // at sign-in
	UserAgent  string `json:"user_agent"`
	Provider   string `json:"provider"` // demo | name of an auth block
}

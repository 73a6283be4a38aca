package sdk

import "time"

// Role says how much a person may be given; the highest one holds.
type Role string

// The roles (interface.md §7).
const (
	Standard   Role = "standard"   // what groups grant, but no private namespace
	Privileged Role = "privileged" // may also be granted private namespaces
	Admin      Role = "admin"      // everything
)

// User is a person that the broker knows. Email is an attribute, never the identity; it is canonical: trimmed, lower
// case.
type User struct {
	ID       string // random, stays
	Email    string
	Name     string
	Role     Role
	Disabled bool // wins over everything
	Created  time.Time
}

// Scope is what a credential may be used for.
type Scope string

// The scopes of tokens.
const (
	ScopeRead  Scope = "read"
	ScopePush  Scope = "push"
	ScopeAdmin Scope = "admin"
)

// Caller is who asks: a person, by which credential.
type Caller struct {
	User     User
	Groups   []string // "everyone" included
	Scopes   []Scope
	TokenID  string // "" = not by token
	Provider string // token | demo | name of an auth block
}

// May says whether the credential carries a scope.
func (c Caller) May(scope Scope) bool {
	for _, s := range c.Scopes {
		if s == scope {
			return true
		}
	}
	return false
}

// Token is what is known of an opaque token; its secret is kept nowhere.
type Token struct {
	ID       string
	UserID   string
	Label    string
	Scopes   []Scope
	Created  time.Time
	Expires  time.Time
	LastUsed time.Time // zero = never
}

// Action is what a caller wants to do.
type Action string

// The actions that access decides about.
const (
	ReadTable  Action = "table.read"
	PushNotes  Action = "push"
	Administer Action = "admin"
)

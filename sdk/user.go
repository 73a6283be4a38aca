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
	Invited  bool // by name: may come in whatever the allow lists say
	Disabled bool // wins over everything
	Created  time.Time
}

// Group is a group of people that the state database keeps, with what it may read. Groups of the configuration are no
// part of it.
type Group struct {
	Name     string
	Members  []string // ids of users
	Patterns []string // ns.table, ns.*, *, dataset:NAME
	Created  time.Time
}

// Directory is everybody whom the state database knows, as of one moment.
type Directory struct {
	Version int64 // grows with every change of users, groups, grants and tokens, by whichever process
	Users   []User
	Groups  []Group
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
	LastUsed time.Time // zero = never; at most a minute behind
	Revoked  time.Time // zero = not
}

// PortalSession is one browser in which a person is signed in. Its secret is kept nowhere.
type PortalSession struct {
	ID        string // to name it by; opens nothing
	UserID    string
	Provider  string // demo | name of an auth block
	Created   time.Time
	LastSeen  time.Time // at most a minute behind
	Expires   time.Time // whatever happens
	Address   string    // at sign-in
	UserAgent string    // as the browser says; cut
}

// LinkedIdentity says which user an issuer's subject is.
type LinkedIdentity struct {
	Issuer, Subject string
	UserID          string
	Email           string // when it was linked
	Provider        string // name of the auth block
	Linked          time.Time
}

// SignInCode is a sign-in under way. What the program and the person hold of it is kept hashed.
type SignInCode struct {
	Kind      string // code: agreed to in the browser | device: agreed to elsewhere, by typing
	Hash      string // of the program's secret
	UserHash  string // of what the person types; "" for kind code
	Challenge string // S256 challenge of the program; "" for kind device
	UserID    string // who agreed; "" = nobody yet
	Scopes    []Scope
	Created   time.Time
	Expires   time.Time
	Used      time.Time // zero = not
}

// Action is what a caller wants to do.
type Action string

// The actions that access decides about.
const (
	ReadTable  Action = "table.read"
	PushNotes  Action = "push"
	Administer Action = "admin"
)

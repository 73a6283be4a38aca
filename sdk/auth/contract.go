// Package auth is the contract of sign-in plugins, and what their authors write them with.
//
// A sign-in begins, goes on while the person answers, and ends with an Identity: who the issuer says it is. What the host
// makes of it — user, session, grants — a plugin never sees. Provider and Session are required; what else a plugin can do
// are abilities, small interfaces that Session.Ability hands out (Former, Verifier, Refresher, Grouper). The interfaces
// are the same on both ends of the wire. No gRPC, no policy of the host.
package auth

import (
	"context"
	"time"

	"github.com/ai-data-analyst/broker/sdk"
)

// Provider is one sign-in plugin, near or far.
type Provider interface {
	// Describe says what the plugin is. It needs no settings and no network and has no side effect.
	Describe(ctx context.Context) (Description, error)
	// Validate checks settings offline. settings is one JSON object, secrets included as strings.
	Validate(ctx context.Context, settings []byte) ([]Problem, error)
	// Open starts a session of the plugin with the given settings. One process may hold several.
	Open(ctx context.Context, open Open) (Session, error)
}

// Session is a provider with its settings; it has nothing to do with the sessions of people. It is asked by many at once.
type Session interface {
	// Check finds out whether people can sign in as it is set up.
	Check(ctx context.Context) ([]CheckItem, error)
	// Begin starts a sign-in. fault.Auth refuses it, which people are told without a reason.
	Begin(ctx context.Context, host Host, call Call) (Step, error)
	// Complete goes on with a sign-in when the person comes back. fault.Auth refuses it.
	Complete(ctx context.Context, host Host, call Call) (Step, error)
	// Ability returns what fulfils the interface of an ability, nil when the plugin has not got it.
	Ability(name string) any
	// Close ends the session.
	Close(ctx context.Context) error
}

// The nouns that every kind of plugin shares.
type (
	Description = sdk.Description // Kind is "auth"
	Field       = sdk.Field
	Problem     = sdk.Problem
	CheckItem   = sdk.CheckItem
)

// Open is what a session starts with.
type Open struct {
	Settings []byte // one JSON object, secrets included as strings; never logged
	WorkDir  string // private temporary folder, removed by the host after the session
}

// Host is what a plugin may ask of the host within a call: a small store of its own, and whether somebody may come in.
// Keys are kept hashed, and values sealed with their key: who reads the store without knowing a key reads nothing.
type Host interface {
	// Put keeps a value for so long, 0 = MaxLife. A key that is there is overwritten.
	Put(ctx context.Context, key string, value []byte, life time.Duration) error
	// Find returns the value of a key; false when there is none or its time is over.
	Find(ctx context.Context, key string) ([]byte, bool, error)
	// Take is Find that also removes: of many who take at once, one gets it (G13).
	Take(ctx context.Context, key string) ([]byte, bool, error)
	// Admits says whether an address was invited, or is allowed by the configuration, and is not shut out.
	Admits(ctx context.Context, email string) (bool, error)
}

// Caps of the store.
const (
	MaxKey   = 512
	MaxValue = 16 << 10
	MaxLife  = 400 * 24 * time.Hour
)

// Call is one request of a browser. Values and Path come from outside.
type Call struct {
	Path    string            // below BaseURL, e.g. "callback" or "link/TOKEN"; "" for Begin
	Post    bool              // a form was sent from a page of ours; what uses something up wants it, but for a redirect's callback
	Values  map[string]string // fields of the form, or parameters of the address; each stands once
	Browser string            // the same for all calls of one browser until it is signed in, and for no other browser
	BaseURL string            // public address of what belongs to this provider: https://…/auth/NAME
	Site    string            // how the instance calls itself; one printed line
}

// Step is what comes next: exactly one of its members is set.
type Step struct {
	Redirect string    // address to which the browser goes: https, or http on this machine
	Page     *Page     // what the person is shown
	Identity *Identity // who it is; the sign-in has ended
}

// Page is a page that the host writes in its own look. All text is text.
type Page struct {
	Title  string
	Text   []string // paragraphs
	Code   string   // shown large: what the person types elsewhere
	Path   string   // below BaseURL, where the form goes; it is sent as POST
	Fields []FormField
	Button string // "" = there is no form
	Links  []Link
}

// Link leads to another page of the provider.
type Link struct {
	Text string
	Path string // below BaseURL
}

// FormField is one field of a form.
type FormField struct {
	Name     string // sdk.NamePattern
	Label    string
	Type     string // text, email, password
	Required bool
}

// Identity is who somebody is by the word of an issuer. (Issuer, Subject) is the identity; the rest are attributes.
type Identity struct {
	Issuer        string // stays; e.g. https://accounts.google.com
	Subject       string // stays, and is never given to another
	Email         string
	EmailVerified bool   // the issuer knows that the address is the person's
	HostedDomain  string // domain of the organisation that manages the account; "" = none or unknown
	Name          string
	Picture       string
	Groups        []string // names of groups at the issuer
	ByNameOnly    bool     // anybody may hold such an address at this issuer: it comes in when it was named, not by its domain
	Changed       bool     // what proves the identity was just changed: all other sessions and tokens of the person end
}

// Names of abilities.
const (
	AbilityForm    = "form"
	AbilityVerify  = "verify"
	AbilityRefresh = "refresh"
	AbilityGroups  = "groups"
)

// Former is the ability to say what stands on the login page. Without it there is one button.
type Former interface {
	Form(ctx context.Context) (Form, error)
}

// Form is a provider's part of the login page.
type Form struct {
	Fields  []FormField
	Button  string   // its words
	Doc     string   // one sentence beside it
	Links   []Link   // e.g. to a forgotten password
	Origins []string // scheme://host[:port] of the sites that Begin redirects to
	// Scheme is of the addresses that open a program of the plugin's own, e.g. "data-analyst". Such a way does not stand on
	// the login page: who is signed in by another one lets the program in, and Refresh makes its first tokens (see Grant).
	Scheme string
}

// Verifier is the ability to tell whose API token a text is.
type Verifier interface {
	// VerifyToken returns the identity; fault.Auth for what is no good.
	VerifyToken(ctx context.Context, host Host, token sdk.Secret) (Identity, error)
}

// Refresher is the ability to renew API tokens.
type Refresher interface {
	// Refresh uses a refresh token up and returns new ones; fault.Auth for what is no good.
	Refresh(ctx context.Context, host Host, token sdk.Secret) (Tokens, error)
}

// Tokens are an access token and how to get the next.
type Tokens struct {
	Access, Refresh sdk.Secret
	Life            time.Duration // of Access
}

// Grouper is the ability to say in which groups of the issuer somebody is now.
type Grouper interface {
	Groups(ctx context.Context, host Host, who Identity) ([]string, error)
}

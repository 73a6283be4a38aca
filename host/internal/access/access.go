// Package access decides who may see what: people, their roles and groups, what groups grant, and the tokens by which
// programs speak for people.
//
// It holds the one decision that every door asks (I6, G12): nothing is open unless a grant opens it. It does not know the
// tables that exist, HTTP, or the configuration's language; its Rules are fed by app. What people change is kept by Store.
package access

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"io"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ai-data-analyst/broker/host/internal/access/pace"
	"github.com/ai-data-analyst/broker/host/internal/access/reach"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Store is what access remembers. Every change but those of last use and of sign-in codes makes Version grow, in the
// same transaction.
type Store interface {
	Version(ctx context.Context) (int64, error)
	Directory(ctx context.Context) (sdk.Directory, error)

	// AddUser keeps a new user; false when the address has one already.
	AddUser(ctx context.Context, user sdk.User) (bool, error)
	// SaveUser overwrites name, role and invited of a user.
	SaveUser(ctx context.Context, user sdk.User) error
	// DisableUser shuts a user out and revokes all tokens; the role falls back to standard. EnableUser lets them in again.
	DisableUser(ctx context.Context, id string, now time.Time) error
	EnableUser(ctx context.Context, id string) error

	AddGroup(ctx context.Context, name string, now time.Time) (bool, error)
	AddMember(ctx context.Context, group, userID string, now time.Time) (bool, error)
	RemoveMember(ctx context.Context, group, userID string) (bool, error)
	AddGrant(ctx context.Context, group, pattern string, now time.Time) (bool, error)
	RemoveGrant(ctx context.Context, group, pattern string) (bool, error)

	// FindToken returns the token of a hash, revoked and expired ones too, and the Version of the same moment;
	// fault.NotFound when there is none.
	FindToken(ctx context.Context, hash string) (sdk.Token, int64, error)
	AddToken(ctx context.Context, token sdk.Token, hash string) error
	// ListTokens lists the tokens of a user, or of all for "", newest first.
	ListTokens(ctx context.Context, userID string) ([]sdk.Token, error)
	// RevokeToken returns false when the user, or anybody for "", has no such token that is not revoked.
	RevokeToken(ctx context.Context, userID, id string, now time.Time) (bool, error)
	TouchToken(ctx context.Context, id string, now time.Time) error

	// AddCode keeps a code, unless most of its kind and person are under way: fault.RateLimited. What is over is forgotten.
	AddCode(ctx context.Context, code sdk.SignInCode, most int) error
	// FindCode returns the code of a hash; fault.NotFound when there is none.
	FindCode(ctx context.Context, kind, hash string) (sdk.SignInCode, error)
	// ApproveCode says who agreed to a device code; false when none waits under that hash.
	ApproveCode(ctx context.Context, userHash, userID string, scopes []sdk.Scope, now time.Time) (bool, error)
	// UseCode uses a code up; true for one caller only, however many try at once (G13).
	UseCode(ctx context.Context, kind, hash string, now time.Time) (bool, error)
}

// Options say where access remembers and what the configuration says.
type Options struct {
	Store Store
	Rules Rules
	Now   func() time.Time // default time.Now
	Log   *slog.Logger     // default none
}

// Access answers who somebody is and what they may have. It is safe for concurrent use; what another process changes
// in the same database holds at the next call.
type Access struct {
	store Store
	now   func() time.Time
	log   *slog.Logger
	rules atomic.Pointer[ruleBook]
	view  atomic.Pointer[view]

	loading sync.Mutex // one reader of the directory at a time
	touches sync.WaitGroup
	touch   chan struct{} // a seat: one write of a last use at a time
	devices pace.Pace
}

// New returns the access of an instance.
func New(o Options) *Access {
	a := &Access{store: o.Store, now: o.Now, log: o.Log, touch: make(chan struct{}, 1), devices: pace.Pace{Life: codeLife, Every: PollEvery}}
	if a.now == nil {
		a.now = time.Now
	}
	if a.log == nil {
		a.log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	a.SetRules(o.Rules)
	return a
}

// SetRules takes new rules at once: the next decision is made by them.
func (a *Access) SetRules(rules Rules) { a.rules.Store(newRuleBook(rules)) }

// Close waits for what is still being written.
func (a *Access) Close() error {
	a.touches.Wait()
	return nil
}

// Authorize is the one decision: nil, or fault.NotFound for a table that is denied or absent alike, or fault.Permission
// for an action that the credential's scopes or the role do not carry (G12). It goes by what the person may have now,
// not by what who says.
func (a *Access) Authorize(ctx context.Context, who sdk.Caller, action sdk.Action, table sdk.TableName) error {
	held, err := a.reachOf(ctx, who)
	if err != nil {
		return err
	}
	switch action {
	case sdk.ReadTable:
		if who.May(sdk.ScopeRead) && held.Sees(table) {
			return nil
		}
		return fault.New(fault.NotFound, "there is no such table").WithHelp("See the catalog for the tables that you may read.")
	case sdk.PushNotes:
		if who.May(sdk.ScopePush) && held.Open {
			return nil
		}
	case sdk.Administer:
		if who.May(sdk.ScopeAdmin) && held.Role == sdk.Admin {
			return nil
		}
	}
	return fault.New(fault.Permission, "this credential may not do that").
		WithHelp("Ask an admin of the instance; a token carries only the scopes that it was made with.")
}

// Visible returns which tables who may read now, and a digest that differs whenever that answer could. A person who is
// shut out sees nothing.
func (a *Access) Visible(ctx context.Context, who sdk.Caller) (func(sdk.TableName) bool, string, error) {
	held, err := a.reachOf(ctx, who)
	if err != nil {
		return nil, "", err
	}
	if !who.May(sdk.ScopeRead) {
		held = reach.Closed()
	}
	return held.Sees, held.Digest, nil
}

// reachOf is what a caller may read now; the closed reach for a person who is gone or shut out.
func (a *Access) reachOf(ctx context.Context, who sdk.Caller) (*reach.Reach, error) {
	view, err := a.current(ctx)
	if err != nil {
		return nil, err
	}
	return view.reachOf(who.User.ID), nil
}

// random returns n random bytes as unpadded base64url.
func random(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}

// newID returns an identifier of 80 random bits in small letters and digits.
func newID() string {
	b := make([]byte, 10)
	rand.Read(b) // never fails
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b))
}

// hashOf is how a secret is kept. Secrets hashed here are random, so a plain SHA-256 does.
func hashOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

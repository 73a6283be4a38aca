// Package visit signs people in to the portal: which user an identity is, and the sessions of their browsers. It is part
// of the room access.
//
// Identity is (issuer, subject); an address only links (rule 21). Secrets of sessions are random and kept as hashes; what
// plugins remember is sealed with its own key (G13, G14). It knows no cookies and no pages.
package visit

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/ai-data-analyst/broker/host/internal/access"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// How long a session lives (interface.md §7), and how many one person has (G16).
const (
	Idle        = 8 * time.Hour
	Life        = 7 * 24 * time.Hour
	maxSessions = 50
	touchEvery  = time.Minute
)

// Store is what visits are remembered by.
type Store interface {
	// FindIdentity returns whose an issuer's subject is; fault.NotFound when nobody's.
	FindIdentity(ctx context.Context, issuer, subject string) (sdk.LinkedIdentity, error)
	// AddIdentity links; false when it is linked already, or the user has another subject of that issuer.
	AddIdentity(ctx context.Context, identity sdk.LinkedIdentity) (bool, error)
	ForgetIdentities(ctx context.Context, userID string) (int64, error)

	AddSession(ctx context.Context, session sdk.PortalSession, hash string, most int) error
	FindSession(ctx context.Context, hash string) (sdk.PortalSession, error) // fault.NotFound when there is none
	ListSessions(ctx context.Context, userID string) ([]sdk.PortalSession, error)
	TouchSession(ctx context.Context, id string, now time.Time) error
	EndSession(ctx context.Context, userID, id string) (bool, error)
	EndSessions(ctx context.Context, userID, except string) error

	Put(ctx context.Context, provider, hash, value string, now, expires time.Time, most int) error
	Find(ctx context.Context, provider, hash string, now time.Time) (string, bool, error)
	Take(ctx context.Context, provider, hash string, now time.Time) (string, bool, error)
}

// Visits is safe for concurrent use. Close it.
type Visits struct {
	access *access.Access
	store  Store
	now    func() time.Time
	log    *slog.Logger

	touches sync.WaitGroup
	touch   chan struct{} // a seat: one write of a last use at a time
}

// New returns the visits of an instance.
func New(a *access.Access, store Store, now func() time.Time, log *slog.Logger) *Visits {
	return &Visits{access: a, store: store, now: now, log: log, touch: make(chan struct{}, 1)}
}

// Close waits for what is still being written.
func (v *Visits) Close() error {
	v.touches.Wait()
	return nil
}

// errRefused is the one answer to a sign-in that does not work; why is for the log.
func errRefused(why string) error {
	return fault.Newf(fault.Auth, "that sign-in did not work: %s", why)
}

// Open begins a session of a person who has just signed in; secret goes into the browser's cookie and nowhere else.
func (v *Visits) Open(ctx context.Context, userID, provider, address, userAgent string) (secret string, err error) {
	var b [32]byte
	var id [10]byte
	rand.Read(b[:])  // never fails
	rand.Read(id[:]) // never fails
	secret, now := base64.RawURLEncoding.EncodeToString(b[:]), v.now()
	session := sdk.PortalSession{ID: strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(id[:])), UserID: userID,
		Provider: provider, Created: now, LastSeen: now, Expires: now.Add(Life), Address: address, UserAgent: line(userAgent, 200)}
	return secret, v.store.AddSession(ctx, session, hashOf(secret), maxSessions)
}

var secretGrammar = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)

// Enter returns who holds a session's secret: fault.Auth for none, an ended one, one that was idle too long, and for a
// person who is shut out.
func (v *Visits) Enter(ctx context.Context, secret string) (sdk.Caller, sdk.PortalSession, error) {
	if !secretGrammar.MatchString(secret) {
		return sdk.Caller{}, sdk.PortalSession{}, errRefused("there is no session")
	}
	session, err := v.store.FindSession(ctx, hashOf(secret))
	if fault.CodeOf(err) == fault.NotFound {
		return sdk.Caller{}, session, errRefused("there is no session")
	}
	if err != nil {
		return sdk.Caller{}, session, err
	}
	now := v.now()
	if !live(session, now) {
		return sdk.Caller{}, session, errRefused("the session is over")
	}
	who, err := v.access.Person(ctx, session.UserID)
	if err != nil {
		return sdk.Caller{}, session, err
	}
	v.seen(session, now)
	who.Provider = session.Provider
	return who, session, nil
}

// Look returns who holds a secret, as Enter does, but does not count as a use of the session.
func (v *Visits) Look(ctx context.Context, secret string) (sdk.Caller, error) {
	if !secretGrammar.MatchString(secret) {
		return sdk.Caller{}, errRefused("there is no session")
	}
	session, err := v.store.FindSession(ctx, hashOf(secret))
	if fault.CodeOf(err) == fault.NotFound || err == nil && !live(session, v.now()) {
		return sdk.Caller{}, errRefused("the session is over")
	}
	if err != nil {
		return sdk.Caller{}, err
	}
	who, err := v.access.Person(ctx, session.UserID)
	who.Provider = session.Provider
	return who, err
}

func live(s sdk.PortalSession, now time.Time) bool {
	return now.Before(s.Expires) && now.Sub(s.LastSeen) < Idle
}

// seen writes when a session was last used, at most once a minute and beside the request.
func (v *Visits) seen(session sdk.PortalSession, now time.Time) {
	if now.Sub(session.LastSeen) < touchEvery {
		return
	}
	select {
	case v.touch <- struct{}{}:
	default:
		return
	}
	v.touches.Go(func() {
		defer func() { <-v.touch }()
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := v.store.TouchSession(ctx, session.ID, now); err != nil {
			v.log.Warn("the last use of a session could not be written", "session", session.ID, "error", err)
		}
	})
}

// Sessions lists the caller's sessions that are not over, newest first.
func (v *Visits) Sessions(ctx context.Context, who sdk.Caller) ([]sdk.PortalSession, error) {
	all, err := v.store.ListSessions(ctx, who.User.ID)
	var list []sdk.PortalSession
	for _, s := range all {
		if live(s, v.now()) {
			list = append(list, s)
		}
	}
	return list, err
}

// End ends one session of the caller; fault.NotFound for another's.
func (v *Visits) End(ctx context.Context, who sdk.Caller, id string) error {
	ended, err := v.store.EndSession(ctx, who.User.ID, id)
	if err == nil && !ended {
		return fault.New(fault.NotFound, "there is no such session")
	}
	return err
}

// EndOthers ends all sessions of the caller but the one called id.
func (v *Visits) EndOthers(ctx context.Context, who sdk.Caller, id string) error {
	return v.store.EndSessions(ctx, who.User.ID, id)
}

// Leave ends the session of a secret. One that is over already is no error.
func (v *Visits) Leave(ctx context.Context, secret string) error {
	session, err := v.store.FindSession(ctx, hashOf(secret))
	if fault.CodeOf(err) == fault.NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = v.store.EndSession(ctx, session.UserID, session.ID)
	return err
}

func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// line is a text of a stranger as one short line.
func line(text string, most int) string {
	text = strings.TrimSpace(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "")))
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most])
	}
	return text
}

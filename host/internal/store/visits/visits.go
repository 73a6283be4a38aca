// Package visits keeps who is signed in: the identities of users, the sessions of their browsers, and what sign-in
// plugins remember. It is part of the room store and shares its database.
package visits

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Visits is the keeper. It is safe for concurrent use.
type Visits struct {
	db     *sql.DB
	rebind func(statement string) string
	wrap   func(err error, doing string) error
}

// New returns the keeper over the store's database; rebind and wrap are the store's.
func New(db *sql.DB, rebind func(string) string, wrap func(error, string) error) Visits {
	return Visits{db: db, rebind: rebind, wrap: wrap}
}

func micros(t time.Time) int64     { return t.UnixMicro() }
func fromMicros(n int64) time.Time { return time.UnixMicro(n).UTC() }

// run runs one statement and returns how many rows it changed.
func (v Visits) run(ctx context.Context, doing, statement string, args ...any) (int64, error) {
	result, err := v.db.ExecContext(ctx, v.rebind(statement), args...)
	if err != nil {
		return 0, v.wrap(err, doing)
	}
	n, err := result.RowsAffected()
	return n, v.wrap(err, doing)
}

// FindIdentity returns whose an issuer's subject is; fault.NotFound when nobody's.
func (v Visits) FindIdentity(ctx context.Context, issuer, subject string) (sdk.LinkedIdentity, error) {
	found := sdk.LinkedIdentity{Issuer: issuer, Subject: subject}
	var linked int64
	err := v.db.QueryRowContext(ctx, v.rebind(`SELECT user_id, email, provider, linked FROM identities WHERE issuer = ? AND subject = ?`), issuer, subject).
		Scan(&found.UserID, &found.Email, &found.Provider, &linked)
	if errors.Is(err, sql.ErrNoRows) {
		return sdk.LinkedIdentity{}, fault.New(fault.NotFound, "nobody has that identity")
	}
	found.Linked = fromMicros(linked)
	return found, v.wrap(err, "find an identity")
}

// AddIdentity links an identity to a user; false when the identity is somebody's, or the user has another subject of the
// same issuer.
func (v Visits) AddIdentity(ctx context.Context, i sdk.LinkedIdentity) (bool, error) {
	n, err := v.run(ctx, "link an identity", `INSERT INTO identities (issuer, subject, user_id, email, provider, linked) VALUES (?,?,?,?,?,?)
		ON CONFLICT DO NOTHING`, i.Issuer, i.Subject, i.UserID, i.Email, i.Provider, micros(i.Linked))
	return n == 1, err
}

// ForgetIdentities unlinks all identities of a user and says how many there were.
func (v Visits) ForgetIdentities(ctx context.Context, userID string) (int64, error) {
	return v.run(ctx, "unlink identities", `DELETE FROM identities WHERE user_id = ?`, userID)
}

const sessionColumns = `id, user_id, provider, created, last_seen, expires, address, user_agent`

func scanSession(scan func(...any) error) (sdk.PortalSession, error) {
	var s sdk.PortalSession
	var created, seen, expires int64
	err := scan(&s.ID, &s.UserID, &s.Provider, &created, &seen, &expires, &s.Address, &s.UserAgent)
	s.Created, s.LastSeen, s.Expires = fromMicros(created), fromMicros(seen), fromMicros(expires)
	return s, err
}

// AddSession keeps a session under the hash of its secret. Those whose time is over are forgotten, and the oldest of the
// same user beyond most.
func (v Visits) AddSession(ctx context.Context, s sdk.PortalSession, hash string, most int) error {
	if _, err := v.run(ctx, "forget old sessions", `DELETE FROM portal_sessions WHERE expires <= ?`, micros(s.Created)); err != nil {
		return err
	}
	if _, err := v.run(ctx, "forget old sessions", `DELETE FROM portal_sessions WHERE user_id = ? AND id NOT IN
		(SELECT id FROM portal_sessions WHERE user_id = ? ORDER BY created DESC, id LIMIT ?)`, s.UserID, s.UserID, most-1); err != nil {
		return err
	}
	_, err := v.run(ctx, "add a session", `INSERT INTO portal_sessions (hash, `+sessionColumns+`) VALUES (?,?,?,?,?,?,?,?,?)`,
		hash, s.ID, s.UserID, s.Provider, micros(s.Created), micros(s.LastSeen), micros(s.Expires), s.Address, s.UserAgent)
	return err
}

// FindSession returns the session of a hash, one whose time is over too; fault.NotFound when there is none.
func (v Visits) FindSession(ctx context.Context, hash string) (sdk.PortalSession, error) {
	s, err := scanSession(v.db.QueryRowContext(ctx, v.rebind(`SELECT `+sessionColumns+` FROM portal_sessions WHERE hash = ?`), hash).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return sdk.PortalSession{}, fault.New(fault.NotFound, "there is no such session")
	}
	return s, v.wrap(err, "find a session")
}

// ListSessions lists the sessions of a user, newest first.
func (v Visits) ListSessions(ctx context.Context, userID string) (list []sdk.PortalSession, err error) {
	rows, err := v.db.QueryContext(ctx, v.rebind(`SELECT `+sessionColumns+` FROM portal_sessions WHERE user_id = ? ORDER BY created DESC, id`), userID)
	if err != nil {
		return nil, v.wrap(err, "list sessions")
	}
	defer rows.Close()
	for rows.Next() {
		s, err := scanSession(rows.Scan)
		if err != nil {
			return nil, v.wrap(err, "read a session")
		}
		list = append(list, s)
	}
	return list, v.wrap(rows.Err(), "list sessions")
}

// TouchSession notes that a session was used. An ended one stays ended.
func (v Visits) TouchSession(ctx context.Context, id string, now time.Time) error {
	_, err := v.run(ctx, "note the use of a session", `UPDATE portal_sessions SET last_seen = ? WHERE id = ? AND last_seen < ?`, micros(now), id, micros(now))
	return err
}

// EndSession ends one session of a user and says whether there was one.
func (v Visits) EndSession(ctx context.Context, userID, id string) (bool, error) {
	n, err := v.run(ctx, "end a session", `DELETE FROM portal_sessions WHERE user_id = ? AND id = ?`, userID, id)
	return n == 1, err
}

// EndSessions ends the sessions of a user but the one called except, which may be "".
func (v Visits) EndSessions(ctx context.Context, userID, except string) error {
	_, err := v.run(ctx, "end sessions", `DELETE FROM portal_sessions WHERE user_id = ? AND id <> ?`, userID, except)
	return err
}

// CountSessions counts the sessions that are not over.
func (v Visits) CountSessions(ctx context.Context, now time.Time) (n int64, err error) {
	err = v.db.QueryRowContext(ctx, v.rebind(`SELECT COUNT(*) FROM portal_sessions WHERE expires > ?`), micros(now)).Scan(&n)
	return n, v.wrap(err, "count sessions")
}

// Put keeps an entry of a provider under the hash of its key, unless it has most already: fault.RateLimited. Entries
// whose time is over are forgotten.
func (v Visits) Put(ctx context.Context, provider, hash, value string, now, expires time.Time, most int) error {
	if _, err := v.run(ctx, "forget old entries", `DELETE FROM auth_entries WHERE expires <= ?`, micros(now)); err != nil {
		return err
	}
	var n int
	err := v.db.QueryRowContext(ctx, v.rebind(`SELECT COUNT(*) FROM (SELECT 1 FROM auth_entries WHERE provider = ? LIMIT ?) few`), provider, most).Scan(&n)
	if err != nil {
		return v.wrap(err, "count entries")
	}
	if n >= most {
		return &fault.Fault{Code: fault.RateLimited, What: "too many sign-ins are under way", Help: "Wait a few minutes.", RetryAfter: time.Minute}
	}
	_, err = v.run(ctx, "keep an entry", `INSERT INTO auth_entries (provider, hash, value, expires) VALUES (?,?,?,?)
		ON CONFLICT (provider, hash) DO UPDATE SET value = excluded.value, expires = excluded.expires`, provider, hash, value, micros(expires))
	return err
}

// Find returns an entry that is good now; false when there is none.
func (v Visits) Find(ctx context.Context, provider, hash string, now time.Time) (string, bool, error) {
	return v.entry(ctx, `SELECT value FROM auth_entries WHERE provider = ? AND hash = ? AND expires > ?`, provider, hash, micros(now))
}

// Take is Find that also removes: true for one caller only, however many try at once (G13).
func (v Visits) Take(ctx context.Context, provider, hash string, now time.Time) (string, bool, error) {
	return v.entry(ctx, `DELETE FROM auth_entries WHERE provider = ? AND hash = ? AND expires > ? RETURNING value`, provider, hash, micros(now))
}

func (v Visits) entry(ctx context.Context, statement string, args ...any) (value string, found bool, err error) {
	err = v.db.QueryRowContext(ctx, v.rebind(statement), args...).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return "", false, nil
	}
	return value, err == nil, v.wrap(err, "read an entry")
}

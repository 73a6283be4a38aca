package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Codes keeps sign-ins under way, by hashes of what program and person hold.
type Codes struct{ s *Store }

// Codes is the keeper of sign-ins under way.
func (s *Store) Codes() Codes { return Codes{s} }

// AddCode keeps a code, unless most of its kind and person wait already: fault.RateLimited. Codes that are over are
// forgotten.
func (c Codes) AddCode(ctx context.Context, code sdk.SignInCode, most int) error {
	if code.Kind == "" || code.Hash == "" {
		return fault.New(fault.Bug, "add a sign-in code: kind or hash is missing")
	}
	full := false
	waiting := func(q interface {
		QueryRowContext(context.Context, string, ...any) *sql.Row
	}) error {
		var n int
		err := q.QueryRowContext(ctx, c.s.rebind(`SELECT COUNT(*) FROM sign_in_codes WHERE kind = ? AND (? = 'device' OR user_id = ?) AND used = 0 AND expires > ?`),
			code.Kind, code.Kind, code.UserID, micros(code.Created)).Scan(&n)
		full = n >= most
		return err
	}
	if err := waiting(c.s.db); err != nil { // a flood is refused without a write
		return c.s.wrap(err, "count sign-ins")
	}
	if full {
		return tooMany(code)
	}
	return c.s.inTx(ctx, "add a sign-in code", func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, c.s.rebind(`DELETE FROM sign_in_codes WHERE expires <= ?`), micros(code.Created)); err != nil {
			return err
		}
		if err := waiting(tx); err != nil {
			return err
		}
		if full {
			return tooMany(code)
		}
		_, err := tx.ExecContext(ctx, c.s.rebind(`INSERT INTO sign_in_codes (hash, kind, user_hash, challenge, user_id, scopes, created, expires, used)
			VALUES (?,?,?,?,?,?,?,?,0)`), code.Hash, code.Kind, code.UserHash, code.Challenge, code.UserID, joinScopes(code.Scopes),
			micros(code.Created), micros(code.Expires))
		return err
	})
}

func tooMany(code sdk.SignInCode) error {
	return &fault.Fault{Code: fault.RateLimited, What: "too many sign-ins are under way", Help: "Finish one, or wait a few minutes.",
		RetryAfter: code.Expires.Sub(code.Created)}
}

// FindCode returns the code of a hash, used and expired ones too; fault.NotFound when there is none.
func (c Codes) FindCode(ctx context.Context, kind, hash string) (sdk.SignInCode, error) {
	code := sdk.SignInCode{Kind: kind, Hash: hash}
	var scopes string
	var created, expires, used int64
	err := c.s.db.QueryRowContext(ctx, c.s.rebind(`SELECT user_hash, challenge, user_id, scopes, created, expires, used
		FROM sign_in_codes WHERE hash = ? AND kind = ?`), hash, kind).Scan(&code.UserHash, &code.Challenge, &code.UserID, &scopes, &created, &expires, &used)
	if errors.Is(err, sql.ErrNoRows) {
		return sdk.SignInCode{}, fault.New(fault.NotFound, "there is no such sign-in")
	}
	code.Scopes = splitScopes(scopes)
	code.Created, code.Expires, code.Used = fromMicros(created), fromMicros(expires), fromMicros(used)
	return code, c.s.wrap(err, "find a sign-in code")
}

// ApproveCode says who agreed to what waits under the hash of a typed code; false when nothing does. The first to agree
// decides.
func (c Codes) ApproveCode(ctx context.Context, userHash, userID string, scopes []sdk.Scope, now time.Time) (bool, error) {
	if userHash == "" || userID == "" {
		return false, fault.New(fault.Bug, "approve a sign-in: hash or user is missing")
	}
	return c.one(ctx, "approve a sign-in", `UPDATE sign_in_codes SET user_id = ?, scopes = ? WHERE user_hash = ? AND user_id = '' AND used = 0 AND expires > ?`,
		userID, joinScopes(scopes), userHash, micros(now))
}

// UseCode uses a code up; true for one caller only, however many try at once (G13).
func (c Codes) UseCode(ctx context.Context, kind, hash string, now time.Time) (bool, error) {
	return c.one(ctx, "use a sign-in code", `UPDATE sign_in_codes SET used = ? WHERE hash = ? AND kind = ? AND used = 0 AND expires > ?`,
		micros(now), hash, kind, micros(now))
}

func (c Codes) one(ctx context.Context, doing, statement string, args ...any) (bool, error) {
	result, err := c.s.db.ExecContext(ctx, c.s.rebind(statement), args...)
	if err != nil {
		return false, c.s.wrap(err, doing)
	}
	n, err := result.RowsAffected()
	return n == 1, c.s.wrap(err, doing)
}

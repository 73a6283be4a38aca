package store

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Tokens keeps what is known of tokens: never their secrets, only a hash to find them by.
type Tokens struct{ s *Store }

// Tokens is the keeper of tokens.
func (s *Store) Tokens() Tokens { return Tokens{s} }

const tokenColumns = `t.id, t.user_id, t.label, t.scopes, t.created, t.expires, t.last_used, t.revoked`

// FindToken returns the token of a hash, revoked and expired ones too, and the version of access of the same moment;
// fault.NotFound when there is none.
func (k Tokens) FindToken(ctx context.Context, hash string) (sdk.Token, int64, error) {
	var version int64
	row := k.s.db.QueryRowContext(ctx, k.s.rebind(`SELECT `+tokenColumns+`, v.version FROM tokens t, access_version v WHERE t.hash = ?`), hash)
	token, err := scanToken(row.Scan, &version)
	if errors.Is(err, sql.ErrNoRows) {
		return sdk.Token{}, 0, fault.New(fault.NotFound, "there is no such token")
	}
	return token, version, k.s.wrap(err, "find a token")
}

func scanToken(scan func(...any) error, more ...any) (sdk.Token, error) {
	var t sdk.Token
	var scopes string
	var created, expires, used, revoked int64
	err := scan(append([]any{&t.ID, &t.UserID, &t.Label, &scopes, &created, &expires, &used, &revoked}, more...)...)
	t.Scopes = splitScopes(scopes)
	t.Created, t.Expires, t.LastUsed, t.Revoked = fromMicros(created), fromMicros(expires), fromMicros(used), fromMicros(revoked)
	return t, err
}

// keepTokens is how long tokens that ended are remembered.
const keepTokens = 90 * 24 * time.Hour

// AddToken keeps a new token under the hash of its secret. Tokens that ended long ago are forgotten.
func (k Tokens) AddToken(ctx context.Context, t sdk.Token, hash string) error {
	return k.s.inTx(ctx, "add a token", func(tx *sql.Tx) error {
		before := micros(t.Created.Add(-keepTokens))
		if _, err := tx.ExecContext(ctx, k.s.rebind(`DELETE FROM tokens WHERE expires < ? OR revoked > 0 AND revoked < ?`), before, before); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, k.s.rebind(`INSERT INTO tokens (id, user_id, label, hash, scopes, created, expires, last_used, revoked)
			VALUES (?,?,?,?,?,?,?,0,0)`), t.ID, t.UserID, text(t.Label), hash, joinScopes(t.Scopes), micros(t.Created), micros(t.Expires))
		return err
	})
}

// ListTokens lists the tokens of a user, or of all for "", newest first.
func (k Tokens) ListTokens(ctx context.Context, userID string) ([]sdk.Token, error) {
	rows, err := k.s.db.QueryContext(ctx, k.s.rebind(`SELECT `+tokenColumns+` FROM tokens t WHERE ? = '' OR t.user_id = ?
		ORDER BY t.created DESC, t.id`), userID, userID)
	if err != nil {
		return nil, k.s.wrap(err, "list tokens")
	}
	defer rows.Close()
	var tokens []sdk.Token
	for rows.Next() {
		token, err := scanToken(rows.Scan)
		if err != nil {
			return nil, k.s.wrap(err, "read a token")
		}
		tokens = append(tokens, token)
	}
	return tokens, k.s.wrap(rows.Err(), "list tokens")
}

// RevokeToken ends a token for good; false when the user, or anybody for "", has no such token that is not revoked.
func (k Tokens) RevokeToken(ctx context.Context, userID, id string, now time.Time) (bool, error) {
	return k.s.People().change(ctx, "revoke a token", `UPDATE tokens SET revoked = ? WHERE id = ? AND revoked = 0 AND (? = '' OR user_id = ?)`,
		micros(now), id, userID, userID)
}

// TouchToken notes when a token was last used.
func (k Tokens) TouchToken(ctx context.Context, id string, now time.Time) error {
	_, err := k.s.db.ExecContext(ctx, k.s.rebind(`UPDATE tokens SET last_used = ? WHERE id = ? AND last_used < ?`), micros(now), id, micros(now))
	return k.s.wrap(err, "note the use of a token")
}

func joinScopes(scopes []sdk.Scope) string {
	words := make([]string, len(scopes))
	for i, s := range scopes {
		words[i] = string(s)
	}
	return strings.Join(words, ",")
}

func splitScopes(words string) []sdk.Scope {
	var scopes []sdk.Scope
	for word := range strings.SplitSeq(words, ",") {
		if word != "" {
			scopes = append(scopes, sdk.Scope(word))
		}
	}
	return scopes
}

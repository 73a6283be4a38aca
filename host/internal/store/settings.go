package store

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// Settings keeps small values that outlive a process, by name.
type Settings struct{ s *Store }

// Settings is the keeper of small values.
func (s *Store) Settings() Settings { return Settings{s} }

// Find returns the value of name, false when there is none.
func (k Settings) Find(ctx context.Context, name string) (string, bool, error) {
	var value string
	err := k.s.db.QueryRowContext(ctx, k.s.rebind(`SELECT value FROM settings WHERE name = ?`), name).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return "", false, nil
	}
	return value, err == nil, k.s.wrap(err, "find the setting "+name)
}

// Set keeps value under name, over what was there.
func (k Settings) Set(ctx context.Context, name, value string, now time.Time) error {
	_, err := k.s.db.ExecContext(ctx, k.s.rebind(`INSERT INTO settings (name, value, changed) VALUES (?,?,?)
		ON CONFLICT (name) DO UPDATE SET value = excluded.value, changed = excluded.changed`), name, value, micros(now))
	return k.s.wrap(err, "keep the setting "+name)
}

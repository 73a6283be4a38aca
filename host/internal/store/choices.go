package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Choices keeps which tables people take to their machines. Who never chose takes all.
type Choices struct{ s *Store }

// Choices is the keeper of choices.
func (s *Store) Choices() Choices { return Choices{s} }

// FindChoice returns the tables that a person takes, sorted as they were kept; false for who takes all.
func (c Choices) FindChoice(ctx context.Context, userID string) ([]string, bool, error) {
	var text string
	err := c.s.db.QueryRowContext(ctx, c.s.rebind(`SELECT tables FROM choices WHERE user_id = ?`), userID).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, c.s.wrap(err, "find what a person takes")
	}
	var tables []string
	if err := json.Unmarshal([]byte(text), &tables); err != nil {
		return nil, false, fmt.Errorf("read what a person takes: %w", err)
	}
	return tables, true, nil
}

// SaveChoice keeps the tables that a person takes.
func (c Choices) SaveChoice(ctx context.Context, userID string, tables []string, now time.Time) error {
	if tables == nil {
		tables = []string{} // none, which is not null
	}
	text, err := json.Marshal(tables)
	if err != nil {
		return fmt.Errorf("write what a person takes: %w", err)
	}
	_, err = c.s.db.ExecContext(ctx, c.s.rebind(`INSERT INTO choices (user_id, tables, changed) VALUES (?,?,?)
		ON CONFLICT (user_id) DO UPDATE SET tables = excluded.tables, changed = excluded.changed`), userID, string(text), micros(now))
	return c.s.wrap(err, "keep what a person takes")
}

// DropChoice lets a person take all again.
func (c Choices) DropChoice(ctx context.Context, userID string) error {
	_, err := c.s.db.ExecContext(ctx, c.s.rebind(`DELETE FROM choices WHERE user_id = ?`), userID)
	return c.s.wrap(err, "forget what a person takes")
}

package catalog

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/ai-data-analyst/broker/sdk"
)

// Held is a publication that waits for a person. Content is the lake's own.
type Held struct {
	Root    sdk.TableName
	RunID   string
	Since   time.Time
	Reason  string
	Content []byte
}

// Hold keeps a publication for a person to decide, in place of an older one of the same table set.
func (c *Catalog) Hold(ctx context.Context, h Held, leases []Lease) error {
	return c.write(ctx, func(u *unit) error {
		if err := c.checkLeases(ctx, u, leases); err != nil {
			return err
		}
		_, err := c.exec(ctx, u, `INSERT INTO lake_held (root, run_id, held_at, reason, content) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (root) DO UPDATE SET run_id = excluded.run_id, held_at = excluded.held_at, reason = excluded.reason, content = excluded.content`,
			string(h.Root), h.RunID, h.Since.UnixMicro(), h.Reason, string(h.Content))
		return err
	})
}

// Held lists what is held, by root.
func (c *Catalog) Held(ctx context.Context) ([]Held, error) {
	var found []Held
	err := c.each(ctx, c.DB, func(rows *sql.Rows) error {
		var h Held
		var root, content string
		var since int64
		err := rows.Scan(&root, &h.RunID, &since, &h.Reason, &content)
		h.Root, h.Since, h.Content = sdk.TableName(root), time.UnixMicro(since).UTC(), []byte(content)
		found = append(found, h)
		return err
	}, `SELECT root, run_id, held_at, reason, content FROM lake_held ORDER BY root`)
	if err != nil {
		return nil, fmt.Errorf("read what is held: %w", err)
	}
	return found, nil
}

// Unhold forgets what is held of a table set.
func (c *Catalog) Unhold(ctx context.Context, root sdk.TableName) error {
	return c.write(ctx, func(u *unit) error {
		_, err := c.exec(ctx, u, `DELETE FROM lake_held WHERE root = ?`, string(root))
		return err
	})
}

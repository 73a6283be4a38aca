package catalog

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/ai-data-analyst/broker/sdk"
)

// Check says what was found when the bytes of a part were last compared with its name.
type Check struct {
	Path  string // below the lake's root
	Table sdk.TableName
	At    time.Time
	What  string // is wrong; "" = nothing
}

// Checks lists what was found, by path; damaged leaves out where nothing is wrong.
func (c *Catalog) Checks(ctx context.Context, damaged bool) ([]Check, error) {
	where := ""
	if damaged {
		where = ` WHERE what <> ''`
	}
	var found []Check
	err := c.each(ctx, c.DB, func(rows *sql.Rows) error {
		var one Check
		var table string
		var at int64
		err := rows.Scan(&one.Path, &table, &at, &one.What)
		one.Table, one.At = sdk.TableName(table), time.UnixMicro(at).UTC()
		found = append(found, one)
		return err
	}, `SELECT path, table_name, checked_at, what FROM lake_checks`+where+` ORDER BY path`)
	if err != nil {
		return nil, fmt.Errorf("read what is known of the parts: %w", err)
	}
	return found, nil
}

// Checked keeps what was found of a part, in place of what was found before.
func (c *Catalog) Checked(ctx context.Context, check Check) error {
	err := c.write(ctx, func(u *unit) error {
		_, err := c.exec(ctx, u, `INSERT INTO lake_checks (path, table_name, checked_at, what) VALUES (?, ?, ?, ?)
			ON CONFLICT (path) DO UPDATE SET checked_at = excluded.checked_at, what = excluded.what`,
			check.Path, string(check.Table), check.At.UnixMicro(), check.What)
		return err
	})
	if err != nil {
		return fmt.Errorf("keep what was found of part %s: %w", check.Path, err)
	}
	return nil
}

// Unchecked forgets what was found of parts.
func (c *Catalog) Unchecked(ctx context.Context, paths ...string) error {
	if len(paths) == 0 {
		return nil
	}
	err := c.write(ctx, func(u *unit) error {
		for _, path := range paths {
			if _, err := c.exec(ctx, u, `DELETE FROM lake_checks WHERE path = ?`, path); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("forget parts that are gone: %w", err)
	}
	return nil
}

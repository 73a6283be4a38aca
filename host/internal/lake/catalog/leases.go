package catalog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sort"
	"time"

	"github.com/google/uuid"

	"github.com/ai-data-analyst/broker/sdk"
)

// Lease is the right of one run to write one table.
type Lease struct {
	Table   sdk.TableName
	RunID   string
	Holder  string
	Epoch   int64 // grows each time the table's lease is taken: an older epoch cannot publish
	Taken   time.Time
	Expires time.Time
}

// LeasedError says that another run has the right to write a table.
type LeasedError struct{ Lease Lease }

// Error names table, run and holder.
func (e *LeasedError) Error() string {
	if e.Lease.RunID == "" {
		return fmt.Sprintf("the lease of %s was given back or taken away", e.Lease.Table)
	}
	return fmt.Sprintf("%s is being written by run %s of %s since %s", e.Lease.Table, e.Lease.RunID, e.Lease.Holder, e.Lease.Taken.Format(time.RFC3339))
}

// Take takes the leases of all tables or none, in the order of their names.
func (c *Catalog) Take(ctx context.Context, tables []sdk.TableName, runID, holder string, ttl time.Duration) ([]Lease, error) {
	names := append([]sdk.TableName(nil), tables...)
	sort.Slice(names, func(i, j int) bool { return names[i] < names[j] })
	var leases []Lease
	err := c.write(ctx, func(u *unit) error {
		now := c.Now().UTC()
		leases = nil
		for _, tbl := range names {
			l := Lease{Table: tbl, RunID: runID, Holder: holder, Taken: now, Expires: now.Add(ttl)}
			err := c.row(ctx, u, `INSERT INTO lake_leases (table_name, run_id, holder, epoch, taken_at, expires_at) VALUES (?, ?, ?, 1, ?, ?)
				ON CONFLICT (table_name) DO UPDATE SET run_id = excluded.run_id, holder = excluded.holder, epoch = lake_leases.epoch + 1,
				taken_at = excluded.taken_at, expires_at = excluded.expires_at
				WHERE lake_leases.run_id = '' OR lake_leases.expires_at <= excluded.taken_at RETURNING epoch`,
				string(tbl), runID, holder, now.UnixMicro(), l.Expires.UnixMicro()).Scan(&l.Epoch)
			if errors.Is(err, sql.ErrNoRows) {
				held, err := c.lease(ctx, u, tbl)
				return errors.Join(&LeasedError{held}, err)
			}
			if err != nil {
				return fmt.Errorf("take the lease of %s: %w", tbl, err)
			}
			leases = append(leases, l)
		}
		return nil
	})
	return leases, err
}

func (c *Catalog) lease(ctx context.Context, q querier, tbl sdk.TableName) (Lease, error) {
	l := Lease{Table: tbl}
	var taken, expires int64
	err := c.row(ctx, q, `SELECT run_id, holder, epoch, taken_at, expires_at FROM lake_leases WHERE table_name = ?`, string(tbl)).
		Scan(&l.RunID, &l.Holder, &l.Epoch, &taken, &expires)
	if errors.Is(err, sql.ErrNoRows) {
		return l, nil
	}
	l.Taken, l.Expires = time.UnixMicro(taken).UTC(), time.UnixMicro(expires).UTC()
	return l, err
}

// checkLeases makes sure that the leases are still the caller's: run and epoch decide, never a clock.
func (c *Catalog) checkLeases(ctx context.Context, q querier, leases []Lease) error {
	for _, l := range leases {
		now, err := c.lease(ctx, q, l.Table)
		if err != nil {
			return fmt.Errorf("check the lease of %s: %w", l.Table, err)
		}
		if now.RunID != l.RunID || now.Epoch != l.Epoch {
			return &LeasedError{now}
		}
	}
	return nil
}

// Renew moves the expiry of leases that are still the caller's.
func (c *Catalog) Renew(ctx context.Context, leases []Lease, ttl time.Duration) error {
	return c.write(ctx, func(u *unit) error {
		if err := c.checkLeases(ctx, u, leases); err != nil {
			return err
		}
		for _, l := range leases {
			_, err := c.exec(ctx, u, `UPDATE lake_leases SET expires_at = ? WHERE table_name = ?`, c.Now().Add(ttl).UnixMicro(), string(l.Table))
			if err != nil {
				return fmt.Errorf("renew the lease of %s: %w", l.Table, err)
			}
		}
		return nil
	})
}

// Release gives leases back; those of somebody else by now stay.
func (c *Catalog) Release(ctx context.Context, leases []Lease) error {
	return c.write(ctx, func(u *unit) error {
		for _, l := range leases {
			_, err := c.exec(ctx, u, `UPDATE lake_leases SET run_id = '', holder = '' WHERE table_name = ? AND run_id = ? AND epoch = ?`, string(l.Table), l.RunID, l.Epoch)
			if err != nil {
				return fmt.Errorf("give back the lease of %s: %w", l.Table, err)
			}
		}
		return nil
	})
}

// ReleaseAll gives back every lease: for a start that knows that nobody else is running.
func (c *Catalog) ReleaseAll(ctx context.Context) error {
	return c.write(ctx, func(u *unit) error {
		_, err := c.exec(ctx, u, `UPDATE lake_leases SET run_id = '', holder = '' WHERE run_id <> ''`)
		return err
	})
}

// Pin keeps generation seq from expiring for ttl, and returns the pin's id.
func (c *Catalog) Pin(ctx context.Context, seq int64, ttl time.Duration) (string, error) {
	id := uuid.NewString()
	err := c.write(ctx, func(u *unit) error {
		_, err := c.exec(ctx, u, `INSERT INTO lake_pins (id, seq, expires_at) VALUES (?, ?, ?)`, id, seq, c.Now().Add(ttl).UnixMicro())
		return err
	})
	return id, err
}

// Unpin ends a pin.
func (c *Catalog) Unpin(ctx context.Context, id string) error {
	return c.write(ctx, func(u *unit) error {
		_, err := c.exec(ctx, u, `DELETE FROM lake_pins WHERE id = ?`, id)
		return err
	})
}

// pins removes pins that are over and returns the generations of the others.
func (c *Catalog) pins(ctx context.Context, u *unit) ([]int64, error) {
	if _, err := c.exec(ctx, u, `DELETE FROM lake_pins WHERE expires_at <= ?`, c.Now().UnixMicro()); err != nil {
		return nil, err
	}
	var seqs []int64
	err := c.each(ctx, u, func(rows *sql.Rows) error {
		var seq int64
		err := rows.Scan(&seq)
		seqs = append(seqs, seq)
		return err
	}, `SELECT DISTINCT seq FROM lake_pins ORDER BY seq`)
	return seqs, err
}

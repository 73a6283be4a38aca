package catalog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/apache/iceberg-go/table"

	"github.com/ai-data-analyst/broker/sdk"
)

// Expiry decides which snapshots of a table go: it gets the table's metadata, its heads, the newest first, and the
// generations that pulls hold.
type Expiry func(meta table.Metadata, heads []Head, pinned []int64) []int64

// Expire removes the snapshots that choose picks, in one transaction with the question which generations are pinned, so
// that no pull can begin in between. It returns how many went; files are the caller's, later.
func (c *Catalog) Expire(ctx context.Context, lease Lease, choose Expiry) (int, error) {
	gone := 0
	heads, err := c.HeadsOfTable(ctx, lease.Table) // the lease keeps them as they are
	if err != nil {
		return 0, err
	}
	err = c.write(ctx, func(u *unit) error {
		if err := c.checkLeases(ctx, u, []Lease{lease}); err != nil {
			return err
		}
		pinned, err := c.pins(ctx, u)
		if err != nil {
			return fmt.Errorf("ask which generations are held: %w", err)
		}
		from, err := c.location(ctx, u, lease.Table.Namespace(), lease.Table.Table())
		if err != nil || from == "" {
			return err
		}
		base, err := c.Metadata(from)
		if err != nil {
			return err
		}
		ids := choose(base, heads, pinned)
		if gone = len(ids); gone == 0 {
			return nil
		}
		meta, err := table.UpdateTableMetadata(base, []table.Update{table.NewRemoveSnapshotsUpdate(ids, false)}, from)
		if err != nil {
			return err
		}
		_, err = c.move(ctx, u, lease.Table.Namespace(), lease.Table.Table(), from, meta)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("expire snapshots of %s: %w", lease.Table, err)
	}
	return gone, nil
}

// Restored is one table as its metadata files tell it.
type Restored struct {
	Table    sdk.TableName
	Metadata string
	Heads    []Head
	Epoch    int64
}

// Restore fills the catalog from what was found on disk, in one transaction. Heads that it knows already stay.
func (c *Catalog) Restore(ctx context.Context, tables []Restored) (seq int64, err error) {
	err = c.write(ctx, func(u *unit) error {
		for _, r := range tables {
			if err := c.restore(ctx, u, r); err != nil {
				return fmt.Errorf("restore %s: %w", r.Table, err)
			}
		}
		return c.row(ctx, u, `UPDATE lake_seq SET value = (SELECT CASE WHEN coalesce(max(heads.seq), 0) > lake_seq.value THEN max(heads.seq) ELSE lake_seq.value END FROM heads)
			WHERE id = 1 RETURNING value`).Scan(&seq)
	})
	return seq, err
}

func (c *Catalog) restore(ctx context.Context, u *unit, r Restored) error {
	_, err := c.exec(ctx, u, `INSERT INTO iceberg_tables (catalog_name, table_namespace, table_name, metadata_location, iceberg_type) VALUES (?, ?, ?, ?, 'TABLE')
		ON CONFLICT (catalog_name, table_namespace, table_name) DO UPDATE SET metadata_location = excluded.metadata_location`,
		name, r.Table.Namespace(), r.Table.Table(), r.Metadata)
	if err != nil {
		return err
	}
	if err := c.ensureNamespace(ctx, u, r.Table.Namespace(), ""); err != nil {
		return err
	}
	for _, h := range r.Heads {
		_, err := c.exec(ctx, u, `INSERT INTO heads (`+headColumns+`) VALUES (`+headValues+`) ON CONFLICT (namespace, name, seq) DO NOTHING`, h.values()...)
		if err != nil {
			return err
		}
	}
	_, err = c.exec(ctx, u, `INSERT INTO lake_leases (table_name, run_id, holder, epoch, taken_at, expires_at) VALUES (?, '', '', ?, 0, 0)
		ON CONFLICT (table_name) DO UPDATE SET epoch = CASE WHEN lake_leases.epoch < excluded.epoch THEN excluded.epoch ELSE lake_leases.epoch END`,
		string(r.Table), r.Epoch)
	return err
}

// Locked calls do with every table and the location of its metadata while nobody else can publish.
func (c *Catalog) Locked(ctx context.Context, do func(tables map[string]string) error) error {
	return c.write(ctx, func(u *unit) error {
		tables, err := c.tables(ctx, u)
		if err != nil {
			return err
		}
		return do(tables)
	})
}

// Identity returns the id of the lake that the database belongs to; "" = none yet.
func (c *Catalog) Identity(ctx context.Context) (string, error) {
	var id string
	err := c.row(ctx, c.DB, `SELECT lake_id FROM lake_identity WHERE id = 1`).Scan(&id)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("ask which lake the database belongs to: %w", err)
	}
	return id, nil
}

// Adopt makes the database belong to a lake.
func (c *Catalog) Adopt(ctx context.Context, lake string) error {
	return c.write(ctx, func(u *unit) error {
		_, err := c.exec(ctx, u, `INSERT INTO lake_identity (id, lake_id) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET lake_id = excluded.lake_id`, lake)
		return err
	})
}
